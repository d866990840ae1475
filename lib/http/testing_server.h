// A server for tests that answers each request with what the test says, also
// with what no good server would send.
#ifndef DEPS_LIB_HTTP_TESTING_SERVER_H_
#define DEPS_LIB_HTTP_TESTING_SERVER_H_

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace deps {

// One connection a request, one request after the other, on 127.0.0.1.
class TestingServer {
 public:
  // `answer` gets the whole request (head and body) and returns the bytes to
  // send; then the connection is closed.
  explicit TestingServer(std::function<std::string(const std::string& request)> answer);
  ~TestingServer();
  TestingServer(const TestingServer&) = delete;
  TestingServer& operator=(const TestingServer&) = delete;

  int port() const { return port_; }
  std::string host() const;  // "127.0.0.1:PORT"
  std::string url() const;   // "http://127.0.0.1:PORT"
  std::vector<std::string> requests() const;

 private:
  void Serve();
  void ServeOne(int connection);

  std::function<std::string(const std::string&)> answer_;
  int listener_ = -1;
  int stop_[2] = {-1, -1};
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

// "HTTP/1.1 STATUS\r\nHEADERS…Content-Length: N\r\n\r\nBODY"; each of `headers` is "Name: value".
std::string Answer(const std::string& status, const std::vector<std::string>& headers = {},
                   const std::string& body = "");

}  // namespace deps

#endif  // DEPS_LIB_HTTP_TESTING_SERVER_H_
