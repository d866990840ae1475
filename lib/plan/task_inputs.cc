#include "lib/plan/task_inputs.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/digest/sha256.h"
#include "lib/json/json.h"

namespace deps {

TaskInputs::TaskInputs(const NodeTable& table, const PlanOptions& options,
                       const InstalledState& state, PlanFacts& facts, size_t begin, size_t end)
    : table_(table),
      options_(options),
      state_(state),
      facts_(facts),
      begin_(begin),
      end_(end),
      binder_(
          table,
          {.installations = facts.installations,
           .is_task_input = [this](
                                const Node& node, Field field,
                                const std::string& name) { return IsTaskInput(node, field, name); },
           .output_state = [this](const Node& node,
                                  const std::string& name) { return StateOfOutput(node, name); },
           .earlier_output = [this](const Node& node,
                                    const std::string& name) { return EarlierOutput(node, name); },
           .parameters = facts.parameters,
           .credentials = facts.credentials}) {}

absl::Status TaskInputs::Bind(Needs* reads) {
  for (size_t i = begin_; i < end_; ++i) {
    const Node& node = table_.graph().nodes[i];
    if (ActionOf(node) != kSkipAction) DEPS_RETURN_IF_ERROR(BindNode(node, &(*reads)[i]));
    ends_.push_back(inputs_.size());
    SetLabels(node, Of(i));
  }
  return absl::OkStatus();
}

absl::Span<const TaskInput> TaskInputs::Of(size_t node) const {
  const size_t begin = node == begin_ ? 0 : ends_[node - begin_ - 1];
  return absl::MakeConstSpan(inputs_).subspan(begin, ends_[node - begin_] - begin);
}

absl::StatusOr<std::map<std::string, ValueSource>> TaskInputs::RootOutputs() {
  const Node& root = table_.root();
  std::set<std::string> names;
  for (const auto& [name, definition] : root.bundle->outputs) {
    if (HasPart(definition.apply_to, options_.action)) names.insert(name);
  }
  for (const Edge* edge : table_.RequiresOf(root)) {
    for (const auto& [name, text] : edge->outputs) names.insert(name);
  }
  std::map<std::string, ValueSource> outputs;
  for (const std::string& name : names) {
    DEPS_ASSIGN_OR_RETURN(BoundSource bound, binder_.Output(root, name, nullptr));
    if (bound.source) outputs.emplace(name, *std::move(bound.source));
  }
  return outputs;
}

bool TaskInputs::IsTaskInput(const Node& node, Field field, const std::string& name) const {
  const std::string& action = ActionOf(node);
  if (action == kSkipAction) return false;
  const Bundle& bundle = *node.bundle;
  return HasPart(field == Field::kParameters ? bundle.parameters.at(name).apply_to
                                             : bundle.credentials.at(name).apply_to,
                 action);
}

OutputState TaskInputs::EarlierOutput(const Node& node, const std::string& name) const {
  if (!state_.known()) {
    return ActionOf(node) == "install" ? OutputState::kNever : OutputState::kPossible;
  }
  const Installation* const installation = state_.Installed(NameOf(node));
  if (installation == nullptr) {
    return IsReused(node) ? OutputState::kPossible : OutputState::kNever;
  }
  if (!installation->outputs_known) return OutputState::kPossible;
  const std::vector<std::string>& names = installation->outputs;
  return std::find(names.begin(), names.end(), name) == names.end() ? OutputState::kNever
                                                                    : OutputState::kCertain;
}

OutputState TaskInputs::StateOfOutput(const Node& node, const std::string& name) const {
  const std::string& action = ActionOf(node);
  // What runs before the task that has the output takes it from before, and an
  // uninstallation that is broken has to be possible too.
  if (options_.action == "uninstall") return OutputState::kPossible;
  if (action == kSkipAction || !node.bundle) return EarlierOutput(node, name);
  const auto definition = node.bundle->outputs.find(name);
  if (definition == node.bundle->outputs.end()) return OutputState::kPossible;
  return HasPart(definition->second.apply_to, action) ? OutputState::kCertain
                                                      : EarlierOutput(node, name);
}

absl::Status TaskInputs::BindNode(const Node& node, std::vector<size_t>* reads) {
  const Bundle& bundle = *node.bundle;
  for (const auto& [name, definition] : bundle.parameters) {
    DEPS_RETURN_IF_ERROR(Add(node, Field::kParameters, name, definition.required, reads));
  }
  const auto action = bundle.actions.find(ActionOf(node));
  const bool stateless = action != bundle.actions.end() && action->second.stateless;
  for (const auto& [name, definition] : bundle.credentials) {
    DEPS_RETURN_IF_ERROR(
        Add(node, Field::kCredentials, name, definition.required && !stateless, reads));
  }
  return absl::OkStatus();
}

absl::Status TaskInputs::Add(const Node& node, Field field, const std::string& name, bool required,
                             std::vector<size_t>* reads) {
  if (!IsTaskInput(node, field, name)) return absl::OkStatus();
  DEPS_ASSIGN_OR_RETURN(BoundInput* const bound, binder_.Input(node, field, name));
  if (bound->source) {
    for (const size_t read : bound->reads) {
      if (read != table_.IndexOf(node)) reads->push_back(read);
    }
    inputs_.push_back({field, &name, bound});
  } else if (required) {
    AddMissing(node, field, name, *bound);
  } else {
    (field == Field::kParameters ? unmapped_parameters : unmapped_credentials)
        .push_back({node.id, name, false});
  }
  return absl::OkStatus();
}

void TaskInputs::AddMissing(const Node& node, Field field, const std::string& name,
                            const BoundSource& bound) {
  const TaskItem& absent = bound.absent;
  const Node& where = *table_.Find(absent.task);
  const std::string pointer =
      absl::StrCat(table_.Pointer(where), "/bundle/", std::string(FieldName(bound.absent_field)),
                   json::PointerStep(absent.name));
  const std::string_view kind = field == Field::kParameters ? "parameter" : "credential";
  if (bound.absent_field == Field::kOutputs) {
    missing.try_emplace(
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
  missing.try_emplace(
      {absent.task, std::string(FieldName(bound.absent_field)), absent.name},
      Diagnostic{.id = DiagnosticId::kPlanMissing,
                 .message = absl::StrCat("the ", parameter ? "parameter" : "credential", " \"",
                                         absent.name, "\" of ", absent.task, needed,
                                         " is required and has no source"),
                 .location = {.pointer = pointer},
                 .hint = secret
                             ? absl::StrCat("give it with an entry \"", entry, "\" in ", set)
                             : absl::StrCat("give it with --param ", entry, "=VALUE or in ", set)});
}

// What install and upgrade leave in the state for the next plan.
void TaskInputs::SetLabels(const Node& node, absl::Span<const TaskInput> inputs) {
  const std::string& action = ActionOf(node);
  std::map<std::string, std::string>& labels = facts_.installations[table_.IndexOf(node)].labels;
  if (action == "install" || action == "upgrade") {
    std::string text = absl::StrCat(node.bundle ? node.bundle->digest : "", "\n");
    for (const Field field : {Field::kParameters, Field::kCredentials}) {
      for (const TaskInput& input : inputs) {
        if (input.field != field) continue;
        absl::StrAppend(&text, *input.name, "\n", binder_.Fingerprint(*input.bound), "\n");
      }
      absl::StrAppend(&text, "\n");
    }
    labels[std::string(kInputsLabel)] = Sha256Digest(text);
    return;
  }
  const std::string prefix(kUsesLabelPrefix);
  labels.erase(labels.lower_bound(prefix), labels.lower_bound(prefix + '\x7f'));
}

}  // namespace deps
