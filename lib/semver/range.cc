#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/semver/semver.h"
#include "re2/re2.h"

namespace deps {
namespace {

// The bounds of Porter's library.
constexpr size_t kMaxRange = 512;
constexpr size_t kMaxGroups = 32;

// Ranges that are kept compiled; a graph of many bundles has few.
constexpr size_t kMaxKept = 4096;

// The expressions of Masterminds/semver, letter by letter where it matters:
// "|" inside the brackets and the empty second operator are theirs.
constexpr char kOperators[] = R"((?:=||!=|>|<|>=|=>|<=|=<|~|~>|\^))";
constexpr char kOperand[] = R"(v?(?:[0-9|x|X|\*]+)(?:\.[0-9|x|X|\*]+)?(?:\.[0-9|x|X|\*]+)?)"
                            R"((?:-(?:[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?)"
                            R"((?:\+(?:[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?)";
constexpr char kOperandParts[] = R"(v?([0-9|x|X|\*]+)(\.[0-9|x|X|\*]+)?(\.[0-9|x|X|\*]+)?)"
                                 R"((-(?:[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?)"
                                 R"((\+(?:[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?)";

struct Grammar {
  RE2 hyphen{absl::StrCat("(\\s*(", kOperand, ")\\s+-\\s+(", kOperand, ")\\s*)")};
  RE2 group{absl::StrCat("\\s*", kOperators, "\\s*", kOperand, "\\s*", "(?:(?:\\s+|,\\s*)",
                         kOperators, "\\s*", kOperand, "\\s*)*")};
  RE2 token{absl::StrCat("(", kOperators, "\\s*", kOperand, ")")};
  RE2 comparison{absl::StrCat("\\s*(", kOperators, ")\\s*(", kOperandParts, ")\\s*")};
};

const Grammar& TheGrammar() {
  static const Grammar* const grammar = new Grammar;
  return *grammar;
}

absl::Status Malformed(std::string_view range, std::string_view part) {
  std::string message = absl::StrCat("malformed version range '", range, "'");
  if (part != range) absl::StrAppend(&message, ": '", part, "' is no comparison");
  return MakeError({.id = DiagnosticId::kRangeInvalid,
                    .message = message,
                    .hint = "for example '^1.2', '>=1.2 <2', '1.2.x', '1.2 - 1.4'"});
}

absl::Status TooLong(std::string_view range, std::string_view reason) {
  return MakeError(
      {.id = DiagnosticId::kRangeInvalid,
       .message = absl::StrCat("malformed version range '", range.substr(0, 40), "…': ", reason)});
}

// "1.2 - 1.4" becomes ">= 1.2, <= 1.4 ".
std::string RewriteHyphens(std::string_view text) {
  const Grammar& grammar = TheGrammar();
  std::string result(text);
  re2::StringPiece rest(text.data(), text.size());
  std::string matched, low, high;
  while (RE2::FindAndConsume(&rest, grammar.hyphen, &matched, &low, &high)) {
    const std::string rewritten = absl::StrCat(">= ", low, ", <= ", high, " ");
    // As in the original, the first occurrence of the matched text is replaced.
    result.replace(result.find(matched), matched.size(), rewritten);
  }
  return result;
}

bool IsWildcard(std::string_view part) {
  if (!part.empty() && part.front() == '.') part.remove_prefix(1);
  return part.empty() || part == "x" || part == "X" || part == "*";
}

// Whether the numbers of `version` stay within those of `operand` up to the
// major or the minor one: what "< M+1" and "< M.m+1" say, prereleases included.
bool MajorAtMost(const Version& version, const Version& operand) {
  return version.major() <= operand.major();
}
bool MinorAtMost(const Version& version, const Version& operand) {
  return std::pair(version.major(), version.minor()) <= std::pair(operand.major(), operand.minor());
}
bool PatchAtMost(const Version& version, const Version& operand) {
  return std::tuple(version.major(), version.minor(), version.patch()) <=
         std::tuple(operand.major(), operand.minor(), operand.patch());
}

}  // namespace

enum class Range::Op { kEqual, kNotEqual, kGreater, kLess, kAtLeast, kAtMost, kTilde, kCaret };

struct Range::Comparison {
  Op op = Op::kEqual;
  Version operand;
  bool any_major = false, any_minor = false, any_patch = false;  // "x" or left out.
};

// What must hold together.
struct Range::Group {
  std::vector<Comparison> comparisons;
  bool prereleases = false;  // An operand names one, which admits them for all.
};

Range::Op Range::OperatorOf(std::string_view text) {
  if (text == "!=") return Op::kNotEqual;
  if (text == ">") return Op::kGreater;
  if (text == "<") return Op::kLess;
  if (text == ">=" || text == "=>") return Op::kAtLeast;
  if (text == "<=" || text == "=<") return Op::kAtMost;
  if (text == "~" || text == "~>") return Op::kTilde;
  if (text == "^") return Op::kCaret;
  return Op::kEqual;
}

absl::StatusOr<Range> Range::Parse(std::string_view text) {
  Range range;
  if (text.empty()) return range;
  static absl::Mutex* const mutex = new absl::Mutex;
  static auto* const kept =
      new absl::flat_hash_map<std::string, std::shared_ptr<const std::vector<Group>>>;
  {
    const absl::MutexLock lock(mutex);
    if (const auto found = kept->find(text); found != kept->end()) {
      range.groups_ = found->second;
      return range;
    }
  }
  DEPS_ASSIGN_OR_RETURN(std::vector<Group> groups, Compile(text));
  range.groups_ = std::make_shared<const std::vector<Group>>(std::move(groups));
  const absl::MutexLock lock(mutex);
  if (kept->size() < kMaxKept) kept->emplace(text, range.groups_);
  return range;
}

absl::StatusOr<std::vector<Range::Group>> Range::Compile(std::string_view text) {
  if (text.size() > kMaxRange) {
    return TooLong(text, absl::StrCat("it is longer than ", kMaxRange, " bytes"));
  }
  const std::string rewritten = RewriteHyphens(text);
  const std::vector<std::string_view> parts = absl::StrSplit(rewritten, "||");
  if (parts.size() > kMaxGroups) {
    return TooLong(text, absl::StrCat("it has more than ", kMaxGroups, " alternatives"));
  }
  std::vector<Group> groups;
  for (const std::string_view part : parts) {
    DEPS_ASSIGN_OR_RETURN(Group group, CompileGroup(text, part));
    groups.push_back(std::move(group));
  }
  return groups;
}

absl::StatusOr<Range::Group> Range::CompileGroup(std::string_view text, std::string_view part) {
  const Grammar& grammar = TheGrammar();
  re2::StringPiece rest(part.data(), part.size());
  if (!RE2::FullMatch(rest, grammar.group)) return Malformed(text, part);
  Group group;
  std::string token;
  while (RE2::FindAndConsume(&rest, grammar.token, &token)) {
    std::string op, operand, major, minor, patch, prerelease, metadata;
    if (!RE2::FullMatch(token, grammar.comparison, &op, &operand, &major, &minor, &patch,
                        &prerelease, &metadata)) {
      return Malformed(text, token);
    }
    Comparison comparison = {.op = OperatorOf(op)};
    if (IsWildcard(major)) {
      comparison.any_major = true;
      operand = absl::StrCat("0.0.0", prerelease);
    } else if (IsWildcard(minor)) {
      comparison.any_minor = true;
      operand = absl::StrCat(major, ".0.0", prerelease);
    } else if (IsWildcard(patch)) {
      comparison.any_patch = true;
      operand = absl::StrCat(major, minor, ".0", prerelease);
    }
    absl::StatusOr<Version> version = Version::Parse(operand);
    if (!version.ok()) return Malformed(text, token);
    comparison.operand = *std::move(version);
    group.prereleases = group.prereleases || !comparison.operand.prerelease().empty();
    group.comparisons.push_back(std::move(comparison));
  }
  return group;
}

bool Range::Contains(const Version& version, bool prereleases) const {
  const bool is_release = version.prerelease().empty();
  if (groups_ == nullptr) return prereleases || is_release;
  return std::any_of(groups_->begin(), groups_->end(), [&](const Group& group) {
    return (is_release || prereleases || group.prereleases) &&
           std::all_of(group.comparisons.begin(), group.comparisons.end(),
                       [&](const Comparison& comparison) { return Matches(comparison, version); });
  });
}

bool Range::Matches(const Comparison& comparison, const Version& version) {
  const Version& operand = comparison.operand;
  const bool full = !comparison.any_major && !comparison.any_minor && !comparison.any_patch;
  const Op op = comparison.op;
  if (op == Op::kNotEqual) {
    if (comparison.any_minor) return version.major() != operand.major();
    if (comparison.any_patch) {
      return version.major() != operand.major() || version.minor() != operand.minor() ||
             version.prerelease() != operand.prerelease();
    }
    return version != operand;
  }
  if (op == Op::kGreater) {
    if (comparison.any_minor) return !MajorAtMost(version, operand);
    if (comparison.any_patch) return !MinorAtMost(version, operand);
    return version > operand;
  }
  if (op == Op::kAtLeast) return version >= operand;
  if (op == Op::kLess) return version < operand;
  if (op == Op::kAtMost) {
    if (full) return version <= operand;
    return comparison.any_minor ? MajorAtMost(version, operand) : MinorAtMost(version, operand);
  }
  if (op == Op::kEqual && full) return version == operand;
  if (version < operand) return false;
  if (op == Op::kCaret) {
    if (comparison.any_major) return PatchAtMost(version, operand);
    if (comparison.any_minor || operand.major() > 0) return MajorAtMost(version, operand);
    if (comparison.any_patch || operand.minor() > 0) return MinorAtMost(version, operand);
    return PatchAtMost(version, operand);
  }
  // "~", and "=" with a wildcard. "~0.0.0" is everything, as in the original.
  const bool zero = operand.major() == 0 && operand.minor() == 0 && operand.patch() == 0;
  if (comparison.any_major || (full && zero)) return true;
  return comparison.any_minor ? MajorAtMost(version, operand) : MinorAtMost(version, operand);
}

}  // namespace deps
