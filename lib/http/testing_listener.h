// What all servers for tests have in common: a port, and a thread for each connection.
#ifndef DEPS_LIB_HTTP_TESTING_LISTENER_H_
#define DEPS_LIB_HTTP_TESTING_LISTENER_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>

namespace deps {

class TestingListener {
 public:
  struct Options {
    int port = 0;  // 0 takes a free one.
    bool ipv6 = false;
  };

  // Listens on 127.0.0.1, or ::1; aborts where that fails. `talk` is called by a
  // thread for each connection, which is closed where it returns.
  explicit TestingListener(std::function<void(int socket)> talk, Options options = {0, false});
  // Shuts all connections down and waits for all threads.
  ~TestingListener();
  TestingListener(const TestingListener&) = delete;
  TestingListener& operator=(const TestingListener&) = delete;

  int port() const { return port_; }
  std::string host() const;  // "127.0.0.1:PORT", "[::1]:PORT"

 private:
  void Accept();
  void End(int socket);

  const std::function<void(int)> talk_;
  const bool ipv6_;
  int listener_ = -1;
  int port_ = 0;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool stop_ = false;
  std::set<int> sockets_;
  std::thread thread_;
};

}  // namespace deps

#endif  // DEPS_LIB_HTTP_TESTING_LISTENER_H_
