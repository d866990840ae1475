#include "lib/relocate/layout.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/digest/sha256.h"
#include "lib/json/json.h"
#include "lib/oci/manifest.h"
#include "lib/relocate/family_for_tests.h"
#include "lib/relocate/verify.h"

namespace deps {
namespace {

FamilyMaker ThreeLevels() {
  FamilyMaker maker;
  const std::string db = maker.Add("a.com/x/db", "1.0.0");
  const std::string web =
      maker.Add("a.com/web", "2.0.0", {{"db", "a.com/x/db:v1.0.0"}}, {{"db", db}});
  maker.Add("a.com/app", "3.0.0", {{"db", "a.com/x/db:v1.0.0"}, {"web", "a.com/web:v2.0.0"}},
            {{"db", db}, {"web", web}});
  return maker;
}

// As if `archive` had been written and read.
absl::StatusOr<Family> Reopen(const BundleArchive& archive) {
  OpenedArchive opened;
  opened.content = archive;
  return FamilyOf(std::move(opened), "a.tgz");
}

void ExpectSame(const Family& a, const Family& b) {
  ASSERT_EQ(a.members.size(), b.members.size());
  for (size_t i = 0; i < a.members.size(); ++i) {
    EXPECT_EQ(a.members[i].Source(), b.members[i].Source());
    EXPECT_EQ(a.members[i].tag, b.members[i].tag);
    EXPECT_EQ(a.members[i].references, b.members[i].references);
    EXPECT_EQ(a.members[i].name, b.members[i].name);
    EXPECT_EQ(a.members[i].version, b.members[i].version);
    EXPECT_EQ(a.members[i].bundle_json, b.members[i].bundle_json);
    EXPECT_EQ(a.members[i].config_manifest, b.members[i].config_manifest);
    EXPECT_EQ(a.members[i].index, b.members[i].index);
    EXPECT_EQ(a.members[i].images, b.members[i].images);
    EXPECT_EQ(a.members[i].mapping, b.members[i].mapping);
    EXPECT_EQ(a.members[i].requirements, b.members[i].requirements);
  }
  EXPECT_EQ(a.blobs, b.blobs);
}

// The archive as Porter would write it: the root's images alone in the layout.
BundleArchive AsPorter(BundleArchive archive) {
  const Source source = {.name = "index.json", .text = archive.index_json};
  json::Value index = *json::Parse(source);
  std::vector<json::Value> images;
  for (const json::Value& entry : index.Find("manifests")->items) {
    if (absl::EndsWith(entry.Find("mediaType")->text, "manifest.v1+json")) images.push_back(entry);
  }
  index.Set("manifests", json::Value::Array(images));
  archive.index_json = json::Canonical(index);
  return archive;
}

TEST(LayoutTest, AFamilySurvivesAnArchive) {
  const FamilyMaker maker = ThreeLevels();
  const BundleArchive archive = ArchiveOf(maker.family);
  std::vector<std::string> folders;
  for (const auto& [folder, bundle] : archive.dependencies) folders.push_back(folder);
  EXPECT_EQ(folders, (std::vector<std::string>{"db-1.0.0", "web-2.0.0"}));
  const absl::StatusOr<Family> family = Reopen(archive);
  ASSERT_TRUE(family.ok()) << family.status();
  ExpectSame(*family, maker.family);
  EXPECT_TRUE(CheckFamily(*family).ok());
}

TEST(LayoutTest, TheLayoutNamesEveryBundleAndImage) {
  FamilyMaker maker;
  const std::string source = maker.Add("mysql", "1.0.0");
  const BundleArchive archive = ArchiveOf(maker.family);
  const FamilyMember& member = maker.family.members[0];
  const std::string expected = absl::StrCat(R"({
   "schemaVersion": 2,
   "mediaType": "application/vnd.oci.image.index.v1+json",
   "manifests": [
      {
         "mediaType": "application/vnd.oci.image.manifest.v1+json",
         "size": )",
                                            member.images[0].size, R"(,
         "digest": ")",
                                            member.images[0].digest, R"(",
         "annotations": {
            "org.opencontainers.image.ref.name": "docker.io/library/mysql@)",
                                            member.images[0].digest, R"("
         }
      },
)");
  EXPECT_TRUE(absl::StartsWith(archive.index_json, expected)) << archive.index_json;
  EXPECT_TRUE(absl::StrContains(archive.index_json, "\"docker.io/library/mysql:v1.0.0\""));
  EXPECT_TRUE(absl::EndsWith(archive.index_json, "\n   ]\n}"));
  EXPECT_EQ(archive.root.mapping_json,
            absl::StrCat("{\"example.com/mysql-installer:v1.0.0\":\"mysql@",
                         member.images[0].digest, "\"}"));
}

TEST(LayoutTest, FoldersOfTheSameNameGetTheirDigests) {
  FamilyMaker maker;
  const std::string x = maker.Add("a.com/x/db", "1.0.0");
  const std::string y = maker.Add("b.com/y/db", "1.0.0", {{"x", "a.com/x/db:v1.0.0"}}, {{"x", x}});
  maker.Add("a.com/app", "1.0.0", {{"y", "b.com/y/db:v1.0.0"}}, {{"y", y}});
  const BundleArchive archive = ArchiveOf(maker.family);
  ASSERT_EQ(archive.dependencies.size(), 2u);
  for (const auto& [folder, bundle] : archive.dependencies) {
    EXPECT_EQ(folder.size(), std::string("db-1.0.0-").size() + 12) << folder;
  }
  ExpectSame(*Reopen(archive), maker.family);
}

TEST(LayoutTest, ArchivesOfPorterAreReadAndTheIndexIsMadeAgain) {
  FamilyMaker maker;
  maker.Add("a.com/app", "3.0.0");
  const absl::StatusOr<Family> family = Reopen(AsPorter(ArchiveOf(maker.family)));
  ASSERT_TRUE(family.ok()) << family.status();
  ASSERT_EQ(family->members.size(), 1u);
  EXPECT_EQ(family->members[0].index, maker.family.members[0].index);
  EXPECT_EQ(family->members[0].Source(), maker.family.members[0].Source());
  EXPECT_EQ(family->members[0].tag, "");
}

TEST(LayoutTest, WithoutAnnotationsRequirementsAreFoundByRepositoryAndVersion) {
  const FamilyMaker maker = ThreeLevels();
  const absl::StatusOr<Family> family = Reopen(AsPorter(ArchiveOf(maker.family)));
  ASSERT_TRUE(family.ok()) << family.status();
  ASSERT_EQ(family->members.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(family->members[i].Source(), maker.family.members[i].Source());
    EXPECT_EQ(family->members[i].requirements, maker.family.members[i].requirements);
  }
  EXPECT_EQ(family->members[0].tag, "v1.0.0");
}

TEST(LayoutTest, WhatIsMissingIsTold) {
  const FamilyMaker maker = ThreeLevels();
  const BundleArchive whole = ArchiveOf(maker.family);
  BundleArchive archive = AsPorter(whole);
  archive.dependencies.clear();
  absl::StatusOr<Family> family = Reopen(archive);
  ASSERT_TRUE(HasId(family.status(), DiagnosticId::kArchiveInvalid)) << family.status();
  EXPECT_EQ(DiagnosticsOf(family.status()).front().message,
            "the archive lacks what bundle app requires: a.com/x/db:v1.0.0, a.com/web:v2.0.0");
  archive = whole;
  archive.dependencies.erase("db-1.0.0");
  EXPECT_TRUE(HasId(Reopen(archive).status(), DiagnosticId::kArchiveInvalid));
  for (const auto& [digest, blob] : whole.blobs) {
    archive = whole;
    archive.blobs.erase(digest);
    family = Reopen(archive);
    const bool is_config = digest == Sha256Digest(maker.family.members[0].bundle_json) ||
                           digest == Sha256Digest(maker.family.members[1].bundle_json) ||
                           digest == Sha256Digest(maker.family.members[2].bundle_json);
    // bundle.json itself is in the archive twice.
    EXPECT_EQ(family.ok() && CheckFamily(*family).ok(), is_config) << digest;
  }
}

TEST(LayoutTest, ManifestsThatRegistriesDoNotTakeAreToldBeforehand) {
  FamilyMaker maker;
  const std::string layer =
      absl::StrCat(R"({"mediaType":"application/vnd.oci.image.layer.nondistributable.v1.tar",)",
                   R"("digest":")", Sha256Digest("elsewhere"), R"(","size":9})");
  maker.more_layers.assign(30'000, layer);
  maker.Add("a.com/app", "3.0.0");
  const BundleImage& image = maker.family.members[0].images[0];
  const absl::Status status = CheckFamily(maker.family);
  EXPECT_TRUE(HasId(status, DiagnosticId::kInputTooLarge)) << status;
  EXPECT_EQ(DiagnosticsOf(status).front().message,
            absl::StrCat("image ", image.reference, " of app: manifest ", image.digest, " has ",
                         image.size, " bytes; registries take up to 4 MiB"));
}

TEST(LayoutTest, SoAreThoseThatAreAttached) {
  FamilyMaker maker;
  maker.Add("a.com/app", "3.0.0");
  FamilyMember& app = maker.family.members[0];
  const std::string bytes =
      absl::StrCat(R"({"schemaVersion":2,"manifests":[],"annotations":{"a":")",
                   std::string(size_t{4} << 20, 'x'), R"("}})");
  const std::string digest = maker.AddBlob(bytes);
  app.attachments.push_back(
      {.subject = app.source_digest,
       .manifest = {.bytes = bytes, .media_type = std::string(kOciIndex), .digest = digest}});
  const absl::Status status = CheckFamily(maker.family);
  EXPECT_TRUE(HasId(status, DiagnosticId::kInputTooLarge)) << status;
  EXPECT_EQ(DiagnosticsOf(status).front().message,
            absl::StrCat("what is attached to ", app.source_digest, " of app: manifest ", digest,
                         " has ", bytes.size(), " bytes; registries take up to 4 MiB"));
}

TEST(LayoutTest, DocumentsThatContradictEachOtherAreRefused) {
  FamilyMaker maker;
  maker.Add("a.com/app", "3.0.0");
  BundleArchive archive = ArchiveOf(maker.family);
  archive.root.bundle_json.insert(1, "\"a\":1,");
  EXPECT_TRUE(HasId(Reopen(archive).status(), DiagnosticId::kArchiveInvalid));
}

}  // namespace
}  // namespace deps
