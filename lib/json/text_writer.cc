#include "lib/json/text_writer.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/json/member_order.h"
#include "lib/json/string_writer.h"
#include "lib/json/value_writer.h"

namespace deps {
namespace json {

void TextWriter::NewLine() {
  if (form_ == Form::kPretty) AppendNewLine(depth_, &out_);
}

void TextWriter::BeforeValue() {
  if (has_key_) {
    has_key_ = false;
    return;
  }
  if (depth_ == 0) return;
  if (!is_first_) out_.push_back(',');
  is_first_ = false;
  NewLine();
}

void TextWriter::Begin(char bracket) {
  BeforeValue();
  out_.push_back(bracket);
  ++depth_;
  is_first_ = true;
  if (form_ == Form::kCanonical && bracket == '{') objects_.push_back({.first = members_.size()});
}

void TextWriter::End(char bracket) {
  --depth_;
  if (!is_first_) NewLine();
  is_first_ = false;
  out_.push_back(bracket);
}

void TextWriter::Key(std::string_view key) {
  if (!is_first_) out_.push_back(',');
  is_first_ = false;
  NewLine();
  if (form_ == Form::kCanonical) {
    OpenObject& object = objects_.back();
    if (members_.size() > object.first && !LessInUtf16(members_.back().key, key)) {
      object.is_sorted = false;
    }
    members_.push_back({.key = key, .begin = out_.size()});
  }
  AppendString(key, Escapes::kFewest, &out_);
  out_.append(form_ == Form::kPretty ? ": " : ":");
  has_key_ = true;
}

void TextWriter::EndObject() {
  if (form_ == Form::kCanonical) {
    const OpenObject object = objects_.back();
    objects_.pop_back();
    if (!object.is_sorted) SortMembers(object.first);
    members_.resize(object.first);
  }
  End('}');
}

// Members are parts of the text, each with one character between it and the next.
void TextWriter::SortMembers(size_t first) {
  const auto begin = members_.begin() + static_cast<std::ptrdiff_t>(first);
  for (auto member = begin; member != members_.end(); ++member) {
    const auto next = member + 1;
    member->size = (next == members_.end() ? out_.size() : next->begin - 1) - member->begin;
  }
  const size_t start = begin->begin;
  std::sort(begin, members_.end(),
            [](const OpenMember& a, const OpenMember& b) { return LessInUtf16(a.key, b.key); });
  sorted_.clear();
  for (auto member = begin; member != members_.end(); ++member) {
    if (member != begin) sorted_.push_back(',');
    sorted_.append(out_, member->begin, member->size);
  }
  out_.replace(start, std::string::npos, sorted_);
}

void TextWriter::String(std::string_view text) {
  BeforeValue();
  AppendString(text, Escapes::kFewest, &out_);
}

void TextWriter::Strings(const std::vector<std::string>& items) {
  BeginArray();
  for (const std::string& item : items) String(item);
  EndArray();
}

void TextWriter::Integer(int64_t number) {
  BeforeValue();
  absl::StrAppend(&out_, number);
}

void TextWriter::Boolean(bool boolean) {
  BeforeValue();
  out_.append(boolean ? "true" : "false");
}

void TextWriter::Json(const JsonText& json) {
  const bool has_lines = json.text.size() > 2 && (json.text[0] == '{' || json.text[0] == '[');
  if (json.text.empty() || (form_ == Form::kPretty && has_lines)) return Write(Value::Of(json));
  BeforeValue();
  out_.append(json.text);
}

void TextWriter::Write(const Value& value) {
  BeforeValue();
  if (form_ == Form::kCanonical) {
    out_.append(Canonical(value));
  } else {
    AppendValue(value, form_ == Form::kPretty ? Style::kPretty : Style::kCompact, depth_, &out_);
  }
}

void TextWriter::Clear() { out_.clear(); }

std::string TextWriter::Finish() {
  if (form_ != Form::kCanonical) out_.push_back('\n');
  return std::move(out_);
}

}  // namespace json
}  // namespace deps
