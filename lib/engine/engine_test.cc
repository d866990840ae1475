// The host's side of the protocol against programs that do not keep to it, and
// messages there and back.
#include "lib/engine/engine.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
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
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/engine/messages.h"
#include "lib/engine/plugin.h"
#include "lib/io/file.h"
#include "lib/schema/conforms.h"

namespace deps {
namespace {

class PluginTest : public testing::Test {
 protected:
  std::unique_ptr<Engine> Script(std::string_view body, PluginOptions options = {}) {
    const std::string path = folder_.path() + "/deps-engine-trial";
    EXPECT_TRUE(WriteFile(path, absl::StrCat("#!/bin/sh\n", body), 0755).ok());
    if (options.timeout == absl::Minutes(2)) options.timeout = absl::Milliseconds(500);
    options.state_dir = folder_.path();
    return MakePluginEngine(path, std::move(options));
  }
  std::string folder() const { return folder_.path(); }

 private:
  TemporaryFolder folder_ = *TemporaryFolder::Create("engine-test");
};

struct BadAnswer {
  std::string_view name;
  std::string_view script;
  DiagnosticId id;
  std::string_view message;  // A part of it.
};

TEST_F(PluginTest, AnswersThatAreNoneAreToldApart) {
  const BadAnswer cases[] = {
      {"garbage", "echo hello", DiagnosticId::kEngineProtocol, "no message of the protocol"},
      {"silence", "exit 0", DiagnosticId::kEngineProtocol, "gives no answer"},
      {"dies", "echo 'disk on fire' >&2; kill -9 $$", DiagnosticId::kEngineProtocol,
       "ends with status 137 and no answer: disk on fire"},
      {"hangs", "sleep 60", DiagnosticId::kEngineProtocol, "did not end within 500ms"},
      {"never ends to talk", "yes", DiagnosticId::kEngineProtocol, "'status'"},
      {"answers twice", "echo '{}'; echo '{}'", DiagnosticId::kEngineProtocol,
       "no message of the protocol"},
      {"another version", R"(echo '{"apiVersion":"cnab-deps/engine/v9","kind":"StatusResponse"}')",
       DiagnosticId::kEngineProtocol, "cnab-deps/engine/v1"},
      {"another message", R"(echo '{"apiVersion":"cnab-deps/engine/v1","kind":"CancelResponse"}')",
       DiagnosticId::kEngineProtocol, "a CancelResponse where StatusResponse is asked for"},
      {"a broken document inside",
       R"(echo '{"apiVersion":"cnab-deps/engine/v1","kind":"StatusResponse","workflow":{"x":1}}')",
       DiagnosticId::kEngineProtocol, "no message of the protocol"},
      {"an error",
       R"(echo '{"apiVersion":"cnab-deps/engine/v1","kind":"Error","error":)"
       R"({"code":"not_found","message":"gone"}}'; exit 1)",
       DiagnosticId::kEngineUnknownRun, "gone"},
      {"an error of a later version",
       R"(echo '{"apiVersion":"cnab-deps/engine/v1","kind":"Error","error":)"
       R"({"code":"sunspots","message":"too many"}}'; exit 1)",
       DiagnosticId::kEngineRefused, "too many"},
      {"denied",
       R"(echo '{"apiVersion":"cnab-deps/engine/v1","kind":"Error","error":)"
       R"({"code":"permission_denied","message":"no"}}'; exit 1)",
       DiagnosticId::kEngineDenied, "no"},
  };
  for (const BadAnswer& row : cases) {
    SCOPED_TRACE(row.name);
    const absl::Status status = Script(row.script)->Status("run").status();
    EXPECT_TRUE(HasId(status, row.id)) << status;
    ASSERT_FALSE(status.ok());
    EXPECT_TRUE(absl::StrContains(DiagnosticsOf(status).front().message, row.message)) << status;
  }
}

TEST_F(PluginTest, WhatMayHelpIsTriedAgain) {
  const std::string script = absl::StrCat(
      "cat >/dev/null; echo x >>", folder(), "/calls\n", "[ $(wc -l <", folder(),
      R"(/calls) -lt 3 ] || { echo '{"apiVersion":"cnab-deps/engine/v1","kind":"CancelResponse"}'; exit; }
echo '{"apiVersion":"cnab-deps/engine/v1","kind":"Error","error":{"code":"unavailable","message":"busy"}}'
exit 1)");
  EXPECT_TRUE(Script(script)->Cancel({.run = "run"}).ok());
}

TEST_F(PluginTest, AGoodWordBeforeABadEndIsNone) {
  const absl::Status status =
      Script(R"(echo '{"apiVersion":"cnab-deps/engine/v1","kind":"CancelResponse"}'; exit 1)")
          ->Cancel({.run = "run"});
  EXPECT_TRUE(HasId(status, DiagnosticId::kEngineProtocol)) << status;
}

TEST_F(PluginTest, IsGivenUpWhenAskedTo) {
  PluginOptions options = {.stop = [] { return true; }, .timeout = absl::Seconds(50)};
  const absl::Status status = Script("sleep 60", std::move(options))->Status("run").status();
  EXPECT_TRUE(HasId(status, DiagnosticId::kInterrupted)) << status;
}

TEST(FindEngine, LooksInItsPlacesAndTellsWhatIsThere) {
  const TemporaryFolder folder = *TemporaryFolder::Create("find-engine");
  const auto getenv = [&](std::string_view name) -> std::optional<std::string> {
    if (name == "DEPS_ENGINE_PATH") return folder.path();
    return std::nullopt;
  };
  ASSERT_TRUE(WriteFile(folder.path() + "/deps-engine-shell", "#!/bin/sh\n", 0755).ok());
  ASSERT_TRUE(WriteFile(folder.path() + "/deps-engine-plain", "", 0644).ok());
  EXPECT_EQ(*FindEngine("shell", "", getenv), folder.path() + "/deps-engine-shell");
  for (const std::string name : {"slurn", "../shell", "plain", ""}) {
    const absl::Status status = FindEngine(name, "", getenv).status();
    EXPECT_TRUE(HasId(status, DiagnosticId::kEngineUnknown)) << name;
    EXPECT_TRUE(absl::StrContains(DiagnosticsOf(status).front().hint, "local, plain, shell"));
  }
}

TEST(Messages, ComeBackAsTheyWere) {
  const EngineInfo info = {.name = "trial",
                           .version = "1.2",
                           .protocols = {1},
                           .capabilities = {.render = true, .logs = true, .max_plan_bytes = 1000},
                           .config_schema = {R"({"type":"object"})"}};
  EXPECT_EQ(*ParseInfo({"", FormatInfo(info)}), info);
  const std::vector<EngineFile> files = {{"a.yaml", "application/yaml", "a: 1\n"}};
  EXPECT_EQ(*ParseRendered({"", FormatRendered(files)}), files);
  const Submitted submitted = {.run = "abc", .already = true};
  EXPECT_EQ(*ParseSubmitted({"", FormatSubmitted(submitted)}), submitted);
  EngineStatus status = {.native = {{"root", "job 7"}}, .cursor = "9"};
  status.workflow = {.id = "01J",
                     .plan = "sha256:" + std::string(64, '0'),
                     .engine = "trial",
                     .status = "running",
                     .tasks = {{.id = "root", .status = "running"}}};
  EXPECT_EQ(*ParseStatus({"", FormatStatus(status)}), status);
  EXPECT_EQ(**ParseWatchLine({"", FormatWatchEvent(status)}), status);
  EXPECT_FALSE(ParseWatchLine({"", FormatHeartbeat(EngineVerb::kWatch)})->has_value());
  const LogLine line = {.time = "", .task = "root", .text = "{{ \"quoted\" }}"};
  EXPECT_EQ(**ParseLogLine({"", FormatLogLine(line)}), line);
  EXPECT_TRUE(ParseDone(EngineVerb::kDelete, {"", FormatDone(EngineVerb::kDelete)}).ok());
}

TEST(Messages, AreAsTheSchemaAsks) {
  const absl::StatusOr<Source> schema = ReadFile("lib/schema/engine.schema.json");
  ASSERT_TRUE(schema.ok()) << schema.status();
  EngineStatus status = {.native = {{"root", "job 7"}}, .cursor = "9"};
  status.workflow = {.id = "01J",
                     .plan = "sha256:" + std::string(64, '0'),
                     .engine = "trial",
                     .status = "running",
                     .tasks = {{.id = "root", .status = "running"}}};
  std::vector<std::string> messages = {
      FormatInfo({.name = "trial", .version = "1", .protocols = {1}}),
      FormatCheck({{.id = DiagnosticId::kEngineDenied, .message = "no"}}),
      FormatRendered({{"a.yaml", "application/yaml", "a: 1\n"}}),
      FormatSubmitted({.run = "abc"}),
      FormatStatus(status),
      FormatWatchEvent(status),
      FormatHeartbeat(EngineVerb::kWatch),
      FormatLogLine({.task = "root", .text = "x"}),
      FormatHeartbeat(EngineVerb::kLogs),
      FormatDone(EngineVerb::kCancel),
      FormatDone(EngineVerb::kDelete),
      FormatEngineError(MakeError({.id = DiagnosticId::kEngineConflict, .message = "why"}))};
  for (size_t verb = 0; verb < EngineVerbNames().size(); ++verb) {
    EngineRequest request = {.verb = static_cast<EngineVerb>(verb), .ref = "abc"};
    request.run = {.id = "01J"};
    request.cancel.run = request.logs.run = "abc";
    messages.push_back(FormatRequest(request));
  }
  for (const std::string& message : messages) {
    const absl::Status conforms = ConformsToSchema(*schema, {"", message});
    EXPECT_TRUE(conforms.ok()) << message << conforms;
  }
  for (const std::string message :
       {R"({"apiVersion":"cnab-deps/engine/v1","kind":"SubmitResponse"})",
        R"({"apiVersion":"cnab-deps/engine/v2","kind":"DeleteResponse"})",
        R"({"apiVersion":"cnab-deps/engine/v1","kind":"Sunspots"})"}) {
    EXPECT_FALSE(ConformsToSchema(*schema, {"", message}).ok()) << message;
  }
}

TEST(Messages, RequestsComeBackAsTheyWere) {
  EngineRequest request = {.verb = EngineVerb::kSubmit, .config = {R"({"partition":"short"})"}};
  request.run = {
      .id = "01J",
      .revision = 3,
      .options = {
          .driver = "podman", .jobs = 2, .retries = 1, .timeout_seconds = 60, .fail_fast = true}};
  request.run.plan.action = "install";
  request.run.plan.installation.name = "x";
  request.run.plan.digest = PlanDigest(request.run.plan);
  const absl::StatusOr<EngineRequest> read =
      ParseRequest(EngineVerb::kSubmit, {"", FormatRequest(request)});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->run, request.run);
  EXPECT_EQ(read->config, request.config);
  EXPECT_TRUE(HasId(ParseRequest(EngineVerb::kStatus, {"", FormatRequest(request)}).status(),
                    DiagnosticId::kDocumentKind));
}

TEST(Messages, ErrorsKeepTheirKind) {
  for (const DiagnosticId id : {DiagnosticId::kEngineUnavailable, DiagnosticId::kEngineDenied,
                                DiagnosticId::kEngineConflict, DiagnosticId::kEngineUnknownRun,
                                DiagnosticId::kEngineUnsupported, DiagnosticId::kEngineRefused}) {
    const std::string text = FormatEngineError(MakeError({.id = id, .message = "why"}));
    EXPECT_TRUE(HasId(ParseStatus({"", text}).status(), id)) << text;
  }
}

}  // namespace
}  // namespace deps
