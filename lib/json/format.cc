#include <cstddef>
#include <string>
#include <string_view>

#include "lib/json/decimal.h"
#include "lib/json/json.h"
#include "lib/json/string_writer.h"
#include "lib/json/value_writer.h"

namespace deps {
namespace json {
namespace {

constexpr size_t kIndent = 2;

// Writes members in their order. `depth` is that of what it all stands in.
class Writer {
 public:
  Writer(bool is_pretty, Escapes escapes, size_t depth, std::string* out)
      : is_pretty_(is_pretty), escapes_(escapes), depth_(depth), out_(*out) {}

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
    if (is_pretty_) AppendNewLine(depth_, &out_);
  }

  const bool is_pretty_;
  const Escapes escapes_;
  size_t depth_;
  std::string& out_;
};

}  // namespace

void AppendNewLine(size_t depth, std::string* out) {
  out->push_back('\n');
  out->append(depth * kIndent, ' ');
}

void AppendValue(const Value& value, Style style, size_t depth, std::string* out) {
  Writer(style == Style::kPretty, Escapes::kFewest, depth, out).Write(value);
}

std::string Format(const Value& value, Style style) {
  std::string text;
  AppendValue(value, style, 0, &text);
  text.push_back('\n');
  return text;
}

std::string FormatLikeGo(const Value& value) {
  std::string text;
  Writer(/*is_pretty=*/false, Escapes::kGo, 0, &text).Write(value);
  return text;
}

}  // namespace json
}  // namespace deps
