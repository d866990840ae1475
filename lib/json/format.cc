#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "lib/json/decimal.h"
#include "lib/json/json.h"
#include "lib/json/object_writer.h"
#include "lib/json/string_writer.h"

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
    if (!is_pretty_) return;
    out_.push_back('\n');
    out_.append(depth_ * kIndent, ' ');
  }

  const bool is_pretty_;
  const Escapes escapes_;
  size_t depth_;
  std::string& out_;
};

}  // namespace

std::string Format(const Value& value, Style style) {
  std::string text;
  Writer(style == Style::kPretty, Escapes::kFewest, 0, &text).Write(value);
  text.push_back('\n');
  return text;
}

std::string FormatLikeGo(const Value& value) {
  std::string text;
  Writer(/*is_pretty=*/false, Escapes::kGo, 0, &text).Write(value);
  return text;
}

void ObjectWriter::NewLine(size_t depth) {
  if (style_ != Style::kPretty) return;
  out_.push_back('\n');
  out_.append(depth * kIndent, ' ');
}

void ObjectWriter::Key(std::string_view key) {
  if (!is_empty_) out_.push_back(',');
  is_empty_ = false;
  NewLine(1);
  AppendString(key, Escapes::kFewest, &out_);
  out_.append(style_ == Style::kPretty ? ": " : ":");
}

void ObjectWriter::Member(std::string_view key, const Value& value) {
  Key(key);
  Writer(style_ == Style::kPretty, Escapes::kFewest, 1, &out_).Write(value);
}

void ObjectWriter::List(std::string_view key, size_t count,
                        const std::function<Value(size_t)>& item) {
  Key(key);
  out_.push_back('[');
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) out_.push_back(',');
    NewLine(2);
    Writer(style_ == Style::kPretty, Escapes::kFewest, 2, &out_).Write(item(i));
  }
  if (count > 0) NewLine(1);
  out_.push_back(']');
}

std::string ObjectWriter::Finish() {
  if (!is_empty_) NewLine(0);
  out_.append("}\n");
  return std::move(out_);
}

}  // namespace json
}  // namespace deps
