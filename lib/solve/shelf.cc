#include "lib/solve/shelf.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/oci/reference.h"
#include "lib/solve/lock_file.h"
#include "lib/solve/requests.h"

namespace deps {
namespace {

Contender Provider(const Reference& reference) {
  Contender candidate{.by = "provider",
                      .repository = reference.Repository(),
                      .reference = reference.Full(),
                      .tag = reference.tag(),
                      .digest = reference.digest()};
  if (const auto tag = ParseVersionTag(reference.tag())) candidate.version = tag->version;
  return candidate;
}

bool CannotAsk(const absl::Status& status) {
  return HasId(status, DiagnosticId::kOffline) || HasId(status, DiagnosticId::kRegistryUnreachable);
}

}  // namespace

Shelf::Shelf(const Graph& graph, Catalog& catalog, Strategy strategy)
    : graph_(graph), catalog_(catalog), strategy_(strategy) {}

absl::StatusOr<std::shared_ptr<const BundleDefinition>> Shelf::Bundle(const Contender& candidate) {
  if (candidate.reference.empty()) return std::shared_ptr<const BundleDefinition>();
  for (const std::string* reference : {&candidate.reference, &candidate.fallback}) {
    if (reference->empty()) continue;
    absl::StatusOr<std::shared_ptr<const BundleDefinition>> bundle = catalog_.Get(*reference);
    if (bundle.ok()) return bundle;
    if (CannotAsk(bundle.status()) && !candidate.digest.empty()) {
      if (of_graph_.empty()) of_graph_ = DefinitionsByDigest(graph_);
      const auto known = of_graph_.find(absl::StrCat(candidate.repository, "@", candidate.digest));
      if (known != of_graph_.end()) return known->second;
    }
    if (!HasId(bundle.status(), DiagnosticId::kRegistryNotFound)) return bundle;
  }
  if (candidate.by == "lock" && candidate.installation == nullptr) {
    DEPS_RETURN_IF_ERROR(CheckLocked(candidate));
  }
  return std::shared_ptr<const BundleDefinition>();
}

absl::Status Shelf::CheckLocked(const Contender& candidate) {
  if (candidate.tag.empty()) return absl::OkStatus();
  const std::string tagged = absl::StrCat(candidate.repository, ":", candidate.tag);
  const auto now = catalog_.Get(tagged);
  if (!now.ok()) {
    return HasId(now.status(), DiagnosticId::kRegistryNotFound) ? absl::OkStatus() : now.status();
  }
  return Tampered(candidate, (*now)->bundle.digest);
}

absl::StatusOr<VersionTags> Shelf::Tags(const std::string& repository) {
  if (const auto found = tags_.find(repository); found != tags_.end()) return found->second;
  DEPS_ASSIGN_OR_RETURN(const std::vector<std::string> all, catalog_.Tags(repository));
  return tags_[repository] =
             std::make_shared<const std::vector<VersionTag>>(VersionTagsOf(all, strategy_));
}

absl::StatusOr<CandidateList> Shelf::Providers(const std::vector<std::string>& references) {
  CandidateList candidates;
  for (const std::string& text : references) {
    DEPS_ASSIGN_OR_RETURN(const Reference reference, Reference::Parse(text));
    if (!reference.tag().empty() || !reference.digest().empty()) {
      candidates.Add(Provider(reference));
      continue;
    }
    DEPS_ASSIGN_OR_RETURN(VersionTags tags, Tags(reference.Repository()));
    candidates.AddTags(reference.Repository(), std::move(tags), "provider");
  }
  return candidates;
}

absl::StatusOr<CandidateList> Shelf::IndexedProviders(const std::string& id,
                                                      const std::string& without) {
  CandidateList candidates;
  DEPS_ASSIGN_OR_RETURN(const std::vector<std::string> indexed, catalog_.Providers(id));
  std::map<std::string, std::vector<Reference>> by_repository;
  for (const std::string& text : indexed) {
    DEPS_ASSIGN_OR_RETURN(Reference reference, Reference::Parse(text));
    if (reference.Repository() != without) {
      by_repository[reference.Repository()].push_back(std::move(reference));
    }
  }
  for (const auto& [repository, references] : by_repository) {
    std::vector<std::string> tags;
    for (const Reference& reference : references) tags.push_back(reference.tag());
    auto versions = std::make_shared<const std::vector<VersionTag>>(VersionTagsOf(tags, strategy_));
    candidates.AddTags(repository, std::move(versions), "provider");
    for (const Reference& reference : references) {
      if (!ParseVersionTag(reference.tag())) candidates.Add(Provider(reference));
    }
  }
  return candidates;
}

}  // namespace deps
