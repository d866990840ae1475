#include "tools/oci-relocate/command.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/cli/env.h"
#include "lib/digest/sha256.h"
#include "lib/io/file.h"
#include "lib/model/relocation.h"
#include "lib/oci/bundle_format.h"
#include "lib/oci/manifest.h"
#include "lib/oci/reference.h"
#include "lib/oci/registry.h"
#include "lib/oci/strict_registry.h"
#include "lib/oci/testing_registry.h"
#include "lib/relocate/family_for_tests.h"
#include "lib/relocate/plan.h"
#include "lib/relocate/porter_tag.h"
#include "lib/relocate/publish.h"

namespace deps {
namespace {

struct Result {
  ExitCode code;
  std::string out;
  std::string err;
};

Result Execute(const std::vector<std::string>& args, const std::string& in = "") {
  std::istringstream input(in);
  std::ostringstream output;
  std::ostringstream errors;
  const Env env = {.in = &input, .out = &output, .err = &errors, .getenv = EmptyEnvironment};
  const ExitCode code = RunOciRelocate(args, env);
  return {code, output.str(), errors.str()};
}

std::string Text(const std::string& path) {
  const absl::StatusOr<Source> source = ReadFile(path);
  EXPECT_TRUE(source.ok()) << source.status();
  return source.ok() ? source->text : "";
}

class OciRelocateTest : public testing::Test {
 protected:
  // app needs db and web, web needs db, as tags of the first registry.
  void SetUp() override {
    const std::string host = source_.host() + "/team";
    maker_.Add(host + "/db", "1.0.0");
    maker_.Add(host + "/web", "2.0.0", {{"db", host + "/db:v1.0.0"}});
    maker_.Add(host + "/app", "3.0.0", {{"db", host + "/db:v1.0.0"}, {"web", host + "/web"}});
    registry_ = source_.Client();
    const RelocationPlan plan = *PlanRelocation(maker_.family, {.registry = host});
    const absl::StatusOr<Relocation> pushed = Publish(maker_.family, plan, *registry_, {});
    ASSERT_TRUE(pushed.ok()) << pushed.status();
    app_ = host + "/app:v3.0.0";
  }

  std::string Path(std::string_view name) const { return absl::StrCat(folder_.path(), "/", name); }
  void Pack() {
    const Result result = Execute({"pack", app_, "-o", Path("a.tgz")});
    ASSERT_EQ(result.code, ExitCode::kOk) << result.err;
    ASSERT_EQ(result.out + result.err, "");
  }
  Relocation Report(const Result& result) {
    EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
    EXPECT_EQ(result.err, "");
    const absl::StatusOr<Relocation> relocation =
        ParseRelocation({.name = "report", .text = result.out});
    EXPECT_TRUE(relocation.ok()) << relocation.status() << result.out;
    return relocation.ok() ? *relocation : Relocation();
  }

  TemporaryFolder folder_ = *TemporaryFolder::Create("relocate-test-");
  TestingRegistry source_;
  TestingRegistry target_;
  FamilyMaker maker_;
  std::unique_ptr<Registry> registry_;
  std::string app_;
};

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

TEST_F(OciRelocateTest, ADryRunWritesNothing) {
  Pack();
  const Relocation relocation =
      Report(Execute({"publish", Path("a.tgz"), "--registry", target_.host(), "--dry-run",
                      "--mapping", Path("map.json")}));
  EXPECT_EQ(relocation.bundles[2].action, "pushed");
  EXPECT_EQ(target_.Writes(), 0);
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

TEST_F(OciRelocateTest, CopyingAndVerifyingAgree) {
  const Relocation copied =
      Report(Execute({"copy", app_, "--registry", target_.host(), "--jobs", "2"}));
  Pack();
  const Relocation published =
      Report(Execute({"publish", Path("a.tgz"), "--registry", target_.host()}));
  EXPECT_EQ(published.mapping, copied.mapping);
  const Relocation archive = Report(Execute({"verify", Path("a.tgz")}));
  const Relocation registry = Report(Execute({"verify", app_}));
  EXPECT_EQ(archive.bundles, registry.bundles);
  EXPECT_EQ(archive.images, registry.images);
}

TEST_F(OciRelocateTest, WhatIsMissingOrDifferentIsToldAndTheAnswerIsNo) {
  const Relocation there =
      Report(Execute({"copy", app_, "--registry", target_.host(), "--mapping", Path("map.json")}));
  const std::string app = there.bundles[2].tag;
  const std::vector<std::string> verify = {"verify", app, "--mapping", Path("map.json")};
  for (const RelocatedBundle& bundle : Report(Execute(verify)).bundles) {
    EXPECT_EQ(bundle.action, "unchanged");
  }
  const std::string missing = Sha256Digest("layer of db 1.0.0");
  const std::string different = Sha256Digest("layer of web 2.0.0");
  target_.Remove(missing);
  target_.Damage(different);
  const Result result = Execute(verify);
  EXPECT_EQ(result.code, ExitCode::kNo);
  const absl::StatusOr<Relocation> relocation =
      ParseRelocation({.name = "report", .text = result.out});
  ASSERT_TRUE(relocation.ok()) << relocation.status() << result.err;
  const std::string db = target_.host() + "/db@" + missing;
  const std::string web = target_.host() + "/web@" + different;
  std::vector<std::string> told;
  for (const RelocationDifference& difference : relocation->differences) {
    told.push_back(difference.kind + " " + difference.subject);
  }
  EXPECT_EQ(told, (std::vector<std::string>{"missing " + db, "different " + web}));
  std::vector<std::string> actions;
  for (const RelocatedBundle& bundle : relocation->bundles) actions.push_back(bundle.action);
  EXPECT_EQ(actions, (std::vector<std::string>{"incomplete", "incomplete", "unchanged"}));
  EXPECT_TRUE(absl::StrContains(result.err, "[relocate-differs]")) << result.err;

  // Without its index the second dependency is not there at all.
  target_.Remove(there.bundles[1].target.substr(there.bundles[1].target.find('@') + 1));
  const Result more = Execute(verify);
  EXPECT_EQ(more.code, ExitCode::kNo);
  EXPECT_TRUE(absl::StrContains(more.out, "dependency web of ")) << more.out;
}

TEST_F(OciRelocateTest, WhatIsAttachedIsFoundByARegistryThatHasAList) {
  StrictRegistry lists({.page = 1});
  const std::string image = maker_.family.members[0].images[0].digest;
  const Reference db = *Reference::Parse(source_.host() + "/team/db");
  std::string subject = image;
  for (const char* const type : {"sbom", "signature", "time"}) {
    const std::string manifest =
        absl::StrCat(R"({"schemaVersion":2,"mediaType":")", kOciManifest, R"(","artifactType":")",
                     type, R"(","config":{"mediaType":"c","digest":")", Sha256Digest("{}"),
                     R"(","size":2},"layers":[],"subject":{"mediaType":")", kOciManifest,
                     R"(","digest":")", subject, R"(","size":1}})");
    const std::string digest = Sha256Digest(manifest);
    ASSERT_TRUE(registry_->PutManifest(db.WithDigest(digest), kOciManifest, manifest).ok());
    ASSERT_TRUE(
        registry_
            ->AddReferrer(db.WithDigest(subject), {.media_type = std::string(kOciManifest),
                                                   .digest = digest,
                                                   .size = static_cast<int64_t>(manifest.size())})
            .ok());
    subject = digest;
  }
  // From tags to a list, and from a list to another.
  for (const std::string& from : {app_, lists.host() + "/first/app:v3.0.0"}) {
    const std::string to = lists.host() + (from == app_ ? "/first" : "/second");
    Report(Execute({"copy", from, "--registry", to}));
    std::vector<std::string> types;
    std::string at = image;
    while (true) {
      const auto found = registry_->Referrers(*Reference::Parse(to + "/db@" + at));
      ASSERT_TRUE(found.ok()) << found.status();
      if (found->empty()) break;
      ASSERT_EQ(found->size(), 1u);
      types.push_back(found->front().artifact_type);
      at = found->front().digest;
    }
    EXPECT_EQ(types, (std::vector<std::string>{"sbom", "signature", "time"})) << to;
    EXPECT_EQ(*registry_->ListTags(*Reference::Parse(to + "/db")),
              std::vector<std::string>{"v1.0.0"});
  }
}

TEST_F(OciRelocateTest, AnArchiveIsCheckedAtItsTarget) {
  Pack();
  const std::string host = target_.host() + "/mirror";
  const std::vector<std::string> verify = {"verify", Path("a.tgz"), "--registry", host};
  const Result nothing = Execute(verify);
  EXPECT_EQ(nothing.code, ExitCode::kNo) << nothing.err;
  const Relocation there = Report(Execute({"publish", Path("a.tgz"), "--registry", host}));
  const Relocation whole = Report(Execute(verify));
  ASSERT_EQ(whole.bundles.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(whole.bundles[i].target, there.bundles[i].target);
    EXPECT_EQ(whole.bundles[i].tag, there.bundles[i].tag);
    EXPECT_EQ(whole.bundles[i].action, "unchanged");
  }

  // Another bundle under the root's tag, and a layer that is gone.
  FamilyMaker other;
  other.Add("example.com/other", "9.0.0");
  RelocationPlan plan = *PlanRelocation(other.family, {.reference = host + "/app:v3.0.0"});
  ASSERT_TRUE(Publish(other.family, plan, *registry_, {.force = true}).ok());
  const std::string layer = Sha256Digest("layer of db 1.0.0");
  target_.Remove(layer);
  const Result result = Execute(verify);
  EXPECT_EQ(result.code, ExitCode::kNo) << result.err;
  const absl::StatusOr<Relocation> relocation =
      ParseRelocation({.name = "report", .text = result.out});
  ASSERT_TRUE(relocation.ok()) << relocation.status() << result.err;
  std::vector<std::string> told;
  for (const RelocationDifference& difference : relocation->differences) {
    told.push_back(difference.kind + " " + difference.subject);
  }
  EXPECT_EQ(told, (std::vector<std::string>{"different " + host + "/app:v3.0.0",
                                            "missing " + host + "/db@" + layer}));
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

TEST_F(OciRelocateTest, AnArchiveWithoutABlobIsIncomplete) {
  Pack();
  const std::string layer = Sha256Digest("layer of db 1.0.0");
  const std::string command =
      absl::StrCat("cd ", folder_.path(),
                   " && mkdir x && tar xzf a.tgz -C x && rm x/artifacts/layout/blobs/sha256/",
                   layer.substr(7), " && tar czf half.tgz -C x .");
  ASSERT_EQ(std::system(command.c_str()), 0);
  const Result result = Execute({"verify", Path("half.tgz")});
  EXPECT_EQ(result.code, ExitCode::kNo);
  const absl::StatusOr<Relocation> relocation =
      ParseRelocation({.name = "report", .text = result.out});
  ASSERT_TRUE(relocation.ok()) << relocation.status() << result.err;
  ASSERT_EQ(relocation->differences.size(), 1u);
  EXPECT_EQ(relocation->differences[0].subject, layer);
  EXPECT_EQ(relocation->differences[0].kind, "missing");
  EXPECT_EQ(relocation->bundles[0].action, "incomplete");
  EXPECT_EQ(relocation->bundles[1].action, "unchanged");

  const std::string damage =
      absl::StrCat("cd ", folder_.path(), " && echo x > x/artifacts/layout/blobs/sha256/",
                   layer.substr(7), " && tar czf bad.tgz -C x . && head -c 2000 bad.tgz > cut.tgz");
  ASSERT_EQ(std::system(damage.c_str()), 0);
  const Result bad = Execute({"verify", Path("bad.tgz")});
  EXPECT_EQ(bad.code, ExitCode::kNo);
  EXPECT_TRUE(absl::StrContains(bad.out, "\"different\"")) << bad.out;
  EXPECT_EQ(Execute({"publish", Path("bad.tgz"), "--registry", target_.host()}).code,
            ExitCode::kInput);
  EXPECT_EQ(target_.Writes(), 0);
  const Result cut = Execute({"verify", Path("cut.tgz")});
  EXPECT_EQ(cut.code, ExitCode::kInput);
  EXPECT_EQ(cut.out, "");
}

TEST_F(OciRelocateTest, SignaturesAndWhatElseIsAttachedGoAlong) {
  const Reference db = *Reference::Parse(source_.host() + "/team/db");
  const std::string image = maker_.family.members[0].images[0].digest;
  const auto put = [&](const Reference& reference, const std::string& more) {
    const std::string manifest =
        absl::StrCat(R"({"schemaVersion":2,"mediaType":")", kOciManifest,
                     R"(","config":{"mediaType":"c","digest":")", Sha256Digest("{}"),
                     R"(","size":2},"layers":[])", more, "}");
    const std::string digest = Sha256Digest(manifest);
    EXPECT_TRUE(
        registry_
            ->PutManifest(reference.tag().empty() ? reference.WithDigest(digest) : reference,
                          kOciManifest, manifest)
            .ok());
    return Descriptor{.media_type = std::string(kOciManifest),
                      .digest = digest,
                      .size = static_cast<int64_t>(manifest.size()),
                      .artifact_type = "application/sbom"};
  };
  const std::string tag = "sha256-" + image.substr(7) + ".sig";
  const Descriptor signature = put(db.WithTag(tag), R"(,"annotations":{"a":"signature"})");
  const Descriptor sbom = put(db, absl::StrCat(R"(,"subject":{"mediaType":")", kOciManifest,
                                               R"(","digest":")", image, R"(","size":1})"));
  ASSERT_TRUE(registry_->AddReferrer(db.WithDigest(image), sbom).ok());
  // And what is about that.
  const Descriptor witness =
      put(db, absl::StrCat(R"(,"subject":{"mediaType":")", kOciManifest, R"(","digest":")",
                           sbom.digest, R"(","size":1})"));
  ASSERT_TRUE(registry_->AddReferrer(db.WithDigest(sbom.digest), witness).ok());

  const auto check = [&](const std::string& host) {
    const Reference there = *Reference::Parse(host + "/db");
    const absl::StatusOr<std::optional<Descriptor>> found =
        registry_->HeadManifest(there.WithTag(tag));
    ASSERT_TRUE(found.ok() && found->has_value()) << found.status();
    EXPECT_EQ((*found)->digest, signature.digest);
    EXPECT_EQ(*registry_->Referrers(there.WithDigest(image)), std::vector<Descriptor>{sbom});
    EXPECT_EQ(*registry_->Referrers(there.WithDigest(sbom.digest)),
              std::vector<Descriptor>{witness});
  };
  Pack();
  Report(Execute({"copy", app_, "--registry", target_.host() + "/copied"}));
  check(target_.host() + "/copied");
  Report(Execute({"copy", app_, "--registry", source_.host() + "/mounted"}));
  check(source_.host() + "/mounted");
  source_.Stop();
  const std::vector<std::string> publish = {"publish", Path("a.tgz"), "--registry", target_.host(),
                                            "--attach-mapping"};
  Report(Execute(publish));
  check(target_.host());
  const Relocation again = Report(Execute(publish));
  for (const RelocatedImage& each : again.images) EXPECT_EQ(each.action, "unchanged");

  // The mapping is an artifact whose subject is the root.
  const std::string& root = again.bundles[2].target;
  const absl::StatusOr<std::vector<Descriptor>> referrers =
      registry_->Referrers(*Reference::Parse(root));
  ASSERT_TRUE(referrers.ok() && referrers->size() == 1) << referrers.status();
  const OciManifest manifest =
      *registry_->GetManifest(Reference::Parse(root)->WithDigest(referrers->front().digest));
  const ManifestContent content =
      *ParseManifest({.name = "m", .text = manifest.bytes}, manifest.media_type);
  EXPECT_EQ(*registry_->GetBlob(*Reference::Parse(root), content.blobs[1].digest, 10000),
            FormatMapping(again.mapping));
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

TEST_F(OciRelocateTest, SkopeoReadsTheArchiveAndWhatWasPublished) {
  Pack();
  const Relocation relocation =
      Report(Execute({"publish", Path("a.tgz"), "--registry", target_.host()}));
  const auto output_of = [](const std::string& command) {
    std::string output;
    FILE* const pipe = popen(command.c_str(), "r");
    char buffer[4096];
    for (size_t count = 0; (count = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) {
      output.append(buffer, count);
    }
    EXPECT_EQ(pclose(pipe), 0) << command;
    return output;
  };
  for (const RelocatedBundle& bundle : relocation.bundles) {
    const std::string raw =
        output_of("skopeo inspect --raw --tls-verify=false docker://" + bundle.tag);
    EXPECT_TRUE(absl::EndsWith(bundle.target, Sha256Digest(raw))) << raw;
  }
  output_of(absl::StrCat("cd ", folder_.path(), " && tar xzf a.tgz"));
  const FamilyMember& db = maker_.family.members[0];
  EXPECT_EQ(output_of(absl::StrCat("skopeo inspect --raw oci:", folder_.path(),
                                   "/artifacts/layout:", db.references.front())),
            db.index.bytes);
}

TEST_F(OciRelocateTest, CommandLinesThatMakeNoSenseAreUsageErrors) {
  const std::vector<std::vector<std::string>> rows = {
      {},
      {"publish", "a.tgz"},
      {"copy", app_},
      {"pack", app_, "--registry", "r.io"},
      {"verify", "a.tgz", "--force"},
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
