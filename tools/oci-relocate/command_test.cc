#include "lib/cli/command.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "lib/archive/archive.h"
#include "lib/cli/env.h"
#include "lib/digest/sha256.h"
#include "lib/io/file.h"
#include "lib/model/relocation.h"
#include "lib/oci/bundle_format.h"
#include "lib/oci/manifest.h"
#include "lib/oci/reference.h"
#include "lib/oci/registry.h"
#include "lib/oci/testing_registry.h"
#include "lib/relocate/family.h"
#include "lib/relocate/family_for_tests.h"
#include "lib/relocate/plan.h"
#include "lib/relocate/porter_tag.h"
#include "lib/relocate/publish.h"
#include "tools/oci-relocate/command.h"
#include "tools/oci-relocate/oci_relocate_for_tests.h"
#include "tools/oci-relocate/progress_bars.h"

namespace deps {
namespace {

class OciRelocateTest : public ThreeBundlesTest {};

TEST_F(OciRelocateTest, PackingTwiceGivesTheSameBytes) {
  Pack();
  const std::string first = Text(Path("a.tgz"));
  Pack();
  EXPECT_EQ(Text(Path("a.tgz")), first);
  const Result piped = Execute({"pack", app_});
  EXPECT_EQ(piped.code, ExitCode::kOk);
  EXPECT_EQ(piped.out, first);
}

TEST_F(OciRelocateTest, AnArchiveIsPublishedWithoutTheRegistryItCameFrom) {
  Pack();
  source_.Stop();
  const std::string host = target_.host();
  const Result result = Execute(
      {"publish", Path("a.tgz"), "--registry", host + "/mirror", "--mapping", Path("map.json")});
  const Relocation relocation = Report(result);
  ASSERT_EQ(relocation.bundles.size(), 3u);
  std::vector<std::string> tags;
  for (size_t i = 0; i < 3; ++i) {
    const RelocatedBundle& bundle = relocation.bundles[i];
    tags.push_back(bundle.tag);
    EXPECT_EQ(bundle.action, "pushed");
    EXPECT_EQ(bundle.source, maker_.family.members[i].Source());
    // The registry has under the tag what the report says.
    const Reference tag = *Reference::Parse(bundle.tag);
    const absl::StatusOr<std::optional<Descriptor>> found = registry_->HeadManifest(tag);
    ASSERT_TRUE(found.ok() && found->has_value()) << bundle.tag;
    EXPECT_EQ(bundle.target, tag.WithDigest((*found)->digest).Familiar());
    EXPECT_EQ(relocation.mapping.at(bundle.source), bundle.target);
    EXPECT_EQ(relocation.mapping.at(maker_.family.members[i].references.front()), bundle.target);
  }
  EXPECT_EQ(tags, (std::vector<std::string>{host + "/mirror/db:v1.0.0", host + "/mirror/web:v2.0.0",
                                            host + "/mirror/app:v3.0.0"}));
  // A leaf keeps its digest, what needs it does not.
  EXPECT_TRUE(absl::EndsWith(relocation.bundles[0].target, maker_.family.members[0].index.digest));
  EXPECT_FALSE(absl::EndsWith(relocation.bundles[1].target, maker_.family.members[1].index.digest));
  ASSERT_EQ(relocation.images.size(), 3u);
  for (const RelocatedImage& image : relocation.images) {
    EXPECT_EQ(image.action, "pushed");
    EXPECT_EQ(relocation.mapping.at(image.source), image.target);
  }
  EXPECT_GT(relocation.bytes_uploaded, 0);
  EXPECT_EQ(Text(Path("map.json")), FormatMapping(relocation.mapping));
}

TEST_F(OciRelocateTest, WhatIsThereIsNotSentAgain) {
  Pack();
  const std::vector<std::string> args = {"publish", Path("a.tgz"), "--registry", target_.host()};
  const Relocation first = Report(Execute(args));
  const int writes = target_.Writes();
  EXPECT_GT(writes, 0);
  const Relocation second = Report(Execute(args));
  EXPECT_EQ(target_.Writes(), writes);
  EXPECT_EQ(second.mapping, first.mapping);
  EXPECT_EQ(second.bytes_uploaded, 0);
  EXPECT_EQ(second.bytes_reused, first.bytes_uploaded + first.bytes_reused);
  for (const RelocatedBundle& bundle : second.bundles) EXPECT_EQ(bundle.action, "unchanged");
  for (const RelocatedImage& image : second.images) EXPECT_EQ(image.action, "unchanged");
}

TEST_F(OciRelocateTest, WhatTheRegistryHasLostIsSentAgain) {
  Pack();
  const std::string host = target_.host();
  std::vector<std::string> publish = {"publish", Path("a.tgz"), "--registry", host};
  const Relocation first = Report(Execute(publish));
  const std::vector<std::string> verify = {"verify", Path("a.tgz"), "--registry", host};
  const FamilyMember& member = maker_.family.members[0];
  for (const std::string& manifest : {member.images[0].digest, member.config_manifest.digest}) {
    target_.Remove(manifest);
    EXPECT_EQ(Execute(verify).code, ExitCode::kNo) << manifest;
    const Relocation again = Report(Execute(publish));
    const bool is_image = manifest == member.images[0].digest;
    EXPECT_EQ(again.bundles[0].action, is_image ? "unchanged" : "pushed");
    EXPECT_EQ(Execute(verify).code, ExitCode::kOk) << manifest;
  }
  // A blob below a manifest that is there: this asks for each, so only by force.
  target_.Remove(Sha256Digest("layer of db 1.0.0"));
  const Result lost = Execute(verify);
  EXPECT_EQ(lost.code, ExitCode::kNo);
  EXPECT_TRUE(absl::EndsWith(lost.err,
                             "oci-relocate: publishing the archive again sends what is missing; "
                             "with --force also blobs of images that are there\n"))
      << lost.err;
  publish.push_back("--force");
  Report(Execute(publish));
  EXPECT_EQ(Execute(verify).code, ExitCode::kOk);
  for (const RelocatedImage& image : Report(Execute(publish)).images) {
    EXPECT_EQ(image.action, "unchanged");
  }
}

TEST_F(OciRelocateTest, ARewrittenBundleNamesItsDependenciesByDigest) {
  Pack();
  const Relocation relocation =
      Report(Execute({"publish", Path("a.tgz"), "--registry", target_.host()}));
  // What was published is packed again, through the mapping's digests.
  const Reference app = *Reference::Parse(relocation.bundles[2].tag);
  const absl::StatusOr<FetchedBundle> fetched = FetchBundle(*registry_, app);
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  EXPECT_TRUE(absl::StrContains(
      fetched->bundle_json,
      absl::StrCat("\"requires\":{\"db\":{\"bundle\":\"", maker_.family.members[0].Source(),
                   "\"},\"web\":{\"bundle\":\"", maker_.family.members[1].Source(), "\"}}")))
      << fetched->bundle_json;
}

TEST_F(OciRelocateTest, WhatWasPublishedIsPackedAgainThroughItsMapping) {
  Pack();
  source_.Stop();
  const std::string host = target_.host();
  const Relocation there = Report(
      Execute({"publish", Path("a.tgz"), "--registry", host, "--mapping", Path("map.json")}));
  const Result packed =
      Execute({"pack", host + "/app:v3.0.0", "-o", Path("b.tgz"), "--mapping", Path("map.json")});
  ASSERT_EQ(packed.code, ExitCode::kOk) << packed.err;
  TestingRegistry third;
  const Relocation further =
      Report(Execute({"publish", Path("b.tgz"), "--registry", third.host()}));
  ASSERT_EQ(further.bundles.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(further.bundles[i].source, there.bundles[i].target);
    // The bundles at home there find their dependencies here as well.
    if (i == 2) continue;
    EXPECT_EQ(further.mapping.at(there.bundles[i].source), further.bundles[i].target);
  }
}

TEST_F(OciRelocateTest, ARelocatedBundleIsCopiedThroughTheMappingOfItsPlace) {
  const std::string there = target_.host() + "/there";
  const Relocation first =
      Report(Execute({"copy", app_, "--registry", there, "--mapping", Path("map.json")}));
  source_.Stop();
  TestingRegistry third;
  std::vector<std::string> copy = {"copy", there + "/app:v3.0.0", "--registry", third.host()};
  const Result lost = Execute(copy);
  EXPECT_EQ(lost.code, ExitCode::kEnvironment);
  EXPECT_TRUE(absl::StrContains(lost.err,
                                "hint: --source-mapping FILE tells where the dependencies of a "
                                "relocated bundle are"))
      << lost.err;
  copy.insert(copy.end(), {"--source-mapping", Path("map.json"), "--mapping", Path("third.json")});
  const Relocation second = Report(Execute(copy));
  ASSERT_EQ(second.bundles.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(second.bundles[i].source, first.bundles[i].target);
  target_.Stop();
  Report(Execute({"verify", third.host() + "/app:v3.0.0", "--mapping", Path("third.json")}));
}

TEST_F(OciRelocateTest, OtherContentIsReplacedOnlyByForce) {
  Pack();
  const std::string host = target_.host();
  FamilyMaker other;
  other.Add(host + "/web", "2.0.0", {{"x", "a.com/x:v1"}});
  const RelocationPlan plan = *PlanRelocation(other.family, {.registry = host});
  ASSERT_TRUE(Publish(other.family, plan, *registry_, {}).ok());
  const int writes = target_.Writes();
  const Result refused = Execute({"publish", Path("a.tgz"), "--registry", host});
  EXPECT_EQ(refused.code, ExitCode::kInput);
  EXPECT_TRUE(absl::StrContains(refused.err, "[relocate-exists]")) << refused.err;
  EXPECT_EQ(target_.Writes(), writes);
  const Relocation forced =
      Report(Execute({"publish", Path("a.tgz"), "--registry", host, "--force"}));
  EXPECT_EQ(forced.bundles.size(), 3u);
}

std::optional<std::string> InCi(std::string_view name) {
  return name == "CI" ? "true" : EmptyEnvironment(name);
}

TEST_F(OciRelocateTest, InCiEachStepIsALine) {
  Pack();
  const std::string host = target_.host();
  const Result result = Execute({"publish", Path("a.tgz"), "--registry", host}, InCi);
  std::string expected;
  for (const FamilyMember& member : maker_.family.members) {
    const BundleImage& image = member.images[0];
    absl::StrAppend(&expected, "oci-relocate: image ", image.reference, " to ", host, "/",
                    member.name, "@", image.digest, "\noci-relocate: bundle ", host, "/",
                    member.name, ":", member.tag, "\n");
  }
  EXPECT_EQ(result.err, expected);
}

TEST_F(OciRelocateTest, InCiPackingTellsWhatComesAndWhatIsWritten) {
  const Result result = Execute({"pack", app_, "-o", Path("a.tgz")}, InCi);
  EXPECT_EQ(result.code, ExitCode::kOk);
  const OpenedArchive opened = *ReadArchive(Path("a.tgz"));
  int64_t bytes = 0;
  for (const auto& [digest, blob] : opened.content.blobs) bytes += blob.size;
  std::vector<std::string> begins;
  for (const absl::string_view line : absl::StrSplit(result.err, '\n', absl::SkipEmpty())) {
    begins.emplace_back(line.substr(0, line.find('@')));
  }
  const std::string team = "oci-relocate: bundle " + source_.host() + "/team/";
  EXPECT_EQ(begins, (std::vector<std::string>{
                        team + "db", team + "web", team + "app:v3.0.0", "oci-relocate: 4 blobs",
                        absl::StrCat("oci-relocate: archive ", Path("a.tgz"), " of 3 bundles, ",
                                     opened.content.blobs.size(), " manifests and blobs, ",
                                     ShortSize(bytes))}));
}

TEST_F(OciRelocateTest, ADryRunWritesNothing) {
  Pack();
  const Relocation relocation =
      Report(Execute({"publish", Path("a.tgz"), "--registry", target_.host(), "--dry-run",
                      "--mapping", Path("map.json")}));
  EXPECT_EQ(relocation.bundles[2].action, "pushed");
  EXPECT_EQ(target_.Writes(), 0);
  const Relocation done = Report(Execute({"publish", Path("a.tgz"), "--registry", target_.host()}));
  EXPECT_EQ(relocation.bytes_uploaded, done.bytes_uploaded);
  EXPECT_FALSE(ReadFile(Path("map.json")).ok());
}

TEST_F(OciRelocateTest, AMappingThatCannotBeWrittenIsKnownBeforeTheFirstPush) {
  Pack();
  const Result result = Execute(
      {"publish", Path("a.tgz"), "--registry", target_.host(), "--mapping", Path("none/map.json")});
  EXPECT_EQ(result.code, ExitCode::kEnvironment);
  EXPECT_TRUE(absl::StrContains(result.err, "[file-write]")) << result.err;
  EXPECT_EQ(target_.Writes(), 0);
}

TEST_F(OciRelocateTest, ImagesGetPortersTagsWhereAskedFor) {
  Pack();
  const std::vector<std::string> publish = {"publish", Path("a.tgz"), "--registry", target_.host()};
  Report(Execute(publish));
  const Reference db = *Reference::Parse(target_.host() + "/db");
  EXPECT_EQ(*registry_->ListTags(db), std::vector<std::string>{"v1.0.0"});
  std::vector<std::string> tagged = publish;
  tagged.insert(tagged.end(), {"--image-tags", "porter"});
  Report(Execute(tagged));
  const BundleImage& image = maker_.family.members[0].images[0];
  const std::string tag = PorterTag(image.reference);
  std::vector<std::string> tags = *registry_->ListTags(db);
  std::sort(tags.begin(), tags.end());
  EXPECT_EQ(tags, (std::vector<std::string>{tag, "v1.0.0"}));
  EXPECT_EQ((*registry_->HeadManifest(db.WithTag(tag)))->digest, image.digest);
  const int writes = target_.Writes();
  Report(Execute(tagged));
  EXPECT_EQ(target_.Writes(), writes);
}

TEST_F(OciRelocateTest, ACopyKeepsNoFilesAndMountsWhereTheHostIsTheSame) {
  const Relocation mounted =
      Report(Execute({"copy", app_, "--registry", source_.host() + "/other"}));
  EXPECT_EQ(mounted.images[0].action, "mounted");
  EXPECT_GT(mounted.bytes_reused, 0);
  const Relocation sent = Report(Execute({"copy", app_, "--registry", target_.host()}));
  EXPECT_EQ(sent.images[0].action, "pushed");
  for (const Relocation* const copy : {&mounted, &sent}) {
    EXPECT_TRUE(Execute({"verify", copy->bundles[0].tag}).code == ExitCode::kOk);
  }
}

TEST_F(OciRelocateTest, ADryRunOfPackTellsWhatWouldGo) {
  const Relocation listed = Report(Execute({"pack", app_, "--dry-run"}));
  EXPECT_EQ(listed.bundles.size(), 3u);
  EXPECT_EQ(listed.images.size(), 3u);
  EXPECT_GT(listed.bytes_reused, 0);
}

TEST_F(OciRelocateTest, WhatBundlesShareIsPackedInOneVersion) {
  const std::string host = source_.host() + "/shop";
  FamilyMaker maker;
  for (const char* const version : {"1.0.0", "1.5.0", "2.0.0"}) maker.Add(host + "/db", version);
  maker.Add(host + "/web", "1.0.0", {{"db", host + "/db|>=1 <2"}});
  maker.Add(host + "/app", "1.0.0", {{"db", host + "/db|>=1"}, {"web", host + "/web"}});
  const RelocationPlan plan = *PlanRelocation(maker.family, {.registry = host});
  ASSERT_TRUE(Publish(maker.family, plan, *registry_, {}).ok());
  const Relocation copied =
      Report(Execute({"copy", host + "/app:v1.0.0", "--registry", target_.host()}));
  std::vector<std::string> tags;
  for (const RelocatedBundle& bundle : copied.bundles) tags.push_back(bundle.tag);
  EXPECT_EQ(tags,
            (std::vector<std::string>{target_.host() + "/db:v1.5.0", target_.host() + "/web:v1.0.0",
                                      target_.host() + "/app:v1.0.0"}));
}

TEST_F(OciRelocateTest, AnArchiveIsNotWrittenToATerminal) {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  const Env env = {
      .in = &in, .out = &out, .err = &err, .getenv = EmptyEnvironment, .out_is_terminal = true};
  EXPECT_EQ(RunOciRelocate({"pack", app_}, env), ExitCode::kUsage);
  EXPECT_EQ(err.str(),
            "oci-relocate: error: an archive is nothing to show on a terminal [usage]\n"
            "oci-relocate: hint: -o FILE.tgz writes it to a file\n");
  EXPECT_EQ(out.str(), "");
  EXPECT_EQ(RunOciRelocate({"pack", app_, "--dry-run"}, env), ExitCode::kOk);
}

TEST_F(OciRelocateTest, CommandLinesThatMakeNoSenseAreUsageErrors) {
  const std::vector<std::vector<std::string>> rows = {
      {},
      {"publish", "a.tgz"},
      {"copy", app_},
      {"pack", app_, "--registry", "r.io"},
      {"verify", "a.tgz", "--force"},
      {"pack", app_, "--keep-path"},
      {"pack", app_, "--attach-mapping"},
      {"pack", app_, "--image-tags", "porter"},
      {"pack", app_, "--source-mapping", "map.json"},
      {"publish", "a.tgz", "--registry", "r.io", "--referrers", "none"},
      {"publish", "a.tgz", "--registry", "r.io", "--include-foreign"},
      {"publish", "a.tgz", "--registry", "r.io", "--dependencies", "none"},
      {"publish", "a.tgz", "--registry", "r.io", "--source-mapping", "map.json"},
      {"copy", app_, "--registry", "r.io", "--platform", "linux/amd64"},
      {"verify", app_, "--registry", "r.io"},
      {"verify", "./a.tgz", "--max-archive-size", "0"},
      {"verify", app_, "--retries", "-1"},
      {"verify", app_, "--stall-timeout", "0"},
      {"publish", "a.tgz", "--registry", "r.io", "--jobs", "0"},
      {"unpack", "a.tgz"},
  };
  for (const std::vector<std::string>& args : rows) {
    const Result result = Execute(args);
    EXPECT_EQ(result.code, ExitCode::kUsage) << result.err;
    EXPECT_EQ(result.out, "");
  }
}

}  // namespace
}  // namespace deps
