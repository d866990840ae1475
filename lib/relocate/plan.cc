#include "lib/relocate/plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/digest/sha256.h"
#include "lib/json/json.h"
#include "lib/oci/bundle_format.h"
#include "lib/oci/manifest.h"
#include "lib/relocate/requirements.h"

namespace deps {
namespace {

absl::Status Invalid(std::string message, std::string hint = "") {
  return MakeError({.id = DiagnosticId::kReferenceInvalid,
                    .message = std::move(message),
                    .hint = std::move(hint)});
}

// HOST[:PORT][/NAMESPACE], never read as a repository of Docker Hub.
absl::Status CheckRegistry(std::string_view registry) {
  const std::string_view host = registry.substr(0, registry.find('/'));
  const absl::StatusOr<Reference> probe = Reference::Parse(absl::StrCat(registry, "/a"));
  if (probe.ok() && (probe->host() == host || host == "index.docker.io") && probe->tag().empty()) {
    return absl::OkStatus();
  }
  const bool is_namespace = Reference::Parse(absl::StrCat("docker.io/", registry, "/a")).ok();
  return Invalid(
      absl::StrCat("'", registry, "' is not HOST[:PORT][/NAMESPACE]"),
      absl::StrContains(registry, "://") ? "leave out what is before the host"
      : is_namespace
          ? absl::StrCat("for Docker Hub write docker.io/", registry)
          : "a namespace has lower-case letters, digits, and '.', '_' and '-' between them");
}

// What is about a bundle says nothing of it once it has another digest, and what
// is about that has nothing to be about.
std::vector<Attachment> AttachmentsToSend(const FamilyMember& member, const std::string& digest) {
  std::set<std::string> stay;
  if (digest != member.source_digest) stay.insert(member.source_digest);
  for (size_t before = 0; before != stay.size();) {
    before = stay.size();
    for (const Attachment& attachment : member.attachments) {
      if (stay.count(attachment.subject) > 0) stay.insert(attachment.manifest.digest);
    }
  }
  std::vector<Attachment> go;
  for (const Attachment& attachment : member.attachments) {
    if (stay.count(attachment.subject) == 0) go.push_back(attachment);
  }
  return go;
}

class Planner {
 public:
  Planner(const Family& family, const TargetOptions& options)
      : family_(family), options_(options) {}
  absl::StatusOr<RelocationPlan> Plan();

 private:
  absl::Status SetRegistry();
  absl::StatusOr<Reference> TargetOf(const FamilyMember& member, bool is_root) const;
  absl::StatusOr<Reference> RootTarget(const FamilyMember& root) const;
  absl::StatusOr<std::string> TagOf(const FamilyMember& member) const;
  absl::Status CheckCollision(const PlannedBundle& bundle, bool is_root);
  absl::StatusOr<PlannedBundle> ContentOf(const FamilyMember& member) const;
  void AddToMapping(const FamilyMember& member, const PlannedBundle& bundle);

  const Family& family_;
  const TargetOptions& options_;
  std::string registry_;
  std::map<std::string, std::string> taken_;  // Target -> the source that goes there.
  RelocationPlan plan_;
};

absl::Status Planner::SetRegistry() {
  registry_ = options_.registry;
  while (absl::EndsWith(registry_, "/")) registry_.pop_back();
  if (options_.reference.empty()) return CheckRegistry(registry_);
  if (!registry_.empty()) return CheckRegistry(registry_);
  DEPS_ASSIGN_OR_RETURN(const Reference root, Reference::Parse(options_.reference));
  const std::string repository = root.Repository();
  registry_ = repository.substr(0, repository.rfind('/'));
  return absl::OkStatus();
}

absl::StatusOr<std::string> Planner::TagOf(const FamilyMember& member) const {
  const std::string tag = member.tag.empty() ? TagOfVersion(member.version) : member.tag;
  if (IsValidTag(tag) && (!member.tag.empty() || !member.version.empty())) return tag;
  return Invalid(
      absl::StrCat("version '", member.version, "' of bundle ", member.name, " cannot be a tag"));
}

absl::StatusOr<Reference> Planner::RootTarget(const FamilyMember& root) const {
  DEPS_ASSIGN_OR_RETURN(const Reference target, Reference::Parse(options_.reference));
  if (!target.digest().empty()) {
    return Invalid(absl::StrCat("'", options_.reference, "' has a digest: it cannot be a target"));
  }
  if (!target.tag().empty()) return target;
  DEPS_ASSIGN_OR_RETURN(const std::string tag, TagOf(root));
  return target.WithTag(tag);
}

absl::StatusOr<Reference> Planner::TargetOf(const FamilyMember& member, bool is_root) const {
  if (is_root && !options_.reference.empty()) return RootTarget(member);
  DEPS_ASSIGN_OR_RETURN(const std::string tag, TagOf(member));
  std::string name = member.name;
  const absl::StatusOr<Reference> source = Reference::Parse(member.repository);
  if (options_.keep_path && source.ok()) {
    name = source->path();
  } else if (!is_root || !options_.root_by_name) {
    DEPS_RETURN_IF_ERROR(source.status());
    name = source->Name();
  }
  absl::StatusOr<Reference> target = Reference::Parse(absl::StrCat(registry_, "/", name, ":", tag));
  // A bundle's name may hold what a repository's may not.
  if (!target.ok() && is_root && source.ok()) {
    target = Reference::Parse(absl::StrCat(registry_, "/", source->Name(), ":", tag));
  }
  if (target.ok()) return target;
  return Invalid(absl::StrCat("bundle '", member.name,
                              "' cannot be named at the target: ", target.status().message()),
                 is_root ? "give its name with --reference" : "");
}

absl::Status Planner::CheckCollision(const PlannedBundle& bundle, bool is_root) {
  const auto [taken, added] = taken_.emplace(bundle.target.Full(), bundle.source);
  if (added) return absl::OkStatus();
  return MakeError({.id = DiagnosticId::kRelocateCollision,
                    .message = absl::StrCat(taken->second, " and ", bundle.source,
                                            " would both become ", bundle.target.Familiar()),
                    .hint = is_root && !options_.reference.empty()
                                ? "give the root another name with --reference"
                            : options_.keep_path
                                ? "only their hosts differ: one must have another repository"
                                : "--keep-path keeps the whole path of each"});
}

absl::StatusOr<PlannedBundle> Planner::ContentOf(const FamilyMember& member) const {
  PlannedBundle planned = {.source = member.Source(),
                           .config = member.bundle_json,
                           .config_manifest = member.config_manifest,
                           .index = member.index};
  const Source source = {.name = absl::StrCat(member.Source(), ":bundle.json"),
                         .text = member.bundle_json};
  DEPS_ASSIGN_OR_RETURN(json::Value bundle, json::Parse(source));
  if (!RewriteRequirements(member.requirements, &bundle)) return planned;
  DEPS_ASSIGN_OR_RETURN(EncodedBundle encoded, EncodeBundle(bundle, member.images));
  planned.config = std::move(encoded.config);
  planned.config_manifest = {.bytes = std::move(encoded.config_manifest),
                             .media_type = std::string(kOciManifest),
                             .digest = std::move(encoded.config_manifest_digest)};
  planned.index = {.bytes = std::move(encoded.index),
                   .media_type = std::string(kOciIndex),
                   .digest = std::move(encoded.index_digest)};
  return planned;
}

void Planner::AddToMapping(const FamilyMember& member, const PlannedBundle& bundle) {
  const std::string target = bundle.target.WithDigest(bundle.index.digest).Familiar();
  plan_.mapping.emplace(bundle.source, target);
  for (const std::string& reference : member.references) plan_.mapping.emplace(reference, target);
  for (const BundleImage& image : member.images) {
    plan_.mapping.emplace(image.reference, bundle.target.WithDigest(image.digest).Familiar());
  }
}

absl::StatusOr<RelocationPlan> Planner::Plan() {
  DEPS_RETURN_IF_ERROR(SetRegistry());
  for (const FamilyMember& member : family_.members) {
    const bool is_root = &member == &family_.members.back();
    DEPS_ASSIGN_OR_RETURN(PlannedBundle planned, ContentOf(member));
    DEPS_ASSIGN_OR_RETURN(planned.target, TargetOf(member, is_root));
    planned.config_digest = Sha256Digest(planned.config);
    planned.attachments = AttachmentsToSend(member, planned.index.digest);
    DEPS_RETURN_IF_ERROR(CheckCollision(planned, is_root));
    plan_.bundles.push_back(std::move(planned));
  }
  for (size_t i = family_.members.size(); i-- > 0;) {
    AddToMapping(family_.members[i], plan_.bundles[i]);
  }
  return std::move(plan_);
}

}  // namespace

std::string TagOfVersion(std::string_view version) {
  std::string tag = absl::StrCat(absl::StartsWith(version, "v") ? "" : "v", version);
  std::replace(tag.begin(), tag.end(), '+', '_');
  return tag;
}

absl::StatusOr<RelocationPlan> PlanRelocation(const Family& family, const TargetOptions& options) {
  return Planner(family, options).Plan();
}

}  // namespace deps
