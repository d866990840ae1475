#include "tools/oci-relocate/oci_relocate_for_tests.h"

#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "lib/archive/archive.h"
#include "lib/cli/env.h"
#include "lib/diag/source.h"
#include "lib/relocate/layout.h"
#include "lib/relocate/plan.h"
#include "lib/relocate/publish.h"
#include "tools/oci-relocate/command.h"

namespace deps {

Result Execute(const std::vector<std::string>& args,
               std::function<std::optional<std::string>(std::string_view)> getenv) {
  std::istringstream input;
  std::ostringstream output;
  std::ostringstream errors;
  const Env env = {.in = &input, .out = &output, .err = &errors, .getenv = std::move(getenv)};
  const ExitCode code = RunOciRelocate(args, env);
  return {code, output.str(), errors.str()};
}

std::string Text(const std::string& path) {
  const absl::StatusOr<Source> source = ReadFile(path);
  EXPECT_TRUE(source.ok()) << source.status();
  return source.ok() ? source->text : "";
}

void ThreeBundlesTest::SetUp() {
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

std::string ThreeBundlesTest::Path(std::string_view name) const {
  return absl::StrCat(folder_.path(), "/", name);
}

void ThreeBundlesTest::Pack() {
  const Result result = Execute({"pack", app_, "-o", Path("a.tgz")});
  ASSERT_EQ(result.code, ExitCode::kOk) << result.err;
  ASSERT_EQ(result.out + result.err, "");
}

Relocation ThreeBundlesTest::Report(const Result& result) {
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  EXPECT_EQ(result.err, "");
  const absl::StatusOr<Relocation> relocation =
      ParseRelocation({.name = "report", .text = result.out});
  EXPECT_TRUE(relocation.ok()) << relocation.status() << result.out;
  return relocation.ok() ? *relocation : Relocation();
}

void PublishingTest::SetUp() {
  const std::string db = maker_.Add("example.com/db", "1.0.0");
  maker_.Add("example.com/app", "2.0.0", {{"db", "example.com/db:v1.0.0"}}, {{"db", db}});
  archive_ = absl::StrCat(folder_.path(), "/a.tgz");
  ASSERT_TRUE(WriteArchiveFile(ArchiveOf(maker_.family), archive_).ok());
  ASSERT_TRUE(WriteFile(absl::StrCat(folder_.path(), "/ada.json"), R"({"auths":{}})").ok());
}

std::string PublishingTest::Outcome(std::vector<std::string> args, const std::string& host) {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  const Env env = {.in = &in, .out = &out, .err = &err, .getenv = [this](std::string_view name) {
                     return name == "HTTPS_PROXY" ? proxy_ : EmptyEnvironment(name);
                   }};
  args.insert(args.end(), {"--jobs", "1", "--retries", "1", "--stall-timeout", "1"});
  const int code = static_cast<int>(RunOciRelocate(args, env));
  if (code == 0) return "0";
  const std::string text = absl::StrReplaceAll(
      err.str(), {{host, "REGISTRY"}, {folder_.path(), "FOLDER"}, {"oci-relocate: ", ""}});
  return absl::StrCat(code, " ",
                      absl::StrJoin(absl::StrSplit(text, '\n', absl::SkipEmpty()), "; "));
}

std::string PublishingTest::Publish(StrictRegistry& registry) {
  return Outcome({"publish", archive_, "--registry", registry.host()}, registry.host());
}

}  // namespace deps
