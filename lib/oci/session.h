// What all calls of Registry share: where requests go, with which credentials,
// when they are sent again, and what an error status means.
#ifndef DEPS_LIB_OCI_SESSION_H_
#define DEPS_LIB_OCI_SESSION_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
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
#include "lib/oci/gate.h"
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
    std::variant<std::monostate, std::string_view, http::Slice, http::Stream> body = {};
    std::function<void(int64_t)> on_sent = {};
    http::Sink sink = {};
    // Called before each attempt, so that a sink can begin anew.
    std::function<absl::Status()> restart = {};
    bool once = false;        // Never sent again after an error of the server.
    bool after_stop = false;  // Sent even though everything is to end.
  };

  Session(const AccessOptions& options, http::ClientOptions http,
          std::unique_ptr<Credentials> credentials, RetryPolicy retry);

  // The answer, of whatever status, after redirects, authorization and retries.
  absl::StatusOr<http::Response> Send(const Call& call);

  // The same; statuses other than 2xx are errors.
  absl::StatusOr<http::Response> Require(const Call& call);

  // What a status other than 2xx means.
  absl::Status ErrorOf(const Call& call, const http::Response& response);

  // As it is known so far: a loopback registry may turn out to speak TLS.
  Endpoint EndpointOf(const Reference& reference) const;
  // Whether the answer to a request to mount a blob from its own repository tells
  // if it is there; nullopt where nobody knows. Not every registry looks.
  std::optional<bool> MountTells(const Reference& reference) const;
  void LearnMount(const Reference& reference, bool tells);
  // A blob that is surely there, REPOSITORY@DIGEST, by which one caller may find
  // that out.
  void NoteStored(const Reference& blob);
  std::optional<Reference> TakeStored(const Reference& reference);
  // Whether the referrers of a manifest may be asked for; known from the first
  // answer on.
  bool ListsReferrers(const Reference& reference) const;
  void LearnNoReferrers(const Reference& reference);
  // Less where everything is to end.
  void Sleep(absl::Duration wait) const;
  const RetryPolicy& retry() const { return retry_; }

  // "/v2/PATH/SUFFIX", and what may be done there.
  static Call Pull(const Reference& reference, std::string_view suffix);
  static Call Push(const Reference& reference, std::string_view suffix);

 private:
  absl::StatusOr<http::Response> SendOnce(const Call& call, const Endpoint& endpoint);
  absl::StatusOr<http::Response> SendTo(const Call& call, const Endpoint& endpoint,
                                        const std::string& url);
  bool IsInsecure(std::string_view host) const;
  // The nearest address that a registry may lead to where it names `host`.
  http::AddressSpace NearestFrom(const Endpoint& endpoint, const std::string& host) const;
  void LearnSpace(const Endpoint& endpoint, const http::Response& response);
  bool HasAnswered(const Endpoint& endpoint) const;
  // Whether a loopback registry that has said nothing yet speaks the other
  // scheme; then EndpointOf says so from now on.
  bool LearnScheme(const Endpoint& endpoint, const absl::StatusOr<http::Response>& response);
  Gate& GateOf(const Endpoint& endpoint);

  AccessOptions options_;
  RetryPolicy retry_;
  http::Client client_;
  std::unique_ptr<Credentials> credentials_;
  Authorizer authorizer_;
  mutable std::mutex mutex_;
  std::map<std::string, bool> tls_;     // Loopback host -> whether it speaks TLS.
  std::map<std::string, bool> speaks_;  // Those that have answered.
  std::map<std::string, bool> mount_tells_;
  std::map<std::string, http::AddressSpace> spaces_;  // Where registries answered from.
  std::map<std::string, Reference> stored_;           // By host.
  std::set<std::string> no_referrers_;
  std::map<std::string, std::unique_ptr<Gate>> gates_;
};

// Whether the same request may be answered otherwise a little later.
bool IsTemporary(int status);

// How long to wait at most before attempt `next` (1 is the first repetition).
absl::Duration WaitBefore(int next, const RetryPolicy& policy, std::string_view retry_after);

// Any time up to that, so that clients do not come back together; a little more
// than the Retry-After where there is one.
absl::Duration RandomWaitBefore(int next, const RetryPolicy& policy, std::string_view retry_after);

}  // namespace deps

#endif  // DEPS_LIB_OCI_SESSION_H_
