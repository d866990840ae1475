#include "lib/http/testing_server.h"

#include <sys/socket.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/http/testing_request.h"

namespace deps {

TestingServer::TestingServer(std::function<std::string(const std::string&)> answer)
    : answer_(std::move(answer)), listener_([this](int socket) { Talk(socket); }) {}

std::vector<std::string> TestingServer::requests() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return requests_;
}

void TestingServer::Talk(int socket) {
  TestingInput input(socket);
  const std::optional<TestingRequest> request = ReadTestingHead(input);
  const std::optional<std::string> body = request ? ReadTestingBody(input, *request) : std::nullopt;
  if (!body) return;
  const std::string text = request->head + *body;
  const std::lock_guard<std::mutex> turn(turn_);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    requests_.push_back(text);
  }
  const std::string answer = answer_(text);
  std::string_view rest = answer;
  while (!rest.empty()) {
    const ssize_t sent = send(socket, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    rest.remove_prefix(static_cast<size_t>(sent));
  }
}

std::string Answer(const std::string& status, const std::vector<std::string>& headers,
                   const std::string& body) {
  std::string result = absl::StrCat("HTTP/1.1 ", status, "\r\nConnection: close\r\n");
  for (const std::string& header : headers) absl::StrAppend(&result, header, "\r\n");
  absl::StrAppend(&result, "Content-Length: ", body.size(), "\r\n\r\n", body);
  return result;
}

}  // namespace deps
