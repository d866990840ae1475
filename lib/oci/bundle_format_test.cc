#include "lib/oci/bundle_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/digest/sha256.h"
#include "lib/json/json.h"
#include "lib/oci/testing_registry.h"

namespace deps {
namespace {

using ::testing::HasSubstr;

// The bundle of cnab-to-oci's own tests (tests/helpers.go), as its example of
// a pull prints it; the digests below are those that its tests expect.
constexpr std::string_view kBundle =
    R"({"actions":{"action-1":{"modifies":true}},"credentials":{"cred-1":{"env":"env-var","path":)"
    R"("/some/path"}},"custom":{"my-key":"my-value"},"definitions":{"numberType":{"default":0.5,)"
    R"("type":"number"},"output1Type":{"type":"string"},"param1Type":{"default":"hello","enum":)"
    R"(["value1",true,1],"type":["string","boolean","number"]}},"description":"description",)"
    R"("images":{"another-image":{"contentDigest":"sha256:d59a1aa7866258751a261bae525a1842c7ff066)"
    R"(2d4f34a355d5f36826abc0342","description":"","image":"my.registry/namespace/another-image",)"
    R"("imageType":"oci","mediaType":"application/vnd.oci.image.manifest.v1+json","size":507},)"
    R"("image-1":{"contentDigest":"sha256:d59a1aa7866258751a261bae525a1842c7ff0662d4f34a355d5f368)"
    R"(26abc0341","description":"","image":"my.registry/namespace/image-1","imageType":"oci",)"
    R"("mediaType":"application/vnd.oci.image.manifest.v1+json","size":507}},"invocationImages":[)"
    R"({"contentDigest":"sha256:d59a1aa7866258751a261bae525a1842c7ff0662d4f34a355d5f36826abc0343",)"
    R"("image":"my.registry/namespace/my-app-invoc","imageType":"docker","mediaType":)"
    R"("application/vnd.docker.distribution.manifest.v2+json","size":506}],"keywords":["keyword1",)"
    R"("keyword2"],"maintainers":[{"email":"docker@docker.com","name":"docker","url":)"
    R"("docker.com"}],"name":"my-app","outputs":{"output1":{"applyTo":["install"],"definition":)"
    R"("output1Type","description":"magic","path":"/cnab/app/outputs/magic"}},"parameters":)"
    R"({"param1":{"definition":"param1Type","destination":{"env":"env_var","path":"/some/path"}},)"
    R"("param2":{"definition":"numberType","destination":{"env":"PARM2"}}},"schemaVersion":)"
    R"("v1.0.0","version":"0.1.0"})";

constexpr std::string_view kImage =
    "sha256:d59a1aa7866258751a261bae525a1842c7ff0662d4f34a355d5f36826abc034";

absl::StatusOr<EncodedBundle> Encode(std::string_view text) {
  const Source source = {.name = "bundle.json", .text = std::string(text)};
  const absl::StatusOr<json::Value> value = json::Parse(source);
  if (!value.ok()) return value.status();
  const absl::StatusOr<std::vector<BundleImage>> images = ImagesOf(source, *value);
  if (!images.ok()) return images.status();
  return EncodeBundle(*value, *images);
}

TEST(EncodeBundleTest, WritesTheBytesOfCnabToOci) {
  const absl::StatusOr<EncodedBundle> bundle = Encode(kBundle);
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  EXPECT_EQ(bundle->config, kBundle);
  EXPECT_EQ(bundle->config.size(), 1596);
  EXPECT_EQ(bundle->config_digest,
            "sha256:dbe3480b9cb300f389e8d02e4a682f9107772468feb6845f912dc8deed6d76fd");
  EXPECT_EQ(bundle->config_manifest.size(), 189);
  EXPECT_EQ(bundle->config_manifest_digest,
            "sha256:122a5dc186ec285488de9d25e99c96a11d3f7ff71c6e05a06c98e8627472a920");
  EXPECT_EQ(bundle->index.size(), 1360) << bundle->index;
  EXPECT_EQ(bundle->index_digest,
            "sha256:00043ca96c3c9470fc0f647c67613ddf500941556d1ecc14d75bc9b2834f66c3");
}

TEST(EncodeBundleTest, EscapesTwiceWhatGoEscapesTwice) {
  const absl::StatusOr<EncodedBundle> bundle = Encode(absl::StrReplaceAll(
      kBundle, {{R"("name":"docker")", R"("name":"A & B")"}, {"my-app\"", "<my>\""}}));
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  EXPECT_THAT(bundle->index, HasSubstr(R"([{\"name\":\"A \\u0026 B\",\"email\")"));
  EXPECT_THAT(bundle->index, HasSubstr(R"("org.opencontainers.image.title":"\u003cmy\u003e")"));
}

TEST(EncodeBundleTest, LeavesOutAnnotationsOfWhatTheBundleDoesNotHave) {
  const absl::StatusOr<EncodedBundle> bundle = Encode(absl::StrCat(
      R"({"schemaVersion":"v1.2.0","name":"a","version":"1","keywords":null,)",
      R"("invocationImages":[{"image":"a","contentDigest":")", kImage, R"(1","size":5}]})"));
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  EXPECT_THAT(
      bundle->index,
      testing::EndsWith(R"("annotations":{"io.cnab.runtime_version":"v1.2.0",)"
                        R"("org.opencontainers.artifactType":"application/vnd.cnab.manifest.v1",)"
                        R"("org.opencontainers.image.description":"",)"
                        R"("org.opencontainers.image.title":"a",)"
                        R"("org.opencontainers.image.version":"1"}})"));
}

struct BadBundle {
  std::string name;
  std::string text;
  DiagnosticId id;
};

TEST(EncodeBundleTest, RefusesWhatTheFormatDoesNotAllow) {
  const auto image = [](std::string_view rest) {
    return absl::StrCat(R"({"invocationImages":[{"image":"a")", rest, "}]}");
  };
  const std::string digest = absl::StrCat(R"(,"contentDigest":")", kImage, R"(1")");
  for (const BadBundle& row : std::vector<BadBundle>{
           {"no invocation image", R"({"invocationImages":[]})", DiagnosticId::kBundleInvalid},
           {"no array of them", "{}", DiagnosticId::kDocumentMember},
           {"two of them", R"({"invocationImages":[{"image":"a"},{"image":"b"}]})",
            DiagnosticId::kBundleInvalid},
           {"no digest", image(R"(,"size":5)"), DiagnosticId::kBundleInvalid},
           {"no size", image(digest), DiagnosticId::kBundleInvalid},
           {"size below zero", image(absl::StrCat(digest, R"(,"size":-1)")),
            DiagnosticId::kBundleInvalid},
           {"a digest that is none", image(R"(,"size":5,"contentDigest":"sha256:../x")"),
            DiagnosticId::kDigestInvalid},
           {"another image type", image(R"(,"imageType":"qcow")"), DiagnosticId::kBundleInvalid},
           {"another media type", image(R"(,"mediaType":"text/plain")"),
            DiagnosticId::kBundleInvalid}}) {
    EXPECT_TRUE(HasId(Encode(row.text).status(), row.id))
        << row.name << ": " << Encode(row.text).status();
  }
}

TEST(SetImagesTest, FillsInWhatTheRegistryKnows) {
  const Source source = {.text = R"({"invocationImages":[{"image":"a"}],"images":{"x":{}}})"};
  absl::StatusOr<json::Value> bundle = json::Parse(source);
  ASSERT_TRUE(bundle.ok());
  const absl::Status status = SetImages({{.digest = "sha256:1", .size = 2, .media_type = "t"},
                                         {.name = "x", .digest = "sha256:3", .size = 4}},
                                        &*bundle);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(json::Canonical(*bundle),
            R"({"images":{"x":{"contentDigest":"sha256:3","mediaType":"","size":4}},)"
            R"("invocationImages":[{"contentDigest":"sha256:1","image":"a","mediaType":"t",)"
            R"("size":2}]})");
  EXPECT_TRUE(HasId(SetImages({{.name = "y"}}, &*bundle), DiagnosticId::kBundleInvalid));
}

// An image that a registry takes; its digest and size.
BundleImage PushImage(Registry& registry, const Reference& repository, std::string_view config) {
  const std::string digest = Sha256Digest(config);
  EXPECT_TRUE(registry.PutBlob(repository, digest, config).ok());
  const std::string manifest = absl::StrCat(
      R"({"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json",)",
      R"("digest":")", digest, R"(","size":)", config.size(), R"(},"layers":[]})");
  const std::string manifest_digest = Sha256Digest(manifest);
  const absl::Status status =
      registry.PutManifest(repository.WithDigest(manifest_digest), kOciManifest, manifest);
  EXPECT_TRUE(status.ok()) << status;
  return {.digest = manifest_digest,
          .size = static_cast<int64_t>(manifest.size()),
          .media_type = std::string(kOciManifest)};
}

TEST(FetchBundleTest, ReadsWhatWasPushed) {
  TestingRegistry server;
  const std::unique_ptr<Registry> registry = server.Client();
  const Reference target = server.Ref("org/my-app:v1");
  std::vector<BundleImage> images;
  for (const char* name : {"", "another-image", "image-1"}) {
    images.push_back(PushImage(*registry, target, absl::StrCat("{\"of\":\"", name, "\"}")));
    images.back().name = name;
    images.back().reference =
        absl::StrCat("my.registry/namespace/", *name == 0 ? "my-app-invoc" : name);
  }
  absl::StatusOr<json::Value> json = json::Parse({.text = std::string(kBundle)});
  ASSERT_TRUE(json.ok());
  ASSERT_TRUE(SetImages(images, &*json).ok());
  const absl::StatusOr<EncodedBundle> encoded = EncodeBundle(*json, images);
  ASSERT_TRUE(encoded.ok()) << encoded.status();
  const absl::Status pushed = PushBundle(*registry, target, *encoded);
  ASSERT_TRUE(pushed.ok()) << pushed;

  std::map<std::string, std::string> mapping;
  for (const BundleImage& image : images) {
    mapping[image.reference] = absl::StrCat(server.host(), "/org/my-app@", image.digest);
  }
  const FetchedBundle expected = {.bundle_json = encoded->config,
                                  .digest = encoded->index_digest,
                                  .index = encoded->index,
                                  .index_type = std::string(kOciIndex),
                                  .config_manifest = encoded->config_manifest,
                                  .config_manifest_type = std::string(kOciManifest),
                                  .images = images,
                                  .mapping = mapping};
  const Reference by_digest = target.WithDigest(encoded->index_digest);
  for (const Reference& reference : {target, by_digest}) {
    const absl::StatusOr<FetchedBundle> fetched = FetchBundle(*registry, reference);
    ASSERT_TRUE(fetched.ok()) << fetched.status();
    EXPECT_EQ(*fetched, expected);
  }
  const auto again = MappingOf({.text = encoded->index}, {.text = encoded->config}, target);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, mapping);

  const absl::Status image = FetchBundle(*registry, target.WithDigest(images[0].digest)).status();
  EXPECT_TRUE(HasId(image, DiagnosticId::kBundleInvalid)) << image;
}

struct BadIndex {
  std::string name;
  std::string manifests;
};

TEST(MappingOfTest, RefusesDescriptorsThatTheFormatDoesNotHave) {
  const auto descriptor = [](std::string_view annotations) {
    return absl::StrCat(R"({"mediaType":")", kOciManifest, R"(","digest":")", kImage,
                        R"(1","size":1,"annotations":{)", annotations, "}}");
  };
  for (const BadIndex& row : std::vector<BadIndex>{
           {"no type", descriptor("")},
           {"another type", descriptor(R"("io.cnab.manifest.type":"dependency")")},
           {"no name", descriptor(R"("io.cnab.manifest.type":"component")")},
           {"unknown name", descriptor(R"("io.cnab.manifest.type":"component",)"
                                       R"("io.cnab.component.name":"nobody")")}}) {
    const auto mapping = MappingOf(
        {.text = absl::StrCat(R"({"schemaVersion":2,"manifests":[)", row.manifests, "]}")},
        {.text = std::string(kBundle)}, *Reference::Parse("example.com/a"));
    EXPECT_TRUE(HasId(mapping.status(), DiagnosticId::kBundleInvalid))
        << row.name << ": " << mapping.status();
  }
}

}  // namespace
}  // namespace deps
