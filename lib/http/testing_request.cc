#include "lib/http/testing_request.h"

#include <sys/socket.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace deps {
namespace {

std::optional<std::string> ReadChunks(TestingInput& input) {
  std::string body;
  while (true) {
    const std::optional<std::string> line = input.Until("\r\n");
    uint64_t size = 0;
    if (!line || !absl::SimpleHexAtoi(absl::StripAsciiWhitespace(*line), &size)) {
      return std::nullopt;
    }
    const std::optional<std::string> chunk = input.Count(size + 2);
    if (!chunk) return std::nullopt;
    if (size == 0) return body;
    body.append(*chunk, 0, size);
  }
}

}  // namespace

std::string TestingRequest::Header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? "" : found->second;
}

TestingInput::TestingInput(std::function<ssize_t(char*, size_t)> read) : read_(std::move(read)) {}

TestingInput::TestingInput(int socket)
    : TestingInput([socket](char* buffer, size_t size) { return recv(socket, buffer, size, 0); }) {}

std::optional<std::string> TestingInput::Until(std::string_view end) {
  size_t at = 0;
  while ((at = bytes_.find(end)) == std::string::npos) {
    if (!More()) return std::nullopt;
  }
  return Take(at + end.size());
}

std::optional<std::string> TestingInput::Count(size_t count) {
  while (bytes_.size() < count) {
    if (!More()) return std::nullopt;
  }
  return Take(count);
}

bool TestingInput::More() {
  char buffer[64 << 10];
  const ssize_t got = read_(buffer, sizeof(buffer));
  if (got <= 0) return false;
  bytes_.append(buffer, static_cast<size_t>(got));
  return true;
}

std::string TestingInput::Take(size_t count) {
  std::string taken = bytes_.substr(0, count);
  bytes_.erase(0, count);
  return taken;
}

std::optional<TestingRequest> ReadTestingHead(TestingInput& input) {
  const std::optional<std::string> head = input.Until("\r\n\r\n");
  if (!head) return std::nullopt;
  const std::vector<std::string> lines = absl::StrSplit(*head, "\r\n");
  const std::vector<std::string> words = absl::StrSplit(lines[0], ' ');
  if (words.size() != 3) return std::nullopt;
  TestingRequest request = {.method = words[0], .target = words[1], .head = *head};
  for (size_t i = 1; i < lines.size(); ++i) {
    const size_t colon = lines[i].find(':');
    if (colon == std::string::npos) continue;
    request.headers[absl::AsciiStrToLower(lines[i].substr(0, colon))] =
        absl::StripAsciiWhitespace(lines[i].substr(colon + 1));
  }
  return request;
}

std::optional<std::string> ReadTestingBody(TestingInput& input, const TestingRequest& request) {
  if (request.Header("transfer-encoding") == "chunked") return ReadChunks(input);
  uint64_t size = 0;
  if (!absl::SimpleAtoi(request.Header("content-length"), &size)) return "";
  return input.Count(size);
}

}  // namespace deps
