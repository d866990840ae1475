#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/semver/semver.h"
#include "re2/re2.h"

namespace deps {
namespace {

// Porter bounds nothing here; no range that people write comes near this.
constexpr size_t kMaxRange = 4096;

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

std::string_view PlainOperator(std::string_view op) {
  if (op.empty()) return "=";
  if (op == "=>") return ">=";
  if (op == "=<") return "<=";
  if (op == "~>") return "~";
  return op;
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

absl::StatusOr<Range> Range::Parse(std::string_view text) {
  Range range;
  if (text.empty()) return range;
  if (text.size() > kMaxRange) return Malformed(absl::StrCat(text.substr(0, 40), "…"), text);
  const Grammar& grammar = TheGrammar();
  const std::string rewritten = RewriteHyphens(text);
  for (const std::string_view part : absl::StrSplit(rewritten, "||")) {
    const re2::StringPiece piece(part.data(), part.size());
    if (!RE2::FullMatch(piece, grammar.group)) return Malformed(text, part);
    std::vector<Comparison>& group = range.groups_.emplace_back();
    re2::StringPiece rest = piece;
    std::string token;
    while (RE2::FindAndConsume(&rest, grammar.token, &token)) {
      std::string op, operand, major, minor, patch, prerelease, metadata;
      if (!RE2::FullMatch(token, grammar.comparison, &op, &operand, &major, &minor, &patch,
                          &prerelease, &metadata)) {
        return Malformed(text, token);
      }
      Comparison comparison = {.op = std::string(PlainOperator(op))};
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
      group.push_back(std::move(comparison));
    }
  }
  return range;
}

bool Range::Contains(const Version& version, bool prereleases) const {
  const bool is_prerelease = !version.prerelease().empty();
  if (groups_.empty()) return prereleases || !is_prerelease;
  return std::any_of(groups_.begin(), groups_.end(), [&](const std::vector<Comparison>& group) {
    // One operand with a prerelease admits them for the whole group.
    const bool admitted = prereleases || !is_prerelease ||
                          std::any_of(group.begin(), group.end(), [](const Comparison& comparison) {
                            return !comparison.operand.prerelease().empty();
                          });
    return admitted && std::all_of(group.begin(), group.end(), [&](const Comparison& comparison) {
             return Matches(comparison, version);
           });
  });
}

bool Range::Matches(const Comparison& comparison, const Version& version) {
  const Version& operand = comparison.operand;
  const bool full = !comparison.any_major && !comparison.any_minor && !comparison.any_patch;
  const std::string& op = comparison.op;
  if (op == "!=") {
    if (comparison.any_minor) return version.major() != operand.major();
    if (comparison.any_patch) {
      return version.major() != operand.major() || version.minor() != operand.minor() ||
             version.prerelease() != operand.prerelease();
    }
    return version != operand;
  }
  if (op == ">") {
    if (comparison.any_minor) return !MajorAtMost(version, operand);
    if (comparison.any_patch) return !MinorAtMost(version, operand);
    return version > operand;
  }
  if (op == ">=") return version >= operand;
  if (op == "<") return version < operand;
  if (op == "<=") {
    if (full) return version <= operand;
    return comparison.any_minor ? MajorAtMost(version, operand) : MinorAtMost(version, operand);
  }
  if (op == "=" && full) return version == operand;
  if (version < operand) return false;
  if (op == "^") {
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
