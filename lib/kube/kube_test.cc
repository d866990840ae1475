#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"
#include "lib/kube/kube_access.h"
#include "lib/secrets/secret_buffer.h"

namespace deps {
namespace {

class KubeTest : public testing::Test {
 protected:
  KubeTest() : folder_(*TemporaryFolder::Create("kube-test")) {}

  std::string NewFile(const std::string& name, const std::string& text) {
    const std::string path = absl::StrCat(folder_.path(), "/", name);
    EXPECT_TRUE(WriteFile(path, text).ok());
    return path;
  }

  absl::StatusOr<std::unique_ptr<KubeAccess>> Find(const KubeOptions& options = {}) {
    return KubeAccess::Find(
        options,
        [this](std::string_view name) -> std::optional<std::string> {
          const auto found = environment_.find(std::string(name));
          if (found == environment_.end()) return std::nullopt;
          return found->second;
        },
        Deadline());
  }

  static absl::Time Deadline() { return absl::Now() + absl::Seconds(20); }

  // "SERVER NAMESPACE AUTHORIZATION", or the error with its place.
  std::string Found(const KubeOptions& options = {}) {
    const auto access = Find(options);
    if (!access.ok()) return ErrorOf(access.status());
    const absl::StatusOr<SecretBuffer> header = (*access)->Authorization(false, Deadline());
    if (!header.ok()) return ErrorOf(header.status());
    return absl::StrCat((*access)->server(), " ", (*access)->name_space(), " ", header->view());
  }

  std::string ErrorOf(const absl::Status& status) const {
    const Diagnostic first = DiagnosticsOf(status).front();
    const std::string file = first.location.file.substr(first.location.file.rfind('/') + 1);
    return absl::StrCat(file, ":", first.location.line, ":", first.location.pointer, " ",
                        first.message);
  }

  // A kubeconfig of one context with these cluster and user.
  std::string Config(const std::string& cluster, const std::string& user) {
    return absl::StrCat(
        "current-context: a\ncontexts:\n- name: a\n  context: {cluster: c, user: u}\nclusters:\n"
        "- name: c\n  cluster: ",
        cluster, "\nusers:\n- name: u\n  user: ", user, "\n");
  }

  TemporaryFolder folder_;
  std::map<std::string, std::string> environment_;
};

TEST_F(KubeTest, AKubeconfigIsReadForItsCurrentContextOrAnother) {
  environment_["KUBECONFIG"] = NewFile(
      "config",
      "current-context: a\ncontexts:\n- name: a\n  context: {cluster: c, user: u}\n- name: b\n"
      "  context: {cluster: d, user: v, namespace: prod}\n- name: nobody\n  context: {cluster: d}\n"
      "clusters:\n- name: c\n  cluster: {server: 'https://c:6443/'}\n- name: d\n  cluster: "
      "{server: 'https://d'}\nusers:\n- name: u\n  user: {token: one}\n- name: v\n  user: "
      "{tokenFile: token}\n");
  NewFile("token", "two\n");
  EXPECT_EQ(Found(), "https://c:6443 default Bearer one");
  EXPECT_EQ(Found({.context = "b"}), "https://d prod Bearer two");
  EXPECT_EQ(Found({.context = "nobody"}), "https://d default ");
  EXPECT_EQ(Found({.context = "x"}), "config:0: there is no context 'x'");
}

TEST_F(KubeTest, OfSeveralFilesTheFirstThatHasANameCounts) {
  environment_["KUBECONFIG"] =
      absl::StrCat("/nonexistent:",
                   NewFile("one", "current-context: a\nusers:\n- name: u\n  user: {token: one}\n"),
                   ":", NewFile("two", Config("{server: 'https://c'}", "{token: two}")));
  EXPECT_EQ(Found(), "https://c default Bearer one");
  EXPECT_EQ(Found({.kubeconfig = "/nonexistent"}).substr(0, 13), "nonexistent:0");
}

TEST_F(KubeTest, MistakesAreToldWithTheirPlace) {
  struct Row {
    std::string name;
    std::string config;
    std::string error;
  };
  const std::string cluster = "{server: 'https://c'}";
  const Row rows[] = {
      {"no YAML", "a: [", "config:1: "},
      {"no mapping", "- a\n", "config:1: a kubeconfig is a mapping"},
      {"empty", "", "config:1: a kubeconfig is a mapping"},
      {"no current context", "contexts: []\n", "config:0: no context is the current one"},
      {"a context that is not there", "current-context: x\n",
       "config:1:/current-context there is no context 'x'"},
      {"contexts are no list", "current-context: x\ncontexts: 1\n",
       "config:2:/contexts contexts is no list"},
      {"a context without content", "current-context: x\ncontexts:\n- name: x\n",
       "config:3:/contexts/0 'x' has no mapping 'context'"},
      {"no such cluster", "current-context: x\ncontexts:\n- name: x\n  context: {cluster: y}\n",
       "config:4:/contexts/0/context there is no cluster 'y'"},
      {"no server", Config("{}", "{}"), "config:7:/clusters/0/cluster it has no server"},
      {"a server that is a list", Config("{server: []}", "{}"),
       "config:7:/clusters/0/cluster/server server is no text"},
      {"no URL", Config("{server: 'c:6443'}", "{}"),
       "config:7:/clusters/0/cluster/server 'c:6443' is no URL"},
      {"a token in clear", Config("{server: 'http://c'}", "{token: t}"),
       "config:7:/clusters/0/cluster/server the API server's address is not https"},
      {"any server will do",
       Config("{server: 'https://c', insecure-skip-tls-verify: true}", "{token: t}"),
       "config:7:/clusters/0/cluster/insecure-skip-tls-verify a server that nobody vouches for "
       "gets no credential"},
      {"another name", Config("{server: 'https://c', tls-server-name: d}", "{token: t}"),
       "config:7:/clusters/0/cluster/tls-server-name tls-server-name is not supported"},
      {"no base64", Config("{server: 'https://c', certificate-authority-data: '%'}", "{}"),
       "config:7:/clusters/0/cluster/certificate-authority-data certificate-authority-data is no "
       "base64"},
      {"somebody else", Config(cluster, "{token: t, as: admin}"),
       "config:10:/users/0/user/as as is not supported"},
      {"a password", Config(cluster, "{username: jo, password: p}"),
       "config:10:/users/0/user/username username is not supported"},
      {"a program without a command", Config(cluster, "{exec: {}}"),
       "config:10:/users/0/user/exec it has no command"},
      {"an old program", Config(cluster, "{exec: {command: sh, apiVersion: v0}}"),
       "config:10:/users/0/user/exec 'v0' is no apiVersion of exec: "
       "client.authentication.k8s.io/v1"},
      {"a token that cannot be read", Config(cluster, "{tokenFile: /nonexistent}"),
       ":0: cannot read '/nonexistent'"},
  };
  for (const Row& row : rows) {
    environment_["KUBECONFIG"] = NewFile("config", row.config);
    const std::string error = Found();
    EXPECT_EQ(error.substr(0, row.error.size()), row.error) << row.name << ": " << error;
  }
}

TEST_F(KubeTest, ProgramsGiveCredentialsWithinBounds) {
  const auto found = [&](const std::string& script, const std::string& rest = "") {
    environment_["KUBECONFIG"] =
        NewFile("config", Config("{server: 'https://c'}",
                                 absl::StrCat("{exec: {apiVersion: client.authentication.k8s.io/v1,"
                                              " command: sh, args: [-c, '",
                                              script, "']", rest, "}}")));
    return Found();
  };
  const std::string none = ":0: the kubeconfig's program sh gives no credential";
  EXPECT_EQ(found("echo \"{\\\"status\\\":{\\\"token\\\":\\\"$T\\\"}}\"",
                  ", env: [{name: T, value: hush}]"),
            "https://c default Bearer hush");
  EXPECT_EQ(found("echo \"$KUBERNETES_EXEC_INFO\" >&2; echo nothing"), none);
  EXPECT_EQ(found("echo \"{\\\"status\\\":{}}\""), none);
  EXPECT_EQ(found("exit 3"), ":0: the kubeconfig's program sh ends with status 3");
  EXPECT_EQ(found("cat /dev/zero"), ":0: the kubeconfig's program sh answers too much");
  EXPECT_EQ(found("echo \"{\\\"apiVersion\\\":\\\"v9\\\",\\\"status\\\":{}}\""),
            ":0: the kubeconfig's program sh answers in v9 and not in "
            "client.authentication.k8s.io/v1");
}

TEST_F(KubeTest, ATokenOfAProgramIsGotAnewWhereItExpired) {
  const std::string count = folder_.path() + "/count";
  environment_["KUBECONFIG"] = NewFile(
      "config", Config("{server: 'https://c'}",
                       absl::StrCat("{exec: {apiVersion: client.authentication.k8s.io/v1, command: "
                                    "sh, args: [-c, 'echo >>",
                                    count,
                                    "; printf \"{\\\"status\\\":{\\\"token\\\":\\\"t%s\\\",\\\""
                                    "expirationTimestamp\\\":\\\"2020-01-01T00:00:00Z\\\"}}\" "
                                    "$(wc -l <",
                                    count, ")']}}")));
  const auto access = Find();
  ASSERT_TRUE(access.ok()) << access.status();
  EXPECT_EQ((*access)->Authorization(false, Deadline())->view(), "Bearer t2");
  EXPECT_EQ((*access)->Authorization(false, Deadline())->view(), "Bearer t3");
}

TEST_F(KubeTest, InAPodTheAccountsTokenIsReadAnewEachTime) {
  environment_["KUBERNETES_SERVICE_HOST"] = "fd00::1";
  environment_["KUBERNETES_SERVICE_PORT"] = "6443";
  environment_["DEPS_SERVICE_ACCOUNT_FOLDER"] = folder_.path();
  EXPECT_EQ(Found(), absl::StrCat(":0: cannot read '", folder_.path(), "/token'"));
  NewFile("token", "one");
  NewFile("namespace", "dev");
  const auto access = Find();
  ASSERT_TRUE(access.ok()) << access.status();
  EXPECT_EQ((*access)->server(), "https://[fd00::1]:6443");
  EXPECT_EQ((*access)->name_space(), "dev");
  EXPECT_EQ((*access)->http().ca_file, folder_.path() + "/ca.crt");
  EXPECT_EQ((*access)->Authorization(false, Deadline())->view(), "Bearer one");
  NewFile("token", "two");
  EXPECT_EQ((*access)->Authorization(false, Deadline())->view(), "Bearer two");
}

TEST_F(KubeTest, CertificatesOfAKubeconfigAreFilesWhileTheyAreNeeded) {
  environment_["KUBECONFIG"] =
      NewFile("config", Config("{server: 'https://c', certificate-authority: ca.pem}",
                               "{client-certificate-data: Y2VydA==, client-key-data: a2V5}"));
  const auto access = Find();
  ASSERT_TRUE(access.ok()) << access.status();
  EXPECT_EQ((*access)->http().ca_file, folder_.path() + "/ca.pem");
  EXPECT_EQ(ReadFile((*access)->http().client_certificate_file)->text, "cert");
  EXPECT_EQ(ReadFile((*access)->http().client_key_file)->text, "key");
}

}  // namespace
}  // namespace deps
