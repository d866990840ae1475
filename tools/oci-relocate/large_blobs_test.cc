// Large layers stay in their archive and are verified while they are sent. What is
// damaged is known before any manifest is written all the same.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/archive/archive.h"
#include "lib/archive/bytes_for_tests.h"
#include "lib/digest/sha256.h"
#include "lib/http/testing_host.h"
#include "lib/io/file.h"
#include "lib/oci/strict_registry.h"
#include "lib/relocate/layout.h"
#include "tools/oci-relocate/oci_relocate_for_tests.h"

namespace deps {
namespace {

class LargeBlobsTest : public PublishingTest {
 protected:
  void SetUp() override {
    AddLayer(of_db_);
    const std::string db = maker_.Add("example.com/db", "1.0.0");
    maker_.more_layers.clear();
    AddLayer(of_app_);
    maker_.Add("example.com/app", "2.0.0", {{"db", "example.com/db:v1.0.0"}}, {{"db", db}});
    archive_ = absl::StrCat(folder_.path(), "/a.tgz");
    ASSERT_TRUE(WriteArchiveFile(ArchiveOf(maker_.family), archive_).ok());
    good_ = Text(archive_);
  }
  void AddLayer(const std::string& layer) {
    maker_.more_layers.push_back(
        absl::StrCat(R"({"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":")",
                     maker_.AddBlob(layer), R"(","size":)", layer.size(), "}"));
  }
  static std::string Flipped(std::string bytes, size_t at) {
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    return bytes;
  }
  // The archive with a bit of `layer` flipped, far from its ends.
  std::string Damaged(const std::string& layer) const {
    return Flipped(good_, good_.find(layer.substr(kAt, 20)));
  }
  static std::string Told(const std::string& layer) {
    return absl::StrCat("3 FOLDER/a.tgz: error: blob ", Sha256Digest(layer), ": its content is ",
                        Sha256Digest(Flipped(layer, kAt)), " [archive-invalid]");
  }
  static std::vector<std::string> PutManifests(const StrictRegistry& registry) {
    std::vector<std::string> found;
    for (const std::string& request : registry.requests()) {
      if (absl::StrContains(request, "PUT ") && absl::StrContains(request, "/manifests/")) {
        found.push_back(request);
      }
    }
    return found;
  }

  static constexpr size_t kAt = size_t{1} << 20;
  const std::string of_db_ = RandomBytes(3 << 20);
  const std::string of_app_ = RandomBytes(2 << 20);
  std::string good_;
};

Fault To(std::string method, std::string part, TestingReply reply, bool to_head = false) {
  return {.method = std::move(method),
          .part = std::move(part),
          .count = 1,
          .reply = std::move(reply),
          .to_head = to_head};
}

const TestingReply kTooLarge = {
    .bytes = "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    .close = true};
const TestingReply kBroken = {.bytes = "", .close = true};

TEST_F(LargeBlobsTest, WhatIsDamagedIsToldAndNoManifestOfItIsWritten) {
  const struct {
    const char* name;
    std::string archive;
    std::string outcome;
    std::vector<Fault> faults = {};
  } rows[] = {
      {"of the bundle that comes first", Damaged(of_db_), Told(of_db_)},
      {"of the one behind it", Damaged(of_app_), Told(of_app_)},
      {"the checksum", Flipped(good_, good_.size() - 8),
       "3 FOLDER/a.tgz: error: the compressed data is damaged: incorrect data check "
       "[archive-invalid]"},
      {"cut off in a layer", good_.substr(0, good_.find(of_app_.substr(kAt, 20))),
       "3 FOLDER/a.tgz: error: member './artifacts/layout/blobs/sha256/" + Sha256Hex(of_app_) +
           "': the compressed data ends too early [archive-invalid]"},
      {"sent in parts", Damaged(of_db_), Told(of_db_), {To("PUT", "/blobs/", kTooLarge, true)}},
      {"after a connection that broke off",
       Damaged(of_db_),
       Told(of_db_),
       {To("PUT", "/blobs/", kBroken)}},
  };
  for (const auto& row : rows) {
    ASSERT_TRUE(WriteFile(archive_, row.archive).ok());
    StrictRegistry registry;
    for (const Fault& fault : row.faults) registry.Misbehave(fault);
    EXPECT_EQ(Publish(registry), row.outcome) << row.name;
    EXPECT_EQ(PutManifests(registry), std::vector<std::string>()) << row.name;
    EXPECT_EQ(registry.open_uploads(), 0u) << row.name;
    EXPECT_EQ(
        Outcome({"publish", archive_, "--registry", registry.host(), "--dry-run"}, registry.host()),
        row.outcome)
        << row.name;
  }
}

TEST_F(LargeBlobsTest, WhatIsGoodArrivesHoweverItIsSent) {
  const struct {
    const char* name;
    std::vector<Fault> faults;
  } rows[] = {
      {"at once", {}},
      {"in parts", {To("PUT", "/blobs/", kTooLarge, true)}},
      {"again, after a connection that broke off", {To("PUT", "/blobs/", kBroken)}},
      {"in parts, one of them again",
       {To("PUT", "/blobs/", kTooLarge, true), To("PATCH", "/blobs/", kBroken)}},
  };
  for (const auto& row : rows) {
    StrictRegistry registry;
    for (const Fault& fault : row.faults) registry.Misbehave(fault);
    EXPECT_EQ(Publish(registry), "0") << row.name;
    EXPECT_TRUE(registry.HasManifest("app", "v2.0.0")) << row.name;
    EXPECT_EQ(registry.open_uploads(), 0u) << row.name;
    // Nothing of it has to be sent now, and it is verified nevertheless.
    const size_t before = PutManifests(registry).size();
    EXPECT_EQ(Publish(registry), "0") << row.name;
    EXPECT_EQ(PutManifests(registry).size(), before) << row.name;
    ASSERT_TRUE(WriteFile(archive_, Damaged(of_app_)).ok());
    EXPECT_EQ(Publish(registry), Told(of_app_)) << row.name;
    ASSERT_TRUE(WriteFile(archive_, good_).ok());
  }
}

}  // namespace
}  // namespace deps
