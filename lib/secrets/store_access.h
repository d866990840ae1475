// What stores that answer over HTTP have in common.
#ifndef DEPS_LIB_SECRETS_STORE_ACCESS_H_
#define DEPS_LIB_SECRETS_STORE_ACCESS_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/http/http.h"
#include "lib/secrets/reference.h"
#include "lib/secrets/secret_buffer.h"
#include "lib/secrets/secret_json.h"

namespace deps {

struct StoreAnswer {
  int status = 0;
  SecretJson body;
};

// A request with what belongs to it.
struct StoreRequest {
  std::string_view reference;  // For messages.
  std::string method = "GET";
  std::string url;
  // The last one is a secret: the header's name, and its value.
  std::string token_header;
  std::string_view token;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string_view body;
  Patience patience;
};

// The answer, of whatever status; a body that is no JSON is null.
// Errors: secret-unavailable.
absl::StatusOr<StoreAnswer> AskStore(http::Client& client, const StoreRequest& request);

// Each step of a path, percent-encoded where that is needed.
// Errors: secret-reference where a step is empty, "." or "..".
absl::StatusOr<std::string> UrlPath(std::string_view reference, std::string_view path);

}  // namespace deps

#endif  // DEPS_LIB_SECRETS_STORE_ACCESS_H_
