// Ways to be let in: credentials, tokens, certificates and proxies, against a
// real registry.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/sha256.h"
#include "lib/http/testing_proxy.h"
#include "lib/io/file.h"
#include "lib/oci/reference.h"
#include "lib/oci/registry.h"
#include "lib/oci/testing_registry.h"
#include "lib/oci/testing_token_server.h"

namespace deps {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Auth = TestingRegistry::Auth;

class AccessTest : public testing::Test {
 protected:
  std::string Write(std::string_view name, std::string_view text, int mode = 0600) {
    const std::string path = absl::StrCat(folder_.path(), "/", name);
    EXPECT_TRUE(WriteFile(path, text, mode).ok());
    return path;
  }
  // With the credentials of a config.json.
  AccessOptions With(std::string_view config) {
    return {.registry_config = Write("config.json", config)};
  }
  // What comes of writing and reading a blob.
  absl::Status Try(const AccessOptions& options, const Reference& repository) {
    absl::StatusOr<std::unique_ptr<Registry>> registry =
        Registry::Create(options, [this](std::string_view name) -> std::optional<std::string> {
          const auto found = environment_.find(name);
          return found == environment_.end() ? std::nullopt : std::optional(found->second);
        });
    if (!registry.ok()) return registry.status();
    const std::string digest = Sha256Digest("content");
    absl::Status status = (*registry)->PutBlob(repository, digest, "content").status();
    if (status.ok()) status = (*registry)->GetBlob(repository, digest, 100).status();
    return status;
  }
  static std::string Auths(const std::string& host, std::string_view entry) {
    return absl::StrCat(R"({"auths":{")", host, R"(":)", entry, "}}");
  }

  TemporaryFolder folder_ = *TemporaryFolder::Create("access");
  std::map<std::string, std::string, std::less<>> environment_ = {
      {"PATH", absl::StrCat(folder_.path(), ":/usr/bin:/bin")}};
};

constexpr char kAda[] = R"({"auth":"YWRhOnNlY3JldA=="})";

TEST_F(AccessTest, APasswordIsTakenFromAFileOrAHelper) {
  TestingRegistry server(Auth::kPassword);
  const Reference app = server.Ref("app");
  EXPECT_TRUE(Try(With(Auths(server.host(), kAda)), app).ok());
  Write("docker-credential-mine",
        "#!/bin/sh\nread server\necho '{\"Username\":\"ada\",\"Secret\":\"secret\"}'\n", 0700);
  const absl::Status helped =
      Try(With(absl::StrCat(R"({"credHelpers":{")", server.host(), R"(":"mine"}})")), app);
  EXPECT_TRUE(helped.ok()) << helped;
  EXPECT_TRUE(Try(With(R"({"credsStore":"mine"})"), app).ok());

  const absl::Status wrong = Try(With(Auths(server.host(), R"({"auth":"YWRhOndyb25n"})")), app);
  EXPECT_TRUE(HasId(wrong, DiagnosticId::kRegistryAuth)) << wrong;
  EXPECT_THAT(DiagnosticsOf(wrong)[0].hint, HasSubstr("may be old; log in again"));
  const absl::Status none = Try(With("{}"), app);
  EXPECT_TRUE(HasId(none, DiagnosticId::kRegistryAuth)) << none;
  EXPECT_THAT(DiagnosticsOf(none)[0].hint, HasSubstr("there are no credentials for"));
}

TEST_F(AccessTest, TokensOfATokenServerOpenARegistry) {
  TestingTokenServer tokens;
  TestingRegistry server(Auth::kToken, tokens.realm(), tokens.signer());
  const Reference app = server.Ref("team/app");
  const absl::Status password = Try(With(Auths(server.host(), kAda)), app);
  EXPECT_TRUE(password.ok()) << password;
  // One to push and one to pull, each for all requests of its kind.
  ASSERT_EQ(tokens.requests().size(), 2u);
  EXPECT_THAT(tokens.requests()[0],
              HasSubstr("service=tests&scope=repository%3Ateam%2Fapp%3Apull%2Cpush"));

  const absl::Status identity =
      Try(With(Auths(server.host(), R"({"auth":"ADo=","identitytoken":"ada-herself"})")), app);
  EXPECT_TRUE(identity.ok()) << identity;
  EXPECT_THAT(tokens.requests().back(), HasSubstr("grant_type=refresh_token"));

  const absl::Status refused = Try(With("{}"), app);
  EXPECT_TRUE(HasId(refused, DiagnosticId::kRegistryAuth)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("gives no token (status 401)"));
}

TEST_F(AccessTest, ARegistryWithTlsMayNameNoTokenServerWithout) {
  TestingTokenServer tokens;
  TestingRegistry server(Auth::kTokenOverTls, tokens.realm(), tokens.signer());
  AccessOptions options = With(Auths(server.host(), kAda));
  options.ca_file = server.ca_file();
  const absl::Status status = Try(options, server.Ref("app"));
  EXPECT_TRUE(HasId(status, DiagnosticId::kRegistryAuth)) << status;
  EXPECT_THAT(status.message(), HasSubstr("names a token server without TLS"));
  EXPECT_EQ(tokens.requests().size(), 0u);
}

struct TlsRow {
  std::string name;
  Auth auth;
  bool trusts;
  bool shows_certificate;
  std::string says;  // "" where all is well.
};

TEST_F(AccessTest, CertificatesAreLookedAtOnBothSides) {
  for (const TlsRow& row : std::vector<TlsRow>{
           {"trusted", Auth::kTls, true, false, ""},
           {"signed by nobody that is known", Auth::kTls, false, false, "is not trusted: "},
           {"of the day before yesterday", Auth::kExpired, true, false, "certificate has expired"},
           {"for another host", Auth::kOtherHost, true, false, "is not trusted: "},
           {"both show one", Auth::kClientCertificate, true, true, ""},
           {"only the registry does", Auth::kClientCertificate, true, false,
            "asks for a certificate"}}) {
    TestingRegistry server(row.auth);
    AccessOptions options = With("{}");
    if (row.trusts) options.ca_file = server.ca_file();
    if (row.shows_certificate) {
      options.cert_file = server.client_cert_file();
      options.key_file = server.client_key_file();
    }
    const absl::Status status = Try(options, server.Ref("app"));
    EXPECT_EQ(status.ok(), row.says.empty()) << row.name << ": " << status;
    if (row.says.empty()) continue;
    EXPECT_TRUE(HasId(status, DiagnosticId::kRegistryUnreachable)) << row.name << ": " << status;
    EXPECT_THAT(status.message(), HasSubstr(row.says)) << row.name;
  }
}

TEST_F(AccessTest, WhatIsUnderTlsLeadsToNothingWithout) {
  const std::string text = "content";
  const auto client = [&](const TestingRegistry& server) {
    AccessOptions options = With("{}");
    options.ca_file = server.ca_file();
    return *Registry::Create(options, EmptyEnvironment);
  };
  TestingRegistry uploads(Auth::kUploadsWithoutTls);
  const absl::Status put =
      client(uploads)->PutBlob(uploads.Ref("app"), Sha256Digest(text), text).status();
  EXPECT_TRUE(HasId(put, DiagnosticId::kRegistryProtocol)) << put;
  EXPECT_THAT(put.message(), HasSubstr("over http instead of https, refused"));

  TestingRegistry blobs(Auth::kBlobsWithoutTls);
  const auto registry = client(blobs);
  ASSERT_TRUE(registry->PutBlob(blobs.Ref("app"), Sha256Digest(text), text).ok());
  const absl::Status got = registry->GetBlob(blobs.Ref("app"), Sha256Digest(text), 100).status();
  EXPECT_TRUE(HasId(got, DiagnosticId::kRegistryProtocol)) << got;
  EXPECT_THAT(got.message(), HasSubstr("redirects from https to http, refused"));
}

TEST_F(AccessTest, AProxyLeadsToRegistriesWithTls) {
  TestingRegistry server(Auth::kOtherHost);
  int port = 0;
  ASSERT_TRUE(absl::SimpleAtoi(server.host().substr(server.host().find(':') + 1), &port));
  TestingProxy proxy(port, "Basic YWRhOnNlY3JldA==");
  AccessOptions options = With("{}");
  options.ca_file = server.ca_file();
  const Reference app = *Reference::Parse("registry.test/app");
  environment_["HTTPS_PROXY"] = absl::StrCat("http://ada:secret@", proxy.host());
  const absl::Status through = Try(options, app);
  EXPECT_TRUE(through.ok()) << through;
  // One connection for all requests.
  EXPECT_THAT(proxy.requests(), ElementsAre("CONNECT registry.test:443"));

  environment_["HTTPS_PROXY"] = absl::StrCat("http://", proxy.host());
  const absl::Status refused = Try(options, app);
  EXPECT_TRUE(HasId(refused, DiagnosticId::kRegistryUnreachable)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("the proxy answers with status 407"));
  EXPECT_EQ(DiagnosticsOf(refused)[0].hint, "HTTPS_PROXY takes USER:PASSWORD@ before the host");

  environment_["NO_PROXY"] = "registry.test";
  const size_t before = proxy.requests().size();
  EXPECT_FALSE(Try(options, app).ok());
  EXPECT_EQ(proxy.requests().size(), before);
}

}  // namespace
}  // namespace deps
