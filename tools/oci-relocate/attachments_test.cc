// Signatures and whatever else is attached to bundles and images goes along.
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/cli/command.h"
#include "lib/digest/sha256.h"
#include "lib/model/relocation.h"
#include "lib/oci/manifest.h"
#include "lib/oci/reference.h"
#include "lib/oci/registry.h"
#include "lib/oci/strict_registry.h"
#include "tools/oci-relocate/oci_relocate_for_tests.h"

namespace deps {
namespace {

class AttachmentsTest : public ThreeBundlesTest {};

TEST_F(AttachmentsTest, WhatIsAttachedIsFoundByARegistryThatHasAList) {
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

TEST_F(AttachmentsTest, SignaturesAndWhatElseIsAttachedGoAlong) {
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

  // What was lost of it is missed, and sent again.
  const std::vector<std::string> verify = {"verify", Path("a.tgz"), "--registry", target_.host()};
  Report(Execute(verify));
  for (const Descriptor* const lost : {&signature, &sbom, &witness}) {
    target_.Remove(lost->digest);
    EXPECT_EQ(Execute(verify).code, ExitCode::kNo);
    Report(Execute(publish));
    Report(Execute(verify));
  }
  // The list of referrers.
  target_.Remove(
      registry_
          ->HeadManifest(
              Reference::Parse(target_.host() + "/db")->WithTag("sha256-" + image.substr(7)))
          ->value()
          .digest);
  const Result unlisted = Execute(verify);
  EXPECT_EQ(unlisted.code, ExitCode::kNo);
  EXPECT_TRUE(absl::StrContains(unlisted.err, "is not among the referrers of " + image));
  Report(Execute(publish));
  Report(Execute(verify));

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

}  // namespace
}  // namespace deps
