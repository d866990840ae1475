#include "lib/relocate/collect.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
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
#include "lib/relocate/parallel.h"
#include "lib/relocate/platform.h"
#include "lib/relocate/requirements.h"

namespace deps {
namespace {

constexpr int kMaxBundleDepth = 64;
constexpr int kMaxManifestDepth = 8;

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

// Whether a check goes on after such an error: the registry has answered.
bool IsDifference(const absl::Status& status) {
  return HasId(status, DiagnosticId::kRegistryNotFound) ||
         HasId(status, DiagnosticId::kDigestMismatch) ||
         HasId(status, DiagnosticId::kBundleInvalid);
}

// Tells of a transfer while it lives.
class Transfer {
 public:
  Transfer(Watcher& watcher, const Reference& repository, const std::string& digest, int64_t size)
      : watcher_(watcher), name_(absl::StrCat(repository.FamiliarRepository(), "@", digest)) {
    watcher_.Begin(name_, size);
  }
  ~Transfer() { watcher_.End(name_); }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  void Advance(int64_t bytes) const { watcher_.Advance(name_, bytes); }

 private:
  Watcher& watcher_;
  const std::string name_;
};

class Collector {
 public:
  Collector(Registry& registry, const CollectOptions& options, Resolve resolve)
      : registry_(registry), options_(options), resolve_(std::move(resolve)) {}

  absl::StatusOr<Family> Run(const Wanted& root);

 private:
  // REPOSITORY@DIGEST of the member.
  absl::StatusOr<std::string> AddBundle(const Wanted& asked, int depth);
  absl::Status Check(const absl::Status& status, const std::string& subject);
  absl::Status Require(const Wanted& wanted, const std::string& alias, int depth,
                       FamilyMember* member);
  absl::StatusOr<Wanted> LookUp(Wanted wanted) const;
  absl::StatusOr<FamilyMember> Fetch(const Wanted& wanted);
  absl::StatusOr<std::string> AddMember(FamilyMember member, const Wanted& wanted);
  absl::Status AddText(const std::string& digest, std::string_view text);
  absl::Status AddImages(const FamilyMember& member);
  absl::Status AddManifest(const Reference& reference, int depth);
  absl::Status AddBlob(const Reference& repository, const Descriptor& blob);
  absl::Status AddAttachments(FamilyMember* member);
  absl::Status AttachTags(const Reference& repository, const std::vector<std::string>& tags,
                          const std::string& subject, FamilyMember* member);
  absl::Status AttachReferrers(const Reference& repository, const std::string& subject,
                               FamilyMember* member);
  absl::Status Attach(const Reference& reference, Attachment attachment, FamilyMember* member);
  absl::StatusOr<std::string> PathOf(const std::string& digest) const;
  absl::Status Download();

  Registry& registry_;
  const CollectOptions& options_;
  const Resolve resolve_;
  std::map<std::string, std::string> done_;     // Key of what was wanted -> REPOSITORY@DIGEST.
  std::vector<std::string> open_;               // Of the path from the root.
  std::map<std::string, size_t> members_;       // Digest -> place in the family.
  std::map<std::string, Reference> downloads_;  // Digest -> a repository that has it.
  std::mutex mutex_;                            // Of the differences, while blobs come in.
  Family family_;
};

// In a check `status` becomes a difference, if it can be one.
absl::Status Collector::Check(const absl::Status& status, const std::string& subject) {
  if (status.ok() || !options_.check || !IsDifference(status)) return status;
  const bool missing = HasId(status, DiagnosticId::kRegistryNotFound);
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const Diagnostic& diagnostic : DiagnosticsOf(status)) {
    family_.differences.push_back({.kind = missing ? "missing" : "different",
                                   .subject = subject,
                                   .message = diagnostic.message});
  }
  return absl::OkStatus();
}

absl::StatusOr<FamilyMember> Collector::Fetch(const Wanted& wanted) {
  options_.watcher->Say(absl::StrCat("bundle ", wanted.reference.Familiar()));
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
  return Check(
      WithContext(added.status(), absl::StrCat("dependency ", alias, " of ", member->repository)),
      wanted.reference.Familiar());
}

absl::StatusOr<std::string> Collector::AddMember(FamilyMember member, const Wanted& wanted) {
  const std::string source = member.Source();
  const auto [place, added] = members_.emplace(member.source_digest, family_.members.size());
  if (added) {
    DEPS_RETURN_IF_ERROR(AddImages(member));
    DEPS_RETURN_IF_ERROR(AddAttachments(&member));
    DEPS_RETURN_IF_ERROR(AddText(Sha256Digest(member.bundle_json), member.bundle_json));
    DEPS_RETURN_IF_ERROR(AddText(member.config_manifest.digest, member.config_manifest.bytes));
    DEPS_RETURN_IF_ERROR(AddText(member.index.digest, member.index.bytes));
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

absl::StatusOr<std::string> Collector::PathOf(const std::string& digest) const {
  if (!IsValidDigest(digest)) {
    return Error(
        DiagnosticId::kDigestInvalid,
        absl::StrCat("'", digest, "' cannot be archived: it is neither sha256 nor sha512"));
  }
  return absl::StrCat(family_.folder->path(), "/", digest.substr(7));
}

absl::Status Collector::AddText(const std::string& digest, std::string_view text) {
  DEPS_ASSIGN_OR_RETURN(const std::string path, PathOf(digest));
  if (!family_.blobs.emplace(digest, BlobFile{path, static_cast<int64_t>(text.size())}).second) {
    return absl::OkStatus();
  }
  return WriteFile(path, text, 0600);
}

absl::Status Collector::AddImages(const FamilyMember& member) {
  DEPS_ASSIGN_OR_RETURN(const Reference repository, Reference::Parse(member.repository));
  for (const BundleImage& image : member.images) {
    const Reference reference = repository.WithDigest(image.digest);
    const absl::Status status = AddManifest(reference, 1);
    DEPS_RETURN_IF_ERROR(
        Check(WithContext(status, absl::StrCat("image ", image.reference, " of ", member.name)),
              reference.Familiar()));
  }
  return absl::OkStatus();
}

absl::Status Collector::AddManifest(const Reference& reference, int depth) {
  if (family_.blobs.count(reference.digest()) > 0) return absl::OkStatus();
  if (depth > kMaxManifestDepth) {
    return Error(DiagnosticId::kBundleInvalid,
                 absl::StrCat("manifests are nested more than ", kMaxManifestDepth, " deep"));
  }
  DEPS_ASSIGN_OR_RETURN(const OciManifest manifest, registry_.GetManifest(reference));
  const Source source = {.name = reference.Familiar(), .text = manifest.bytes};
  DEPS_ASSIGN_OR_RETURN(const ManifestContent content, ParseManifest(source, manifest.media_type));
  for (const Descriptor& child : content.manifests) {
    if (IsManifestType(child.media_type)) {
      const Reference below = reference.WithDigest(child.digest);
      DEPS_RETURN_IF_ERROR(Check(AddManifest(below, depth + 1), below.Familiar()));
    } else {
      DEPS_RETURN_IF_ERROR(AddBlob(reference, child));
    }
  }
  for (const Descriptor& blob : content.blobs) DEPS_RETURN_IF_ERROR(AddBlob(reference, blob));
  return AddText(reference.digest(), manifest.bytes);
}

absl::Status Collector::AddBlob(const Reference& repository, const Descriptor& blob) {
  if (blob.foreign) {
    bool there = false;
    if (options_.foreign) {
      DEPS_ASSIGN_OR_RETURN(there, registry_.HasBlob(repository, blob.digest));
    }
    if (!there) {
      family_.notes.push_back(absl::StrCat("left out: layer ", blob.digest, " of ",
                                           repository.Familiar(), ", which is kept elsewhere"));
      return absl::OkStatus();
    }
  }
  if (family_.blobs.emplace(blob.digest, BlobFile{.size = blob.size}).second) {
    downloads_.emplace(blob.digest, repository);
  }
  return absl::OkStatus();
}

// What is attached is worth a note, and never a failure, where it cannot be had:
// registries differ in what they let be asked.
absl::Status Collector::AddAttachments(FamilyMember* member) {
  if (!options_.attachments || options_.check) return absl::OkStatus();
  DEPS_ASSIGN_OR_RETURN(const Reference repository, Reference::Parse(member->repository));
  const absl::StatusOr<std::vector<std::string>> tags = registry_.ListTags(repository);
  std::vector<std::string> subjects = {member->source_digest};
  for (const BundleImage& image : member->images) {
    const bool seen = std::find(subjects.begin(), subjects.end(), image.digest) != subjects.end();
    if (!seen) subjects.push_back(image.digest);
  }
  for (const std::string& subject : subjects) {
    absl::Status status =
        tags.ok() ? AttachTags(repository, *tags, subject, member) : tags.status();
    if (status.ok()) status = AttachReferrers(repository, subject, member);
    if (status.ok()) continue;
    if (HasId(status, DiagnosticId::kInterrupted)) return status;
    family_.notes.push_back(absl::StrCat("left out: what is attached to ", member->repository, "@",
                                         subject, ": ", DiagnosticsOf(status).front().message));
  }
  std::sort(member->attachments.begin(), member->attachments.end(),
            [](const Attachment& a, const Attachment& b) {
              return std::tie(a.manifest.digest, a.tag) < std::tie(b.manifest.digest, b.tag);
            });
  return absl::OkStatus();
}

// "sha256-HEX.sig", ".att", ".sbom"
absl::Status Collector::AttachTags(const Reference& repository,
                                   const std::vector<std::string>& tags, const std::string& subject,
                                   FamilyMember* member) {
  std::string prefix = subject;
  prefix[prefix.find(':')] = '-';
  for (const std::string_view suffix : {".att", ".sbom", ".sig"}) {
    const std::string tag = absl::StrCat(prefix, suffix);
    if (std::find(tags.begin(), tags.end(), tag) == tags.end()) continue;
    DEPS_RETURN_IF_ERROR(Attach(repository.WithTag(tag), {.subject = subject, .tag = tag}, member));
  }
  return absl::OkStatus();
}

absl::Status Collector::AttachReferrers(const Reference& repository, const std::string& subject,
                                        FamilyMember* member) {
  DEPS_ASSIGN_OR_RETURN(const std::vector<Descriptor> referrers,
                        registry_.Referrers(repository.WithDigest(subject)));
  for (const Descriptor& referrer : referrers) {
    if (!IsManifestType(referrer.media_type)) continue;
    DEPS_RETURN_IF_ERROR(Attach(repository.WithDigest(referrer.digest),
                                {.subject = subject, .artifact_type = referrer.artifact_type},
                                member));
  }
  return absl::OkStatus();
}

absl::Status Collector::Attach(const Reference& reference, Attachment attachment,
                               FamilyMember* member) {
  DEPS_ASSIGN_OR_RETURN(attachment.manifest, registry_.GetManifest(reference));
  DEPS_RETURN_IF_ERROR(AddManifest(reference.WithDigest(attachment.manifest.digest), 1));
  const bool known = std::any_of(
      member->attachments.begin(), member->attachments.end(), [&](const Attachment& other) {
        return other.manifest.digest == attachment.manifest.digest && other.tag == attachment.tag;
      });
  if (!known) member->attachments.push_back(std::move(attachment));
  return absl::OkStatus();
}

absl::Status Collector::Download() {
  if (options_.stream) {
    family_.remote = downloads_;
    return absl::OkStatus();
  }
  std::vector<std::function<absl::Status()>> steps;
  std::vector<std::string> bad;
  for (const auto& [digest, repository] : downloads_) {
    options_.watcher->Expect(family_.blobs.at(digest).size);
  }
  for (const auto& [digest, repository] : downloads_) {
    BlobFile& blob = family_.blobs.at(digest);
    if (options_.check) {
      steps.push_back([this, &bad, &blob, &digest = digest, &repository = repository] {
        const Transfer transfer(*options_.watcher, repository, digest, blob.size);
        const absl::Status status = registry_.GetBlobToSink(
            repository, digest, blob.size,
            [&](std::string_view piece) {
              transfer.Advance(static_cast<int64_t>(piece.size()));
              return absl::OkStatus();
            },
            [] { return absl::OkStatus(); });
        if (!status.ok()) {
          const std::lock_guard<std::mutex> lock(mutex_);
          bad.push_back(digest);
        }
        return Check(status, absl::StrCat(repository.FamiliarRepository(), "@", digest));
      });
      continue;
    }
    DEPS_ASSIGN_OR_RETURN(blob.path, PathOf(digest));
    steps.push_back([this, &blob, &digest = digest, &repository = repository] {
      const Transfer transfer(*options_.watcher, repository, digest, blob.size);
      return registry_.GetBlobToFile(repository, digest, blob.size, blob.path,
                                     [&](int64_t bytes) { transfer.Advance(bytes); });
    });
  }
  if (!steps.empty()) options_.watcher->Say(absl::StrCat(steps.size(), " blobs"));
  DEPS_RETURN_IF_ERROR(RunSteps(steps, options_.jobs));
  for (const std::string& digest : bad) family_.blobs.erase(digest);
  return absl::OkStatus();
}

absl::StatusOr<Family> Collector::Run(const Wanted& root) {
  DEPS_ASSIGN_OR_RETURN(TemporaryFolder folder, TemporaryFolder::Create("oci-relocate-"));
  family_.folder = std::make_shared<TemporaryFolder>(std::move(folder));
  DEPS_RETURN_IF_ERROR(AddBundle(root, 1).status());
  DEPS_RETURN_IF_ERROR(Download());
  return std::move(family_);
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

}  // namespace deps
