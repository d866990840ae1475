// A proxy for tests: CONNECT, to one port of this machine whatever is asked for.
#ifndef DEPS_LIB_HTTP_TESTING_PROXY_H_
#define DEPS_LIB_HTTP_TESTING_PROXY_H_

#include <mutex>
#include <string>
#include <vector>

#include "lib/http/testing_listener.h"

namespace deps {

class TestingProxy {
 public:
  // Lets through who shows `authorization` ("Basic …"), or everybody where that
  // is empty.
  TestingProxy(int target_port, std::string authorization);

  std::string host() const { return listener_.host(); }  // "127.0.0.1:PORT"
  // "CONNECT HOST:PORT" of each connection.
  std::vector<std::string> requests() const;

 private:
  void Talk(int client);

  const int target_port_;
  const std::string authorization_;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  TestingListener listener_;  // The last: its threads use the others.
};

}  // namespace deps

#endif  // DEPS_LIB_HTTP_TESTING_PROXY_H_
