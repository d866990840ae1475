// What is found missing or different, in an archive and in a registry.
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/cli/command.h"
#include "lib/digest/sha256.h"
#include "lib/model/relocation.h"
#include "lib/relocate/family_for_tests.h"
#include "lib/relocate/plan.h"
#include "lib/relocate/publish.h"
#include "tools/oci-relocate/oci_relocate_for_tests.h"

namespace deps {
namespace {

class VerifyTest : public ThreeBundlesTest {};

TEST_F(VerifyTest, CopyingAndVerifyingAgree) {
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

TEST_F(VerifyTest, WhatIsMissingOrDifferentIsToldAndTheAnswerIsNo) {
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

TEST_F(VerifyTest, WithoutAMappingItIsToldWhereDependenciesWereRead) {
  Report(Execute({"copy", app_, "--registry", target_.host()}));
  const Result result = Execute({"verify", target_.host() + "/app:v3.0.0"});
  EXPECT_EQ(result.code, ExitCode::kOk);
  EXPECT_EQ(result.err,
            absl::StrCat("oci-relocate: bundle ", maker_.family.members[0].Source(),
                         " is on another registry than the root; --mapping FILE tells where the "
                         "dependencies of a relocated bundle are\n",
                         "oci-relocate: bundle ", maker_.family.members[1].Source(),
                         " is on another registry than the root; --mapping FILE tells where the "
                         "dependencies of a relocated bundle are\n"));
}

TEST_F(VerifyTest, AnArchiveIsCheckedAtItsTarget) {
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

TEST_F(VerifyTest, AnArchiveWithoutABlobIsIncomplete) {
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

}  // namespace
}  // namespace deps
