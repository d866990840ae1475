#include "lib/engine/testing/testing_cluster.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/digest/sha256.h"
#include "lib/io/file.h"

namespace deps {
namespace {

[[noreturn]] void Abort(std::string_view what) {
  std::fprintf(stderr, "testing cluster: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

std::string MakeCertificate(const std::string& folder) {
  const std::string tls = absl::StrCat(folder, "/tls");
  if (std::filesystem::exists(tls)) return tls;
  std::filesystem::create_directories(tls);
  const std::string command = absl::StrCat(
      "cd '", tls,
      "' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
      "-subj /CN=tests -addext subjectAltName=IP:127.0.0.1,DNS:localhost "
      "-keyout key.pem -out cert.pem 2>/dev/null");
  if (std::system(command.c_str()) != 0) Abort("openssl makes no certificate");
  return tls;
}

// The same in each process that starts in `folder`.
std::string MemoryOf(const std::string& folder) {
  return absl::StrCat("/dev/shm/testing-cluster-",
                      Sha256Hex(std::filesystem::absolute(folder).string()).substr(0, 12));
}

}  // namespace

TestingCluster::TestingCluster(TestingClusterOptions options)
    : options_(std::move(options)), store_(absl::StrCat(options_.folder, "/etcd")) {
  const std::string tls = MakeCertificate(options_.folder);
  // The kubelet tells pods the port, and the server asks the kubelet for logs.
  const auto kubernetes = [this](const ServerRequest& request, Reply& reply) {
    while (api_ == nullptr) absl::SleepFor(absl::Milliseconds(5));
    api_->Kubernetes(request, reply);
  };
  const auto argo = [this](const ServerRequest& request, Reply& reply) {
    while (api_ == nullptr) absl::SleepFor(absl::Milliseconds(5));
    api_->ArgoServer(request, reply);
  };
  kubernetes_ = std::make_unique<HttpServer>(options_.kubernetes_port, tls, kubernetes);
  argo_ = std::make_unique<HttpServer>(options_.argo_port, tls, argo);
  kubelet_ = std::make_unique<Kubelet>(
      store_, KubeletOptions{.folder = absl::StrCat(options_.folder, "/node"),
                             .memory = MemoryOf(options_.folder),
                             .images = options_.images,
                             .shared = options_.shared,
                             .api_host = "127.0.0.1",
                             .api_port = kubernetes_->port(),
                             .ca_file = ca_file()});
  controller_ = std::make_unique<Controller>(store_, *kubelet_);
  api_ = std::make_unique<ClusterApi>(store_, *kubelet_,
                                      ClusterApiOptions{.admin_token = kAdminToken,
                                                        .reader_token = kReaderToken,
                                                        .name_spaces = {options_.name_space}});
  reconciler_ = std::thread([this] {
    while (!stopping_) {
      controller_->Tick();
      kubelet_->Tick();
      absl::SleepFor(absl::Milliseconds(30));
    }
  });
}

TestingCluster::~TestingCluster() {
  stopping_ = true;
  reconciler_.join();
  kubernetes_.reset();
  argo_.reset();
  kubelet_->EndAll();
  std::error_code error;
  std::filesystem::remove_all(MemoryOf(options_.folder), error);
}

std::string TestingCluster::kubernetes_url() const {
  return absl::StrCat("https://127.0.0.1:", kubernetes_->port());
}

std::string TestingCluster::argo_url() const {
  return absl::StrCat("https://127.0.0.1:", argo_->port());
}

std::string TestingCluster::WriteKubeconfig(const std::string& token) const {
  const std::string path = absl::StrCat(options_.folder, "/kubeconfig-", token);
  const std::string text = absl::StrCat(
      "apiVersion: v1\nkind: Config\ncurrent-context: test\nclusters:\n- name: test\n  cluster:\n"
      "    server: ",
      kubernetes_url(), "\n    certificate-authority: ", ca_file(),
      "\nusers:\n- name: test\n  user:\n    token: ", token,
      "\ncontexts:\n- name: test\n  context:\n    cluster: test\n    user: test\n    namespace: ",
      options_.name_space, "\n");
  if (!WriteFile(path, text, 0600).ok()) Abort("cannot write a kubeconfig");
  return path;
}

}  // namespace deps
