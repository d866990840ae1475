#include <stdlib.h>
#include <sys/stat.h>

#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"
#include "lib/json/json.h"
#include "lib/model/plan.h"
#include "lib/model/plan_reader.h"
#include "lib/model/workflow.h"
#include "lib/run/image_name.h"
#include "lib/run/image_root.h"
#include "lib/run/porter_outputs.h"
#include "lib/run/report.h"
#include "lib/run/runc_config.h"
#include "lib/run/runtime_files.h"
#include "lib/run/scheduler.h"
#include "lib/run/settings.h"

namespace deps {
namespace {

using Strings = std::vector<std::string>;
const std::string kDigest = absl::StrCat("sha256:", std::string(64, 'a'));

std::optional<std::string> NoEnvironment(std::string_view) { return std::nullopt; }

TEST(CheckPlanTest, RefusesWhatCannotRun) {
  using Kind = ValueSource::Kind;
  const auto with = [](void (*change)(Plan*)) {
    Plan plan;
    plan.tasks = {{.id = "a"}, {.id = "b"}};
    plan.tasks[1].needs = {"a"};
    change(&plan);
    return plan;
  };
  const struct {
    std::string name;
    Plan plan;
    std::optional<DiagnosticId> id;
  } kRows[] = {
      {"a plan that is well", with([](Plan*) {}), std::nullopt},
      {"a template within a template", with([](Plan* plan) {
         plan->tasks[0].parameters["x"] = {
             .kind = Kind::kTemplate, .text = "${x}", .inputs = {{"x", {.kind = Kind::kTemplate}}}};
       }),
       DiagnosticId::kDocumentValue},
      {"a reference within a template that is none", with([](Plan* plan) {
         plan->tasks[0].parameters["x"] = {
             .kind = Kind::kTemplate,
             .text = "${x}",
             .inputs = {{"x", {.kind = Kind::kSecret, .text = "TOKEN"}}}};
       }),
       DiagnosticId::kSecretReference},
      {"a reference that is none", with([](Plan* plan) {
         plan->tasks[0].credentials["x"] = {.kind = Kind::kSecret, .text = "TOKEN"};
       }),
       DiagnosticId::kSecretReference},
      {"a sink that takes nothing",
       with([](Plan* plan) { plan->tasks[0].outputs["x"] = {.sensitive = true, .sink = "env:X"}; }),
       DiagnosticId::kSecretUnavailable},
  };
  for (const auto& row : kRows) {
    const absl::Status status = CheckPlan(PlanReader(row.plan), NoEnvironment);
    EXPECT_EQ(status.ok(), !row.id.has_value()) << row.name << ": " << status;
    EXPECT_TRUE(!row.id.has_value() || HasId(status, *row.id)) << row.name << ": " << status;
  }
}

TEST(NamesOfImageTest, TriesTheBestNameFirst) {
  const auto bundle = [](std::string image, std::string digest, std::string type = "oci",
                         std::string reference = "reg.example/app:v1") {
    Bundle made;
    made.reference = std::move(reference);
    made.invocation_images = {{.image = std::move(image),
                               .image_type = std::move(type),
                               .content_digest = std::move(digest)}};
    return made;
  };
  const std::string in_image = absl::StrCat("example.com/run@", kDigest);
  const struct {
    std::string name;
    Bundle bundle;
    std::map<std::string, std::string> mapping;
    Strings candidates;  // Empty where it is refused.
  } kRows[] = {
      {"by digest beside the bundle, then where it was",
       bundle("example.com/run:v1", kDigest),
       {},
       {absl::StrCat("reg.example/app@", kDigest), in_image}},
      {"where the mapping says",
       bundle("example.com/run:v1", kDigest),
       {{"example.com/run:v1", "local/run:v1"}},
       {"local/run:v1", absl::StrCat("reg.example/app@", kDigest), in_image}},
      {"mapped by digest",
       bundle("example.com/run:v1", kDigest),
       {{in_image, "local/run@x"}},
       {"local/run@x", absl::StrCat("reg.example/app@", kDigest), in_image}},
      {"without a digest as it is spelled",
       bundle("example.com/run:v1", ""),
       {},
       {"example.com/run:v1"}},
      {"a digest in the reference",
       bundle(in_image, ""),
       {},
       {absl::StrCat("reg.example/app@", kDigest), in_image}},
      {"a bundle from a file", bundle("example.com/run:v1", kDigest, "docker", ""), {}, {in_image}},
      {"no type is oci", bundle("example.com/run:v1", "", ""), {}, {"example.com/run:v1"}},
      {"no option of an engine", bundle("--privileged", ""), {}, {}},
      {"a virtual machine", bundle("example.com/run:v1", "", "qcow"), {}, {}},
      {"a digest that is none", bundle("example.com/run:v1", "sha256:x"), {}, {}},
      {"no image", Bundle(), {}, {}},
  };
  for (const auto& row : kRows) {
    const absl::StatusOr<ImageNames> names = NamesOfImage(row.bundle, row.mapping);
    EXPECT_EQ(names.ok() ? names->candidates : Strings(), row.candidates) << row.name;
    EXPECT_TRUE(names.ok() || HasId(names.status(), DiagnosticId::kBundleInvalid)) << row.name;
  }
}

TEST(NamesOfImageTest, KnowsThisMachinesRegistries) {
  for (const char* const image :
       {"localhost/x", "localhost:5000/x", "127.0.0.1:5000/x", "[::1]:5/x"}) {
    EXPECT_TRUE(IsLoopback(image)) << image;
  }
  for (const char* const image : {"localhost.example/x", "example.com/x", "10.0.0.1/x"}) {
    EXPECT_FALSE(IsLoopback(image)) << image;
  }
}

TEST(FindUserTest, ReadsTheImagesOwnFiles) {
  const TemporaryFolder folder = *TemporaryFolder::Create("user-test");
  ASSERT_EQ(mkdir(absl::StrCat(folder.path(), "/etc").c_str(), 0700), 0);
  std::ofstream(absl::StrCat(folder.path(), "/etc/passwd"))
      << "root:x:0:0::/:/bin/sh\ntool:x:1234:5678::/:/bin/sh\nbroken:x:y:z::/:\n";
  std::ofstream(absl::StrCat(folder.path(), "/etc/group"))
      << "staff:x:50:tool,other\ntool:x:5678:\n";
  const struct {
    std::string user;
    int64_t uid;  // -1 where it is refused.
    int64_t gid;
    std::vector<int64_t> more;
  } kRows[] = {
      {"", 0, 0, {}},        {"tool", 1234, 5678, {50}},   {"1234", 1234, 5678, {50}},
      {"99", 99, 0, {}},     {"tool:staff", 1234, 50, {}}, {"99:77", 99, 77, {}},
      {"nobody", -1, 0, {}}, {"tool:none", -1, 0, {}},     {"broken", -1, 0, {}},
      {"-5", -1, 0, {}},     {"4294967295", -1, 0, {}},
  };
  for (const auto& row : kRows) {
    const absl::StatusOr<ContainerUser> user = FindUser(row.user, folder.path());
    EXPECT_EQ(user.ok(), row.uid >= 0) << row.user;
    if (!user.ok()) continue;
    EXPECT_EQ(user->uid, row.uid) << row.user;
    EXPECT_EQ(user->gid, row.gid) << row.user;
    EXPECT_EQ(user->more_groups, row.more) << row.user;
  }
}

// What is at POINTER/…, as text.
std::string At(const std::string& document, const Strings& path) {
  const absl::StatusOr<json::Value> parsed = json::Parse({.name = "config", .text = document});
  if (!parsed.ok()) return "no JSON";
  const json::Value* value = &*parsed;
  for (const std::string& step : path) {
    value = value == nullptr ? nullptr : value->Find(step);
  }
  return value == nullptr ? "" : json::Canonical(*value);
}

TEST(ContainerConfigTest, HasNoMoreThanAContainerNeeds) {
  const ContainerConfig config = {.arguments = {"/deps-agent"},
                                  .settings = {.environment = {"A=b"}, .folder = "/tmp"},
                                  .user = {.uid = 7, .gid = 8, .more_groups = {9}},
                                  .root = "/root/fs",
                                  .name = "deps-1",
                                  .mounts = {{"/from", "/to", false}}};
  const std::string text = FormatContainerConfig(config);
  EXPECT_EQ(At(text, {"process", "args"}), R"(["/deps-agent"])");
  EXPECT_EQ(At(text, {"process", "user"}), R"({"additionalGids":[9],"gid":8,"uid":7})");
  EXPECT_EQ(At(text, {"process", "cwd"}), "\"/tmp\"");
  EXPECT_TRUE(absl::StrContains(At(text, {"process", "env"}), "\"A=b\",\"PATH="));
  EXPECT_FALSE(absl::StrContains(text, "CAP_SYS_ADMIN"));
  EXPECT_TRUE(absl::StrContains(At(text, {"mounts"}),
                                R"({"destination":"/to","options":["rbind","rprivate","ro"],)"));
  EXPECT_EQ(At(text, {"linux", "seccomp", "defaultAction"}), "\"SCMP_ACT_ALLOW\"");
  for (const char* const call : {"mount", "unshare", "bpf", "ptrace", "keyctl", "clone3"}) {
    EXPECT_TRUE(absl::StrContains(At(text, {"linux", "seccomp", "syscalls"}),
                                  absl::StrCat("\"", call, "\"")))
        << call;
  }
  EXPECT_FALSE(absl::StrContains(At(text, {"linux", "namespaces"}), "user"));
  ContainerConfig rootless = config;
  rootless.rootless = true;
  rootless.host_uid = 1000;
  EXPECT_EQ(At(FormatContainerConfig(rootless), {"linux", "uidMappings"}),
            R"([{"containerID":0,"hostID":1000,"size":1}])");
}

TEST(SettingsTest, ComeBackAsTheyWere) {
  RunOptions options = {.fail_fast = true, .retries = 3};
  options.timeout = absl::Minutes(90);
  options.grace = absl::Milliseconds(1500);
  options.mapping = {{"a", "b"}};
  const absl::StatusOr<RunOptions> back = ParseSettings(FormatSettings(options));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(FormatSettings(*back), FormatSettings(options));
  EXPECT_EQ(back->timeout, options.timeout);
  EXPECT_EQ(ParseSettings("{}")->timeout, absl::InfiniteDuration());
  EXPECT_TRUE(HasId(ParseSettings(R"({"retries":"x"})").status(), DiagnosticId::kDocumentType));
  EXPECT_TRUE(HasId(ParseSettings(R"({"other":1})").status(), DiagnosticId::kDocumentMember));
}

TEST(PorterOutputsTest, TheNewestOfEachNameCounts) {
  const Source source = {.name = "outputs", .text = R"([
    {"namespace": "dev", "installation": "db", "name": "host", "resultId": "01A", "value": "b2xk"},
    {"namespace": "dev", "installation": "db", "name": "host", "resultId": "01B", "value": "bmV3"},
    {"namespace": "dev", "installation": "db", "name": "secret", "resultId": "01B", "key": "k"},
    {"namespace": "", "installation": "db", "name": "port", "resultId": "01C", "value": "MQ=="}])"};
  const absl::StatusOr<std::vector<ImportedOutput>> outputs = ParsePorterOutputs(source);
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  Installation installation;
  installation.name = {"dev", "db"};
  EXPECT_EQ(OutputsOf(*outputs, &installation),
            (std::vector<StoredOutput>{{.name = "host", .value = {"\"new\""}}}));
  EXPECT_EQ(installation.outputs, (Strings{"host"}));
  const struct {
    std::string text;
    DiagnosticId id;
  } kRows[] = {
      {"{}", DiagnosticId::kDocumentType},
      {R"([{"name": "x", "value": ""}])", DiagnosticId::kDocumentMember},
      {R"([{"installation": "x", "name": "y", "value": "#"}])", DiagnosticId::kDocumentValue},
  };
  for (const auto& row : kRows) {
    EXPECT_TRUE(HasId(ParsePorterOutputs({.name = "outputs", .text = row.text}).status(), row.id))
        << row.text;
  }
}

TEST(ExplanationTest, SaysWhatBecomesOfEachTask) {
  const struct {
    std::string status;
    std::string reason;
    std::string decision;
  } kRows[] = {
      {"succeeded", "", "reused"},     {"skipped", "reused", "reused"},
      {"skipped", "upstream", "run"},  {"failed", "bundle", "run"},
      {"failed", "sink", "delivered"}, {"canceled", "stopped", "run"},
      {"pending", "", "run"},          {"pending", "interrupted", "attached"},
      {"unknown", "", "attached"},     {"running", "", "left"},
  };
  for (const auto& row : kRows) {
    Workflow workflow;
    workflow.tasks = {{.id = "root", .status = row.status, .attempt = 1, .reason = row.reason}};
    const std::string text = FormatExplanation(workflow, json::Style::kCompact);
    EXPECT_TRUE(absl::StrContains(text, absl::StrCat("\"decision\":\"", row.decision, "\"")))
        << row.status << " " << row.reason << ": " << text;
  }
}

TEST(ReferenceTest, TheRepositoryEndsBeforeTagAndDigest) {
  const struct {
    std::string reference;
    std::string repository;
  } kRows[] = {
      {"example.com/a:v1", "example.com/a"},
      {"localhost:5000/a", "localhost:5000/a"},
      {"localhost:5000/a:v1@sha256:0", "localhost:5000/a"},
      {"a@sha256:0", "a"},
      {"", ""},
  };
  for (const auto& row : kRows) {
    EXPECT_EQ(RepositoryOfReference(row.reference), row.repository) << row.reference;
  }
}

TEST(ApplyRunTest, AnInstallationFollowsItsRuns) {
  const auto run = [](const std::optional<Installation>& before, const std::string& action,
                      const std::string& status, bool modifies = true) {
    PlannedTask task;
    task.action = action;
    task.bundle.version = "1.0.0";
    task.bundle.actions["look"] = {.modifies = modifies};
    task.installation.name = {"dev", "db"};
    return ApplyRun(before, task, {.run_id = "R"}, {.status = status});
  };
  const Installation installed = run(std::nullopt, "install", "succeeded");
  EXPECT_TRUE(installed.IsInstalled());
  EXPECT_EQ(installed.result_status, "succeeded");
  const Installation broken = run(std::nullopt, "install", "failed");
  EXPECT_FALSE(broken.IsInstalled());
  EXPECT_EQ(broken.result_status, "failed");
  const Installation upgraded = run(installed, "upgrade", "failed");
  EXPECT_TRUE(upgraded.IsInstalled());
  EXPECT_EQ(upgraded.id, installed.id);
  EXPECT_FALSE(run(installed, "uninstall", "succeeded").IsInstalled());
  EXPECT_TRUE(run(installed, "uninstall", "failed").IsInstalled());
  EXPECT_EQ(run(installed, "look", "failed", false).result_status, "succeeded");
}

}  // namespace
}  // namespace deps
