// Requests as servers for tests read them from a connection.
#ifndef DEPS_LIB_HTTP_TESTING_REQUEST_H_
#define DEPS_LIB_HTTP_TESTING_REQUEST_H_

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace deps {

struct TestingRequest {
  std::string method;
  std::string target;                          // "/v2/?a=b"
  std::map<std::string, std::string> headers;  // Names in lower case.
  std::string body;
  std::string head;  // What the above was read from, with the empty line behind it.

  std::string Header(const std::string& lower_case_name) const;
};

// What comes on a connection.
class TestingInput {
 public:
  // `read` is as recv(2) without its first and last argument.
  explicit TestingInput(std::function<ssize_t(char*, size_t)> read);
  // Of a socket.
  explicit TestingInput(int socket);

  // Up to and with `end`; nullopt where the connection ends before it.
  std::optional<std::string> Until(std::string_view end);
  std::optional<std::string> Count(size_t count);

 private:
  bool More();
  std::string Take(size_t count);

  const std::function<ssize_t(char*, size_t)> read_;
  std::string bytes_;
};

// A request without its body. nullopt where none comes, or no HTTP.
std::optional<TestingRequest> ReadTestingHead(TestingInput& input);
// With a Content-Length, in chunks, or none.
std::optional<std::string> ReadTestingBody(TestingInput& input, const TestingRequest& request);

}  // namespace deps

#endif  // DEPS_LIB_HTTP_TESTING_REQUEST_H_
