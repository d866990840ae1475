#include "lib/engine/residual.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

using Kind = ValueSource::Kind;
using Sources = std::map<std::string, ValueSource>;

// No plan wires parameters through so many bundles.
constexpr int kMaxDepth = 1000;

class Reduction {
 public:
  Reduction(const Plan& plan, const std::map<std::string, KnownOutputs>& done) : done_(done) {
    for (const PlannedTask& task : plan.tasks) tasks_[task.id] = &task;
  }

  // The source without tasks that are done; absent where there is no value.
  absl::StatusOr<std::optional<ValueSource>> Reduce(const ValueSource& source, int depth = 0) {
    if (depth > kMaxDepth) {
      return MakeError({.id = DiagnosticId::kDocumentValue,
                        .message = "sources of the plan refer to each other in a circle"});
    }
    if (source.kind == Kind::kTemplate) return ReduceTemplate(source, depth);
    const auto task = done_.find(source.item.task);
    if (source.kind == Kind::kValue || source.kind == Kind::kSecret || task == done_.end()) {
      return std::optional<ValueSource>(source);
    }
    if (source.kind == Kind::kOutput) return Output(source.item, task->second);
    const PlannedTask& owner = *tasks_.at(source.item.task);
    const Sources& sources = source.kind == Kind::kParameter ? owner.parameters : owner.credentials;
    const auto found = sources.find(source.item.name);
    if (found != sources.end()) return Reduce(found->second, depth + 1);
    return Default(owner, source);
  }

  // What a task tells its run tool of a dependency that is done.
  void Keep(const std::string& need, PlannedTask* task) const {
    const std::string_view alias = absl::StripPrefix(need, absl::StrCat(task->id, "/"));
    if (alias.size() == need.size() || absl::StrContains(alias, '/')) return;
    if (const auto dependency = tasks_.find(need); dependency != tasks_.end()) {
      task->dependencies.emplace(alias, dependency->second->bundle);
    }
  }

  absl::StatusOr<Sources> ReduceAll(const Sources& sources) {
    Sources reduced;
    for (const auto& [name, source] : sources) {
      DEPS_ASSIGN_OR_RETURN(std::optional<ValueSource> value, Reduce(source));
      if (value.has_value()) reduced[name] = *std::move(value);
    }
    return reduced;
  }

 private:
  absl::StatusOr<std::optional<ValueSource>> ReduceTemplate(const ValueSource& source, int depth) {
    ValueSource reduced = source;
    for (auto& [name, input] : reduced.inputs) {
      DEPS_ASSIGN_OR_RETURN(std::optional<ValueSource> value, Reduce(input, depth + 1));
      // As deps-run has it: what is not there is the empty text.
      input = value.value_or(ValueSource{.value = {"\"\""}});
    }
    return std::optional<ValueSource>(std::move(reduced));
  }

  absl::StatusOr<std::optional<ValueSource>> Output(const TaskItem& item,
                                                    const KnownOutputs& outputs) {
    const auto output = outputs.find(item.name);
    if (output == outputs.end()) return std::optional<ValueSource>();
    const ValueSource& known = output->second;
    if (known.kind == Kind::kSecret && known.text.rfind("state:", 0) == 0) {
      return MakeError(
          {.id = DiagnosticId::kEngineUnsupported,
           .message = absl::StrCat("the sensitive output '", item.name, "' of '", item.task,
                                   "' is kept in the state of deps-run, where no task on another "
                                   "machine can read it"),
           .hint = "plan with --sink, so that it is kept where both can"});
    }
    return std::optional<ValueSource>(known);
  }

  static absl::StatusOr<std::optional<ValueSource>> Default(const PlannedTask& owner,
                                                            const ValueSource& source) {
    const auto definition = owner.bundle.parameters.find(source.item.name);
    if (source.kind != Kind::kParameter || definition == owner.bundle.parameters.end() ||
        !definition->second.default_value.has_value()) {
      return std::optional<ValueSource>();
    }
    return std::optional<ValueSource>(ValueSource{.value = *definition->second.default_value});
  }

  const std::map<std::string, KnownOutputs>& done_;
  std::map<std::string, const PlannedTask*> tasks_;
};

bool HasSecret(const ValueSource& source) {
  return source.kind == Kind::kSecret ||
         std::any_of(source.inputs.begin(), source.inputs.end(),
                     [](const auto& input) { return HasSecret(input.second); });
}

bool HasSecret(const Sources& sources) {
  return std::any_of(sources.begin(), sources.end(),
                     [](const auto& source) { return HasSecret(source.second); });
}

}  // namespace

absl::StatusOr<Plan> ResidualPlan(const Plan& plan,
                                  const std::map<std::string, KnownOutputs>& done) {
  Reduction reduction(plan, done);
  Plan residual = plan;
  residual.tasks.clear();
  residual.stages.clear();
  std::map<std::string, int64_t> stages;
  for (PlannedTask task : plan.tasks) {
    if (done.count(task.id) > 0) continue;
    DEPS_ASSIGN_OR_RETURN(task.parameters, reduction.ReduceAll(task.parameters));
    DEPS_ASSIGN_OR_RETURN(task.credentials, reduction.ReduceAll(task.credentials));
    task.stage = 0;
    std::vector<std::string> needs;
    for (std::string& need : task.needs) {
      if (done.count(need) > 0) {
        reduction.Keep(need, &task);
        continue;
      }
      task.stage = std::max(task.stage, stages[need] + 1);
      needs.push_back(std::move(need));
    }
    task.needs = std::move(needs);
    stages[task.id] = task.stage;
    if (residual.stages.size() <= static_cast<size_t>(task.stage)) {
      residual.stages.resize(static_cast<size_t>(task.stage) + 1);
    }
    residual.tasks.push_back(std::move(task));
  }
  std::stable_sort(residual.tasks.begin(), residual.tasks.end(),
                   [](const PlannedTask& a, const PlannedTask& b) {
                     return std::pair(a.stage, a.id) < std::pair(b.stage, b.id);
                   });
  for (const PlannedTask& task : residual.tasks) {
    residual.stages[static_cast<size_t>(task.stage)].push_back(task.id);
  }
  // Outputs of the whole are deps-run's to tell, from what the tasks leave.
  residual.outputs.clear();
  residual.digest = PlanDigest(residual);
  return residual;
}

bool UsesSecrets(const Plan& plan) {
  return std::any_of(plan.tasks.begin(), plan.tasks.end(), [](const PlannedTask& task) {
    return HasSecret(task.parameters) || HasSecret(task.credentials);
  });
}

}  // namespace deps
