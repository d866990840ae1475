#include "lib/oci/content_cache.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/digest/sha256.h"
#include "lib/io/file.h"

namespace deps {
namespace {

OciManifest ContentOf(std::string text) {
  OciManifest content = {.bytes = std::move(text), .media_type = "application/x"};
  content.digest = Sha256Digest(content.bytes);
  return content;
}

class ContentCacheTest : public ::testing::Test {
 protected:
  ContentCacheTest() : folder_(*TemporaryFolder::Create("cache")), path_(folder_.path() + "/a/b") {}

  int64_t Bytes() const {
    int64_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
      if (entry.is_regular_file()) bytes += static_cast<int64_t>(entry.file_size());
    }
    return bytes;
  }

  TemporaryFolder folder_;
  const std::string path_;
};

TEST_F(ContentCacheTest, GivesBackWhatWasPut) {
  const OciManifest content = ContentOf("line one\nline two\n");
  ContentCache cache(path_);
  EXPECT_EQ(cache.Get(content.digest), std::nullopt);
  cache.Put(content);
  EXPECT_EQ(cache.Get(content.digest), content);
  EXPECT_EQ(ContentCache(path_).Get(content.digest), content);
  EXPECT_EQ(cache.Get(ContentOf("other").digest), std::nullopt);
  EXPECT_EQ(cache.Get("sha256:../../etc/passwd"), std::nullopt);
  EXPECT_EQ(cache.Get(""), std::nullopt);
}

TEST_F(ContentCacheTest, BelongsToItsOwnerAlone) {
  ContentCache cache(path_);
  cache.Put(ContentOf("secret"));
  EXPECT_EQ(std::filesystem::status(path_).permissions(), std::filesystem::perms::owner_all);
}

TEST_F(ContentCacheTest, RemembersTagsOfTheRepositoryThatTheyAreOf) {
  ContentCache cache(path_);
  cache.PutTags("example.com/a", {.mark = "\"1\"", .tags = {"v1", "latest"}});
  cache.PutTags("example.com/b", {.mark = "", .tags = {"v1"}});  // Not to be recognized.
  const std::optional<ContentCache::Tags> tags = cache.GetTags("example.com/a");
  ASSERT_TRUE(tags.has_value());
  EXPECT_EQ(tags->mark, "\"1\"");
  EXPECT_EQ(tags->tags, (std::vector<std::string>{"v1", "latest"}));
  EXPECT_FALSE(cache.GetTags("example.com/b").has_value());
  for (const auto& entry : std::filesystem::directory_iterator(path_ + "/tags")) {
    ASSERT_TRUE(WriteFile(entry.path().string(),
                          R"({"repository":"example.com/z","mark":"1","tags":["v9"]})")
                    .ok());
  }
  EXPECT_FALSE(cache.GetTags("example.com/a").has_value());
}

TEST_F(ContentCacheTest, StaysWithinItsSize) {
  for (int run = 0; run < 3; ++run) {
    ContentCache cache(path_, 10'000);
    for (int i = 0; i < 20; ++i) {
      cache.Put(ContentOf(absl::StrCat(run, " ", i, std::string(1000, 'x'))));
    }
  }
  EXPECT_LE(Bytes(), 10'000);
  EXPECT_GE(Bytes(), 5'000);
}

TEST_F(ContentCacheTest, DoesWithoutAPlace) {
  ContentCache none("");
  none.Put(ContentOf("x"));
  EXPECT_EQ(none.Get(ContentOf("x").digest), std::nullopt);
  ASSERT_TRUE(WriteFile(folder_.path() + "/a", "a file").ok());
  ContentCache blocked(path_);
  blocked.Put(ContentOf("x"));
  EXPECT_EQ(blocked.Get(ContentOf("x").digest), std::nullopt);
}

}  // namespace
}  // namespace deps
