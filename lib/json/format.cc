#include <cstddef>
#include <string>

#include "lib/json/decimal.h"
#include "lib/json/json.h"
#include "lib/json/string_writer.h"

namespace deps {
namespace json {
namespace {

constexpr size_t kIndent = 2;

// Writes members in their order.
class Writer {
 public:
  Writer(bool is_pretty, Escapes escapes) : is_pretty_(is_pretty), escapes_(escapes) {}

  void Write(const Value& value) {
    switch (value.kind) {
      case Kind::kNull:
        out_.append("null");
        return;
      case Kind::kBoolean:
        out_.append(value.boolean ? "true" : "false");
        return;
      case Kind::kNumber:
        return WriteNumber(value.text);
      case Kind::kString:
        return AppendString(value.text, escapes_, &out_);
      case Kind::kArray:
        return WriteArray(value);
      case Kind::kObject:
        return WriteObject(value);
    }
  }

  std::string& out() { return out_; }

 private:
  // Go reads a number of unknown type as a double, and writes it as ECMAScript
  // does; an integer that was read into an integer stays as it is.
  void WriteNumber(const std::string& spelling) {
    const bool is_integer = spelling.find_first_of(".eE") == std::string::npos;
    out_.append(escapes_ == Escapes::kFewest || is_integer ? spelling : EcmaScriptNumber(spelling));
  }

  void WriteArray(const Value& value) {
    if (value.items.empty()) {
      out_.append("[]");
      return;
    }
    Open('[');
    for (size_t i = 0; i < value.items.size(); ++i) {
      StartItem(i);
      Write(value.items[i]);
    }
    Close(']');
  }

  void WriteObject(const Value& value) {
    if (value.members.empty()) {
      out_.append("{}");
      return;
    }
    Open('{');
    for (size_t i = 0; i < value.members.size(); ++i) {
      StartItem(i);
      AppendString(value.members[i].first, escapes_, &out_);
      out_.append(is_pretty_ ? ": " : ":");
      Write(value.members[i].second);
    }
    Close('}');
  }

  void Open(char bracket) {
    out_.push_back(bracket);
    ++depth_;
  }
  void Close(char bracket) {
    --depth_;
    NewLine();
    out_.push_back(bracket);
  }
  void StartItem(size_t index) {
    if (index > 0) out_.push_back(',');
    NewLine();
  }
  void NewLine() {
    if (!is_pretty_) return;
    out_.push_back('\n');
    out_.append(depth_ * kIndent, ' ');
  }

  const bool is_pretty_;
  const Escapes escapes_;
  size_t depth_ = 0;
  std::string out_;
};

}  // namespace

std::string Format(const Value& value, Style style) {
  Writer writer(style == Style::kPretty, Escapes::kFewest);
  writer.Write(value);
  writer.out().push_back('\n');
  return std::move(writer.out());
}

std::string FormatLikeGo(const Value& value) {
  Writer writer(/*is_pretty=*/false, Escapes::kGo);
  writer.Write(value);
  return std::move(writer.out());
}

}  // namespace json
}  // namespace deps
