#include "lib/solve/resolve.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/base/status_macros.h"
#include "lib/bundle/lookahead.h"
#include "lib/diag/diagnostic.h"
#include "lib/oci/reference.h"
#include "lib/solve/asked.h"
#include "lib/solve/attempt.h"
#include "lib/solve/explain.h"
#include "lib/solve/interface_match.h"
#include "lib/solve/lock_file.h"
#include "lib/solve/package_space.h"
#include "lib/solve/requests.h"
#include "lib/solve/shelf.h"
#include "lib/solve/solver.h"
#include "lib/solve/way_out.h"

namespace deps {
namespace {

using Keys = std::map<std::string, std::string>;

// The locked nodes that count, by key. Those that the graph does not have are
// found by their path (PackageSpace).
std::map<std::string, const LockedNode*> LockedByKey(const ResolveOptions& options,
                                                     const Keys& keys) {
  std::map<std::string, const LockedNode*> locked;
  if (!options.lock) return locked;
  // A node that is shared has one key and several paths.
  std::set<std::string> upgraded;
  for (const std::string& path : options.upgrades) {
    if (const auto key = keys.find(path); key != keys.end()) upgraded.insert(key->second);
  }
  for (const auto& [id, node] : options.lock->nodes) {
    const auto key = keys.find(id);
    if (key == keys.end() || !options.KeepsLocked(id)) continue;
    if (upgraded.count(key->second) == 0) locked[key->second] = &node;
  }
  return locked;
}

// The path of a node that --upgrade names. Errors: those of PathOf,
// solve-unknown-node.
absl::StatusOr<std::string> PathOfUpgrade(const Graph& graph, const ResolveOptions& options,
                                          const std::string& name) {
  if (name.empty()) return name;
  DEPS_ASSIGN_OR_RETURN(std::string path, PathOf(graph, name));
  if (path.empty() && options.lock) {
    // What the graph does not have, a version that the lock holds may need.
    for (const std::string& id : {name, absl::StrCat(std::string(kRootKey), "/", name)}) {
      if (options.lock->nodes.count(id) > 0) path = id;
    }
  }
  if (path.empty()) {
    std::vector<std::string> paths;
    for (const Node& node : graph.nodes) paths.push_back(node.id);
    return MakeError({.id = DiagnosticId::kSolveUnknownNode,
                      .message = absl::StrCat("--upgrade: there is no node \"", name, "\""),
                      .hint = HintForNode(name, paths)});
  }
  return path;
}

// A node that is not there at all is a mistake; one that was there and is not
// needed any more is none.
absl::Status CheckUses(const Attempt& attempt, std::vector<Diagnostic>* warnings) {
  std::vector<Diagnostic> unknown;
  for (const Use& use : attempt.uses) {
    if (attempt.space->Used(use)) continue;
    if (!use.key.empty()) {
      warnings->push_back(
          {.id = DiagnosticId::kSolveOverride,
           .severity = Severity::kWarning,
           .message = absl::StrCat("--use ", use.node, ": nothing that was chosen needs it")});
      continue;
    }
    unknown.push_back({.id = DiagnosticId::kSolveUnknownNode,
                       .message = absl::StrCat("--use: there is no node \"", use.node, "\""),
                       .hint = HintForNode(use.node, attempt.space->Paths())});
  }
  return unknown.empty() ? absl::OkStatus() : MakeErrors(std::move(unknown));
}

std::string RangeText(const std::vector<const Requirement*>& requirements) {
  std::vector<std::string> ranges;
  for (const Requirement* requirement : requirements) {
    const std::string& range = requirement->dependency.version;
    if (!range.empty() && std::find(ranges.begin(), ranges.end(), range) == ranges.end()) {
      ranges.push_back(range);
    }
  }
  return absl::StrJoin(ranges, " and ");
}

std::string ReasonFor(const Contender& candidate, const std::string& by,
                      const std::vector<const Requirement*>& requirements, Strategy strategy) {
  const std::string range = RangeText(requirements);
  if (by == "override") return "named by the user with --use";
  if (by == "lock") return "held by the lock file";
  if (candidate.installation != nullptr) {
    const std::string& name_space = candidate.installation->name.name_space;
    const Sharing& sharing = *requirements.front()->dependency.sharing;
    return absl::StrCat(
        "installed in ",
        name_space.empty() ? "the global namespace" : absl::StrCat("namespace ", name_space),
        " and shared in group \"", sharing.group, "\"");
  }
  if (by == "default") return "the reference that the bundle names";
  const std::string which = strategy == Strategy::kLowest ? "lowest" : "highest";
  const std::string where = range.empty() ? "" : absl::StrCat(" in ", range);
  return absl::StrCat("the ", which, " version", where, " that suits all that need it");
}

class Chosen {
 public:
  Chosen(const Attempt& attempt, Shelf& shelf, const ResolveOptions& options)
      : space_(*attempt.space),
        selection_(attempt.result.selection),
        shelf_(shelf),
        options_(options) {}

  absl::StatusOr<NodeChoice> operator()(const std::string& key,
                                        const std::vector<const Requirement*>& requirements) {
    const PackageId id = space_.Find(key);
    if (id < 0 || id >= static_cast<PackageId>(selection_.size()) ||
        selection_[id] == kNotSelected) {
      return MakeError({.message = absl::StrCat("the node ", key, " was not solved")});
    }
    const Contender candidate = space_.package(id).candidates.At(selection_[id]);
    NodeChoice choice;
    Resolution resolution;
    resolution.by = candidate.by;
    resolution.tag = candidate.tag;
    resolution.digest = candidate.digest;
    if (candidate.version) resolution.version = candidate.version->ToString();
    if (candidate.installation != nullptr) {
      choice.leaf = true;
      resolution.kind = "installation";
      resolution.installation = candidate.installation->name;
      resolution.reference = candidate.reference;
      AddBundle(candidate, requirements, &choice);
      AddFailure(*candidate.installation, &choice);
    } else {
      DEPS_ASSIGN_OR_RETURN(choice.bundle, shelf_.Bundle(candidate));
      if (choice.bundle == nullptr) {
        return MakeError({.id = DiagnosticId::kRegistryNotFound,
                          .message = absl::StrCat(candidate.reference, " is no longer there")});
      }
      resolution.kind = "bundle";
      resolution.digest = choice.bundle->bundle.digest;
      resolution.reference = absl::StrCat(candidate.repository, "@", resolution.digest);
      if (resolution.version.empty()) resolution.version = choice.bundle->bundle.version;
      if (candidate.by == "range" && !HasRange(id)) resolution.by = "default";
    }
    resolution.reason = resolution.by == "provider"
                            ? ProviderReason(id)
                            : ReasonFor(candidate, resolution.by, requirements, options_.strategy);
    if (candidate.by == "override") AddOutside(id, candidate, &choice);
    choice.resolution = std::move(resolution);
    return choice;
  }

 private:
  // A plan shows more where the bundle of a reused installation is known; it
  // runs without.
  void AddBundle(const Contender& candidate, const std::vector<const Requirement*>& requirements,
                 NodeChoice* choice) {
    absl::StatusOr<std::shared_ptr<const BundleDefinition>> bundle = shelf_.Bundle(candidate);
    if (bundle.ok()) {
      choice->bundle = *std::move(bundle);
      return;
    }
    // Who says --offline knows.
    if (HasId(bundle.status(), DiagnosticId::kOffline)) return;
    for (Diagnostic diagnostic : DiagnosticsOf(bundle.status())) {
      diagnostic.severity = Severity::kWarning;
      diagnostic.message = absl::StrCat("the bundle of the installation that is reused for \"",
                                        requirements.front()->dependency.alias,
                                        "\" is not known: ", diagnostic.message);
      choice->diagnostics.push_back(std::move(diagnostic));
    }
  }

  // It is installed all the same, in which state only its owner knows.
  static void AddFailure(const Installation& installation, NodeChoice* choice) {
    if (installation.result_status != "failed") return;
    choice->diagnostics.push_back(
        {.id = DiagnosticId::kSolveOverride,
         .severity = Severity::kWarning,
         .message = absl::StrCat("the installation ", installation.DisplayName(),
                                 " is reused although its last ", installation.action, " failed")});
  }

  // What is named by the user wins, and the user is told over what.
  void AddOutside(PackageId id, Contender candidate, NodeChoice* choice) {
    candidate.by = "";
    if (choice->bundle != nullptr && !candidate.version) {
      const absl::StatusOr<Version> own = Version::Parse(choice->bundle->bundle.version);
      if (own.ok()) candidate.version = *own;
    }
    for (const int requirement : space_.package(id).asked) {
      const Asked& asked = space_.asked(requirement);
      if (asked.repository != candidate.repository || !IsActive(requirement)) continue;
      const std::string refusal = QuickRefusal(asked, candidate, options_.strategy);
      if (refusal.empty()) continue;
      choice->diagnostics.push_back(
          {.id = DiagnosticId::kSolveOverride,
           .severity = Severity::kWarning,
           .message = absl::StrCat("what --use names ", refusal, ", as ",
                                   space_.package(asked.parent).path, " asks for")});
    }
  }

  // Whether the candidate that was chosen for its parent has the requirement.
  bool IsActive(int requirement) const {
    const PackageId parent = space_.asked(requirement).parent;
    if (parent >= static_cast<PackageId>(selection_.size())) return false;
    const auto& expanded = space_.package(parent).expanded;
    const auto found = expanded.find(static_cast<size_t>(selection_[parent]));
    return found != expanded.end() && std::find(found->second.begin(), found->second.end(),
                                                requirement) != found->second.end();
  }

  std::string ProviderReason(PackageId id) const {
    if (!options_.providers.empty()) {
      return "the first of the providers that are listed which has the interface";
    }
    const Package& package = space_.package(id);
    const std::string& interface = space_.asked(package.asked.front()).wants.interface_id;
    if (interface.empty()) return "the first by name in the indexes that has what is wanted";
    const size_t repositories = package.candidates.Repositories().size();
    if (repositories == 1) return absl::StrCat("all that the indexes have for ", interface);
    return absl::StrCat("the first by name of ", repositories, " repositories that provide ",
                        interface);
  }

  // Whether a version was looked for, rather than one reference taken.
  bool HasRange(PackageId id) const {
    const std::vector<int>& asked = space_.package(id).asked;
    return std::any_of(asked.begin(), asked.end(),
                       [&](int one) { return !space_.asked(one).only_reference; });
  }

  const PackageSpace& space_;
  const Selection& selection_;
  Shelf& shelf_;
  const ResolveOptions& options_;
};

// How the interfaces of the chosen bundles' dependencies call what these call
// otherwise (PEP003 rule 6: the parent knows it by the interface's name).
absl::Status AddNames(Catalog& catalog, Graph* solution) {
  std::map<std::string, const Node*> nodes;
  for (const Node& node : solution->nodes) nodes[node.id] = &node;
  for (Edge& edge : solution->edges) {
    const Node& node = *nodes.at(edge.to);
    if (edge.kind != Edge::Kind::kRequires || !edge.interface || !node.bundle) continue;
    DEPS_ASSIGN_OR_RETURN(const Wants wants,
                          InterfaceOf({.alias = edge.alias, .interface = edge.interface}, catalog));
    edge.names = NamesFor(wants, *node.bundle);
  }
  return absl::OkStatus();
}

// What a node of the solution is locked to, where its tag is to stay where it is.
struct LockedTag {
  std::string node;
  Contender locked;
  std::string Tagged() const { return absl::StrCat(locked.repository, ":", locked.tag); }
};

std::vector<LockedTag> LockedTagsOf(const Graph& solution) {
  std::vector<LockedTag> tags;
  for (const Node& node : solution.nodes) {
    if (!node.resolution || node.resolution->by != "lock" || node.resolution->installation) {
      continue;
    }
    const Resolution& resolution = *node.resolution;
    const std::optional<VersionTag> tag = ParseVersionTag(resolution.tag);
    // Shorter ones are meant to move.
    if (!tag || tag->version.parts() < 3) continue;
    const absl::StatusOr<Reference> locked = Reference::Parse(resolution.reference);
    if (!locked.ok()) continue;
    tags.push_back({.node = node.id,
                    .locked = {.repository = locked->Repository(),
                               .tag = resolution.tag,
                               .digest = resolution.digest}});
  }
  return tags;
}

// That the tags of full versions which are kept by the lock still lead where
// they led. Errors: lock-tampered; those of the catalog, but offline.
absl::Status CheckTags(const Graph& solution, Catalog& catalog) {
  const std::vector<LockedTag> tags = LockedTagsOf(solution);
  Lookahead lookahead(catalog, Lookahead::Guess::kReference);
  for (const LockedTag& tag : tags) lookahead.ExpectDigest(tag.Tagged());
  std::vector<Diagnostic> tampered;
  for (const LockedTag& tag : tags) {
    const absl::StatusOr<std::string> now = catalog.Digest(tag.Tagged());
    if (HasId(now.status(), DiagnosticId::kRegistryNotFound) ||
        HasId(now.status(), DiagnosticId::kOffline)) {
      continue;
    }
    DEPS_RETURN_IF_ERROR(now.status());
    if (*now == tag.locked.digest) continue;
    for (Diagnostic& diagnostic : DiagnosticsOf(Tampered(tag.locked, *now))) {
      diagnostic.message = absl::StrCat(tag.node, ": ", diagnostic.message);
      tampered.push_back(std::move(diagnostic));
    }
  }
  return tampered.empty() ? absl::OkStatus() : MakeErrors(std::move(tampered));
}

// What is locked is tried first, without a look at what else there may be: if
// it fits, it is the answer.
absl::StatusOr<std::unique_ptr<Attempt>> Search(const std::vector<Use>& uses,
                                                const Attempts& attempts) {
  if (attempts.HasLocked()) {
    DEPS_ASSIGN_OR_RETURN(std::unique_ptr<Attempt> locked,
                          attempts.Try(uses, /*locked_only=*/true));
    if (locked->result.found) return locked;
  }
  return attempts.Try(uses, /*locked_only=*/false);
}

Graph NoSolution(const Graph& graph, const Attempt& attempt, const Attempts& attempts) {
  Graph solution = graph;
  solution.diagnostics.clear();
  solution.status = "unsatisfiable";
  solution.explanation = Explain(attempt.result.proof, *attempt.space);
  solution.explanation.back().hint = WayOut(attempt, attempts);
  return solution;
}

}  // namespace

absl::StatusOr<ResolveResult> Resolve(const Graph& graph, const ResolveOptions& given,
                                      Catalog& catalog) {
  const Node* root = graph.Find(graph.root);
  if (root == nullptr || !root->bundle) {
    return MakeError({.id = DiagnosticId::kDocumentValue,
                      .message = "the graph has no bundle for its root",
                      .location = {.pointer = "/root"}});
  }
  const auto definition = std::make_shared<const BundleDefinition>(
      DefinitionOf(graph, *root, RequiresEdges(graph)[graph.root]));
  ResolveOptions options = given;
  for (std::string& upgrade : options.upgrades) {
    DEPS_ASSIGN_OR_RETURN(upgrade, PathOfUpgrade(graph, options, upgrade));
  }
  Keys keys;
  if (options.lock || !options.uses.empty()) {
    DEPS_ASSIGN_OR_RETURN(keys, KeysByPath(graph, options.expand));
  }
  DEPS_ASSIGN_OR_RETURN(const std::vector<Use> uses, ReadUses(graph, options, keys));
  Shelf shelf(graph, catalog, options.strategy);
  Attempts attempts(definition, options, LockedByKey(options, keys), shelf);
  DEPS_ASSIGN_OR_RETURN(const std::unique_ptr<Attempt> attempt, Search(uses, attempts));
  std::vector<Diagnostic> warnings;
  DEPS_RETURN_IF_ERROR(CheckUses(*attempt, &warnings));
  ResolveResult result;
  if (!attempt->result.found) {
    result.solution = NoSolution(graph, *attempt, attempts);
    return result;
  }
  Chosen chosen(*attempt, shelf, options);
  DEPS_ASSIGN_OR_RETURN(result.solution, Expand(definition, options.expand, std::ref(chosen)));
  // Expand knows the root by its bundle alone.
  for (Node& node : result.solution.nodes) {
    if (node.id == result.solution.root) node.reference = root->reference;
  }
  result.solution.status = "solved";
  for (Diagnostic& warning : warnings) result.solution.diagnostics.push_back(std::move(warning));
  DEPS_RETURN_IF_ERROR(AddNames(catalog, &result.solution));
  if (!options.frozen) DEPS_RETURN_IF_ERROR(CheckTags(result.solution, catalog));
  result.lock = LockOf(result.solution, options.lock.value_or(Lock()));
  if (options.lock) result.lock_differences = Differences(*options.lock, result.lock);
  return result;
}

}  // namespace deps
