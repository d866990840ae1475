// HTTP over libcurl: one request, one response. What follows from a response
// (redirects, credentials, retries) is the caller's to decide.
//
// Source: RFC 9110, RFC 9112. HTTP/1.1 only: one upload a connection is faster
// than many in one HTTP/2 connection with its small windows.
#ifndef DEPS_LIB_HTTP_HTTP_H_
#define DEPS_LIB_HTTP_HTTP_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/http/address.h"

namespace deps::http {

// A part of what can be read at any place, and again.
struct Slice {
  // Fills the beginning of the buffer with what is at `offset`, with one byte at
  // least.
  std::function<absl::StatusOr<size_t>(int64_t offset, char* buffer, size_t size)> read;
  int64_t offset = 0;
  int64_t size = 0;
};

// Of a file, which is opened where it is read first. Errors: file-read, also where
// the file is shorter.
Slice SliceOfFile(std::string path, int64_t offset, int64_t size);

// A body of known size that is made while it is sent. It is read once.
struct Stream {
  int64_t size = 0;
  // Fills the beginning of the buffer; 0 where it ends too early.
  std::function<absl::StatusOr<size_t>(char* buffer, size_t size)> read;
};

// Takes a response's body piece by piece. An error ends the transfer and is
// what Client::Send returns.
using Sink = std::function<absl::Status(std::string_view piece)>;

struct Request {
  std::string method = "GET";
  std::string url;  // http:// or https://
  std::vector<std::pair<std::string, std::string>> headers = {};
  // A string_view must stay valid during Send.
  std::variant<std::monostate, std::string_view, Slice, Stream> body = {};
  // Gets the body of a response with status 2xx; other bodies, and all where
  // this is empty, are in Response::body.
  Sink sink = {};
  // Bounds Response::body. What `sink` gets is the sink's to bound.
  size_t max_body_bytes = size_t{8} << 20;
  // Told how many bytes of the body went out, as they go.
  std::function<void(int64_t bytes)> on_sent = {};
  // Sent with the client's certificate, if there is one and the server asks.
  bool with_certificate = false;
  // Sent though the client was told to stop: to clean up.
  bool after_stop = false;
  // Nearer addresses are refused (registry-unreachable), at connection time: for
  // URLs that came from outside. A proxy is not looked at.
  AddressSpace nearest = AddressSpace::kLinkLocal;
};

struct Response {
  int status = 0;
  // Where it came from; kPublic behind a proxy.
  AddressSpace space = AddressSpace::kPublic;
  // Names in lower case; values of the same name in the order of arrival.
  std::multimap<std::string, std::string> headers;
  std::string body;

  // The first value, or "".
  std::string Header(std::string_view lower_case_name) const;
};

struct ClientOptions {
  // Certificates that are trusted besides those of the system; a PEM file.
  std::string ca_file;
  // Who we are, for servers that ask for a certificate; PEM files, "" for none.
  std::string client_certificate_file;
  std::string client_key_file;
  // A certificate of our own and its key, PEM files; for requests that say so.
  std::string cert_file;
  std::string key_file;
  // "" is no proxy. Loopback hosts are never asked through a proxy.
  std::string http_proxy;
  std::string https_proxy;
  std::string no_proxy;  // Comma-separated hosts and suffixes; "*" is all.
  int connect_timeout_seconds = 30;
  // A transfer in which nothing moves for so long is given up, and an answer of
  // less than 100 bytes a second after three times as long. There is no limit on
  // a transfer as a whole.
  int stall_timeout_seconds = 120;
  // Where this is not null and becomes other than 0, transfers end within
  // a second or so, and no other begins (interrupted).
  const std::atomic<int>* stop = nullptr;
};

// The proxies of an environment: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY
// and the same in lower case, which come first.
using GetEnv = std::function<std::optional<std::string>(std::string_view name)>;
ClientOptions ProxiesFrom(const GetEnv& getenv);

// A pool of connections. Any number of threads may call Send at once; each call
// has a connection of its own, kept open for the next one to the same origin.
class Client {
 public:
  explicit Client(ClientOptions options = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Any status that the server answers with is a Response.
  //
  // Errors:
  //   registry-unreachable  no connection, no trust, broken off, or stalled
  //   registry-protocol     headers or body over their limits, not HTTP
  //   file-read             a body's file cannot be read
  //   interrupted           the client was told to stop
  absl::StatusOr<Response> Send(const Request& request);

 private:
  class Pool;
  std::unique_ptr<Pool> pool_;
};

// Whether an error of Send may be gone the next time: a connection that broke
// off, not one that could not be made.
bool IsTransient(const absl::Status& status);
// Makes it one of those.
void MarkTransient(absl::Status* status);

// Whether an error of Send is that no connection could be made. Who has answered
// before may do so again soon.
bool IsNotConnected(const absl::Status& status);

// Whether an error of Send is that the server does not speak TLS.
bool IsWithoutTls(const absl::Status& status);

// Where a connection goes: equal origins may see each other's credentials.
struct Origin {
  std::string scheme;  // "http" or "https"
  std::string host;    // Lower case, "[::1]" with brackets.
  int port = 0;
  bool operator==(const Origin&) const = default;
};

// The origin of an http or https URL without user and password.
// Errors: registry-protocol.
absl::StatusOr<Origin> OriginOf(std::string_view url);

// `location` as seen from `base`: absolute, "//host/…", "/…", "?…" or relative.
// Errors: registry-protocol.
absl::StatusOr<std::string> ResolveUrl(std::string_view base, std::string_view location);

// 127.0.0.0/8, ::1, localhost and names below it.
bool IsLoopback(std::string_view host);

}  // namespace deps::http

#endif  // DEPS_LIB_HTTP_HTTP_H_
