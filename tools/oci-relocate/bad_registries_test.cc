// What users are told where a registry, or what stands before it, misbehaves.
#include <signal.h>

#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "lib/digest/sha256.h"
#include "lib/http/testing_host.h"
#include "lib/oci/strict_registry.h"
#include "tools/oci-relocate/oci_relocate_for_tests.h"

namespace deps {
namespace {

constexpr int kAlways = 1'000'000;
constexpr char kChunked[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.oci.image.index.v1+json\r\n"
    "Transfer-Encoding: chunked\r\n\r\n";
const std::string kChunk = absl::StrCat("4000\r\n", std::string(0x4000, ' '), "\r\n");

// One that answers to everything in the same way.
Fault Always(TestingReply reply) { return {.reply = std::move(reply)}; }

// One that answers so to requests for `part`.
Fault To(std::string method, std::string part, TestingReply reply, int count = kAlways) {
  return {.method = std::move(method),
          .part = std::move(part),
          .count = count,
          .reply = std::move(reply)};
}

Fault Changed(std::string method, std::string part,
              std::function<TestingReply(TestingReply)> change, int count = kAlways) {
  return {.method = std::move(method),
          .part = std::move(part),
          .count = count,
          .change = std::move(change)};
}

// Another status, and the rest as it was.
std::function<TestingReply(TestingReply)> Status(std::string status) {
  return [status = std::move(status)](TestingReply good) {
    good.bytes.replace(0, good.bytes.find("\r\n"), absl::StrCat("HTTP/1.1 ", status));
    return good;
  };
}

std::function<TestingReply(TestingReply)> Replaced(std::string what, std::string by) {
  return [what = std::move(what), by = std::move(by)](TestingReply good) {
    good.bytes = absl::StrReplaceAll(good.bytes, {{what, by}});
    return good;
  };
}

// The digest of something else.
std::function<TestingReply(TestingReply)> TellsDigest() {
  return [](TestingReply good) {
    constexpr std::string_view kHeader = "Docker-Content-Digest: ";
    const size_t at = good.bytes.find(kHeader) + kHeader.size();
    good.bytes.replace(at, 71, Sha256Digest("something else"));
    return good;
  };
}

TestingReply Unauthorized(std::string_view challenge) {
  return Reply("401 Unauthorized", absl::StrCat("WWW-Authenticate: ", challenge, "\r\n"));
}

TestingReply Closing(TestingReply reply) {
  reply.close = true;
  return reply;
}

struct Row {
  std::string name;
  std::vector<Fault> faults;  // REGISTRY in a reply is the host.
  std::string outcome;        // "0", or exit status, message and hint.
};

class BadRegistriesTest : public PublishingTest {
 protected:
  static void Misbehave(const Row& row, StrictRegistry& registry) {
    for (Fault fault : row.faults) {
      fault.reply.bytes = absl::StrReplaceAll(fault.reply.bytes, {{"REGISTRY", registry.host()}});
      registry.Misbehave(std::move(fault));
    }
  }
};

TEST_F(BadRegistriesTest, PublishingEndsWell) {
  const std::vector<Row> rows = {
      {"403 to a mount, where nobody may read the other repository",
       {To("POST", "mount=", Reply("403 Forbidden"))},
       "0"},
      {"405 to HEAD", {To("HEAD", "", Reply("405 Method Not Allowed"))}, "0"},
      {"501 to HEAD", {To("HEAD", "", Reply("501 Not Implemented"))}, "0"},
      {"429 once, with seconds",
       {To("", "", Reply("429 Too Many Requests", "Retry-After: 0\r\n"), 1)},
       "0"},
      {"429 once, with a date that is gone",
       {To("", "", Reply("429 Too Many Requests", "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n"),
           1)},
       "0"},
      {"429 once, with seconds below zero",
       {To("", "", Reply("429 Too Many Requests", "Retry-After: -7\r\n"), 1)},
       "0"},
      {"500 once to a commit that was done",
       {Changed("PUT", "/blobs/", Status("500 Internal Server Error"), 1)},
       "0"},
      {"502 once", {To("PUT", "/manifests/", Reply("502 Bad Gateway"), 1)}, "0"},
      {"503 once", {To("POST", "", Reply("503 Service Unavailable"), 1)}, "0"},
      {"504 once", {To("PUT", "/blobs/", Reply("504 Gateway Timeout"), 1)}, "0"},
      {"200 instead of 201", {Changed("PUT", "", Status("200 OK"))}, "0"},
      {"204 instead of 201", {Changed("PUT", "", Status("204 No Content"))}, "0"},
      {"a relative Location",
       {Changed("POST", "", Replaced("Location: /v2/db/blobs/uploads/", "Location: "), 1)},
       "0"},
      {"a whole Location with a query",
       {Changed("POST", "", Replaced("\r\nRange:", "?_state=a%3Db&x\r\nRange:"), 1)},
       "0"},
      {"a connection that breaks off once",
       {To("PUT", "/blobs/", {.bytes = "", .close = true}, 1)},
       "0"},
      {"413 before the body has come: it goes in parts",
       {{.method = "PUT",
         .part = "/blobs/",
         .count = 1,
         .reply = Closing(Reply("413 Payload Too Large")),
         .to_head = true}},
       "0"},
      {"answers of 1xx before the real one",
       {Changed("PUT", "",
                [](TestingReply good) {
                  good.bytes = absl::StrCat(
                      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n",
                      good.bytes);
                  return good;
                })},
       "0"},
      {"HTTP/1.0",
       {Changed("", "",
                [](TestingReply good) {
                  good.bytes.replace(0, 8, "HTTP/1.0");
                  return Closing(std::move(good));
                })},
       "0"},
      {"tags in pages of one, referrers too", {}, "0"},
  };
  for (const Row& row : rows) {
    StrictRegistry registry({.page = 1});
    Misbehave(row, registry);
    EXPECT_EQ(Publish(registry), row.outcome) << row.name;
    EXPECT_TRUE(registry.HasManifest("app", "v2.0.0")) << row.name;
    EXPECT_EQ(registry.open_uploads(), 0u) << row.name;
  }
}

TEST_F(BadRegistriesTest, PublishingEndsWithAMessage) {
  const std::vector<Row> rows = {
      {"401 without a challenge",
       {Always(Reply("401 Unauthorized"))},
       "4 error: REGISTRY refuses access (status 401) and does not say how to get it "
       "[registry-auth]; hint: there are no credentials for REGISTRY; log in with docker or "
       "podman, or use --registry-config"},
      {"401 with a challenge of another kind",
       {Always(Unauthorized("Negotiate"))},
       "4 error: REGISTRY asks for a kind of authorization that is not supported: only Basic and "
       "Bearer are [registry-auth]; hint: there are no credentials for REGISTRY; log in with "
       "docker or podman, or use --registry-config"},
      {"several challenges in several headers",
       {Always(Reply("401 Unauthorized",
                     "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: Basic realm=\"x\", Bearer "
                     "realm=\"http://REGISTRY/token\",service=\"s\"\r\n"))},
       "4 error: REGISTRY gives no token (status 401) [registry-auth]; hint: there are no "
       "credentials for REGISTRY; log in with docker or podman, or use --registry-config"},
      {"Basic, and there are no credentials",
       {Always(Unauthorized("Basic realm=\"x\""))},
       "4 error: REGISTRY asks for a user name and a password [registry-auth]; hint: there are no "
       "credentials for REGISTRY; log in with docker or podman, or use --registry-config"},
      {"a token server among the metadata of a cloud machine",
       {Always(Unauthorized("Bearer realm=\"http://169.254.169.254/token\""))},
       "4 error: http://169.254.169.254:80 is a link-local address, which no registry farther away "
       "may lead to [registry-unreachable]"},
      {"a token server that is a file",
       {Always(Unauthorized("Bearer realm=\"file:///etc/passwd\""))},
       "4 error: 'file:///etc/passwd' is not a URL to follow: it is neither http nor https "
       "[registry-protocol]"},
      {"a token server with credentials in its URL",
       {Always(Unauthorized("Bearer realm=\"http://a:b@REGISTRY/token\""))},
       "4 error: 'http://a:b@REGISTRY/token' is not a URL to follow: Credentials was passed in the "
       "URL when prohibited [registry-protocol]"},
      {"a token server that leads elsewhere",
       {To("GET", "/token", Reply("302 Found", "Location: http://169.254.169.254/\r\n")),
        Always(Unauthorized("Bearer realm=\"http://REGISTRY/token\""))},
       "4 error: REGISTRY gives no token (status 302) [registry-auth]; hint: there are no "
       "credentials for REGISTRY; log in with docker or podman, or use --registry-config"},
      {"a token server without a token",
       {To("GET", "/token", Reply("200 OK", "", "{}")),
        Always(Unauthorized("Bearer realm=\"http://REGISTRY/token\""))},
       "4 error: the token server REGISTRY answers without a token [registry-protocol]"},
      {"a token that does not help",
       {To("GET", "/token", Reply("200 OK", "", R"({"token":"x"})")),
        Always(Unauthorized("Bearer realm=\"http://REGISTRY/token\""))},
       "4 error: REGISTRY refuses the credentials [registry-auth]; hint: there are no credentials "
       "for REGISTRY; log in with docker or podman, or use --registry-config"},
      {"403, and why",
       {To("POST", "",
           Reply("403 Forbidden", "",
                 R"({"errors":[{"code":"DENIED","message":"pushing is for members"}]})"))},
       "4 error: REGISTRY refuses access to "
       "REGISTRY/db@sha256:689c8a4655dfc4946913bdd130b8a641c8d70b1596898e7b03b30f5eacaf6610 "
       "(status 403): DENIED: pushing is for members [registry-auth]; hint: there are no "
       "credentials for REGISTRY; log in with docker or podman, or use --registry-config"},
      {"404 to a push, and why",
       {To("POST", "",
           Reply("404 Not Found", "",
                 R"({"errors":[{"code":"NOT_FOUND","message":"project team is not there"}]})"))},
       "4 error: REGISTRY answers to POST of "
       "REGISTRY/db@sha256:689c8a4655dfc4946913bdd130b8a641c8d70b1596898e7b03b30f5eacaf6610 with "
       "status 404: NOT_FOUND: project team is not there [registry-protocol]; hint: the registry "
       "may have no such project or namespace yet"},
      {"429 again and again",
       {Always(Reply("429 Too Many Requests", "Retry-After: 0\r\n"))},
       "4 error: REGISTRY answers to HEAD of REGISTRY/db:v1.0.0 with status 429 "
       "[registry-protocol]; hint: try again later; --retries N asks more often"},
      {"500",
       {To("PUT", "/manifests/", Reply("500 Internal Server Error"))},
       "4 error: REGISTRY answers to PUT of "
       "REGISTRY/db@sha256:41005689213f8fdf03a301eb0f09654762404338afd43fbbfdb16c4024bb32f7 with "
       "status 500 [registry-protocol]; hint: try again later; --retries N asks more often"},
      {"503 with a page",
       {Always(
           Reply("503 Service Unavailable", "Content-Type: text/html\r\n", "<html>down</html>"))},
       "4 error: REGISTRY answers to HEAD of REGISTRY/db:v1.0.0 with status 503 "
       "[registry-protocol]; hint: try again later; --retries N asks more often"},
      {"200 to a request for an upload, and nothing more",
       {To("POST", "", Reply("200 OK"))},
       "4 error: the registry names no location for "
       "REGISTRY/db@sha256:689c8a4655dfc4946913bdd130b8a641c8d70b1596898e7b03b30f5eacaf6610 "
       "[registry-protocol]"},
      {"an upload at another scheme",
       {To("POST", "", Reply("202 Accepted", "Location: ftp://REGISTRY/up\r\n"))},
       "4 error: 'ftp://REGISTRY/up' is not a URL to follow: Unsupported URL scheme "
       "[registry-protocol]"},
      {"an upload among the metadata of a cloud machine",
       {To("POST", "", Reply("202 Accepted", "Location: http://169.254.169.254/up\r\n"))},
       "4 error: http://169.254.169.254:80 is a link-local address, which no registry farther away "
       "may lead to [registry-unreachable]"},
      {"connections that break off",
       {To("PUT", "", {.bytes = "", .close = true})},
       "4 error: http://REGISTRY broke off: Empty reply from server [registry-unreachable]; hint: "
       "try again later; --retries N asks more often"},
      {"403 before the body has come",
       {{.method = "PUT",
         .part = "/blobs/",
         .reply = Closing(Reply("403 Forbidden")),
         .to_head = true}},
       "4 error: REGISTRY refuses access to "
       "REGISTRY/db@sha256:689c8a4655dfc4946913bdd130b8a641c8d70b1596898e7b03b30f5eacaf6610 "
       "(status 403) [registry-auth]; hint: there are no credentials for REGISTRY; log in with "
       "docker or podman, or use --registry-config"},
      {"an error without end",
       {To("PUT", "/manifests/",
           {.bytes = "HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n",
            .endless = kChunk})},
       "4 error: "
       "http://REGISTRY/v2/db/manifests/"
       "sha256:41005689213f8fdf03a301eb0f09654762404338afd43fbbfdb16c4024bb32f7: the answer is "
       "over 8388608 bytes [registry-protocol]"},
      {"another digest than was sent",
       {Changed("PUT", "/manifests/", TellsDigest())},
       "4 error: the registry has taken "
       "REGISTRY/db@sha256:41005689213f8fdf03a301eb0f09654762404338afd43fbbfdb16c4024bb32f7 for "
       "sha256:f41f3fa625ff120ddca7ef456bf66371ecea23c129f4e4c32367101edb516cf8 "
       "[registry-protocol]"},
      {"a login page with status 200",
       {Always(Reply("200 OK", "Content-Type: text/html\r\n", "<html>log in</html>"))},
       "4 error: REGISTRY/db:v1.0.0 is of type 'text/html', which is no manifest that can be read "
       "[registry-protocol]; hint: this may be the page of a proxy or of a login before it"},
      {"redirects in a circle",
       {To("HEAD", "", Reply("302 Found", "Location: /v2/again\r\n"))},
       "4 error: REGISTRY redirects too often [registry-protocol]"},
      {"a byte now and then",
       {Always({.bytes = "HTTP/1.1 200 OK\r\nX: " + std::string(1000, 'x'),
                .each = absl::Milliseconds(100)})},
       "4 error: http://REGISTRY stalls: for 1 s it has taken and sent nothing, or hardly anything "
       "[registry-unreachable]; hint: --stall-timeout SECONDS waits longer"},
      {"an answer that never ends its head",
       {Always({.bytes = "HTTP/1.1 200 OK\r\nX: y"})},
       "4 error: http://REGISTRY stalls: for 1 s it has taken and sent nothing, or hardly anything "
       "[registry-unreachable]; hint: --stall-timeout SECONDS waits longer"},
      {"not HTTP",
       {Always({.bytes = "SSH-2.0-OpenSSH_9.2\r\n", .close = true})},
       "4 error: http://REGISTRY does not speak HTTP: Received HTTP/0.9 when not allowed "
       "[registry-protocol]"},
      {"a tag that is another one afterwards",
       {To("HEAD", "/manifests/v2.0.0", Reply("404 Not Found"))},
       "4 error: REGISTRY/app:v2.0.0 was written as "
       "sha256:114d7c388aa4416e73b6592cb4029c2cf61c4439f8758da53fdaff6a3191ac8d, but the registry "
       "has nothing [registry-protocol]"},
  };
  for (const Row& row : rows) {
    StrictRegistry registry;
    Misbehave(row, registry);
    EXPECT_EQ(Publish(registry), row.outcome) << row.name;
    if (row.name == "a tag that is another one afterwards") continue;
    EXPECT_FALSE(registry.HasManifest("app", "v2.0.0")) << row.name;
  }
}

// A token is good for as long as the server says from when it came, whatever
// time the server thinks it is.
TEST_F(BadRegistriesTest, ClocksMayDiffer) {
  StrictRegistry registry({.token = "good"});
  registry.Misbehave(
      To("GET", "/token",
         Reply("200 OK", "",
               R"({"token":"good","expires_in":300,"issued_at":"1999-12-31T23:59:59Z"})")));
  EXPECT_EQ(Publish(registry), "0");
  int tokens = 0;
  for (const std::string& request : registry.requests()) {
    if (absl::StartsWith(request, "GET /token")) ++tokens;
  }
  // To pull and to push, for each of two repositories, and to mount from one in the other.
  EXPECT_EQ(tokens, 5);
}

TEST_F(BadRegistriesTest, ATokenThatRanOutIsRenewed) {
  StrictRegistry registry({.token = "good"});
  registry.Misbehave(To("GET", "/token", Reply("200 OK", "", R"({"token":"good"})"), 3));
  registry.Misbehave(To("GET", "/token", Reply("200 OK", "", R"({"token":"good-still"})")));
  registry.Misbehave(
      {.method = "PUT",
       .part = "/manifests/",
       .first = 2,
       .count = 1,
       .reply = Unauthorized(absl::StrCat("Bearer realm=\"http://", registry.host(), "/token\""))});
  EXPECT_EQ(Publish(registry), "0");
  EXPECT_TRUE(registry.HasManifest("app", "v2.0.0"));
}

// However long the registry wants to be left alone.
TEST_F(BadRegistriesTest, ASignalEndsItAtOnce) {
  StrictRegistry registry;
  registry.Misbehave(Always(Reply("429 Too Many Requests", "Retry-After: 30\r\n")));
  std::thread signal([&] {
    while (registry.requests().empty()) absl::SleepFor(absl::Milliseconds(1));
    absl::SleepFor(absl::Milliseconds(100));
    raise(SIGTERM);
  });
  const absl::Time begin = absl::Now();
  EXPECT_EQ(Publish(registry), "143 note: a signal ended it; run it again to go on [interrupted]");
  EXPECT_LT(absl::Now() - begin, absl::Seconds(5));
  signal.join();
}

TEST_F(BadRegistriesTest, ReadingEndsWithAMessage) {
  const std::vector<Row> rows = {
      {"chunks instead of a length",
       {Changed("GET", "",
                [](TestingReply good) {
                  const size_t end = good.bytes.find("\r\n\r\n") + 4;
                  const std::string body = good.bytes.substr(end);
                  const size_t length = good.bytes.find("Content-Length");
                  const size_t next = good.bytes.find("\r\n", length);
                  std::string head = good.bytes.substr(0, end);
                  head.replace(length, next - length, "Transfer-Encoding: chunked");
                  good.bytes = absl::StrCat(head, "1\r\n", body.substr(0, 1), "\r\n",
                                            absl::Hex(body.size() - 1), "\r\n", body.substr(1),
                                            "\r\n0\r\n\r\n");
                  return good;
                })},
       "0"},
      {"another digest than the content has",
       {Changed("GET", "/manifests/", TellsDigest())},
       "3 error: REGISTRY/db:v1.0.0, said to be "
       "sha256:f41f3fa625ff120ddca7ef456bf66371ecea23c129f4e4c32367101edb516cf8, has content of "
       "digest sha256:12bfa4078712488181d6f14f30d5e5bdbaf7ece249c28f523c1fed6209a8ffbb "
       "[digest-mismatch]"},
      {"other content",
       {Changed("GET", "/blobs/", Replaced("layer of db", "layer of DB"))},
       "3 error: "
       "REGISTRY/db@sha256:689c8a4655dfc4946913bdd130b8a641c8d70b1596898e7b03b30f5eacaf6610 has "
       "content of digest sha256:b924f452dd87007440825b82cdfe38c8d0b18039efa56addcabc5f17d7f35498 "
       "[digest-mismatch]"},
      {"content that is said to be compressed",
       {Changed("GET", "/manifests/", Replaced("\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n"))},
       "0"},
      {"a blob without end",
       {To("GET", "/blobs/", {.bytes = kChunked, .endless = kChunk})},
       "3 error: "
       "REGISTRY/db@sha256:2faf116fae44d3a29c51d9f33d7ba8476fd08d3be43dc46d9da66c656644a577 is "
       "over 33554432 bytes [input-too-large]"},
      {"a manifest without end",
       {To("GET", "/manifests/", {.bytes = kChunked, .endless = kChunk})},
       "3 error: the manifest of REGISTRY/db:v1.0.0 is over 8 MiB [input-too-large]"},
      {"a blob that ends too early",
       {Changed("GET", "/blobs/",
                [](TestingReply good) {
                  good.bytes.pop_back();
                  return Closing(std::move(good));
                })},
       "4 error: http://REGISTRY broke off: transfer closed with 1 bytes remaining to read "
       "[registry-unreachable]; hint: try again later; --retries N asks more often"},
      {"blobs that are elsewhere, nearer than the registry",
       {To("GET", "/blobs/", Reply("307 Temporary Redirect", "Location: http://169.254.1.1/\r\n"))},
       "4 error: http://169.254.1.1:80 is a link-local address, which no registry farther away may "
       "lead to [registry-unreachable]"},
      {"a manifest of version 1",
       {To("GET", "/manifests/",
           Reply("200 OK", "Content-Type: application/vnd.docker.distribution.manifest.v1+json\r\n",
                 R"({"schemaVersion":1})"))},
       "4 error: REGISTRY/db:v1.0.0 is of type "
       "'application/vnd.docker.distribution.manifest.v1+json', which is no manifest that can be "
       "read [registry-protocol]"},
  };
  for (const Row& row : rows) {
    StrictRegistry registry;
    ASSERT_EQ(Publish(registry), "0");
    Misbehave(row, registry);
    EXPECT_EQ(Outcome({"pack", registry.host() + "/db:v1.0.0", "--referrers", "none", "-o",
                       absl::StrCat(folder_.path(), "/b.tgz")},
                      registry.host()),
              row.outcome)
        << row.name;
  }
}

// Registries need not list what is attached; where one can, it is wanted.
TEST_F(BadRegistriesTest, WhatIsAttachedIsLeftOutOnlyWhereTheRegistryHasAnswered) {
  const std::vector<Row> rows = {
      {"403", {To("GET", "/referrers/", Reply("403 Forbidden"))}, "0"},
      {"tags that nobody may list", {To("GET", "/tags/", Reply("401 Unauthorized"))}, "0"},
      {"500, for ever", {To("GET", "/referrers/", Reply("500 Internal Server Error"))}, "0"},
      {"503, for longer than anybody asks",
       {To("GET", "/referrers/", Reply("503 Service Unavailable"))},
       absl::StrCat("4 error: REGISTRY answers to GET of REGISTRY/db@",
                    maker_.family.members[0].source_digest,
                    " with status 503 [registry-protocol]; hint: try again later; --retries N asks "
                    "more often")},
      {"tags with 429, for longer than anybody asks",
       {To("GET", "/tags/", Reply("429 Too Many Requests"))},
       "4 error: REGISTRY answers to GET of REGISTRY/db with status 429 [registry-protocol]; "
       "hint: try again later; --retries N asks more often"},
      {"connections that break off",
       {To("GET", "/referrers/", {.bytes = "", .close = true})},
       "4 error: http://REGISTRY broke off: Empty reply from server [registry-unreachable]; hint: "
       "try again later; --retries N asks more often"},
      {"tags that break off",
       {To("GET", "/tags/", {.bytes = "", .close = true})},
       "4 error: http://REGISTRY broke off: Empty reply from server [registry-unreachable]; hint: "
       "try again later; --retries N asks more often"},
  };
  for (const Row& row : rows) {
    StrictRegistry registry;
    ASSERT_EQ(Publish(registry), "0");
    Misbehave(row, registry);
    EXPECT_EQ(Outcome({"pack", registry.host() + "/db:v1.0.0", "-o",
                       absl::StrCat(folder_.path(), "/c.tgz")},
                      registry.host()),
              row.outcome)
        << row.name;
  }
}

}  // namespace
}  // namespace deps
