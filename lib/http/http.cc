#include "lib/http/http.h"

#include <curl/curl.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/http/transfer.h"

namespace deps::http {
namespace {

void InitializeCurl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

std::string FirstSet(const GetEnv& getenv, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (const std::optional<std::string> value = getenv(name); value && !value->empty()) {
      return *value;
    }
  }
  return "";
}

}  // namespace

// Handles that are not in use, the last used at the back. Each has connections
// of its own: libcurl's shared connection cache is not safe between threads.
class Client::Pool {
 public:
  explicit Pool(ClientOptions options) : options_(std::move(options)) { InitializeCurl(); }
  ~Pool() {
    for (const Idle& idle : idle_) curl_easy_cleanup(idle.handle);
  }

  CURL* Take(const Origin& origin) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (size_t i = idle_.size(); i-- > 0;) {
      if (idle_[i].last == origin) return Remove(i);
    }
    if (idle_.size() >= kEnoughIdle) return Remove(0);
    return curl_easy_init();
  }

  void Return(CURL* handle, const Origin& origin) {
    const std::lock_guard<std::mutex> lock(mutex_);
    idle_.push_back({handle, origin});
  }

  const ClientOptions& options() const { return options_; }

 private:
  static constexpr size_t kEnoughIdle = 32;
  struct Idle {
    CURL* handle;
    Origin last;
  };

  CURL* Remove(size_t i) {
    CURL* handle = idle_[i].handle;
    idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
    return handle;
  }

  const ClientOptions options_;
  std::mutex mutex_;
  std::vector<Idle> idle_;
};

std::string Response::Header(std::string_view lower_case_name) const {
  const auto found = headers.find(std::string(lower_case_name));
  return found == headers.end() ? "" : found->second;
}

ClientOptions ProxiesFrom(const GetEnv& getenv) {
  const std::string all = FirstSet(getenv, {"all_proxy", "ALL_PROXY"});
  ClientOptions options;
  options.http_proxy = FirstSet(getenv, {"http_proxy", "HTTP_PROXY"});
  options.https_proxy = FirstSet(getenv, {"https_proxy", "HTTPS_PROXY"});
  options.no_proxy = FirstSet(getenv, {"no_proxy", "NO_PROXY"});
  if (options.http_proxy.empty()) options.http_proxy = all;
  if (options.https_proxy.empty()) options.https_proxy = all;
  return options;
}

Client::Client(ClientOptions options) : pool_(std::make_unique<Pool>(std::move(options))) {}
Client::~Client() = default;

absl::StatusOr<Response> Client::Send(const Request& request) {
  DEPS_ASSIGN_OR_RETURN(const Origin origin, OriginOf(request.url));
  CURL* handle = pool_->Take(origin);
  if (handle == nullptr) {
    return MakeError({.id = DiagnosticId::kInternal, .message = "libcurl gives no handle"});
  }
  absl::StatusOr<Response> response = Transfer(handle, pool_->options(), request).Perform();
  pool_->Return(handle, origin);
  return response;
}

}  // namespace deps::http
