#include "lib/relocate/family_for_tests.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/digest/sha256.h"
#include "lib/io/file.h"
#include "lib/json/json.h"
#include "lib/oci/bundle_format.h"
#include "lib/oci/reference.h"

namespace deps {
namespace {

std::string DescriptorText(const std::string& type, const std::string& digest, size_t size) {
  return absl::StrCat("{\"mediaType\":\"", type, "\",\"digest\":\"", digest, "\",\"size\":", size,
                      "}");
}

std::string Extension(const std::map<std::string, std::string>& references) {
  if (references.empty()) return "";
  std::string text;
  for (const auto& [alias, reference] : references) {
    absl::StrAppend(&text, text.empty() ? "" : ",", "\"", alias, "\":{\"bundle\":\"", reference,
                    "\"}");
  }
  return absl::StrCat("\"custom\":{\"org.getporter.dependencies@v2\":{\"requires\":{", text,
                      "}}},");
}

}  // namespace

FamilyMaker::FamilyMaker() {
  family.folder = std::make_shared<TemporaryFolder>(*TemporaryFolder::Create("family-"));
}

std::string FamilyMaker::AddBlob(const std::string& bytes) {
  const std::string digest = Sha256Digest(bytes);
  const std::string path = absl::StrCat(family.folder->path(), "/", digest.substr(7));
  EXPECT_TRUE(WriteFile(path, bytes).ok());
  family.blobs[digest] = {.path = path, .size = static_cast<int64_t>(bytes.size())};
  return digest;
}

std::string FamilyMaker::Add(const std::string& repository, const std::string& version,
                             const std::map<std::string, std::string>& references,
                             const std::map<std::string, std::string>& members) {
  const std::string name = Reference::Parse(repository)->Name();
  const std::string layer = absl::StrCat("layer of ", name, " ", version);
  const std::string config = "{}";
  const std::string manifest = absl::StrCat(
      "{\"schemaVersion\":2,\"mediaType\":\"", kOciManifest, "\",\"config\":",
      DescriptorText("application/vnd.oci.image.config.v1+json", AddBlob(config), config.size()),
      ",\"layers\":[",
      DescriptorText("application/vnd.oci.image.layer.v1.tar", AddBlob(layer), layer.size()), "]}");
  const std::string image = absl::StrCat("example.com/", name, "-installer:v", version);
  const std::string image_digest = AddBlob(manifest);
  const Source source = {
      .name = name,
      .text = absl::StrCat("{", Extension(references),
                           "\"description\":\"\",\"invocationImages\":[{\"contentDigest\":\"",
                           image_digest, "\",\"image\":\"", image,
                           "\",\"imageType\":\"oci\",\"mediaType\":\"", kOciManifest,
                           "\",\"size\":", manifest.size(), "}],\"name\":\"", name,
                           "\",\"schemaVersion\":\"1.0.0\",\"version\":\"", version, "\"}")};
  const json::Value bundle = *json::Parse(source);
  FamilyMember member = {.repository = repository,
                         .tag = "v" + version,
                         .references = {absl::StrCat(repository, ":v", version)},
                         .name = name,
                         .version = version,
                         .requirements = members};
  member.images = *ImagesOf(source, bundle);
  const EncodedBundle encoded = *EncodeBundle(bundle, member.images);
  member.bundle_json = encoded.config;
  member.config_manifest = {encoded.config_manifest, std::string(kOciManifest),
                            encoded.config_manifest_digest};
  member.index = {encoded.index, std::string(kOciIndex), encoded.index_digest};
  member.mapping = {{image, absl::StrCat(repository, "@", image_digest)}};
  for (const std::string& text : {encoded.config, encoded.config_manifest, encoded.index}) {
    AddBlob(text);
  }
  family.members.push_back(member);
  return member.Source();
}

}  // namespace deps
