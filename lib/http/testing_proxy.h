// A proxy for tests: CONNECT, to one port of this machine whatever is asked for.
#ifndef DEPS_LIB_HTTP_TESTING_PROXY_H_
#define DEPS_LIB_HTTP_TESTING_PROXY_H_

#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace deps {

class TestingProxy {
 public:
  // Lets through who shows `authorization` ("Basic …"), or everybody where that
  // is empty.
  TestingProxy(int target_port, std::string authorization);
  ~TestingProxy();
  TestingProxy(const TestingProxy&) = delete;
  TestingProxy& operator=(const TestingProxy&) = delete;

  std::string host() const;  // "127.0.0.1:PORT"
  // "CONNECT HOST:PORT" of each connection.
  std::vector<std::string> requests() const;

 private:
  void Serve();
  void Talk(int client);

  const int target_port_;
  const std::string authorization_;
  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  bool stop_ = false;
  std::vector<std::string> requests_;
  std::list<int> sockets_;
  std::list<std::thread> threads_;
  std::thread thread_;
};

}  // namespace deps

#endif  // DEPS_LIB_HTTP_TESTING_PROXY_H_
