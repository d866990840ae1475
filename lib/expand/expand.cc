#include "lib/expand/expand.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/base/status_macros.h"
#include "lib/expand/paths.h"
#include "lib/expand/requirements.h"
#include "lib/expand/wiring.h"

namespace deps {
namespace {

using Asked = std::vector<const Requirement*>;

struct KeyState;

// What a bundle requires, and the states of the keys of each.
struct Needs {
  std::vector<Requirement> requirements;
  std::vector<KeyState*> states;
};

// What is known of a key, from pass to pass.
struct KeyState {
  std::string key;
  Asked asked;  // What `choice` was made for; empty: it was not made.
  NodeChoice choice;
  const Needs* needs = nullptr;  // Of choice.bundle; nullptr: not read yet.
  std::vector<Diagnostic> errors;

  // Of the last pass that came to it.
  int pass = 0;
  Asked asked_now;
  size_t index = 0;  // Of its visit, or of the ancestor that stands for it.
};

// A key that the present choices reach.
struct Visit {
  KeyState* state = nullptr;
  size_t parent = 0;  // The visit that found it.
  int depth = 0;
  const std::string* alias = nullptr;  // By which the parent knows it.
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
    root_ = StateOf(std::string(kRootKey));
    root_->choice.bundle = std::move(root);
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
  KeyState* StateOf(const std::string& key) {
    std::unique_ptr<KeyState>& state = states_[key];
    if (state == nullptr) {
      state = std::make_unique<KeyState>();
      state->key = key;
    }
    return state.get();
  }

  absl::Status Walk() {
    ++pass_;
    visits_.clear();
    digests_.clear();
    asked_.clear();
    root_->pass = pass_;
    visits_.push_back({.state = root_});
    digests_.insert(root_->choice.bundle->bundle.digest);
    for (size_t next = 0; next < visits_.size(); ++next) {
      DEPS_RETURN_IF_ERROR(WalkFrom(next));
    }
    return absl::OkStatus();
  }

  absl::Status WalkFrom(size_t from) {
    const Needs* needs = NeedsOf(*visits_[from].state);
    if (needs == nullptr) return absl::OkStatus();
    for (size_t i = 0; i < needs->requirements.size(); ++i) {
      const Requirement& requirement = needs->requirements[i];
      KeyState& state = *needs->states[i];
      const bool is_new = state.pass != pass_;
      if (is_new) {
        state.pass = pass_;
        state.asked_now.clear();
        asked_.push_back(&state);
      }
      state.asked_now.push_back(&requirement);
      if (!is_new) continue;
      const Visit visit{.state = &state,
                        .parent = from,
                        .depth = visits_[from].depth + 1,
                        .alias = &requirement.dependency.alias};
      DEPS_RETURN_IF_ERROR(CheckLimits(visit, requirement.dependency));
      if (state.asked.empty()) continue;
      if (const std::optional<size_t> ancestor = SameAbove(visit)) {
        state.index = *ancestor;
        continue;
      }
      state.index = visits_.size();
      visits_.push_back(visit);
    }
    return absl::OkStatus();
  }

  std::string PathOf(const Visit& visit) const {
    if (visit.alias == nullptr) return std::string(kRootKey);
    std::vector<std::string_view> steps;
    for (const Visit* at = &visit; at->alias != nullptr; at = &visits_[at->parent]) {
      steps.push_back(*at->alias);
    }
    steps.push_back(kRootKey);
    std::reverse(steps.begin(), steps.end());
    return absl::StrJoin(steps, "/");
  }

  absl::Status CheckLimits(const Visit& visit, const Dependency& dependency) const {
    if (visit.depth > options_.max_depth) {
      return MakeError(
          {.id = DiagnosticId::kGraphDepth,
           .message = absl::StrCat("dependencies are nested more than ", options_.max_depth,
                                   " deep: ", PathOf(visit).substr(0, 200)),
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

  const Needs* NeedsOf(KeyState& state) {
    if (state.choice.bundle == nullptr || state.choice.leaf) return nullptr;
    if (state.needs != nullptr) return state.needs;
    Required required = ReadRequirements(state.key, *state.choice.bundle, options_);
    state.errors = std::move(required.errors);
    // Kept to the end, because `asked` of other keys points into them.
    Needs* const needs = kept_.emplace_back(std::make_unique<Needs>()).get();
    needs->requirements = std::move(required.requirements);
    for (const Requirement& requirement : needs->requirements) {
      needs->states.push_back(StateOf(requirement.key));
    }
    return state.needs = needs;
  }

  absl::StatusOr<bool> ChooseWhatChanged(bool accumulate) {
    std::vector<KeyState*> due;
    for (KeyState* const state : asked_) {
      if (accumulate) AddMissing(state->asked, &state->asked_now);
      if (state->asked_now == state->asked) continue;
      due.push_back(state);
      if (foresee_) foresee_(state->key, state->asked_now);
    }
    for (KeyState* const state : due) {
      DEPS_ASSIGN_OR_RETURN(NodeChoice choice, choose_(state->key, state->asked_now));
      if (Same(choice.bundle, state->choice.bundle)) {
        choice.bundle = state->choice.bundle;  // Its requirements stay what others were asked for.
      } else {
        state->needs = nullptr;
      }
      state->asked = state->asked_now;
      state->choice = std::move(choice);
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

  Expansion Build() {
    std::vector<std::string> first_paths;
    std::vector<PathStep> steps;
    for (size_t from = 0; from < visits_.size(); ++from) {
      const Visit& visit = visits_[from];
      first_paths.push_back(visit.alias == nullptr
                                ? std::string(kRootKey)
                                : absl::StrCat(first_paths[visit.parent], "/", *visit.alias));
      const Needs* needs = visit.state->needs;
      for (size_t i = 0; needs != nullptr && i < needs->requirements.size(); ++i) {
        steps.push_back({from, needs->states[i]->index, needs->requirements[i].dependency.alias});
      }
    }
    paths_ = PathsOf(first_paths, steps);
    const std::vector<size_t> order = OrderById();
    result_.graph.nodes.reserve(order.size());
    for (const size_t i : order) AddNode(i);
    edges_.resize(order.size());
    for (const size_t i : order) AddEdges(i);
    size_t count = 0;
    for (const std::vector<Edge>& edges : edges_) count += edges.size();
    result_.graph.edges.reserve(count);
    for (const size_t i : order) {
      for (Edge& edge : edges_[i]) result_.graph.edges.push_back(std::move(edge));
      edges_[i] = {};
    }
    SortGraph(&result_.graph);
    return std::move(result_);
  }

  std::vector<size_t> OrderById() {
    std::vector<size_t> order(visits_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return IdOf(a) < IdOf(b); });
    place_.resize(order.size());
    for (size_t i = 0; i < order.size(); ++i) place_[order[i]] = i;
    return order;
  }

  const std::string& IdOf(size_t index) const { return paths_[index].paths.front(); }

  void AddNode(size_t index) {
    const KeyState& state = *visits_[index].state;
    Node node{
        .id = IdOf(index), .paths = paths_[index].paths, .resolution = state.choice.resolution};
    if (const auto& definition = state.choice.bundle; definition != nullptr) {
      node.bundle = std::shared_ptr<const Bundle>(definition, &definition->bundle);
    }
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
      result_.definitions.emplace_hint(result_.definitions.end(), node.id, state.choice.bundle);
    }
    result_.graph.nodes.push_back(std::move(node));
  }

  void AddEdges(size_t from) {
    const KeyState& state = *visits_[from].state;
    if (state.needs == nullptr) return;
    const std::vector<Requirement>& requirements = state.needs->requirements;
    absl::flat_hash_map<std::string_view, size_t> by_alias;
    for (size_t i = 0; i < requirements.size(); ++i) {
      by_alias.emplace(requirements[i].dependency.alias, state.needs->states[i]->index);
    }
    std::map<std::string, std::vector<std::string>> uses;
    for (const DependencySource& source : state.choice.bundle->sources) {
      const auto read = by_alias.find(source.alias);
      if (read == by_alias.end()) continue;  // Told already.
      uses[source.alias].push_back(source.output);
      if (source.parameter.empty()) continue;
      AddWire({.field = "parameters", .name = source.parameter}, from, read->second, source.output);
    }
    edges_[from].reserve(requirements.size());
    for (const Requirement& requirement : requirements) {
      const auto used = uses.find(requirement.dependency.alias);
      AddRequires(from, by_alias.at(requirement.dependency.alias), requirement.dependency,
                  used == uses.end() ? std::vector<std::string>() : std::move(used->second));
      AddWiring(from, by_alias, *state.choice.bundle, requirement.dependency);
    }
  }

  void AddRequires(size_t from, size_t to, const Dependency& dependency,
                   std::vector<std::string> uses) {
    std::sort(uses.begin(), uses.end());
    uses.erase(std::unique(uses.begin(), uses.end()), uses.end());
    // The node is known by the requirement that its id goes through.
    Node& node = result_.graph.nodes[place_[to]];
    if (to != 0 && node.id == absl::StrCat(IdOf(from), "/", dependency.alias)) {
      node.reference = dependency.reference;
    }
    edges_[from].push_back({.kind = Edge::Kind::kRequires,
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

  void AddWiring(size_t parent, const absl::flat_hash_map<std::string_view, size_t>& by_alias,
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
    edges_[from].push_back({.kind = Edge::Kind::kWiring,
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
  KeyState* root_ = nullptr;
  std::vector<std::unique_ptr<Needs>> kept_;

  // Of one walk.
  int pass_ = 0;
  std::vector<Visit> visits_;
  std::vector<KeyState*> asked_;                   // In the order in which it came to them.
  absl::flat_hash_set<std::string_view> digests_;  // Of the bundles that were met.

  // Of the result.
  std::vector<NodePaths> paths_;
  std::vector<size_t> place_;             // In the graph, by visit.
  std::vector<std::vector<Edge>> edges_;  // By the visit that they come from.
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
