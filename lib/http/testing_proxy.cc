#include "lib/http/testing_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace deps {
namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

std::string ReadHead(int socket) {
  std::string head;
  char c = 0;
  while (!absl::EndsWith(head, "\r\n\r\n") && recv(socket, &c, 1, 0) == 1) head.push_back(c);
  return head;
}

bool SendAll(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

// Both ways, until one end closes.
void Join(int a, int b) {
  const int ends[] = {a, b};
  char buffer[64 << 10];
  while (true) {
    pollfd waiting[2] = {{a, POLLIN, 0}, {b, POLLIN, 0}};
    if (poll(waiting, 2, -1) < 0) return;
    for (int i = 0; i < 2; ++i) {
      if (waiting[i].revents == 0) continue;
      const ssize_t got = recv(ends[i], buffer, sizeof(buffer), 0);
      if (got <= 0) return;
      if (!SendAll(ends[1 - i], std::string_view(buffer, static_cast<size_t>(got)))) return;
    }
  }
}

}  // namespace

TestingProxy::TestingProxy(int target_port, std::string authorization)
    : target_port_(target_port), authorization_(std::move(authorization)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener_, 16) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Serve(); });
}

TestingProxy::~TestingProxy() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
    for (const int socket : sockets_) shutdown(socket, SHUT_RDWR);
  }
  shutdown(listener_, SHUT_RDWR);
  thread_.join();
  for (std::thread& thread : threads_) thread.join();
  for (const int socket : sockets_) close(socket);
  close(listener_);
}

std::string TestingProxy::host() const { return absl::StrCat("127.0.0.1:", port_); }

std::vector<std::string> TestingProxy::requests() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return requests_;
}

void TestingProxy::Serve() {
  while (true) {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    const std::lock_guard<std::mutex> lock(mutex_);
    sockets_.push_back(client);
    if (stop_) return;
    threads_.emplace_back([this, client] { Talk(client); });
  }
}

void TestingProxy::Talk(int client) {
  const std::string head = ReadHead(client);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    requests_.push_back(head.substr(0, head.find(" HTTP/1.1")));
  }
  const std::string wanted = absl::StrCat("Proxy-Authorization: ", authorization_, "\r\n");
  if (!authorization_.empty() && !absl::StrContains(head, wanted)) {
    SendAll(client,
            "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic "
            "realm=\"proxy\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    shutdown(client, SHUT_RDWR);
    return;
  }
  const int target = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    sockets_.push_back(target);
    if (stop_) return;
  }
  const sockaddr_in address = Loopback(target_port_);
  if (connect(target, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      SendAll(client, "HTTP/1.1 200 Connection established\r\n\r\n")) {
    Join(client, target);
  }
  shutdown(client, SHUT_RDWR);
  shutdown(target, SHUT_RDWR);
}

}  // namespace deps
