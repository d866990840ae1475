#include "lib/http/testing_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/http/testing_request.h"

namespace deps {
namespace {

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
    : target_port_(target_port),
      authorization_(std::move(authorization)),
      listener_([this](int client) { Talk(client); }) {}

std::vector<std::string> TestingProxy::requests() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return requests_;
}

void TestingProxy::Talk(int client) {
  TestingInput input(client);
  const std::optional<TestingRequest> request = ReadTestingHead(input);
  if (!request) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    requests_.push_back(absl::StrCat(request->method, " ", request->target));
  }
  if (!authorization_.empty() && request->Header("proxy-authorization") != authorization_) {
    SendAll(client,
            "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic "
            "realm=\"proxy\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    return;
  }
  const int target = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(target_port_));
  if (connect(target, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      SendAll(client, "HTTP/1.1 200 Connection established\r\n\r\n")) {
    Join(client, target);
  }
  close(target);
}

}  // namespace deps
