#include "tools/deps-run/engine_run.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/engine/engine.h"
#include "lib/engine/plugin.h"
#include "lib/engine/residual.h"
#include "lib/io/file.h"
#include "lib/json/json.h"
#include "lib/model/plan_reader.h"
#include "lib/run/runtime_files.h"
#include "lib/run/settings.h"
#include "lib/state/open_store.h"
#include "lib/state/state_option.h"
#include "lib/state/ulid.h"
#include "tools/deps-run/remote_run.h"

namespace deps {
namespace {

// Tasks that are waited for at the same time: each has a thread.
constexpr int64_t kWaiters = 64;

absl::Status Unsupported(std::string message, std::string hint = "") {
  return MakeError({.id = DiagnosticId::kEngineUnsupported,
                    .message = std::move(message),
                    .hint = std::move(hint)});
}

// What an attempt on the engine came to, as one of this machine would tell it.
TaskResult ResultOf(const PlannedTask& task, const Claim& claim, const WorkflowTask& remote) {
  TaskResult result = {.status = remote.status,
                       .exit_code = remote.exit_code,
                       .reason = remote.reason,
                       .message = remote.message};
  if (remote.status == "unknown") {
    result.status = "failed";
    result.reason = "engine";
  } else if (remote.status == "skipped") {
    // What it needs ended well here: the engine knows of something else.
    result.status = "failed";
    result.message = "the engine did not run it";
  } else if (remote.status == "failed" && remote.reason.empty()) {
    result.reason = "bundle";
  }
  for (const auto& [name, output] : remote.outputs) {
    StoredOutput stored = {.name = name, .sensitive = output.sensitive, .ref = output.ref};
    if (output.value.has_value()) stored.value = *output.value;
    result.outputs.push_back(std::move(stored));
  }
  const RunRecord record = {.run_id = NewUlid(),
                            .result_id = NewUlid(),
                            .revision = claim.revision,
                            .created = NowText()};
  result.run_id = record.run_id;
  result.result_id = record.result_id;
  result.installation = ApplyRun(claim.before, task, record, result);
  result.run_document = RunDocument(task, record);
  result.result_document = ResultDocument(task, record, result);
  return result;
}

// The scheduler's attempts are those of the engine: there is nothing to start.
class NoDriver : public Driver {
 public:
  absl::StatusOr<RunEnd> Run(const BundleRun&, const RunWatch&) override {
    return absl::InternalError("a task of an engine is started here");
  }
  absl::StatusOr<std::optional<RunEnd>> Attach(const Traces&, const RunWatch&) override {
    return std::optional<RunEnd>();
  }
  absl::Status CleanUp(const Traces&) override { return absl::OkStatus(); }
  bool UsesImages() const override { return false; }
};

absl::StatusOr<JsonText> ReadConfig(const RunCommandOptions& options) {
  if (options.engine_config.empty()) return JsonText{"{}"};
  DEPS_ASSIGN_OR_RETURN(const Source source, ReadFile(options.engine_config));
  DEPS_ASSIGN_OR_RETURN(const json::Value config, json::Parse(source));
  if (config.IsObject()) return json::ToText(config);
  return MakeError({.id = DiagnosticId::kDocumentType,
                    .message = "an engine's settings are an object",
                    .location = source.At(0)});
}

absl::StatusOr<std::unique_ptr<Engine>> OpenEngine(const std::string& name, const JsonText& config,
                                                   const Env& env) {
  std::error_code error;
  const std::string self = std::filesystem::read_symlink("/proc/self/exe", error).string();
  DEPS_ASSIGN_OR_RETURN(std::string program, FindEngine(name, self, env.getenv));
  PluginOptions options = {.config = config};
  options.state_dir = absl::StrCat(StateFolder(env), "/engines/", name);
  std::filesystem::create_directories(options.state_dir, error);
  if (error) {
    return MakeError({.id = DiagnosticId::kFileWrite,
                      .message = error.message(),
                      .location = {.file = options.state_dir}});
  }
  chmod(options.state_dir.c_str(), 0700);
  return MakePluginEngine(std::move(program), std::move(options));
}

// What the engine must offer for this plan, before it gets it.
absl::Status CheckOffer(const EngineInfo& info, const Plan& plan, const RunOptions& run) {
  const EngineCapabilities& can = info.capabilities;
  if (!can.secrets_in_task && UsesSecrets(plan)) {
    return Unsupported(absl::StrCat("the engine ", info.name,
                                    " cannot read secrets where a task runs, and the plan has "
                                    "some"));
  }
  if (run.retries > 0 && !can.retries) {
    return Unsupported(absl::StrCat("the engine ", info.name, " does not retry tasks"),
                       "leave --retries out");
  }
  if (run.timeout != absl::InfiniteDuration() && !can.timeout) {
    return Unsupported(absl::StrCat("the engine ", info.name, " keeps to no time limit"),
                       "leave --timeout out");
  }
  const int64_t size = static_cast<int64_t>(FormatPlan(plan, json::Style::kCompact).size());
  if (can.max_plan_bytes > 0 && size > can.max_plan_bytes) {
    return Unsupported(absl::StrCat("the plan has ", size, " bytes, and the engine ", info.name,
                                    " takes ", can.max_plan_bytes));
  }
  return absl::OkStatus();
}

KnownOutputs Known(const std::vector<StoredOutput>& outputs) {
  KnownOutputs known;
  for (const StoredOutput& output : outputs) {
    ValueSource source = {.value = output.value};
    if (output.sensitive) source = {.kind = ValueSource::Kind::kSecret, .text = output.ref};
    known[output.name] = std::move(source);
  }
  return known;
}

// The tasks that need not run again, with what they left.
absl::StatusOr<std::map<std::string, KnownOutputs>> DoneTasks(const Plan& plan,
                                                              const std::string& id, Store& store) {
  std::set<std::string> ended;
  if (!id.empty()) {
    DEPS_ASSIGN_OR_RETURN(const Workflow workflow, store.Document(id));
    for (const WorkflowTask& task : workflow.tasks) {
      if (task.status == "succeeded") ended.insert(task.id);
    }
  }
  std::map<std::string, KnownOutputs> done;
  for (const PlannedTask& task : plan.tasks) {
    if (task.action == "skip") {
      DEPS_ASSIGN_OR_RETURN(const auto outputs, store.InstallationOutputs(task.installation.name));
      done[task.id] = Known(outputs);
    } else if (ended.count(task.id) > 0) {
      DEPS_ASSIGN_OR_RETURN(const auto outputs, store.Outputs(id, task.id));
      done[task.id] = Known(outputs);
    }
  }
  return done;
}

EngineRun MakeRun(const std::string& id, int64_t revision, Plan plan, const std::string& driver,
                  const RunOptions& run) {
  EngineRun engine = {.id = id, .revision = revision, .plan = std::move(plan)};
  engine.options = {
      .driver = driver, .jobs = run.jobs, .retries = run.retries, .fail_fast = run.fail_fast};
  if (run.timeout != absl::InfiniteDuration()) {
    engine.options.timeout_seconds =
        absl::ToInt64Seconds(absl::Ceil(run.timeout, absl::Seconds(1)));
  }
  return engine;
}

absl::StatusOr<ExitCode> Show(const std::vector<EngineFile>& files,
                              const RunCommandOptions& options, const Env& env) {
  std::string text;
  for (const EngineFile& file : files) {
    if (files.size() > 1) absl::StrAppend(&text, "==> ", file.name, " <==\n");
    absl::StrAppend(&text, file.text, absl::EndsWith(file.text, "\n") ? "" : "\n");
  }
  DEPS_RETURN_IF_ERROR(WriteResult(options.common.output, text, env));
  return ExitCode::kOk;
}

// Whether a task may still do something: it has not ended, and nothing that it
// needs has ended badly. An engine takes a while to give the others up.
bool GoesOn(const Plan& plan, const Workflow& workflow) {
  std::map<std::string, std::string> status;
  for (const WorkflowTask& task : workflow.tasks) status[task.id] = task.status;
  std::set<std::string> lost;
  for (const PlannedTask& task : plan.tasks) {
    const auto found = status.find(task.id);
    if (found == status.end()) continue;
    const bool ended = HasEnded(found->second);
    if ((ended && found->second != "succeeded") ||
        std::any_of(task.needs.begin(), task.needs.end(),
                    [&](const std::string& need) { return lost.count(need) > 0; })) {
      lost.insert(task.id);
    } else if (!ended) {
      return true;
    }
  }
  return false;
}

// A workflow that this process holds, on its way to the engine and there.
class EngineWorkflow {
 public:
  EngineWorkflow(const RunCommandOptions& options, const Env& env, Terminal& terminal)
      : options_(options), env_(env), terminal_(terminal) {}

  absl::StatusOr<ExitCode> Start(const Plan& plan);
  absl::StatusOr<ExitCode> Resume(const StoredWorkflow& stored);

 private:
  absl::Status Open(const std::string& name, const JsonText& config);
  // Submits what is left of the plan, and notes it.
  absl::Status Submit();
  absl::Status Note();
  // Reports what the engine has against a run; true also where it cannot be asked.
  bool WouldBeTaken(const EngineRun& run);
  absl::StatusOr<ExitCode> Follow();

  const RunCommandOptions& options_;
  const Env& env_;
  Terminal& terminal_;
  std::unique_ptr<Engine> engine_;
  EngineInfo info_;
  Session session_;
  RunOptions run_;
  Plan plan_;
  std::string id_;
  std::string driver_;
  EngineSettings settings_;
};

absl::Status EngineWorkflow::Open(const std::string& name, const JsonText& config) {
  settings_.config = config;
  DEPS_ASSIGN_OR_RETURN(engine_, OpenEngine(name, config, env_));
  DEPS_ASSIGN_OR_RETURN(info_, engine_->Info());
  return absl::OkStatus();
}

absl::Status EngineWorkflow::Note() {
  return session_.store->SetOptions(id_, FormatSettings(run_, settings_), session_.owner);
}

bool EngineWorkflow::WouldBeTaken(const EngineRun& run) {
  const absl::StatusOr<std::vector<Diagnostic>> notes = engine_->CheckRun(run);
  if (!notes.ok()) {
    Diagnostic why = DiagnosticsOf(notes.status()).front();
    why.severity = Severity::kWarning;
    why.message = absl::StrCat(info_.name, " was not asked whether it takes this: ", why.message);
    terminal_.Report(why);
    return true;
  }
  bool taken = true;
  for (const Diagnostic& note : *notes) {
    terminal_.Report(note);
    taken = taken && note.severity != Severity::kError;
  }
  return taken;
}

absl::Status EngineWorkflow::Submit() {
  DEPS_ASSIGN_OR_RETURN(const auto done, DoneTasks(plan_, id_, *session_.store));
  DEPS_ASSIGN_OR_RETURN(Plan residual, ResidualPlan(plan_, done));
  if (residual.tasks.empty()) return absl::OkStatus();
  DEPS_ASSIGN_OR_RETURN(
      const Submitted submitted,
      engine_->Submit(MakeRun(id_, settings_.revision, std::move(residual), driver_, run_)));
  settings_.run = submitted.run;
  terminal_.Say(absl::StrCat(info_.name, " has the run as ", submitted.run));
  return Note();
}

absl::StatusOr<ExitCode> EngineWorkflow::Follow() {
  RemoteRun remote(*engine_, settings_.run);
  run_.jobs = kWaiters;
  // The engine does that.
  run_.retries = 0;
  run_.attempt = [&remote](const PlannedTask& task, const Claim& claim,
                           const std::function<int()>& stop) -> TaskResult {
    const absl::StatusOr<WorkflowTask> ended = remote.Await(task.id, stop);
    if (ended.ok()) return ResultOf(task, claim, *ended);
    return {.status = "failed",
            .reason = "engine",
            .message = DiagnosticsOf(ended.status()).front().message};
  };
  run_.begun = [&remote](const std::string& task) { return remote.HasBegun(task); };
  NoDriver driver;
  return Drive(id_, session_.owner, *session_.store, driver, run_, options_, env_, terminal_);
}

absl::StatusOr<ExitCode> EngineWorkflow::Start(const Plan& plan) {
  plan_ = plan;
  DEPS_ASSIGN_OR_RETURN(const JsonText config, ReadConfig(options_));
  DEPS_RETURN_IF_ERROR(Open(options_.engine, config));
  DEPS_ASSIGN_OR_RETURN(WorkflowStart start, MakeStart(options_, options_.driver, "run", env_));
  start.engine = options_.engine;
  driver_ = start.driver;
  DEPS_ASSIGN_OR_RETURN(run_, MakeRunOptions(options_, env_));
  if (options_.jobs > 0 && !info_.capabilities.parallelism) {
    terminal_.Report({.id = DiagnosticId::kEngineUnsupported,
                      .severity = Severity::kWarning,
                      .message = absl::StrCat("the engine ", info_.name,
                                              " decides by itself how many tasks run at a time")});
  }
  DEPS_RETURN_IF_ERROR(CheckOffer(info_, plan, run_));
  id_ = NewUlid();
  if (options_.dry_run) {
    if (!info_.capabilities.render) {
      return Unsupported(absl::StrCat("the engine ", info_.name, " has nothing to show"));
    }
    DEPS_ASSIGN_OR_RETURN(const Plan residual, ResidualPlan(plan, {}));
    // The same plan is to be shown with the same bytes.
    const EngineRun shown = MakeRun(plan.digest.substr(7, 26), 1, residual, driver_, run_);
    DEPS_ASSIGN_OR_RETURN(const auto files, engine_->Render(shown));
    DEPS_ASSIGN_OR_RETURN(const ExitCode code, Show(files, options_, env_));
    return WouldBeTaken(shown) ? code : ExitCode::kNo;
  }
  DEPS_ASSIGN_OR_RETURN(session_, OpenSession(options_, env_));
  // Before there is a workflow: what cannot be submitted is none.
  DEPS_RETURN_IF_ERROR(CheckClashes(PlanReader(plan_), *session_.store));
  DEPS_ASSIGN_OR_RETURN(const auto done, DoneTasks(plan_, "", *session_.store));
  DEPS_RETURN_IF_ERROR(ResidualPlan(plan_, done).status());
  DEPS_ASSIGN_OR_RETURN(const std::vector<Diagnostic> notes, engine_->Check());
  for (const Diagnostic& note : notes) terminal_.Report(note);
  start.options = FormatSettings(run_, settings_);
  DEPS_RETURN_IF_ERROR(
      session_.store->CreateWorkflow(id_, PlanReader(plan_), start, session_.owner));
  DEPS_RETURN_IF_ERROR(Submit());
  if (!options_.detach) return Follow();
  if (!info_.capabilities.detached) {
    terminal_.Report(
        {.id = DiagnosticId::kEngineUnsupported,
         .severity = Severity::kWarning,
         .message = absl::StrCat("the engine ", info_.name, " may stop where nobody follows it")});
  }
  DEPS_ASSIGN_OR_RETURN(const Workflow workflow, session_.store->Document(id_));
  DEPS_RETURN_IF_ERROR(WriteWorkflow(workflow, *session_.store, options_, env_));
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> EngineWorkflow::Resume(const StoredWorkflow& stored) {
  id_ = stored.id;
  driver_ = options_.driver.empty() ? stored.start.driver : options_.driver;
  DEPS_ASSIGN_OR_RETURN(settings_, ParseEngineSettings(stored.start.options));
  DEPS_RETURN_IF_ERROR(Open(stored.start.engine, settings_.config));
  DEPS_ASSIGN_OR_RETURN(run_, OptionsFor(stored.start, options_, env_));
  DEPS_ASSIGN_OR_RETURN(session_, OpenSession(options_, env_));
  DEPS_ASSIGN_OR_RETURN(plan_, session_.store->ReadPlan(id_));
  bool goes_on = false;
  std::set<std::string> unseen;
  if (!settings_.run.empty()) {
    const absl::StatusOr<EngineStatus> status = engine_->Status(settings_.run);
    if (!status.ok() && !HasId(status.status(), DiagnosticId::kEngineUnknownRun)) {
      return status.status();
    }
    if (status.ok()) {
      goes_on = GoesOn(plan_, status->workflow);
      for (const WorkflowTask& task : status->workflow.tasks) {
        if (task.status == "succeeded") unseen.insert(task.id);
      }
    }
  }
  DEPS_ASSIGN_OR_RETURN(const Workflow document, session_.store->Document(id_));
  for (const WorkflowTask& task : document.tasks) {
    if (task.status == "succeeded") unseen.erase(task.id);
  }
  const WorkflowStart start = {.engine = stored.start.engine,
                               .driver = driver_,
                               .mode = "run",
                               .options = FormatSettings(run_, settings_)};
  DEPS_RETURN_IF_ERROR(session_.store->TakeWorkflow(id_, start, session_.owner, {}));
  // What the run did while nobody followed it belongs to this workflow first.
  if (goes_on || !unseen.empty()) {
    const auto follow = Follow();
    if (goes_on || !follow.ok() || *follow != ExitCode::kNo) return follow;
    DEPS_RETURN_IF_ERROR(session_.store->TakeWorkflow(id_, start, session_.owner, {}));
  }
  if (!settings_.run.empty()) {
    DEPS_RETURN_IF_ERROR(engine_->Cancel({.run = settings_.run}));
    ++settings_.revision;
    settings_.earlier.push_back(std::exchange(settings_.run, ""));
    DEPS_RETURN_IF_ERROR(Note());
  }
  DEPS_RETURN_IF_ERROR(Submit());
  return Follow();
}

// The engine of a workflow, and the runs there, the last one last.
struct Remote {
  std::unique_ptr<Engine> engine;
  std::vector<std::string> runs;
};

absl::StatusOr<Remote> OpenRemote(const StoredWorkflow& stored, const Env& env) {
  DEPS_ASSIGN_OR_RETURN(EngineSettings settings, ParseEngineSettings(stored.start.options));
  Remote remote = {.runs = std::move(settings.earlier)};
  if (!settings.run.empty()) remote.runs.push_back(std::move(settings.run));
  DEPS_ASSIGN_OR_RETURN(remote.engine, OpenEngine(stored.start.engine, settings.config, env));
  return remote;
}

// An engine tells the whole log of a task, whatever of it was seen before.
class EngineLogs : public LogSource {
 public:
  explicit EngineLogs(Remote remote) : remote_(std::move(remote)) {}

  absl::StatusOr<LogList> List() override {
    LogList list = {.ended = true};
    for (size_t i = 0; i < remote_.runs.size(); ++i) {
      const std::string& run = remote_.runs[i];
      DEPS_ASSIGN_OR_RETURN(const EngineStatus status, remote_.engine->Status(run));
      list.ended = HasEnded(status.workflow.status);
      for (const WorkflowTask& task : status.workflow.tasks) {
        const std::string name = absl::StrCat(i, ":", task.id);
        list.parts.push_back({.task = task.id, .name = name, .heading = task.id});
        if (task.attempt > 0) run_of_[name] = run;
      }
    }
    return list;
  }

  absl::Status Read(const LogPart& part, uint64_t offset,
                    const std::function<void(std::string_view)>& write) override {
    const auto run = run_of_.find(part.name);
    if (run == run_of_.end()) return absl::OkStatus();
    uint64_t at = 0;
    return remote_.engine->Logs({.run = run->second, .task = part.task}, [&](const LogLine& line) {
      const uint64_t end = at + line.text.size() + 1;
      if (at >= offset) write(absl::StrCat(line.text, "\n"));
      at = end;
      return absl::OkStatus();
    });
  }

 private:
  const Remote remote_;
  std::map<std::string, std::string> run_of_;  // Of the logs of tasks that have started.
};

}  // namespace

absl::StatusOr<ExitCode> RunOnEngine(const Plan& plan, const RunCommandOptions& options,
                                     const Env& env, Terminal& terminal) {
  return EngineWorkflow(options, env, terminal).Start(plan);
}

absl::StatusOr<ExitCode> ResumeOnEngine(const StoredWorkflow& stored,
                                        const RunCommandOptions& options, const Env& env,
                                        Terminal& terminal) {
  return EngineWorkflow(options, env, terminal).Resume(stored);
}

absl::StatusOr<std::unique_ptr<LogSource>> OpenEngineLogs(const StoredWorkflow& stored,
                                                          const Env& env) {
  DEPS_ASSIGN_OR_RETURN(Remote remote, OpenRemote(stored, env));
  return std::make_unique<EngineLogs>(std::move(remote));
}

absl::Status CancelOnEngine(const StoredWorkflow& stored, const Env& env) {
  DEPS_ASSIGN_OR_RETURN(const Remote remote, OpenRemote(stored, env));
  return remote.runs.empty() ? absl::OkStatus()
                             : remote.engine->Cancel({.run = remote.runs.back()});
}

absl::Status DeleteOnEngine(const StoredWorkflow& stored, const Env& env) {
  DEPS_ASSIGN_OR_RETURN(const Remote remote, OpenRemote(stored, env));
  for (const std::string& run : remote.runs) {
    DEPS_RETURN_IF_ERROR(remote.engine->Delete(run));
  }
  return absl::OkStatus();
}

}  // namespace deps
