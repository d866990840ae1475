#include "lib/oci/credentials.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"
#include "lib/json/json.h"

namespace deps {
namespace {

constexpr size_t kMaxFileBytes = size_t{4} << 20;
constexpr std::string_view kDockerKey = "https://index.docker.io/v1/";

// "https://HOST/v1/", "HOST:443" -> "HOST"; a key of podman, "HOST/PATH", stays.
std::string NormalKey(std::string_view key) {
  const bool url = absl::ConsumePrefix(&key, "https://") || absl::ConsumePrefix(&key, "http://");
  if (url) key = key.substr(0, key.find('/'));
  std::string normal = absl::AsciiStrToLower(absl::StripSuffix(key, "/"));
  if (absl::EndsWith(normal, ":443")) normal.resize(normal.size() - 4);
  if (normal == "index.docker.io" || normal == "registry-1.docker.io") return "docker.io";
  return normal;
}

absl::Status ReadEntry(json::ObjectReader& reader, const std::string& key, Credential* out) {
  std::string auth;
  reader.Optional("auth", &auth);
  reader.Optional("username", &out->username);
  reader.Optional("password", &out->password);
  reader.Optional("identitytoken", &out->identity_token);
  reader.IgnoreRest();
  DEPS_RETURN_IF_ERROR(reader.Finish());
  if (auth.empty()) return absl::OkStatus();
  std::string decoded;
  size_t colon = std::string::npos;
  if (absl::Base64Unescape(auth, &decoded)) colon = decoded.find(':');
  if (colon == std::string::npos) {
    reader.Fail(DiagnosticId::kDocumentValue, "auth",
                absl::StrCat("the entry of ", key, " is not USER:PASSWORD in base64"));
    return reader.status();
  }
  out->username = decoded.substr(0, colon);
  out->password = decoded.substr(colon + 1);
  // Old versions of docker padded with NUL.
  while (!out->password.empty() && out->password.back() == '\0') out->password.pop_back();
  return absl::OkStatus();
}

bool IsEmpty(const Credential& credential) { return credential == Credential{}; }

}  // namespace

absl::StatusOr<CredentialFile> ParseCredentialFile(const Source& source) {
  DEPS_ASSIGN_OR_RETURN(const json::Value value, json::Parse(source));
  json::ObjectReader reader(source, value);
  CredentialFile file = {.name = source.name};
  reader.Optional("credsStore", &file.store);
  reader.Optional("credHelpers", &file.helpers);
  if (const json::Value* auths = reader.Object("auths")) {
    for (const auto& [key, entry] : auths->members) {
      Credential credential;
      json::ObjectReader member(source, entry,
                                absl::StrCat(reader.Pointer("auths"), json::PointerStep(key)));
      reader.Check(ReadEntry(member, key, &credential));
      if (!IsEmpty(credential)) file.auths[NormalKey(key)] = std::move(credential);
    }
  }
  reader.IgnoreRest();
  DEPS_RETURN_IF_ERROR(reader.Finish());
  return file;
}

absl::StatusOr<std::unique_ptr<Credentials>> Credentials::Load(const std::string& config,
                                                               const GetEnv& getenv,
                                                               const std::atomic<int>* stop) {
  auto credentials = std::make_unique<Credentials>();
  credentials->stop_ = stop;
  credentials->path_ = getenv("PATH").value_or("/usr/local/bin:/usr/bin:/bin");
  const auto load = [&](const std::string& path) -> absl::Status {
    DEPS_ASSIGN_OR_RETURN(const Source source, ReadFile(path, kMaxFileBytes));
    DEPS_ASSIGN_OR_RETURN(CredentialFile file, ParseCredentialFile(source));
    // A config.json that came from another machine often names the store of that one.
    if (!file.store.empty() && !HasCredentialHelper(file.store, credentials->path_)) {
      credentials->AddTrouble(
          absl::StrCat(path, " names the store ", file.store, ", which is not on PATH"));
      file.store.clear();
    }
    credentials->files_.push_back(std::move(file));
    return absl::OkStatus();
  };
  if (!config.empty()) {
    DEPS_RETURN_IF_ERROR(load(config));
    return credentials;
  }
  const auto env = [&](std::string_view name) { return getenv(name).value_or(""); };
  const std::string home = env("HOME");
  const auto below = [](const std::string& folder, std::string_view rest) {
    return folder.empty() ? "" : absl::StrCat(folder, rest);
  };
  const std::string docker = env("DOCKER_CONFIG"), auth_file = env("REGISTRY_AUTH_FILE"),
                    xdg = env("XDG_CONFIG_HOME");
  for (const std::string& path :
       {docker.empty() ? below(home, "/.docker/config.json") : below(docker, "/config.json"),
        auth_file.empty() ? below(env("XDG_RUNTIME_DIR"), "/containers/auth.json") : auth_file,
        below(xdg.empty() ? below(home, "/.config") : xdg, "/containers/auth.json")}) {
    if (path.empty()) continue;
    const absl::Status status = load(path);
    if (status.ok() || HasId(status, DiagnosticId::kFileNotFound)) continue;
    const Diagnostic first = DiagnosticsOf(status).front();
    credentials->AddTrouble(absl::StrCat(path, " is not read: ", first.message));
  }
  return credentials;
}

void Credentials::AddTrouble(std::string_view what) {
  absl::StrAppend(&trouble_, trouble_.empty() ? "" : "; ", what);
}

absl::StatusOr<std::optional<Credential>> Credentials::Find(std::string_view host,
                                                            std::string_view path) {
  const std::string key = NormalKey(host);
  for (const CredentialFile& file : files_) {
    DEPS_ASSIGN_OR_RETURN(std::optional<Credential> found, FindIn(file, key, path));
    if (found) return found;
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<Credential>> Credentials::FindIn(const CredentialFile& file,
                                                              const std::string& host,
                                                              std::string_view path) {
  const std::string server = host == "docker.io" ? std::string(kDockerKey) : host;
  for (const auto& [key, helper] : file.helpers) {
    if (NormalKey(key) == host) return AskOnce(helper, server);
  }
  if (!file.store.empty()) {
    DEPS_ASSIGN_OR_RETURN(std::optional<Credential> found, AskOnce(file.store, server));
    if (found) return found;
  }
  std::string key = absl::StrCat(host, "/", path);
  while (true) {
    if (const auto found = file.auths.find(key); found != file.auths.end()) return found->second;
    if (key.size() <= host.size()) return std::nullopt;
    key.resize(key.rfind('/'));
  }
}

absl::StatusOr<std::optional<Credential>> Credentials::AskOnce(const std::string& helper,
                                                               const std::string& server) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto key = std::make_pair(helper, server);
  if (const auto found = asked_.find(key); found != asked_.end()) return found->second;
  DEPS_ASSIGN_OR_RETURN(std::optional<Credential> found,
                        AskCredentialHelper(helper, server, path_, stop_));
  return asked_[key] = std::move(found);
}

}  // namespace deps
