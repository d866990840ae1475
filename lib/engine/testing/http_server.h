// A server of HTTP/1.1 for tests, with TLS where it is given a certificate: a
// thread and a request for each connection, answers that are streams, and faults
// where a test asks for them.
#ifndef DEPS_LIB_ENGINE_TESTING_HTTP_SERVER_H_
#define DEPS_LIB_ENGINE_TESTING_HTTP_SERVER_H_

#include <openssl/base.h>

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/http/testing_listener.h"
#include "lib/http/testing_request.h"

namespace deps {

struct ServerRequest : TestingRequest {
  std::string path;                          // Percent-decoded.
  std::map<std::string, std::string> query;  // Percent-decoded.

  std::string Query(const std::string& name) const;
};

// What becomes of requests that match, instead of an answer.
struct Fault {
  enum class Kind {
    kStatus,      // `status` with a body that is no JSON, as a proxy sends it.
    kDrop,        // The connection is closed before the request is acted on.
    kLoseAnswer,  // … after it.
    kHalf,        // Half of the answer, then the connection is closed.
    kHang,        // No answer until the client gives up.
  };
  Kind kind = Kind::kStatus;
  std::string method;  // "" for any.
  std::string path;    // Is in the path and query as they were sent.
  int status = 500;
  int retry_after = 0;  // Seconds; 0: no such header.
  int skip = 0;         // So many that match pass first.
  int times = 1;
};

// One answer. For the thread of its connection.
class Reply {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;
  virtual ~Reply() = default;
  virtual void Send(int status, std::string_view content_type, std::string_view body,
                    const Headers& headers = {}) = 0;
  // A stream; it ends where the handler returns.
  virtual void Begin(std::string_view content_type) = 0;
  // False where the client or the server is gone.
  virtual bool Write(std::string_view chunk) = 0;
  virtual bool IsOpen() = 0;
};

class HttpServer {
 public:
  using Handler = std::function<void(const ServerRequest&, Reply&)>;

  // Listens on 127.0.0.1; port 0 takes a free one. With TLS where `folder` has
  // cert.pem and key.pem, and "" for none. Aborts where that fails.
  HttpServer(int port, const std::string& tls_folder, Handler handler);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Closes all connections.
  ~HttpServer();

  int port() const { return listener_.port(); }
  void Inject(Fault fault);
  // Ends all streams in the middle.
  void DropStreams();
  // "METHOD TARGET" of each request, in the order in which they came.
  std::vector<std::string> requests() const;

 private:
  friend class ServerReply;
  void Serve(int socket);
  bool TakeFault(const ServerRequest& request, Fault* fault);

  const Handler handler_;
  bssl::UniquePtr<SSL_CTX> tls_;
  std::atomic<int> streams_dropped_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::vector<Fault> faults_;
  TestingListener listener_;  // The last: its threads use the others.
};

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_TESTING_HTTP_SERVER_H_
