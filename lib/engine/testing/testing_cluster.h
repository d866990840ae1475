// A cluster for tests: Kubernetes' API and Argo Server's on ports of the
// loopback, a controller and a node that really run what workflows say.
//
// All it keeps is in one folder: "etcd" has the objects, "node" a node's disk.
// One that starts there again goes on with what the one before has left, pods
// that run included.
#ifndef DEPS_LIB_ENGINE_TESTING_TESTING_CLUSTER_H_
#define DEPS_LIB_ENGINE_TESTING_TESTING_CLUSTER_H_

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "lib/engine/testing/cluster_api.h"
#include "lib/engine/testing/cluster_store.h"
#include "lib/engine/testing/controller.h"
#include "lib/engine/testing/http_server.h"
#include "lib/engine/testing/kubelet.h"

namespace deps {

struct TestingClusterOptions {
  std::string folder;
  std::string name_space = "deps";
  // As KubeletOptions has them.
  std::map<std::string, std::string> images;
  std::vector<std::string> shared;
  int kubernetes_port = 0;  // 0: a free one.
  int argo_port = 0;
};

class TestingCluster {
 public:
  static constexpr char kAdminToken[] = "admin-token";
  static constexpr char kReaderToken[] = "reader-token";

  // Answers when it returns; aborts where that fails. TLS is always on, by a
  // certificate that openssl makes.
  explicit TestingCluster(TestingClusterOptions options);
  // Ends all containers.
  ~TestingCluster();
  TestingCluster(const TestingCluster&) = delete;
  TestingCluster& operator=(const TestingCluster&) = delete;

  std::string kubernetes_url() const;
  std::string argo_url() const;
  std::string ca_file() const { return options_.folder + "/tls/cert.pem"; }
  // A file in the folder, for a token.
  std::string WriteKubeconfig(const std::string& token) const;

  HttpServer& kubernetes() { return *kubernetes_; }
  HttpServer& argo() { return *argo_; }
  ClusterStore& store() { return store_; }
  Kubelet& kubelet() { return *kubelet_; }

 private:
  const TestingClusterOptions options_;
  ClusterStore store_;
  std::unique_ptr<Kubelet> kubelet_;
  std::unique_ptr<Controller> controller_;
  std::unique_ptr<ClusterApi> api_;
  std::unique_ptr<HttpServer> kubernetes_;
  std::unique_ptr<HttpServer> argo_;
  std::atomic<bool> stopping_ = false;
  std::thread reconciler_;
};

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_TESTING_TESTING_CLUSTER_H_
