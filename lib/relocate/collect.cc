#include "lib/relocate/collect.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/digest/sha256.h"
#include "lib/io/file.h"
#include "lib/json/json.h"
#include "lib/oci/bundle_format.h"
#include "lib/oci/reference.h"
#include "lib/relocate/attachments.h"
#include "lib/relocate/content.h"
#include "lib/relocate/platform.h"
#include "lib/relocate/requirements.h"

namespace deps {
namespace {

constexpr int kMaxBundleDepth = 64;

absl::Status Error(DiagnosticId id, std::string message) {
  return MakeError({.id = id, .message = std::move(message)});
}

// A bundle to fetch.
struct Wanted {
  Reference reference;
  std::string tag;      // To be kept.
  std::string written;  // How it was named; "" where it was not.
  std::string node;     // Its id in the solution, if there is one.
  std::string solved;   // The digest that was solved; "" where any will do.
};

// What a requirement of a bundle (of node `node`) asks for; nullopt where it is
// to be left alone.
using Resolve = std::function<absl::StatusOr<std::optional<Wanted>>(const std::string& node,
                                                                    const WrittenRequirement&)>;

// For what is nowhere to be had, before what was said already.
absl::Status WithHint(const absl::Status& status, const std::string& hint) {
  const bool nowhere = HasId(status, DiagnosticId::kRegistryUnreachable) ||
                       HasId(status, DiagnosticId::kRegistryNotFound) ||
                       HasId(status, DiagnosticId::kRegistryAuth) ||
                       HasId(status, DiagnosticId::kOffline);
  std::vector<Diagnostic> diagnostics = DiagnosticsOf(status);
  if (!nowhere || hint.empty()) return status;
  std::string& said = diagnostics.front().hint;
  said = absl::StrCat(hint, said.empty() ? "" : "; ", said);
  return MakeErrors(std::move(diagnostics));
}

// An Index that tells no digest has that of bundle.json.
absl::Status CheckSolved(const Wanted& wanted, const FamilyMember& member) {
  if (wanted.solved.empty() || wanted.solved == member.source_digest ||
      wanted.solved == Sha256Digest(member.bundle_json)) {
    return absl::OkStatus();
  }
  return Error(DiagnosticId::kDigestMismatch,
               absl::StrCat(wanted.reference.Familiar(), " is ", member.source_digest,
                            " now; the solution is for ", wanted.solved));
}

class Collector {
 public:
  Collector(Registry& registry, const CollectOptions& options, Resolve resolve)
      : registry_(registry),
        options_(options),
        resolve_(std::move(resolve)),
        content_(registry, options, &family_) {}

  absl::StatusOr<Family> Run(const Wanted& root);
  // Each of its bundles, whether or not another is missing.
  absl::StatusOr<Family> RunPlan(const RelocationPlan& plan);

 private:
  absl::Status Begin();
  absl::StatusOr<Family> End();
  // Whether the tag is what it should be.
  absl::Status LookAt(const PlannedBundle& bundle);
  absl::Status LookAt(const Reference& repository, const Attachment& attachment);
  void Differ(const char* kind, const std::string& subject, std::string message);
  // REPOSITORY@DIGEST of the member.
  absl::StatusOr<std::string> AddBundle(const Wanted& asked, int depth);
  absl::Status Require(const Wanted& wanted, const std::string& alias, int depth,
                       FamilyMember* member);
  absl::StatusOr<Wanted> LookUp(Wanted wanted) const;
  absl::StatusOr<FamilyMember> Fetch(const Wanted& wanted);
  absl::StatusOr<std::string> AddMember(FamilyMember member, const Wanted& wanted);
  absl::Status AddImages(const FamilyMember& member);

  Registry& registry_;
  const CollectOptions& options_;
  const Resolve resolve_;
  std::map<std::string, std::string> done_;  // Key of what was wanted -> REPOSITORY@DIGEST.
  std::vector<std::string> open_;            // Of the path from the root.
  std::map<std::string, size_t> members_;    // Digest -> place in the family.
  std::map<std::string, std::vector<Descriptor>> referrers_;  // Of a subject at a target.
  Family family_;
  ContentCollector content_;
};

absl::StatusOr<FamilyMember> Collector::Fetch(const Wanted& wanted) {
  DEPS_ASSIGN_OR_RETURN(FetchedBundle fetched, FetchBundle(registry_, wanted.reference));
  FamilyMember member = {.repository = wanted.reference.FamiliarRepository(),
                         .tag = wanted.tag,
                         .bundle_json = std::move(fetched.bundle_json),
                         .images = std::move(fetched.images),
                         .mapping = std::move(fetched.mapping)};
  member.config_manifest = {.bytes = std::move(fetched.config_manifest),
                            .media_type = std::move(fetched.config_manifest_type)};
  member.config_manifest.digest = Sha256Digest(member.config_manifest.bytes);
  member.index = {.bytes = std::move(fetched.index),
                  .media_type = std::move(fetched.index_type),
                  .digest = fetched.digest};
  member.source_digest = std::move(fetched.digest);
  DEPS_RETURN_IF_ERROR(CheckSolved(wanted, member));
  if (options_.platform.empty()) return member;
  DEPS_RETURN_IF_ERROR(ChoosePlatform(options_.platform, registry_, &member));
  return member;
}

absl::StatusOr<Wanted> Collector::LookUp(Wanted wanted) const {
  for (const std::string& key :
       {wanted.reference.Familiar(), wanted.reference.Full(), wanted.written}) {
    const auto found = options_.mapping.find(key);
    if (found == options_.mapping.end()) continue;
    DEPS_ASSIGN_OR_RETURN(wanted.reference, Reference::Parse(found->second));
    break;
  }
  return wanted;
}

absl::StatusOr<std::string> Collector::AddBundle(const Wanted& asked, int depth) {
  DEPS_ASSIGN_OR_RETURN(const Wanted wanted, LookUp(asked));
  const std::string key = absl::StrCat(wanted.node, " ", wanted.reference.Full());
  if (const auto done = done_.find(key); done != done_.end()) return done->second;
  if (depth > kMaxBundleDepth) {
    return Error(DiagnosticId::kGraphDepth,
                 absl::StrCat("bundles require each other more than ", kMaxBundleDepth, " deep"));
  }
  const std::string name = wanted.reference.Familiar();
  const bool circle = std::find(open_.begin(), open_.end(), name) != open_.end();
  open_.push_back(name);
  if (circle) {
    return Error(DiagnosticId::kGraphCycle, absl::StrCat("bundles require each other in a circle: ",
                                                         absl::StrJoin(open_, " -> ")));
  }
  DEPS_ASSIGN_OR_RETURN(FamilyMember member, Fetch(wanted));
  const Source source = {.name = member.Source(), .text = member.bundle_json};
  DEPS_ASSIGN_OR_RETURN(const json::Value bundle, json::Parse(source));
  if (const json::Value* const text = bundle.Find("name")) member.name = text->text;
  if (const json::Value* const text = bundle.Find("version")) member.version = text->text;
  std::vector<WrittenRequirement> requirements;
  if (options_.dependencies) {
    DEPS_ASSIGN_OR_RETURN(requirements, WrittenRequirementsOf(source, bundle));
  }
  for (const WrittenRequirement& requirement : requirements) {
    absl::StatusOr<std::optional<Wanted>> required = resolve_(wanted.node, requirement);
    if (!required.ok()) {
      return WithContext(required.status(),
                         absl::StrCat("dependency ", requirement.alias, " of ", name));
    }
    if (!required->has_value()) {
      family_.notes.push_back(absl::StrCat("left out: dependency ", requirement.alias, " of ", name,
                                           ", which no bundle serves"));
      continue;
    }
    DEPS_RETURN_IF_ERROR(Require(**required, requirement.alias, depth, &member));
  }
  open_.pop_back();
  DEPS_ASSIGN_OR_RETURN(const std::string added, AddMember(std::move(member), wanted));
  done_.emplace(key, added);
  return added;
}

absl::Status Collector::Require(const Wanted& wanted, const std::string& alias, int depth,
                                FamilyMember* member) {
  const size_t open = open_.size();
  const absl::StatusOr<std::string> added = AddBundle(wanted, depth + 1);
  open_.resize(open);
  if (added.ok()) {
    member->requirements.emplace(alias, *added);
    return absl::OkStatus();
  }
  member->incomplete = true;
  return content_.Check(WithContext(WithHint(added.status(), options_.hint_for_dependencies),
                                    absl::StrCat("dependency ", alias, " of ", member->repository)),
                        wanted.reference.Familiar());
}

absl::StatusOr<std::string> Collector::AddMember(FamilyMember member, const Wanted& wanted) {
  const std::string source = member.Source();
  const auto [place, added] = members_.emplace(member.source_digest, family_.members.size());
  if (added) {
    // Not where it is fetched first: that may be to see what it requires.
    options_.watcher->Say(absl::StrCat("bundle ", wanted.reference.Familiar()));
    DEPS_RETURN_IF_ERROR(AddImages(member));
    if (options_.attachments && !options_.check) {
      DEPS_RETURN_IF_ERROR(CollectAttachments(registry_, content_, &family_, &member));
    }
    DEPS_RETURN_IF_ERROR(content_.AddText(Sha256Digest(member.bundle_json), member.bundle_json));
    DEPS_RETURN_IF_ERROR(
        content_.AddText(member.config_manifest.digest, member.config_manifest.bytes));
    DEPS_RETURN_IF_ERROR(content_.AddText(member.index.digest, member.index.bytes));
    family_.members.push_back(std::move(member));
  } else if (family_.members[place->second].requirements != member.requirements) {
    return Error(DiagnosticId::kRelocateCollision,
                 absl::StrCat(source,
                              " is there twice, with different dependencies: it cannot be "
                              "rewritten in two ways at one target"));
  }
  FamilyMember& kept = family_.members[place->second];
  std::vector<std::string> names = {wanted.written};
  if (!wanted.tag.empty()) names.push_back(wanted.reference.WithTag(wanted.tag).Familiar());
  for (std::string& name : names) {
    const auto at = std::lower_bound(kept.references.begin(), kept.references.end(), name);
    if (name.empty() || (at != kept.references.end() && *at == name)) continue;
    kept.references.insert(at, std::move(name));
  }
  if (kept.tag.empty()) kept.tag = wanted.tag;
  return kept.Source();
}

absl::Status Collector::AddImages(const FamilyMember& member) {
  DEPS_ASSIGN_OR_RETURN(const Reference repository, Reference::Parse(member.repository));
  for (const BundleImage& image : member.images) {
    const Reference reference = repository.WithDigest(image.digest);
    const absl::Status status = content_.AddManifest(reference);
    DEPS_RETURN_IF_ERROR(content_.Check(
        WithContext(status, absl::StrCat("image ", image.reference, " of ", member.name)),
        reference.Familiar()));
  }
  return absl::OkStatus();
}

absl::Status Collector::Begin() {
  DEPS_ASSIGN_OR_RETURN(TemporaryFolder folder, TemporaryFolder::Create("relocate"));
  family_.folder = std::make_shared<TemporaryFolder>(std::move(folder));
  return absl::OkStatus();
}

absl::StatusOr<Family> Collector::End() {
  DEPS_RETURN_IF_ERROR(content_.Download());
  return std::move(family_);
}

absl::StatusOr<Family> Collector::Run(const Wanted& root) {
  DEPS_RETURN_IF_ERROR(Begin());
  DEPS_RETURN_IF_ERROR(AddBundle(root, 1).status());
  return End();
}

absl::StatusOr<Family> Collector::RunPlan(const RelocationPlan& plan) {
  DEPS_RETURN_IF_ERROR(Begin());
  for (const PlannedBundle& bundle : plan.bundles) {
    DEPS_RETURN_IF_ERROR(LookAt(bundle));
    const Reference reference = bundle.target.WithDigest(bundle.index.digest);
    const absl::Status status =
        AddBundle({.reference = reference, .tag = bundle.target.tag()}, 1).status();
    open_.clear();
    DEPS_RETURN_IF_ERROR(content_.Check(status, reference.Familiar()));
    for (const Attachment& attachment : bundle.attachments) {
      DEPS_RETURN_IF_ERROR(LookAt(bundle.target, attachment));
    }
  }
  return End();
}

void Collector::Differ(const char* kind, const std::string& subject, std::string message) {
  family_.differences.push_back({.kind = kind, .subject = subject, .message = std::move(message)});
}

// By its tag it is found, or as a referrer; the rest is as with images.
absl::Status Collector::LookAt(const Reference& repository, const Attachment& attachment) {
  const std::string& digest = attachment.manifest.digest;
  const Reference manifest = repository.WithDigest(digest);
  DEPS_RETURN_IF_ERROR(content_.Check(
      WithContext(content_.AddManifest(manifest), absl::StrCat("attached to ", attachment.subject)),
      manifest.Familiar()));
  if (!attachment.tag.empty()) {
    const Reference tag = repository.WithTag(attachment.tag);
    DEPS_ASSIGN_OR_RETURN(const std::optional<Descriptor> found, registry_.HeadManifest(tag));
    if (!found) Differ("missing", tag.Familiar(), tag.Familiar() + " is not in the registry");
    if (found && found->digest != digest) {
      Differ("different", tag.Familiar(),
             absl::StrCat(tag.Familiar(), " is ", found->digest, ", not ", digest));
    }
    return absl::OkStatus();
  }
  const Reference subject = repository.WithDigest(attachment.subject);
  const auto [listed, first] = referrers_.try_emplace(subject.Full());
  if (first) {
    DEPS_ASSIGN_OR_RETURN(listed->second, registry_.Referrers(subject));
  }
  const bool is_listed =
      std::any_of(listed->second.begin(), listed->second.end(),
                  [&](const Descriptor& referrer) { return referrer.digest == digest; });
  if (!is_listed) {
    Differ("missing", manifest.Familiar(),
           absl::StrCat(manifest.Familiar(), " is not among the referrers of ", subject.digest()));
  }
  return absl::OkStatus();
}

absl::Status Collector::LookAt(const PlannedBundle& bundle) {
  DEPS_ASSIGN_OR_RETURN(const std::optional<Descriptor> found,
                        registry_.HeadManifest(bundle.target));
  if (found && found->digest == bundle.index.digest) return absl::OkStatus();
  const std::string tag = bundle.target.Familiar();
  Differ(found ? "different" : "missing", tag,
         found ? absl::StrCat(tag, " is ", found->digest, ", not ", bundle.index.digest)
               : absl::StrCat(tag, " is not in the registry"));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Wanted>> WantedByReference(const WrittenRequirement& requirement) {
  if (requirement.reference.empty()) return std::nullopt;
  DEPS_ASSIGN_OR_RETURN(const Reference reference, Reference::Parse(requirement.reference));
  return Wanted{.reference = reference, .tag = reference.tag(), .written = requirement.reference};
}

absl::StatusOr<std::optional<Wanted>> WantedByNode(const Graph& solution, const std::string& from,
                                                   const WrittenRequirement& requirement) {
  const auto edge =
      std::find_if(solution.edges.begin(), solution.edges.end(), [&](const Edge& candidate) {
        return candidate.kind == Edge::Kind::kRequires && candidate.from == from &&
               candidate.alias == requirement.alias;
      });
  const Node* const node = edge == solution.edges.end() ? nullptr : solution.Find(edge->to);
  if (node == nullptr || !node->resolution || node->resolution->kind != "bundle") {
    return std::nullopt;
  }
  const Resolution& resolution = *node->resolution;
  DEPS_ASSIGN_OR_RETURN(Reference reference, Reference::Parse(resolution.reference));
  if (!resolution.digest.empty()) reference = reference.WithDigest(resolution.digest);
  return Wanted{.reference = reference,
                .tag = resolution.tag,
                .written = requirement.reference,
                .node = node->id};
}

}  // namespace

absl::StatusOr<Family> CollectFromReference(const std::string& reference, Registry& registry,
                                            const CollectOptions& options) {
  DEPS_ASSIGN_OR_RETURN(const Reference root, Reference::Parse(reference));
  bool unsolved = false;
  const Resolve resolve =
      [&](const std::string&,
          const WrittenRequirement& requirement) -> absl::StatusOr<std::optional<Wanted>> {
    DEPS_ASSIGN_OR_RETURN(std::optional<Wanted> wanted, WantedByReference(requirement));
    if (!wanted || !wanted->reference.digest().empty() || !options.solve) return wanted;
    unsolved = true;
    return Error(DiagnosticId::kPlanUnsolved, "it is not named by its digest");
  };
  absl::StatusOr<Family> family =
      Collector(registry, options, resolve)
          .Run({.reference = root, .tag = root.tag(), .written = reference});
  if (!unsolved) return family;
  DEPS_ASSIGN_OR_RETURN(const Graph solution, options.solve(reference));
  return CollectFromSolution(solution, registry, options);
}

absl::StatusOr<Family> CollectFromSolution(const Graph& solution, Registry& registry,
                                           const CollectOptions& options) {
  if (solution.status != "solved") {
    return Error(DiagnosticId::kPlanUnsolved, "the solution has no answer: nothing can be packed");
  }
  const Node* const root = solution.Find(solution.root);
  if (root == nullptr || root->reference.empty()) {
    return Error(DiagnosticId::kReferenceInvalid,
                 "the root of the solution is not from a registry: nothing can be packed");
  }
  DEPS_ASSIGN_OR_RETURN(const Reference reference, Reference::Parse(root->reference));
  Collector collector(registry, options,
                      [&](const std::string& node, const WrittenRequirement& requirement) {
                        return WantedByNode(solution, node, requirement);
                      });
  return collector.Run({.reference = reference,
                        .tag = reference.tag(),
                        .written = root->reference,
                        .node = root->id,
                        .solved = root->bundle ? root->bundle->digest : ""});
}

absl::StatusOr<Family> CollectTarget(const RelocationPlan& plan, Registry& registry,
                                     CollectOptions options) {
  options.check = true;
  options.mapping = plan.mapping;
  const Resolve resolve = [](const std::string&, const WrittenRequirement& requirement) {
    return WantedByReference(requirement);
  };
  return Collector(registry, options, resolve).RunPlan(plan);
}

}  // namespace deps
