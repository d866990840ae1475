#include "lib/relocate/family_for_tests.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
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
    const std::vector<std::string> parts = absl::StrSplit(reference, '|');
    absl::StrAppend(&text, text.empty() ? "" : ",", "\"", alias, "\":{\"bundle\":\"", parts[0],
                    "\"");
    if (parts.size() > 1) absl::StrAppend(&text, ",\"version\":\"", parts[1], "\"");
    absl::StrAppend(&text, "}");
  }
  return absl::StrCat("\"custom\":{\"org.getporter.dependencies@v2\":{\"requires\":{", text,
                      "}}},");
}

}  // namespace

FamilyMaker::FamilyMaker() {
  family.folder = std::make_shared<TemporaryFolder>(*TemporaryFolder::Create("family"));
}

std::string FamilyMaker::AddBlob(const std::string& bytes) {
  const std::string digest = Sha256Digest(bytes);
  const std::string path = absl::StrCat(family.folder->path(), "/", digest.substr(7));
  EXPECT_TRUE(WriteFile(path, bytes).ok());
  family.blobs[digest] = {.path = path, .size = static_cast<int64_t>(bytes.size())};
  return digest;
}

// A manifest of one layer; its bytes.
std::string FamilyMaker::AddManifest(const std::string& layer) {
  const std::string config = "{}";
  std::string more;
  for (const std::string& descriptor : more_layers) absl::StrAppend(&more, ",", descriptor);
  const std::string manifest = absl::StrCat(
      "{\"schemaVersion\":2,\"mediaType\":\"", kOciManifest, "\",\"config\":",
      DescriptorText("application/vnd.oci.image.config.v1+json", AddBlob(config), config.size()),
      ",\"layers\":[",
      DescriptorText("application/vnd.oci.image.layer.v1.tar", AddBlob(layer), layer.size()), more,
      "]}");
  AddBlob(manifest);
  return manifest;
}

FamilyMaker::Image FamilyMaker::AddImage(const std::string& layer) {
  if (platforms.empty()) return {AddManifest(layer), std::string(kOciManifest)};
  std::string children;
  for (const std::string& platform : platforms) {
    const std::string manifest = AddManifest(layer + " for " + platform);
    std::string child =
        DescriptorText(std::string(kOciManifest), Sha256Digest(manifest), manifest.size());
    const std::vector<std::string> parts = absl::StrSplit(platform, '/');
    child.pop_back();
    absl::StrAppend(&child, ",\"platform\":{\"os\":\"", parts[0], "\",\"architecture\":\"",
                    parts[1], "\"", parts.size() > 2 ? ",\"variant\":\"" + parts[2] + "\"" : "",
                    "}}");
    absl::StrAppend(&children, children.empty() ? "" : ",", child);
  }
  std::string index;
  for (int i = 0; i <= indexes_above; ++i) {
    index = absl::StrCat("{\"schemaVersion\":2,\"mediaType\":\"", kOciIndex, "\",\"manifests\":[",
                         children, "]}");
    children = DescriptorText(std::string(kOciIndex), AddBlob(index), index.size());
  }
  return {index, std::string(kOciIndex)};
}

std::string FamilyMaker::Add(const std::string& repository, const std::string& version,
                             const std::map<std::string, std::string>& references,
                             const std::map<std::string, std::string>& members) {
  const std::string name = Reference::Parse(repository)->Name();
  const std::string layer = absl::StrCat("layer of ", name, " ", version);
  const Image content = AddImage(layer);
  const std::string image = absl::StrCat("example.com/", name, "-installer:v", version);
  const std::string image_digest = Sha256Digest(content.bytes);
  const Source source = {
      .name = name,
      .text = absl::StrCat("{", Extension(references),
                           "\"description\":\"\",\"invocationImages\":[{\"contentDigest\":\"",
                           image_digest, "\",\"image\":\"", image,
                           "\",\"imageType\":\"oci\",\"mediaType\":\"", content.media_type,
                           "\",\"size\":", content.bytes.size(), "}],\"name\":\"", name,
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
  member.source_digest = encoded.index_digest;
  member.mapping = {{image, absl::StrCat(repository, "@", image_digest)}};
  for (const std::string& text : {encoded.config, encoded.config_manifest, encoded.index}) {
    AddBlob(text);
  }
  family.members.push_back(member);
  return member.Source();
}

}  // namespace deps
