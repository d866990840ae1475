#include "lib/secrets/redactor.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace deps {
namespace {

constexpr size_t kShortest = 4;

}  // namespace

void Redactor::Add(std::string_view value) {
  std::vector<std::string_view> patterns = {value, absl::StripAsciiWhitespace(value)};
  for (const std::string_view line : absl::StrSplit(value, absl::ByAnyChar("\r\n"))) {
    patterns.push_back(absl::StripAsciiWhitespace(line));
  }
  for (const std::string_view pattern : patterns) {
    const bool known = std::any_of(values_.begin(), values_.end(), [&](const SecretBuffer& other) {
      return other.view() == pattern;
    });
    if (pattern.size() >= kShortest && !known) values_.emplace_back(pattern);
  }
  std::stable_sort(values_.begin(), values_.end(),
                   [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

std::string Redactor::Write(std::string_view text) {
  pending_.Append(text);
  return Drain(false);
}

std::string Redactor::Finish() { return Drain(true); }

std::string Redactor::Drain(bool all) {
  std::string out;
  const std::string_view text = pending_.view();
  size_t at = 0;
  while (at < text.size()) {
    const std::string_view rest = text.substr(at);
    size_t matched = 0;
    bool may_match = false;
    for (const SecretBuffer& value : values_) {
      if (absl::StartsWith(rest, value.view())) {
        matched = value.size();
        break;
      }
      // A longer value may still turn out to be there.
      if (!all && absl::StartsWith(value.view(), rest)) {
        may_match = true;
        break;
      }
    }
    if (may_match) break;
    if (matched > 0) {
      out += kRedacted;
      at += matched;
    } else {
      out += rest.front();
      ++at;
    }
  }
  pending_ = SecretBuffer(text.substr(at));
  return out;
}

}  // namespace deps
