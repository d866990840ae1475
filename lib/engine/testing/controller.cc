#include "lib/engine/testing/controller.h"

#include <string>

#include "lib/engine/testing/operation.h"

namespace deps {

using json::Value;

void Controller::Tick() {
  const std::vector<Value> workflows = store_.List("workflows", "", nullptr);
  Locks locks;
  for (const Value& workflow : workflows) AddLocks(workflow, &locks);
  for (const Value& workflow : workflows) Operation(store_, kubelet_, locks, workflow).Run();
  for (const Value& pod : store_.List("pods", "", nullptr)) CollectGarbage(pod);
}

// A pod goes with its workflow.
void Controller::CollectGarbage(const Value& pod) {
  const std::string name_space = TextAt(pod, {"metadata", "namespace"});
  const auto owner =
      store_.Get({"workflows", name_space,
                  TextAt(pod, {"metadata", "labels", "workflows.argoproj.io/workflow"})});
  const Value& owned_by = pod.Find("metadata")->Find("ownerReferences")->items.front();
  if (owner && TextAt(*owner, {"metadata", "uid"}) == TextAt(owned_by, {"uid"})) return;
  DeletePod(store_, {"pods", name_space, TextAt(pod, {"metadata", "name"})});
}

}  // namespace deps
