// What all calls of Registry share: where requests go, with which credentials,
// when they are sent again, and what an error status means.
#ifndef DEPS_LIB_OCI_SESSION_H_
#define DEPS_LIB_OCI_SESSION_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/http/http.h"
#include "lib/oci/authorizer.h"
#include "lib/oci/credentials.h"
#include "lib/oci/reference.h"
#include "lib/oci/registry.h"
#include "lib/oci/registry_options.h"

namespace deps {

class Registry::Session {
 public:
  // One request to a registry, with what belongs to it.
  struct Call {
    Reference reference;  // Whose host is asked.
    std::string name;     // What is asked for, for messages: "localhost:5000/x:v1".
    std::string method = "GET";
    std::string target;  // "/v2/…", or a whole URL.
    Access access;
    std::vector<std::pair<std::string, std::string>> headers = {};
    std::variant<std::monostate, std::string_view, http::FileSlice> body = {};
    http::Sink sink = {};
    // Called before each attempt, so that a sink can begin anew.
    std::function<absl::Status()> restart = {};
    bool once = false;  // Never sent again after an error of the server.
  };

  Session(const AccessOptions& options, http::ClientOptions http,
          std::unique_ptr<Credentials> credentials, RetryPolicy retry);

  // The answer, of whatever status, after redirects, authorization and retries.
  absl::StatusOr<http::Response> Send(const Call& call);

  // The same; statuses other than 2xx are errors.
  absl::StatusOr<http::Response> Require(const Call& call);

  // What a status other than 2xx means.
  absl::Status ErrorOf(const Call& call, const http::Response& response);

  Endpoint EndpointOf(const Reference& reference) const;
  const RetryPolicy& retry() const { return retry_; }

  // "/v2/PATH/SUFFIX", and what may be done there.
  static Call Pull(const Reference& reference, std::string_view suffix);
  static Call Push(const Reference& reference, std::string_view suffix);

 private:
  absl::StatusOr<http::Response> SendOnce(const Call& call, const Endpoint& endpoint);
  absl::StatusOr<http::Response> SendTo(const Call& call, const Endpoint& endpoint,
                                        const std::string& url);
  bool IsInsecure(std::string_view host) const;

  AccessOptions options_;
  RetryPolicy retry_;
  http::Client client_;
  std::unique_ptr<Credentials> credentials_;
  Authorizer authorizer_;
};

// Whether the same request may be answered otherwise a little later.
bool IsTemporary(int status);

// How long to wait before attempt `next` (1 is the first repetition).
absl::Duration WaitBefore(int next, const RetryPolicy& policy, std::string_view retry_after);

}  // namespace deps

#endif  // DEPS_LIB_OCI_SESSION_H_
