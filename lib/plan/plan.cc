#include "lib/plan/plan.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/oci/reference.h"
#include "lib/plan/binding.h"
#include "lib/plan/given.h"
#include "lib/plan/naming.h"
#include "lib/plan/node_table.h"
#include "lib/plan/order.h"
#include "lib/plan/task_action.h"

namespace deps {
namespace {

class Planner {
 public:
  Planner(const NodeTable& table, const PlanOptions& options,
          std::map<std::string, PlannedInstallation> installations,
          std::map<std::string, std::string> actions, GivenSources parameters,
          GivenSources credentials)
      : table_(table),
        options_(options),
        installations_(std::move(installations)),
        actions_(std::move(actions)),
        binder_(table, {.installations = installations_,
                        .is_task_input =
                            [this](const Node& node, Field field, const std::string& name) {
                              return IsTaskInput(node, field, name);
                            },
                        .parameters = std::move(parameters),
                        .credentials = std::move(credentials)}) {}

  absl::StatusOr<PlanResult> Run() {
    plan_.action = options_.action;
    plan_.installation = installations_.at(table_.root().id).name;
    for (const Node& node : table_.graph().nodes) DEPS_RETURN_IF_ERROR(AddTask(node));
    DEPS_RETURN_IF_ERROR(AddOutputs());
    DEPS_RETURN_IF_ERROR(PutInOrder());
    PlanResult result;
    for (auto& [key, diagnostic] : missing_) result.missing.push_back(std::move(diagnostic));
    if (!result.missing.empty()) return result;
    plan_.digest = PlanDigest(plan_);
    result.plan = std::move(plan_);
    return result;
  }

 private:
  bool Applies(const std::vector<std::string>& apply_to) const {
    return apply_to.empty() ||
           std::find(apply_to.begin(), apply_to.end(), options_.action) != apply_to.end();
  }

  bool IsTaskInput(const Node& node, Field field, const std::string& name) const {
    if (actions_.at(node.id) == kSkipAction) return false;
    const Bundle& bundle = *node.bundle;
    return field == Field::kParameters ? Applies(bundle.parameters.at(name).apply_to)
                                       : Applies(bundle.credentials.at(name).apply_to);
  }

  absl::Status AddTask(const Node& node) {
    PlannedTask task;
    task.id = node.id;
    task.action = actions_.at(node.id);
    if (node.bundle) task.bundle = *node.bundle;
    // What runs is what was chosen, not what a tag means by then.
    if (node.resolution && !node.resolution->reference.empty()) {
      task.bundle.reference = node.resolution->reference;
    }
    PinReference(&task.bundle);
    task.installation = installations_.at(node.id);
    if (task.action != kSkipAction) {
      DEPS_RETURN_IF_ERROR(AddInputs(node, &task));
    }
    AddTaskOutputs(&task);
    plan_.tasks.push_back(std::move(task));
    return absl::OkStatus();
  }

  // The digest says for sure what a tag only says today. A bundle that was read
  // from a file has no reference.
  static void PinReference(Bundle* bundle) {
    const absl::StatusOr<Reference> reference = Reference::Parse(bundle->reference);
    if (!reference.ok() || bundle->digest.empty()) return;
    bundle->reference = reference->WithDigest(bundle->digest).Full();
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
    DEPS_ASSIGN_OR_RETURN(BoundSource bound, binder_.Input(node, field, name));
    if (bound.source) {
      binder_.CollectTasks(*bound.source, &reads_[node.id]);
      sources->emplace(name, *std::move(bound.source));
    } else if (required) {
      AddMissing(node, field, name, bound);
    } else {
      unmapped->push_back({node.id, name, false});
    }
    return absl::OkStatus();
  }

  void AddMissing(const Node& node, Field field, const std::string& name,
                  const BoundSource& bound) {
    const bool parameter = bound.absent_field == Field::kParameters;
    const TaskItem& absent = bound.absent;
    const std::string field_name(FieldName(bound.absent_field));
    std::string needed;
    if (!(absent == TaskItem{node.id, name}) || bound.absent_field != field) {
      needed = absl::StrCat(", which ", node.id, "#", name, " is wired to");
    }
    const bool root = absent.task == table_.root().id;
    const std::string entry = root ? absent.name : absl::StrCat(absent.task, "#", absent.name);
    const Node& where = *table_.Find(absent.task);
    const bool secret = !parameter || where.bundle->parameters.at(absent.name).sensitive;
    const std::string set = parameter ? "--parameter-set" : "--credential-set";
    missing_.try_emplace(
        {absent.task, field_name, absent.name},
        Diagnostic{
            .id = DiagnosticId::kPlanMissing,
            .message =
                absl::StrCat("the ", parameter ? "parameter" : "credential", " \"", absent.name,
                             "\" of ", absent.task, needed, " is required and has no source"),
            .location = {.pointer = absl::StrCat(table_.Pointer(where), "/bundle/", field_name,
                                                 json::PointerStep(absent.name))},
            .hint = secret ? absl::StrCat("give it with an entry \"", entry, "\" in ", set)
                           : absl::StrCat("give it with --param ", entry, "=VALUE or in ", set)});
  }

  // An output that the bundle promotes from a dependency is not its own to write.
  void AddTaskOutputs(PlannedTask* task) const {
    std::set<std::string> promoted;
    for (const Edge* edge : table_.RequiresOf(task->id)) {
      for (const auto& [name, source] : edge->outputs) promoted.insert(name);
    }
    for (const auto& [name, definition] : task->bundle.outputs) {
      if (promoted.count(name) > 0) continue;
      if (task->action != kSkipAction && !Applies(definition.apply_to)) continue;
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
      if (Applies(definition.apply_to)) names.insert(name);
    }
    for (const Edge* edge : table_.RequiresOf(root.id)) {
      for (const auto& [name, text] : edge->outputs) names.insert(name);
    }
    for (const std::string& name : names) {
      DEPS_ASSIGN_OR_RETURN(BoundSource bound, binder_.Output(root, name, nullptr));
      if (bound.source) plan_.outputs.emplace(name, *std::move(bound.source));
    }
    return absl::OkStatus();
  }

  absl::Status PutInOrder() {
    Needs needs = reads_;
    for (const Node& node : table_.graph().nodes) needs.try_emplace(node.id);
    for (const Edge& edge : table_.graph().edges) needs[edge.from].insert(edge.to);
    for (auto& [task, needed] : needs) needed.erase(task);
    if (options_.action == "uninstall") needs = Reversed(needs);
    DEPS_ASSIGN_OR_RETURN(const auto stages, StagesOf(needs));
    for (PlannedTask& task : plan_.tasks) {
      task.needs.assign(needs[task.id].begin(), needs[task.id].end());
      task.stage = stages.at(task.id);
    }
    std::sort(plan_.tasks.begin(), plan_.tasks.end(),
              [](const PlannedTask& a, const PlannedTask& b) {
                return std::tie(a.stage, a.id) < std::tie(b.stage, b.id);
              });
    for (const PlannedTask& task : plan_.tasks) {
      plan_.stages.resize(static_cast<size_t>(task.stage) + 1);
      plan_.stages[static_cast<size_t>(task.stage)].push_back(task.id);
    }
    return absl::OkStatus();
  }

  const NodeTable& table_;
  const PlanOptions& options_;
  const std::map<std::string, PlannedInstallation> installations_;
  const std::map<std::string, std::string> actions_;
  Binder binder_;
  Plan plan_;
  Needs reads_;
  std::map<std::tuple<std::string, std::string, std::string>, Diagnostic> missing_;
};

// What the rest relies on: an answer, a root with a bundle, and edges between
// nodes that exist.
absl::Status CheckSolution(const Graph& solution) {
  const auto unsolved = [](std::string message, std::string pointer) {
    return MakeError({.id = DiagnosticId::kPlanUnsolved,
                      .message = std::move(message),
                      .location = {.pointer = std::move(pointer)},
                      .hint = "deps-solve writes a solution that can be planned"});
  };
  if (solution.status != "solved") {
    return unsolved("the solution has no answer", "/status");
  }
  std::set<std::string> ids;
  for (const Node& node : solution.nodes) ids.insert(node.id);
  if (ids.count(solution.root) == 0) return unsolved("the root is not among the nodes", "/root");
  for (size_t i = 0; i < solution.nodes.size(); ++i) {
    const Node& node = solution.nodes[i];
    const bool reused = node.resolution && node.resolution->installation;
    if (!node.bundle && !reused) {
      return unsolved(absl::StrCat(node.id, " has neither a bundle nor an installation"),
                      absl::StrCat("/nodes/", i));
    }
  }
  for (size_t i = 0; i < solution.edges.size(); ++i) {
    const Edge& edge = solution.edges[i];
    if (ids.count(edge.from) == 0 || ids.count(edge.to) == 0) {
      return unsolved(absl::StrCat("an edge from ", edge.from, " to ", edge.to,
                                   " is not between nodes of the solution"),
                      absl::StrCat("/edges/", i));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PlanResult> MakePlan(const Graph& solution, const PlanOptions& options) {
  DEPS_RETURN_IF_ERROR(CheckSolution(solution));
  const NodeTable table(solution);
  DEPS_ASSIGN_OR_RETURN(auto actions, ActionsOf(table, options.action));
  DEPS_ASSIGN_OR_RETURN(GivenSources parameters, GivenParameters(table, options));
  DEPS_ASSIGN_OR_RETURN(GivenSources credentials, GivenCredentials(table, options));
  const Node& root = table.root();
  const std::string& name =
      options.installation.empty() && root.bundle ? root.bundle->name : options.installation;
  auto installations = NameInstallations(table, {options.name_space, name});
  return Planner(table, options, std::move(installations), std::move(actions),
                 std::move(parameters), std::move(credentials))
      .Run();
}

}  // namespace deps
