// What registries answer that docker-registry does not: token servers, pages,
// redirects, trouble, and malice.
#include "lib/oci/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/sha256.h"
#include "lib/http/testing_listener.h"
#include "lib/http/testing_server.h"
#include "lib/io/file.h"
#include "lib/oci/registry.h"

namespace deps {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::optional<std::string> Nothing(std::string_view) { return std::nullopt; }

// A client with the credential "ada:secret" for `host`, where one is given.
std::unique_ptr<Registry> Client(const std::string& host = "", AccessOptions options = {}) {
  absl::StatusOr<TemporaryFolder> folder = TemporaryFolder::Create("session");
  EXPECT_TRUE(folder.ok());
  options.registry_config = absl::StrCat(folder->path(), "/config.json");
  const std::string config =
      host.empty() ? "{}"
                   : absl::StrCat(R"({"auths":{")", host, R"(":{"auth":"YWRhOnNlY3JldA=="}}})");
  EXPECT_TRUE(WriteFile(options.registry_config, config).ok());
  auto registry = Registry::Create(options, Nothing, {.first_wait = absl::Milliseconds(1)});
  EXPECT_TRUE(registry.ok()) << registry.status();
  return *std::move(registry);
}

Reference Ref(const TestingServer& server, std::string_view rest = "app:v1") {
  return *Reference::Parse(absl::StrCat(server.host(), "/", rest));
}

std::string FirstLine(const std::string& request) {
  return request.substr(0, request.find(" HTTP/1.1\r"));
}

std::vector<std::string> FirstLines(const TestingServer& server) {
  std::vector<std::string> lines;
  for (const std::string& request : server.requests()) lines.push_back(FirstLine(request));
  return lines;
}

const std::string kConfig = Sha256Digest("{}");
const std::string kManifest =
    absl::StrCat(R"({"schemaVersion":2,"config":{"mediaType":"a","digest":")", kConfig,
                 R"(","size":2},"layers":[]})");

std::string GoodManifest() {
  return Answer("200 OK", {absl::StrCat("Content-Type: ", kOciManifest, "; charset=utf-8")},
                kManifest);
}

std::string Unauthorized(std::string_view challenge) {
  return Answer("401 Unauthorized", {absl::StrCat("WWW-Authenticate: ", challenge)});
}

// A registry whose token server is itself, which wants ada's password.
class TokenServer {
 public:
  std::string operator()(const std::string& request) {
    if (absl::StartsWith(request, "GET /token")) {
      return absl::StrContains(request, "Authorization: Basic YWRhOnNlY3JldA==\r\n")
                 ? Answer("200 OK", {}, R"({"token":"good","expires_in":300})")
                 : Answer("401 Unauthorized");
    }
    if (absl::StrContains(request, "Authorization: Bearer good\r\n")) return GoodManifest();
    return Unauthorized(absl::StrCat(R"(Bearer realm=")", realm, R"(",service="registry & co")"));
  }
  std::string realm;
};

TEST(AuthorizationTest, GetsATokenOnceForAllRequestsOfAScope) {
  TokenServer tokens;
  TestingServer server([&](const std::string& request) { return tokens(request); });
  tokens.realm = absl::StrCat(server.url(), "/token");
  const auto registry = Client(server.host());
  for (int i = 0; i < 2; ++i) {
    const absl::StatusOr<OciManifest> manifest = registry->GetManifest(Ref(server));
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    EXPECT_EQ(manifest->media_type, kOciManifest);
  }
  EXPECT_THAT(FirstLines(server),
              ElementsAre("GET /v2/app/manifests/v1",
                          "GET /token?service=registry%20%26%20co&scope=repository%3Aapp%3Apull",
                          "GET /v2/app/manifests/v1", "GET /v2/app/manifests/v1"));
}

TEST(AuthorizationTest, ManyThreadsShareOneTokenOfAScope) {
  TokenServer tokens;
  TestingServer server([&](const std::string& request) { return tokens(request); });
  tokens.realm = absl::StrCat(server.url(), "/token");
  const auto registry = Client(server.host());
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { EXPECT_TRUE(registry->GetManifest(Ref(server)).ok()); });
  }
  for (std::thread& thread : threads) thread.join();
  const std::vector<std::string> lines = FirstLines(server);
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                          [](const auto& line) { return absl::StartsWith(line, "GET /token"); }),
            1);
}

TEST(AuthorizationTest, SendsCredentialsToNoOtherTokenServer) {
  TestingServer evil([](const std::string&) { return Answer("401 Unauthorized"); });
  const std::string realm = absl::StrCat("http://localhost:", evil.port(), "/token");
  TestingServer server([&](const std::string&) {
    return Unauthorized(absl::StrCat("Bearer realm=\"", realm, "\""));
  });
  const absl::Status status = Client(server.host())->GetManifest(Ref(server)).status();
  EXPECT_TRUE(HasId(status, DiagnosticId::kRegistryAuth)) << status;
  EXPECT_THAT(status.message(), HasSubstr("gets no credentials"));
  EXPECT_EQ(DiagnosticsOf(status)[0].hint, "--trusted-realm localhost sends them");
  ASSERT_EQ(evil.requests().size(), 1);
  EXPECT_THAT(evil.requests()[0], Not(HasSubstr("Authorization")));

  const auto trusting = Client(server.host(), {.trusted_realms = {"localhost"}});
  EXPECT_FALSE(trusting->GetManifest(Ref(server)).ok());
  ASSERT_EQ(evil.requests().size(), 2);
  EXPECT_THAT(evil.requests()[1], HasSubstr("Authorization: Basic YWRhOnNlY3JldA=="));
}

struct BadChallenge {
  std::string name;
  std::string challenge;
  DiagnosticId id;
};

TEST(AuthorizationTest, RefusesChallengesThatLeadNowhereGood) {
  for (const BadChallenge& row : std::vector<BadChallenge>{
           {"nothing", "", DiagnosticId::kRegistryAuth},
           {"another scheme", "Negotiate", DiagnosticId::kRegistryAuth},
           {"no realm", "Bearer service=\"x\"", DiagnosticId::kRegistryProtocol},
           {"a file", "Bearer realm=\"file:///etc/passwd\"", DiagnosticId::kRegistryProtocol},
           {"a password in the URL", "Bearer realm=\"http://a:b@127.0.0.1/\"",
            DiagnosticId::kRegistryProtocol},
           {"metadata of a cloud machine", "Bearer realm=\"http://169.254.169.254/latest\"",
            DiagnosticId::kRegistryUnreachable},
           {"a password that is not there", "Basic realm=\"x\"", DiagnosticId::kRegistryAuth}}) {
    TestingServer server([&](const std::string&) { return Unauthorized(row.challenge); });
    const absl::Status status = Client()->GetManifest(Ref(server)).status();
    EXPECT_TRUE(HasId(status, row.id)) << row.name << ": " << status;
  }
}

TEST(AuthorizationTest, RefusesTokensThatAreNone) {
  for (const std::string body :
       {"", "<html>", "{}", R"({"token":""})", R"({"token":"a\r\nEvil: b"})", R"({"token":5})"}) {
    TokenServer tokens;
    TestingServer server([&](const std::string& request) {
      if (absl::StartsWith(request, "GET /token")) return Answer("200 OK", {}, body);
      return tokens(request);
    });
    tokens.realm = absl::StrCat(server.url(), "/token");
    const absl::Status status = Client(server.host())->GetManifest(Ref(server)).status();
    EXPECT_TRUE(HasId(status, DiagnosticId::kRegistryProtocol)) << body << ": " << status;
  }
}

TEST(AuthorizationTest, GivesUpWhereTheTokenIsRefused) {
  TokenServer tokens;
  TestingServer server([&](const std::string& request) {
    if (absl::StrContains(request, "Bearer good")) return Unauthorized("Bearer realm=\"/\"");
    return tokens(request);
  });
  tokens.realm = absl::StrCat(server.url(), "/token");
  const absl::Status status = Client(server.host())->GetManifest(Ref(server)).status();
  EXPECT_FALSE(status.ok());
  EXPECT_LE(server.requests().size(), 6);
}

TEST(RedirectTest, IsFollowedWithoutCredentials) {
  const std::string digest = Sha256Digest("content");
  TestingServer storage([](const std::string&) { return Answer("200 OK", {}, "content"); });
  TestingServer server([&](const std::string& request) {
    if (!absl::StrContains(request, "Authorization:")) return Unauthorized("Basic realm=\"x\"");
    return Answer("307 Temporary Redirect",
                  {absl::StrCat("Location: ", storage.url(), "/blob?signature=x")});
  });
  const absl::StatusOr<std::string> blob = Client(server.host())->GetBlob(Ref(server), digest, 100);
  ASSERT_TRUE(blob.ok()) << blob.status();
  EXPECT_EQ(*blob, "content");
  ASSERT_EQ(storage.requests().size(), 1);
  EXPECT_THAT(storage.requests()[0], Not(HasSubstr("Authorization")));
}

TEST(RedirectTest, EndsAfterFive) {
  TestingServer server(
      [](const std::string&) { return Answer("302 Found", {"Location: /again"}); });
  const absl::Status status = Client()->GetManifest(Ref(server)).status();
  EXPECT_TRUE(HasId(status, DiagnosticId::kRegistryProtocol)) << status;
  EXPECT_EQ(server.requests().size(), 6);
}

struct Trouble {
  std::string name;
  std::string answer;
  size_t requests;
  DiagnosticId id;
  std::string says;
};

TEST(ErrorTest, IsToldAsWhatItIs) {
  const auto with_digest = [](std::string_view digest) {
    return Answer("200 OK",
                  {absl::StrCat("Content-Type: ", kOciManifest),
                   absl::StrCat("Docker-Content-Digest: ", digest)},
                  kManifest);
  };
  for (const Trouble& row : std::vector<Trouble>{
           {"not found", Answer("404 Not Found"), 1, DiagnosticId::kRegistryNotFound,
            "/app:v1 is not in the registry"},
           {"denied",
            Answer("403 Forbidden", {}, R"({"errors":[{"code":"DENIED","message":"no"}]})"), 1,
            DiagnosticId::kRegistryAuth, "DENIED: no"},
           {"overloaded", Answer("429 Too Many Requests", {"Retry-After: 0"}), 4,
            DiagnosticId::kRegistryProtocol, "status 429"},
           {"broken", Answer("503 Service Unavailable"), 4, DiagnosticId::kRegistryProtocol,
            "status 503"},
           {"cut off", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab", 4,
            DiagnosticId::kRegistryUnreachable, "broke off"},
           {"a teapot", Answer("418 Teapot"), 1, DiagnosticId::kRegistryProtocol, "status 418"},
           {"its own words, bounded and printable",
            Answer("400 Bad", {}, R"({"errors":[{"code":"X","message":"a\u001b[2Jb"}]})"), 1,
            DiagnosticId::kRegistryProtocol, "X: a\\x1b[2Jb"},
           {"words that are no JSON",
            Answer("400 Bad Request", {"Content-Type: text/plain"}, "speak TLS here\nmore"), 1,
            DiagnosticId::kRegistryProtocol, "status 400: speak TLS here"},
           {"a login page", Answer("200 OK", {"Content-Type: text/html"}, "<html>"), 1,
            DiagnosticId::kRegistryProtocol, "'text/html'"},
           {"another digest than it says", with_digest(Sha256Digest("other")), 1,
            DiagnosticId::kDigestMismatch, "said to be"},
           {"too large",
            Answer("200 OK", {absl::StrCat("Content-Type: ", kOciManifest)},
                   std::string(kMaxManifestBytes + 1, ' ')),
            1, DiagnosticId::kInputTooLarge, "over 8 MiB"}}) {
    TestingServer server([&](const std::string&) { return row.answer; });
    const absl::Status status = Client()->GetManifest(Ref(server)).status();
    EXPECT_TRUE(HasId(status, row.id)) << row.name << ": " << status;
    EXPECT_THAT(status.message(), HasSubstr(row.says)) << row.name;
    EXPECT_EQ(server.requests().size(), row.requests) << row.name;
  }
}

TEST(ErrorTest, IsForgottenWhenTheNextAnswerIsGood) {
  int requests = 0;
  TestingServer server([&](const std::string&) {
    if (++requests == 1) return Answer("502 Bad Gateway");
    if (requests == 2) return Answer("200 OK", {}, "con");  // Too short for its digest.
    return Answer("200 OK", {}, "content");
  });
  const auto registry = Client();
  EXPECT_TRUE(HasId(registry->GetBlob(Ref(server), Sha256Digest("content"), 9).status(),
                    DiagnosticId::kDigestMismatch));
  const auto blob = registry->GetBlob(Ref(server), Sha256Digest("content"), 9);
  ASSERT_TRUE(blob.ok()) << blob.status();
  EXPECT_EQ(*blob, "content");
}

// Whoever listens at a port of its own, and can go and come back.
TEST(ErrorTest, ARegistryThatIsStartedAnewIsWaitedFor) {
  const auto serve = [](int port) {
    return std::make_unique<TestingListener>(
        [](int socket) {
          char request[4096];
          if (read(socket, request, sizeof(request)) <= 0) return;
          const std::string answer = Answer("200 OK", {"Connection: close"}, "{}");
          EXPECT_EQ(write(socket, answer.data(), answer.size()),
                    static_cast<ssize_t>(answer.size()));
        },
        TestingListener::Options{.port = port});
  };
  std::unique_ptr<TestingListener> listener = serve(0);
  const int port = listener->port();
  const Reference repository = *Reference::Parse(absl::StrCat("127.0.0.1:", port, "/app"));
  // Nobody waits for one that has never answered.
  listener.reset();
  AccessOptions options;
  options.retries = 50;
  const auto client = Client("", options);
  EXPECT_TRUE(
      HasId(client->HasBlob(repository, kConfig).status(), DiagnosticId::kRegistryUnreachable));
  listener = serve(port);
  ASSERT_TRUE(*client->HasBlob(repository, kConfig));
  listener.reset();
  std::thread again([&] {
    absl::SleepFor(absl::Milliseconds(50));
    listener = serve(port);
  });
  const absl::StatusOr<bool> found = client->HasBlob(repository, kConfig);
  again.join();
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_TRUE(*found);
}

TEST(WaitBeforeTest, HonoursRetryAfterWithinItsBound) {
  const RetryPolicy policy = {.first_wait = absl::Seconds(1), .longest_wait = absl::Seconds(10)};
  EXPECT_EQ(WaitBefore(1, policy, ""), absl::Seconds(1));
  EXPECT_EQ(WaitBefore(2, policy, ""), absl::Seconds(4));
  EXPECT_EQ(WaitBefore(9, policy, ""), absl::Seconds(10));
  EXPECT_EQ(WaitBefore(1, policy, "7"), absl::Seconds(7));
  EXPECT_EQ(WaitBefore(1, policy, "1000000000"), absl::Seconds(10));
  EXPECT_EQ(WaitBefore(1, policy, "-5"), absl::Seconds(1));
  EXPECT_EQ(WaitBefore(1, policy, "Fri, 31 Dec 2199 23:59:59 GMT"), absl::Seconds(10));
  EXPECT_EQ(WaitBefore(1, policy, "Fri, 31 Dec 1999 23:59:59 GMT"), absl::Seconds(1));
  EXPECT_EQ(WaitBefore(1, policy, "soon"), absl::Seconds(1));
}

TEST(ListTagsTest, FollowsPagesOfTheSameRegistry) {
  TestingServer server([](const std::string& request) {
    if (absl::StrContains(request, "last=b")) {
      return Answer("200 OK", {}, R"({"name":"app","tags":["c"]})");
    }
    return Answer("200 OK", {"Link: </v2/app/tags/list?n=2&last=b>; rel=\"next\""},
                  R"({"name":"app","tags":["a","b"]})");
  });
  const auto tags = Client()->ListTags(Ref(server));
  ASSERT_TRUE(tags.ok()) << tags.status();
  EXPECT_THAT(*tags, ElementsAre("a", "b", "c"));
  EXPECT_THAT(FirstLines(server),
              ElementsAre("GET /v2/app/tags/list?n=1000", "GET /v2/app/tags/list?n=2&last=b"));
}

TEST(ListTagsTest, RefusesListsThatAreNoneOrDoNotEnd) {
  const std::string tags = R"({"tags":["a"]})";
  for (const auto& [name, answer] : std::vector<std::pair<std::string, std::string>>{
           {"another host", Answer("200 OK", {"Link: <http://127.0.0.2/x>; rel=\"next\""}, tags)},
           {"the same page",
            Answer("200 OK", {"Link: </v2/app/tags/list?n=1000>; rel=\"next\""}, tags)},
           {"empty pages", Answer("200 OK", {"Link: </v2/next>; rel=\"next\""}, R"({"tags":[]})")},
           {"no JSON", Answer("200 OK", {}, "a, b")},
           {"no array", Answer("200 OK", {}, R"({"tags":"a"})")},
           {"no tag", Answer("200 OK", {}, R"({"tags":["../x"]})")}}) {
    TestingServer server([&, answer = answer](const std::string&) { return answer; });
    const absl::Status status = Client()->ListTags(Ref(server)).status();
    EXPECT_TRUE(HasId(status, DiagnosticId::kRegistryProtocol)) << name << ": " << status;
  }
}

TEST(ListTagsTest, TakesNullForNoTags) {
  TestingServer server([](const std::string&) { return Answer("200 OK", {}, R"({"tags":null})"); });
  const auto tags = Client()->ListTags(Ref(server));
  ASSERT_TRUE(tags.ok()) << tags.status();
  EXPECT_THAT(*tags, ElementsAre());
}

TEST(HeadManifestTest, AsksForTheBytesWhereTheAnswerTellsNoDigest) {
  TestingServer server([](const std::string& request) {
    if (absl::StartsWith(request, "HEAD")) return std::string("HTTP/1.1 200 OK\r\n\r\n");
    return GoodManifest();
  });
  const auto head = Client()->HeadManifest(Ref(server));
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(*head, (Descriptor{.media_type = std::string(kOciManifest),
                               .digest = Sha256Digest(kManifest),
                               .size = static_cast<int64_t>(kManifest.size())}));
}

TEST(PutBlobTest, SendsToAnotherHostWithoutCredentials) {
  TestingServer storage([](const std::string&) { return Answer("201 Created"); });
  TestingServer server([&](const std::string& request) {
    if (!absl::StrContains(request, "Authorization:")) return Unauthorized("Basic realm=\"x\"");
    return Answer("202 Accepted", {absl::StrCat("Location: ", storage.url(), "/up?state=1")});
  });
  const auto action = Client(server.host())->PutBlob(Ref(server), Sha256Digest("x"), "x");
  ASSERT_TRUE(action.ok()) << action.status();
  EXPECT_EQ(*action, BlobAction::kUploaded);
  ASSERT_EQ(storage.requests().size(), 1);
  EXPECT_THAT(storage.requests()[0], Not(HasSubstr("Authorization")));
  EXPECT_THAT(storage.requests()[0], testing::StartsWith("PUT /up?state=1&digest=sha256%3A"));
}

TEST(PutBlobTest, AsksWhetherABlobArrivedBeforeSendingItAgain) {
  TestingServer server([](const std::string& request) {
    if (absl::StartsWith(request, "POST")) return Answer("202 Accepted", {"Location: /up"});
    if (absl::StartsWith(request, "PUT")) return Answer("500 Internal Server Error");
    return Answer("200 OK");
  });
  const auto action = Client()->PutBlob(Ref(server), Sha256Digest("x"), "x");
  ASSERT_TRUE(action.ok()) << action.status();
  EXPECT_EQ(*action, BlobAction::kUploaded);
  ASSERT_EQ(server.requests().size(), 3);
}

TEST(PutBlobTest, GoesTheOldWayWhereARegistryDoesNotMount) {
  TestingServer server([](const std::string& request) {
    if (absl::StrContains(FirstLine(request), "mount=")) return Answer("400 Bad Request");
    if (absl::StartsWith(request, "POST")) return Answer("202 Accepted", {"Location: up?a=b"});
    if (absl::StartsWith(request, "PUT")) return Answer("201 Created");
    return Answer("404 Not Found");
  });
  const auto action = Client()->PutBlob(Ref(server), Sha256Digest("x"), "x");
  ASSERT_TRUE(action.ok()) << action.status();
  const std::string digest = absl::StrCat("sha256%3A", Sha256Hex("x"));
  EXPECT_THAT(FirstLines(server),
              ElementsAre(absl::StrCat("POST /v2/app/blobs/uploads/?mount=", digest, "&from=app"),
                          absl::StrCat("HEAD /v2/app/blobs/", Sha256Digest("x")),
                          "POST /v2/app/blobs/uploads/",
                          absl::StrCat("PUT /v2/app/blobs/uploads/up?a=b&digest=", digest)));
}

TEST(PutBlobTest, NeedsALocation) {
  TestingServer server([](const std::string&) { return Answer("202 Accepted"); });
  EXPECT_TRUE(HasId(Client()->PutBlob(Ref(server), Sha256Digest("x"), "x").status(),
                    DiagnosticId::kRegistryProtocol));
}

struct Where {
  std::string reference;
  std::string url;
};

TEST(EndpointOfTest, KnowsWhichRegistriesSpeakHttp) {
  AccessOptions options = {.insecure_registries = {"plain.example", "mixed.example:5000"}};
  auto credentials = Credentials::Load("", Nothing);
  ASSERT_TRUE(credentials.ok());
  Registry::Session session(options, {}, *std::move(credentials), {});
  for (const Where& row : std::vector<Where>{{"mysql", "https://registry-1.docker.io"},
                                             {"ghcr.io/a/b", "https://ghcr.io"},
                                             {"example.com:5000/a", "https://example.com:5000"},
                                             {"localhost:5000/a", "http://localhost:5000"},
                                             {"localhost/a", "http://localhost"},
                                             {"127.8.8.8:1/a", "http://127.8.8.8:1"},
                                             {"plain.example:80/a", "http://plain.example:80"},
                                             {"mixed.example:5000/a", "http://mixed.example:5000"},
                                             {"mixed.example/a", "https://mixed.example"}}) {
    const absl::StatusOr<Reference> reference = Reference::Parse(row.reference);
    ASSERT_TRUE(reference.ok()) << reference.status();
    EXPECT_EQ(session.EndpointOf(*reference).url, row.url) << row.reference;
  }
}

}  // namespace
}  // namespace deps
