// What users are told where no connection to a registry is made as it should be.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "lib/http/testing_proxy.h"
#include "lib/oci/strict_registry.h"
#include "lib/oci/testing_registry.h"
#include "tools/oci-relocate/oci_relocate_for_tests.h"

namespace deps {
namespace {

class BadConnectionsTest : public PublishingTest {};

struct TlsRow {
  std::string name;
  TestingRegistry::Auth auth;
  std::vector<std::string> args;
  std::string outcome;
};

TEST_F(BadConnectionsTest, CertificatesEndWellOrWithAMessage) {
  using Auth = TestingRegistry::Auth;
  const std::vector<TlsRow> rows = {
      {"one that is trusted", Auth::kTls, {"--ca-file", "CA"}, "0"},
      {"one that nobody has signed",
       Auth::kTls,
       {},
       "4 error: https://REGISTRY is not trusted: SSL certificate problem: unable to get local "
       "issuer certificate [registry-unreachable]; hint: --ca-file FILE trusts more certificates"},
      {"an old one",
       Auth::kExpired,
       {"--ca-file", "CA"},
       "4 error: https://REGISTRY is not trusted: SSL certificate problem: certificate has expired "
       "[registry-unreachable]; hint: the registry needs a new one, unless the clock here is "
       "wrong"},
      {"one for another host",
       Auth::kOtherHost,
       {"--ca-file", "CA"},
       "4 error: https://REGISTRY is not trusted: SSL: no alternative certificate subject name "
       "matches target host name '127.0.0.1' [registry-unreachable]; hint: reach it by a name that "
       "its certificate has"},
      {"one of ours is wanted",
       Auth::kClientCertificate,
       {"--ca-file", "CA"},
       "4 error: https://REGISTRY asks for a certificate [registry-unreachable]; hint: --cert-file "
       "FILE and --key-file FILE show one"},
      {"and is shown",
       Auth::kClientCertificate,
       {"--ca-file", "CA", "--cert-file", "CERT", "--key-file", "KEY"},
       "0"},
      {"a key that is none",
       Auth::kClientCertificate,
       {"--ca-file", "CA", "--cert-file", "CERT", "--key-file", "CA"},
       "4 CERTIFICATES/client.pem: error: the certificate or key is not usable: unable to set "
       "private key file: 'CERTIFICATES/ca.pem' type PEM [file-read]"},
      {"a password is wanted",
       Auth::kPassword,
       {},
       "4 error: REGISTRY asks for a user name and a password [registry-auth]; hint: there are no "
       "credentials for REGISTRY; log in with docker or podman, or use --registry-config"},
  };
  for (const TlsRow& row : rows) {
    TestingRegistry registry(row.auth);
    std::vector<std::string> args = {"publish", archive_, "--registry", registry.host()};
    for (const std::string& arg : row.args) {
      args.push_back(absl::StrReplaceAll(arg, {{"CA", registry.ca_file()},
                                               {"CERT", registry.client_cert_file()},
                                               {"KEY", registry.client_key_file()}}));
    }
    std::string outcome = Outcome(args, registry.host());
    outcome = absl::StrReplaceAll(outcome, {{registry.folder(), "CERTIFICATES"}});
    EXPECT_EQ(outcome, row.outcome) << row.name;
  }
}

TEST_F(BadConnectionsTest, AProxyThatRefusesIsNamed) {
  TestingProxy proxy(1, "Basic YWRhOnNlY3JldA==");
  proxy_ = absl::StrCat("http://", proxy.host());
  EXPECT_EQ(Outcome({"publish", archive_, "--registry", "registry.test"}, "registry.test"),
            "4 error: the proxy answers with status 407 instead of leading to "
            "https://REGISTRY/v2/db/manifests/v1.0.0 [registry-unreachable]; hint: HTTPS_PROXY "
            "takes USER:PASSWORD@ before the host")
      << "a proxy that wants a password";
}

TEST_F(BadConnectionsTest, AddressesOfIpv6AreHosts) {
  StrictRegistry registry({.ipv6 = true});
  EXPECT_EQ(Publish(registry), "0");
  EXPECT_TRUE(registry.HasManifest("app", "v2.0.0"));
}

}  // namespace
}  // namespace deps
