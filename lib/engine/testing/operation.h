// One look of the controller at one workflow.
#ifndef DEPS_LIB_ENGINE_TESTING_OPERATION_H_
#define DEPS_LIB_ENGINE_TESTING_OPERATION_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "lib/engine/testing/cluster_store.h"
#include "lib/engine/testing/kubelet.h"
#include "lib/json/json.h"

namespace deps {

// Mutex -> the node that holds it.
using Locks = std::map<std::string, std::string>;
// What a workflow's nodes hold, by its status.
void AddLocks(const json::Value& workflow, Locks* locks);

// Asks for the end of a pod, which goes when its containers have ended.
void DeletePod(ClusterStore& store, const ObjectKey& key);

class Operation {
 public:
  Operation(ClusterStore& store, Kubelet& kubelet, Locks& locks, json::Value workflow);
  // Moves the workflow on and stores what became of it.
  void Run();

 private:
  using Parameters = std::map<std::string, std::string>;
  // A template that is run under a node's name.
  struct Call {
    std::string node;
    std::string display;
    std::string boundary;  // The id of the DAG's node; "" at the entrypoint.
    json::Value shown;     // The template.
    Parameters inputs;
    int retry = -1;  // Which retry it is; -1 without a retryStrategy.
  };

  bool IsShutDown() const { return !shutdown_.empty(); }
  json::Value* Find(const std::string& node);
  std::string IdOf(const std::string& node) const;
  std::string PodName(const Call& call) const;
  json::Value& Make(const Call& call, const std::string& type, const std::string& phase,
                    const std::string& message = "");
  void Set(const std::string& node, const std::string& phase, const std::string& message = "");
  Parameters Scope(const Call& call) const;

  void Execute(Call call);
  bool Acquire(const Call& call);
  void Release(const std::string& id);
  void ExecuteRetries(const Call& call);
  bool IsTimeToRetry(const Call& call, const json::Value& last, size_t attempts);
  void ExecuteOnce(const Call& call);
  void ExecuteDag(const Call& call);
  void ExecuteTask(const Call& dag, const json::Value& task);
  std::string PhaseOfDag(const Call& call);
  void SetDagOutputs(const Call& call);
  void Connect(const Call& dag, const json::Value& task, const std::string& node);
  Parameters TaskOutputs(const Call& dag);
  void CreatePod(const Call& call);
  void FollowPod(const Call& call);
  void TakeOutputs(const Call& call, const json::Value& pod, int exit_code);
  std::pair<std::string, std::string> ReasonOf(const json::Value& pod) const;
  size_t ActivePods() const;
  void FailWaiting();
  void Finish(const std::string& phase, const std::string& message);
  void CleanUp();
  void Store();

  ClusterStore& store_;
  Kubelet& kubelet_;
  Locks& locks_;
  json::Value workflow_;
  const std::string name_;
  const std::string name_space_;
  const std::string shutdown_;
};

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_TESTING_OPERATION_H_
