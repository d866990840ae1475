// Requests to Kubernetes or an Argo Server, and what is done where they fail.
// Private to this package.
#ifndef DEPS_LIB_ENGINE_ARGO_CLIENT_H_
#define DEPS_LIB_ENGINE_ARGO_CLIENT_H_

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/http/http.h"
#include "lib/json/json.h"
#include "lib/secrets/secret_buffer.h"

namespace deps {

struct ArgoEndpoint {
  std::string url;  // No "/" at the end.
  http::ClientOptions http;
  // The value of the header Authorization, "" for none. `refused`: the server did
  // not take the last one.
  std::function<absl::StatusOr<SecretBuffer>(bool refused)> authorization;
  std::function<void(absl::Duration)> sleep;
};

struct ArgoCall {
  std::string method = "GET";
  std::string path;  // With a query.
  std::string body = {};
  std::string content_type = "application/json";
};

struct ArgoAnswer {
  int status = 0;
  json::Value body;  // null where there is none, or no JSON.
};

class ArgoClient {
 public:
  explicit ArgoClient(ArgoEndpoint endpoint);

  // The answer, whatever its status is. One of 429 or 5xx, or a connection that
  // broke off, is tried again, four times with growing pauses or those that
  // Retry-After asks for: each call must do no harm the second time.
  // Errors: engine-unavailable; engine-denied (no credential); engine-refused (no
  // HTTP, or an answer that is too large).
  absl::StatusOr<ArgoAnswer> Ask(const ArgoCall& call);

  // The body of an answer of status 2xx. Errors: as above, and ErrorOf(answer).
  absl::StatusOr<json::Value> Need(const ArgoCall& call);

  // Gives the lines of an answer as they come; status 0 where it broke off, or
  // was silent for `silence`: the caller asks again from where it was. No second
  // try here.
  // Errors: as Ask; those of `line`.
  absl::StatusOr<ArgoAnswer> Stream(const std::string& path, std::string_view accept,
                                    absl::Duration silence,
                                    const std::function<absl::Status(std::string_view)>& line);

  void Sleep(absl::Duration duration) const { endpoint_.sleep(duration); }
  // That of try number `tries`, from 1; not the same for all clients.
  static absl::Duration Pause(int tries);

 private:
  absl::StatusOr<http::Response> Send(http::Client& client, http::Request request);

  const ArgoEndpoint endpoint_;
  http::Client client_;
};

// An answer of another status than 2xx as an error: engine-denied (401, 403),
// engine-unknown-run (404), engine-conflict (409), engine-unavailable (429, 5xx),
// else engine-refused; with what the server says.
absl::Status ErrorOf(const ArgoAnswer& answer);

// The text at a path of members; "" where there is none.
std::string TextIn(const json::Value& value, const std::vector<std::string_view>& path);
// The value there, or nullptr.
const json::Value* MemberIn(const json::Value& value, const std::vector<std::string_view>& path);

// `text` as a part of a path or a query.
std::string UrlEncoded(std::string_view text);

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_ARGO_CLIENT_H_
