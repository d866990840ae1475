// A token server for tests, whose tokens a real registry believes.
//
// Source: distribution's token authentication specification; RFC 7519.
#ifndef DEPS_LIB_OCI_TESTING_TOKEN_SERVER_H_
#define DEPS_LIB_OCI_TESTING_TOKEN_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include "lib/http/testing_server.h"
#include "lib/io/file.h"

namespace deps {

// Gives tokens of five minutes for what is asked: with ada's password, or for
// her identity token. Others get 401.
class TestingTokenServer {
 public:
  TestingTokenServer();

  std::string realm() const { return server_->url() + "/token"; }
  std::string signer() const { return folder_.path() + "/signer.pem"; }
  std::vector<std::string> requests() const { return server_->requests(); }

  static constexpr char kIdentityToken[] = "ada-herself";

 private:
  std::string Answer(const std::string& request) const;
  std::string TokenFor(const std::vector<std::string>& scopes) const;

  TemporaryFolder folder_;
  std::unique_ptr<TestingServer> server_;
};

}  // namespace deps

#endif  // DEPS_LIB_OCI_TESTING_TOKEN_SERVER_H_
