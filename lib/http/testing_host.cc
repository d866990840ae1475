#include "lib/http/testing_host.h"

#include <sys/socket.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace deps {

TestingHost::TestingHost(Answer answer, AnswerToHead answer_to_head, bool ipv6)
    : answer_(std::move(answer)),
      answer_to_head_(std::move(answer_to_head)),
      listener_([this](int socket) { Talk(socket); }, {.ipv6 = ipv6}) {}

void TestingHost::Talk(int socket) {
  TestingInput input(socket);
  while (std::optional<TestingRequest> request = ReadTestingHead(input)) {
    std::optional<TestingReply> reply = answer_to_head_(*request);
    if (!reply) {
      std::optional<std::string> body = ReadTestingBody(input, *request);
      if (!body) break;
      request->body = *std::move(body);
      reply = answer_(*request);
    }
    Send(socket, *reply);
    if (reply->close) break;
  }
}

void TestingHost::Send(int socket, const TestingReply& reply) {
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
