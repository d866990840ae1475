// The two APIs by which workflows are reached: that of Kubernetes, and Argo
// Server's in front of it. Both as strict as the real ones: a token for every
// request, unknown fields refused, versions compared.
#ifndef DEPS_LIB_ENGINE_TESTING_CLUSTER_API_H_
#define DEPS_LIB_ENGINE_TESTING_CLUSTER_API_H_

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "lib/engine/testing/cluster_store.h"
#include "lib/engine/testing/http_server.h"
#include "lib/engine/testing/kubelet.h"
#include "lib/json/json.h"

namespace deps {

// Who asks, by the token.
struct Caller {
  enum class Role {
    kAdmin,    // May do everything.
    kReader,   // May get, list and watch workflows and pods, but no logs.
    kAccount,  // A pod's: leases and secrets of its namespace.
  };
  Role role = Role::kReader;
  std::string name_space;  // Of an account.
};

struct ClusterApiOptions {
  std::string admin_token;
  std::string reader_token;
  std::set<std::string> name_spaces;
};

class ClusterApi {
 public:
  ClusterApi(ClusterStore& store, Kubelet& kubelet, ClusterApiOptions options)
      : store_(store), kubelet_(kubelet), options_(std::move(options)) {}

  void Kubernetes(const ServerRequest& request, Reply& reply);
  void ArgoServer(const ServerRequest& request, Reply& reply);

 private:
  struct Target;  // What a path names.

  std::optional<Caller> CallerOf(const ServerRequest& request) const;
  bool May(const Caller& caller, const std::string& verb, const std::string& resource,
           const std::string& name_space) const;

  void Discover(const ServerRequest& request, Reply& reply);
  void ReviewAccess(const ServerRequest& request, const Caller& caller, Reply& reply);
  void Objects(const ServerRequest& request, const Target& target, Reply& reply);
  void Create(const ServerRequest& request, const Target& target, Reply& reply);
  void List(const ServerRequest& request, const Target& target, Reply& reply);
  void Watch(const ServerRequest& request, const Target& target, Reply& reply);
  void Change(const ServerRequest& request, const Target& target, Reply& reply);
  void Delete(const Target& target, Reply& reply);
  void PodLog(const ServerRequest& request, const Target& target, Reply& reply);

  void ArgoCreate(const ServerRequest& request, const std::string& name_space, bool lint,
                  Reply& reply);
  void ArgoGet(const ServerRequest& request, const ObjectKey& key, Reply& reply);
  void ArgoChange(const ObjectKey& key, const std::string& verb, Reply& reply);
  void ArgoEvents(const ServerRequest& request, const std::string& name_space, Reply& reply);
  void ArgoLog(const ServerRequest& request, const ObjectKey& key, Reply& reply);

  // Prints a container's log as it grows, each line by `print`, which says false
  // where nobody listens any more. Ends with the container unless `follow` is false.
  void StreamLog(const ObjectKey& pod, const std::string& container, bool follow, int64_t tail,
                 const std::function<bool(absl::Time, const std::string&)>& print) const;

  ClusterStore& store_;
  Kubelet& kubelet_;
  const ClusterApiOptions options_;
};

// Whether an object is what "a=b,c!=d" asks for, of labels or of
// metadata.name and metadata.namespace.
bool MatchesSelectors(const json::Value& object, const std::string& labels,
                      const std::string& fields);

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_TESTING_CLUSTER_API_H_
