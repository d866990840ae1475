#include "lib/bundle/layout_shelf.h"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/sha256.h"
#include "lib/io/file.h"
#include "lib/json/json.h"
#include "lib/model/bundle.h"
#include "lib/oci/bundle_format.h"
#include "lib/oci/manifest.h"
#include "lib/oci/reference.h"

namespace deps {
namespace {

constexpr char kImage[] = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

class LayoutShelfTest : public ::testing::Test {
 protected:
  LayoutShelfTest() : folder_(*TemporaryFolder::Create("layout")) {
    std::filesystem::create_directories(folder_.path() + "/blobs/sha256");
  }

  void WriteBlob(const std::string& bytes) {
    const std::string path = folder_.path() + "/blobs/sha256/" + Sha256Digest(bytes).substr(7);
    ASSERT_TRUE(WriteFile(path, bytes).ok());
  }

  // Puts a bundle into the layout, called `name`; returns its digest.
  std::string Add(const std::string& bundle, const std::string& name,
                  const std::string& more = "") {
    const absl::StatusOr<json::Value> json = json::Parse(
        {.text = absl::StrCat(R"({"schemaVersion":"1.2.0","name":")", bundle,
                              R"(","version":"1.0.0","invocationImages":[{"image":"i:v1"}]})")});
    const EncodedBundle encoded = *EncodeBundle(*json, {{.reference = "i:v1",
                                                         .digest = kImage,
                                                         .size = 2,
                                                         .media_type = std::string(kOciManifest)}});
    WriteBlob(encoded.index);
    WriteBlob(encoded.config_manifest);
    WriteBlob(encoded.config);
    AddEntry(kOciIndex, encoded.index_digest, encoded.index.size(), name, more);
    return encoded.index_digest;
  }

  void AddEntry(std::string_view type, std::string_view digest, size_t size,
                const std::string& name, const std::string& more = "") {
    entries_.push_back(absl::StrCat(
        R"({"mediaType":")", type, R"(","digest":")", digest, R"(","size":)", size,
        R"(,"annotations":{)", more,
        name.empty() ? "" : absl::StrCat(R"("org.opencontainers.image.ref.name":")", name, "\""),
        "}}"));
  }

  std::unique_ptr<LayoutShelf> Open() {
    const std::string index =
        absl::StrCat(R"({"schemaVersion":2,"manifests":[)", absl::StrJoin(entries_, ","), "]}");
    EXPECT_TRUE(WriteFile(folder_.path() + "/index.json", index).ok());
    absl::StatusOr<std::unique_ptr<LayoutShelf>> shelf = LayoutShelf::OfFolder(folder_.path());
    EXPECT_TRUE(shelf.ok()) << shelf.status();
    return *std::move(shelf);
  }

  TemporaryFolder folder_;
  std::vector<std::string> entries_;
};

TEST_F(LayoutShelfTest, FindsByTagAndDigest) {
  const std::string digest = Add("db", "example.com/db:v1.0.0");
  const std::unique_ptr<LayoutShelf> shelf = Open();
  const Reference tagged = *Reference::Parse("example.com/db:v1.0.0");
  EXPECT_TRUE(shelf->Holds(tagged));
  EXPECT_EQ(shelf->Tags(tagged), (std::vector<std::string>{"v1.0.0"}));
  const absl::StatusOr<BundleDefinition> bundle = shelf->Get(tagged);
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  EXPECT_EQ(bundle->bundle.name, "db");
  EXPECT_EQ(bundle->bundle.digest, digest);
  // Content is what it is, whatever repository it is asked of.
  EXPECT_TRUE(shelf->Has(*Reference::Parse("elsewhere.example/x@" + digest)));
  EXPECT_FALSE(shelf->Holds(*Reference::Parse("elsewhere.example/x")));
  EXPECT_TRUE(HasId(shelf->Get(tagged.WithTag("v2")).status(), DiagnosticId::kRegistryNotFound));
}

TEST_F(LayoutShelfTest, TheMainBundleIsTheOneThatIsMeant) {
  Add("db", "v1");
  EXPECT_EQ(Open()->Main("")->bundle.name, "db");
  AddEntry(kOciManifest, kImage, 2, "image");  // An image beside it changes nothing.
  EXPECT_EQ(Open()->Main("")->bundle.name, "db");
  Add("web", "example.com/web:v2");
  const absl::Status several = Open()->Main("").status();
  EXPECT_TRUE(HasId(several, DiagnosticId::kRegistryNotFound));
  EXPECT_EQ(DiagnosticsOf(several)[0].message, "the layout has several bundles: v1, v2");
  EXPECT_EQ(Open()->Main("v2")->bundle.name, "web");
  EXPECT_EQ(Open()->Main("v1")->bundle.name, "db");
  EXPECT_EQ(DiagnosticsOf(Open()->Main("v3").status())[0].message,
            "the layout has no bundle 'v3': v1, v2");
  Add("new", "latest");
  EXPECT_EQ(Open()->Main("")->bundle.name, "new");
  Add("root", "example.com/root:v1", R"("cnab-deps.folder":".",)");
  EXPECT_EQ(Open()->Main("")->bundle.name, "root");
}

TEST_F(LayoutShelfTest, WhatIsNamedOtherwiseElsewhereIsFoundByThatName) {
  const std::string digest =
      Add("db", "localhost:5000/db:v1.0.0",
          absl::StrCat(R"("cnab-deps.folder":"db-1.0.0","cnab-deps.references":)",
                       R"("[\"example.com/db@)", kImage, R"(\",\"example.com/db:v1.0.0\"]",)"));
  const std::unique_ptr<LayoutShelf> shelf = Open();
  const Reference original = *Reference::Parse(absl::StrCat("example.com/db@", kImage));
  // It was made again on its way here, so that its digest is another.
  EXPECT_EQ(shelf->Get(original)->bundle.digest, digest);
  EXPECT_EQ(shelf->Tags(original), (std::vector<std::string>{"v1.0.0"}));
}

TEST_F(LayoutShelfTest, DamageIsToldWithThePlace) {
  const std::string digest = Add("db", "v1");
  const std::string path = folder_.path() + "/blobs/sha256/" + digest.substr(7);
  ASSERT_TRUE(WriteFile(path, "{}").ok());
  const absl::Status status = Open()->Main("v1").status();
  EXPECT_TRUE(HasId(status, DiagnosticId::kDigestMismatch)) << status;
  EXPECT_EQ(DiagnosticsOf(status)[0].location.file, path);
  std::filesystem::remove(path);
  EXPECT_TRUE(HasId(Open()->Main("v1").status(), DiagnosticId::kFileNotFound));
  EXPECT_TRUE(
      HasId(LayoutShelf::OfFolder(folder_.path() + "/none").status(), DiagnosticId::kFileNotFound));
}

TEST_F(LayoutShelfTest, AnImageIsNoBundle) {
  const std::string manifest = R"({"schemaVersion":2,"config":{"mediaType":"a","digest":")" +
                               Sha256Digest("{}") + R"(","size":2},"layers":[]})";
  WriteBlob(manifest);
  AddEntry(kOciManifest, Sha256Digest(manifest), manifest.size(), "v1");
  EXPECT_TRUE(HasId(Open()->Main("v1").status(), DiagnosticId::kBundleInvalid));
  EXPECT_EQ(DiagnosticsOf(Open()->Main("").status())[0].message, "the layout has no bundle");
}

}  // namespace
}  // namespace deps
