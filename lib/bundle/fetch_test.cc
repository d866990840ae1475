// What is asked of a registry, and how often: with and without the cache, one
// after the other and ahead of need.
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "lib/bundle/catalog.h"
#include "lib/bundle/lookahead.h"
#include "lib/cli/env.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/sha256.h"
#include "lib/http/testing_server.h"
#include "lib/io/file.h"
#include "lib/json/json.h"
#include "lib/model/bundle.h"
#include "lib/oci/bundle_format.h"

namespace deps {
namespace {

constexpr char kImage[] = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

// A registry that holds bundles and marks its lists of tags.
class MarkingRegistry {
 public:
  std::string host() const { return server_.host(); }

  // Returns the bundle's digest.
  std::string Add(const std::string& path, const std::string& version) {
    const absl::StatusOr<json::Value> json = json::Parse(
        {.text = absl::StrCat(R"({"schemaVersion":"1.2.0","name":")", path, R"(","version":")",
                              version, R"(","invocationImages":[{"image":"example.com/i:v1"}]})")});
    const EncodedBundle bundle = *EncodeBundle(*json, {{.reference = "example.com/i:v1",
                                                        .digest = kImage,
                                                        .size = 2,
                                                        .media_type = std::string(kOciManifest)}});
    const std::lock_guard<std::mutex> lock(mutex_);
    const std::string base = absl::StrCat("/v2/", path);
    const std::string index_type = absl::StrCat("Content-Type: ", kOciIndex);
    const std::string index = Answer("200 OK", {index_type}, bundle.index);
    answers_[absl::StrCat(base, "/manifests/v", version)] = index;
    answers_[absl::StrCat(base, "/manifests/", bundle.index_digest)] = index;
    answers_[absl::StrCat(base, "/manifests/", bundle.config_manifest_digest)] =
        Answer("200 OK", {absl::StrCat("Content-Type: ", kOciManifest)}, bundle.config_manifest);
    answers_[absl::StrCat(base, "/blobs/", bundle.config_digest)] =
        Answer("200 OK", {}, bundle.config);
    tags_[path].push_back(absl::StrCat("\"v", version, "\""));
    return bundle.index_digest;
  }

  // Since the last call, without "GET /v2".
  std::vector<std::string> Requests() {
    std::vector<std::string> all = server_.requests();
    std::vector<std::string> lines;
    for (size_t i = told_; i < all.size(); ++i) lines.push_back(PathOf(all[i]).substr(3));
    told_ = all.size();
    return lines;
  }

 private:
  static std::string PathOf(const std::string& request) {
    const size_t start = request.find(' ') + 1;
    return request.substr(start, request.find(' ', start) - start);
  }

  std::string Serve(const std::string& request) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const std::string path = PathOf(request);
    if (const auto found = answers_.find(path); found != answers_.end()) return found->second;
    for (const auto& [repository, tags] : tags_) {
      if (path != absl::StrCat("/v2/", repository, "/tags/list?n=1000")) continue;
      const std::string mark = absl::StrCat("\"", tags.size(), "\"");
      if (absl::StrContains(request, absl::StrCat("If-None-Match: ", mark))) {
        return Answer("304 Not Modified", {"ETag: " + mark});
      }
      return Answer("200 OK", {"ETag: " + mark},
                    absl::StrCat(R"({"name":"x","tags":[)", absl::StrJoin(tags, ","), "]}"));
    }
    return Answer("404 Not Found");
  }

  std::mutex mutex_;
  std::map<std::string, std::string> answers_;
  std::map<std::string, std::vector<std::string>> tags_;
  size_t told_ = 0;
  TestingServer server_{[this](const std::string& request) { return Serve(request); }};
};

class FetchTest : public ::testing::Test {
 protected:
  FetchTest() : folder_(*TemporaryFolder::Create("fetch")) {
    env_.in = &in_;
    env_.out = &out_;
    env_.err = &err_;
    env_.getenv = [this](std::string_view name) -> std::optional<std::string> {
      if (name == "XDG_CACHE_HOME") return folder_.path() + "/cache";
      return std::nullopt;
    };
  }

  std::unique_ptr<Catalog> Open(CatalogOptions options = {}) {
    absl::StatusOr<std::unique_ptr<Catalog>> catalog = Catalog::Open(options, env_);
    EXPECT_TRUE(catalog.ok()) << catalog.status();
    return *std::move(catalog);
  }

  std::vector<std::string> CacheFiles() const {
    std::vector<std::string> files;
    const std::string cache = folder_.path() + "/cache";
    if (!std::filesystem::exists(cache)) return files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(cache)) {
      if (entry.is_regular_file()) files.push_back(entry.path().string());
    }
    return files;
  }

  TemporaryFolder folder_;
  std::istringstream in_;
  std::ostringstream out_, err_;
  Env env_;
  MarkingRegistry registry_;
};

TEST_F(FetchTest, WhatIsKnownIsNotAskedForAgain) {
  const std::string digest = registry_.Add("db", "1.0.0");
  const std::string repository = registry_.host() + "/db";
  const std::string by_digest = repository + "@" + digest;
  {
    const std::unique_ptr<Catalog> catalog = Open();
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(*catalog->Tags(repository), (std::vector<std::string>{"v1.0.0"}));
      EXPECT_EQ((*catalog->Get(repository + ":v1.0.0"))->bundle.version, "1.0.0");
      EXPECT_EQ((*catalog->Get(by_digest))->bundle.digest, digest);
    }
    const std::vector<std::string> first = registry_.Requests();
    ASSERT_EQ(first.size(), 4u) << absl::StrJoin(first, "\n");
    EXPECT_EQ(first[0], "/db/tags/list?n=1000");
    EXPECT_EQ(first[1], "/db/manifests/v1.0.0");
  }
  // The next run: a tag may have moved, content is what it is.
  const std::unique_ptr<Catalog> catalog = Open();
  EXPECT_TRUE(catalog->Get(by_digest).ok());
  EXPECT_EQ(registry_.Requests(), std::vector<std::string>());
  EXPECT_EQ(*catalog->Tags(repository), (std::vector<std::string>{"v1.0.0"}));
  EXPECT_EQ(registry_.Requests(), (std::vector<std::string>{"/db/tags/list?n=1000"}));
  EXPECT_TRUE(catalog->Get(repository + ":v1.0.0").ok());
  EXPECT_EQ(registry_.Requests(), (std::vector<std::string>{"/db/manifests/v1.0.0"}));
  // Without a network the content alone is there.
  CatalogOptions options;
  options.access.offline = true;
  const std::unique_ptr<Catalog> offline = Open(options);
  EXPECT_TRUE(offline->Get(by_digest).ok());
  EXPECT_TRUE(HasId(offline->Tags(repository).status(), DiagnosticId::kOffline));
  EXPECT_TRUE(HasId(offline->Get(repository + ":v1.0.0").status(), DiagnosticId::kOffline));
}

TEST_F(FetchTest, NewTagsAreSeen) {
  registry_.Add("db", "1.0.0");
  const std::string repository = registry_.host() + "/db";
  EXPECT_EQ(Open()->Tags(repository)->size(), 1u);
  registry_.Add("db", "1.1.0");
  EXPECT_EQ(Open()->Tags(repository)->size(), 2u);
}

TEST_F(FetchTest, DamagedContentIsFetchedAgain) {
  const std::string by_digest =
      absl::StrCat(registry_.host(), "/db@", registry_.Add("db", "1.0.0"));
  ASSERT_TRUE(Open()->Get(by_digest).ok());
  const std::vector<std::string> files = CacheFiles();
  ASSERT_EQ(files.size(), 3u);
  for (const std::string damage : {"", "application/x\n{}", "no line feed"}) {
    SCOPED_TRACE(damage);
    for (const std::string& file : files) ASSERT_TRUE(WriteFile(file, damage).ok());
    registry_.Requests();
    EXPECT_TRUE(Open()->Get(by_digest).ok());
    EXPECT_EQ(registry_.Requests().size(), 3u);
    EXPECT_TRUE(Open()->Get(by_digest).ok());
    EXPECT_EQ(registry_.Requests().size(), 0u);
  }
}

TEST_F(FetchTest, NoCacheKeepsNothing) {
  const std::string by_digest =
      absl::StrCat(registry_.host(), "/db@", registry_.Add("db", "1.0.0"));
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(Open({.no_cache = true})->Get(by_digest).ok());
    EXPECT_EQ(registry_.Requests().size(), 3u);
  }
  EXPECT_EQ(CacheFiles(), std::vector<std::string>());
}

TEST_F(FetchTest, WhatIsExpectedIsThereAndAskedForOnce) {
  std::vector<Dependency> dependencies;
  for (int i = 0; i < 20; ++i) {
    const std::string name = absl::StrCat("b", i);
    registry_.Add(name, "1.0.0");
    registry_.Add(name, "1.5.0");
    registry_.Add(name, "2.0.0");
    dependencies.push_back(
        {.alias = name, .reference = absl::StrCat(registry_.host(), "/", name), .version = "^1"});
  }
  const std::unique_ptr<Catalog> catalog = Open({.no_cache = true});
  {
    Lookahead lookahead(*catalog, Lookahead::Guess::kHighest);
    for (int i = 0; i < 3; ++i) {
      for (const Dependency& dependency : dependencies) lookahead.Expect(dependency);
    }
    for (const Dependency& dependency : dependencies) {
      EXPECT_EQ(catalog->Tags(dependency.reference)->size(), 3u);
      const auto bundle = catalog->Get(dependency.reference + ":v1.5.0");
      ASSERT_TRUE(bundle.ok()) << bundle.status();
      EXPECT_EQ((*bundle)->bundle.version, "1.5.0");
    }
  }
  // A list, an index, a manifest and a blob each.
  EXPECT_EQ(registry_.Requests().size(), 4u * dependencies.size());
}

TEST_F(FetchTest, WhatNoNetworkWouldBeAskedForIsNotExpected) {
  CatalogOptions options;
  options.access.offline = true;
  const std::unique_ptr<Catalog> catalog = Open(options);
  EXPECT_FALSE(catalog->IsRemote(registry_.host() + "/db:v1"));
  EXPECT_FALSE(Open()->IsRemote("Not A Reference"));
  EXPECT_TRUE(Open()->IsRemote(registry_.host() + "/db:v1"));
}

}  // namespace
}  // namespace deps
