// One transfer over one libcurl handle.
#ifndef DEPS_LIB_HTTP_TRANSFER_H_
#define DEPS_LIB_HTTP_TRANSFER_H_

#include <curl/curl.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/http/http.h"

namespace deps::http {

// Sets up a handle for `request`, performs it, and turns what happened into a
// response or an error. The handle keeps its connection, and nothing else.
class Transfer {
 public:
  Transfer(CURL* handle, const ClientOptions& options, const Request& request);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  absl::StatusOr<Response> Perform();

 private:
  absl::Status SetUp();
  void SetUpBody();
  absl::Status SetUpHeaders();
  void SetUpTrust();
  void SetUpProxy(const Origin& origin);
  bool IsAllowed(const std::string& address);
  bool IsProxy(const std::string& address) const;
  AddressSpace Space() const;
  absl::Status ProxyRefuses(int status) const;
  absl::Status Stalled(std::string_view where) const;
  absl::Status ErrorOf(CURLcode code);

  size_t TakeHeader(std::string_view line);
  size_t TakeBody(std::string_view piece);
  size_t GiveBody(char* buffer, size_t size);
  // Of what is uploaded piece by piece; nullopt of any other body.
  std::optional<int64_t> SizeToUpload() const;
  absl::StatusOr<size_t> ReadBody(char* buffer, size_t size);
  bool IsStopped() const;
  bool IsTooSlow() const;

  static size_t OnHeader(char* data, size_t size, size_t count, void* self);
  static size_t OnBody(char* data, size_t size, size_t count, void* self);
  static size_t OnRead(char* data, size_t size, size_t count, void* self);
  static int OnProgress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t);
  static int OnSeek(void* self, curl_off_t offset, int origin);
  static curl_socket_t OnSocket(void* self, curlsocktype purpose, struct curl_sockaddr* address);
  static int OnConnection(void* self, char* address, char*, int, int);

  CURL* handle_;
  const ClientOptions& options_;
  const Request& request_;
  curl_slist* headers_ = nullptr;
  int64_t sent_ = 0;
  size_t header_bytes_ = 0;
  bool too_slow_ = false;
  std::string proxy_;  // "" where there is none for this request.
  std::optional<AddressSpace> refused_;
  Response response_;
  absl::Status failure_;  // What one of the callbacks objected to.
  char error_text_[CURL_ERROR_SIZE] = {};
};

}  // namespace deps::http

#endif  // DEPS_LIB_HTTP_TRANSFER_H_
