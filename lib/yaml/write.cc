#include "lib/yaml/write.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace deps::yaml {
namespace {

using json::Kind;
using json::Value;

// What YAML 1.1 reads as something else than text, in lower case.
constexpr std::string_view kOtherThanText[] = {"true", "false", "yes", "no", "on",
                                               "off",  "null",  "y",   "n"};

bool IsPlain(std::string_view text) {
  if (text.empty() || !(absl::ascii_isalpha(static_cast<unsigned char>(text[0])) ||
                        text[0] == '_' || text[0] == '/')) {
    return false;
  }
  const bool safe = std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) ||
           std::string_view("_-./:@+= ").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (!safe || text.back() == ':' || text.back() == ' ') return false;
  if (text.find(": ") != std::string_view::npos) return false;
  const std::string lower = absl::AsciiStrToLower(std::string(text));
  return std::find(std::begin(kOtherThanText), std::end(kOtherThanText), lower) ==
         std::end(kOtherThanText);
}

// Quotes are JSON's; YAML has all of its escapes.
std::string Scalar(const Value& value) {
  if (value.kind == Kind::kString && IsPlain(value.text)) return value.text;
  if (value.kind == Kind::kArray) return "[]";
  if (value.kind == Kind::kObject) return "{}";
  std::string text = json::Format(value, json::Style::kCompact);
  text.pop_back();
  return text;
}

bool IsBlockText(const Value& value) {
  const std::string& text = value.text;
  if (value.kind != Kind::kString || text.find('\n') == std::string::npos) return false;
  if (text.front() == ' ' || text.front() == '\n') return false;
  if (text.size() > 1 && text.substr(text.size() - 2) == "\n\n") return false;
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c == '\n' || (c >= 0x20 && c < 0x7F); });
}

class Writer {
 public:
  std::string Write(const Value& value) {
    if (IsEmpty(value)) return absl::StrCat(Scalar(value), "\n");
    Nested(value, 0, /*inline_first=*/true);
    return std::move(text_);
  }

 private:
  static bool IsEmpty(const Value& value) {
    return !(value.IsArray() && !value.items.empty()) &&
           !(value.IsObject() && !value.members.empty());
  }

  // A list or mapping; its first line may go on behind a "- ".
  void Nested(const Value& value, size_t indent, bool inline_first) {
    bool first = inline_first;
    const auto begin_line = [&] {
      if (!first) text_.append(indent, ' ');
      first = false;
    };
    for (const Value& item : value.items) {
      begin_line();
      text_ += "-";
      Item(item, indent);
    }
    for (const auto& [key, member] : value.members) {
      begin_line();
      absl::StrAppend(&text_, Scalar(Value::String(key)), ":");
      Member(member, indent);
    }
  }

  void Item(const Value& item, size_t indent) {
    if (IsEmpty(item)) return Leaf(item, indent);
    text_ += " ";
    Nested(item, indent + 2, /*inline_first=*/true);
  }

  void Member(const Value& member, size_t indent) {
    if (IsEmpty(member)) return Leaf(member, indent);
    text_ += "\n";
    Nested(member, indent + 2, /*inline_first=*/false);
  }

  void Leaf(const Value& value, size_t indent) {
    if (!IsBlockText(value)) {
      absl::StrAppend(&text_, " ", Scalar(value), "\n");
      return;
    }
    std::string_view text = value.text;
    const bool ends = text.back() == '\n';
    absl::StrAppend(&text_, ends ? " |\n" : " |-\n");
    if (ends) text.remove_suffix(1);
    for (const std::string_view line : absl::StrSplit(text, '\n')) {
      if (!line.empty()) absl::StrAppend(&text_, std::string(indent + 2, ' '), line);
      text_ += "\n";
    }
  }

  std::string text_;
};

}  // namespace

std::string Format(const Value& value) { return Writer().Write(value); }

}  // namespace deps::yaml
