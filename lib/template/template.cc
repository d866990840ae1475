#include "lib/template/template.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/text/closest_match.h"

namespace deps {
namespace {

using Kind = TemplatePart::Kind;

constexpr std::array<std::string_view, 6> kInstallationNames = {
    "name", "namespace", "id", "root.id", "root.name", "root.namespace"};
constexpr std::array<std::string_view, 4> kBundleNames = {"name", "version", "reference", "digest"};

absl::Status Invalid(size_t offset, std::string_view what, std::string hint = "") {
  return MakeError({.id = DiagnosticId::kTemplateInvalid,
                    .message = absl::StrCat("malformed template at byte ", offset, ": ", what),
                    .location = {.column = static_cast<int>(offset) + 1},
                    .hint = std::move(hint)});
}

// "did you mean 'bundle.parameters'?" for "bundle.paramters.x".
std::string HintFor(std::string_view reference) {
  const std::vector<std::string> known = {
      "bundle.parameters", "bundle.credentials", "bundle.dependencies",   "bundle.outputs",
      "bundle.name",       "bundle.version",     "bundle.reference",      "bundle.digest",
      "installation.name", "installation.id",    "installation.namespace"};
  const size_t first = reference.find('.');
  const size_t second = first == std::string_view::npos ? first : reference.find('.', first + 1);
  const std::optional<std::string> match = ClosestMatch(reference.substr(0, second), known);
  if (match) return absl::StrCat("did you mean '", *match, "'?");
  return "bundle.parameters.NAME, bundle.credentials.NAME, "
         "bundle.dependencies.ALIAS.outputs.NAME, outputs.NAME, installation.NAME and "
         "bundle.NAME are sources";
}

// A name runs to white space or a brace, so it may hold dots.
bool IsName(std::string_view text) {
  return !text.empty() && std::none_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_isspace(c) || absl::ascii_iscntrl(c) || c == '{' || c == '}' || c == '$';
  });
}

TemplatePart Part(Kind kind, std::string_view name, std::string_view alias = "") {
  return {.kind = kind, .alias = std::string(alias), .name = std::string(name)};
}

absl::StatusOr<TemplatePart> ParseDependency(std::string_view rest, size_t offset) {
  const std::vector<std::string_view> steps = absl::StrSplit(rest, absl::MaxSplits('.', 2));
  if (steps.size() < 3 || !IsName(steps[0]) || !IsName(steps[2])) {
    return Invalid(offset, "expected 'bundle.dependencies.ALIAS.outputs.NAME'");
  }
  if (steps[1] != "outputs") {
    return Invalid(offset,
                   absl::StrCat("only outputs of a dependency can be used, not '", steps[1], "'"));
  }
  return Part(Kind::kDependencyOutput, steps[2], steps[0]);
}

absl::StatusOr<TemplatePart> ParseInstallation(std::string_view rest, size_t offset) {
  const std::string name = absl::AsciiStrToLower(rest);
  if (std::find(kInstallationNames.begin(), kInstallationNames.end(), name) ==
      kInstallationNames.end()) {
    return Invalid(offset, absl::StrCat("'installation.", rest, "' is not known"),
                   "there are installation.name, .namespace, .id, and the same of "
                   "installation.root");
  }
  return Part(Kind::kInstallation, name);
}

// `reference` is what stands between the braces, without white space around it.
absl::StatusOr<TemplatePart> ParseReference(std::string_view reference, size_t offset) {
  if (reference.empty()) return Invalid(offset, "'${}' names nothing");
  if (!IsName(reference)) {
    return Invalid(offset, absl::StrCat("'", reference, "' is not a name"));
  }
  std::string_view rest = reference;
  if (absl::ConsumePrefix(&rest, "bundle.dependencies.")) return ParseDependency(rest, offset);
  if (absl::ConsumePrefix(&rest, "installation.")) return ParseInstallation(rest, offset);
  constexpr std::pair<std::string_view, Kind> kPrefixes[] = {
      {"bundle.parameters.", Kind::kParameter},
      {"bundle.credentials.", Kind::kCredential},
      {"bundle.outputs.", Kind::kBundleOutput},
      {"outputs.", Kind::kOwnOutput}};
  for (const auto& [prefix, kind] : kPrefixes) {
    if (absl::ConsumePrefix(&rest, prefix) && !rest.empty()) return Part(kind, rest);
  }
  if (absl::ConsumePrefix(&rest, "bundle.") &&
      std::find(kBundleNames.begin(), kBundleNames.end(), rest) != kBundleNames.end()) {
    return Part(Kind::kBundle, rest);
  }
  return Invalid(offset, absl::StrCat("'", reference, "' is not a source that wiring can use"),
                 HintFor(reference));
}

// Whether the whole text, without delimiters, is meant as a reference.
bool IsBareReference(std::string_view text) {
  for (const std::string_view prefix :
       {"bundle.parameters.", "bundle.credentials.", "bundle.outputs.", "bundle.dependencies."}) {
    if (absl::StartsWith(text, prefix)) return IsName(absl::StripSuffix(text, "}"));
  }
  return false;
}

absl::StatusOr<TemplatePart> ParseAt(std::string_view reference, size_t offset) {
  DEPS_ASSIGN_OR_RETURN(TemplatePart part, ParseReference(reference, offset));
  part.text = std::string(reference);
  part.offset = offset;
  return part;
}

}  // namespace

absl::StatusOr<std::vector<TemplatePart>> ParseTemplate(std::string_view text) {
  const std::string_view bare = absl::StripAsciiWhitespace(text);
  if (IsBareReference(bare)) {
    const size_t offset = bare.data() - text.data();
    if (bare.back() == '}') return Invalid(offset, "'}' without '${'");
    DEPS_ASSIGN_OR_RETURN(TemplatePart part, ParseAt(bare, offset));
    return std::vector<TemplatePart>{std::move(part)};
  }
  std::vector<TemplatePart> parts;
  size_t position = 0;
  while (position < text.size()) {
    const size_t open = std::min(text.find("${", position), text.size());
    if (open > position) {
      parts.push_back(
          {.text = std::string(text.substr(position, open - position)), .offset = position});
    }
    if (open == text.size()) break;
    const size_t close = text.find('}', open);
    if (close == std::string_view::npos) return Invalid(open, "'${' without '}'");
    const std::string_view inside =
        absl::StripAsciiWhitespace(text.substr(open + 2, close - open - 2));
    DEPS_ASSIGN_OR_RETURN(TemplatePart part, ParseAt(inside, open));
    parts.push_back(std::move(part));
    position = close + 1;
  }
  return parts;
}

std::vector<TemplatePart> FindDependencyOutputs(std::string_view text) {
  std::vector<TemplatePart> found;
  for (size_t open = text.find("${"); open != std::string_view::npos;
       open = text.find("${", open)) {
    const size_t close = text.find('}', open);
    if (close == std::string_view::npos) break;
    const std::string_view inside =
        absl::StripAsciiWhitespace(text.substr(open + 2, close - open - 2));
    const absl::StatusOr<TemplatePart> part = ParseAt(inside, open);
    if (part.ok() && part->kind == Kind::kDependencyOutput) found.push_back(*part);
    open += 2;
  }
  return found;
}

bool IsLiteral(const std::vector<TemplatePart>& parts) {
  return std::all_of(parts.begin(), parts.end(),
                     [](const TemplatePart& part) { return part.kind == Kind::kText; });
}

}  // namespace deps
