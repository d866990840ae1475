#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/semver/semver.h"

namespace deps {
namespace {

absl::Status Malformed(std::string_view text, std::string_view reason) {
  return MakeError({.id = DiagnosticId::kVersionInvalid,
                    .message = absl::StrCat("malformed version '", text, "': ", reason)});
}

bool IsDigits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isdigit(c); });
}

// Identifiers of letters, digits and "-", separated by single dots.
bool AreIdentifiers(std::string_view text) {
  for (const std::string_view identifier : absl::StrSplit(text, '.')) {
    if (identifier.empty() || !std::all_of(identifier.begin(), identifier.end(), [](char c) {
          return absl::ascii_isalnum(c) || c == '-';
        })) {
      return false;
    }
  }
  return true;
}

absl::Status CheckPrerelease(std::string_view text, std::string_view prerelease) {
  if (!AreIdentifiers(prerelease)) return Malformed(text, "its prerelease is malformed");
  for (const std::string_view identifier : absl::StrSplit(prerelease, '.')) {
    if (identifier.size() > 1 && identifier.front() == '0' && IsDigits(identifier)) {
      return Malformed(text, "a number in its prerelease has a leading zero");
    }
  }
  return absl::OkStatus();
}

std::optional<uint64_t> AsNumber(std::string_view text) {
  uint64_t number = 0;
  if (!IsDigits(text) || !absl::SimpleAtoi(text, &number)) return std::nullopt;
  return number;
}

std::weak_ordering CompareIdentifiers(std::string_view a, std::string_view b) {
  const std::optional<uint64_t> x = AsNumber(a);
  const std::optional<uint64_t> y = AsNumber(b);
  if (x.has_value() && y.has_value()) return *x <=> *y;
  if (x.has_value()) return std::weak_ordering::less;
  if (y.has_value()) return std::weak_ordering::greater;
  return a <=> b;
}

std::weak_ordering ComparePrereleases(std::string_view a, std::string_view b) {
  if (a == b) return std::weak_ordering::equivalent;
  if (a.empty()) return std::weak_ordering::greater;
  if (b.empty()) return std::weak_ordering::less;
  const std::vector<std::string_view> x = absl::StrSplit(a, '.');
  const std::vector<std::string_view> y = absl::StrSplit(b, '.');
  for (size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
    const std::weak_ordering order = CompareIdentifiers(x[i], y[i]);
    if (order != 0) return order;
  }
  return x.size() <=> y.size();
}

}  // namespace

absl::StatusOr<Version> Version::Parse(std::string_view text) {
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
  const std::vector<std::string_view> numbers = absl::StrSplit(rest, '.');
  if (numbers.size() > 3) return Malformed(text, "it has more than three numbers");
  uint64_t* const targets[] = {&version.major_, &version.minor_, &version.patch_};
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (!IsDigits(numbers[i])) {
      return Malformed(text, absl::StrCat("'", numbers[i], "' is no number"));
    }
    if (!absl::SimpleAtoi(numbers[i], targets[i])) {
      return Malformed(text, absl::StrCat("'", numbers[i], "' is too large"));
    }
  }
  version.parts_ = static_cast<int>(numbers.size());
  return version;
}

std::string Version::ToString() const {
  return absl::StrCat(major_, ".", minor_, ".", patch_, prerelease_.empty() ? "" : "-", prerelease_,
                      metadata_.empty() ? "" : "+", metadata_);
}

std::weak_ordering Version::operator<=>(const Version& other) const {
  const auto numbers =
      std::tie(major_, minor_, patch_) <=> std::tie(other.major_, other.minor_, other.patch_);
  if (numbers != 0) return numbers;
  return ComparePrereleases(prerelease_, other.prerelease_);
}

std::optional<VersionTag> ParseVersionTag(std::string_view tag) {
  std::string text(tag);
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
