// A server for tests with many connections at once, each kept open, whose
// answers may be anything that goes over a wire.
#ifndef DEPS_LIB_HTTP_TESTING_HOST_H_
#define DEPS_LIB_HTTP_TESTING_HOST_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "lib/http/testing_listener.h"
#include "lib/http/testing_request.h"

namespace deps {

struct TestingReply {
  std::string bytes;                           // Head and body.
  bool close = false;                          // The connection ends behind them.
  std::string endless = {};                    // Sent behind them again and again.
  absl::Duration each = absl::ZeroDuration();  // The pause behind each byte.
};

class TestingHost {
 public:
  using Answer = std::function<TestingReply(const TestingRequest&)>;
  // Asked when only the head has come; nullopt to read the body and ask Answer.
  using AnswerToHead = std::function<std::optional<TestingReply>(const TestingRequest&)>;

  // On 127.0.0.1, or with `ipv6` on ::1. Both functions are called by several
  // threads.
  TestingHost(Answer answer, AnswerToHead answer_to_head, bool ipv6 = false);

  std::string host() const { return listener_.host(); }  // "127.0.0.1:PORT", "[::1]:PORT"

 private:
  void Talk(int socket);
  static void Send(int socket, const TestingReply& reply);

  const Answer answer_;
  const AnswerToHead answer_to_head_;
  TestingListener listener_;  // The last: its threads use the others.
};

// "HTTP/1.1 STATUS", with Content-Length; `headers` are "Name: value\r\n" each.
TestingReply Reply(std::string_view status, std::string_view headers = "",
                   std::string_view body = "");

}  // namespace deps

#endif  // DEPS_LIB_HTTP_TESTING_HOST_H_
