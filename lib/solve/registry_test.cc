// Resolving against a real registry: what it is asked, and what a locked tag and
// a pinned digest mean there.
#include "lib/oci/registry.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "lib/bundle/catalog.h"
#include "lib/cli/env.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/sha256.h"
#include "lib/json/json.h"
#include "lib/model/bundle.h"
#include "lib/model/graph.h"
#include "lib/oci/bundle_format.h"
#include "lib/oci/manifest.h"
#include "lib/oci/reference.h"
#include "lib/oci/testing_registry.h"
#include "lib/solve/resolve.h"

namespace deps {
namespace {

class RegistryTest : public testing::Test {
 protected:
  // Pushes db in a version, under its tag; returns its digest. Another
  // description makes another bundle of the same version.
  std::string Push(const std::string& version, const std::string& description) {
    const Reference repository = registry_.Ref("db");
    const std::unique_ptr<Registry> client = registry_.Client();
    const std::string config = "{}";
    EXPECT_TRUE(client->PutBlob(repository, Sha256Digest(config), config).ok());
    const std::string image = absl::StrCat(
        R"({"schemaVersion":2,"mediaType":")", kOciManifest,
        R"(","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")",
        Sha256Digest(config), R"(","size":2},"layers":[]})");
    const std::string digest = Sha256Digest(image);
    EXPECT_TRUE(client->PutManifest(repository.WithDigest(digest), kOciManifest, image).ok());
    const Source source = {
        .name = "bundle.json",
        .text = absl::StrCat(
            R"({"schemaVersion":"1.2.0","name":"db","version":")", version, R"(","description":")",
            description,
            R"(","invocationImages":[{"image":"example.com/i:v1","imageType":"oci","mediaType":")",
            kOciManifest, R"(","contentDigest":")", digest, R"(","size":)", image.size(), "}]}")};
    const json::Value bundle = *json::Parse(source);
    const EncodedBundle encoded = *EncodeBundle(bundle, *ImagesOf(source, bundle));
    const absl::Status pushed =
        PushBundle(*client, repository.WithTag(absl::StrCat("v", version)), encoded);
    EXPECT_TRUE(pushed.ok()) << pushed;
    return encoded.index_digest;
  }

  // Of a bundle that needs db in ^1; `suffix` belongs to the reference.
  Graph Needing(const std::string& suffix) const {
    const std::string reference = absl::StrCat(registry_.host(), "/db", suffix);
    Graph graph;
    graph.nodes = {
        {.id = "root", .paths = {"root"}, .bundle = Bundle{.name = "shop", .version = "1.0.0"}},
        {.id = "root/db", .paths = {"root/db"}, .alias = "db", .reference = reference}};
    graph.edges = {{.from = "root",
                    .to = "root/db",
                    .alias = "db",
                    .reference = reference,
                    .version = "^1",
                    .sharing = Sharing{}}};
    return graph;
  }

  // In a run of its own, which remembers nothing.
  static absl::StatusOr<ResolveResult> Solved(const Graph& graph,
                                              const ResolveOptions& options = {}) {
    const Env env = {.getenv = [](std::string_view) { return std::nullopt; }};
    absl::StatusOr<std::unique_ptr<Catalog>> catalog = Catalog::Open({.no_cache = true}, env);
    if (!catalog.ok()) return catalog.status();
    return Resolve(graph, options, **catalog);
  }

  static std::string TagAndDigest(const absl::StatusOr<ResolveResult>& result) {
    if (!result.ok()) return std::string(result.status().message());
    if (result->solution.status != "solved") return result->solution.status;
    const Resolution& resolution = *result->solution.nodes[1].resolution;
    return absl::StrCat(resolution.tag, " ", resolution.digest, " ", resolution.by);
  }

  // Those after the first `count` that name a tag, when the registry has told of
  // `last`: it writes its log after it has answered.
  std::vector<std::string> RequestsSince(size_t count, const std::string& last) const {
    std::vector<std::string> requests;
    for (int i = 0; i < 200; ++i) {
      requests = registry_.Requests();
      requests.erase(requests.begin(), requests.begin() + static_cast<std::ptrdiff_t>(count));
      if (std::find(requests.begin(), requests.end(), last) != requests.end()) break;
      absl::SleepFor(absl::Milliseconds(50));
    }
    std::vector<std::string> tags;
    for (const std::string& request : requests) {
      if (absl::StrContains(request, "/manifests/v") || absl::StrContains(request, "/tags/")) {
        tags.push_back(request);
      }
    }
    return tags;
  }

  TestingRegistry registry_;
};

TEST_F(RegistryTest, ALockedTagIsAskedForWithOneHead) {
  const std::string digest = Push("1.0.0", "first");
  const absl::StatusOr<ResolveResult> first = Solved(Needing(""));
  ASSERT_EQ(TagAndDigest(first), absl::StrCat("v1.0.0 ", digest, " range"));
  const std::string get = "GET /v2/db/manifests/v1.0.0";
  EXPECT_EQ(RequestsSince(0, get).back(), get);
  Push("1.1.0", "later");
  const std::string put = "PUT /v2/db/manifests/v1.1.0";
  EXPECT_EQ(RequestsSince(0, put).back(), put);

  const size_t before = registry_.Requests().size();
  EXPECT_EQ(TagAndDigest(Solved(Needing(""), {.lock = first->lock})),
            absl::StrCat("v1.0.0 ", digest, " lock"));
  const std::string head = "HEAD /v2/db/manifests/v1.0.0";
  EXPECT_EQ(RequestsSince(before, head), std::vector<std::string>{head});
}

TEST_F(RegistryTest, ALockedTagThatMovedIsTampering) {
  const std::string locked = Push("1.0.0", "first");
  const absl::StatusOr<ResolveResult> first = Solved(Needing(""));
  ASSERT_TRUE(first.ok()) << first.status();
  const std::string moved = Push("1.0.0", "replaced");
  const absl::Status status = Solved(Needing(""), {.lock = first->lock}).status();
  EXPECT_TRUE(HasId(status, DiagnosticId::kLockTampered)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), locked)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), moved)) << status;
  // Whoever asks for it takes what is there now; with --frozen what is locked.
  EXPECT_EQ(TagAndDigest(Solved(Needing(""), {.lock = first->lock, .upgrades = {""}})),
            absl::StrCat("v1.0.0 ", moved, " range"));
  EXPECT_EQ(TagAndDigest(Solved(Needing(""), {.lock = first->lock, .frozen = true})),
            absl::StrCat("v1.0.0 ", locked, " lock"));
}

TEST_F(RegistryTest, ALockedDigestThatIsGoneIsTamperingToo) {
  const std::string locked = Push("1.0.0", "first");
  const absl::StatusOr<ResolveResult> first = Solved(Needing(""));
  ASSERT_TRUE(first.ok()) << first.status();
  Push("1.0.0", "replaced");
  registry_.Remove(locked);
  const absl::Status status = Solved(Needing(""), {.lock = first->lock}).status();
  EXPECT_TRUE(HasId(status, DiagnosticId::kLockTampered)) << status;
}

TEST_F(RegistryTest, OfADigestWithARangeVersionAndDigestAreChosenTogether) {
  const std::string pinned = Push("1.0.0", "first");
  const std::string next = Push("1.1.0", "second");
  Push("2.0.0", "third");
  EXPECT_EQ(TagAndDigest(Solved(Needing(absl::StrCat("@", pinned)))),
            absl::StrCat("v1.1.0 ", next, " range"));
  // Exact is as the reference says.
  EXPECT_TRUE(absl::StrContains(
      TagAndDigest(Solved(Needing(absl::StrCat("@", pinned)), {.strategy = Strategy::kExact})),
      pinned));
}

}  // namespace
}  // namespace deps
