#include "lib/engine/testing/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace deps {
namespace {

constexpr size_t kMaxRequest = size_t{16} << 20;

[[noreturn]] void Abort(std::string_view what) {
  std::fprintf(stderr, "testing server: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

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
    shutdown(fd_, SHUT_RDWR);
    close(fd_);
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

bool ReadRequest(Connection& connection, ServerRequest* request, std::string* target) {
  std::string text;
  size_t whole = std::string::npos;
  size_t head = std::string::npos;
  std::vector<char> buffer(64 << 10);
  while (text.size() < whole) {
    const ssize_t count = connection.Read(buffer.data(), buffer.size());
    if (count <= 0 || text.size() > kMaxRequest) return false;
    text.append(buffer.data(), static_cast<size_t>(count));
    if (head != std::string::npos) continue;
    head = text.find("\r\n\r\n");
    if (head == std::string::npos) continue;
    for (const std::string_view line : absl::StrSplit(text.substr(0, head), "\r\n")) {
      const size_t colon = line.find(": ");
      if (target->empty()) {
        const std::vector<std::string> words = absl::StrSplit(line, ' ');
        if (words.size() != 3) return false;
        request->method = words[0];
        *target = words[1];
      } else if (colon != std::string_view::npos) {
        request->headers[absl::AsciiStrToLower(line.substr(0, colon))] =
            std::string(line.substr(colon + 2));
      }
    }
    size_t body = 0;
    if (!absl::SimpleAtoi(request->Header("content-length"), &body)) body = 0;
    whole = head + 4 + body;
    if (request->Header("expect") == "100-continue" && text.size() < whole &&
        !connection.Write("HTTP/1.1 100 Continue\r\n\r\n")) {
      return false;
    }
  }
  request->body = text.substr(head + 4);
  const std::vector<std::string> parts = absl::StrSplit(*target, absl::MaxSplits('?', 1));
  request->path = Unescaped(parts[0], false);
  if (parts.size() < 2) return true;
  for (const std::string_view pair : absl::StrSplit(parts[1], '&', absl::SkipEmpty())) {
    const size_t equals = std::min(pair.find('='), pair.size());
    request->query[Unescaped(pair.substr(0, equals), true)] =
        Unescaped(equals == pair.size() ? "" : pair.substr(equals + 1), true);
  }
  return true;
}

}  // namespace

std::string ServerRequest::Query(const std::string& name) const {
  const auto found = query.find(name);
  return found == query.end() ? "" : found->second;
}

std::string ServerRequest::Header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
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
    return !lose_ && !server_.stopping_ && connection_.IsOpen();
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
    : handler_(std::move(handler)) {
  if (!tls_folder.empty()) {
    tls_.reset(SSL_CTX_new(TLS_method()));
    const std::string certificate = absl::StrCat(tls_folder, "/cert.pem");
    const std::string key = absl::StrCat(tls_folder, "/key.pem");
    if (SSL_CTX_use_certificate_chain_file(tls_.get(), certificate.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls_.get(), key.c_str(), SSL_FILETYPE_PEM) != 1) {
      Abort("no certificate");
    }
  }
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  socklen_t size = sizeof(address);
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener_, 64) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    Abort("cannot listen");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Accept(); });
}

HttpServer::~HttpServer() {
  stopping_ = true;
  thread_.join();
  close(listener_);
  std::unique_lock<std::mutex> lock(mutex_);
  idle_.wait(lock, [this] { return open_ == 0; });
}

void HttpServer::Inject(Fault fault) {
  const std::lock_guard<std::mutex> lock(mutex_);
  faults_.push_back(std::move(fault));
}

void HttpServer::DropStreams() { ++streams_dropped_; }

std::vector<std::string> HttpServer::requests() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return requests_;
}

void HttpServer::Accept() {
  while (!stopping_) {
    pollfd waiting = {listener_, POLLIN, 0};
    if (poll(&waiting, 1, 50) <= 0) continue;
    const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    const std::lock_guard<std::mutex> lock(mutex_);
    ++open_;
    std::thread([this, connection] {
      Serve(connection);
      const std::lock_guard<std::mutex> done(mutex_);
      --open_;
      idle_.notify_all();
    }).detach();
  }
}

bool HttpServer::TakeFault(const ServerRequest& request, const std::string& target, Fault* fault) {
  for (Fault& candidate : faults_) {
    if (candidate.times <= 0 || (!candidate.method.empty() && candidate.method != request.method) ||
        !absl::StrContains(target, candidate.path)) {
      continue;
    }
    if (candidate.skip-- > 0) continue;
    --candidate.times;
    *fault = candidate;
    return true;
  }
  return false;
}

void HttpServer::Serve(int fd) {
  Connection connection(fd, tls_.get());
  ServerRequest request;
  std::string target;
  if (!ReadRequest(connection, &request, &target)) return;
  Fault fault;
  bool faulty = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    requests_.push_back(absl::StrCat(request.method, " ", target));
    faulty = TakeFault(request, target, &fault);
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
