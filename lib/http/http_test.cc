#include "lib/http/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/diag/diagnostic.h"
#include "lib/http/testing_server.h"

namespace deps::http {
namespace {

using ::testing::HasSubstr;

std::string FirstLine(const std::string& request) { return request.substr(0, request.find('\r')); }

TEST(ClientTest, SendsWhatIsAskedAndReturnsWhatComes) {
  TestingServer server([](const std::string&) {
    return Answer("201 Created", {"Location: /x", "X-Two: a", "x-two: b"}, "made");
  });
  Client client;
  const absl::StatusOr<Response> response =
      client.Send({.method = "PUT",
                   .url = absl::StrCat(server.url(), "/v2/?a=b"),
                   .headers = {{"Content-Type", "text/plain"}, {"X-Mine", "yes"}},
                   .body = std::string_view("hello")});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->body, "made");
  EXPECT_EQ(response->Header("location"), "/x");
  EXPECT_EQ(response->headers.count("x-two"), 2);
  ASSERT_EQ(server.requests().size(), 1);
  const std::string request = server.requests()[0];
  EXPECT_EQ(FirstLine(request), "PUT /v2/?a=b HTTP/1.1");
  EXPECT_THAT(request, HasSubstr("X-Mine: yes\r\n"));
  EXPECT_THAT(request, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_THAT(request, testing::Not(HasSubstr("Expect:")));
  EXPECT_THAT(request, testing::EndsWith("\r\n\r\nhello"));
}

TEST(ClientTest, SendsPartOfAFile) {
  const std::string path = absl::StrCat(testing::TempDir(), "/slice");
  std::ofstream(path) << "0123456789";
  TestingServer server([](const std::string&) { return Answer("200 OK"); });
  Client client;
  const absl::StatusOr<Response> response =
      client.Send({.method = "PUT", .url = server.url(), .body = SliceOfFile(path, 3, 4)});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_THAT(server.requests()[0], testing::EndsWith("\r\n\r\n3456"));
}

TEST(ClientTest, TellsOfAFileThatIsShorterThanItsSlice) {
  const std::string path = absl::StrCat(testing::TempDir(), "/short");
  std::ofstream(path) << "012";
  TestingServer server([](const std::string&) { return Answer("200 OK"); });
  Client client;
  const absl::StatusOr<Response> response =
      client.Send({.method = "PUT", .url = server.url(), .body = SliceOfFile(path, 0, 9)});
  EXPECT_TRUE(HasId(response.status(), DiagnosticId::kFileRead)) << response.status();
}

TEST(ClientTest, GivesTheSinkOnlyBodiesOfSuccess) {
  for (const auto& [status, in_sink, in_body] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
           {"200 OK", "content", ""}, {"404 Not Found", "", "content"}}) {
    TestingServer server(
        [&, status = status](const std::string&) { return Answer(status, {}, "content"); });
    Client client;
    std::string taken;
    const absl::StatusOr<Response> response =
        client.Send({.url = server.url(), .sink = [&](std::string_view piece) {
                       taken.append(piece);
                       return absl::OkStatus();
                     }});
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(taken, in_sink) << status;
    EXPECT_EQ(response->body, in_body) << status;
  }
}

TEST(ClientTest, StopsWhenTheSinkObjects) {
  TestingServer server([](const std::string&) { return Answer("200 OK", {}, "content"); });
  Client client;
  const absl::StatusOr<Response> response = client.Send(
      {.url = server.url(), .sink = [](std::string_view) { return absl::DataLossError("full"); }});
  EXPECT_EQ(response.status(), absl::DataLossError("full"));
}

TEST(ClientTest, FollowsNoRedirect) {
  TestingServer server(
      [](const std::string&) { return Answer("307 Temporary Redirect", {"Location: /next"}); });
  Client client;
  const absl::StatusOr<Response> response = client.Send({.url = server.url()});
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->status, 307);
  EXPECT_EQ(server.requests().size(), 1);
}

struct BadAnswer {
  std::string name;
  std::string answer;
  DiagnosticId id;
  bool transient;
};

TEST(ClientTest, RefusesBadAnswers) {
  const std::vector<BadAnswer> rows = {
      {"not HTTP", "hello\r\n\r\n", DiagnosticId::kRegistryProtocol, false},
      {"closed at once", "", DiagnosticId::kRegistryUnreachable, true},
      {"body cut short", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nab",
       DiagnosticId::kRegistryUnreachable, true},
      {"body over its limit", Answer("200 OK", {}, std::string(2000, 'x')),
       DiagnosticId::kRegistryProtocol, false},
      {"headers over their limit",
       absl::StrCat(
           "HTTP/1.1 200 OK\r\n",
           [] {
             std::string lines;
             for (int i = 0; i < 400; ++i)
               absl::StrAppend(&lines, "X: ", std::string(1000, 'x'), "\r\n");
             return lines;
           }(),
           "\r\n"),
       DiagnosticId::kRegistryProtocol, false},
  };
  for (const BadAnswer& row : rows) {
    TestingServer server([&](const std::string&) { return row.answer; });
    Client client;
    const absl::StatusOr<Response> response =
        client.Send({.url = server.url(), .max_body_bytes = 1000});
    EXPECT_TRUE(HasId(response.status(), row.id)) << row.name << ": " << response.status();
    EXPECT_EQ(IsTransient(response.status()), row.transient) << row.name;
  }
}

TEST(ClientTest, TellsThatNobodyListens) {
  int port = 0;
  {
    port = TestingServer([](const std::string&) { return ""; }).port();
  }
  Client client;
  const absl::StatusOr<Response> response =
      client.Send({.url = absl::StrCat("http://127.0.0.1:", port)});
  EXPECT_TRUE(HasId(response.status(), DiagnosticId::kRegistryUnreachable));
  EXPECT_FALSE(IsTransient(response.status()));
  EXPECT_THAT(response.status().message(), HasSubstr(absl::StrCat("127.0.0.1:", port)));
}

TEST(ClientTest, RefusesNearerAddressesThanAsked) {
  for (const auto& [url, nearest, says] :
       std::vector<std::tuple<std::string, AddressSpace, std::string>>{
           {"http://169.254.169.254/latest", AddressSpace::kLoopback, "a link-local address"},
           {"http://[::ffff:169.254.169.254]/latest", AddressSpace::kPrivate, "a link-local"},
           {"http://127.0.0.1:1/", AddressSpace::kPrivate, "a loopback address"},
           {"http://localhost:1/", AddressSpace::kPrivate, "a loopback address"},
           {"http://0.0.0.0:1/", AddressSpace::kPrivate, "a loopback address"},
           {"https://192.168.1.1/", AddressSpace::kPublic, "a private address"}}) {
    Client client({.connect_timeout_seconds = 1});
    const absl::StatusOr<Response> response = client.Send({.url = url, .nearest = nearest});
    EXPECT_TRUE(HasId(response.status(), DiagnosticId::kRegistryUnreachable)) << url;
    EXPECT_THAT(response.status().message(), HasSubstr(says)) << url;
  }
}

TEST(ClientTest, RefusesNearerAddressesOnOpenConnectionsToo) {
  TestingServer server([](const std::string&) { return Answer("200 OK"); });
  Client client;
  ASSERT_TRUE(client.Send({.url = server.url()}).ok());
  const absl::StatusOr<Response> response =
      client.Send({.url = server.url(), .nearest = AddressSpace::kPrivate});
  EXPECT_THAT(response.status().message(), HasSubstr("a loopback address"));
  EXPECT_EQ(server.requests().size(), 1);
}

TEST(ClientTest, LooksAtNoProxyButAtWhatItIsAskedFor) {
  TestingServer proxy([](const std::string&) { return Answer("200 OK", {}, "proxy"); });
  Client client({.http_proxy = absl::StrCat("http://user:word@", proxy.host())});
  const absl::StatusOr<Response> through =
      client.Send({.url = "http://registry.example/", .nearest = AddressSpace::kPublic});
  ASSERT_TRUE(through.ok()) << through.status();
  EXPECT_EQ(through->space, AddressSpace::kPublic);
  const absl::StatusOr<Response> refused =
      client.Send({.url = "http://10.1.2.3/", .nearest = AddressSpace::kPublic});
  EXPECT_THAT(refused.status().message(), HasSubstr("a private address"));
  EXPECT_EQ(proxy.requests().size(), 1);
}

TEST(SpaceOfTest, KnowsHowNearAnAddressIs) {
  for (const auto& [address, space] : std::vector<std::pair<std::string, AddressSpace>>{
           {"8.8.8.8", AddressSpace::kPublic},
           {"2001:db8::1", AddressSpace::kPublic},
           {"registry.example", AddressSpace::kPublic},
           {"172.15.0.1", AddressSpace::kPublic},
           {"172.16.0.1", AddressSpace::kPrivate},
           {"10.255.255.255", AddressSpace::kPrivate},
           {"192.168.0.1", AddressSpace::kPrivate},
           {"100.64.0.1", AddressSpace::kPrivate},
           {"fd00:ec2::254", AddressSpace::kPrivate},
           {"::ffff:10.0.0.1", AddressSpace::kPrivate},
           {"::10.0.0.1", AddressSpace::kPrivate},
           {"127.255.0.1", AddressSpace::kLoopback},
           {"0.0.0.0", AddressSpace::kLoopback},
           {"::", AddressSpace::kLoopback},
           {"::1", AddressSpace::kLoopback},
           {"::ffff:127.0.0.1", AddressSpace::kLoopback},
           {"169.254.169.254", AddressSpace::kLinkLocal},
           {"fe80::1", AddressSpace::kLinkLocal}}) {
    EXPECT_EQ(NameOf(SpaceOf(address)), NameOf(space)) << address;
  }
}

TEST(ClientTest, SendsNoHeaderWithALineBreak) {
  Client client;
  const absl::StatusOr<Response> response =
      client.Send({.url = "http://127.0.0.1:1", .headers = {{"X", "a\r\nEvil: b"}}});
  EXPECT_TRUE(HasId(response.status(), DiagnosticId::kRegistryProtocol)) << response.status();
}

TEST(ClientTest, AsksLoopbackWithoutAProxy) {
  TestingServer proxy([](const std::string&) { return Answer("200 OK", {}, "proxy"); });
  TestingServer server([](const std::string&) { return Answer("200 OK", {}, "server"); });
  Client client({.http_proxy = proxy.url()});
  const absl::StatusOr<Response> direct = client.Send({.url = server.url()});
  ASSERT_TRUE(direct.ok()) << direct.status();
  EXPECT_EQ(direct->body, "server");
  const absl::StatusOr<Response> through = client.Send({.url = "http://registry.example/v2/"});
  ASSERT_TRUE(through.ok()) << through.status();
  EXPECT_EQ(through->body, "proxy");
}

TEST(ProxiesFromTest, PrefersLowerCaseAndFallsBackToAll) {
  const ClientOptions options =
      ProxiesFrom([](std::string_view name) -> std::optional<std::string> {
        if (name == "https_proxy") return "http://low";
        if (name == "HTTPS_PROXY") return "http://high";
        if (name == "ALL_PROXY") return "http://all";
        if (name == "NO_PROXY") return "a,b";
        return std::nullopt;
      });
  EXPECT_EQ(options.https_proxy, "http://low");
  EXPECT_EQ(options.http_proxy, "http://all");
  EXPECT_EQ(options.no_proxy, "a,b");
}

TEST(OriginOfTest, NormalizesHostAndPort) {
  for (const auto& [url, origin] : std::vector<std::pair<std::string, Origin>>{
           {"https://EXAMPLE.com/v2/", {"https", "example.com", 443}},
           {"http://example.com:80", {"http", "example.com", 80}},
           {"http://[::1]:5000/x", {"http", "[::1]", 5000}}}) {
    const absl::StatusOr<Origin> got = OriginOf(url);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(*got, origin) << url;
  }
}

TEST(OriginOfTest, RefusesWhatIsNoPlainWebUrl) {
  for (const std::string url :
       {"ftp://example.com/", "file:///etc/passwd", "http://user:pw@example.com/", "", "http://",
        "http://a b/", "http://example.com:99999/", "gopher://x"}) {
    EXPECT_TRUE(HasId(OriginOf(url).status(), DiagnosticId::kRegistryProtocol)) << url;
  }
}

TEST(ResolveUrlTest, ResolvesEveryFormOfLocation) {
  const std::string base = "https://r.example:5000/v2/a/blobs/uploads/?x=1";
  for (const auto& [location, url] : std::vector<std::pair<std::string, std::string>>{
           {"/v2/b?_state=c", "https://r.example:5000/v2/b?_state=c"},
           {"https://other.example/u", "https://other.example/u"},
           {"//other.example/u", "https://other.example/u"},
           {"?n=2", "https://r.example:5000/v2/a/blobs/uploads/?n=2"},
           {"c/d", "https://r.example:5000/v2/a/blobs/uploads/c/d"}}) {
    const absl::StatusOr<std::string> got = ResolveUrl(base, location);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(*got, url);
  }
}

TEST(IsLoopbackTest, KnowsNamesFromAddresses) {
  for (const char* host : {"localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "[::1]", "::1"}) {
    EXPECT_TRUE(IsLoopback(host)) << host;
  }
  for (const char* host : {"127.evil.example", "localhost.example", "128.0.0.1", ""}) {
    EXPECT_FALSE(IsLoopback(host)) << host;
  }
}

}  // namespace
}  // namespace deps::http
