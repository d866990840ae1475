#include "lib/engine/argo/argo.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "lib/base/status_macros.h"
#include "lib/base/version.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/engine/argo/api.h"
#include "lib/engine/argo/connect.h"
#include "lib/engine/argo/logs.h"
#include "lib/engine/argo/manifests.h"
#include "lib/engine/argo/render.h"
#include "lib/engine/argo/run.h"
#include "lib/io/file.h"

namespace deps {
namespace {

using json::Value;

constexpr std::string_view kConfigSchema = R"({"type": "object", "properties": {
  "kubeconfig": {"type": "string", "description": "A file; by default as kubectl finds it"},
  "context": {"type": "string", "description": "Of the kubeconfig; by default its current one"},
  "namespace": {"type": "string"},
  "server": {"type": "string", "description": "URL of an Argo Server, to be asked instead"},
  "caFile": {"type": "string", "description": "Certificates trusted for the Argo Server"},
  "tokenFile": {"type": "string", "description": "Holds the token for the Argo Server"},
  "agentImage": {"type": "string", "description": "The image with deps-agent"},
  "serviceAccount": {"type": "string", "description": "Whose identity fetches secrets"},
  "executorAccount": {"type": "string", "description": "Whose identity reports results"},
  "audience": {"type": "string", "description": "Of the token by which secrets are fetched"},
  "stalledMinutes": {"type": "integer", "minimum": 1, "description":
    "A workflow that runs without a live pod for so long is lost"}},
  "additionalProperties": false})";

// A plan is in the resource as base64, with a little around each task.
constexpr int64_t kMaxPlan = 700000;
// No call may take longer than two minutes.
constexpr absl::Duration kLongestGrace = absl::Seconds(60);
constexpr absl::Duration kPoll = absl::Milliseconds(500);
// Pods are looked at where nothing changed for so long.
constexpr absl::Duration kQuiet = absl::Seconds(30);

absl::Status Refuse(std::string message) {
  return MakeError({.id = DiagnosticId::kEngineRefused, .message = std::move(message)});
}

absl::Status UnknownRun(const std::string& run) {
  return MakeError(
      {.id = DiagnosticId::kEngineUnknownRun, .message = absl::StrCat("there is no run ", run)});
}

// "deps-01jd…", "deps-01jd…-r2".
std::string NameOf(const EngineRun& run) {
  return absl::StrCat("deps-", absl::AsciiStrToLower(run.id),
                      run.revision > 1 ? absl::StrCat("-r", run.revision) : "");
}

bool IsName(std::string_view name) {
  return absl::StartsWith(name, "deps-") && name.size() <= 80 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
         });
}

// What RenderArgo refuses, said by an engine.
absl::Status Unsupported(const absl::Status& status) {
  std::vector<std::string> messages;
  for (const Diagnostic& diagnostic : DiagnosticsOf(status)) {
    messages.push_back(diagnostic.message);
  }
  return MakeError({.id = DiagnosticId::kEngineUnsupported,
                    .message = absl::StrJoin(messages, "; "),
                    .hint = DiagnosticsOf(status).front().hint});
}

class ArgoEngine : public Engine {
 public:
  ArgoEngine(ArgoConfig config, http::GetEnv getenv, std::function<void(absl::Duration)> sleep)
      : config_(std::move(config)), getenv_(std::move(getenv)), sleep_(std::move(sleep)) {}

  absl::StatusOr<EngineInfo> Info() override;
  absl::StatusOr<std::vector<Diagnostic>> Check() override {
    DEPS_RETURN_IF_ERROR(Connect());
    return connection_->api->Check();
  }
  absl::StatusOr<std::vector<Diagnostic>> CheckRun(const EngineRun& run) override;
  absl::StatusOr<std::vector<EngineFile>> Render(const EngineRun& run) override;
  absl::StatusOr<Submitted> Submit(const EngineRun& run) override;
  absl::StatusOr<EngineStatus> Status(const std::string& run) override;
  absl::Status Watch(const std::string& run, const std::string& cursor,
                     const std::function<bool(const EngineStatus&)>& changed) override;
  absl::Status Cancel(const CancelRequest& request) override;
  absl::Status Logs(const LogQuery& query,
                    const std::function<absl::Status(const LogLine&)>& line) override;
  absl::Status Delete(const std::string& run) override;

 private:
  ArgoOptions OptionsFor(const EngineRun& run) const;
  absl::Status Connect();
  // Connects; the name of the resource of `run`, "NAMESPACE/NAME".
  absl::StatusOr<std::string> Open(const std::string& run);
  absl::StatusOr<ArgoRun> Get(const std::string& name);
  absl::StatusOr<EngineStatus> StatusOf(const ArgoRun& run);
  // Since when no pod of it has been alive, as far as this folder was told.
  absl::StatusOr<absl::Time> StalledSince(const ArgoRun& run, bool stalled) const;

  const ArgoConfig config_;
  const http::GetEnv getenv_;
  const std::function<void(absl::Duration)> sleep_;
  std::unique_ptr<ArgoConnection> connection_;
};

absl::StatusOr<EngineInfo> ArgoEngine::Info() {
  return EngineInfo{.name = "argo",
                    .version = std::string(kVersion),
                    .protocols = {kEngineProtocol},
                    .capabilities = {.render = true,
                                     .logs = true,
                                     .logs_follow = true,
                                     .watch = true,
                                     .parallelism = true,
                                     .retries = true,
                                     .timeout = true,
                                     .detached = true,
                                     .secrets_in_task = true,
                                     .max_plan_bytes = kMaxPlan},
                    .config_schema = json::ToText(*json::Parse({"", std::string(kConfigSchema)}))};
}

ArgoOptions ArgoEngine::OptionsFor(const EngineRun& run) const {
  return {.name = NameOf(run),
          .name_space = config_.name_space,
          .id = run.id,
          .revision = run.revision,
          .jobs = run.options.jobs,
          .retries = run.options.retries,
          .timeout_seconds = run.options.timeout_seconds,
          .fail_fast = run.options.fail_fast,
          .keep_pods = true,
          .service_account = config_.service_account,
          .executor_account = config_.executor_account,
          .agent_image = config_.agent_image,
          .audience = config_.audience};
}

absl::Status ArgoEngine::Connect() {
  if (connection_ != nullptr) return absl::OkStatus();
  DEPS_ASSIGN_OR_RETURN(connection_, ConnectToArgo(config_, getenv_, sleep_));
  return absl::OkStatus();
}

absl::StatusOr<std::string> ArgoEngine::Open(const std::string& run) {
  const std::vector<std::string> parts = absl::StrSplit(run, '/');
  if (parts.size() != 2 || !IsName(parts[1])) return UnknownRun(run);
  DEPS_RETURN_IF_ERROR(Connect());
  if (parts[0] != connection_->name_space) {
    return Refuse(absl::StrCat("the run ", run, " is not in the namespace ",
                               connection_->name_space, " of these settings"));
  }
  return parts[1];
}

absl::StatusOr<std::vector<EngineFile>> ArgoEngine::Render(const EngineRun& run) {
  const ArgoOptions options = OptionsFor(run);
  absl::StatusOr<std::string> text = FormatArgo(run.plan, options);
  if (!text.ok()) return Unsupported(text.status());
  return std::vector<EngineFile>{{"workflow.yaml", "application/yaml", *std::move(text)},
                                 {"manifests.yaml", "application/yaml", ArgoManifests(options)}};
}

absl::StatusOr<std::vector<Diagnostic>> ArgoEngine::CheckRun(const EngineRun& run) {
  DEPS_ASSIGN_OR_RETURN(std::vector<Diagnostic> found, Check());
  ArgoOptions options = OptionsFor(run);
  options.name_space = connection_->name_space;
  const absl::StatusOr<JsonText> text = RenderArgo(run.plan, options);
  const absl::Status valid =
      text.ok() ? connection_->api->Validate(Value::Of(*text)) : Unsupported(text.status());
  if (!HasId(valid, DiagnosticId::kEngineRefused) &&
      !HasId(valid, DiagnosticId::kEngineUnsupported)) {
    DEPS_RETURN_IF_ERROR(valid);
    return found;
  }
  found.push_back(DiagnosticsOf(valid).front());
  return found;
}

absl::StatusOr<Submitted> ArgoEngine::Submit(const EngineRun& run) {
  ArgoOptions options = OptionsFor(run);
  if (!IsName(options.name)) return Refuse(absl::StrCat("'", run.id, "' is no ULID"));
  // What cannot be rendered needs no server to be refused.
  if (const absl::Status status = RenderArgo(run.plan, options).status(); !status.ok()) {
    return Unsupported(status);
  }
  DEPS_RETURN_IF_ERROR(Connect());
  options.name_space = connection_->name_space;
  DEPS_ASSIGN_OR_RETURN(const JsonText text, RenderArgo(run.plan, options));
  Value workflow = Value::Of(text);
  // Tells whether what is there already is what this very call has made, where
  // the answer to it was lost.
  const std::string call = absl::StrCat(getpid(), "-", absl::ToUnixNanos(absl::Now()));
  workflow.Find("metadata")->Find("annotations")->Set("cnab-deps/submission", Value::String(call));
  Submitted submitted = {.run = absl::StrCat(options.name_space, "/", options.name)};
  const absl::Status created = connection_->api->Create(workflow);
  if (!HasId(created, DiagnosticId::kEngineConflict)) {
    // A namespace that is not there is none of our runs.
    if (HasId(created, DiagnosticId::kEngineUnknownRun)) {
      return Refuse(DiagnosticsOf(created).front().message);
    }
    DEPS_RETURN_IF_ERROR(created);
    return submitted;
  }
  const absl::StatusOr<Value> found = connection_->api->Get(options.name);
  if (HasId(found.status(), DiagnosticId::kEngineUnknownRun)) {
    return MakeError({.id = DiagnosticId::kEngineUnavailable,
                      .message = absl::StrCat("the run ", submitted.run, " is being deleted")});
  }
  DEPS_RETURN_IF_ERROR(found.status());
  if (TextIn(*found, {"metadata", "annotations", "cnab-deps/plan-digest"}) != run.plan.digest) {
    return MakeError({.id = DiagnosticId::kEngineConflict,
                      .message = absl::StrCat("the run ", submitted.run, " has another plan")});
  }
  submitted.already = TextIn(*found, {"metadata", "annotations", "cnab-deps/submission"}) != call;
  return submitted;
}

absl::StatusOr<ArgoRun> ArgoEngine::Get(const std::string& name) {
  DEPS_ASSIGN_OR_RETURN(Value workflow, connection_->api->Get(name));
  return ArgoRun::Read(std::move(workflow));
}

absl::StatusOr<absl::Time> ArgoEngine::StalledSince(const ArgoRun& run, bool stalled) const {
  const absl::Time now = absl::Now();
  if (config_.state_folder.empty()) return now;
  const std::string path = absl::StrCat(config_.state_folder, "/stalled-", run.name());
  if (!stalled) {
    std::remove(path.c_str());
    return now;
  }
  int64_t since = 0;
  const absl::StatusOr<Source> noted = ReadFile(path, 100);
  if (noted.ok() && absl::SimpleAtoi(noted->text, &since)) return absl::FromUnixSeconds(since);
  DEPS_RETURN_IF_ERROR(WriteFile(path, absl::StrCat(absl::ToUnixSeconds(now))));
  return now;
}

absl::StatusOr<EngineStatus> ArgoEngine::StatusOf(const ArgoRun& run) {
  EngineStatus status = run.Status();
  const absl::Time now = absl::Now();
  bool stalled = run.NeedsPods() && now - run.LastChange() > std::min(config_.stalled, kQuiet);
  if (stalled) {
    DEPS_ASSIGN_OR_RETURN(const ArgoPods pods, connection_->api->Pods(run.resource()));
    stalled = pods.seen && std::none_of(pods.pods.begin(), pods.pods.end(),
                                        [](const ArgoPod& pod) { return pod.live; });
  }
  DEPS_ASSIGN_OR_RETURN(const absl::Time since, StalledSince(run, stalled));
  if (stalled && now - since > config_.stalled) run.TellLost(since, &status);
  return status;
}

absl::StatusOr<EngineStatus> ArgoEngine::Status(const std::string& run) {
  DEPS_ASSIGN_OR_RETURN(const std::string name, Open(run));
  DEPS_ASSIGN_OR_RETURN(const ArgoRun found, Get(name));
  return StatusOf(found);
}

absl::Status ArgoEngine::Watch(const std::string& run, const std::string& cursor,
                               const std::function<bool(const EngineStatus&)>& changed) {
  DEPS_ASSIGN_OR_RETURN(const std::string name, Open(run));
  std::string last = cursor;
  std::optional<ArgoRun> seen;
  absl::Status failure;
  const auto tell = [&](const Value* workflow) -> absl::StatusOr<bool> {
    EngineStatus status;
    if (workflow != nullptr) {
      DEPS_ASSIGN_OR_RETURN(seen, ArgoRun::Read(*workflow));
      status = seen->Status();
    } else {
      // Nothing may have happened because nothing is alive.
      DEPS_ASSIGN_OR_RETURN(status, StatusOf(*seen));
    }
    const bool ended = status.workflow.status != "pending" && status.workflow.status != "running";
    const bool fresh = status.cursor != last;
    last = status.cursor;
    if (fresh) return changed(status) && !ended;
    return workflow == nullptr ? changed({}) : !ended;
  };
  DEPS_RETURN_IF_ERROR(connection_->api->Watch(name, [&](const Value* workflow) {
    if (workflow == nullptr && !seen.has_value()) return changed({});
    const absl::StatusOr<bool> goes_on = tell(workflow);
    failure = goes_on.status();
    return goes_on.ok() && *goes_on;
  }));
  return failure;
}

absl::Status ArgoEngine::Cancel(const CancelRequest& request) {
  const absl::StatusOr<std::string> name = Open(request.run);
  if (HasId(name.status(), DiagnosticId::kEngineUnknownRun)) return absl::OkStatus();
  DEPS_RETURN_IF_ERROR(name.status());
  const absl::Time end =
      absl::Now() + std::min(absl::Seconds(request.grace_seconds), kLongestGrace);
  for (bool stopping = false;; sleep_(kPoll)) {
    const absl::StatusOr<Value> found = connection_->api->Get(*name);
    if (HasId(found.status(), DiagnosticId::kEngineUnknownRun)) return absl::OkStatus();
    DEPS_RETURN_IF_ERROR(found.status());
    DEPS_ASSIGN_OR_RETURN(const ArgoRun run, ArgoRun::Read(*found));
    const std::string shutdown = TextIn(*found, {"spec", "shutdown"});
    if (run.HasEnded() || shutdown == "Terminate") return absl::OkStatus();
    const bool terminate = request.force || (stopping && absl::Now() >= end);
    if (!stopping || terminate) {
      if (terminate || shutdown.empty()) {
        DEPS_RETURN_IF_ERROR(connection_->api->Shutdown(*name, terminate));
      }
      if (terminate) return absl::OkStatus();
      stopping = true;
    }
  }
}

absl::Status ArgoEngine::Logs(const LogQuery& query,
                              const std::function<absl::Status(const LogLine&)>& line) {
  DEPS_ASSIGN_OR_RETURN(const std::string name, Open(query.run));
  return ReadArgoLogs(*connection_->api, name, query, sleep_, line);
}

absl::Status ArgoEngine::Delete(const std::string& run) {
  const absl::StatusOr<std::string> name = Open(run);
  if (HasId(name.status(), DiagnosticId::kEngineUnknownRun)) return absl::OkStatus();
  DEPS_RETURN_IF_ERROR(name.status());
  const absl::StatusOr<ArgoRun> found = Get(*name);
  if (HasId(found.status(), DiagnosticId::kEngineUnknownRun)) return absl::OkStatus();
  DEPS_RETURN_IF_ERROR(found.status());
  if (!found->HasEnded()) {
    return MakeError({.id = DiagnosticId::kEngineUnavailable,
                      .message = absl::StrCat("the run ", run, " has not ended"),
                      .hint = "cancel it first"});
  }
  DEPS_RETURN_IF_ERROR(StalledSince(*found, /*stalled=*/false).status());
  const absl::Status deleted = connection_->api->Delete(*name);
  return HasId(deleted, DiagnosticId::kEngineUnknownRun) ? absl::OkStatus() : deleted;
}

}  // namespace

absl::StatusOr<ArgoConfig> ParseArgoConfig(const JsonText& config, std::string state_folder) {
  ArgoConfig argo = {.state_folder = std::move(state_folder)};
  const Source source = {"config", config.text};
  DEPS_ASSIGN_OR_RETURN(const Value value, json::Parse(source));
  int64_t minutes = absl::ToInt64Minutes(argo.stalled);
  json::ObjectReader reader(source, value);
  reader.Optional("kubeconfig", &argo.kubeconfig);
  reader.Optional("context", &argo.context);
  reader.Optional("namespace", &argo.name_space);
  reader.Optional("server", &argo.server);
  reader.Optional("caFile", &argo.ca_file);
  reader.Optional("tokenFile", &argo.token_file);
  reader.Optional("agentImage", &argo.agent_image);
  reader.Optional("serviceAccount", &argo.service_account);
  reader.Optional("executorAccount", &argo.executor_account);
  reader.Optional("audience", &argo.audience);
  reader.Optional("stalledMinutes", &minutes);
  if (const absl::Status status = reader.Finish(); !status.ok()) {
    const Diagnostic first = DiagnosticsOf(status).front();
    return Refuse(absl::StrCat("config", first.location.pointer, ": ", first.message));
  }
  if (minutes < 1) return Refuse("config/stalledMinutes: less than one");
  argo.stalled = absl::Minutes(minutes);
  argo.server = std::string(absl::StripSuffix(argo.server, "/"));
  if (!argo.server.empty()) {
    const absl::StatusOr<http::Origin> origin = http::OriginOf(argo.server);
    if (!origin.ok()) return Refuse("config/server: this is no URL");
    if (origin->scheme != "https" && !http::IsLoopback(origin->host)) {
      return Refuse("config/server: it is not https, and would get a token in clear");
    }
  }
  return argo;
}

std::unique_ptr<Engine> MakeArgoEngine(ArgoConfig config, http::GetEnv getenv,
                                       std::function<void(absl::Duration)> sleep) {
  return std::make_unique<ArgoEngine>(std::move(config), std::move(getenv), std::move(sleep));
}

}  // namespace deps
