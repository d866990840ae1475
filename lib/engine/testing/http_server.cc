#include "lib/engine/testing/http_server.h"

#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace deps {
namespace {

std::string_view ReasonOf(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 429:
      return "Too Many Requests";
    default:
      return "Status";
  }
}

std::string Unescaped(std::string_view text, bool plus) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    int byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        absl::SimpleHexAtoi(text.substr(i + 1, 2), &byte)) {
      plain += static_cast<char>(byte);
      i += 2;
    } else {
      plain += plus && text[i] == '+' ? ' ' : text[i];
    }
  }
  return plain;
}

// A connection, with or without TLS.
class Connection {
 public:
  Connection(int fd, SSL_CTX* tls) : fd_(fd) {
    // No test waits for a client that says nothing.
    const timeval limit = {.tv_sec = 30, .tv_usec = 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (tls == nullptr) return;
    ssl_.reset(SSL_new(tls));
    SSL_set_fd(ssl_.get(), fd);
    good_ = SSL_accept(ssl_.get()) == 1;
  }
  ~Connection() {
    if (ssl_ != nullptr && good_ && !cut_) SSL_shutdown(ssl_.get());
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Ends without the good-bye of TLS.
  void Cut() { cut_ = true; }

  ssize_t Read(char* buffer, size_t size) {
    if (!good_) return -1;
    return ssl_ != nullptr ? SSL_read(ssl_.get(), buffer, static_cast<int>(size))
                           : recv(fd_, buffer, size, 0);
  }

  bool Write(std::string_view text) {
    while (good_ && !text.empty()) {
      const ssize_t count = ssl_ != nullptr
                                ? SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()))
                                : send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      good_ = count > 0;
      if (good_) text.remove_prefix(static_cast<size_t>(count));
    }
    return good_;
  }

  // The client sends nothing more: readable means that it is gone.
  bool IsOpen() {
    pollfd waiting = {fd_, POLLIN | POLLRDHUP, 0};
    return good_ && (poll(&waiting, 1, 0) == 0);
  }

 private:
  const int fd_;
  bssl::UniquePtr<SSL> ssl_;
  bool good_ = true;
  bool cut_ = false;
};

bool ReadRequest(Connection& connection, ServerRequest* request) {
  TestingInput input([&](char* buffer, size_t size) { return connection.Read(buffer, size); });
  std::optional<TestingRequest> read = ReadTestingHead(input);
  if (!read) return false;
  if (read->Header("expect") == "100-continue" &&
      !connection.Write("HTTP/1.1 100 Continue\r\n\r\n")) {
    return false;
  }
  std::optional<std::string> body = ReadTestingBody(input, *read);
  if (!body) return false;
  static_cast<TestingRequest&>(*request) = *std::move(read);
  request->body = *std::move(body);
  const std::vector<std::string> parts = absl::StrSplit(request->target, absl::MaxSplits('?', 1));
  request->path = Unescaped(parts[0], false);
  if (parts.size() < 2) return true;
  for (const std::string_view pair : absl::StrSplit(parts[1], '&', absl::SkipEmpty())) {
    const size_t equals = std::min(pair.find('='), pair.size());
    request->query[Unescaped(pair.substr(0, equals), true)] =
        Unescaped(equals == pair.size() ? "" : pair.substr(equals + 1), true);
  }
  return true;
}

bssl::UniquePtr<SSL_CTX> NewContext(const std::string& folder) {
  if (folder.empty()) return nullptr;
  bssl::UniquePtr<SSL_CTX> tls(SSL_CTX_new(TLS_method()));
  const std::string certificate = absl::StrCat(folder, "/cert.pem");
  const std::string key = absl::StrCat(folder, "/key.pem");
  if (SSL_CTX_use_certificate_chain_file(tls.get(), certificate.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(tls.get(), key.c_str(), SSL_FILETYPE_PEM) != 1) {
    std::fprintf(stderr, "a server for tests has no certificate in %s\n", folder.c_str());
    std::abort();
  }
  return tls;
}

}  // namespace

std::string ServerRequest::Query(const std::string& name) const {
  const auto found = query.find(name);
  return found == query.end() ? "" : found->second;
}

class ServerReply : public Reply {
 public:
  ServerReply(HttpServer& server, Connection& connection, bool lose, bool halve)
      : server_(server),
        connection_(connection),
        lose_(lose),
        halve_(halve),
        dropped_before_(server.streams_dropped_) {}
  ~ServerReply() override {
    if (streams_ && IsOpen()) connection_.Write("0\r\n\r\n");
  }
  ServerReply(const ServerReply&) = delete;
  ServerReply& operator=(const ServerReply&) = delete;

  void Send(int status, std::string_view content_type, std::string_view body,
            const Headers& headers) override {
    if (lose_) return connection_.Cut();
    std::string text =
        absl::StrCat("HTTP/1.1 ", status, " ", ReasonOf(status), "\r\nConnection: close\r\n",
                     "Content-Type: ", content_type, "\r\nContent-Length: ", body.size(), "\r\n");
    for (const auto& [name, value] : headers) absl::StrAppend(&text, name, ": ", value, "\r\n");
    absl::StrAppend(&text, "\r\n", body);
    if (halve_) {
      text.resize(text.size() - (body.size() + 1) / 2);
      connection_.Cut();
    }
    connection_.Write(text);
  }

  void Begin(std::string_view content_type) override {
    if (lose_) return connection_.Cut();
    streams_ = true;
    connection_.Write(absl::StrCat("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: ",
                                   content_type, "\r\nTransfer-Encoding: chunked\r\n\r\n"));
  }

  bool Write(std::string_view chunk) override {
    if (!IsOpen()) return false;
    if (chunk.empty()) return true;
    if (halve_) {
      // The length of the whole chunk, and a part of it.
      connection_.Write(absl::StrCat(absl::Hex(chunk.size()), "\r\n"));
      connection_.Write(chunk.substr(0, chunk.size() / 2));
      connection_.Cut();
      lose_ = true;
      return false;
    }
    return connection_.Write(absl::StrCat(absl::Hex(chunk.size()), "\r\n", chunk, "\r\n"));
  }

  bool IsOpen() override {
    if (!lose_ && server_.streams_dropped_ != dropped_before_) {
      connection_.Cut();
      lose_ = true;
    }
    return !lose_ && connection_.IsOpen();
  }

 private:
  HttpServer& server_;
  Connection& connection_;
  bool lose_;
  const bool halve_;
  const int dropped_before_;
  bool streams_ = false;
};

HttpServer::HttpServer(int port, const std::string& tls_folder, Handler handler)
    : handler_(std::move(handler)),
      tls_(NewContext(tls_folder)),
      listener_([this](int socket) { Serve(socket); }, {.port = port}) {}

HttpServer::~HttpServer() = default;

void HttpServer::Inject(Fault fault) {
  const std::lock_guard<std::mutex> lock(mutex_);
  faults_.push_back(std::move(fault));
}

void HttpServer::DropStreams() { ++streams_dropped_; }

std::vector<std::string> HttpServer::requests() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return requests_;
}

bool HttpServer::TakeFault(const ServerRequest& request, Fault* fault) {
  for (Fault& candidate : faults_) {
    if (candidate.times <= 0 || (!candidate.method.empty() && candidate.method != request.method) ||
        !absl::StrContains(request.target, candidate.path)) {
      continue;
    }
    if (candidate.skip-- > 0) continue;
    --candidate.times;
    *fault = candidate;
    return true;
  }
  return false;
}

void HttpServer::Serve(int socket) {
  Connection connection(socket, tls_.get());
  ServerRequest request;
  if (!ReadRequest(connection, &request)) return;
  Fault fault;
  bool faulty = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    requests_.push_back(absl::StrCat(request.method, " ", request.target));
    faulty = TakeFault(request, &fault);
  }
  ServerReply reply(*this, connection, faulty && fault.kind == Fault::Kind::kLoseAnswer,
                    faulty && fault.kind == Fault::Kind::kHalf);
  if (faulty && fault.kind == Fault::Kind::kDrop) return connection.Cut();
  if (faulty && fault.kind == Fault::Kind::kHang) {
    while (reply.IsOpen()) usleep(20000);
    return;
  }
  if (faulty && fault.kind == Fault::Kind::kStatus) {
    Reply::Headers headers;
    if (fault.retry_after > 0) headers.emplace_back("Retry-After", absl::StrCat(fault.retry_after));
    return reply.Send(fault.status, "text/plain", "no answer for you\n", headers);
  }
  handler_(request, reply);
}

}  // namespace deps
