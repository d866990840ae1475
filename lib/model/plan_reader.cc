#include "lib/model/plan_reader.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"
#include "lib/json/scanner.h"
#include "lib/model/plan_parts.h"
#include "lib/model/planned_task.h"

namespace deps {
namespace {

// How far a text is read before what lies behind is let go.
constexpr size_t kWindow = size_t{1} << 20;

// Lets go of a text while it is read from its start to its end.
class Window {
 public:
  explicit Window(const LargeText& text) : text_(text) {}
  void MoveTo(size_t offset) {
    if (offset < next_) return;
    text_.LetGo(offset);
    next_ = offset + kWindow;
  }

 private:
  const LargeText& text_;
  size_t next_ = kWindow;
};

Plan WithoutTasks(const Plan& plan) {
  return {.action = plan.action,
          .installation = plan.installation,
          .digest = plan.digest,
          .stages = plan.stages,
          .outputs = plan.outputs,
          .unmapped_parameters = plan.unmapped_parameters,
          .unmapped_credentials = plan.unmapped_credentials};
}

// Whether tasks that come one after the other can be run so: what ParsePlan checks,
// and that each needs only tasks that came before.
class OrderCheck {
 public:
  bool Add(const PlannedTask& task) {
    if (!stage_of_.emplace(task.id, task.stage).second) return false;
    for (const std::string& need : task.needs) {
      const auto found = stage_of_.find(need);
      if (found == stage_of_.end() || found->second >= task.stage) return false;
    }
    NoteSources(task.parameters);
    NoteSources(task.credentials);
    return true;
  }

  bool Finish(const Plan& head) {
    NoteSources(head.outputs);
    for (const std::string& id : awaited_) {
      if (!stage_of_.contains(id)) return false;
    }
    size_t count = 0;
    for (size_t stage = 0; stage < head.stages.size(); ++stage) {
      for (const std::string& id : head.stages[stage]) {
        ++count;
        const auto found = stage_of_.find(id);
        if (found == stage_of_.end() || found->second != static_cast<int64_t>(stage)) return false;
      }
    }
    return count == stage_of_.size();
  }

 private:
  void NoteSources(const std::map<std::string, ValueSource>& sources) {
    for (const auto& [name, source] : sources) {
      NoteSources(source.inputs);
      const std::string& task = source.item.task;
      if (!task.empty() && !stage_of_.contains(task)) awaited_.insert(task);
    }
  }

  absl::flat_hash_map<std::string, int64_t> stage_of_;
  // Tasks that sources name: an uninstall runs what has an output after those that
  // take it.
  absl::flat_hash_set<std::string> awaited_;
};

}  // namespace

PlanReader::PlanReader(const Plan& plan) : head_(WithoutTasks(plan)), plan_(&plan) {}

absl::StatusOr<PlanReader> PlanReader::Open(LargeText text) {
  PlanReader reader;
  reader.text_ = std::move(text);
  if (reader.ReadHead() && reader.CheckTasks()) return reader;
  // ParsePlan knows what is wrong and where, or takes an unusual order.
  DEPS_ASSIGN_OR_RETURN(reader.own_, ParsePlan({.name = reader.text_->name(),
                                                .text = std::string(reader.text_->view())}));
  reader.text_.reset();
  reader.head_ = WithoutTasks(*reader.own_);
  return reader;
}

bool PlanReader::ReadHead() {
  const std::string_view text = text_->view();
  Window window(*text_);
  json::Scanner scanner(text);
  size_t tasks_end = 0;
  const bool is_object = scanner.Object([&](std::string_view key) {
    if (key != "tasks") return scanner.Skip();
    tasks_begin_ = scanner.Offset();
    const bool is_array = scanner.Array([&] {
      window.MoveTo(scanner.Offset());
      return scanner.Skip();
    });
    tasks_end = scanner.Offset();
    return is_array;
  });
  if (!is_object || !scanner.AtEnd() || tasks_end == 0) return false;
  absl::StatusOr<Plan> head = ParsePlanHead(
      {.name = text_->name(),
       .text = absl::StrCat(text.substr(0, tasks_begin_), "[]", text.substr(tasks_end))});
  if (!head.ok()) return false;
  head_ = *std::move(head);
  return true;
}

bool PlanReader::CheckTasks() const {
  OrderCheck order;
  PlanDigester digester(head_);
  const absl::Status status = ForEachTaskOfText([&](const PlannedTask& task) {
    if (!order.Add(task)) return absl::FailedPreconditionError("not in order");
    digester.Add(task);
    return absl::OkStatus();
  });
  return status.ok() && order.Finish(head_) && digester.Finish() == head_.digest;
}

absl::Status PlanReader::ForEachTask(TaskVisitor visit) const {
  if (text_.has_value()) return ForEachTaskOfText(visit);
  const Plan& plan = own_.has_value() ? *own_ : *plan_;
  for (const PlannedTask& task : plan.tasks) DEPS_RETURN_IF_ERROR(visit(task));
  return absl::OkStatus();
}

Plan PlanReader::Whole() const {
  Plan plan = head_;
  // What was read once can be read again.
  ForEachTask([&](const PlannedTask& task) {
    plan.tasks.push_back(task);
    return absl::OkStatus();
  }).IgnoreError();
  return plan;
}

absl::Status PlanReader::ForEachTaskOfText(TaskVisitor visit) const {
  Window window(*text_);
  json::Scanner scanner(text_->view().substr(tasks_begin_));
  Source source = {.name = text_->name()};
  absl::Status status;
  scanner.Array([&] {
    window.MoveTo(tasks_begin_ + scanner.Offset());
    std::string_view item;
    if (!scanner.Skip(&item)) return false;
    source.text = item;
    absl::StatusOr<PlannedTask> task = ParsePlannedTask(source);
    status = task.ok() ? visit(*task) : task.status();
    return status.ok();
  });
  return status;
}

}  // namespace deps
