// Credentials for registries, from where docker and podman keep them.
#ifndef DEPS_LIB_OCI_CREDENTIALS_H_
#define DEPS_LIB_OCI_CREDENTIALS_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/diag/source.h"

namespace deps {

struct Credential {
  std::string username;
  std::string password;
  std::string identity_token;  // An OAuth2 refresh token; then the others are empty.
  bool operator==(const Credential&) const = default;
};

// A config.json of docker or an auth.json of podman.
struct CredentialFile {
  std::string name;
  std::map<std::string, Credential> auths;
  std::map<std::string, std::string> helpers;  // credHelpers: host -> NAME.
  std::string store;                           // credsStore: NAME.
  bool operator==(const CredentialFile&) const = default;
};

// Members that have nothing to do with credentials are not looked at.
// Errors: those of json::Parse; document-type, document-value.
absl::StatusOr<CredentialFile> ParseCredentialFile(const Source& source);

// Asks `docker-credential-NAME get`, found on `path`, for `server`; nullopt
// where it has none. No shell; at most 30 seconds and 64 KiB.
// Errors: registry-auth; interrupted, where `stop` becomes other than 0.
absl::StatusOr<std::optional<Credential>> AskCredentialHelper(
    const std::string& name, const std::string& server, const std::string& path,
    const std::atomic<int>* stop = nullptr);

// Whether `docker-credential-NAME` is on `path`.
bool HasCredentialHelper(const std::string& name, const std::string& path);

// Finds the credential for a repository; remembers what helpers answered.
// Any number of threads may ask at once.
class Credentials {
 public:
  using GetEnv = std::function<std::optional<std::string>(std::string_view)>;

  // Only `config` where it is not empty (its errors are returned); else, in
  // this order, $DOCKER_CONFIG/config.json or ~/.docker/config.json,
  // $REGISTRY_AUTH_FILE or $XDG_RUNTIME_DIR/containers/auth.json, and
  // $XDG_CONFIG_HOME/containers/auth.json or ~/.config/containers/auth.json.
  static absl::StatusOr<std::unique_ptr<Credentials>> Load(const std::string& config,
                                                           const GetEnv& getenv,
                                                           const std::atomic<int>* stop = nullptr);

  // Of the first file that has one: from the helper for the host, the store,
  // or the entry whose key is the longest prefix of HOST/PATH.
  // Errors: registry-auth (a helper failed); interrupted, where `stop` of Load
  // becomes other than 0.
  absl::StatusOr<std::optional<Credential>> Find(std::string_view host, std::string_view path);

  // What is wrong with the user's own files, and which store is named without
  // being there; "" where nothing is.
  const std::string& trouble() const { return trouble_; }

 private:
  void AddTrouble(std::string_view what);
  absl::StatusOr<std::optional<Credential>> FindIn(const CredentialFile& file,
                                                   const std::string& host, std::string_view path);
  absl::StatusOr<std::optional<Credential>> AskOnce(const std::string& helper,
                                                    const std::string& server);

  std::vector<CredentialFile> files_;
  std::string trouble_;
  std::string path_;
  const std::atomic<int>* stop_ = nullptr;
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::optional<Credential>> asked_;
};

}  // namespace deps

#endif  // DEPS_LIB_OCI_CREDENTIALS_H_
