// Skopeo reads all that is packed and published.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/cli/command.h"
#include "lib/digest/sha256.h"
#include "lib/model/relocation.h"
#include "lib/oci/bundle_format.h"
#include "lib/oci/manifest.h"
#include "lib/oci/reference.h"
#include "lib/oci/registry.h"
#include "lib/relocate/family.h"
#include "lib/relocate/family_for_tests.h"
#include "lib/relocate/plan.h"
#include "lib/relocate/publish.h"
#include "tools/oci-relocate/oci_relocate_for_tests.h"

namespace deps {
namespace {

std::string OutputOf(const std::string& command) {
  std::string output;
  FILE* const pipe = popen(command.c_str(), "r");
  char buffer[4096];
  for (size_t count = 0; (count = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) {
    output.append(buffer, count);
  }
  EXPECT_EQ(pclose(pipe), 0) << command;
  return output;
}

class SkopeoTest : public ThreeBundlesTest {
 protected:
  // Packs a bundle, and copies all that its archive has a name for to `target_`.
  // Returns the names of what was copied, without hosts and digests.
  std::vector<std::string> CopyAllOf(const std::string& reference);
};

std::vector<std::string> SkopeoTest::CopyAllOf(const std::string& reference) {
  const std::string unpacked = Path("unpacked");
  EXPECT_EQ(Execute({"pack", reference, "-o", Path("all.tgz")}).code, ExitCode::kOk);
  OutputOf(absl::StrCat("rm -rf ", unpacked, " && mkdir ", unpacked, " && tar xzf ",
                        Path("all.tgz"), " -C ", unpacked));
  const std::string layout = unpacked + "/artifacts/layout";
  const ManifestContent index =
      *ParseManifest({.name = "index.json", .text = Text(layout + "/index.json")}, kOciIndex);
  std::vector<std::string> names;
  for (const Descriptor& entry : index.manifests) {
    const std::string name = entry.annotations.at("org.opencontainers.image.ref.name");
    const std::string copy = absl::StrCat(target_.host(), "/copies:", names.size());
    const std::string command = absl::StrCat(
        "skopeo copy --quiet --all --preserve-digests --dest-tls-verify=false oci:", layout, ":",
        name, " docker://", copy);
    if (std::system(command.c_str()) != 0) continue;
    const auto found = registry_->HeadManifest(*Reference::Parse(copy));
    EXPECT_TRUE(found.ok() && found->has_value() && (*found)->digest == entry.digest) << name;
    const size_t host = source_.host().size() + 1;
    names.push_back(name.substr(host, name.find('@') - host));
  }
  return names;
}

TEST_F(SkopeoTest, ReadsTheArchiveAndWhatWasPublished) {
  Pack();
  const Relocation relocation =
      Report(Execute({"publish", Path("a.tgz"), "--registry", target_.host()}));
  for (const RelocatedBundle& bundle : relocation.bundles) {
    const std::string raw =
        OutputOf("skopeo inspect --raw --tls-verify=false docker://" + bundle.tag);
    EXPECT_TRUE(absl::EndsWith(bundle.target, Sha256Digest(raw))) << raw;
  }
  OutputOf(absl::StrCat("cd ", folder_.path(), " && tar xzf a.tgz"));
  const FamilyMember& db = maker_.family.members[0];
  EXPECT_EQ(OutputOf(absl::StrCat("skopeo inspect --raw oci:", folder_.path(),
                                  "/artifacts/layout:", db.references.front())),
            db.index.bytes);
}

TEST_F(SkopeoTest, CopiesAllThatWasPacked) {
  EXPECT_EQ(CopyAllOf(app_), (std::vector<std::string>{"team/app", "team/app", "team/app:v3.0.0",
                                                       "team/web", "team/web", "team/web:v2.0.0",
                                                       "team/db", "team/db", "team/db:v1.0.0"}));
}

TEST_F(SkopeoTest, CopiesImagesForManyPlatformsAndTheirSignatures) {
  const std::string host = source_.host() + "/other";
  FamilyMaker maker;
  maker.platforms = {"linux/amd64", "linux/arm64"};
  maker.Add(host + "/many", "1.0.0");
  const RelocationPlan plan = *PlanRelocation(maker.family, {.registry = host});
  ASSERT_TRUE(Publish(maker.family, plan, *registry_, {}).ok());
  const BundleImage& image = maker.family.members[0].images[0];
  const Reference many = *Reference::Parse(host + "/many");
  const std::string signature = absl::StrCat(
      R"({"schemaVersion":2,"mediaType":")", kOciManifest,
      R"(","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")",
      Sha256Digest("{}"), R"(","size":2},"layers":[]})");
  ASSERT_TRUE(registry_->PutBlob(many, Sha256Digest("{}"), "{}").ok());
  const std::string tag = "sha256-" + image.digest.substr(7) + ".sig";
  ASSERT_TRUE(registry_->PutManifest(many.WithTag(tag), kOciManifest, signature).ok());
  // It takes no index in an index, such as that of this bundle.
  EXPECT_EQ(CopyAllOf(host + "/many:v1.0.0"),
            (std::vector<std::string>{"other/many", "other/many:" + tag}));
}

}  // namespace
}  // namespace deps
