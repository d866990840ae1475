#include "lib/secrets/kubernetes.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/http/http.h"
#include "lib/io/file.h"
#include "lib/json/json.h"
#include "lib/secrets/program.h"
#include "lib/secrets/store_access.h"
#include "lib/yaml/yaml.h"

namespace deps {
namespace {

using json::Value;

constexpr char kAccount[] = "/var/run/secrets/kubernetes.io/serviceaccount";
constexpr size_t kMaxFile = size_t{1} << 20;

// A file that is in memory only; it goes with the object.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content) : fd_(memfd_create("deps-kube", MFD_CLOEXEC)) {
    while (fd_ >= 0 && !content.empty()) {
      const ssize_t count = write(fd_, content.data(), content.size());
      if (count < 0 && errno != EINTR) return;
      if (count > 0) content.remove_prefix(static_cast<size_t>(count));
    }
  }
  ~MemoryFile() {
    if (fd_ >= 0) close(fd_);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return absl::StrCat("/proc/self/fd/", fd_); }

 private:
  int fd_;
};

// How the API server is reached, and as whom.
struct Access {
  std::string server;
  std::string name_space = "default";
  http::ClientOptions http;
  SecretBuffer token;
  std::deque<MemoryFile> files;  // What `http` names.
};

class KubernetesReader {
 public:
  KubernetesReader(std::string_view text, const Getenv& getenv, absl::Time deadline)
      : text_(text), getenv_(getenv), deadline_(deadline) {}

  absl::StatusOr<SecretBuffer> Read(const SecretReference& reference);

 private:
  absl::Status Unavailable(std::string_view why) const { return SecretUnavailable(text_, why); }
  absl::StatusOr<SecretBuffer> FileContent(const std::string& path) const;
  absl::Status OpenInPod(const std::string& host);
  absl::Status OpenConfig(const std::string& path);
  absl::Status TakeCluster(const Value& cluster, const std::string& folder);
  absl::Status TakeUser(const Value& user, const std::string& folder);
  absl::Status TakeFromProgram(const Value& exec);
  absl::Status TakeFile(const Value& owner, std::string_view name, const std::string& folder,
                        std::string* path);

  const std::string_view text_;
  const Getenv& getenv_;
  const absl::Time deadline_;
  Access access_;
};

std::string Text(const Value& object, std::string_view key) {
  const Value* const value = object.Find(key);
  return value == nullptr ? "" : yaml::TextOf(*value).value_or("");
}

// The entry of a list of {name, KIND: …} that has this name.
const Value* Named(const Value& config, std::string_view list, std::string_view kind,
                   const std::string& name) {
  const Value* const entries = config.Find(list);
  if (entries == nullptr || !entries->IsArray()) return nullptr;
  for (const Value& entry : entries->items) {
    if (Text(entry, "name") == name) return entry.Find(kind);
  }
  return nullptr;
}

std::string PathFrom(const std::string& folder, const std::string& path) {
  return path.empty() || path[0] == '/' ? path : absl::StrCat(folder, "/", path);
}

absl::StatusOr<SecretBuffer> KubernetesReader::FileContent(const std::string& path) const {
  absl::StatusOr<Source> source = ReadFile(path, kMaxFile);
  if (!source.ok()) return Unavailable(absl::StrCat("cannot read '", path, "'"));
  SecretBuffer content = SecretBuffer::Take(&source->text);
  content.Truncate(absl::StripTrailingAsciiWhitespace(content.view()).size());
  return content;
}

absl::Status KubernetesReader::OpenInPod(const std::string& host) {
  const std::string port = getenv_("KUBERNETES_SERVICE_PORT").value_or("443");
  access_.server = absl::StrCat("https://", absl::StrContains(host, ':') ? "[" : "", host,
                                absl::StrContains(host, ':') ? "]" : "", ":", port);
  const std::string folder = getenv_("DEPS_SERVICE_ACCOUNT_FOLDER").value_or(kAccount);
  access_.http.ca_file = absl::StrCat(folder, "/ca.crt");
  DEPS_ASSIGN_OR_RETURN(access_.token, FileContent(absl::StrCat(folder, "/token")));
  const absl::StatusOr<SecretBuffer> name = FileContent(absl::StrCat(folder, "/namespace"));
  if (name.ok()) access_.name_space = std::string(name->view());
  return absl::OkStatus();
}

// NAME as a path, or NAME-data as base64, which becomes a file in memory.
absl::Status KubernetesReader::TakeFile(const Value& owner, std::string_view name,
                                        const std::string& folder, std::string* path) {
  std::string encoded = Text(owner, absl::StrCat(name, "-data"));
  if (encoded.empty()) {
    *path = PathFrom(folder, Text(owner, name));
    return absl::OkStatus();
  }
  std::string content;
  const bool decoded = absl::Base64Unescape(encoded, &content);
  Wipe(&encoded);
  if (!decoded) return Unavailable(absl::StrCat("the kubeconfig's ", name, "-data is no base64"));
  access_.files.emplace_back(content);
  Wipe(&content);
  *path = access_.files.back().path();
  return absl::OkStatus();
}

absl::Status KubernetesReader::TakeCluster(const Value& cluster, const std::string& folder) {
  access_.server = std::string(absl::StripSuffix(Text(cluster, "server"), "/"));
  if (Text(cluster, "insecure-skip-tls-verify") == "true") {
    return Unavailable(
        "the kubeconfig says insecure-skip-tls-verify: name a "
        "certificate-authority instead");
  }
  return TakeFile(cluster, "certificate-authority", folder, &access_.http.ca_file);
}

absl::Status KubernetesReader::TakeUser(const Value& user, const std::string& folder) {
  DEPS_RETURN_IF_ERROR(
      TakeFile(user, "client-certificate", folder, &access_.http.client_certificate_file));
  DEPS_RETURN_IF_ERROR(TakeFile(user, "client-key", folder, &access_.http.client_key_file));
  std::string token = Text(user, "token");
  access_.token = SecretBuffer::Take(&token);
  if (const std::string file = Text(user, "tokenFile"); access_.token.empty() && !file.empty()) {
    DEPS_ASSIGN_OR_RETURN(access_.token, FileContent(PathFrom(folder, file)));
  }
  const Value* const exec = user.Find("exec");
  return exec == nullptr ? absl::OkStatus() : TakeFromProgram(*exec);
}

absl::Status KubernetesReader::TakeFromProgram(const Value& exec) {
  // env(1) sets what the kubeconfig asks for, for this program alone.
  std::vector<std::string> words = {"env"};
  if (const Value* const variables = exec.Find("env");
      variables != nullptr && variables->IsArray()) {
    for (const Value& variable : variables->items) {
      words.push_back(absl::StrCat(Text(variable, "name"), "=", Text(variable, "value")));
    }
  }
  words.push_back(absl::StrCat("KUBERNETES_EXEC_INFO={\"apiVersion\":\"", Text(exec, "apiVersion"),
                               "\",\"kind\":\"ExecCredential\",\"spec\":{\"interactive\":false}}"));
  words.push_back(Text(exec, "command"));
  if (const Value* const arguments = exec.Find("args");
      arguments != nullptr && arguments->IsArray()) {
    for (const Value& argument : arguments->items) {
      words.push_back(yaml::TextOf(argument).value_or(""));
    }
  }
  DEPS_ASSIGN_OR_RETURN(const SecretBuffer output, AskProgram(text_, words, "", deadline_));
  Source source = {.name = "<answer>", .text = std::string(output.view())};
  absl::StatusOr<Value> value = json::Parse(source);
  Wipe(&source.text);
  const SecretJson answer(value.ok() ? *std::move(value) : Value());
  const Value* const status = answer.At({"status"});
  if (status == nullptr) return Unavailable("the kubeconfig's program gives no credential");
  std::string token = Text(*status, "token");
  if (!token.empty()) access_.token = SecretBuffer::Take(&token);
  for (const auto& [name, path] :
       {std::pair("clientCertificateData", &access_.http.client_certificate_file),
        std::pair("clientKeyData", &access_.http.client_key_file)}) {
    std::string content = Text(*status, name);
    if (content.empty()) continue;
    access_.files.emplace_back(content);
    Wipe(&content);
    *path = access_.files.back().path();
  }
  return absl::OkStatus();
}

absl::Status KubernetesReader::OpenConfig(const std::string& path) {
  absl::StatusOr<Source> source = ReadFile(path, kMaxFile);
  if (!source.ok()) {
    return Unavailable(absl::StrCat("this is no pod, and '", path,
                                    "' cannot be read; KUBECONFIG names another file"));
  }
  absl::StatusOr<Value> parsed = yaml::Parse(*source);
  Wipe(&source->text);
  if (!parsed.ok()) return Unavailable(absl::StrCat("'", path, "' is no kubeconfig"));
  const SecretJson config(*std::move(parsed));
  const Value& root = *config.At({});
  const Value* const context = Named(root, "contexts", "context", Text(root, "current-context"));
  if (context == nullptr) return Unavailable("the kubeconfig has no current context");
  const Value* const cluster = Named(root, "clusters", "cluster", Text(*context, "cluster"));
  const Value* const user = Named(root, "users", "user", Text(*context, "user"));
  if (cluster == nullptr || user == nullptr) {
    return Unavailable("the kubeconfig has no cluster or user of its context's name");
  }
  if (const std::string name = Text(*context, "namespace"); !name.empty()) {
    access_.name_space = name;
  }
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash);
  DEPS_RETURN_IF_ERROR(TakeCluster(*cluster, folder));
  return TakeUser(*user, folder);
}

absl::StatusOr<SecretBuffer> KubernetesReader::Read(const SecretReference& reference) {
  access_.http = http::ProxiesFrom(getenv_);
  access_.http.connect_timeout_seconds = 10;
  access_.http.stall_timeout_seconds =
      std::max<int>(1, static_cast<int>(absl::ToInt64Seconds(deadline_ - absl::Now())));
  const std::string named = getenv_("KUBECONFIG").value_or("");
  const std::string host = getenv_("KUBERNETES_SERVICE_HOST").value_or("");
  if (named.empty() && !host.empty()) {
    DEPS_RETURN_IF_ERROR(OpenInPod(host));
  } else {
    DEPS_RETURN_IF_ERROR(OpenConfig(
        named.empty() ? absl::StrCat(getenv_("HOME").value_or(""), "/.kube/config") : named));
  }
  DEPS_ASSIGN_OR_RETURN(const http::Origin origin, http::OriginOf(access_.server));
  if (origin.scheme != "https" && !http::IsLoopback(origin.host)) {
    return Unavailable("the API server's address is not https");
  }
  const std::vector<std::string> parts = absl::StrSplit(reference.locator, '/');
  if (parts.size() > 2) {
    return MakeError({.id = DiagnosticId::kSecretReference,
                      .message = absl::StrCat("reference to a secret '", text_,
                                              "': it is not kubernetes:[NAMESPACE/]NAME")});
  }
  DEPS_ASSIGN_OR_RETURN(const std::string name_space,
                        UrlPath(text_, parts.size() == 2 ? parts[0] : access_.name_space));
  DEPS_ASSIGN_OR_RETURN(const std::string name, UrlPath(text_, parts.back()));
  SecretBuffer bearer;
  if (!access_.token.empty()) {
    bearer.Append("Bearer ");
    bearer.Append(access_.token.view());
  }
  http::Client client(access_.http);
  DEPS_ASSIGN_OR_RETURN(const StoreAnswer answer,
                        AskStore(client, {.reference = text_,
                                          .url = absl::StrCat(access_.server, "/api/v1/namespaces/",
                                                              name_space, "/secrets/", name),
                                          .token_header = "Authorization",
                                          .token = bearer.view(),
                                          .headers = {{"Accept", "application/json"}},
                                          .deadline = deadline_}));
  if (answer.status == 404) return Unavailable("there is no such Secret");
  if (answer.status == 401 || answer.status == 403) {
    return Unavailable("the API server refuses access");
  }
  const Value* const data = answer.body.At({"data"});
  if (answer.status != 200 || data == nullptr || !data->IsObject()) {
    return Unavailable(
        absl::StrCat("the API server answers with status ", answer.status, " and no data"));
  }
  const Value* key = data->Find(reference.field.empty() ? "value" : reference.field);
  if (key == nullptr && reference.field.empty() && data->members.size() == 1) {
    key = &data->members[0].second;
  }
  if (key == nullptr) return Unavailable("the Secret has no such key");
  std::string value;
  const absl::Cleanup wipe = [&] { Wipe(&value); };
  if (!absl::Base64Unescape(key->text, &value)) return Unavailable("its value is no base64");
  return SecretBuffer(value);
}

}  // namespace

absl::StatusOr<SecretBuffer> ReadFromKubernetes(std::string_view text,
                                                const SecretReference& reference,
                                                const Getenv& getenv, absl::Time deadline) {
  return KubernetesReader(text, getenv, deadline).Read(reference);
}

}  // namespace deps
