// A Workflow resource of ours, read back from Argo. Private to this package.
#ifndef DEPS_LIB_ENGINE_ARGO_RUN_H_
#define DEPS_LIB_ENGINE_ARGO_RUN_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/engine/engine.h"
#include "lib/json/json.h"

namespace deps {

class ArgoRun {
 public:
  struct Task {
    std::string id;
    std::string node;                // "WORKFLOW.TASK"; attempts have "(0)", … behind it.
    std::vector<std::string> needs;  // Ids.
    std::string action;
    std::map<std::string, PlannedOutput> outputs;
  };

  // Errors: engine-refused where it is none that RenderArgo gives;
  // engine-unsupported where its nodes are in Argo's database alone.
  static absl::StatusOr<ArgoRun> Read(json::Value workflow);

  // Phases of Argo as states of ours (engines.md: "Status mapping"), values of
  // plain outputs, and of sensitive ones the sinks that the plan names.
  EngineStatus Status() const;

  const std::vector<Task>& tasks() const { return tasks_; }
  const json::Value& resource() const { return resource_; }
  std::string name() const;
  std::string plan_digest() const;
  bool HasEnded() const;

  // The task that a node, or an attempt's node, belongs to, and which attempt it
  // is, from 0; nullptr where it is none.
  const Task* TaskOfNode(std::string_view node, int* attempt) const;

  // Whether something should be in a pod now: the workflow runs and is neither
  // suspended nor waiting for a lock or the next try.
  bool NeedsPods() const;
  // The last time at which a node began or ended.
  absl::Time LastChange() const;
  // Says of all open tasks that they are lost: no pod is alive since `since`.
  void TellLost(absl::Time since, EngineStatus* status) const;

 private:
  explicit ArgoRun(json::Value resource) : resource_(std::move(resource)) {}
  absl::Status ReadTasks();
  absl::Status ReadStep(const json::Value& shown, Task* task) const;
  absl::Status ReadNodes();
  const json::Value* Node(const std::string& name) const;
  std::vector<const json::Value*> AttemptsOf(const Task& task, const json::Value& node) const;
  WorkflowTask TellTask(const Task& task, EngineStatus* status) const;
  void TellWithoutNode(WorkflowTask* task) const;
  void TellByPhase(const json::Value& node, const json::Value& last, WorkflowTask* task) const;
  void TellOutputs(const Task& task, const json::Value& node, const json::Value& last,
                   WorkflowTask* told) const;
  bool IsShutDown() const;
  std::string Phase() const;

  json::Value resource_;
  json::Value unpacked_;  // What `nodes_` names, where Argo had compressed it.
  std::map<std::string, const json::Value*> nodes_;  // By name.
  std::vector<Task> tasks_;
};

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_ARGO_RUN_H_
