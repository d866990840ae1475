// What each task is given. Private to this package.
#ifndef DEPS_LIB_PLAN_TASK_INPUTS_H_
#define DEPS_LIB_PLAN_TASK_INPUTS_H_

#include <cstddef>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "lib/diag/diagnostic.h"
#include "lib/model/plan.h"
#include "lib/plan/binding.h"
#include "lib/plan/installed.h"
#include "lib/plan/naming.h"
#include "lib/plan/node_table.h"
#include "lib/plan/order.h"
#include "lib/plan/plan.h"
#include "lib/plan/task_action.h"

namespace deps {

// What is known before inputs are bound; all by node.
struct PlanFacts {
  Installations installations;
  TaskActions actions;
  GivenSources parameters;
  GivenSources credentials;
};

// An input of a task that has a source.
struct TaskInput {
  Field field;
  const std::string* name;
  BoundInput* bound;
};

// Of what is missing: the task that has no source for it, the field and the name.
using MissingInputs = std::map<std::tuple<std::string, std::string, std::string>, Diagnostic>;

// The inputs of a range of nodes. Several ranges may be bound at the same time:
// each has what it needs of the others for itself.
class TaskInputs {
 public:
  // All must outlive it. Of `facts` only labels of the range's own installations
  // are changed.
  TaskInputs(const NodeTable& table, const PlanOptions& options, const InstalledState& state,
             PlanFacts& facts, size_t begin, size_t end);

  // Binds them all, puts what they read into `reads`, which has a list for each
  // node, and what the next plan asks for into labels. Errors: as MakePlan, of the
  // first node that has one.
  absl::Status Bind(Needs* reads);

  size_t begin() const { return begin_; }
  size_t end() const { return end_; }
  // Those of a node of the range: parameters, then credentials, by name. Whoever
  // asks nothing more may take them away.
  absl::Span<const TaskInput> Of(size_t node) const;
  // The outputs of the root that can be read after the plan.
  absl::StatusOr<std::map<std::string, ValueSource>> RootOutputs();

  // Filled by Bind.
  std::vector<UnmappedItem> unmapped_parameters;
  std::vector<UnmappedItem> unmapped_credentials;
  MissingInputs missing;

 private:
  const std::string& ActionOf(const Node& node) const {
    return facts_.actions[table_.IndexOf(node)].action;
  }
  const InstallationName& NameOf(const Node& node) const {
    return facts_.installations[table_.IndexOf(node)].name;
  }
  bool IsTaskInput(const Node& node, Field field, const std::string& name) const;
  OutputState EarlierOutput(const Node& node, const std::string& name) const;
  OutputState StateOfOutput(const Node& node, const std::string& name) const;

  absl::Status BindNode(const Node& node, std::vector<size_t>* reads);
  absl::Status Add(const Node& node, Field field, const std::string& name, bool required,
                   std::vector<size_t>* reads);
  void AddMissing(const Node& node, Field field, const std::string& name, const BoundSource& bound);
  void SetLabels(const Node& node, absl::Span<const TaskInput> inputs);

  const NodeTable& table_;
  const PlanOptions& options_;
  const InstalledState& state_;
  PlanFacts& facts_;
  const size_t begin_;
  const size_t end_;
  Binder binder_;
  std::vector<TaskInput> inputs_;
  std::vector<size_t> ends_;  // In inputs_, of each node of the range.
};

}  // namespace deps

#endif  // DEPS_LIB_PLAN_TASK_INPUTS_H_
