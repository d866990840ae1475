// Uploads to registries that misbehave, and how many requests they take.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/digest_hasher.h"
#include "lib/digest/sha256.h"
#include "lib/http/testing_host.h"
#include "lib/http/testing_server.h"
#include "lib/io/file.h"
#include "lib/oci/blob_pipe.h"
#include "lib/oci/gate.h"
#include "lib/oci/registry.h"
#include "lib/oci/strict_registry.h"
#include "lib/oci/testing_registry.h"

namespace deps {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::unique_ptr<Registry> Client(AccessOptions options = {}) {
  auto registry =
      Registry::Create(options, EmptyEnvironment, {.first_wait = absl::Milliseconds(1)});
  EXPECT_TRUE(registry.ok()) << registry.status();
  return *std::move(registry);
}

Reference Ref(const std::string& host, std::string_view rest) {
  return *Reference::Parse(absl::StrCat(host, "/", rest));
}

// A registry of one upload that takes parts, and loses some of them.
class Uploads {
 public:
  size_t most = SIZE_MAX;      // Larger bodies are answered with 413.
  std::string least = "X: y";  // A header: of which size parts must be.
  std::vector<size_t> losses;  // Of the n-th PATCH only so much arrives, then 503.
  std::string content;
  bool committed = false;
  std::vector<std::string> seen;  // "METHOD" or "PATCH RANGE".

  std::string operator()(const std::string& request) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const std::string method = request.substr(0, request.find(' '));
    const std::string body = request.substr(request.find("\r\n\r\n") + 4);
    seen.push_back(method == "PATCH" ? absl::StrCat("PATCH ", Field(request, "Content-Range: "))
                                     : method);
    if (method == "HEAD") return Answer("404 Not Found");
    if (method == "POST") return Answer("202 Accepted", {"Location: /up", least});
    if (body.size() > most) return Answer("413 Payload Too Large");
    if (method == "DELETE") return Answer("204 No Content");
    if (method == "PATCH") {
      const size_t n = patches_++;
      if (n < losses.size()) {
        content += body.substr(0, losses[n]);
        return Answer("503 Service Unavailable");
      }
      content += body;
    } else if (method == "PUT") {
      content += body;
      committed = true;
      return Answer("201 Created");
    }
    const std::string end = absl::StrCat(content.empty() ? 0 : content.size() - 1);
    return Answer(method == "GET" ? "204 No Content" : "202 Accepted",
                  {"Location: /up?more", absl::StrCat("Range: 0-", end)});
  }

 private:
  static std::string Field(const std::string& request, const std::string& name) {
    const size_t at = request.find(name);
    if (at == std::string::npos) return "";
    const size_t begin = at + name.size();
    return request.substr(begin, request.find('\r', begin) - begin);
  }
  std::mutex mutex_;
  size_t patches_ = 0;
};

std::string Text(size_t size) {
  std::string text(size, 'x');
  for (size_t i = 0; i < size; i += 1000) text[i] = static_cast<char>('a' + i / 1000 % 26);
  return text;
}

TEST(UploadTest, GoesInPartsWhereTheWholeIsTooLarge) {
  Uploads uploads;
  uploads.most = size_t{17} << 20;
  TestingServer server([&](const std::string& request) { return uploads(request); });
  const std::string text = Text(size_t{40} << 20);
  const auto action = Client()->PutBlob(Ref(server.host(), "app"), Sha256Digest(text), text);
  ASSERT_TRUE(action.ok()) << action.status();
  EXPECT_TRUE(uploads.committed);
  EXPECT_TRUE(uploads.content == text);
  EXPECT_THAT(uploads.seen,
              ElementsAre("POST", "HEAD", "PUT", "DELETE", "POST", "HEAD", "PATCH 0-16777215",
                          "PATCH 16777216-33554431", "PATCH 33554432-41943039", "PUT"));
}

TEST(UploadTest, GoesOnBehindWhatTheRegistryHasAcknowledged) {
  Uploads uploads;
  uploads.most = size_t{17} << 20;
  uploads.losses = {1000, 0, 5'000'000};
  TestingServer server([&](const std::string& request) { return uploads(request); });
  const std::string text = Text(size_t{20} << 20);
  const auto action = Client()->PutBlob(Ref(server.host(), "app"), Sha256Digest(text), text);
  ASSERT_TRUE(action.ok()) << action.status();
  EXPECT_TRUE(uploads.content == text);
  EXPECT_THAT(uploads.seen,
              ElementsAre("POST", "HEAD", "PUT", "DELETE", "POST", "HEAD", "PATCH 0-16777215",
                          "GET", "PATCH 1000-16778215", "GET", "PATCH 1000-16778215", "GET",
                          "PATCH 5001000-20971519", "PUT"));
}

TEST(UploadTest, GoesInPartsAsLargeAsTheRegistryWantsThemWithinALimit) {
  Uploads uploads;
  uploads.most = size_t{34} << 20;
  uploads.least = "OCI-Chunk-Min-Length: 33554432";
  TestingServer server([&](const std::string& request) { return uploads(request); });
  const std::string text = Text(size_t{40} << 20);
  const auto put = [&] {
    uploads.content.clear();
    uploads.seen.clear();
    return Client()->PutBlob(Ref(server.host(), "app"), Sha256Digest(text), text).status();
  };
  const absl::Status status = put();
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(uploads.content == text);
  EXPECT_THAT(uploads.seen, ElementsAre("POST", "HEAD", "PUT", "DELETE", "POST", "HEAD",
                                        "PATCH 0-33554431", "PATCH 33554432-41943039", "PUT"));
  for (const std::string nonsense : {"9223372036854775807", "-5", "many"}) {
    uploads.least = absl::StrCat("OCI-Chunk-Min-Length: ", nonsense);
    // The whole in one part is what a limit of 1 GiB comes to here.
    EXPECT_EQ(put().ok(), nonsense[0] != '9') << nonsense;
  }
}

TEST(UploadTest, EndsAtTheRegistryWhereASignalCame) {
  std::atomic<int> stop = 0;
  std::vector<std::string> methods;
  TestingServer server([&](const std::string& request) {
    methods.push_back(request.substr(0, request.find(' ')));
    if (methods.back() == "PUT") stop = 2;
    return methods.back() == "PUT" ? std::string() : Answer("202 Accepted", {"Location: /up"});
  });
  const auto action =
      Client({.stop = &stop})->PutBlob(Ref(server.host(), "app"), Sha256Digest("x"), "x");
  EXPECT_TRUE(HasId(action.status(), DiagnosticId::kInterrupted)) << action.status();
  EXPECT_EQ(methods.back(), "DELETE");
}

// A copy whose source breaks off, or has other content than it says.
class FailingReader : public BlobReader {
 public:
  explicit FailingReader(DiagnosticId id) : id_(id) {}
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    if (read_ > 10'000'000) return MakeError({.id = id_, .message = "it ends here"});
    std::fill_n(buffer, size, 'x');
    read_ += size;
    return size;
  }

 private:
  const DiagnosticId id_;
  size_t read_ = 0;
};

TEST(UploadTest, EndsAtTheRegistryWhereNoMoreCanBeRead) {
  for (const DiagnosticId id :
       {DiagnosticId::kArchiveInvalid, DiagnosticId::kFileRead, DiagnosticId::kDigestMismatch,
        DiagnosticId::kRegistryNotFound, DiagnosticId::kRegistryUnreachable}) {
    for (const bool in_parts : {false, true}) {
      StrictRegistry server;
      if (in_parts) {
        TestingReply reply = Reply("413 Payload Too Large");
        reply.close = true;
        server.Misbehave({.method = "PUT", .count = 1, .reply = reply, .to_head = true});
      }
      const absl::Status status =
          Client()
              ->PutBlobFromReader(Ref(server.host(), "app"), Sha256Digest("x"), int64_t{20} << 20,
                                  [&] { return std::make_unique<FailingReader>(id); }, std::nullopt,
                                  {})
              .status();
      EXPECT_TRUE(HasId(status, id)) << status;
      EXPECT_EQ(server.open_uploads(), 0u) << status << in_parts;
    }
  }
}

TEST(UploadTest, TakesOneRequestForABlobThatExistsAndTwoForANewOne) {
  TestingRegistry server;
  const auto registry = server.Client();
  const Reference repository = server.Ref("counted");
  const auto count = [&](const std::string& bytes) {
    const size_t before = server.Requests().size();
    EXPECT_TRUE(registry->PutBlob(repository, Sha256Digest(bytes), bytes).ok());
    return server.Requests().size() - before;
  };
  EXPECT_EQ(count("small"), 2u);
  EXPECT_EQ(count("small"), 1u);
  EXPECT_EQ(count(std::string(100'000, 'a')), 2u);
  EXPECT_EQ(count(std::string(100'000, 'a')), 1u);
}

TEST(UploadTest, TakesAThirdRequestWhereNobodyKnowsYetWhatTheRegistryTells) {
  TestingRegistry server;
  const auto registry = server.Client();
  std::vector<std::vector<std::string>> seen;
  for (const char letter : {'a', 'b', 'c'}) {
    const std::string bytes(100'000, letter);
    const size_t before = server.Requests().size();
    EXPECT_TRUE(registry->PutBlob(server.Ref("counted"), Sha256Digest(bytes), bytes).ok());
    seen.emplace_back();
    const std::vector<std::string> requests = server.Requests();
    for (size_t i = before; i < requests.size(); ++i) {
      seen.back().push_back(requests[i].substr(0, requests[i].find(' ')));
    }
  }
  // The question about the second one is whether a mount of the first tells.
  EXPECT_EQ(seen, (std::vector<std::vector<std::string>>{
                      {"POST", "HEAD", "PUT"}, {"POST", "POST", "PUT"}, {"POST", "PUT"}}));
}

// A registry that always wants the upload would get everything again.
TEST(UploadTest, AsksForBlobsWhereAMountTellsNothing) {
  StrictRegistry server;
  server.Misbehave({.method = "POST", .part = "mount=", .change = [](TestingReply good) {
                      const bool mounted = absl::StartsWith(good.bytes, "HTTP/1.1 201");
                      return mounted ? Reply("202 Accepted", "Location: /v2/none\r\n") : good;
                    }});
  const auto registry = Client();
  const auto put = [&](char letter) {
    const std::string bytes(100'000, letter);
    return registry->PutBlob(Ref(server.host(), "app"), Sha256Digest(bytes), bytes);
  };
  EXPECT_EQ(*put('a'), BlobAction::kUploaded);
  EXPECT_EQ(*put('b'), BlobAction::kUploaded);
  EXPECT_EQ(*put('b'), BlobAction::kExisted);
  EXPECT_EQ(*put('a'), BlobAction::kExisted);
}

TEST(UploadTest, GoesFromRegistryToRegistryWithoutAFile) {
  TestingRegistry from;
  TestingRegistry to;
  const auto registry = to.Client();
  const std::string text = Text(size_t{9} << 20);
  const std::string digest = Sha256Digest(text);
  const auto size = static_cast<int64_t>(text.size());
  ASSERT_TRUE(registry->PutBlob(from.Ref("a"), digest, text).ok());
  const auto copy = [&] {
    return registry->PutBlobFromReader(to.Ref("b"), digest, size,
                                       BlobInRegistry(*registry, from.Ref("a"), digest, size));
  };
  const auto action = copy();
  ASSERT_TRUE(action.ok()) << action.status();
  EXPECT_EQ(*action, BlobAction::kUploaded);
  EXPECT_EQ(*registry->GetBlob(to.Ref("b"), digest, text.size()), text);
  EXPECT_EQ(*copy(), BlobAction::kExisted);

  // What is damaged at its source does not arrive.
  const std::string other = Text(size_t{3} << 20);
  const std::string bad = Sha256Digest(other);
  ASSERT_TRUE(registry->PutBlob(from.Ref("a"), bad, other).ok());
  from.Damage(bad);
  const auto refused = registry->PutBlobFromReader(
      to.Ref("b"), bad, static_cast<int64_t>(other.size()),
      BlobInRegistry(*registry, from.Ref("a"), bad, static_cast<int64_t>(other.size())));
  EXPECT_TRUE(HasId(refused.status(), DiagnosticId::kDigestMismatch)) << refused.status();
  EXPECT_FALSE(*registry->HasBlob(to.Ref("b"), bad));
}

TEST(UploadTest, KnowsSha512) {
  TestingRegistry server;
  const auto registry = server.Client();
  const std::string digest = DigestLike("sha512:", "hello");
  const auto action = registry->PutBlob(server.Ref("a"), digest, "hello");
  ASSERT_TRUE(action.ok()) << action.status();
  EXPECT_EQ(*registry->GetBlob(server.Ref("a"), digest, 5), "hello");
  EXPECT_TRUE(HasId(registry->PutBlob(server.Ref("a"), digest, "other").status(),
                    DiagnosticId::kDigestMismatch));
}

TEST(LoopbackTest, ARegistryWithTlsIsReachedWhereItsCertificateIsTrusted) {
  TestingRegistry server(TestingRegistry::Auth::kTls);
  const auto trusting = Client({.ca_file = server.ca_file()});
  const auto action = trusting->PutBlob(server.Ref("a"), Sha256Digest("x"), "x");
  ASSERT_TRUE(action.ok()) << action.status();
  const absl::Status status = Client()->HeadManifest(server.Ref("a:v1")).status();
  EXPECT_TRUE(HasId(status, DiagnosticId::kRegistryUnreachable)) << status;
  EXPECT_EQ(DiagnosticsOf(status)[0].hint, "--ca-file FILE trusts more certificates");
}

TEST(LoopbackTest, ARegistryWithoutTlsIsReachedInSpiteOfACaFile) {
  TestingRegistry tls(TestingRegistry::Auth::kTls);
  TestingRegistry plain;
  const auto registry = Client({.ca_file = tls.ca_file()});
  const auto action = registry->PutBlob(plain.Ref("a"), Sha256Digest("x"), "x");
  EXPECT_TRUE(action.ok()) << action.status();
}

TEST(ReferrersTest, AreListedUnderTheirTagWhereTheRegistryHasNoList) {
  TestingRegistry server;
  const auto registry = server.Client();
  ASSERT_TRUE(registry->PutBlob(server.Ref("a"), Sha256Digest("{}"), "{}").ok());
  const auto put = [&](const std::string& more) {
    const std::string manifest =
        absl::StrCat(R"({"schemaVersion":2,"mediaType":")", kOciManifest,
                     R"(","config":{"mediaType":"c","digest":")", Sha256Digest("{}"),
                     R"(","size":2},"layers":[])", more, "}");
    const std::string digest = Sha256Digest(manifest);
    EXPECT_TRUE(
        registry->PutManifest(server.Ref("a").WithDigest(digest), kOciManifest, manifest).ok());
    return Descriptor{.media_type = std::string(kOciManifest),
                      .digest = digest,
                      .size = static_cast<int64_t>(manifest.size()),
                      .artifact_type = "sbom"};
  };
  const Reference subject = server.Ref("a").WithDigest(put("").digest);
  EXPECT_EQ(*registry->Referrers(subject), std::vector<Descriptor>());
  const Descriptor first = put(R"(,"annotations":{"n":"1"})");
  const Descriptor second = put(R"(,"annotations":{"n":"2"})");
  for (const Descriptor& referrer : {first, second, first}) {
    ASSERT_TRUE(registry->AddReferrer(subject, referrer).ok());
  }
  EXPECT_EQ(*registry->Referrers(subject), (std::vector<Descriptor>{first, second}));
}

TEST(ReferrersTest, AreListedByTheRegistryThatHasAList) {
  StrictRegistry server({.page = 1});
  const auto registry = Client();
  const Reference repository = Ref(server.host(), "a");
  ASSERT_TRUE(registry->PutBlob(repository, Sha256Digest("{}"), "{}").ok());
  const auto put = [&](const std::string& more) {
    const std::string manifest =
        absl::StrCat(R"({"schemaVersion":2,"mediaType":")", kOciManifest,
                     R"(","config":{"mediaType":"c","digest":")", Sha256Digest("{}"),
                     R"(","size":2},"layers":[])", more, "}");
    const std::string digest = Sha256Digest(manifest);
    EXPECT_TRUE(registry->PutManifest(repository.WithDigest(digest), kOciManifest, manifest).ok());
    return Descriptor{.media_type = std::string(kOciManifest),
                      .digest = digest,
                      .size = static_cast<int64_t>(manifest.size()),
                      .artifact_type = "sbom"};
  };
  const Descriptor image = put("");
  const Reference subject = repository.WithDigest(image.digest);
  EXPECT_EQ(*registry->Referrers(subject), std::vector<Descriptor>());
  std::vector<Descriptor> referrers;
  for (const char* const n : {"1", "2", "3"}) {
    referrers.push_back(put(absl::StrCat(
        R"(,"artifactType":"sbom","annotations":{"n":")", n, R"("},"subject":{"mediaType":")",
        kOciManifest, R"(","digest":")", image.digest, R"(","size":)", image.size, "}")));
    referrers.back().annotations = {{"n", n}};
    ASSERT_TRUE(registry->AddReferrer(subject, referrers.back()).ok());
  }
  // In its own order, one on each page; no index under a tag was made.
  EXPECT_THAT(*registry->Referrers(subject), testing::UnorderedElementsAreArray(referrers));
  EXPECT_EQ(*registry->ListTags(repository), std::vector<std::string>());
}

TEST(GateTest, LetsNobodyWaitWhoIsToldToStop) {
  std::atomic<int> stop = 0;
  Gate gate(&stop);
  gate.Enter();
  gate.LeaveRefused(absl::Seconds(60));
  std::thread signal([&] {
    absl::SleepFor(absl::Milliseconds(20));
    stop = 2;
  });
  const absl::Time begin = absl::Now();
  gate.Enter();
  EXPECT_LT(absl::Now() - begin, absl::Seconds(10));
  signal.join();
}

TEST(GateTest, LetsFewerThroughAfterTooMany) {
  Gate gate;
  for (int i = 0; i < 8; ++i) gate.Enter();
  gate.LeaveRefused(absl::ZeroDuration());
  EXPECT_EQ(gate.limit(), 4);
  for (int i = 0; i < 7; ++i) gate.Leave();
  EXPECT_EQ(gate.limit(), 4);
  for (int i = 0; i < 3; ++i) {
    gate.Enter();
    gate.Leave();
  }
  EXPECT_EQ(gate.limit(), 5);
  gate.Enter();
  gate.LeaveRefused(absl::ZeroDuration());
  EXPECT_EQ(gate.limit(), 1);
}

}  // namespace
}  // namespace deps
