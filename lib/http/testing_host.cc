#include "lib/http/testing_host.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace deps {
namespace {

// What has come on a connection and is not used yet.
class Input {
 public:
  explicit Input(int socket) : socket_(socket) {}

  // Up to and with `end`; nullopt where the connection ends before it.
  std::optional<std::string> Until(std::string_view end) {
    size_t at = 0;
    while ((at = bytes_.find(end)) == std::string::npos) {
      if (!More()) return std::nullopt;
    }
    return Take(at + end.size());
  }

  std::optional<std::string> Count(size_t count) {
    while (bytes_.size() < count) {
      if (!More()) return std::nullopt;
    }
    return Take(count);
  }

 private:
  bool More() {
    char buffer[64 << 10];
    const ssize_t got = recv(socket_, buffer, sizeof(buffer), 0);
    if (got <= 0) return false;
    bytes_.append(buffer, static_cast<size_t>(got));
    return true;
  }
  std::string Take(size_t count) {
    std::string taken = bytes_.substr(0, count);
    bytes_.erase(0, count);
    return taken;
  }

  const int socket_;
  std::string bytes_;
};

std::optional<TestingRequest> ReadHead(Input& input) {
  const std::optional<std::string> head = input.Until("\r\n\r\n");
  if (!head) return std::nullopt;
  const std::vector<std::string> lines = absl::StrSplit(*head, "\r\n");
  const std::vector<std::string> words = absl::StrSplit(lines[0], ' ');
  if (words.size() != 3) return std::nullopt;
  TestingRequest request = {.method = words[0], .target = words[1]};
  for (size_t i = 1; i < lines.size(); ++i) {
    const size_t colon = lines[i].find(':');
    if (colon == std::string::npos) continue;
    request.headers[absl::AsciiStrToLower(lines[i].substr(0, colon))] =
        absl::StripAsciiWhitespace(lines[i].substr(colon + 1));
  }
  return request;
}

std::optional<std::string> ReadChunks(Input& input) {
  std::string body;
  while (true) {
    const std::optional<std::string> line = input.Until("\r\n");
    uint64_t size = 0;
    if (!line || !absl::SimpleHexAtoi(absl::StripAsciiWhitespace(*line), &size)) {
      return std::nullopt;
    }
    const std::optional<std::string> chunk = input.Count(size + 2);
    if (!chunk) return std::nullopt;
    if (size == 0) return body;
    body.append(*chunk, 0, size);
  }
}

std::optional<std::string> ReadBody(Input& input, const TestingRequest& request) {
  if (request.Header("transfer-encoding") == "chunked") return ReadChunks(input);
  uint64_t size = 0;
  if (!absl::SimpleAtoi(request.Header("content-length"), &size)) return "";
  return input.Count(size);
}

}  // namespace

std::string TestingRequest::Header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? "" : found->second;
}

TestingHost::TestingHost(Answer answer, AnswerToHead answer_to_head, bool ipv6)
    : answer_(std::move(answer)), answer_to_head_(std::move(answer_to_head)), ipv6_(ipv6) {
  sockaddr_in v4 = {};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6 = {};
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = in6addr_loopback;
  auto* const address = ipv6 ? reinterpret_cast<sockaddr*>(&v6) : reinterpret_cast<sockaddr*>(&v4);
  socklen_t size = ipv6 ? sizeof(v6) : sizeof(v4);
  listener_ = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener_, address, size) != 0 || listen(listener_, 64) != 0 ||
      getsockname(listener_, address, &size) != 0) {
    std::abort();
  }
  port_ = ntohs(ipv6 ? v6.sin6_port : v4.sin_port);
  thread_ = std::thread([this] { Serve(); });
}

TestingHost::~TestingHost() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
    for (const Connection& connection : connections_) shutdown(connection.socket, SHUT_RDWR);
  }
  shutdown(listener_, SHUT_RDWR);
  thread_.join();
  for (Connection& connection : connections_) {
    connection.thread.join();
    close(connection.socket);
  }
  close(listener_);
}

std::string TestingHost::host() const {
  return absl::StrCat(ipv6_ ? "[::1]:" : "127.0.0.1:", port_);
}

void TestingHost::Serve() {
  while (true) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    const int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    const std::lock_guard<std::mutex> lock(mutex_);
    if (stop_) {
      close(socket);
      return;
    }
    Connection& connection = connections_.emplace_back();
    connection.socket = socket;
    connection.thread = std::thread([this, socket] { Talk(socket); });
  }
}

void TestingHost::Talk(int socket) {
  Input input(socket);
  while (std::optional<TestingRequest> request = ReadHead(input)) {
    std::optional<TestingReply> reply = answer_to_head_(*request);
    if (!reply) {
      std::optional<std::string> body = ReadBody(input, *request);
      if (!body) break;
      request->body = *std::move(body);
      reply = answer_(*request);
    }
    Send(socket, *reply);
    if (reply->close) break;
  }
  shutdown(socket, SHUT_RDWR);
}

void TestingHost::Send(int socket, const TestingReply& reply) const {
  std::string_view rest = reply.bytes;
  const bool slow = reply.each > absl::ZeroDuration();
  while (true) {
    if (rest.empty()) rest = reply.endless;
    if (rest.empty()) return;
    const ssize_t sent = send(socket, rest.data(), slow ? 1 : rest.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    rest.remove_prefix(static_cast<size_t>(sent));
    if (slow) absl::SleepFor(reply.each);
  }
}

TestingReply Reply(std::string_view status, std::string_view headers, std::string_view body) {
  const bool told = absl::StrContains(absl::AsciiStrToLower(headers), "content-length:");
  return {.bytes = absl::StrCat("HTTP/1.1 ", status, "\r\n", headers,
                                told ? "" : absl::StrCat("Content-Length: ", body.size(), "\r\n"),
                                "\r\n", body)};
}

}  // namespace deps
