#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/http/testing_server.h"
#include "lib/io/file.h"
#include "lib/json/json.h"
#include "lib/secrets/provider.h"

namespace deps {
namespace {

using json::Value;

constexpr char kSentinel[] = "s3ntinel \"value\"\n\xc3\xa4";

std::string MessageOf(const absl::Status& status) {
  return status.ok() ? "" : DiagnosticsOf(status)[0].message;
}

std::string HeaderOf(const std::string& request, const std::string& name) {
  for (const std::string_view line : absl::StrSplit(request, "\r\n")) {
    const std::pair<std::string_view, std::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(": ", 1));
    if (absl::EqualsIgnoreCase(parts.first, name)) return std::string(parts.second);
  }
  return "";
}

Value BodyOf(const std::string& request) {
  const size_t at = request.find("\r\n\r\n");
  const Source source = {.name = "body", .text = request.substr(at + 4)};
  const absl::StatusOr<Value> value = json::Parse(source);
  EXPECT_TRUE(value.ok()) << value.status() << request;
  return value.ok() ? *value : Value();
}

std::string Json(Value value) { return json::Canonical(value); }

// A KV version 2 store at kv/, and logins, as Vault has them: what Vault refuses
// is refused.
class StrictVault {
 public:
  std::map<std::string, std::vector<std::map<std::string, std::string>>> secrets;
  bool cas_required = false;
  bool garbage = false;

  std::string Serve(const std::string& request) {
    if (garbage) return Answer("200 OK", {}, "<html>no JSON</html>");
    const std::vector<std::string> line =
        absl::StrSplit(request.substr(0, request.find('\r')), ' ');
    const std::pair<std::string, std::string> target =
        absl::StrSplit(line[1], absl::MaxSplits('?', 1));
    if (HeaderOf(request, "X-Vault-Request") != "true") return Error("400 Bad Request", "header");
    if (line[0] == "POST" && absl::StartsWith(target.first, "/v1/auth/")) {
      return LogIn(target.first, BodyOf(request));
    }
    if (HeaderOf(request, "X-Vault-Token") != "the-token") {
      return Error("403 Forbidden", "permission denied");
    }
    if (!absl::StartsWith(target.first, "/v1/kv/data/")) {
      return Error("404 Not Found", "no handler for route");
    }
    const std::string path = target.first.substr(12);
    return line[0] == "POST" ? Write(path, BodyOf(request)) : Read(path, target.second);
  }

 private:
  static std::string Error(const std::string& status, const std::string& why) {
    return Answer(status, {}, Json(Value::Object({{"errors", Value::Strings({why})}})));
  }

  static std::string LogIn(const std::string& path, const Value& body) {
    const auto is = [&](const char* name, const char* text) {
      const Value* const value = body.Find(name);
      return value != nullptr && value->text == text;
    };
    const bool known =
        (path == "/v1/auth/approle/login" && is("role_id", "role") && is("secret_id", "shh")) ||
        (path == "/v1/auth/k8s-prod/login" && is("role", "bundles") && is("jwt", "e.y.J"));
    if (!known) return Error("400 Bad Request", "invalid role or secret ID");
    return Answer("200 OK", {}, R"({"auth":{"client_token":"the-token","lease_duration":60}})");
  }

  std::string Read(const std::string& path, const std::string& query) {
    const auto found = secrets.find(path);
    if (found == secrets.end() || found->second.empty()) return Error("404 Not Found", "");
    size_t version = found->second.size();
    if (!query.empty()) version = std::stoul(query.substr(query.find('=') + 1));
    if (version > found->second.size()) return Error("404 Not Found", "");
    return Answer(
        "200 OK", {},
        Json(Value::Object(
            {{"data", Value::Object(
                          {{"data", Value::StringMap(found->second[version - 1])},
                           {"metadata", Value::Object({{"version", Value::Integer(static_cast<int>(
                                                                       version))}})}})}})));
  }

  std::string Write(const std::string& path, const Value& body) {
    std::vector<std::map<std::string, std::string>>& versions = secrets[path];
    const Value* const data = body.Find("data");
    const Value* const options = body.Find("options");
    if (data == nullptr) return Error("400 Bad Request", "no data provided");
    const Value* const cas = options == nullptr ? nullptr : options->Find("cas");
    if (cas == nullptr && cas_required) {
      return Error("400 Bad Request", "check-and-set parameter required for this call");
    }
    if (cas != nullptr && cas->text != absl::StrCat(versions.size())) {
      return Error("400 Bad Request", "check-and-set parameter did not match the current version");
    }
    std::map<std::string, std::string> fields;
    for (const auto& [name, value] : data->members) fields[name] = value.text;
    versions.push_back(fields);
    return Answer(
        "200 OK", {},
        Json(Value::Object(
            {{"data",
              Value::Object({{"version", Value::Integer(static_cast<int>(versions.size()))}})}})));
  }
};

class VaultTest : public testing::Test {
 protected:
  VaultTest() {
    environment_ = {{"VAULT_ADDR", server_.url()}, {"VAULT_TOKEN", "the-token"}};
    vault_.secrets["db"] = {{{"password", "old"}}, {{"password", kSentinel}, {"user", "ada"}}};
    vault_.secrets["one/deep%20path"] = {{{"value", "v"}, {"other", "o"}}};
    vault_.secrets["single"] = {{{"anything", "a"}}};
  }
  Getenv Env() const {
    return [this](std::string_view name) -> std::optional<std::string> {
      const auto found = environment_.find(std::string(name));
      return found == environment_.end() ? std::nullopt : std::optional(found->second);
    };
  }
  std::string NewFile(std::string_view name, std::string_view content) const {
    const std::string path = absl::StrCat(folder_.path(), "/", name);
    std::ofstream(path) << content;
    return path;
  }
  std::string Get(const std::string& reference) const {
    const absl::StatusOr<SecretBuffer> value = ResolveSecret(reference, Env());
    return value.ok() ? std::string(value->view()) : MessageOf(value.status());
  }

  StrictVault vault_;
  TestingServer server_{[this](const std::string& request) { return vault_.Serve(request); }};
  std::map<std::string, std::string> environment_;
  TemporaryFolder folder_ = *TemporaryFolder::Create("stores-test");
};

TEST_F(VaultTest, ReadsFieldsAndVersions) {
  EXPECT_EQ(Get("vault:kv/db#password"), kSentinel);
  EXPECT_EQ(Get("vault:kv/db#password?version=1"), "old");
  EXPECT_EQ(Get("openbao:kv/db#user"), "ada");
  EXPECT_EQ(Get("vault:kv/one/deep path"), "v");
  EXPECT_EQ(Get("vault:kv/single"), "a");
}

TEST_F(VaultTest, NamesTheReferenceAndNoValueInErrors) {
  EXPECT_EQ(Get("vault:kv/db"), "secret 'vault:kv/db': the secret has several fields; say #FIELD");
  EXPECT_EQ(Get("vault:kv/db#none"), "secret 'vault:kv/db#none': the secret has no such field");
  EXPECT_EQ(Get("vault:kv/none#f"), "secret 'vault:kv/none#f': the store has no such secret: ");
  EXPECT_EQ(Get("vault:kv/../sys#f"),
            "reference to a secret 'vault:kv/../sys#f': its path has an empty step, '.' or '..'");
  EXPECT_EQ(Get("vault:kv"), "reference to a secret 'vault:kv': it is not vault:MOUNT/PATH");
  environment_["VAULT_TOKEN"] = "another-token";
  EXPECT_EQ(Get("vault:kv/db#user"),
            "secret 'vault:kv/db#user': the store refuses access: permission denied");
  environment_.erase("VAULT_TOKEN");
  EXPECT_EQ(Get("vault:kv/db#user"),
            "secret 'vault:kv/db#user': there is no token: set VAULT_TOKEN, VAULT_TOKEN_FILE or "
            "DEPS_VAULT_AUTH");
  environment_["VAULT_TOKEN"] = "the-token";
  vault_.garbage = true;
  EXPECT_EQ(Get("vault:kv/db#user"),
            "secret 'vault:kv/db#user': the answer is not that of a KV version 2 store");
  environment_["VAULT_ADDR"] = "http://vault.example:8200";
  EXPECT_EQ(Get("vault:kv/db#user"),
            "secret 'vault:kv/db#user': VAULT_ADDR 'http://vault.example:8200' is not https: what "
            "is asked for would be readable");
  environment_.erase("VAULT_ADDR");
  EXPECT_EQ(Get("vault:kv/db#user"), "vault: secret 'vault:kv/db#user': VAULT_ADDR is not set");
}

TEST_F(VaultTest, LogsInByRoleAndByServiceAccount) {
  environment_.erase("VAULT_TOKEN");
  environment_["VAULT_TOKEN_FILE"] = NewFile("token", "the-token\n");
  EXPECT_EQ(Get("vault:kv/db#user"), "ada");
  environment_["DEPS_VAULT_AUTH"] = "approle";
  environment_["DEPS_VAULT_ROLE_ID"] = "role";
  environment_["DEPS_VAULT_SECRET_ID_FILE"] = NewFile("id", "shh\n");
  EXPECT_EQ(Get("vault:kv/db#user"), "ada");
  environment_["DEPS_VAULT_SECRET_ID"] = "wrong";
  EXPECT_EQ(Get("vault:kv/db#user"),
            "login: secret 'vault:kv/db#user': the store answers with status 400: invalid role or "
            "secret ID");
  environment_["DEPS_VAULT_AUTH"] = "kubernetes";
  environment_["DEPS_VAULT_AUTH_MOUNT"] = "k8s-prod";
  environment_["DEPS_VAULT_ROLE"] = "bundles";
  environment_["DEPS_VAULT_JWT_FILE"] = NewFile("jwt", "e.y.J");
  EXPECT_EQ(Get("vault:kv/db#user"), "ada");
}

TEST_F(VaultTest, TakesValuesAndGivesReferencesToThem) {
  for (const bool cas_required : {false, true}) {
    vault_.cas_required = cas_required;
    const std::string sink = absl::StrCat("vault:kv/deps/app", cas_required, "/password");
    for (const std::string value : {kSentinel, "second"}) {
      const absl::StatusOr<std::string> ref = StoreSecret(sink, value, Env());
      ASSERT_TRUE(ref.ok()) << ref.status();
      EXPECT_EQ(*ref, absl::StrCat(sink, "#value?version=", value == "second" ? 2 : 1));
      EXPECT_EQ(Get(*ref), value);
    }
  }
  EXPECT_EQ(MessageOf(StoreSecret("vault:kv/x", "\xff\xfe", Env()).status()),
            "secret 'vault:kv/x': the value is not text, which alone it takes");
}

TEST_F(VaultTest, DoesNotWaitForEver) {
  environment_["DEPS_SECRET_TIMEOUT"] = "1s";
  TestingServer silent([](const std::string&) {
    sleep(3);
    return std::string();
  });
  environment_["VAULT_ADDR"] = silent.url();
  const absl::Time start = absl::Now();
  EXPECT_TRUE(
      HasId(ResolveSecret("vault:kv/db#user", Env()).status(), DiagnosticId::kSecretUnavailable));
  EXPECT_TRUE(HasId(ResolveSecret("command:sh -c 'sleep 60 & wait'", Env()).status(),
                    DiagnosticId::kSecretUnavailable));
  EXPECT_LT(absl::Now() - start, absl::Seconds(20));
}

TEST_F(VaultTest, FilesAreSinks) {
  const std::string sink = absl::StrCat("file:", folder_.path(), "/a/b/password");
  const absl::StatusOr<std::string> ref = StoreSecret(sink, kSentinel, Env());
  ASSERT_TRUE(ref.ok()) << ref.status();
  EXPECT_EQ(Get(*ref), kSentinel);
  struct stat info = {};
  ASSERT_EQ(stat(ref->substr(5).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  EXPECT_TRUE(HasId(CheckSink("env:X", Env()), DiagnosticId::kSecretUnavailable));
  EXPECT_TRUE(HasId(CheckSink("file:relative", Env()), DiagnosticId::kSecretUnavailable));
  EXPECT_TRUE(HasId(CheckSink("nothing-like-this:x", Env()), DiagnosticId::kSecretUnavailable));
}

TEST_F(VaultTest, ADescriptorIsReadOnceAndKept) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], kSentinel, sizeof(kSentinel) - 1),
            static_cast<ssize_t>(sizeof(kSentinel) - 1));
  close(ends[1]);
  EXPECT_EQ(Get(absl::StrCat("fd:", ends[0])), kSentinel);
  EXPECT_EQ(Get(absl::StrCat("fd:", ends[0])), kSentinel);
  EXPECT_EQ(Get("fd:999"), "secret 'fd:999': Bad file descriptor");
}

TEST_F(VaultTest, ProgramsAreProviders) {
  const std::string program = NewFile("deps-secret-box", R"(#!/bin/sh
input=$(cat)
case $1,$input in
  get,*'"field":"broken"'*) echo 'no JSON' ;;
  get,*'"locator":"absent"'*) echo '{"error":{"code":"not-found","message":"the box has no absent"}}' ;;
  get,*'"apiVersion":"cnab-deps/secret/v1"'*'"locator":"a/b"'*) echo '{"values":[{"id":"0","base64":"aGVsbG8K"}]}' ;;
  put,*'"base64":"aGVsbG8K"'*) echo '{"refs":[{"id":"0","locator":"a/b","field":"f","version":"7"}]}' ;;
  *) exit 9 ;;
esac
)");
  ASSERT_EQ(chmod(program.c_str(), 0755), 0);
  const std::string path = absl::StrCat(folder_.path(), ":", getenv("PATH"));
  setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(Get("box:a/b"), "hello\n");
  EXPECT_EQ(Get("box:absent"), "secret 'box:absent': the box has no absent");
  EXPECT_EQ(Get("box:a/b#broken"),
            "secret 'box:a/b#broken': what deps-secret-box answers is no JSON");
  EXPECT_EQ(Get("box:else"), "secret 'box:else': the command ended with status 9");
  const absl::StatusOr<std::string> ref = StoreSecret("box:a/b#f", "hello\n", Env());
  ASSERT_TRUE(ref.ok()) << ref.status();
  EXPECT_EQ(*ref, "box:a/b#f?version=7");
}

// An API server that knows one Secret.
std::string ServeKubernetes(const std::string& request, const std::string& token) {
  if (HeaderOf(request, "Authorization") != absl::StrCat("Bearer ", token)) {
    return Answer("401 Unauthorized", {}, R"({"kind":"Status","code":401})");
  }
  if (!absl::StartsWith(request, "GET /api/v1/namespaces/prod/secrets/db HTTP/1.1\r\n")) {
    return Answer("404 Not Found", {}, R"({"kind":"Status","code":404})");
  }
  return Answer("200 OK", {},
                absl::StrCat(R"({"kind":"Secret","data":{"password":")",
                             absl::Base64Escape(kSentinel), R"("}})"));
}

TEST_F(VaultTest, KubernetesSecretsAreReadByKubeconfig) {
  TestingServer api([](const std::string& request) { return ServeKubernetes(request, "kube"); });
  const auto config = [&](std::string_view user) {
    environment_["KUBECONFIG"] = NewFile(
        "kubeconfig",
        absl::StrCat("current-context: here\ncontexts:\n- name: here\n  context: {cluster: c, "
                     "user: u, namespace: prod}\nclusters:\n- name: c\n  cluster: {server: '",
                     api.url(), "'}\nusers:\n- name: u\n  user: ", user, "\n"));
  };
  config("{token: kube}");
  EXPECT_EQ(Get("kubernetes:prod/db#password"), kSentinel);
  EXPECT_EQ(Get("kubernetes:db"), kSentinel);
  EXPECT_EQ(Get("kubernetes:db#other"), "secret 'kubernetes:db#other': the Secret has no such key");
  EXPECT_EQ(Get("kubernetes:other/db"), "secret 'kubernetes:other/db': there is no such Secret");
  EXPECT_EQ(Get("kubernetes:a/b/c"),
            "reference to a secret 'kubernetes:a/b/c': it is not kubernetes:[NAMESPACE/]NAME");
  NewFile("token-file", "kube\n");
  config("{tokenFile: token-file}");
  EXPECT_EQ(Get("kubernetes:db"), kSentinel);
  config(
      "{exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, args: [-c, 'test \"$K\" "
      "= yes && echo {\\\"status\\\":{\\\"token\\\":\\\"kube\\\"}}'], env: [{name: K, value: "
      "'yes'}]}}");
  EXPECT_EQ(Get("kubernetes:db"), kSentinel);
  config("{token: wrong}");
  EXPECT_EQ(Get("kubernetes:db"), "secret 'kubernetes:db': the API server refuses access");
  environment_["KUBECONFIG"] = "/nonexistent";
  EXPECT_EQ(Get("kubernetes:db"),
            "secret 'kubernetes:db': this is no pod, and '/nonexistent' cannot be read; KUBECONFIG "
            "names another file");
}

}  // namespace
}  // namespace deps
