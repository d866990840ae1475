// Against a real registry; what no good registry answers is in session_test.cc.
#include "lib/oci/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/sha256.h"
#include "lib/http/http.h"
#include "lib/io/file.h"
#include "lib/oci/testing_registry.h"

namespace deps {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

std::string NewPath(std::string_view name) {
  const std::string path = absl::StrCat(testing::TempDir(), "/", name);
  std::remove(path.c_str());
  return path;
}

// An image with one blob, its config.
std::string PushImage(Registry& registry, const Reference& reference, std::string_view config) {
  const std::string digest = Sha256Digest(config);
  EXPECT_TRUE(registry.PutBlob(reference, digest, config).ok());
  const std::string manifest = absl::StrCat(
      R"({"schemaVersion":2,"mediaType":")", kOciManifest,
      R"(","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")", digest,
      R"(","size":)", config.size(), R"(},"layers":[]})");
  const absl::Status status = registry.PutManifest(reference, kOciManifest, manifest);
  EXPECT_TRUE(status.ok()) << status;
  return manifest;
}

class RegistryTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = new TestingRegistry(); }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }
  std::unique_ptr<Registry> registry_ = server_->Client();
  static TestingRegistry* server_;
};
TestingRegistry* RegistryTest::server_ = nullptr;

TEST_F(RegistryTest, GivesBackTheManifestThatItWasGiven) {
  const Reference tag = server_->Ref("manifests:v1");
  const std::string bytes = PushImage(*registry_, tag, "{}");
  const OciManifest expected = {
      .bytes = bytes, .media_type = std::string(kOciManifest), .digest = Sha256Digest(bytes)};
  const Reference by_digest = tag.WithDigest(expected.digest);
  for (const Reference& reference : {tag, by_digest}) {
    const absl::StatusOr<OciManifest> manifest = registry_->GetManifest(reference);
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    EXPECT_EQ(*manifest, expected);
    const auto head = registry_->HeadManifest(reference);
    ASSERT_TRUE(head.ok()) << head.status();
    EXPECT_EQ(*head, (Descriptor{.media_type = expected.media_type,
                                 .digest = expected.digest,
                                 .size = static_cast<int64_t>(bytes.size())}));
  }
}

TEST_F(RegistryTest, TellsWhatIsNotThere) {
  const Reference missing = server_->Ref("nothing:v1");
  const absl::StatusOr<OciManifest> manifest = registry_->GetManifest(missing);
  EXPECT_TRUE(HasId(manifest.status(), DiagnosticId::kRegistryNotFound));
  EXPECT_EQ(manifest.status().message(),
            absl::StrCat(server_->host(), "/nothing:v1 is not in the registry"));
  const auto head = registry_->HeadManifest(missing);
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(*head, std::nullopt);
  EXPECT_TRUE(HasId(registry_->ListTags(missing).status(), DiagnosticId::kRegistryNotFound));
  EXPECT_TRUE(HasId(registry_->GetBlob(missing, Sha256Digest("x"), 10).status(),
                    DiagnosticId::kRegistryNotFound));
  const absl::StatusOr<bool> has = registry_->HasBlob(missing, Sha256Digest("x"));
  ASSERT_TRUE(has.ok());
  EXPECT_FALSE(*has);
}

TEST_F(RegistryTest, RefusesContentThatDoesNotHaveItsDigest) {
  const Reference repository = server_->Ref("wrong");
  const std::string digest = Sha256Digest("expected");
  EXPECT_TRUE(HasId(registry_->PutBlob(repository, digest, "other").status(),
                    DiagnosticId::kDigestMismatch));
  const std::string path = NewPath("wrong");
  std::ofstream(path) << "other";
  EXPECT_TRUE(
      HasId(registry_->PutBlobFromSlice(repository, digest, http::SliceOfFile(path, 0, 5)).status(),
            DiagnosticId::kDigestMismatch));
  EXPECT_TRUE(HasId(registry_->PutManifest(repository.WithDigest(digest), kOciManifest, "{}"),
                    DiagnosticId::kDigestMismatch));
  EXPECT_TRUE(HasId(registry_->GetBlob(repository, "sha256:../../etc", 1).status(),
                    DiagnosticId::kDigestInvalid));
}

TEST_F(RegistryTest, PassesOnWhatTheRegistrySaysOfABadManifest) {
  const absl::Status status =
      registry_->PutManifest(server_->Ref("bad:v1"), kOciManifest, "no manifest");
  EXPECT_TRUE(HasId(status, DiagnosticId::kRegistryProtocol)) << status;
  EXPECT_THAT(status.message(), HasSubstr("MANIFEST_INVALID"));
}

TEST_F(RegistryTest, UploadsABlobOnce) {
  const Reference repository = server_->Ref("blobs");
  for (const size_t size : {size_t{0}, size_t{5}, size_t{3} << 20}) {
    std::string bytes(size, 'x');
    if (size > 0) bytes[size / 2] = 'y';
    const std::string digest = Sha256Digest(bytes);
    for (const BlobAction expected : {BlobAction::kUploaded, BlobAction::kExisted}) {
      const absl::StatusOr<BlobAction> action = registry_->PutBlob(repository, digest, bytes);
      ASSERT_TRUE(action.ok()) << action.status();
      EXPECT_EQ(*action, expected) << size;
    }
    const absl::StatusOr<std::string> back = registry_->GetBlob(repository, digest, size);
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_TRUE(*back == bytes) << size;
  }
}

TEST_F(RegistryTest, ReadsNoMoreOfABlobThanAsked) {
  const Reference repository = server_->Ref("large");
  const std::string bytes(100, 'x');
  ASSERT_TRUE(registry_->PutBlob(repository, Sha256Digest(bytes), bytes).ok());
  EXPECT_TRUE(HasId(registry_->GetBlob(repository, Sha256Digest(bytes), 99).status(),
                    DiagnosticId::kInputTooLarge));
  const std::string path = NewPath("large");
  EXPECT_TRUE(HasId(registry_->GetBlobToFile(repository, Sha256Digest(bytes), 99, path),
                    DiagnosticId::kDigestMismatch));
  EXPECT_TRUE(HasId(ReadFile(path).status(), DiagnosticId::kFileNotFound));
}

TEST_F(RegistryTest, TakesPartOfAFileAndGivesItBackAsAFile) {
  const Reference repository = server_->Ref("files");
  const std::string path = NewPath("whole");
  std::ofstream(path) << "before-content-after";
  const std::string digest = Sha256Digest("content");
  const absl::StatusOr<BlobAction> action =
      registry_->PutBlobFromSlice(repository, digest, http::SliceOfFile(path, 7, 7));
  ASSERT_TRUE(action.ok()) << action.status();
  EXPECT_EQ(*action, BlobAction::kUploaded);
  const std::string back = NewPath("part");
  const absl::Status status = registry_->GetBlobToFile(repository, digest, 7, back);
  ASSERT_TRUE(status.ok()) << status;
  const absl::StatusOr<Source> text = ReadFile(back);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(text->text, "content");
  EXPECT_TRUE(
      HasId(registry_->GetBlobToFile(repository, digest, 7, back), DiagnosticId::kFileWrite))
      << "a file that exists is not replaced";
}

TEST_F(RegistryTest, MountsABlobFromAnotherRepository) {
  const std::string digest = Sha256Digest("shared");
  ASSERT_TRUE(registry_->PutBlob(server_->Ref("from"), digest, "shared").ok());
  const std::string nowhere = NewPath("nowhere");
  const absl::StatusOr<BlobAction> mounted = registry_->PutBlobFromSlice(
      server_->Ref("to"), digest, http::SliceOfFile(nowhere, 0, 6), "from");
  ASSERT_TRUE(mounted.ok()) << mounted.status();
  EXPECT_EQ(*mounted, BlobAction::kMounted);
  const auto unknown = registry_->MountBlob(server_->Ref("to"), Sha256Digest("absent"), "from");
  ASSERT_TRUE(unknown.ok()) << unknown.status();
  EXPECT_EQ(*unknown, std::nullopt);
}

TEST_F(RegistryTest, ListsTags) {
  for (const char* tag : {"v1", "v2", "v10"}) {
    PushImage(*registry_, server_->Ref(absl::StrCat("tags:", tag)), "{}");
  }
  const absl::StatusOr<std::vector<std::string>> tags = registry_->ListTags(server_->Ref("tags"));
  ASSERT_TRUE(tags.ok()) << tags.status();
  EXPECT_THAT(*tags, UnorderedElementsAre("v1", "v2", "v10"));
}

TEST_F(RegistryTest, ServesManyThreads) {
  std::vector<std::thread> threads;
  std::vector<absl::Status> results(8);
  for (size_t i = 0; i < results.size(); ++i) {
    threads.emplace_back([&, i] {
      const std::string bytes = absl::StrCat("blob ", i);
      const Reference repository = server_->Ref("threads");
      results[i] = registry_->PutBlob(repository, Sha256Digest(bytes), bytes).status();
      results[i].Update(registry_->GetBlob(repository, Sha256Digest(bytes), 100).status());
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& result : results) EXPECT_TRUE(result.ok()) << result;
}

TEST(RegistryOfflineTest, AsksNobody) {
  const auto registry = Registry::Create({.offline = true}, EmptyEnvironment);
  ASSERT_TRUE(registry.ok());
  const absl::StatusOr<OciManifest> manifest =
      (*registry)->GetManifest(*Reference::Parse("example.com/x:v1"));
  EXPECT_TRUE(HasId(manifest.status(), DiagnosticId::kOffline));
  EXPECT_THAT(manifest.status().message(), HasSubstr("example.com/x:v1"));
}

TEST(RegistryUnreachableTest, NamesTheHost) {
  std::optional<Reference> reference;
  std::unique_ptr<Registry> registry;
  {
    TestingRegistry server;
    reference = server.Ref("x:v1");
    registry = server.Client();
  }
  const absl::StatusOr<OciManifest> manifest = registry->GetManifest(*reference);
  EXPECT_TRUE(HasId(manifest.status(), DiagnosticId::kRegistryUnreachable));
  EXPECT_THAT(manifest.status().message(), HasSubstr(reference->host()));
}

TEST(RegistryPasswordTest, AsksForCredentialsAndUsesThem) {
  TestingRegistry server(TestingRegistry::Auth::kPassword);
  const Reference reference = server.Ref("private:v1");
  const auto config = [&](std::string_view password) {
    return absl::StrCat(R"({"auths":{")", server.host(), R"(":{"auth":")",
                        absl::Base64Escape(absl::StrCat(TestingRegistry::kUser, ":", password)),
                        R"("}}})");
  };
  const std::unique_ptr<Registry> good = server.Client(config(TestingRegistry::kPassword));
  PushImage(*good, reference, "{}");
  EXPECT_TRUE(good->GetManifest(reference).ok());

  const absl::Status none = server.Client()->GetManifest(reference).status();
  EXPECT_TRUE(HasId(none, DiagnosticId::kRegistryAuth)) << none;
  EXPECT_THAT(DiagnosticsOf(none)[0].hint, HasSubstr("there are no credentials for"));

  const absl::Status wrong = server.Client(config("wrong"))->GetManifest(reference).status();
  EXPECT_TRUE(HasId(wrong, DiagnosticId::kRegistryAuth)) << wrong;
  EXPECT_THAT(DiagnosticsOf(wrong)[0].hint, HasSubstr("may be old"));
}

}  // namespace
}  // namespace deps
