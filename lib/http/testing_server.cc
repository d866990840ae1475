#include "lib/http/testing_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace deps {
namespace {

size_t BodySize(const std::string& head) {
  const std::string lower = absl::AsciiStrToLower(head);
  const size_t at = lower.find("\r\ncontent-length:");
  if (at == std::string::npos) return 0;
  const size_t begin = at + 17;
  size_t size = 0;
  const std::string text = lower.substr(begin, lower.find("\r\n", begin) - begin);
  return absl::SimpleAtoi(absl::StripAsciiWhitespace(text), &size) ? size : 0;
}

std::string ReadRequest(int connection) {
  std::string request;
  char buffer[64 << 10];
  size_t whole = std::string::npos;
  while (request.size() < whole) {
    const ssize_t got = recv(connection, buffer, sizeof(buffer), 0);
    if (got <= 0) break;
    request.append(buffer, static_cast<size_t>(got));
    const size_t end = request.find("\r\n\r\n");
    if (end != std::string::npos) whole = end + 4 + BodySize(request.substr(0, end + 2));
  }
  return request;
}

}  // namespace

TestingServer::TestingServer(std::function<std::string(const std::string&)> answer)
    : answer_(std::move(answer)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener_, 16) != 0 || pipe(stop_) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Serve(); });
}

TestingServer::~TestingServer() {
  close(stop_[1]);
  thread_.join();
  close(stop_[0]);
  close(listener_);
}

std::string TestingServer::host() const { return absl::StrCat("127.0.0.1:", port_); }
std::string TestingServer::url() const { return absl::StrCat("http://", host()); }

std::vector<std::string> TestingServer::requests() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return requests_;
}

void TestingServer::Serve() {
  while (true) {
    pollfd waiting[2] = {{listener_, POLLIN, 0}, {stop_[0], POLLIN, 0}};
    if (poll(waiting, 2, -1) < 0 || waiting[1].revents != 0) return;
    const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    ServeOne(connection);
    close(connection);
  }
}

void TestingServer::ServeOne(int connection) {
  const std::string request = ReadRequest(connection);
  if (request.empty()) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    requests_.push_back(request);
  }
  const std::string answer = answer_(request);
  size_t sent = 0;
  while (sent < answer.size()) {
    const ssize_t n = send(connection, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return;
    sent += static_cast<size_t>(n);
  }
  shutdown(connection, SHUT_WR);
}

std::string Answer(const std::string& status, const std::vector<std::string>& headers,
                   const std::string& body) {
  std::string result = absl::StrCat("HTTP/1.1 ", status, "\r\nConnection: close\r\n");
  for (const std::string& header : headers) absl::StrAppend(&result, header, "\r\n");
  absl::StrAppend(&result, "Content-Length: ", body.size(), "\r\n\r\n", body);
  return result;
}

}  // namespace deps
