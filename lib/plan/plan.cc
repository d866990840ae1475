#include "lib/plan/plan.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <numeric>
#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/base/parallel.h"
#include "lib/base/status_macros.h"
#include "lib/oci/reference.h"
#include "lib/plan/check_given.h"
#include "lib/plan/given.h"
#include "lib/plan/installed.h"
#include "lib/plan/naming.h"
#include "lib/plan/node_table.h"
#include "lib/plan/order.h"
#include "lib/plan/task_action.h"
#include "lib/plan/task_inputs.h"

namespace deps {
namespace {

// A smaller range of nodes is not worth a thread.
constexpr size_t kNodesOfAThread = 1000;

// The digest says for sure what a tag only says today. A bundle that was read
// from a file has no reference.
void PinReference(Bundle* bundle) {
  if (bundle->digest.empty() || absl::EndsWith(bundle->reference, bundle->digest)) return;
  const absl::StatusOr<Reference> reference = Reference::Parse(bundle->reference);
  if (reference.ok()) bundle->reference = reference->WithDigest(bundle->digest).Full();
}

class Planner {
 public:
  // `graph` is the table's.
  Planner(Graph& graph, const NodeTable& table, const PlanOptions& options,
          const InstalledState& state, PlanFacts facts)
      : graph_(graph),
        table_(table),
        options_(options),
        state_(state),
        facts_(std::move(facts)),
        reads_(graph.nodes.size()) {}

  absl::StatusOr<PlanResult> Run() {
    plan_.action = options_.action;
    plan_.installation = facts_.installations[table_.IndexOf(table_.root())].name;
    DEPS_RETURN_IF_ERROR(BindInputs());
    if (options_.action != "uninstall") {
      DEPS_ASSIGN_OR_RETURN(plan_.outputs, ranges_.front()->RootOutputs());
    }
    DEPS_RETURN_IF_ERROR(
        RunSteps({[this] { return PutInOrder(); }, [this] { return MakeRoom(); }}, Processors()));
    PlanResult result;
    for (auto& [key, diagnostic] : missing_) result.missing.push_back(std::move(diagnostic));
    if (!result.missing.empty()) return result;
    DEPS_RETURN_IF_ERROR(MakeTasks());
    if (options_.action == "upgrade" || options_.action == "install") SkipWhatIsUpToDate();
    plan_.digest = PlanDigest(plan_);
    result.plan = std::move(plan_);
    return result;
  }

 private:
  // Runs `step` on all ranges at the same time.
  absl::Status ForRanges(const std::function<absl::Status(std::unique_ptr<TaskInputs>&)>& step) {
    std::vector<std::function<absl::Status()>> steps;
    for (std::unique_ptr<TaskInputs>& range : ranges_) {
      steps.push_back([&step, &range] { return step(range); });
    }
    return RunSteps(steps, Processors());
  }

  absl::Status BindInputs() {
    for (const IndexRange& range : RangesForThreads(graph_.nodes.size(), kNodesOfAThread)) {
      ranges_.push_back(
          std::make_unique<TaskInputs>(table_, options_, state_, facts_, range.begin, range.end));
    }
    DEPS_RETURN_IF_ERROR(
        ForRanges([this](std::unique_ptr<TaskInputs>& range) { return range->Bind(&reads_); }));
    for (const std::unique_ptr<TaskInputs>& range : ranges_) {
      missing_.merge(range->missing);
      for (UnmappedItem& item : range->unmapped_parameters) {
        plan_.unmapped_parameters.push_back(std::move(item));
      }
      for (UnmappedItem& item : range->unmapped_credentials) {
        plan_.unmapped_credentials.push_back(std::move(item));
      }
    }
    return absl::OkStatus();
  }

  // By stage and id.
  absl::Status PutInOrder() {
    // What is up to date is found by what it reads.
    needs_ = state_.known() ? reads_ : std::move(reads_);
    for (const Edge& edge : graph_.edges) {
      const size_t from = table_.IndexOf(table_.From(edge));
      const size_t to = table_.IndexOf(table_.To(edge));
      if (from != to) needs_[from].push_back(to);
    }
    if (options_.action == "uninstall") needs_ = Reversed(needs_);
    DEPS_ASSIGN_OR_RETURN(stages_,
                          StagesOf(needs_, [this](size_t node) { return graph_.nodes[node].id; }));
    const auto by_id = [](const Node& a, const Node& b) { return a.id < b.id; };
    // They mostly are in this order.
    is_by_id_ = std::is_sorted(graph_.nodes.begin(), graph_.nodes.end(), by_id);
    order_.resize(graph_.nodes.size());
    std::iota(order_.begin(), order_.end(), size_t{0});
    std::sort(order_.begin(), order_.end(), [this](size_t a, size_t b) {
      return stages_[a] != stages_[b] ? stages_[a] < stages_[b] : Before(a, b);
    });
    return absl::OkStatus();
  }

  // By id.
  bool Before(size_t a, size_t b) const {
    return is_by_id_ ? a < b : graph_.nodes[a].id < graph_.nodes[b].id;
  }

  // Much of it is new to the process, which takes time of its own.
  absl::Status MakeRoom() {
    plan_.tasks.resize(graph_.nodes.size());
    return absl::OkStatus();
  }

  absl::Status MakeTasks() {
    std::vector<size_t> place(order_.size());
    for (size_t i = 0; i < order_.size(); ++i) place[order_[i]] = i;
    DEPS_RETURN_IF_ERROR(ForRanges([&](std::unique_ptr<TaskInputs>& range) {
      for (size_t node = range->begin(); node < range->end(); ++node) {
        FillTask(node, range->Of(node), &plan_.tasks[place[node]]);
      }
      range.reset();
      return absl::OkStatus();
    }));
    for (size_t i = 0; i < order_.size(); ++i) {
      PlannedTask& task = plan_.tasks[i];
      MoveBundle(graph_.nodes[order_[i]], &task.bundle);
      plan_.stages.resize(static_cast<size_t>(task.stage) + 1);
      plan_.stages.back().push_back(task.id);
    }
    return absl::OkStatus();
  }

  // All but the bundle.
  void FillTask(size_t place, absl::Span<const TaskInput> inputs, PlannedTask* task) {
    const Node& node = graph_.nodes[place];
    task->id = node.id;
    task->action = std::move(facts_.actions[place].action);
    task->reason = std::move(facts_.actions[place].reason);
    task->installation = std::move(facts_.installations[place]);
    task->stage = stages_[place];
    AddNeeds(&needs_[place], task);
    for (const TaskInput& input : inputs) {
      auto& sources = input.field == Field::kParameters ? task->parameters : task->credentials;
      sources.emplace_hint(sources.end(), *input.name, *std::move(input.bound->source));
    }
    AddOutputs(node, task);
  }

  void AddNeeds(std::vector<size_t>* needs, PlannedTask* task) const {
    std::sort(needs->begin(), needs->end(), [this](size_t a, size_t b) { return Before(a, b); });
    needs->erase(std::unique(needs->begin(), needs->end()), needs->end());
    task->needs.reserve(needs->size());
    for (const size_t need : *needs) task->needs.push_back(graph_.nodes[need].id);
  }

  // An output that the bundle promotes from a dependency is not its own to write.
  void AddOutputs(const Node& node, PlannedTask* task) const {
    if (!node.bundle) return;
    const absl::Span<const Edge* const> edges = table_.RequiresOf(node);
    for (const auto& [name, definition] : node.bundle->outputs) {
      const std::string& output = name;
      const bool promoted = std::any_of(edges.begin(), edges.end(), [&](const Edge* edge) {
        return edge->outputs.count(output) > 0;
      });
      if (promoted) continue;
      if (task->action != kSkipAction && !HasPart(definition.apply_to, task->action)) continue;
      PlannedOutput planned{
          .path = definition.path, .type = definition.type, .sensitive = definition.sensitive};
      if (definition.sensitive && !options_.sink.empty()) planned.sink = Sink(*task, name);
      task->outputs.emplace_hint(task->outputs.end(), name, std::move(planned));
    }
  }

  // PROVIDER:PREFIX/NAMESPACE/INSTALLATION/OUTPUT
  std::string Sink(const PlannedTask& task, const std::string& output) const {
    const InstallationName& name = task.installation.name;
    const char last = options_.sink.back();
    return absl::StrCat(options_.sink, last == '/' || last == ':' ? "" : "/", name.name_space,
                        name.name_space.empty() ? "" : "/", name.name, "/", output);
  }

  // Nobody asks for the graph's any more. Nodes may share one: it is moved to the
  // last of them.
  static void MoveBundle(Node& node, Bundle* bundle) {
    if (node.bundle) *bundle = node.bundle.Take();
    // What runs is what was chosen, not what a tag means by then.
    if (node.resolution && !node.resolution->reference.empty()) {
      bundle->reference = node.resolution->reference;
    }
    PinReference(bundle);
  }

  // Inputs stay, since others may refer to them. What reads an output of a task
  // that runs is run: nobody knows whether the output will be another.
  void SkipWhatIsUpToDate() {
    if (!state_.known() || options_.force) return;
    const size_t root = table_.IndexOf(table_.root());
    std::vector<bool> running(order_.size(), false);
    for (size_t i = 0; i < order_.size(); ++i) {
      const size_t node = order_[i];
      PlannedTask& task = plan_.tasks[i];
      if (task.action == kSkipAction) continue;
      if (task.action == "upgrade" && node != root && IsUpToDate(task, reads_[node], running)) {
        task.action = std::string(kSkipAction);
        task.reason = "Neither the bundle nor an input has changed.";
      } else {
        running[node] = true;
      }
    }
  }

  bool IsUpToDate(const PlannedTask& task, const std::vector<size_t>& reads,
                  const std::vector<bool>& running) const {
    const Installation* const existing = state_.Installed(task.installation.name);
    if (existing == nullptr || existing->result_status != "succeeded") return false;
    if (task.bundle.digest.empty() || existing->bundle_digest != task.bundle.digest) return false;
    const auto label = existing->labels.find(std::string(kInputsLabel));
    const auto planned = task.installation.labels.find(std::string(kInputsLabel));
    if (label == existing->labels.end() || planned == task.installation.labels.end() ||
        label->second != planned->second) {
      return false;
    }
    return std::none_of(reads.begin(), reads.end(), [&](size_t read) { return running[read]; });
  }

  Graph& graph_;
  const NodeTable& table_;
  const PlanOptions& options_;
  const InstalledState& state_;
  PlanFacts facts_;
  std::vector<std::unique_ptr<TaskInputs>> ranges_;
  MissingInputs missing_;
  // All by node.
  Needs reads_;  // The nodes whose outputs its inputs are made of.
  Needs needs_;
  std::vector<int64_t> stages_;
  bool is_by_id_ = false;
  std::vector<size_t> order_;  // The node of each task.
  Plan plan_;
};

}  // namespace

absl::StatusOr<PlanResult> MakePlan(Graph&& solution, const PlanOptions& options) {
  DEPS_RETURN_IF_ERROR(CheckSink(options.sink));
  const NodeTable table(solution);
  DEPS_RETURN_IF_ERROR(CheckSolution(table));
  DEPS_RETURN_IF_ERROR(CheckRequired(table));
  const InstalledState state(options.installations);
  const Node& root = table.root();
  const std::string& name =
      options.installation.empty() && root.bundle ? root.bundle->name : options.installation;
  DEPS_ASSIGN_OR_RETURN(const auto chosen, ChosenInstallations(table, options));
  PlanFacts facts;
  facts.installations = NameInstallations(table, {options.name_space, name}, chosen);
  DEPS_ASSIGN_OR_RETURN(facts.actions,
                        ActionsOf(table, options.action, facts.installations, state));
  DEPS_ASSIGN_OR_RETURN(facts.parameters, GivenParameters(table, options));
  DEPS_ASSIGN_OR_RETURN(facts.credentials, GivenCredentials(table, options));
  return Planner(solution, table, options, state, std::move(facts)).Run();
}

}  // namespace deps
