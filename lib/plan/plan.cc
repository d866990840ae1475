#include "lib/plan/plan.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "lib/base/status_macros.h"
#include "lib/digest/sha256.h"
#include "lib/oci/reference.h"
#include "lib/plan/binding.h"
#include "lib/plan/check_given.h"
#include "lib/plan/given.h"
#include "lib/plan/installed.h"
#include "lib/plan/naming.h"
#include "lib/plan/node_table.h"
#include "lib/plan/order.h"
#include "lib/plan/task_action.h"

namespace deps {
namespace {

bool IsReused(const Node& node) { return node.resolution && node.resolution->installation; }

bool AppliesTo(const std::vector<std::string>& apply_to, const std::string& action) {
  return apply_to.empty() || std::find(apply_to.begin(), apply_to.end(), action) != apply_to.end();
}

struct PlanInputs {
  Installations installations;
  TaskActions actions;
  GivenSources parameters;
  GivenSources credentials;
};

class Planner {
 public:
  // `graph` is the table's.
  Planner(Graph& graph, const NodeTable& table, const PlanOptions& options,
          const InstalledState& state, PlanInputs inputs)
      : graph_(graph),
        table_(table),
        options_(options),
        state_(state),
        installations_(std::move(inputs.installations)),
        actions_(std::move(inputs.actions)),
        reads_(table.graph().nodes.size()),
        binder_(
            table,
            {.installations = installations_,
             .is_task_input =
                 [this](const Node& node, Field field, const std::string& name) {
                   return IsTaskInput(node, field, name);
                 },
             .output_state = [this](const Node& node,
                                    const std::string& name) { return StateOfOutput(node, name); },
             .earlier_output = [this](
                                   const Node& node,
                                   const std::string& name) { return EarlierOutput(node, name); },
             .parameters = std::move(inputs.parameters),
             .credentials = std::move(inputs.credentials)}) {}

  absl::StatusOr<PlanResult> Run() {
    plan_.action = options_.action;
    plan_.installation = InstallationOf(table_.root()).name;
    plan_.tasks.reserve(table_.graph().nodes.size());
    for (const Node& node : table_.graph().nodes) DEPS_RETURN_IF_ERROR(AddTask(node));
    if (options_.action != "uninstall") DEPS_RETURN_IF_ERROR(AddOutputs());
    MoveBundles();
    MoveInputs();
    DEPS_RETURN_IF_ERROR(PutInOrder());
    if (options_.action == "upgrade" || options_.action == "install") SkipWhatIsUpToDate();
    PlanResult result;
    for (auto& [key, diagnostic] : missing_) result.missing.push_back(std::move(diagnostic));
    if (!result.missing.empty()) return result;
    plan_.digest = PlanDigest(plan_);
    result.plan = std::move(plan_);
    return result;
  }

 private:
  // An input of a task that is in the plan; its source is bound to it later.
  struct TaskInput {
    Field field;
    const std::string* name;
    ValueSource* in_task;
    BoundSource* bound;
  };

  const std::string& ActionOf(const Node& node) const {
    return actions_[table_.IndexOf(node)].action;
  }

  const PlannedInstallation& InstallationOf(const Node& node) const {
    return installations_[table_.IndexOf(node)];
  }

  bool IsTaskInput(const Node& node, Field field, const std::string& name) const {
    const std::string& action = ActionOf(node);
    if (action == kSkipAction) return false;
    const Bundle& bundle = *node.bundle;
    return AppliesTo(field == Field::kParameters ? bundle.parameters.at(name).apply_to
                                                 : bundle.credentials.at(name).apply_to,
                     action);
  }

  OutputState EarlierOutput(const Node& node, const std::string& name) const {
    if (!state_.known()) {
      return ActionOf(node) == "install" ? OutputState::kNever : OutputState::kPossible;
    }
    const Installation* const installation = state_.Installed(InstallationOf(node).name);
    if (installation == nullptr) {
      return IsReused(node) ? OutputState::kPossible : OutputState::kNever;
    }
    if (!installation->outputs_known) return OutputState::kPossible;
    const std::vector<std::string>& names = installation->outputs;
    return std::find(names.begin(), names.end(), name) == names.end() ? OutputState::kNever
                                                                      : OutputState::kCertain;
  }

  OutputState StateOfOutput(const Node& node, const std::string& name) const {
    const std::string& action = ActionOf(node);
    // What runs before the task that has the output takes it from before, and an
    // uninstallation that is broken has to be possible too.
    if (options_.action == "uninstall") return OutputState::kPossible;
    if (action == kSkipAction || !node.bundle) return EarlierOutput(node, name);
    const auto definition = node.bundle->outputs.find(name);
    if (definition == node.bundle->outputs.end()) return OutputState::kPossible;
    return AppliesTo(definition->second.apply_to, action) ? OutputState::kCertain
                                                          : EarlierOutput(node, name);
  }

  absl::Status AddTask(const Node& node) {
    PlannedTask& task = plan_.tasks.emplace_back();
    task.id = node.id;
    task.action = actions_[table_.IndexOf(node)].action;
    task.reason = actions_[table_.IndexOf(node)].reason;
    task.installation = InstallationOf(node);
    const size_t first_input = inputs_.size();
    if (task.action != kSkipAction) DEPS_RETURN_IF_ERROR(AddInputs(node, &task));
    AddLabels(node, absl::MakeConstSpan(inputs_).subspan(first_input), &task);
    AddTaskOutputs(node, &task);
    return absl::OkStatus();
  }

  // Nobody asks for the graph's any more. Tasks are in the order of
  // nodes.
  void MoveBundles() {
    for (size_t i = 0; i < plan_.tasks.size(); ++i) {
      Node& node = graph_.nodes[i];
      Bundle& bundle = plan_.tasks[i].bundle;
      if (node.bundle) bundle = node.bundle.Take();
      // What runs is what was chosen, not what a tag means by then.
      if (node.resolution && !node.resolution->reference.empty()) {
        bundle.reference = node.resolution->reference;
      }
      PinReference(&bundle);
    }
  }

  // Only now, since inputs are bound to those of other tasks.
  void MoveInputs() {
    for (const TaskInput& input : inputs_) *input.in_task = std::move(*input.bound->source);
  }

  // The digest says for sure what a tag only says today. A bundle that was read
  // from a file has no reference.
  static void PinReference(Bundle* bundle) {
    if (bundle->digest.empty() || absl::EndsWith(bundle->reference, bundle->digest)) return;
    const absl::StatusOr<Reference> reference = Reference::Parse(bundle->reference);
    if (reference.ok()) bundle->reference = reference->WithDigest(bundle->digest).Full();
  }

  absl::Status AddInputs(const Node& node, PlannedTask* task) {
    for (const auto& [name, definition] : node.bundle->parameters) {
      DEPS_RETURN_IF_ERROR(AddInput(node, Field::kParameters, name, definition.required,
                                    &task->parameters, &plan_.unmapped_parameters));
    }
    const auto action = node.bundle->actions.find(task->action);
    const bool stateless = action != node.bundle->actions.end() && action->second.stateless;
    for (const auto& [name, definition] : node.bundle->credentials) {
      DEPS_RETURN_IF_ERROR(AddInput(node, Field::kCredentials, name,
                                    definition.required && !stateless, &task->credentials,
                                    &plan_.unmapped_credentials));
    }
    return absl::OkStatus();
  }

  absl::Status AddInput(const Node& node, Field field, const std::string& name, bool required,
                        std::map<std::string, ValueSource>* sources,
                        std::vector<UnmappedItem>* unmapped) {
    if (!IsTaskInput(node, field, name)) return absl::OkStatus();
    DEPS_ASSIGN_OR_RETURN(BoundSource* const bound, binder_.Input(node, field, name));
    if (bound->source) {
      std::set<std::string> tasks;
      binder_.CollectTasks(*bound->source, &tasks);
      std::vector<size_t>& reads = reads_[table_.IndexOf(node)];
      for (const std::string& id : tasks) {
        const size_t task = table_.IndexOf(*table_.Find(id));
        if (task != table_.IndexOf(node)) reads.push_back(task);
      }
      const auto added = sources->emplace_hint(sources->end(), name, ValueSource());
      inputs_.push_back({field, &added->first, &added->second, bound});
    } else if (required) {
      AddMissing(node, field, name, *bound);
    } else {
      unmapped->push_back({node.id, name, false});
    }
    return absl::OkStatus();
  }

  void AddMissing(const Node& node, Field field, const std::string& name,
                  const BoundSource& bound) {
    const TaskItem& absent = bound.absent;
    const Node& where = *table_.Find(absent.task);
    const std::string pointer =
        absl::StrCat(table_.Pointer(where), "/bundle/", std::string(FieldName(bound.absent_field)),
                     json::PointerStep(absent.name));
    const std::string_view kind = field == Field::kParameters ? "parameter" : "credential";
    if (bound.absent_field == Field::kOutputs) {
      missing_.try_emplace(
          {node.id, std::string(FieldName(field)), name},
          Diagnostic{.id = DiagnosticId::kPlanMissing,
                     .message = absl::StrCat(
                         "the ", std::string(kind), " \"", name, "\" of ", node.id,
                         " is required and takes the output \"", absent.name, "\" of ", absent.task,
                         ", which is not written: its action is ", ActionOf(where)),
                     .location = {.pointer = pointer}});
      return;
    }
    const bool parameter = bound.absent_field == Field::kParameters;
    std::string needed;
    if (!(absent == TaskItem{node.id, name}) || bound.absent_field != field) {
      needed = absl::StrCat(", which ", node.id, "#", name, " is wired to");
    }
    const bool root = absent.task == table_.root().id;
    const std::string entry = root ? absent.name : absl::StrCat(absent.task, "#", absent.name);
    const bool secret = !parameter || where.bundle->parameters.at(absent.name).sensitive;
    const std::string set = parameter ? "--parameter-set" : "--credential-set";
    missing_.try_emplace(
        {absent.task, std::string(FieldName(bound.absent_field)), absent.name},
        Diagnostic{
            .id = DiagnosticId::kPlanMissing,
            .message =
                absl::StrCat("the ", parameter ? "parameter" : "credential", " \"", absent.name,
                             "\" of ", absent.task, needed, " is required and has no source"),
            .location = {.pointer = pointer},
            .hint = secret ? absl::StrCat("give it with an entry \"", entry, "\" in ", set)
                           : absl::StrCat("give it with --param ", entry, "=VALUE or in ", set)});
  }

  // What install and upgrade leave in the state for the next plan.
  void AddLabels(const Node& node, absl::Span<const TaskInput> inputs, PlannedTask* task) {
    std::map<std::string, std::string>& labels = task->installation.labels;
    if (task->action == "install" || task->action == "upgrade") {
      std::string text = absl::StrCat(node.bundle ? node.bundle->digest : "", "\n");
      for (const Field field : {Field::kParameters, Field::kCredentials}) {
        for (const TaskInput& input : inputs) {
          if (input.field != field) continue;
          absl::StrAppend(&text, *input.name, "\n", binder_.Fingerprint(*input.bound->source),
                          "\n");
        }
        absl::StrAppend(&text, "\n");
      }
      labels[std::string(kInputsLabel)] = Sha256Digest(text);
      return;
    }
    const std::string prefix(kUsesLabelPrefix);
    labels.erase(labels.lower_bound(prefix), labels.lower_bound(prefix + '\x7f'));
  }

  // An output that the bundle promotes from a dependency is not its own to write.
  void AddTaskOutputs(const Node& node, PlannedTask* task) const {
    if (!node.bundle) return;
    std::set<std::string> promoted;
    for (const Edge* edge : table_.RequiresOf(node)) {
      for (const auto& [name, source] : edge->outputs) promoted.insert(name);
    }
    for (const auto& [name, definition] : node.bundle->outputs) {
      if (promoted.count(name) > 0) continue;
      if (task->action != kSkipAction && !AppliesTo(definition.apply_to, task->action)) continue;
      PlannedOutput output{
          .path = definition.path, .type = definition.type, .sensitive = definition.sensitive};
      if (definition.sensitive && !options_.sink.empty()) output.sink = Sink(*task, name);
      task->outputs.emplace(name, std::move(output));
    }
  }

  // PROVIDER:PREFIX/NAMESPACE/INSTALLATION/OUTPUT
  std::string Sink(const PlannedTask& task, const std::string& output) const {
    const InstallationName& name = task.installation.name;
    const char last = options_.sink.back();
    return absl::StrCat(options_.sink, last == '/' || last == ':' ? "" : "/", name.name_space,
                        name.name_space.empty() ? "" : "/", name.name, "/", output);
  }

  absl::Status AddOutputs() {
    const Node& root = table_.root();
    std::set<std::string> names;
    for (const auto& [name, definition] : root.bundle->outputs) {
      if (AppliesTo(definition.apply_to, options_.action)) names.insert(name);
    }
    for (const Edge* edge : table_.RequiresOf(root)) {
      for (const auto& [name, text] : edge->outputs) names.insert(name);
    }
    for (const std::string& name : names) {
      DEPS_ASSIGN_OR_RETURN(BoundSource bound, binder_.Output(root, name, nullptr));
      if (bound.source) plan_.outputs.emplace(name, *std::move(bound.source));
    }
    return absl::OkStatus();
  }

  absl::Status PutInOrder() {
    is_by_id_ =
        std::is_sorted(plan_.tasks.begin(), plan_.tasks.end(),
                       [](const PlannedTask& a, const PlannedTask& b) { return a.id < b.id; });
    Needs needs = reads_;
    for (const Edge& edge : table_.graph().edges) {
      if (edge.from == edge.to) continue;
      needs[table_.IndexOf(table_.From(edge))].push_back(table_.IndexOf(table_.To(edge)));
    }
    if (options_.action == "uninstall") needs = Reversed(needs);
    DEPS_ASSIGN_OR_RETURN(const std::vector<int64_t> stages,
                          StagesOf(needs, [this](size_t task) { return plan_.tasks[task].id; }));
    for (size_t i = 0; i < plan_.tasks.size(); ++i) {
      PlannedTask& task = plan_.tasks[i];
      std::sort(needs[i].begin(), needs[i].end(),
                [this](size_t a, size_t b) { return Before(a, b); });
      needs[i].erase(std::unique(needs[i].begin(), needs[i].end()), needs[i].end());
      task.needs.reserve(needs[i].size());
      for (const size_t need : needs[i]) task.needs.push_back(plan_.tasks[need].id);
      task.stage = stages[i];
    }
    SortTasks();
    return absl::OkStatus();
  }

  // By id. Nodes mostly are in this order.
  bool Before(size_t a, size_t b) const {
    return is_by_id_ ? a < b : plan_.tasks[a].id < plan_.tasks[b].id;
  }

  // By stage and id. Tasks are large, so their numbers are sorted, and each task is
  // moved once, to where it belongs.
  void SortTasks() {
    std::vector<size_t> order(plan_.tasks.size());
    std::iota(order.begin(), order.end(), size_t{0});
    if (!is_by_id_) {
      std::sort(order.begin(), order.end(), [this](size_t a, size_t b) { return Before(a, b); });
    }
    std::stable_sort(order.begin(), order.end(), [this](size_t a, size_t b) {
      return plan_.tasks[a].stage < plan_.tasks[b].stage;
    });
    for (size_t i = 0; i < order.size(); ++i) {
      if (order[i] == i) continue;
      PlannedTask first = std::move(plan_.tasks[i]);
      size_t free = i;
      for (size_t next = order[free]; next != i; next = order[free]) {
        plan_.tasks[free] = std::move(plan_.tasks[next]);
        order[free] = free;
        free = next;
      }
      plan_.tasks[free] = std::move(first);
      order[free] = free;
    }
    for (const PlannedTask& task : plan_.tasks) {
      plan_.stages.resize(static_cast<size_t>(task.stage) + 1);
      plan_.stages[static_cast<size_t>(task.stage)].push_back(task.id);
    }
  }

  // Inputs stay, since others may refer to them. What reads an output of a task
  // that runs is run: nobody knows whether the output will be another.
  void SkipWhatIsUpToDate() {
    if (!state_.known() || options_.force) return;
    std::vector<bool> running(table_.graph().nodes.size(), false);
    for (PlannedTask& task : plan_.tasks) {
      if (task.action == kSkipAction) continue;
      if (task.action == "upgrade" && task.id != table_.root().id && IsUpToDate(task, running)) {
        task.action = std::string(kSkipAction);
        task.reason = "Neither the bundle nor an input has changed.";
      } else {
        running[table_.IndexOf(*table_.Find(task.id))] = true;
      }
    }
  }

  bool IsUpToDate(const PlannedTask& task, const std::vector<bool>& running) const {
    const Installation* const existing = state_.Installed(task.installation.name);
    if (existing == nullptr || existing->result_status != "succeeded") return false;
    if (task.bundle.digest.empty() || existing->bundle_digest != task.bundle.digest) return false;
    const auto label = existing->labels.find(std::string(kInputsLabel));
    const auto planned = task.installation.labels.find(std::string(kInputsLabel));
    if (label == existing->labels.end() || planned == task.installation.labels.end() ||
        label->second != planned->second) {
      return false;
    }
    const std::vector<size_t>& reads = reads_[table_.IndexOf(*table_.Find(task.id))];
    return std::none_of(reads.begin(), reads.end(), [&](size_t read) { return running[read]; });
  }

  Graph& graph_;
  const NodeTable& table_;
  const PlanOptions& options_;
  const InstalledState& state_;
  const Installations installations_;
  const TaskActions actions_;
  Needs reads_;  // By node: the nodes whose outputs its inputs are made of.
  Binder binder_;
  std::vector<TaskInput> inputs_;
  bool is_by_id_ = false;  // Nodes, and tasks until they are sorted by stage.
  Plan plan_;
  std::map<std::tuple<std::string, std::string, std::string>, Diagnostic> missing_;
};

}  // namespace

absl::StatusOr<PlanResult> MakePlan(Graph&& solution, const PlanOptions& options) {
  DEPS_RETURN_IF_ERROR(CheckSink(options.sink));
  DEPS_RETURN_IF_ERROR(CheckSolution(solution));
  const NodeTable table(solution);
  DEPS_RETURN_IF_ERROR(CheckRequired(table));
  const InstalledState state(options.installations);
  const Node& root = table.root();
  const std::string& name =
      options.installation.empty() && root.bundle ? root.bundle->name : options.installation;
  DEPS_ASSIGN_OR_RETURN(const auto chosen, ChosenInstallations(table, options));
  PlanInputs inputs;
  inputs.installations = NameInstallations(table, {options.name_space, name}, chosen);
  DEPS_ASSIGN_OR_RETURN(inputs.actions,
                        ActionsOf(table, options.action, inputs.installations, state));
  DEPS_ASSIGN_OR_RETURN(inputs.parameters, GivenParameters(table, options));
  DEPS_ASSIGN_OR_RETURN(inputs.credentials, GivenCredentials(table, options));
  return Planner(solution, table, options, state, std::move(inputs)).Run();
}

}  // namespace deps
