#include "lib/http/testing_listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"

namespace deps {

TestingListener::TestingListener(std::function<void(int)> talk, Options options)
    : talk_(std::move(talk)), ipv6_(options.ipv6) {
  sockaddr_in v4 = {};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  v4.sin_port = htons(static_cast<uint16_t>(options.port));
  sockaddr_in6 v6 = {};
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = in6addr_loopback;
  v6.sin6_port = v4.sin_port;
  auto* const address = ipv6_ ? reinterpret_cast<sockaddr*>(&v6) : reinterpret_cast<sockaddr*>(&v4);
  socklen_t size = ipv6_ ? sizeof(v6) : sizeof(v4);
  listener_ = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(listener_, address, size) != 0 || listen(listener_, 64) != 0 ||
      getsockname(listener_, address, &size) != 0) {
    std::perror("a server for tests cannot listen");
    std::abort();
  }
  port_ = ntohs(ipv6_ ? v6.sin6_port : v4.sin_port);
  thread_ = std::thread([this] { Accept(); });
}

TestingListener::~TestingListener() {
  std::unique_lock<std::mutex> lock(mutex_);
  stop_ = true;
  for (const int socket : sockets_) shutdown(socket, SHUT_RDWR);
  lock.unlock();
  shutdown(listener_, SHUT_RDWR);
  thread_.join();
  close(listener_);
  lock.lock();
  ended_.wait(lock, [this] { return sockets_.empty(); });
}

std::string TestingListener::host() const {
  return absl::StrCat(ipv6_ ? "[::1]:" : "127.0.0.1:", port_);
}

void TestingListener::Accept() {
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
    sockets_.insert(socket);
    // Detached, since a test may make thousands of connections.
    std::thread([this, socket] {
      talk_(socket);
      End(socket);
    }).detach();
  }
}

void TestingListener::End(int socket) {
  shutdown(socket, SHUT_RDWR);
  const std::lock_guard<std::mutex> lock(mutex_);
  close(socket);
  sockets_.erase(socket);
  ended_.notify_all();
}

}  // namespace deps
