#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/semver/semver.h"

namespace deps {
namespace {

absl::Status Malformed(std::string_view text, std::string_view reason) {
  return MakeError({.id = DiagnosticId::kVersionInvalid,
                    .message = absl::StrCat("malformed version '", text, "': ", reason)});
}

// Porter's library takes no longer ones.
constexpr size_t kMaxVersion = 256;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsIdentifierCharacter(char c) { return absl::ascii_isalnum(c) || c == '-'; }

// Takes the identifier that `rest` begins with, up to a dot or the end.
std::string_view TakeIdentifier(std::string_view* rest) {
  size_t end = 0;
  while (end < rest->size() && (*rest)[end] != '.') ++end;
  const std::string_view identifier = rest->substr(0, end);
  rest->remove_prefix(std::min(end + 1, rest->size()));
  return identifier;
}

bool IsNumeric(std::string_view identifier) {
  return std::all_of(identifier.begin(), identifier.end(), IsDigit);
}

// Identifiers of letters, digits and "-", separated by single dots.
bool AreIdentifiers(std::string_view text) {
  bool is_open = true;  // A dot, or the beginning, was the last.
  for (const char c : text) {
    if (c == '.' ? is_open : !IsIdentifierCharacter(c)) return false;
    is_open = c == '.';
  }
  return !is_open;
}

absl::Status CheckPrerelease(std::string_view text, std::string_view prerelease) {
  if (!AreIdentifiers(prerelease)) return Malformed(text, "its prerelease is malformed");
  while (!prerelease.empty()) {
    const std::string_view identifier = TakeIdentifier(&prerelease);
    if (identifier.size() > 1 && identifier.front() == '0' && IsNumeric(identifier)) {
      return Malformed(text, "a number in its prerelease has a leading zero");
    }
  }
  return absl::OkStatus();
}

// The number that all of `digits` are; false where there is none or it has more
// than 64 bits.
bool ReadNumber(std::string_view digits, uint64_t* number) {
  uint64_t value = 0;
  for (const char c : digits) {
    if (!IsDigit(c)) return false;
    const auto digit = static_cast<uint64_t>(c - '0');
    if (value > (UINT64_MAX - digit) / 10) return false;
    value = value * 10 + digit;
  }
  *number = value;
  return !digits.empty();
}

std::weak_ordering CompareIdentifiers(std::string_view a, std::string_view b) {
  uint64_t x = 0;
  uint64_t y = 0;
  const bool a_counts = ReadNumber(a, &x);
  const bool b_counts = ReadNumber(b, &y);
  if (a_counts && b_counts) return x <=> y;
  if (a_counts) return std::weak_ordering::less;
  if (b_counts) return std::weak_ordering::greater;
  return a <=> b;
}

std::weak_ordering ComparePrereleases(std::string_view a, std::string_view b) {
  if (a == b) return std::weak_ordering::equivalent;
  if (a.empty()) return std::weak_ordering::greater;
  if (b.empty()) return std::weak_ordering::less;
  while (!a.empty() && !b.empty()) {
    const std::weak_ordering order = CompareIdentifiers(TakeIdentifier(&a), TakeIdentifier(&b));
    if (order != 0) return order;
  }
  return b.empty() <=> a.empty();  // What has more identifiers comes after.
}

}  // namespace

// By hand: tags are read by the million, and the expression is a simple one.
absl::StatusOr<Version> Version::Parse(std::string_view text) {
  if (text.size() > kMaxVersion) {
    return Malformed(absl::StrCat(text.substr(0, 40), "…"), "it is too long");
  }
  std::string_view rest = text;
  if (!rest.empty() && rest.front() == 'v') rest.remove_prefix(1);
  Version version;
  if (const size_t plus = rest.find('+'); plus != std::string_view::npos) {
    version.metadata_ = rest.substr(plus + 1);
    if (!AreIdentifiers(version.metadata_)) return Malformed(text, "its metadata is malformed");
    rest = rest.substr(0, plus);
  }
  if (const size_t dash = rest.find('-'); dash != std::string_view::npos) {
    version.prerelease_ = rest.substr(dash + 1);
    DEPS_RETURN_IF_ERROR(CheckPrerelease(text, version.prerelease_));
    rest = rest.substr(0, dash);
  }
  uint64_t* const targets[] = {&version.major_, &version.minor_, &version.patch_};
  for (int parts = 1;; ++parts) {
    if (parts > 3) return Malformed(text, "it has more than three numbers");
    const size_t dot = rest.find('.');
    const std::string_view number = rest.substr(0, dot);
    if (!ReadNumber(number, targets[parts - 1])) {
      const bool too_large = !number.empty() && IsNumeric(number);
      return Malformed(text,
                       absl::StrCat("'", number, too_large ? "' is too large" : "' is no number"));
    }
    version.parts_ = parts;
    if (dot == std::string_view::npos) return version;
    rest.remove_prefix(dot + 1);
  }
}

std::string Version::ToString() const {
  return absl::StrCat(major_, ".", minor_, ".", patch_, prerelease_.empty() ? "" : "-", prerelease_,
                      metadata_.empty() ? "" : "+", metadata_);
}

std::weak_ordering Version::operator<=>(const Version& other) const {
  if (major_ != other.major_) return major_ <=> other.major_;
  if (minor_ != other.minor_) return minor_ <=> other.minor_;
  if (patch_ != other.patch_) return patch_ <=> other.patch_;
  return ComparePrereleases(prerelease_, other.prerelease_);
}

std::optional<VersionTag> ParseVersionTag(std::string_view tag) {
  std::string text(tag);
  // Most tags of most repositories are none; an error would cost more than all the rest.
  if (text.empty() || !(IsDigit(text[0]) || text[0] == 'v')) return std::nullopt;
  if (const size_t underscore = text.find('_'); underscore != std::string::npos) {
    text[underscore] = '+';
  }
  absl::StatusOr<Version> version = Version::Parse(text);
  if (!version.ok()) return std::nullopt;
  return VersionTag{.tag = std::string(tag), .version = *std::move(version)};
}

bool BetterTag(const VersionTag& a, const VersionTag& b) {
  const std::weak_ordering order = a.version <=> b.version;
  if (order != 0) return order > 0;
  const bool a_full = a.version.parts() == 3;
  const bool b_full = b.version.parts() == 3;
  if (a_full != b_full) return a_full;
  return a.tag < b.tag;
}

}  // namespace deps
