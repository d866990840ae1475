// Whatever is in images goes along as it is.
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/cli/command.h"
#include "lib/digest/sha256.h"
#include "lib/oci/reference.h"
#include "lib/oci/registry.h"
#include "lib/relocate/family_for_tests.h"
#include "lib/relocate/plan.h"
#include "lib/relocate/publish.h"
#include "tools/oci-relocate/oci_relocate_for_tests.h"

namespace deps {
namespace {

class ContentsTest : public ThreeBundlesTest {
 protected:
  std::string Layer(std::string_view type, std::string_view bytes, std::string_view more = "") {
    return absl::StrCat("{\"mediaType\":\"", type, "\",\"digest\":\"", Sha256Digest(bytes),
                        "\",\"size\":", bytes.size(), more, "}");
  }
  // Publishes what `odd_` has, and returns what Execute takes to name it.
  std::string Publish() {
    odd_.Add(source_.host() + "/odd", "1.0.0");
    const RelocationPlan plan = *PlanRelocation(odd_.family, {.registry = source_.host()});
    const auto published = deps::Publish(odd_.family, plan, *registry_, {});
    EXPECT_TRUE(published.ok()) << published.status();
    return source_.host() + "/odd:v1.0.0";
  }
  // To copied/odd, and through an archive to archived/odd; returns what was said.
  std::string Relocate(const std::string& bundle, std::vector<std::string> options = {}) {
    std::vector<std::string> copy = {"copy", bundle, "--registry", target_.host() + "/copied"};
    std::vector<std::string> pack = {"pack", bundle, "-o", Path("odd.tgz")};
    copy.insert(copy.end(), options.begin(), options.end());
    pack.insert(pack.end(), options.begin(), options.end());
    const Result copied = Execute(copy);
    const Result packed = Execute(pack);
    EXPECT_EQ(copied.code, ExitCode::kOk) << copied.err;
    EXPECT_EQ(packed.code, ExitCode::kOk) << packed.err;
    Report(Execute({"publish", Path("odd.tgz"), "--registry", target_.host() + "/archived"}));
    return copied.err + packed.err;
  }
  // The digest of the image, and which of `digests` are there, at each target.
  void ExpectAtTargets(const std::vector<std::string>& digests, bool there) {
    for (const char* const path : {"/copied/odd", "/archived/odd"}) {
      const Reference odd = *Reference::Parse(target_.host() + path);
      const std::string& image = odd_.family.members[0].images[0].digest;
      const auto found = registry_->HeadManifest(odd.WithDigest(image));
      EXPECT_TRUE(found.ok() && found->has_value()) << path;
      for (const std::string& digest : digests) {
        EXPECT_EQ(*registry_->HasBlob(odd, digest), there) << path << "@" << digest;
      }
      EXPECT_EQ(Execute({"verify", odd.WithTag("v1.0.0").Familiar()}).code, ExitCode::kOk);
    }
  }

  FamilyMaker odd_;
};

TEST_F(ContentsTest, TypesThatNobodyKnowsAndIndexesInIndexesGoAlong) {
  odd_.platforms = {"linux/amd64", "linux/arm64"};
  odd_.indexes_above = 2;
  odd_.more_layers = {Layer("application/vnd.oci.image.layer.v1.tar+zstd", "no zstd at all"),
                      Layer("application/vnd.example.of-ours", "anything")};
  const std::vector<std::string> digests = {odd_.AddBlob("no zstd at all"),
                                            odd_.AddBlob("anything")};
  EXPECT_EQ(Relocate(Publish()), "");
  ExpectAtTargets(digests, true);
}

constexpr std::string_view kForeign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
constexpr std::string_view kUrls = ",\"urls\":[\"https://192.0.2.1/layer\"]";

TEST_F(ContentsTest, ALayerThatIsKeptElsewhereIsLeftOutAndNamed) {
  odd_.more_layers = {Layer(kForeign, "elsewhere", kUrls)};
  const std::string bundle = Publish();
  const std::string note = absl::StrCat(
      "oci-relocate: left out: layer ", Sha256Digest("elsewhere"), " of ", source_.host(), "/odd@",
      odd_.family.members[0].images[0].digest, ", which is kept elsewhere\n");
  EXPECT_EQ(Relocate(bundle), note + note);
  ExpectAtTargets({Sha256Digest("elsewhere")}, false);
  // Nor is it anywhere where it could be taken from.
  EXPECT_EQ(Relocate(bundle, {"--include-foreign"}), note + note);
}

TEST_F(ContentsTest, ALayerThatIsKeptElsewhereIsTakenAlongWhereItIsWantedAndThere) {
  odd_.more_layers = {Layer(kForeign, "elsewhere", kUrls)};
  const std::string bundle = Publish();
  const Reference odd = *Reference::Parse(bundle);
  ASSERT_TRUE(registry_->PutBlob(odd, Sha256Digest("elsewhere"), "elsewhere").ok());
  EXPECT_EQ(Relocate(bundle, {"--include-foreign"}), "");
  ExpectAtTargets({Sha256Digest("elsewhere")}, true);
}

}  // namespace
}  // namespace deps
