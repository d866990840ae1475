// Argo's controller for tests: it brings workflows about by pods, with the
// phases, messages, names and ids that Argo gives (v4.1). All it knows is in the
// store: it may end at any moment and start again.
//
// It has DAGs and containers, depends, parameters, retryStrategy, mutexes,
// parallelism, deadlines, shutdown, suspend, podGC and ttlStrategy.
#ifndef DEPS_LIB_ENGINE_TESTING_CONTROLLER_H_
#define DEPS_LIB_ENGINE_TESTING_CONTROLLER_H_

#include "lib/engine/testing/cluster_store.h"
#include "lib/engine/testing/kubelet.h"

namespace deps {

class Controller {
 public:
  Controller(ClusterStore& store, Kubelet& kubelet) : store_(store), kubelet_(kubelet) {}

  // Moves every workflow on as far as it goes now.
  void Tick();

 private:
  void CollectGarbage(const json::Value& pod);

  ClusterStore& store_;
  Kubelet& kubelet_;
};

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_TESTING_CONTROLLER_H_
