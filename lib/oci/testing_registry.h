// A real registry for tests: docker-registry on a free port of 127.0.0.1, with
// its storage in a temporary folder. It ends with the object.
#ifndef DEPS_LIB_OCI_TESTING_REGISTRY_H_
#define DEPS_LIB_OCI_TESTING_REGISTRY_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/io/file.h"
#include "lib/oci/reference.h"
#include "lib/oci/registry.h"

namespace deps {

class TestingRegistry {
 public:
  enum class Auth {
    kNone,
    kPassword,
    kTls,
    kExpired,            // TLS with a certificate of the day before yesterday,
    kOtherHost,          // or for the host registry.test only.
    kClientCertificate,  // TLS that asks for a certificate.
    kToken,              // Bearer tokens of a TestingTokenServer,
    kTokenOverTls,       // over TLS.
    kUploadsWithoutTls,  // TLS, and uploads
    kBlobsWithoutTls,    // or blobs would be at a place without.
  };

  // Started and answering; aborts where docker-registry does not start. With
  // tokens `realm` is the URL of the token server, which signs as `signer`.
  explicit TestingRegistry(Auth auth = Auth::kNone, const std::string& realm = "",
                           const std::string& signer = "");
  ~TestingRegistry();
  TestingRegistry(const TestingRegistry&) = delete;
  TestingRegistry& operator=(const TestingRegistry&) = delete;

  const std::string& host() const { return host_; }  // "127.0.0.1:PORT"
  // HOST/REST as a reference.
  Reference Ref(std::string_view rest) const;
  // No longer answers. The destructor does this too.
  void Stop();
  // How many requests so far would change what the registry has.
  int Writes() const;
  // Forgets a blob or manifest, and writes other bytes in its place.
  void Remove(std::string_view digest) const;
  void Damage(std::string_view digest) const;
  // With TLS: the certificate to trust, and one of a client with its key; openssl
  // makes them.
  std::string ca_file() const { return folder_.path() + "/ca.pem"; }
  std::string client_cert_file() const { return folder_.path() + "/client.pem"; }
  std::string client_key_file() const { return folder_.path() + "/client-key.pem"; }
  // Where the storage is.
  const std::string& folder() const { return folder_.path(); }
  // The requests so far, "METHOD /PATH".
  std::vector<std::string> Requests() const;
  // A client without credentials, or with those of a config.json.
  std::unique_ptr<Registry> Client(std::string_view config_json = "") const;

  // With Auth::kPassword.
  static constexpr std::string_view kUser = "ada";
  static constexpr std::string_view kPassword = "secret";

 private:
  TemporaryFolder folder_;
  std::string host_;
  pid_t pid_ = -1;
};

// An environment without anything in it but PATH.
std::optional<std::string> EmptyEnvironment(std::string_view name);

}  // namespace deps

#endif  // DEPS_LIB_OCI_TESTING_REGISTRY_H_
