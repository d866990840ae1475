#include "lib/relocate/requirements.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"

namespace deps {
namespace {

constexpr std::string_view kV1 = "io.cnab.dependencies";
constexpr std::string_view kV2 = "org.getporter.dependencies@v2";

// A value and where it stands.
struct Place {
  const json::Value* value = nullptr;
  std::string pointer;
};

// Member `key` of `place`; without a value where it is absent or null.
absl::StatusOr<Place> MemberOf(const Source& source, const Place& place, std::string_view key,
                               json::Kind kind) {
  Place member = {.pointer = place.pointer + json::PointerStep(key)};
  member.value = place.value->Find(key);
  if (member.value == nullptr || member.value->kind == json::Kind::kNull) {
    member.value = nullptr;
    return member;
  }
  if (member.value->kind != kind) {
    return MakeError({.id = DiagnosticId::kDocumentType,
                      .message = absl::StrCat("expected a value of type ", json::KindName(kind),
                                              ", found ", json::KindName(member.value->kind)),
                      .location = source.At(member.value->offset, member.pointer)});
  }
  return member;
}

absl::StatusOr<std::string> StringOf(const Source& source, const Place& place,
                                     std::string_view key) {
  DEPS_ASSIGN_OR_RETURN(const Place member, MemberOf(source, place, key, json::Kind::kString));
  return member.value == nullptr ? std::string() : member.value->text;
}

// v1: {"ranges": ["…"], "prereleases": true}
absl::Status ReadVersionV1(const Source& source, const Place& place,
                           WrittenRequirement* requirement) {
  DEPS_ASSIGN_OR_RETURN(const Place version,
                        MemberOf(source, place, "version", json::Kind::kObject));
  if (version.value == nullptr) return absl::OkStatus();
  DEPS_ASSIGN_OR_RETURN(const Place ranges,
                        MemberOf(source, version, "ranges", json::Kind::kArray));
  DEPS_ASSIGN_OR_RETURN(const Place prereleases,
                        MemberOf(source, version, "prereleases", json::Kind::kBoolean));
  requirement->prereleases = prereleases.value != nullptr && prereleases.value->boolean;
  if (ranges.value == nullptr) return absl::OkStatus();
  requirement->version =
      absl::StrJoin(ranges.value->items, " || ",
                    [](std::string* out, const json::Value& range) { out->append(range.text); });
  return absl::OkStatus();
}

absl::StatusOr<WrittenRequirement> ReadRequirement(const Source& source, const Place& requires_,
                                                   std::string_view alias, bool v2) {
  DEPS_ASSIGN_OR_RETURN(const Place place, MemberOf(source, requires_, alias, json::Kind::kObject));
  WrittenRequirement requirement = {.alias = std::string(alias)};
  if (place.value == nullptr) return requirement;
  DEPS_ASSIGN_OR_RETURN(requirement.reference, StringOf(source, place, "bundle"));
  if (v2) {
    DEPS_ASSIGN_OR_RETURN(requirement.version, StringOf(source, place, "version"));
  } else {
    DEPS_RETURN_IF_ERROR(ReadVersionV1(source, place, &requirement));
  }
  return requirement;
}

}  // namespace

absl::StatusOr<std::vector<WrittenRequirement>> WrittenRequirementsOf(const Source& source,
                                                                      const json::Value& bundle) {
  std::vector<WrittenRequirement> requirements;
  DEPS_ASSIGN_OR_RETURN(const Place custom,
                        MemberOf(source, {.value = &bundle}, "custom", json::Kind::kObject));
  if (custom.value == nullptr) return requirements;
  const bool v2 = custom.value->Find(kV2) != nullptr;
  DEPS_ASSIGN_OR_RETURN(const Place extension,
                        MemberOf(source, custom, v2 ? kV2 : kV1, json::Kind::kObject));
  if (extension.value == nullptr) return requirements;
  DEPS_ASSIGN_OR_RETURN(const Place all,
                        MemberOf(source, extension, "requires", json::Kind::kObject));
  if (all.value == nullptr) return requirements;
  for (const auto& [alias, value] : all.value->members) {
    DEPS_ASSIGN_OR_RETURN(WrittenRequirement requirement, ReadRequirement(source, all, alias, v2));
    requirements.push_back(std::move(requirement));
  }
  std::sort(
      requirements.begin(), requirements.end(),
      [](const WrittenRequirement& a, const WrittenRequirement& b) { return a.alias < b.alias; });
  return requirements;
}

bool RewriteRequirements(const std::map<std::string, std::string>& references,
                         json::Value* bundle) {
  json::Value* const custom = bundle->Find("custom");
  if (custom == nullptr) return false;
  bool changed = false;
  for (const std::string_view key : {kV1, kV2}) {
    json::Value* const extension = custom->Find(key);
    json::Value* const all = extension == nullptr ? nullptr : extension->Find("requires");
    if (all == nullptr) continue;
    for (const auto& [alias, reference] : references) {
      json::Value* const requirement = all->Find(alias);
      if (requirement == nullptr || !requirement->IsObject()) continue;
      const json::Value* const present = requirement->Find("bundle");
      if (present != nullptr && present->IsString() && present->text == reference) continue;
      requirement->Set("bundle", json::Value::String(reference));
      changed = true;
    }
  }
  return changed;
}

}  // namespace deps
