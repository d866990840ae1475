#include "lib/bundle/catalog.h"

#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/cli/env.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"
#include "lib/model/bundle.h"

namespace deps {
namespace {

constexpr char kIndex[] = R"({"apiVersion":"cnab-deps/v1","kind":"Index","bundles":[
 {"reference":"example.com/mysql:v1.0.0","bundle":{"name":"mysql","version":"1.0.0"}},
 {"reference":"example.com/mysql:v1.1.0","digest":"sha256:1111111111111111111111111111111111111111111111111111111111111111","bundle":{"name":"mysql","version":"1.1.0"}},
 {"reference":"example.com/mysql:latest","bundle":{"name":"mysql","version":"1.1.0"}},
 {"reference":"example.com/broken:v1","bundle":{"name":"broken"}}]})";
constexpr char kDigest[] =
    "sha256:1111111111111111111111111111111111111111111111111111111111111111";
constexpr char kOther[] = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

class CatalogTest : public ::testing::Test {
 protected:
  CatalogTest() : folder_(*TemporaryFolder::Create("catalog")) {
    env_.in = &in_;
    env_.out = &out_;
    env_.err = &err_;
    env_.getenv = [](std::string_view) { return std::optional<std::string>(); };
  }

  std::string Write(const std::string& name, std::string_view text) {
    const std::string path = folder_.path() + "/" + name;
    EXPECT_TRUE(WriteFile(path, text).ok());
    return path;
  }

  std::unique_ptr<Catalog> Open(const std::string& mapping = "") {
    CatalogOptions options{.indexes = {Write("index.json", kIndex)}};
    options.access.offline = true;
    if (!mapping.empty()) options.mapping = Write("mapping.json", mapping);
    absl::StatusOr<std::unique_ptr<Catalog>> catalog = Catalog::Open(options, env_);
    EXPECT_TRUE(catalog.ok()) << catalog.status();
    return *std::move(catalog);
  }

  TemporaryFolder folder_;
  std::istringstream in_;
  std::ostringstream out_, err_;
  Env env_;
};

TEST_F(CatalogTest, FindsByTagDigestAndLatest) {
  const std::unique_ptr<Catalog> catalog = Open();
  const std::string by_digest = std::string("example.com/mysql@") + kDigest;
  for (const std::string& reference :
       {std::string("example.com/mysql:v1.1.0"), by_digest, std::string("example.com/mysql")}) {
    SCOPED_TRACE(reference);
    const auto bundle = catalog->Get(reference);
    ASSERT_TRUE(bundle.ok()) << bundle.status();
    EXPECT_EQ((*bundle)->bundle.version, "1.1.0");
    EXPECT_EQ((*bundle)->bundle.reference, reference);
  }
  EXPECT_EQ((*catalog->Get("example.com/mysql:v1.1.0"))->bundle.digest, kDigest);
}

TEST_F(CatalogTest, ListsTags) {
  const std::unique_ptr<Catalog> catalog = Open();
  EXPECT_EQ(*catalog->Tags("example.com/mysql"),
            (std::vector<std::string>{"latest", "v1.0.0", "v1.1.0"}));
}

TEST_F(CatalogTest, TellsNotThereFromNotKnown) {
  const std::unique_ptr<Catalog> catalog = Open();
  EXPECT_TRUE(
      HasId(catalog->Get("example.com/mysql:v9").status(), DiagnosticId::kRegistryNotFound));
  EXPECT_TRUE(HasId(catalog->Get("example.com/other:v1").status(), DiagnosticId::kOffline));
  EXPECT_TRUE(HasId(catalog->Tags("example.com/other").status(), DiagnosticId::kOffline));
  EXPECT_TRUE(HasId(catalog->Get("Not A Reference").status(), DiagnosticId::kReferenceInvalid));
  EXPECT_TRUE(HasId(catalog->Get("example.com/broken:v1").status(), DiagnosticId::kDocumentMember));
}

TEST_F(CatalogTest, LooksUpEveryReferenceInTheMapping) {
  const std::unique_ptr<Catalog> catalog =
      Open(std::string(R"({"origin.example/db:v3":"example.com/mysql:v1.0.0",)") +
           R"("origin.example/db@)" + kOther + R"(":"example.com/mysql:v1.0.0"})");
  const auto bundle = catalog->Get("origin.example/db:v3");
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  EXPECT_EQ((*bundle)->bundle.version, "1.0.0");
  EXPECT_EQ((*bundle)->bundle.reference, "origin.example/db:v3");
  // So that REPOSITORY@DIGEST is in the mapping again.
  EXPECT_EQ((*bundle)->bundle.digest, kOther);
  EXPECT_EQ(*catalog->Tags("origin.example/db"), (std::vector<std::string>{"v3"}));
}

TEST_F(CatalogTest, AnswersManyThreadsOnce) {
  const std::unique_ptr<Catalog> catalog = Open();
  std::vector<const BundleDefinition*> found(8);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < found.size(); ++i) {
    threads.emplace_back([&, i] { found[i] = catalog->Get("example.com/mysql:v1.0.0")->get(); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const BundleDefinition* bundle : found) EXPECT_EQ(bundle, found[0]);
}

TEST_F(CatalogTest, RefusesAnIndexThatContradictsItself) {
  const std::string path = Write("twice.json", R"({"apiVersion":"cnab-deps/v1","kind":"Index",
"bundles":[{"reference":"example.com/a:v1","bundle":{"name":"a","version":"1.0.0"}},
{"reference":"example.com/a:v1","bundle":{"name":"a","version":"2.0.0"}}]})");
  EXPECT_FALSE(Catalog::Open({.indexes = {path}}, env_).ok());
}

TEST_F(CatalogTest, WhatIsWrongInAnIndexHasItsPlaceThere) {
  const auto open = [&](std::string_view entries) {
    const std::string path = Write(
        "bad.json",
        absl::StrCat(R"({"apiVersion":"cnab-deps/v1","kind":"Index","bundles":[)", entries, "]}"));
    return Catalog::Open({.indexes = {path}}, env_);
  };
  const auto place = [&](const absl::Status& status) {
    const Location at = DiagnosticsOf(status).at(0).location;
    return absl::StrCat(at.file.substr(folder_.path().size() + 1), ":", at.line, ":", at.column,
                        ": ", at.pointer);
  };
  EXPECT_EQ(place(open("\n{\"reference\":\"No Reference\",\"bundle\":{}}").status()),
            "bad.json:2:1: /bundles/0/reference");
  EXPECT_EQ(place(open("\n{\"reference\":\"a:v1\",\"bundle\":[]}").status()),
            "bad.json:2:30: /bundles/0/bundle");
  EXPECT_EQ(place(open("{},\n {\"reference\":\"a:v1\",\"bundle\":{\"a\":1,\"a\":2}}").status()),
            "bad.json:2:38: /bundles/1/bundle/a");
  // A bundle.json is read when it is asked for.
  const absl::StatusOr<std::unique_ptr<Catalog>> catalog = open(
      "{\"reference\":\"a:v1\",\"bundle\":{\"name\":\"a\",\"version\":\"1\"}},\n"
      "{\"reference\":\"a:v2\",\"bundle\":{\"name\":\"a\",\n  \"version\":2}}");
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  EXPECT_TRUE((*catalog)->Get("a:v1").ok());
  EXPECT_EQ(place((*catalog)->Get("a:v2").status()), "bad.json:3:13: /bundles/1/bundle/version");
}

TEST_F(CatalogTest, OpensWhateverNamesABundle) {
  const std::unique_ptr<Catalog> catalog = Open();
  const std::string json = Write("bundle.json", R"({"name":"json","version":"1.0.0"})");
  const std::string yaml = Write("other.yaml", "name: yaml\nversion: 1.0.0\n");
  in_.str(R"({"name":"stdin","version":"1.0.0"})");
  std::vector<Diagnostic> mistakes;
  const std::vector<std::pair<std::string, std::string>> rows = {
      {json, "json"},
      {yaml, "yaml"},
      {folder_.path(), "json"},
      {"-", "stdin"},
      {"example.com/mysql:v1.0.0", "mysql"}};
  for (const auto& [operand, name] : rows) {
    SCOPED_TRACE(operand);
    const auto bundle = OpenBundle(operand, *catalog, env_, &mistakes);
    ASSERT_TRUE(bundle.ok()) << bundle.status();
    EXPECT_EQ((*bundle)->bundle.name, name);
  }
  for (const std::string operand : {"missing.yaml", "./missing", "missing.tgz"}) {
    SCOPED_TRACE(operand);
    EXPECT_TRUE(HasId(OpenBundle(operand, *catalog, env_, &mistakes).status(),
                      DiagnosticId::kFileNotFound));
  }
}

TEST_F(CatalogTest, ProvidersOfAnInterfaceAreFoundInTheIndexes) {
  const auto bundle = [](std::string_view reference, std::string_view id) {
    return absl::StrCat(R"({"reference":"example.com/)", reference,
                        R"(","bundle":{"name":"b","version":"1.0.0","custom":{)",
                        R"("org.getporter.dependencies@v2":{"provides":{"interface":{"id":")", id,
                        R"("}}}}}})");
  };
  const std::string index = absl::StrCat(
      R"({"apiVersion":"cnab-deps/v1","kind":"Index","bundles":[)", bundle("z:v1.2.0", "urn:db"),
      ",", bundle("z:v1.10.0", "urn:db"), ",", bundle("z:next", "urn:db"), ",",
      bundle("a:v1.0.0", "urn:db"), ",", bundle("b:v1.0.0", "urn:cache"), ",",
      R"({"reference":"example.com/c:v1","bundle":{"name":"c","version":"1.0.0"}}]})");
  CatalogOptions options{.indexes = {Write("index.json", index)}};
  const absl::StatusOr<std::unique_ptr<Catalog>> catalog = Catalog::Open(options, env_);
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  const absl::StatusOr<std::vector<std::string>> found = (*catalog)->Providers("urn:db");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(*found, (std::vector<std::string>{"example.com/a:v1.0.0", "example.com/z:v1.10.0",
                                              "example.com/z:v1.2.0", "example.com/z:next"}));
  EXPECT_EQ((*catalog)->Providers("")->size(), 6u);
  EXPECT_EQ(*(*catalog)->Providers("urn:none"), std::vector<std::string>());
}

}  // namespace
}  // namespace deps
