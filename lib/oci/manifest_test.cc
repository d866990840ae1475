#include "lib/oci/manifest.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

constexpr std::string_view kDigest =
    "sha256:d59a1aa7866258751a261bae525a1842c7ff0662d4f34a355d5f36826abc0341";

std::string Of(std::string_view type, int size, std::string_view rest = "") {
  return absl::StrCat(R"({"mediaType":")", type, R"(","digest":")", kDigest, R"(","size":)", size,
                      rest, "}");
}

absl::StatusOr<ManifestContent> Parse(std::string_view text, std::string_view type) {
  return ParseManifest({.name = "manifest", .text = std::string(text)}, type);
}

TEST(ParseManifestTest, ReadsConfigAndLayersInOrder) {
  const std::string foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  const auto content =
      Parse(absl::StrCat(R"({"schemaVersion":2,"mediaType":")", kDockerManifest, R"(","config":)",
                         Of("c", 1), R"(,"layers":[)", Of("l", 2), ",", Of(foreign, 3), "]}"),
            kDockerManifest);
  ASSERT_TRUE(content.ok()) << content.status();
  const std::string digest(kDigest);
  EXPECT_EQ(*content,
            (ManifestContent{
                .blobs = {{.media_type = "c", .digest = digest, .size = 1},
                          {.media_type = "l", .digest = digest, .size = 2},
                          {.media_type = foreign, .digest = digest, .size = 3, .foreign = true}}}));
}

TEST(ParseManifestTest, ReadsAnIndexWithPlatformsAndAnnotations) {
  const auto content = Parse(absl::StrCat(R"({"schemaVersion":2,"manifests":[)",
                                          Of("m", 1,
                                             R"(,"platform":{"architecture":"arm","os":"linux",)"
                                             R"("variant":"v7"},"annotations":{"a":"b"})"),
                                          R"(],"annotations":{"c":"d"}})"),
                             kOciIndex);
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(*content, (ManifestContent{.manifests = {{.media_type = "m",
                                                      .digest = std::string(kDigest),
                                                      .size = 1,
                                                      .annotations = {{"a", "b"}},
                                                      .platform = "linux/arm/v7"}},
                                       .annotations = {{"c", "d"}}}));
}

struct BadManifest {
  std::string name;
  std::string text;
  std::string_view type;
  DiagnosticId id;
};

TEST(ParseManifestTest, RefusesWhatCanBeReadInTwoWaysOrNone) {
  const std::string config = absl::StrCat(R"("config":)", Of("c", 1));
  for (const BadManifest& row : std::vector<BadManifest>{
           {"no JSON", "<html>", kOciIndex, DiagnosticId::kJsonSyntax},
           {"schema 1", R"({"schemaVersion":1,"fsLayers":[]})", kOciManifest,
            DiagnosticId::kBundleInvalid},
           {"index and manifest at once",
            absl::StrCat(R"({"schemaVersion":2,"manifests":[],)", config, "}"), kOciIndex,
            DiagnosticId::kBundleInvalid},
           {"neither", R"({"schemaVersion":2})", kOciIndex, DiagnosticId::kBundleInvalid},
           {"an index said to be a manifest", R"({"schemaVersion":2,"manifests":[]})", kOciManifest,
            DiagnosticId::kBundleInvalid},
           {"another type inside", R"({"schemaVersion":2,"mediaType":"text/plain","manifests":[]})",
            kOciIndex, DiagnosticId::kBundleInvalid},
           {"a digest that leads elsewhere",
            R"({"schemaVersion":2,"config":{"mediaType":"c","digest":"sha256:../x","size":1}})",
            kOciManifest, DiagnosticId::kBundleInvalid},
           {"a size below zero", absl::StrCat(R"({"schemaVersion":2,"config":)", Of("c", -1), "}"),
            kOciManifest, DiagnosticId::kBundleInvalid},
           {"a size that is no integer",
            absl::StrCat(R"({"schemaVersion":2,"config":{"mediaType":"c","digest":")", kDigest,
                         R"(","size":1.5}})"),
            kOciManifest, DiagnosticId::kDocumentValue},
           {"layers that are no array",
            absl::StrCat(R"({"schemaVersion":2,)", config, R"(,"layers":{}})"), kOciManifest,
            DiagnosticId::kBundleInvalid}}) {
    const absl::Status status = Parse(row.text, row.type).status();
    EXPECT_TRUE(HasId(status, row.id)) << row.name << ": " << status;
  }
}

}  // namespace
}  // namespace deps
