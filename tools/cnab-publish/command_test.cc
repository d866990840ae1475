// The whole command against a real registry.
#include "tools/cnab-publish/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "lib/cli/env.h"
#include "lib/digest/sha256.h"
#include "lib/io/file.h"
#include "lib/json/json.h"
#include "lib/oci/bundle_format.h"
#include "lib/oci/registry.h"
#include "lib/oci/testing_registry.h"

namespace deps {
namespace {

using ::testing::HasSubstr;

struct Result {
  ExitCode exit;
  std::string out;
  std::string err;
};

Result Publish(const std::vector<std::string>& args, const std::string& input) {
  std::istringstream in(input);
  std::ostringstream out, err;
  Env env = {.in = &in, .out = &out, .err = &err, .getenv = EmptyEnvironment};
  const ExitCode exit = RunCnabPublish(args, env);
  return {exit, out.str(), err.str()};
}

std::string ManifestFor(std::string_view config) {
  return absl::StrCat(
      R"({"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json",)",
      R"("digest":")", Sha256Digest(config), R"(","size":)", config.size(), R"(},"layers":[]})");
}

void WriteBlob(const std::string& folder, std::string_view bytes) {
  const absl::Status status =
      WriteFile(absl::StrCat(folder, "/blobs/sha256/", Sha256Hex(bytes)), bytes);
  ASSERT_TRUE(status.ok()) << status;
}

// An OCI layout with one image, tagged v1.
void MakeLayout(const std::string& folder, std::string_view config) {
  for (const char* part : {"", "/blobs", "/blobs/sha256"}) {
    mkdir(absl::StrCat(folder, part).c_str(), 0755);
  }
  const std::string manifest = ManifestFor(config);
  WriteBlob(folder, config);
  WriteBlob(folder, manifest);
  ASSERT_TRUE(
      WriteFile(
          absl::StrCat(folder, "/index.json"),
          absl::StrCat(R"({"schemaVersion":2,"manifests":[{"mediaType":")", kOciManifest,
                       R"(","digest":")", Sha256Digest(manifest), R"(","size":)", manifest.size(),
                       R"(,"annotations":{"org.opencontainers.image.ref.name":)", R"("v1"}}]})"))
          .ok());
}

TEST(CnabPublishTest, CopiesImagesFromALayoutAndFromAnotherRegistry) {
  TestingRegistry target, source;
  const absl::StatusOr<TemporaryFolder> folder = TemporaryFolder::Create("publish");
  ASSERT_TRUE(folder.ok());
  const std::string layout = absl::StrCat(folder->path(), "/layout");
  MakeLayout(layout, R"({"in":"layout"})");
  const std::unique_ptr<Registry> registry = source.Client();
  const std::string config = R"({"in":"registry"})", manifest = ManifestFor(config);
  ASSERT_TRUE(registry->PutBlob(source.Ref("web"), Sha256Digest(config), config).ok());
  ASSERT_TRUE(registry->PutManifest(source.Ref("web:v3"), kOciManifest, manifest).ok());

  const std::string bundle = absl::StrCat(
      R"({"schemaVersion":"v1.2.0","name":"app","version":"1.0.0+b",)",
      R"("invocationImages":[{"image":"example.com/app:v1","imageType":"oci"}],)",
      R"("images":{"web":{"image":")", source.Ref("web:v3").Full(), R"(","imageType":"oci"}}})");
  const std::vector<std::string> args = {"--layout", absl::StrCat("invocation=", layout, ":v1"),
                                         "--compact", "-", absl::StrCat(target.host(), "/org/app")};
  const Result result = Publish(args, bundle);
  EXPECT_EQ(result.err, "");
  ASSERT_EQ(result.exit, ExitCode::kOk);

  const auto client = target.Client();
  const absl::StatusOr<FetchedBundle> fetched =
      FetchBundle(*client, target.Ref("org/app:v1.0.0_b"));
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  const std::string in_target = absl::StrCat(target.host(), "/org/app@");
  const std::string invocation = ManifestFor(R"({"in":"layout"})");
  EXPECT_EQ(fetched->mapping,
            (std::map<std::string, std::string>{
                {"example.com/app:v1", absl::StrCat(in_target, Sha256Digest(invocation))},
                {source.Ref("web:v3").Full(), absl::StrCat(in_target, Sha256Digest(manifest))}}));
  const absl::StatusOr<json::Value> report = json::Parse({.text = result.out});
  ASSERT_TRUE(report.ok());
  json::Value expected = json::Value::Object();
  expected.Set("reference", json::Value::String(absl::StrCat(target.host(), "/org/app:v1.0.0_b")));
  expected.Set("digest", json::Value::String(fetched->digest));
  expected.Set("images", json::Value::StringMap(fetched->mapping));
  EXPECT_EQ(json::Canonical(*report), json::Canonical(expected));
  EXPECT_THAT(fetched->bundle_json,
              HasSubstr(absl::StrCat(R"("contentDigest":")", Sha256Digest(invocation), R"(")")));

  // What is published already needs its sources no more.
  const Result again =
      Publish({"-", absl::StrCat(target.host(), "/org/app:again")}, fetched->bundle_json);
  ASSERT_EQ(again.exit, ExitCode::kOk) << again.err;
  EXPECT_THAT(again.out, HasSubstr(fetched->digest));
}

struct BadCall {
  std::string name;
  std::vector<std::string> args;
  std::string input;
  ExitCode exit;
  std::string says;
};

TEST(CnabPublishTest, SaysWhatIsWrong) {
  const std::string image = R"({"invocationImages":[{"image":"127.0.0.1:1/x:v1"}]})";
  for (const BadCall& row : std::vector<BadCall>{
           {"no tag and no version", {"-", "127.0.0.1:1/a"}, image, ExitCode::kUsage, "no tag"},
           {"a digest",
            {"-", absl::StrCat("127.0.0.1:1/a@", Sha256Digest(""))},
            image,
            ExitCode::kUsage,
            "under a tag"},
           {"a layout for nobody",
            {"--layout", "x=/tmp", "-", "127.0.0.1:1/a:v1"},
            image,
            ExitCode::kUsage,
            "no image 'x'"},
           {"no layout there",
            {"--layout", "invocation=/nonexistent", "-", "127.0.0.1:1/a:v1"},
            image,
            ExitCode::kEnvironment,
            "[file-not-found]"},
           {"nobody listens",
            {"-", "127.0.0.1:1/a:v1"},
            image,
            ExitCode::kEnvironment,
            "[registry-unreachable]"},
           {"no bundle", {"-", "127.0.0.1:1/a:v1"}, "[]", ExitCode::kInput, "error"}}) {
    const Result result = Publish(row.args, row.input);
    EXPECT_EQ(result.exit, row.exit) << row.name << ": " << result.err;
    EXPECT_THAT(result.err, HasSubstr(row.says)) << row.name;
    EXPECT_EQ(result.out, "") << row.name;
  }
}

}  // namespace
}  // namespace deps
