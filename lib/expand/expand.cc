#include "lib/expand/expand.h"

#include <algorithm>
#include <memory>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/expand/paths.h"
#include "lib/expand/requirements.h"
#include "lib/expand/wiring.h"

namespace deps {
namespace {

using Requirements = std::vector<Requirement>;
using Asked = std::vector<const Requirement*>;

// What is known of a key, from pass to pass.
struct KeyState {
  Asked asked;  // What `choice` was made for.
  NodeChoice choice;
  const Requirements* requirements = nullptr;  // Of choice.bundle; nullptr: not asked yet.
  std::vector<Diagnostic> errors;
};

// A key that the present choices reach.
struct Visit {
  std::string key;
  std::string path;
  size_t parent = 0;  // The visit that found it.
  int depth = 0;
  KeyState* state = nullptr;
};

// Choices are made level by level. Where a deeper level asks for a node that
// was chosen already, it is chosen again and what hung on the old choice is
// left behind, until a pass over the graph finds nothing new to choose.
class Expander {
 public:
  Expander(std::shared_ptr<const BundleDefinition> root, ExpandOptions options,
           const Chooser& choose, const Foresight& foresee)
      : options_(std::move(options)), choose_(choose), foresee_(foresee) {
    if (options_.installation.name.empty()) options_.installation.name = root->bundle.name;
    StateOf(std::string(kRootKey)).choice.bundle = std::move(root);
  }

  absl::StatusOr<Expansion> Run() {
    // A choice that undoes what it was made for could go on for ever. Then
    // requirements are kept once they were seen, which comes to an end.
    const int exact_passes = 4 * options_.max_depth;
    for (int pass = 0; pass < 2 * exact_passes; ++pass) {
      DEPS_RETURN_IF_ERROR(Walk());
      DEPS_ASSIGN_OR_RETURN(const bool changed, ChooseWhatChanged(pass >= exact_passes));
      if (!changed) return Build();
    }
    return MakeError({.id = DiagnosticId::kGraphDepth,
                      .message = "the choice of bundles does not settle: each one changes what "
                                 "another is asked for"});
  }

 private:
  // Made where it is not there yet; it stays where it is.
  KeyState& StateOf(const std::string& key) {
    std::unique_ptr<KeyState>& state = states_[key];
    if (state == nullptr) state = std::make_unique<KeyState>();
    return *state;
  }

  absl::Status Walk() {
    visits_.clear();
    index_.clear();
    redirects_.clear();
    digests_.clear();
    asked_.clear();
    asked_order_.clear();
    visits_.push_back({.key = std::string(kRootKey),
                       .path = std::string(kRootKey),
                       .state = &StateOf(std::string(kRootKey))});
    index_.emplace(kRootKey, 0);
    digests_.insert(visits_[0].state->choice.bundle->bundle.digest);
    for (size_t next = 0; next < visits_.size(); ++next) {
      DEPS_RETURN_IF_ERROR(WalkFrom(next));
    }
    return absl::OkStatus();
  }

  absl::Status WalkFrom(size_t from) {
    const Requirements* requirements = RequirementsAt(visits_[from]);
    if (requirements == nullptr) return absl::OkStatus();
    for (const Requirement& requirement : *requirements) {
      const auto [asked, is_new] = asked_.try_emplace(requirement.key);
      if (is_new) asked_order_.push_back(requirement.key);
      asked->second.push_back(&requirement);
      if (!is_new) continue;
      Visit visit{.key = requirement.key,
                  .path = absl::StrCat(visits_[from].path, "/", requirement.dependency.alias),
                  .parent = from,
                  .depth = visits_[from].depth + 1};
      DEPS_RETURN_IF_ERROR(CheckLimits(visit, requirement.dependency));
      const auto state = states_.find(visit.key);
      if (state == states_.end()) continue;
      visit.state = state->second.get();
      if (const std::optional<size_t> ancestor = SameAbove(visit)) {
        redirects_.emplace(visit.key, *ancestor);
        continue;
      }
      index_.emplace(visit.key, visits_.size());
      visits_.push_back(std::move(visit));
    }
    return absl::OkStatus();
  }

  absl::Status CheckLimits(const Visit& visit, const Dependency& dependency) const {
    if (visit.depth > options_.max_depth) {
      return MakeError(
          {.id = DiagnosticId::kGraphDepth,
           .message = absl::StrCat("dependencies are nested more than ", options_.max_depth,
                                   " deep: ", visit.path.substr(0, 200)),
           .location = dependency.location});
    }
    if (visits_.size() >= options_.max_nodes) {
      return MakeError(
          {.id = DiagnosticId::kGraphDepth,
           .message = absl::StrCat("the graph has more than ", options_.max_nodes, " nodes"),
           .location = dependency.location});
    }
    return absl::OkStatus();
  }

  // The ancestor that has the same bundle. Mostly no visit before has it, and
  // the ancestors need not be looked at, of which there may be many.
  std::optional<size_t> SameAbove(const Visit& visit) {
    const NodeChoice& choice = visit.state->choice;
    if (choice.leaf || choice.bundle == nullptr || choice.bundle->bundle.digest.empty() ||
        choice.bundle->dependencies.empty()) {
      return std::nullopt;
    }
    if (digests_.insert(choice.bundle->bundle.digest).second) return std::nullopt;
    for (size_t at = visit.parent;; at = visits_[at].parent) {
      const NodeChoice& above = visits_[at].state->choice;
      if (above.bundle->bundle.digest == choice.bundle->bundle.digest) return at;
      if (at == 0) return std::nullopt;
    }
  }

  const Requirements* RequirementsAt(const Visit& visit) {
    KeyState& state = *visit.state;
    if (state.choice.bundle == nullptr || state.choice.leaf) return nullptr;
    if (state.requirements == nullptr) {
      Required required = ReadRequirements(visit.key, *state.choice.bundle, options_);
      state.errors = std::move(required.errors);
      // Kept to the end, because `asked` of other keys points into them.
      kept_.push_back(std::make_unique<const Requirements>(std::move(required.requirements)));
      state.requirements = kept_.back().get();
    }
    return state.requirements;
  }

  absl::StatusOr<bool> ChooseWhatChanged(bool accumulate) {
    std::vector<const std::string*> due;
    for (const std::string& key : asked_order_) {
      Asked& asked = asked_.at(key);
      const KeyState& state = StateOf(key);
      if (accumulate) AddMissing(state.asked, &asked);
      if (asked == state.asked) continue;
      due.push_back(&key);
      if (foresee_) foresee_(key, asked);
    }
    for (const std::string* const due_key : due) {
      const std::string& key = *due_key;
      const Asked& asked = asked_.at(key);
      KeyState& state = StateOf(key);
      DEPS_ASSIGN_OR_RETURN(NodeChoice choice, choose_(key, asked));
      if (Same(choice.bundle, state.choice.bundle)) {
        choice.bundle = state.choice.bundle;  // Its requirements stay what others were asked for.
      } else {
        state.requirements = nullptr;
      }
      state.asked = asked;
      state.choice = std::move(choice);
    }
    return !due.empty();
  }

  static bool Same(const std::shared_ptr<const BundleDefinition>& a,
                   const std::shared_ptr<const BundleDefinition>& b) {
    return a == b || (a != nullptr && b != nullptr && *a == *b);
  }

  // Puts what was asked before in front, so that an unchanged list stays equal.
  static void AddMissing(const Asked& before, Asked* asked) {
    const absl::flat_hash_set<const Requirement*> known(before.begin(), before.end());
    Asked all = before;
    for (const Requirement* requirement : *asked) {
      if (!known.contains(requirement)) all.push_back(requirement);
    }
    *asked = std::move(all);
  }

  size_t IndexOf(const std::string& key) const {
    const auto redirect = redirects_.find(key);
    return redirect != redirects_.end() ? redirect->second : index_.at(key);
  }

  Expansion Build() {
    std::vector<std::string> first_paths;
    std::vector<PathStep> steps;
    for (size_t from = 0; from < visits_.size(); ++from) {
      first_paths.push_back(visits_[from].path);
      const Requirements* requirements = visits_[from].state->requirements;
      if (requirements == nullptr) continue;
      for (const Requirement& requirement : *requirements) {
        steps.push_back({from, IndexOf(requirement.key), requirement.dependency.alias});
      }
    }
    paths_ = PathsOf(first_paths, steps);
    for (size_t i = 0; i < visits_.size(); ++i) AddNode(i);
    for (size_t i = 0; i < visits_.size(); ++i) AddEdges(i);
    SortGraph(&result_.graph);
    return std::move(result_);
  }

  const std::string& IdOf(size_t index) const { return paths_[index].paths.front(); }

  void AddNode(size_t index) {
    const KeyState& state = *visits_[index].state;
    Node node{
        .id = IdOf(index), .paths = paths_[index].paths, .resolution = state.choice.resolution};
    if (state.choice.bundle != nullptr) node.bundle = state.choice.bundle->bundle;
    if (index == 0) {
      node.reference = state.choice.bundle->bundle.reference;
    } else {
      node.alias = node.id.substr(node.id.rfind('/') + 1);
    }
    const auto add = [&](Diagnostic diagnostic, std::vector<Diagnostic>* list) {
      if (index != 0) diagnostic.message = absl::StrCat(node.id, ": ", diagnostic.message);
      list->push_back(std::move(diagnostic));
    };
    for (const Diagnostic& diagnostic : state.choice.diagnostics) {
      add(diagnostic, &result_.graph.diagnostics);
    }
    for (const Diagnostic& diagnostic : state.errors) add(diagnostic, &result_.errors);
    if (paths_[index].cut) {
      add({.id = DiagnosticId::kGraphDepth,
           .severity = Severity::kNote,
           .message = absl::StrCat("it is reached on more paths than the ", node.paths.size(),
                                   " that are listed")},
          &result_.graph.diagnostics);
    }
    if (state.choice.bundle != nullptr) {
      result_.definitions.emplace(node.id, state.choice.bundle);
    }
    nodes_.emplace(node.id, result_.graph.nodes.size());
    result_.graph.nodes.push_back(std::move(node));
  }

  void AddEdges(size_t from) {
    const KeyState& state = *visits_[from].state;
    if (state.requirements == nullptr) return;
    absl::flat_hash_map<std::string, size_t> by_alias;
    for (const Requirement& requirement : *state.requirements) {
      by_alias.emplace(requirement.dependency.alias, IndexOf(requirement.key));
    }
    std::map<std::string, std::vector<std::string>> uses;
    for (const DependencySource& source : state.choice.bundle->sources) {
      const auto read = by_alias.find(source.alias);
      if (read == by_alias.end()) continue;  // Told already.
      uses[source.alias].push_back(source.output);
      if (source.parameter.empty()) continue;
      AddWire({.field = "parameters", .name = source.parameter}, from, read->second, source.output);
    }
    for (const Requirement& requirement : *state.requirements) {
      AddRequires(from, by_alias.at(requirement.dependency.alias), requirement.dependency,
                  std::move(uses[requirement.dependency.alias]));
      AddWiring(from, by_alias, *state.choice.bundle, requirement.dependency);
    }
  }

  void AddRequires(size_t from, size_t to, const Dependency& dependency,
                   std::vector<std::string> uses) {
    std::sort(uses.begin(), uses.end());
    uses.erase(std::unique(uses.begin(), uses.end()), uses.end());
    // The node is known by the requirement that its id goes through.
    Node& node = result_.graph.nodes[nodes_.at(IdOf(to))];
    if (to != 0 && node.id == absl::StrCat(IdOf(from), "/", dependency.alias)) {
      node.reference = dependency.reference;
    }
    result_.graph.edges.push_back({.kind = Edge::Kind::kRequires,
                                   .from = IdOf(from),
                                   .to = IdOf(to),
                                   .alias = dependency.alias,
                                   .reference = dependency.reference,
                                   .version = dependency.version,
                                   .prereleases = dependency.prereleases,
                                   .sharing = dependency.sharing,
                                   .interface = dependency.interface,
                                   .parameters = dependency.parameters,
                                   .credentials = dependency.credentials,
                                   .outputs = dependency.outputs,
                                   .uses = std::move(uses)});
  }

  void AddWiring(size_t parent, const absl::flat_hash_map<std::string, size_t>& by_alias,
                 const BundleDefinition& bundle, const Dependency& dependency) {
    std::vector<Diagnostic> none;  // RequirementsOf has told them.
    const size_t own = by_alias.at(dependency.alias);
    for (const Wire& wire : WiresOf(bundle, dependency, &none)) {
      const size_t from = wire.field == "outputs" ? parent : own;
      for (const TemplatePart& part : wire.parts) {
        const bool is_own = part.kind == TemplatePart::Kind::kOwnOutput;
        if (!is_own && part.kind != TemplatePart::Kind::kDependencyOutput) continue;
        const std::string& alias = is_own ? dependency.alias : part.alias;
        if (wire.field != "outputs" && alias == dependency.alias) continue;  // Told already.
        const auto read = by_alias.find(alias);
        if (read != by_alias.end()) AddWire(wire, from, read->second, part.name);
      }
    }
  }

  // A shared node is wired the same way by all its parents, and a template may
  // read an output twice: one edge says it.
  void AddWire(const Wire& wire, size_t from, size_t to, const std::string& output) {
    if (!wired_.emplace(from, to, wire.field, wire.name, output).second) return;
    result_.graph.edges.push_back({.kind = Edge::Kind::kWiring,
                                   .from = IdOf(from),
                                   .to = IdOf(to),
                                   .field = wire.field,
                                   .name = wire.name,
                                   .output = output});
  }

  ExpandOptions options_;
  const Chooser& choose_;
  const Foresight& foresee_;
  absl::flat_hash_map<std::string, std::unique_ptr<KeyState>> states_;  // Only for look-ups.
  std::vector<std::unique_ptr<const Requirements>> kept_;

  // Of one walk.
  std::vector<Visit> visits_;
  absl::flat_hash_map<std::string, size_t> index_;
  absl::flat_hash_map<std::string, size_t> redirects_;
  absl::flat_hash_set<std::string_view> digests_;  // Of the bundles that were met.
  absl::flat_hash_map<std::string, Asked> asked_;
  std::vector<std::string> asked_order_;

  // Of the result.
  std::vector<NodePaths> paths_;
  absl::flat_hash_map<std::string, size_t> nodes_;
  absl::flat_hash_set<std::tuple<size_t, size_t, std::string, std::string, std::string>> wired_;
  Expansion result_;
};

}  // namespace

absl::StatusOr<Expansion> ExpandAll(std::shared_ptr<const BundleDefinition> root,
                                    const ExpandOptions& options, const Chooser& choose,
                                    const Foresight& foresee) {
  return Expander(std::move(root), options, choose, foresee).Run();
}

absl::StatusOr<Graph> Expand(std::shared_ptr<const BundleDefinition> root,
                             const ExpandOptions& options, const Chooser& choose) {
  DEPS_ASSIGN_OR_RETURN(Expansion expansion, ExpandAll(std::move(root), options, choose));
  if (!expansion.errors.empty()) return MakeErrors(std::move(expansion.errors));
  return std::move(expansion.graph);
}

}  // namespace deps
