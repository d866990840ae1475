#include "lib/solve/resolve.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/oci/reference.h"
#include "lib/solve/explain.h"
#include "lib/solve/lock_file.h"
#include "lib/solve/package_space.h"
#include "lib/solve/requests.h"
#include "lib/solve/solver.h"

namespace deps {
namespace {

using Keys = std::map<std::string, std::string>;

absl::StatusOr<std::vector<Use>> ReadUses(const Graph& graph, const ResolveOptions& options,
                                          const Keys& keys) {
  std::vector<Use> uses;
  for (const std::string& text : options.uses) {
    DEPS_ASSIGN_OR_RETURN(Use use, ParseUse(text, options.name_space));
    DEPS_ASSIGN_OR_RETURN(const std::string path, PathOf(graph, use.node));
    if (const auto key = keys.find(path); key != keys.end()) use.key = key->second;
    // Without a namespace the global one counts too.
    const bool bare = text.find('/', text.find('=')) == std::string::npos;
    if (use.installation && bare) {
      const auto exists = [&](const InstallationName& name) {
        return std::any_of(options.installations.begin(), options.installations.end(),
                           [&](const Installation& known) { return known.name == name; });
      };
      const InstallationName global{"", use.installation->name};
      if (!exists(*use.installation) && exists(global)) use.installation = global;
    }
    uses.push_back(std::move(use));
  }
  return uses;
}

// The locked nodes that count, by key. Those that the graph does not have are
// found by their path (PackageSpace).
absl::StatusOr<std::map<std::string, const LockedNode*>> LockedByKey(const Graph& graph,
                                                                     const ResolveOptions& options,
                                                                     const Keys& keys) {
  std::map<std::string, const LockedNode*> locked;
  if (!options.lock || (options.upgrade && options.upgrade->empty())) return locked;
  std::string upgraded;
  if (options.upgrade) {
    DEPS_ASSIGN_OR_RETURN(upgraded, PathOf(graph, *options.upgrade));
    if (upgraded.empty()) {
      return MakeError(
          {.id = DiagnosticId::kSolveUnknownNode,
           .message = absl::StrCat("--upgrade: there is no node \"", *options.upgrade, "\"")});
    }
  }
  for (const auto& [id, node] : options.lock->nodes) {
    const auto key = keys.find(id);
    if (id != upgraded && key != keys.end()) locked[key->second] = &node;
  }
  return locked;
}

absl::Status CheckUses(const std::vector<Use>& uses, const PackageSpace& space) {
  std::vector<Diagnostic> unknown;
  for (const Use& use : uses) {
    if (space.Used(use)) continue;
    unknown.push_back(
        {.id = DiagnosticId::kSolveUnknownNode,
         .message = absl::StrCat("--use: there is no node \"", use.node, "\""),
         .hint = "name a node as the graph does, such as root/ALIAS, or by its alias"});
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
  if (by == "provider") return "the first provider that has the interface";
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
  Chosen(PackageSpace& space, const SolverResult& result, const ResolveOptions& options)
      : space_(space), result_(result), options_(options) {}

  absl::StatusOr<NodeChoice> operator()(const std::string& key,
                                        const std::vector<const Requirement*>& requirements) {
    const PackageId id = space_.Find(key);
    const auto selected = result_.selected.find(id);
    if (id < 0 || selected == result_.selected.end()) {
      return MakeError({.message = absl::StrCat("the node ", key, " was not solved")});
    }
    const Contender& candidate = space_.package(id).candidates[selected->second];
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
    } else {
      DEPS_ASSIGN_OR_RETURN(choice.bundle, space_.Bundle(candidate));
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
    resolution.reason = ReasonFor(candidate, resolution.by, requirements, options_.strategy);
    choice.resolution = std::move(resolution);
    return choice;
  }

 private:
  // A plan shows more where the bundle of a reused installation is known; it
  // runs without.
  void AddBundle(const Contender& candidate, const std::vector<const Requirement*>& requirements,
                 NodeChoice* choice) {
    absl::StatusOr<std::shared_ptr<const BundleDefinition>> bundle = space_.Bundle(candidate);
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

  // Whether a version was looked for, rather than one reference taken.
  bool HasRange(PackageId id) const {
    const std::vector<Asked>& asked = space_.package(id).asked;
    return std::any_of(asked.begin(), asked.end(),
                       [](const Asked& one) { return !one.only_reference; });
  }

  PackageSpace& space_;
  const SolverResult& result_;
  const ResolveOptions& options_;
};

}  // namespace

absl::StatusOr<ResolveResult> Resolve(const Graph& graph, const ResolveOptions& options,
                                      Catalog& catalog) {
  const Node* root = graph.Find(graph.root);
  if (root == nullptr || !root->bundle) {
    return MakeError({.id = DiagnosticId::kDocumentValue,
                      .message = "the graph has no bundle for its root",
                      .location = {.pointer = "/root"}});
  }
  const auto definition = std::make_shared<const BundleDefinition>(
      DefinitionOf(*root, RequiresEdges(graph)[graph.root]));
  DEPS_ASSIGN_OR_RETURN(const Keys keys, KeysByPath(graph, options.expand));
  DEPS_ASSIGN_OR_RETURN(const std::vector<Use> uses, ReadUses(graph, options, keys));
  DEPS_ASSIGN_OR_RETURN(const auto locked, LockedByKey(graph, options, keys));
  PackageSpace space(definition, options, uses, locked, catalog);
  DEPS_ASSIGN_OR_RETURN(const SolverResult solved, Solve(space, PackageSpace::kRoot));
  DEPS_RETURN_IF_ERROR(CheckUses(uses, space));
  ResolveResult result;
  if (solved.proof != nullptr) {
    result.solution = graph;
    result.solution.diagnostics.clear();
    result.solution.status = "unsatisfiable";
    DEPS_ASSIGN_OR_RETURN(result.solution.explanation, Explain(*solved.proof, space));
    return result;
  }
  Chosen chosen(space, solved, options);
  DEPS_ASSIGN_OR_RETURN(result.solution, Expand(definition, options.expand, std::ref(chosen)));
  // Expand knows the root by its bundle alone.
  for (Node& node : result.solution.nodes) {
    if (node.id == result.solution.root) node.reference = root->reference;
  }
  result.solution.status = "solved";
  result.lock = LockOf(result.solution, options.lock.value_or(Lock()));
  if (options.lock) result.lock_differences = Differences(*options.lock, result.lock);
  return result;
}

}  // namespace deps
