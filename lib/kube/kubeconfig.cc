#include "lib/kube/kubeconfig.h"

#include <deque>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/http/http.h"
#include "lib/io/file.h"
#include "lib/json/json.h"
#include "lib/secrets/secret_json.h"
#include "lib/yaml/yaml.h"

namespace deps {
namespace {

using json::Value;

constexpr size_t kMaxFile = size_t{1} << 20;

struct ConfigFile {
  Source source;  // Its text may hold credentials.
  SecretJson parsed;

  ~ConfigFile() { Wipe(&source.text); }
};

// A value with its place.
struct Entry {
  const ConfigFile* file = nullptr;
  const Value* value = nullptr;
  std::string pointer;

  absl::Status Fail(DiagnosticId id, std::string message, std::string hint = "") const {
    return MakeError({.id = id,
                      .message = std::move(message),
                      .location = file->source.At(value->offset, pointer),
                      .hint = std::move(hint)});
  }
  // Absent where there is no such member, or null.
  std::optional<Entry> Member(std::string_view key) const {
    const Value* const member = value->Find(key);
    if (member == nullptr || member->kind == json::Kind::kNull) return std::nullopt;
    return Entry{file, member, pointer + json::PointerStep(key)};
  }
  absl::StatusOr<std::string> Text(std::string_view key) const {
    const std::optional<Entry> member = Member(key);
    if (!member.has_value()) return "";
    const std::optional<std::string> text = yaml::TextOf(*member->value);
    if (text.has_value()) return *text;
    return member->Fail(DiagnosticId::kDocumentType, absl::StrCat(key, " is no text"));
  }
  absl::StatusOr<std::vector<Entry>> Items(std::string_view key) const {
    std::vector<Entry> items;
    const std::optional<Entry> list = Member(key);
    if (!list.has_value()) return items;
    if (!list->value->IsArray()) {
      return list->Fail(DiagnosticId::kDocumentType, absl::StrCat(key, " is no list"));
    }
    for (size_t i = 0; i < list->value->items.size(); ++i) {
      items.push_back({file, &list->value->items[i], list->pointer + json::PointerStep(i)});
    }
    return items;
  }
};

class ConfigReader {
 public:
  absl::Status Load(const std::string& files);
  absl::StatusOr<KubeContext> Read(const std::string& context);

 private:
  absl::StatusOr<Entry> Context(const std::string& asked) const;
  absl::StatusOr<Entry> Named(std::string_view list, std::string_view kind, const std::string& name,
                              const Entry* asker) const;
  absl::Status TakeCluster(const Entry& cluster);
  absl::Status TakeUser(const Entry& user);
  absl::Status TakeProgram(const Entry& exec);
  static absl::Status TakePem(const Entry& owner, std::string_view name, KubePem* pem);
  // `path` as seen from the file that names it.
  static std::string From(const Entry& entry, const std::string& path);

  std::deque<ConfigFile> files_;
  KubeContext context_;
};

absl::Status ConfigReader::Load(const std::string& files) {
  absl::Status missing;
  for (const std::string_view path : absl::StrSplit(files, ':', absl::SkipEmpty())) {
    absl::StatusOr<Source> source = ReadFile(std::string(path), kMaxFile);
    if (HasId(source.status(), DiagnosticId::kFileNotFound)) {
      missing.Update(source.status());
      continue;
    }
    DEPS_RETURN_IF_ERROR(source.status());
    ConfigFile& file = files_.emplace_back();
    file.source = *std::move(source);
    DEPS_ASSIGN_OR_RETURN(Value value, yaml::Parse(file.source));
    file.parsed = SecretJson(std::move(value));
    const Entry root = {&file, file.parsed.At({})};
    if (!root.value->IsObject()) {
      return root.Fail(DiagnosticId::kDocumentType, "a kubeconfig is a mapping");
    }
  }
  return files_.empty() ? missing : absl::OkStatus();
}

absl::StatusOr<Entry> ConfigReader::Named(std::string_view list, std::string_view kind,
                                          const std::string& name, const Entry* asker) const {
  for (const ConfigFile& file : files_) {
    const Entry root = {&file, file.parsed.At({})};
    DEPS_ASSIGN_OR_RETURN(const std::vector<Entry> items, root.Items(list));
    for (const Entry& item : items) {
      DEPS_ASSIGN_OR_RETURN(const std::string found, item.Text("name"));
      if (found != name) continue;
      const std::optional<Entry> content = item.Member(kind);
      if (content.has_value() && content->value->IsObject()) return *content;
      return item.Fail(DiagnosticId::kDocumentMember,
                       absl::StrCat("'", name, "' has no mapping '", kind, "'"));
    }
  }
  const std::string message = absl::StrCat("there is no ", kind, " '", name, "'");
  if (asker != nullptr) return asker->Fail(DiagnosticId::kDocumentValue, message);
  return MakeError({.id = DiagnosticId::kDocumentValue,
                    .message = message,
                    .location = {.file = files_.front().source.name}});
}

absl::StatusOr<Entry> ConfigReader::Context(const std::string& asked) const {
  if (!asked.empty()) return Named("contexts", "context", asked, nullptr);
  for (const ConfigFile& file : files_) {
    const Entry root = {&file, file.parsed.At({})};
    DEPS_ASSIGN_OR_RETURN(const std::string current, root.Text("current-context"));
    if (current.empty()) continue;
    const Entry asker = *root.Member("current-context");
    return Named("contexts", "context", current, &asker);
  }
  return MakeError({.id = DiagnosticId::kDocumentMember,
                    .message = "no context is the current one",
                    .location = {.file = files_.front().source.name},
                    .hint = "kubectl config use-context NAME"});
}

std::string ConfigReader::From(const Entry& entry, const std::string& path) {
  if (path.empty() || path[0] == '/') return path;
  const std::string& file = entry.file->source.name;
  const size_t slash = file.rfind('/');
  return slash == std::string::npos ? path : absl::StrCat(file.substr(0, slash + 1), path);
}

absl::Status ConfigReader::TakePem(const Entry& owner, std::string_view name, KubePem* pem) {
  const std::string data = absl::StrCat(name, "-data");
  DEPS_ASSIGN_OR_RETURN(std::string encoded, owner.Text(data));
  if (encoded.empty()) {
    DEPS_ASSIGN_OR_RETURN(const std::string path, owner.Text(name));
    pem->path = From(owner, path);
    return absl::OkStatus();
  }
  std::string content;
  const bool decoded = absl::Base64Unescape(encoded, &content);
  Wipe(&encoded);
  pem->content = SecretBuffer::Take(&content);
  if (decoded) return absl::OkStatus();
  return owner.Member(data)->Fail(DiagnosticId::kDocumentValue,
                                  absl::StrCat(data, " is no base64"));
}

absl::Status ConfigReader::TakeCluster(const Entry& cluster) {
  DEPS_ASSIGN_OR_RETURN(const std::string server, cluster.Text("server"));
  if (server.empty()) return cluster.Fail(DiagnosticId::kDocumentMember, "it has no server");
  const Entry place = *cluster.Member("server");
  const absl::StatusOr<http::Origin> origin = http::OriginOf(server);
  if (!origin.ok()) {
    return place.Fail(DiagnosticId::kDocumentValue, absl::StrCat("'", server, "' is no URL"));
  }
  if (origin->scheme != "https" && !http::IsLoopback(origin->host)) {
    return place.Fail(DiagnosticId::kDocumentValue, "the API server's address is not https");
  }
  context_.server = std::string(absl::StripSuffix(server, "/"));
  DEPS_ASSIGN_OR_RETURN(const std::string insecure, cluster.Text("insecure-skip-tls-verify"));
  if (insecure == "true") {
    return cluster.Member("insecure-skip-tls-verify")
        ->Fail(DiagnosticId::kDocumentValue, "a server that nobody vouches for gets no credential",
               "name a certificate-authority instead of insecure-skip-tls-verify");
  }
  if (const auto name = cluster.Member("tls-server-name"); name.has_value()) {
    return name->Fail(DiagnosticId::kDocumentValue, "tls-server-name is not supported");
  }
  DEPS_ASSIGN_OR_RETURN(context_.proxy, cluster.Text("proxy-url"));
  return TakePem(cluster, "certificate-authority", &context_.authority);
}

absl::Status ConfigReader::TakeUser(const Entry& user) {
  for (const std::string_view refused :
       {"username", "password", "auth-provider", "as", "as-uid", "as-groups", "as-user-extra"}) {
    if (const auto member = user.Member(refused); member.has_value()) {
      return member->Fail(DiagnosticId::kDocumentValue, absl::StrCat(refused, " is not supported"),
                          "a token, tokenFile, client certificate or exec program is");
    }
  }
  DEPS_RETURN_IF_ERROR(TakePem(user, "client-certificate", &context_.certificate));
  DEPS_RETURN_IF_ERROR(TakePem(user, "client-key", &context_.key));
  DEPS_ASSIGN_OR_RETURN(std::string token, user.Text("token"));
  context_.token = SecretBuffer::Take(&token);
  DEPS_ASSIGN_OR_RETURN(const std::string file, user.Text("tokenFile"));
  context_.token_file = From(user, file);
  const std::optional<Entry> exec = user.Member("exec");
  return exec.has_value() ? TakeProgram(*exec) : absl::OkStatus();
}

absl::Status ConfigReader::TakeProgram(const Entry& exec) {
  if (!exec.value->IsObject()) return exec.Fail(DiagnosticId::kDocumentType, "exec is no mapping");
  KubeProgram& program = context_.program;
  DEPS_ASSIGN_OR_RETURN(const std::string command, exec.Text("command"));
  if (command.empty()) return exec.Fail(DiagnosticId::kDocumentMember, "it has no command");
  program.words.push_back(command.find('/') == std::string::npos ? command : From(exec, command));
  DEPS_ASSIGN_OR_RETURN(const std::vector<Entry> arguments, exec.Items("args"));
  for (const Entry& argument : arguments) {
    program.words.push_back(yaml::TextOf(*argument.value).value_or(""));
  }
  DEPS_ASSIGN_OR_RETURN(const std::vector<Entry> variables, exec.Items("env"));
  for (const Entry& variable : variables) {
    DEPS_ASSIGN_OR_RETURN(std::string name, variable.Text("name"));
    DEPS_ASSIGN_OR_RETURN(std::string value, variable.Text("value"));
    if (name.empty() || name.find('=') != std::string::npos) {
      return variable.Fail(DiagnosticId::kDocumentValue, "this is no name of a variable");
    }
    program.environment.emplace_back(std::move(name), std::move(value));
  }
  DEPS_ASSIGN_OR_RETURN(program.api_version, exec.Text("apiVersion"));
  if (program.api_version != "client.authentication.k8s.io/v1" &&
      program.api_version != "client.authentication.k8s.io/v1beta1") {
    return exec.Fail(DiagnosticId::kDocumentValue,
                     absl::StrCat("'", program.api_version,
                                  "' is no apiVersion of exec: client.authentication.k8s.io/v1"));
  }
  DEPS_ASSIGN_OR_RETURN(const std::string interactive, exec.Text("interactiveMode"));
  if (interactive == "Always") {
    return exec.Fail(DiagnosticId::kDocumentValue, "nobody is there whom the program could ask");
  }
  DEPS_ASSIGN_OR_RETURN(program.install_hint, exec.Text("installHint"));
  DEPS_ASSIGN_OR_RETURN(const std::string cluster, exec.Text("provideClusterInfo"));
  program.wants_cluster = cluster == "true";
  return absl::OkStatus();
}

absl::StatusOr<KubeContext> ConfigReader::Read(const std::string& asked) {
  DEPS_ASSIGN_OR_RETURN(const Entry context, Context(asked));
  DEPS_ASSIGN_OR_RETURN(context_.name_space, context.Text("namespace"));
  DEPS_ASSIGN_OR_RETURN(const std::string cluster_name, context.Text("cluster"));
  DEPS_ASSIGN_OR_RETURN(const std::string user_name, context.Text("user"));
  DEPS_ASSIGN_OR_RETURN(const Entry cluster, Named("clusters", "cluster", cluster_name, &context));
  DEPS_RETURN_IF_ERROR(TakeCluster(cluster));
  // As kubectl has it: nobody in particular.
  if (user_name.empty()) return std::move(context_);
  DEPS_ASSIGN_OR_RETURN(const Entry user, Named("users", "user", user_name, &context));
  DEPS_RETURN_IF_ERROR(TakeUser(user));
  return std::move(context_);
}

}  // namespace

absl::StatusOr<KubeContext> ReadKubeconfig(const std::string& files, const std::string& context) {
  ConfigReader reader;
  DEPS_RETURN_IF_ERROR(reader.Load(files));
  return reader.Read(context);
}

}  // namespace deps
