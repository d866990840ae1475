// Registries that answer with too much, or with something else than was asked
// for: an error with its id, and no memory beyond the bounds.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/bundle/catalog.h"
#include "lib/cli/env.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/sha256.h"
#include "lib/http/testing_server.h"

namespace deps {
namespace {

constexpr char kIndexType[] = "Content-Type: application/vnd.oci.image.index.v1+json";
constexpr char kManifestType[] = "Content-Type: application/vnd.oci.image.manifest.v1+json";

std::unique_ptr<Catalog> Open() {
  const Env env = {.getenv = [](std::string_view) { return std::optional<std::string>(); }};
  absl::StatusOr<std::unique_ptr<Catalog>> catalog = Catalog::Open({.no_cache = true}, env);
  EXPECT_TRUE(catalog.ok()) << catalog.status();
  return *std::move(catalog);
}

std::string PathOf(const std::string& request) {
  const size_t start = request.find(' ') + 1;
  return request.substr(start, request.find(' ', start) - start);
}

// `page` tags from number `first` on.
std::string Page(int first, int page) {
  std::string text = R"({"name":"db","tags":[)";
  for (int i = first; i < first + page; ++i) {
    absl::StrAppend(&text, i == first ? "" : ",", "\"v1.", i / 1000, ".", i % 1000, "\"");
  }
  return text + "]}";
}

TEST(BadAnswersTest, AMillionTagsOnAThousandPagesAreRead) {
  TestingServer server([](const std::string& request) {
    const std::string path = PathOf(request);
    int first = 0;
    const size_t last = path.find("&last=");
    if (last != std::string::npos && !absl::SimpleAtoi(path.substr(last + 6), &first)) {
      return Answer("400 Bad Request");
    }
    std::vector<std::string> headers;
    if (first + 1000 < 1'000'000) {
      headers.push_back(
          absl::StrCat("Link: </v2/db/tags/list?n=1000&last=", first + 1000, ">; rel=\"next\""));
    }
    return Answer("200 OK", headers, Page(first, 1000));
  });
  const auto tags = Open()->Tags(server.host() + "/db");
  ASSERT_TRUE(tags.ok()) << tags.status();
  EXPECT_EQ(tags->size(), 1'000'000u);
  EXPECT_EQ(server.requests().size(), 1000u);
}

TEST(BadAnswersTest, MoreThanAMillionTagsAreRefused) {
  TestingServer server([](const std::string&) { return Answer("200 OK", {}, Page(0, 1'000'001)); });
  const absl::Status status = Open()->Tags(server.host() + "/db").status();
  EXPECT_TRUE(HasId(status, DiagnosticId::kRegistryProtocol)) << status;
}

// A registry with one bundle, one part of which is another.
class OneBundle {
 public:
  std::string index_type = kIndexType;
  std::string config = R"({"schemaVersion":"1.2.0","name":"db","version":"1.0.0",)"
                       R"("invocationImages":[{"image":"example.com/db-image:v1.0.0"}]})";
  std::string config_media_type = "application/vnd.cnab.config.v1+json";
  std::string kind = "config";
  std::function<void(std::string*)> damage = [](std::string*) {};  // What is sent as the config.

  absl::Status Get() {
    const std::string config_digest = Sha256Digest(config);
    const std::string manifest = absl::StrCat(R"({"schemaVersion":2,"config":{"mediaType":")",
                                              config_media_type, R"(","digest":")", config_digest,
                                              R"(","size":)", config.size(), R"(},"layers":[]})");
    const std::string manifest_digest = Sha256Digest(manifest);
    const std::string index = absl::StrCat(
        R"({"schemaVersion":2,"manifests":[{"mediaType":)"
        R"("application/vnd.oci.image.manifest.v1+json","digest":")",
        manifest_digest, R"(","size":)", manifest.size(),
        R"(,"annotations":{"io.cnab.manifest.type":")", kind,
        R"("}},{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")",
        config_digest, R"(","size":2,"annotations":{"io.cnab.manifest.type":"invocation"}}]})");
    std::string sent = config;
    damage(&sent);
    TestingServer server([&](const std::string& request) {
      const std::string path = PathOf(request);
      if (absl::EndsWith(path, "/manifests/v1.0.0")) return Answer("200 OK", {index_type}, index);
      if (absl::EndsWith(path, manifest_digest)) return Answer("200 OK", {kManifestType}, manifest);
      if (absl::EndsWith(path, config_digest)) return Answer("200 OK", {}, sent);
      return Answer("404 Not Found");
    });
    return Open()->Get(server.host() + "/db:v1.0.0").status();
  }
};

std::string IdsOf(const absl::Status& status) {
  std::string ids;
  for (const Diagnostic& diagnostic : DiagnosticsOf(status)) {
    absl::StrAppend(&ids, ids.empty() ? "" : " ", InfoOf(diagnostic.id).name);
  }
  return ids;
}

TEST(BadAnswersTest, WhatIsNoBundleIsToldById) {
  struct Row {
    const char* name;
    std::function<void(OneBundle&)> change;
    std::string ids;
  };
  const std::vector<Row> rows = {
      {"a bundle", [](OneBundle&) {}, ""},
      {"an index of images that is no bundle", [](OneBundle& one) { one.kind = "attestation"; },
       "bundle-invalid"},
      {"an image", [](OneBundle& one) { one.index_type = kManifestType; }, "bundle-invalid"},
      {"a digest that does not match",
       [](OneBundle& one) { one.damage = [](std::string* sent) { sent->back() = ' '; }; },
       "digest-mismatch"},
      {"a bundle.json of 100 MiB",
       [](OneBundle& one) {
         one.config.insert(1,
                           absl::StrCat(R"("description":")", std::string(100 << 20, 'x'), "\","));
       },
       "input-too-large"},
      {"a bundle.json that ends early",
       [](OneBundle& one) { one.config.resize(one.config.size() / 2); }, "json-syntax"},
  };
  for (const Row& row : rows) {
    OneBundle one;
    row.change(one);
    EXPECT_EQ(IdsOf(one.Get()), row.ids) << row.name;
  }
}

}  // namespace
}  // namespace deps
