// A server for tests that answers each request with what the test says, also
// with what no good server would send.
#ifndef DEPS_LIB_HTTP_TESTING_SERVER_H_
#define DEPS_LIB_HTTP_TESTING_SERVER_H_

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "lib/http/testing_listener.h"

namespace deps {

// One connection a request, one answer after the other, on 127.0.0.1.
class TestingServer {
 public:
  // `answer` gets the whole request (head and body) and returns the bytes to
  // send; then the connection is closed.
  explicit TestingServer(std::function<std::string(const std::string& request)> answer);

  int port() const { return listener_.port(); }
  std::string host() const { return listener_.host(); }  // "127.0.0.1:PORT"
  std::string url() const { return "http://" + host(); }
  std::vector<std::string> requests() const;

 private:
  void Talk(int socket);

  const std::function<std::string(const std::string&)> answer_;
  std::mutex turn_;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  TestingListener listener_;  // The last: its threads use the others.
};

// "HTTP/1.1 STATUS\r\nHEADERS…Content-Length: N\r\n\r\nBODY"; each of `headers` is "Name: value".
std::string Answer(const std::string& status, const std::vector<std::string>& headers = {},
                   const std::string& body = "");

}  // namespace deps

#endif  // DEPS_LIB_HTTP_TESTING_SERVER_H_
