// Versions and ranges exactly as Masterminds/semver v3.5 has them, because
// that is what Porter's users write.
#ifndef DEPS_LIB_SEMVER_SEMVER_H_
#define DEPS_LIB_SEMVER_SEMVER_H_

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace deps {

class Version {
 public:
  // The loose form: optional "v", missing minor and patch are 0; at most 256
  // bytes. Takes about a tenth of a microsecond. Errors: version-invalid.
  static absl::StatusOr<Version> Parse(std::string_view text);

  uint64_t major() const { return major_; }
  uint64_t minor() const { return minor_; }
  uint64_t patch() const { return patch_; }
  const std::string& prerelease() const { return prerelease_; }
  const std::string& metadata() const { return metadata_; }
  int parts() const { return parts_; }  // How many numbers were written, 1 to 3.
  std::string ToString() const;         // MAJOR.MINOR.PATCH[-PRE][+META]

  // Precedence; metadata does not count, so distinct versions can be equal.
  std::weak_ordering operator<=>(const Version& other) const;
  bool operator==(const Version& other) const { return (*this <=> other) == 0; }

 private:
  friend class Range;
  uint64_t major_ = 0, minor_ = 0, patch_ = 0;
  std::string prerelease_;
  std::string metadata_;
  int parts_ = 3;
};

// A constraint: operators, hyphen ranges, "||", comma and space, x-ranges,
// tilde, caret.
class Range {
 public:
  // "" is every release. Equal texts are compiled once, up to a number of them.
  // Errors: range-invalid, with the part that is wrong; also where it has more
  // than 512 bytes or 32 alternatives.
  static absl::StatusOr<Range> Parse(std::string_view text);

  // `prereleases` admits them even where no operand names one.
  bool Contains(const Version& version, bool prereleases = false) const;

 private:
  enum class Op;
  struct Comparison;
  struct Group;
  static Op OperatorOf(std::string_view text);
  static absl::StatusOr<std::vector<Group>> Compile(std::string_view text);
  static absl::StatusOr<Group> CompileGroup(std::string_view text, std::string_view part);
  static bool Matches(const Comparison& comparison, const Version& version);

  std::shared_ptr<const std::vector<Group>> groups_;  // One must hold; nullptr: every release.
};

// A registry tag that is a version: the first '_' stands for '+'; the tag's own
// text is kept. nullopt for tags that are no version ("latest").
struct VersionTag {
  std::string tag;
  Version version;
};
std::optional<VersionTag> ParseVersionTag(std::string_view tag);

// Higher versions first; of equal precedence full three-part ones first, then
// byte order.
bool BetterTag(const VersionTag& a, const VersionTag& b);

}  // namespace deps

#endif  // DEPS_LIB_SEMVER_SEMVER_H_
