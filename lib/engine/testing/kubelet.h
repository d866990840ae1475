// A node for tests: it runs the containers of pods as processes with a root
// folder, a process and a mount namespace of their own. They outlive this
// process, and one that starts in the same folder goes on with them.
#ifndef DEPS_LIB_ENGINE_TESTING_KUBELET_H_
#define DEPS_LIB_ENGINE_TESTING_KUBELET_H_

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "lib/engine/testing/cluster_store.h"
#include "lib/json/json.h"

namespace deps {

struct KubeletOptions {
  std::string folder;  // Its disk.
  std::string memory;  // On a tmpfs.
  // Reference of an image -> a folder with its files; "*" is for all others. The
  // image's user is the owner of the folder.
  std::map<std::string, std::string> images;
  // Folders of this machine that every pod finds at the same path, as with a
  // CSI driver that the cluster's administrators have set up.
  std::vector<std::string> shared;
  std::string api_host;  // What pods are told of the API server.
  int api_port = 0;
  std::string ca_file;
};

class Kubelet {
 public:
  Kubelet(ClusterStore& store, KubeletOptions options);

  // Looks at all pods, starts what is to be started and notes what has ended.
  void Tick();
  // Ends all containers at once.
  void EndAll();

  // Asks the containers of a pod to end, and ends them half a minute later.
  void Terminate(const ObjectKey& key);

  bool HasStarted(const json::Value& pod, const std::string& container) const;
  bool HasEnded(const json::Value& pod, const std::string& container) const;
  // What a container has printed from `offset` on, and when a byte of it came.
  std::string Log(const json::Value& pod, const std::string& container, size_t offset) const;
  absl::Time LogTime(const json::Value& pod, const std::string& container, size_t offset) const;
  // A file of the container `main`. Absent where there is none.
  std::optional<std::string> FileOf(const json::Value& pod, const std::string& path) const;

  // What goes wrong with pods. Evict: it fails with `message`, as by a node that
  // runs out of memory. Vanish: it is gone, processes and all.
  void Evict(const ObjectKey& key, const std::string& message);
  void Vanish(const ObjectKey& key);

 private:
  struct Process {
    bool started = false;
    std::optional<int> exit_code;
  };
  std::string FolderOf(const json::Value& pod) const;
  Process ProcessOf(const json::Value& pod, const std::string& container) const;
  void Signal(const json::Value& pod, const std::string& container, int number) const;
  void SignalAll(const json::Value& pod, int number) const;
  void TickPod(const ObjectKey& key, const json::Value& pod);
  void NoteLogs(const json::Value& pod) const;
  bool SecretsAreThere(const ObjectKey& key, const json::Value& pod);
  bool ImagesAreThere(const ObjectKey& key, const json::Value& pod);
  // Leaves the pod pending, and says why in the status of `container`.
  void Hold(const ObjectKey& key, const std::string& statuses, const json::Value& container,
            const std::string& reason, const std::string& message);
  void MakeVolumes(const json::Value& pod);
  std::string VolumeFolder(const json::Value& pod, const json::Value& volume) const;
  void Project(const json::Value& pod, const json::Value& sources, const std::string& folder);
  std::string TokenFor(const json::Value& pod, const std::string& audience);
  void Launch(const json::Value& pod, const json::Value& container);
  const std::string& ImageOf(const json::Value& container) const;
  std::string EnterScript(const json::Value& pod, const json::Value& container,
                          const std::string& root);
  std::vector<std::pair<std::string, std::string>> MountsOf(const json::Value& pod,
                                                            const json::Value& container) const;
  std::string FieldOf(const json::Value& pod, const std::string& path) const;
  void SetStatus(const ObjectKey& key, const json::Value& pod);
  void Fail(const ObjectKey& key, const std::string& reason, const std::string& message);
  void Remove(const ObjectKey& key, const json::Value& pod);

  ClusterStore& store_;
  const KubeletOptions options_;
  // Of whoever changes what a pod has: a tick, or what a test does to it.
  std::mutex changing_;
  mutable std::mutex mutex_;
  // Of each log, by its path: its size and when it had that.
  mutable std::map<std::string, std::vector<std::pair<size_t, absl::Time>>> log_times_;
};

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_TESTING_KUBELET_H_
