#include "lib/http/transfer.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"

namespace deps::http {
namespace {

constexpr size_t kMaxHeaderBytes = 256 << 10;
constexpr long kBufferBytes = 512 << 10;  // NOLINT(runtime/int): curl's type
// Answers of less than so many bytes a second are given up after so many times
// the time in which nothing may move.
constexpr curl_off_t kLeastSpeed = 100;
constexpr int kPatience = 3;
constexpr char kTransientUrl[] = "cnab-deps/transient";
constexpr char kNoTlsUrl[] = "cnab-deps/no-tls";
constexpr char kNotConnectedUrl[] = "cnab-deps/not-connected";
// What is sent to clean up does not keep anyone waiting.
constexpr long kAfterStopSeconds = 5;  // NOLINT(runtime/int): curl's type

std::string TextOf(const sockaddr& address, socklen_t size) {
  char text[NI_MAXHOST] = {};
  getnameinfo(&address, size, text, sizeof(text), nullptr, 0, NI_NUMERICHOST);
  return text;
}

bool IsProtocolError(CURLcode code) {
  return code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY ||
         code == CURLE_URL_MALFORMAT || code == CURLE_BAD_CONTENT_ENCODING;
}

bool IsBrokenOff(CURLcode code) {
  return code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
         code == CURLE_PARTIAL_FILE || code == CURLE_SEND_FAIL_REWIND;
}

}  // namespace

bool IsTransient(const absl::Status& status) {
  return status.GetPayload(kTransientUrl).has_value();
}

bool IsNotConnected(const absl::Status& status) {
  return status.GetPayload(kNotConnectedUrl).has_value();
}

bool IsWithoutTls(const absl::Status& status) { return status.GetPayload(kNoTlsUrl).has_value(); }

void MarkTransient(absl::Status* status) { status->SetPayload(kTransientUrl, absl::Cord("1")); }

Transfer::Transfer(CURL* handle, const ClientOptions& options, const Request& request)
    : handle_(handle), options_(options), request_(request) {}

Transfer::~Transfer() {
  // Forgets all settings, and with them the pointers to this; connections stay.
  curl_easy_reset(handle_);
  curl_slist_free_all(headers_);
}

absl::StatusOr<Response> Transfer::Perform() {
  if (IsStopped()) return ErrorOf(CURLE_ABORTED_BY_CALLBACK);
  DEPS_RETURN_IF_ERROR(SetUp());
  const CURLcode code = curl_easy_perform(handle_);
  if (code != CURLE_OK) return ErrorOf(code);
  long status = 0;  // NOLINT(runtime/int): curl's type
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  response_.status = static_cast<int>(status);
  response_.space = Space();
  return std::move(response_);
}

absl::Status Transfer::SetUp() {
  DEPS_ASSIGN_OR_RETURN(const Origin origin, OriginOf(request_.url));
  curl_easy_setopt(handle_, CURLOPT_ERRORBUFFER, error_text_);
  curl_easy_setopt(handle_, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle_, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(handle_, CURLOPT_BUFFERSIZE, kBufferBytes);
  curl_easy_setopt(handle_, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(handle_, CURLOPT_CONNECTTIMEOUT,
                   static_cast<long>(options_.connect_timeout_seconds));
  curl_easy_setopt(handle_, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(handle_, CURLOPT_LOW_SPEED_TIME,
                   static_cast<long>(options_.stall_timeout_seconds));
  curl_easy_setopt(handle_, CURLOPT_HEADERFUNCTION, &Transfer::OnHeader);
  curl_easy_setopt(handle_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, &Transfer::OnBody);
  curl_easy_setopt(handle_, CURLOPT_WRITEDATA, this);
  const bool stopped = options_.stop != nullptr && *options_.stop != 0;
  if (request_.after_stop && stopped) {
    curl_easy_setopt(handle_, CURLOPT_TIMEOUT, kAfterStopSeconds);
  }
  curl_easy_setopt(handle_, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle_, CURLOPT_XFERINFOFUNCTION, &Transfer::OnProgress);
  curl_easy_setopt(handle_, CURLOPT_XFERINFODATA, this);
  if (request_.nearest != AddressSpace::kLinkLocal) {
    curl_easy_setopt(handle_, CURLOPT_OPENSOCKETFUNCTION, &Transfer::OnSocket);
    curl_easy_setopt(handle_, CURLOPT_OPENSOCKETDATA, this);
    // A connection that is open already may have been made without that question.
    curl_easy_setopt(handle_, CURLOPT_PREREQFUNCTION, &Transfer::OnConnection);
    curl_easy_setopt(handle_, CURLOPT_PREREQDATA, this);
    // What a proxy is asked for, nobody else looks at.
    std::string_view host = origin.host;
    if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
    if (!IsAllowed(std::string(host))) return ErrorOf(CURLE_COULDNT_CONNECT);
  }
  SetUpTrust();
  SetUpProxy(origin);
  SetUpBody();
  return SetUpHeaders();
}

void Transfer::SetUpBody() {
  if (request_.method == "HEAD") {
    curl_easy_setopt(handle_, CURLOPT_NOBODY, 1L);
    return;
  }
  if (const std::optional<int64_t> size = SizeToUpload()) {
    curl_easy_setopt(handle_, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(handle_, CURLOPT_UPLOAD_BUFFERSIZE, kBufferBytes);
    curl_easy_setopt(handle_, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(*size));
    curl_easy_setopt(handle_, CURLOPT_READFUNCTION, &Transfer::OnRead);
    curl_easy_setopt(handle_, CURLOPT_READDATA, this);
    curl_easy_setopt(handle_, CURLOPT_SEEKFUNCTION, &Transfer::OnSeek);
    curl_easy_setopt(handle_, CURLOPT_SEEKDATA, this);
  } else if (request_.method == "POST" || request_.method == "PUT" || request_.method == "PATCH") {
    const auto* text = std::get_if<std::string_view>(&request_.body);
    const std::string_view bytes = text == nullptr ? std::string_view() : *text;
    curl_easy_setopt(handle_, CURLOPT_POST, 1L);
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(bytes.size()));
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDS, bytes.data() == nullptr ? "" : bytes.data());
  } else {
    curl_easy_setopt(handle_, CURLOPT_HTTPGET, 1L);
  }
  curl_easy_setopt(handle_, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

absl::Status Transfer::SetUpHeaders() {
  // Without these curl would add a type of its own, and wait before a large body.
  std::string lines[] = {"Content-Type:", "Expect:"};
  for (const std::string& line : lines) headers_ = curl_slist_append(headers_, line.c_str());
  for (const auto& [name, value] : request_.headers) {
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      return MakeError({.id = DiagnosticId::kRegistryProtocol,
                        .message = absl::StrCat("the value of ", name, " holds a line break")});
    }
    headers_ = curl_slist_append(headers_, absl::StrCat(name, ": ", value).c_str());
  }
  curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, headers_);
  return absl::OkStatus();
}

void Transfer::SetUpTrust() {
  if (!options_.client_certificate_file.empty()) {
    curl_easy_setopt(handle_, CURLOPT_SSLCERT, options_.client_certificate_file.c_str());
    curl_easy_setopt(handle_, CURLOPT_SSLKEY, options_.client_key_file.c_str());
  }
  if (request_.with_certificate && !options_.cert_file.empty()) {
    curl_easy_setopt(handle_, CURLOPT_SSLCERT, options_.cert_file.c_str());
    curl_easy_setopt(handle_, CURLOPT_SSLKEY, options_.key_file.c_str());
  }
  if (!options_.ca_file.empty()) {
    // CURLOPT_CAPATH stays that of the system.
    curl_easy_setopt(handle_, CURLOPT_CAINFO, options_.ca_file.c_str());
    return;
  }
  // curl knows the first of these, which is Debian's.
  static constexpr const char* kBundles[] = {"/etc/ssl/certs/ca-certificates.crt",
                                             "/etc/pki/tls/certs/ca-bundle.crt",
                                             "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};
  for (const char* bundle : kBundles) {
    if (access(bundle, R_OK) != 0) continue;
    curl_easy_setopt(handle_, CURLOPT_CAINFO, bundle);
    return;
  }
}

void Transfer::SetUpProxy(const Origin& origin) {
  const std::string& proxy = origin.scheme == "https" ? options_.https_proxy : options_.http_proxy;
  // An empty text turns off what curl would read from the environment itself.
  if (!IsLoopback(origin.host)) proxy_ = proxy;
  curl_easy_setopt(handle_, CURLOPT_PROXY, proxy_.c_str());
  curl_easy_setopt(handle_, CURLOPT_NOPROXY, options_.no_proxy.c_str());
  curl_easy_setopt(handle_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

bool Transfer::IsAllowed(const std::string& address) {
  const AddressSpace space = SpaceOf(address);
  if (space <= request_.nearest || IsProxy(address)) return true;
  refused_ = space;
  return false;
}

// libcurl 7.88 does not tell whether NO_PROXY applies, only which address it is
// about to connect to.
bool Transfer::IsProxy(const std::string& address) const {
  if (proxy_.empty()) return false;
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  char* host = nullptr;
  char* port = nullptr;
  constexpr unsigned kFlags = CURLU_DEFAULT_SCHEME | CURLU_NON_SUPPORT_SCHEME;
  curl_url_set(url.get(), CURLUPART_URL, proxy_.c_str(), kFlags);
  curl_url_get(url.get(), CURLUPART_HOST, &host, 0);
  curl_url_get(url.get(), CURLUPART_PORT, &port, 0);
  const absl::Cleanup free_parts = [&] {
    curl_free(host);
    curl_free(port);
  };
  if (host == nullptr) return false;
  std::string_view name = host;
  if (absl::ConsumePrefix(&name, "[")) absl::ConsumeSuffix(&name, "]");
  addrinfo* found = nullptr;
  if (getaddrinfo(std::string(name).c_str(), port, nullptr, &found) != 0) return false;
  const absl::Cleanup free_found = [found] { freeaddrinfo(found); };
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (TextOf(*each->ai_addr, each->ai_addrlen) == address) return true;
  }
  return false;
}

AddressSpace Transfer::Space() const {
  char* address = nullptr;
  curl_easy_getinfo(handle_, CURLINFO_PRIMARY_IP, &address);
  if (!proxy_.empty() || address == nullptr) return AddressSpace::kPublic;
  return SpaceOf(std::string(address));
}

absl::Status Transfer::ProxyRefuses(int status) const {
  return MakeError(
      {.id = DiagnosticId::kRegistryUnreachable,
       .message = absl::StrCat("the proxy answers with status ", status,
                               " instead of "
                               "leading to ",
                               request_.url.substr(0, 200)),
       .hint = status == 407 ? "HTTPS_PROXY takes USER:PASSWORD@ before the host" : ""});
}

// Who sends a byte now and then never stalls, and never ends.
bool Transfer::IsTooSlow() const {
  // The answer to an upload may begin before the upload has ended.
  if (SizeToUpload()) return false;
  curl_off_t total = 0;
  curl_off_t first = 0;
  curl_off_t received = 0;
  curl_easy_getinfo(handle_, CURLINFO_TOTAL_TIME_T, &total);
  curl_easy_getinfo(handle_, CURLINFO_STARTTRANSFER_TIME_T, &first);
  curl_easy_getinfo(handle_, CURLINFO_SIZE_DOWNLOAD_T, &received);
  if (first <= 0) return false;
  const curl_off_t seconds = (total - first) / 1'000'000;
  return seconds > kPatience * options_.stall_timeout_seconds &&
         received + static_cast<curl_off_t>(header_bytes_) < seconds * kLeastSpeed;
}

bool Transfer::IsStopped() const {
  return options_.stop != nullptr && !request_.after_stop && *options_.stop != 0;
}

absl::Status Transfer::ErrorOf(CURLcode code) {
  if (!failure_.ok()) return failure_;
  if (IsStopped()) {
    return MakeError({.id = DiagnosticId::kInterrupted, .message = "a signal ended it"});
  }
  if (too_slow_) code = CURLE_OPERATION_TIMEDOUT;
  // curl's own text tells the milliseconds of these; messages may end up in
  // documents, whose bytes depend on the input alone.
  const bool timed = code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT;
  const std::string_view text =
      timed || error_text_[0] == 0 ? curl_easy_strerror(code) : error_text_;
  DEPS_ASSIGN_OR_RETURN(const Origin origin, OriginOf(request_.url));
  const std::string where = absl::StrCat(origin.scheme, "://", origin.host, ":", origin.port);
  if (code == CURLE_SSL_CERTPROBLEM) {
    return MakeError({.id = DiagnosticId::kFileRead,
                      .message = absl::StrCat("the certificate or key is not usable: ", text),
                      .location = {.file = options_.cert_file}});
  }
  if (IsProtocolError(code)) {
    return MakeError({.id = DiagnosticId::kRegistryProtocol,
                      .message = absl::StrCat(where, " does not speak HTTP: ", text)});
  }
  if (refused_) {
    return MakeError({.id = DiagnosticId::kRegistryUnreachable,
                      .message = absl::StrCat(where, " is a ", NameOf(*refused_),
                                              " address, which no registry farther away may lead "
                                              "to"),
                      .hint = *refused_ == AddressSpace::kLinkLocal
                                  ? ""
                                  : absl::StrCat("--trusted-realm ", origin.host, " allows it")});
  }
  long proxy_status = 0;  // NOLINT(runtime/int): curl's type
  curl_easy_getinfo(handle_, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
  if (proxy_status >= 300) return ProxyRefuses(static_cast<int>(proxy_status));
  if (code == CURLE_PEER_FAILED_VERIFICATION) {
    return MakeError({.id = DiagnosticId::kRegistryUnreachable,
                      .message = absl::StrCat(where, " is not trusted: ", text),
                      .hint = absl::StrContains(text, "expired")
                                  ? "the registry needs a new one, unless the clock here is wrong"
                              : absl::StrContains(text, "host name")
                                  ? "reach it by a name that its certificate has"
                                  : "--ca-file FILE trusts more certificates"});
  }
  // Whoever is not let in is told so by TLS, at the first byte that it reads.
  if (absl::StrContains(text, "ALERT") && absl::StrContains(text, "CERTIFICATE")) {
    const bool shown = request_.with_certificate && !options_.cert_file.empty();
    return MakeError(
        {.id = DiagnosticId::kRegistryUnreachable,
         .message = absl::StrCat(
             where, shown ? " does not take the certificate of " : " asks for a certificate",
             shown ? options_.cert_file : ""),
         .hint = shown ? "" : "--cert-file FILE and --key-file FILE show one"});
  }
  curl_off_t connected = 0;
  curl_easy_getinfo(handle_, CURLINFO_PRETRANSFER_TIME_T, &connected);
  if (code == CURLE_OPERATION_TIMEDOUT && connected > 0) return Stalled(where);
  const bool unknown = code == CURLE_COULDNT_RESOLVE_HOST;
  const bool not_connected =
      unknown || code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT;
  const std::string proxy = IsLoopback(origin.host)    ? ""
                            : origin.scheme == "https" ? "; HTTPS_PROXY leads through a proxy"
                                                       : "; HTTP_PROXY leads through a proxy";
  absl::Status status = MakeError(
      {.id = DiagnosticId::kRegistryUnreachable,
       .message =
           absl::StrCat(where, IsBrokenOff(code) ? " broke off: " : " is not reachable: ", text),
       .hint = unknown ? "see whether the name is right and known to this machine"
               : not_connected
                   ? absl::StrCat("see whether it runs and can be reached from here", proxy)
                   : ""});
  if (IsBrokenOff(code)) MarkTransient(&status);
  if (not_connected) status.SetPayload(kNotConnectedUrl, absl::Cord("1"));
  if (code == CURLE_SSL_CONNECT_ERROR) status.SetPayload(kNoTlsUrl, absl::Cord("1"));
  return status;
}

absl::Status Transfer::Stalled(std::string_view where) const {
  absl::Status status =
      MakeError({.id = DiagnosticId::kRegistryUnreachable,
                 .message = absl::StrCat(where, " stalls: for ", options_.stall_timeout_seconds,
                                         " s it has taken and sent nothing, or hardly anything"),
                 .hint = "--stall-timeout SECONDS waits longer"});
  if (header_bytes_ > 0) MarkTransient(&status);
  return status;
}

size_t Transfer::TakeHeader(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > kMaxHeaderBytes) {
    failure_ = MakeError(
        {.id = DiagnosticId::kRegistryProtocol,
         .message = absl::StrCat(request_.url, ": headers over ", kMaxHeaderBytes >> 10, " KiB")});
    return 0;
  }
  // A status line begins a response; one of status 1xx comes before the real one.
  if (absl::StartsWith(line, "HTTP/")) {
    response_.headers.clear();
    return line.size();
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return line.size();
  response_.headers.emplace(absl::AsciiStrToLower(line.substr(0, colon)),
                            absl::StripAsciiWhitespace(line.substr(colon + 1)));
  return line.size();
}

size_t Transfer::TakeBody(std::string_view piece) {
  long status = 0;  // NOLINT(runtime/int): curl's type
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  if (request_.sink && status >= 200 && status < 300) {
    failure_ = request_.sink(piece);
    return failure_.ok() ? piece.size() : 0;
  }
  if (response_.body.size() + piece.size() > request_.max_body_bytes) {
    failure_ = MakeError({.id = DiagnosticId::kRegistryProtocol,
                          .message = absl::StrCat(request_.url, ": the answer is over ",
                                                  request_.max_body_bytes, " bytes")});
    return 0;
  }
  response_.body.append(piece);
  return piece.size();
}

std::optional<int64_t> Transfer::SizeToUpload() const {
  if (const auto* slice = std::get_if<Slice>(&request_.body)) return slice->size;
  if (const auto* stream = std::get_if<Stream>(&request_.body)) return stream->size;
  return std::nullopt;
}

absl::StatusOr<size_t> Transfer::ReadBody(char* buffer, size_t size) {
  if (const auto* slice = std::get_if<Slice>(&request_.body)) {
    return slice->read(slice->offset + sent_, buffer, size);
  }
  return std::get<Stream>(request_.body).read(buffer, size);
}

size_t Transfer::GiveBody(char* buffer, size_t size) {
  const int64_t left = SizeToUpload().value_or(0) - sent_;
  const auto wanted = static_cast<size_t>(std::min<int64_t>(static_cast<int64_t>(size), left));
  if (wanted == 0) return 0;
  const absl::StatusOr<size_t> got = ReadBody(buffer, wanted);
  failure_ = got.status();
  if (got.ok() && *got == 0) {
    failure_ = MakeError({.id = DiagnosticId::kInternal, .message = "a body ended too early"});
  }
  if (!failure_.ok()) return CURL_READFUNC_ABORT;
  sent_ += static_cast<int64_t>(*got);
  if (request_.on_sent) request_.on_sent(static_cast<int64_t>(*got));
  return *got;
}

size_t Transfer::OnHeader(char* data, size_t size, size_t count, void* self) {
  return static_cast<Transfer*>(self)->TakeHeader({data, size * count});
}

size_t Transfer::OnBody(char* data, size_t size, size_t count, void* self) {
  return static_cast<Transfer*>(self)->TakeBody({data, size * count});
}

size_t Transfer::OnRead(char* data, size_t size, size_t count, void* self) {
  return static_cast<Transfer*>(self)->GiveBody(data, size * count);
}

int Transfer::OnProgress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  Transfer& transfer = *static_cast<Transfer*>(self);
  transfer.too_slow_ = transfer.IsTooSlow();
  return transfer.IsStopped() || transfer.too_slow_ ? 1 : 0;
}

int Transfer::OnSeek(void* self, curl_off_t offset, int origin) {
  Transfer& transfer = *static_cast<Transfer*>(self);
  if (origin != SEEK_SET || std::holds_alternative<Stream>(transfer.request_.body)) {
    return CURL_SEEKFUNC_CANTSEEK;
  }
  transfer.sent_ = offset;
  return CURL_SEEKFUNC_OK;
}

curl_socket_t Transfer::OnSocket(void* self, curlsocktype, struct curl_sockaddr* address) {
  if (!static_cast<Transfer*>(self)->IsAllowed(TextOf(address->addr, address->addrlen))) {
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

int Transfer::OnConnection(void* self, char* address, char*, int, int) {
  return static_cast<Transfer*>(self)->IsAllowed(address) ? CURL_PREREQFUNC_OK
                                                          : CURL_PREREQFUNC_ABORT;
}

}  // namespace deps::http
