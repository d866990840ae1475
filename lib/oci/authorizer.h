// Authorization for registries: Basic, and Bearer tokens from a token server.
//
// Source: RFC 7617, RFC 6750; distribution's token authentication
// specification. A registry chooses the token server (the realm), so it gets
// credentials only where it is the registry's own: the same host, one that is
// known to belong to it, or one that the user trusts.
#ifndef DEPS_LIB_OCI_AUTHORIZER_H_
#define DEPS_LIB_OCI_AUTHORIZER_H_

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/http/http.h"
#include "lib/oci/challenge.h"
#include "lib/oci/credentials.h"

namespace deps {

// A registry as the network knows it.
struct Endpoint {
  std::string host;     // As references have it: "docker.io".
  http::Origin origin;  // "https", "registry-1.docker.io", 443
  std::string url;      // "https://registry-1.docker.io"
};

// What a request wants to do, and whose credentials it may use.
struct Access {
  std::string path;                 // The repository.
  std::vector<std::string> scopes;  // "repository:PATH:pull"
};

// Any number of threads may use one object; each token is asked for once.
class Authorizer {
 public:
  // Both must outlive the authorizer.
  Authorizer(http::Client* client, Credentials* credentials,
             std::vector<std::string> trusted_realms);

  // The value of Authorization for a request; "" where the registry has not
  // asked for one yet. Errors: those of Answer.
  absl::StatusOr<std::string> HeaderFor(const Endpoint& endpoint, const Access& access);

  // The value after `response`, a 401, to a request with the value `refused`.
  // Errors: registry-auth, with a hint; registry-unreachable, registry-protocol
  // (the token server).
  absl::StatusOr<std::string> Answer(const Endpoint& endpoint, const Access& access,
                                     const http::Response& response, const std::string& refused);

  // An error registry-auth; the hint says what to do for this registry.
  absl::Status Refused(const Endpoint& endpoint, const Access& access, std::string_view what);

 private:
  struct Token {
    std::string header;
    absl::Time expires;
  };
  // What is known of a registry. `mutex` is held while a token is fetched.
  struct Host {
    std::mutex mutex;
    http::AddressSpace space = http::AddressSpace::kPublic;  // Where its challenge came from.
    std::optional<Challenge> challenge;
    std::map<std::string, Token> tokens;  // By path and scopes.
  };

  Host& HostOf(const Endpoint& endpoint);
  absl::StatusOr<Token> NewToken(const Endpoint& endpoint, const Access& access, const Host& host);
  absl::StatusOr<Token> BearerToken(const Endpoint& endpoint, const Access& access,
                                    const Host& host, const std::optional<Credential>& credential);
  bool IsTrusted(const Endpoint& endpoint, const http::Origin& realm) const;
  bool IsNamedByUser(const http::Origin& realm) const;

  http::Client* client_;
  Credentials* credentials_;
  std::vector<std::string> trusted_realms_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Host>> hosts_;
};

}  // namespace deps

#endif  // DEPS_LIB_OCI_AUTHORIZER_H_
