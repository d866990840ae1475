#include "lib/oci/session.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "lib/base/status_macros.h"
#include "lib/base/version.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/json.h"

namespace deps {
namespace {

constexpr int kMaxRedirects = 5;
constexpr char kBusyUrl[] = "cnab-deps/busy";
constexpr char kLater[] = "try again later; --retries N asks more often";

bool IsRedirect(const http::Response& response) {
  switch (response.status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
      return !response.Header("location").empty();
    default:
      return false;
  }
}

std::string Shown(std::string_view text) { return absl::CHexEscape(text.substr(0, 300)); }

// What the registry itself says: "MANIFEST_INVALID: manifest invalid".
std::string WordsOf(const http::Response& response) {
  const Source source = {.name = "answer", .text = response.body};
  const absl::StatusOr<json::Value> value = json::Parse(source);
  if (!value.ok()) {
    const bool plain = absl::StartsWith(response.Header("content-type"), "text/plain");
    return plain ? Shown(source.text.substr(0, source.text.find('\n'))) : "";
  }
  const json::Value* errors = value->Find("errors");
  if (errors == nullptr || errors->items.empty()) return "";
  const json::Value* code = errors->items[0].Find("code");
  const json::Value* message = errors->items[0].Find("message");
  std::string words = code != nullptr ? Shown(code->text) : "";
  if (message != nullptr && !message->text.empty()) {
    absl::StrAppend(&words, words.empty() ? "" : ": ", Shown(message->text));
  }
  return words;
}

// To what may be gone the next time.
absl::Status WithHint(const absl::Status& status) {
  std::vector<Diagnostic> diagnostics = DiagnosticsOf(status);
  if (!http::IsTransient(status) || !diagnostics.front().hint.empty()) return status;
  diagnostics.front().hint = kLater;
  absl::Status told = MakeErrors(std::move(diagnostics));
  http::MarkTransient(&told);
  return told;
}

// What is sent while it comes in cannot be sent again with other credentials.
absl::Status BeginAnew(const Endpoint& endpoint) {
  absl::Status status =
      MakeError({.id = DiagnosticId::kRegistryAuth,
                 .message = absl::StrCat(endpoint.host,
                                         " asks for credentials in the middle of a transfer")});
  http::MarkTransient(&status);
  return status;
}

}  // namespace

bool IsTemporary(int status) {
  return status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

absl::Duration WaitBefore(int next, const RetryPolicy& policy, std::string_view retry_after) {
  absl::Duration wait = policy.first_wait;
  for (int i = 1; i < next; ++i) wait = std::min(wait * 4, policy.longest_wait);
  int64_t seconds = 0;
  absl::Time date;
  if (absl::SimpleAtoi(retry_after, &seconds)) {
    wait = std::max(wait, absl::Seconds(std::max<int64_t>(seconds, 0)));
  } else if (absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", retry_after, &date, nullptr)) {
    wait = std::max(wait, date - absl::Now());
  }
  return std::min(wait, policy.longest_wait);
}

Registry::Session::Session(const AccessOptions& options, http::ClientOptions http,
                           std::unique_ptr<Credentials> credentials, RetryPolicy retry)
    : options_(options),
      retry_(retry),
      client_(std::move(http)),
      credentials_(std::move(credentials)),
      authorizer_(&client_, credentials_.get(), options.trusted_realms) {}

absl::Duration RandomWaitBefore(int next, const RetryPolicy& policy, std::string_view retry_after) {
  thread_local absl::BitGen random;
  const absl::Duration limit = WaitBefore(next, policy, retry_after);
  const bool told = !retry_after.empty();
  return limit * (told ? absl::Uniform(random, 1.0, 1.1) : absl::Uniform(random, 0.0, 1.0));
}

void Registry::Session::Sleep(absl::Duration wait) const {
  const absl::Time end = absl::Now() + wait;
  while (absl::Now() < end && (options_.stop == nullptr || *options_.stop == 0)) {
    absl::SleepFor(std::min(end - absl::Now(), absl::Milliseconds(100)));
  }
}

std::optional<bool> Registry::Session::MountTells(const Reference& reference) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = mount_tells_.find(reference.host());
  return found != mount_tells_.end() ? std::optional<bool>(found->second) : std::nullopt;
}

void Registry::Session::LearnMount(const Reference& reference, bool tells) {
  const std::lock_guard<std::mutex> lock(mutex_);
  mount_tells_[reference.host()] = tells;
}

void Registry::Session::NoteStored(const Reference& blob) {
  const std::lock_guard<std::mutex> lock(mutex_);
  stored_.insert_or_assign(blob.host(), blob);
}

std::optional<Reference> Registry::Session::TakeStored(const Reference& reference) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = stored_.find(reference.host());
  if (found == stored_.end()) return std::nullopt;
  Reference blob = std::move(found->second);
  stored_.erase(found);
  return blob;
}

bool Registry::Session::ListsReferrers(const Reference& reference) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return no_referrers_.count(reference.host()) == 0;
}

void Registry::Session::LearnNoReferrers(const Reference& reference) {
  const std::lock_guard<std::mutex> lock(mutex_);
  no_referrers_.insert(reference.host());
}

Gate& Registry::Session::GateOf(const Endpoint& endpoint) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::unique_ptr<Gate>& gate = gates_[endpoint.host];
  if (!gate) gate = std::make_unique<Gate>(options_.stop);
  return *gate;
}

http::AddressSpace Registry::Session::NearestFrom(const Endpoint& endpoint,
                                                  const std::string& host) const {
  const std::vector<std::string>& named = options_.trusted_realms;
  if (host == endpoint.origin.host || std::find(named.begin(), named.end(), host) != named.end()) {
    return http::AddressSpace::kLinkLocal;
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = spaces_.find(endpoint.host);
  return found == spaces_.end() ? http::AddressSpace::kPublic : found->second;
}

bool Registry::Session::HasAnswered(const Endpoint& endpoint) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return spaces_.count(endpoint.host) > 0;
}

void Registry::Session::LearnSpace(const Endpoint& endpoint, const http::Response& response) {
  const std::lock_guard<std::mutex> lock(mutex_);
  spaces_[endpoint.host] = response.space;
}

// The server of Go answers in clear text and without headers to what is not TLS;
// nginx says it, too.
bool SaysTls(const http::Response& response) {
  return response.status == 400 &&
         (response.headers.empty() ||
          absl::StrContains(response.body, "HTTP request to an HTTPS server") ||
          absl::StrContains(response.body, "plain HTTP request was sent to HTTPS port"));
}

bool Registry::Session::LearnScheme(const Endpoint& endpoint,
                                    const absl::StatusOr<http::Response>& response) {
  if (!http::IsLoopback(endpoint.origin.host)) return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  const bool other = response.ok() ? SaysTls(*response) : http::IsWithoutTls(response.status());
  if (!other) {
    if (response.ok()) speaks_[endpoint.host] = true;
    return false;
  }
  if (speaks_.count(endpoint.host) > 0) return false;
  const bool tls = endpoint.origin.scheme != "https";
  // Each scheme is tried; whoever comes second finds what the first has learned.
  return tls_.emplace(endpoint.host, tls).first->second == tls;
}

bool Registry::Session::IsInsecure(std::string_view host) const {
  const std::string_view name = WithoutPort(host);
  for (const std::string& insecure : options_.insecure_registries) {
    if (absl::EqualsIgnoreCase(insecure, host) || absl::EqualsIgnoreCase(insecure, name)) {
      return true;
    }
  }
  if (!http::IsLoopback(name)) return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto learned = tls_.find(std::string(host));
  return learned != tls_.end() ? !learned->second : options_.ca_file.empty();
}

Endpoint Registry::Session::EndpointOf(const Reference& reference) const {
  const std::string& host = reference.host();
  const bool insecure = IsInsecure(host);
  const std::string_view name = WithoutPort(host);
  Endpoint endpoint = {.host = host};
  endpoint.origin = {.scheme = insecure ? "http" : "https",
                     .host = absl::AsciiStrToLower(name),
                     .port = insecure ? 80 : 443};
  if (host == "docker.io") endpoint.origin.host = "registry-1.docker.io";
  std::string port;
  if (name.size() < host.size()) {
    port = host.substr(name.size());
    // A reference has been parsed, so this is a number.
    (void)absl::SimpleAtoi(port.substr(1), &endpoint.origin.port);
  }
  endpoint.url = absl::StrCat(endpoint.origin.scheme, "://", endpoint.origin.host, port);
  return endpoint;
}

Registry::Session::Call Registry::Session::Pull(const Reference& reference,
                                                std::string_view suffix) {
  return {.reference = reference,
          .name = reference.Familiar(),
          .target = absl::StrCat("/v2/", reference.path(), "/", suffix),
          .access = {.path = reference.path(),
                     .scopes = {absl::StrCat("repository:", reference.path(), ":pull")}}};
}

Registry::Session::Call Registry::Session::Push(const Reference& reference,
                                                std::string_view suffix) {
  Call call = Pull(reference, suffix);
  call.access.scopes = {absl::StrCat("repository:", reference.path(), ":pull,push")};
  return call;
}

absl::StatusOr<http::Response> Registry::Session::Send(const Call& call) {
  Endpoint endpoint = EndpointOf(call.reference);
  if (options_.offline) {
    return MakeError({.id = DiagnosticId::kOffline,
                      .message = absl::StrCat(call.name, " would have to be asked for at ",
                                              endpoint.host, ", and --offline forbids it")});
  }
  for (int attempt = 1;; ++attempt) {
    if (call.restart) DEPS_RETURN_IF_ERROR(call.restart());
    // What sends on while it reads needs a second request for that: it does not
    // wait for one, or none would come to its end.
    const bool gated = !std::holds_alternative<http::Stream>(call.body);
    Gate& gate = GateOf(endpoint);
    if (gated) gate.Enter();
    absl::StatusOr<http::Response> response = SendOnce(call, endpoint);
    const absl::Duration wait =
        RandomWaitBefore(attempt, retry_, response.ok() ? response->Header("retry-after") : "");
    if (gated && response.ok() && response->status == 429) {
      gate.LeaveRefused(wait);
    } else if (gated) {
      gate.Leave();
    }
    if (LearnScheme(endpoint, response)) {
      endpoint = EndpointOf(call.reference);
      --attempt;
      continue;
    }
    // A registry may be started anew at any time.
    if (http::IsNotConnected(response.status()) && HasAnswered(endpoint)) {
      absl::Status status = response.status();
      http::MarkTransient(&status);
      response = std::move(status);
    }
    const bool temporary =
        response.ok() ? IsTemporary(response->status) : http::IsTransient(response.status());
    if (!temporary || call.once || attempt >= retry_.attempts) {
      return response.ok() ? std::move(response) : WithHint(response.status());
    }
    Sleep(wait);
  }
}

absl::StatusOr<http::Response> Registry::Session::SendOnce(const Call& call,
                                                           const Endpoint& endpoint) {
  std::string url =
      absl::StartsWith(call.target, "/") ? absl::StrCat(endpoint.url, call.target) : call.target;
  for (int redirects = 0;; ++redirects) {
    DEPS_ASSIGN_OR_RETURN(http::Response response, SendTo(call, endpoint, url));
    const bool follow = call.method == "GET" || call.method == "HEAD";
    if (!follow || !IsRedirect(response)) return response;
    if (redirects == kMaxRedirects) {
      return MakeError({.id = DiagnosticId::kRegistryProtocol,
                        .message = absl::StrCat(endpoint.host, " redirects too often")});
    }
    DEPS_ASSIGN_OR_RETURN(std::string next, http::ResolveUrl(url, response.Header("location")));
    if (absl::StartsWith(url, "https:") && !absl::StartsWith(next, "https:")) {
      return MakeError(
          {.id = DiagnosticId::kRegistryProtocol,
           .message = absl::StrCat(endpoint.host, " redirects from https to http, refused")});
    }
    url = std::move(next);
  }
}

absl::StatusOr<http::Response> Registry::Session::SendTo(const Call& call, const Endpoint& endpoint,
                                                         const std::string& url) {
  http::Request request = {.method = call.method,
                           .url = url,
                           .headers = call.headers,
                           .body = call.body,
                           .sink = call.sink,
                           .on_sent = call.on_sent,
                           .after_stop = call.after_stop};
  request.headers.emplace_back("User-Agent", absl::StrCat("cnab-deps/", kVersion));
  DEPS_ASSIGN_OR_RETURN(const http::Origin origin, http::OriginOf(url));
  if (!(origin == endpoint.origin)) {
    // Elsewhere: no credentials, whatever it asks for.
    request.nearest = NearestFrom(endpoint, origin.host);
    return client_.Send(request);
  }
  request.with_certificate = true;
  DEPS_ASSIGN_OR_RETURN(std::string authorization, authorizer_.HeaderFor(endpoint, call.access));
  const auto headers = request.headers;
  for (int attempt = 0;; ++attempt) {
    request.headers = headers;
    if (!authorization.empty()) request.headers.emplace_back("Authorization", authorization);
    DEPS_ASSIGN_OR_RETURN(http::Response response, client_.Send(request));
    LearnSpace(endpoint, response);
    if (response.status != 401 || attempt == 2) return response;
    DEPS_ASSIGN_OR_RETURN(authorization,
                          authorizer_.Answer(endpoint, call.access, response, authorization));
    if (std::holds_alternative<http::Stream>(call.body)) return BeginAnew(endpoint);
  }
}

absl::StatusOr<http::Response> Registry::Session::Require(const Call& call) {
  DEPS_ASSIGN_OR_RETURN(http::Response response, Send(call));
  if (response.status < 200 || response.status >= 300) return ErrorOf(call, response);
  return response;
}

absl::Status Registry::Session::ErrorOf(const Call& call, const http::Response& response) {
  const Endpoint endpoint = EndpointOf(call.reference);
  const std::string words = WordsOf(response);
  const std::string said = words.empty() ? "" : absl::StrCat(": ", words);
  // To what is sent a registry answers so where it knows no such project.
  const bool is_question = call.method == "GET" || call.method == "HEAD";
  if (response.status == 404 && is_question) {
    const bool latest = absl::EndsWith(call.target, "/manifests/latest") &&
                        call.reference.tag().empty() && call.reference.digest().empty();
    return MakeError({.id = DiagnosticId::kRegistryNotFound,
                      .message = absl::StrCat(call.name, " is not in the registry"),
                      .hint = latest ? "without a tag latest is asked for" : ""});
  }
  if (response.status == 401 || response.status == 403) {
    return authorizer_.Refused(
        endpoint, call.access,
        absl::StrCat("refuses access to ", call.name, " (status ", response.status, ")", said));
  }
  if (response.status == 407) {
    return MakeError({.id = DiagnosticId::kRegistryUnreachable,
                      .message = absl::StrCat("the proxy on the way to ", endpoint.host,
                                              " asks for credentials (status 407)"),
                      .hint = "HTTP_PROXY takes USER:PASSWORD@ before the host"});
  }
  absl::Status status = MakeError(
      {.id = DiagnosticId::kRegistryProtocol,
       .message = absl::StrCat(endpoint.host, " answers to ", call.method, " of ", call.name,
                               " with status ", response.status, said),
       .hint = IsTemporary(response.status) ? kLater
               : response.status == 404 ? "the registry may have no such project or namespace yet"
                                        : ""});
  // 500 is also what registries answer for ever to what they cannot do.
  if (IsTemporary(response.status) && response.status != 500) {
    status.SetPayload(kBusyUrl, absl::Cord("1"));
  }
  return status;
}

bool IsBusy(const absl::Status& status) { return status.GetPayload(kBusyUrl).has_value(); }

}  // namespace deps
