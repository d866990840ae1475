#include "tools/deps-run/session.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <filesystem>
#include <map>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"
#include "lib/model/relocation.h"
#include "lib/oci/registry.h"
#include "lib/run/attempt.h"
#include "lib/run/bundle_source.h"
#include "lib/run/child.h"
#include "lib/run/report.h"
#include "lib/run/report_html.h"
#include "lib/run/settings.h"
#include "lib/state/open_store.h"
#include "tools/deps-run/progress_view.h"

namespace deps {
namespace {

std::atomic<int> signal_count = 0;
std::atomic<int> first_signal = 0;
static_assert(std::atomic<int>::is_always_lock_free);

void CountSignal(int signal) {
  int none = 0;
  first_signal.compare_exchange_strong(none, signal);
  signal_count.fetch_add(1);
}

// SIGINT and SIGTERM are counted while it lives. A signal that the caller has
// ignored (nohup, background jobs) stays ignored. From then on SIGPIPE does nothing:
// whoever looks at the beginning of what is printed does not end a run by that.
class SignalWatch {
 public:
  SignalWatch() {
    signal_count = 0;
    first_signal = 0;
    // Unlike SIG_IGN a handler does not pass on to other programs.
    signal(SIGPIPE, [](int) {});
    for (const int signal : {SIGINT, SIGTERM}) {
      struct sigaction action = {};
      action.sa_handler = CountSignal;
      action.sa_flags = SA_RESTART;
      struct sigaction& old = old_[signal];
      sigaction(signal, nullptr, &old);
      if (old.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
    }
  }
  ~SignalWatch() {
    for (const auto& [signal, old] : old_) sigaction(signal, &old, nullptr);
  }
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  std::map<int, struct sigaction> old_;
};

absl::Status Usage(std::string message) {
  return MakeError({.id = DiagnosticId::kUsage, .message = std::move(message)});
}

absl::Status ReadDuration(std::string_view option, const std::string& text, absl::Duration* out) {
  if (text.empty()) return absl::OkStatus();
  if (absl::ParseDuration(text, out) && *out > absl::ZeroDuration()) return absl::OkStatus();
  return Usage(absl::StrCat("--", option, " '", text, "' is not a duration such as 90s or 1h30m"));
}

std::string FindAgent(const Env& env) {
  if (const std::string path = env.getenv("DEPS_AGENT").value_or(""); !path.empty()) return path;
  char self[PATH_MAX];
  const ssize_t size = readlink("/proc/self/exe", self, sizeof(self));
  std::string beside(self, size > 0 ? static_cast<size_t>(size) : 0);
  beside = absl::StrCat(beside.substr(0, beside.rfind('/') + 1), "deps-agent");
  if (access(beside.c_str(), X_OK) == 0) return beside;
  const std::string on_path = FindProgram("deps-agent");
  return on_path.empty() ? beside : on_path;
}

absl::StatusOr<RelocationMapping> ReadMapping(const RunCommandOptions& options) {
  if (options.mapping.empty()) return RelocationMapping();
  DEPS_ASSIGN_OR_RETURN(const Source source, ReadFile(options.mapping));
  return ParseMapping(source);
}

// A registry that does not answer costs bundle.json's own bytes, and little time.
absl::StatusOr<std::unique_ptr<BundleSource>> OpenBundles(const RunCommandOptions& options,
                                                          const Env& env) {
  DEPS_ASSIGN_OR_RETURN(std::unique_ptr<Registry> registry,
                        Registry::Create(options.registry, env.getenv, {.attempts = 2}));
  return std::make_unique<BundleSource>(std::move(registry));
}

void ReportFailures(const Workflow& workflow, const RunOptions& options, Terminal& terminal) {
  for (const WorkflowTask& task : workflow.tasks) {
    if (task.status != "failed") continue;
    Diagnostic diagnostic = {
        .id = DiagnosticId::kRunFailed,
        .message = absl::StrCat("task '", task.id, "' failed: ", task.message),
        .hint = absl::StrCat("repair it and go on: deps-run resume ", workflow.id)};
    const std::string log = LogPath(options.files.logs, workflow.id, task.id, task.attempt);
    if (task.attempt > 0 && access(log.c_str(), R_OK) == 0) {
      diagnostic.hint = absl::StrCat("its log is ", log, "; ", diagnostic.hint);
    }
    terminal.Report(diagnostic);
  }
}

}  // namespace

absl::StatusOr<RunOptions> ReadRunOptions(const RunCommandOptions& options, const Env& env) {
  RunOptions result = {.jobs = options.jobs,
                       .fail_fast = options.fail_fast,
                       .retries = options.retries,
                       .getenv = env.getenv};
  if (options.jobs < 0) return Usage("--jobs must be 1 or more");
  if (options.jobs == 0) {
    const unsigned processors = std::thread::hardware_concurrency();
    result.jobs = processors == 0 ? 1 : processors;
  }
  if (options.retries < 0) return Usage("--retries must be 0 or more");
  DEPS_RETURN_IF_ERROR(ReadDuration("timeout", options.timeout, &result.timeout));
  DEPS_RETURN_IF_ERROR(ReadDuration("grace", options.grace, &result.grace));
  DEPS_RETURN_IF_ERROR(ReadDuration("patience", options.patience, &result.patience));
  DEPS_ASSIGN_OR_RETURN(result.mapping, ReadMapping(options));
  return result;
}

absl::StatusOr<RunOptions> MakeRunOptions(const RunCommandOptions& options, const Env& env) {
  DEPS_ASSIGN_OR_RETURN(RunOptions result, ReadRunOptions(options, env));
  DEPS_ASSIGN_OR_RETURN(const std::string url, StateUrl(options.state, env));
  DEPS_ASSIGN_OR_RETURN(result.files, FilesOf(url, StateFolder(env)));
  if (const std::string key = env.getenv("DEPS_STATE_KEY_FILE").value_or(""); !key.empty()) {
    result.files.key = key;
  }
  return result;
}

absl::StatusOr<WorkflowStart> MakeStart(const RunCommandOptions& options, const std::string& driver,
                                        const std::string& mode, const Env& env) {
  DEPS_ASSIGN_OR_RETURN(const RunOptions run, MakeRunOptions(options, env));
  WorkflowStart start = {.driver = driver, .mode = mode, .options = FormatSettings(run)};
  // Whoever goes on with it may do so from another folder.
  std::string_view path = driver;
  if (absl::ConsumePrefix(&path, "process:")) {
    std::error_code error;
    const std::filesystem::path absolute = std::filesystem::absolute(path, error);
    if (!error) start.driver = absl::StrCat("process:", absolute.string());
  }
  return start;
}

absl::StatusOr<RunOptions> OptionsFor(const WorkflowStart& start, const RunCommandOptions& options,
                                      const Env& env) {
  DEPS_ASSIGN_OR_RETURN(RunOptions run, MakeRunOptions(options, env));
  DEPS_ASSIGN_OR_RETURN(const RunOptions stored, ParseSettings(start.options));
  if (options.retries == 0) run.retries = stored.retries;
  if (options.timeout.empty()) run.timeout = stored.timeout;
  if (options.grace.empty()) run.grace = stored.grace;
  if (!options.fail_fast) run.fail_fast = stored.fail_fast;
  if (options.mapping.empty()) run.mapping = stored.mapping;
  run.shared = start.mode != "run";
  return run;
}

absl::StatusOr<Session> OpenSession(const RunCommandOptions& options, const Env& env) {
  absl::Duration lease = absl::Seconds(30);
  DEPS_RETURN_IF_ERROR(ReadDuration("lease", options.lease, &lease));
  DEPS_ASSIGN_OR_RETURN(const std::string url, StateUrl(options.state, env));
  Session session = {.owner = ThisProcess()};
  DEPS_ASSIGN_OR_RETURN(session.store, OpenStore(url));
  DEPS_RETURN_IF_ERROR(session.store->Register(session.owner, lease));
  return session;
}

absl::StatusOr<std::unique_ptr<Driver>> OpenDriver(const RunCommandOptions& options,
                                                   const std::string& name, const Env& env) {
  DriverOptions driver = {
      .agent = FindAgent(env), .registry = options.registry, .getenv = env.getenv};
  DEPS_ASSIGN_OR_RETURN(driver.mapping, ReadMapping(options));
  return MakeDriver(name, driver);
}

absl::StatusOr<ExitCode> Drive(const std::string& id, const Owner& owner, Store& store,
                               Driver& driver, RunOptions run, const RunCommandOptions& options,
                               const Env& env, Terminal& terminal) {
  const SignalWatch watch;
  DEPS_ASSIGN_OR_RETURN(const auto bundles, OpenBundles(options, env));
  if (driver.UsesImages()) {
    run.bundle_json = [&bundles](const Bundle& bundle) { return bundles->Json(bundle); };
  }
  run.signals = [] { return signal_count.load(); };
  ProgressView view(terminal, env, /*times=*/!run.attempt);
  run.on_outline = [&view](const Outline& outline) { view.SetTotal(outline.tasks.size()); };
  run.on_event = [&](const StoredEvent& event) {
    view.Tell(event);
    if (options.events) *env.out << FormatEvent(event) << std::flush;
  };
  run.on_tick = [&view](const std::vector<RunningTask>& running) { view.Tick(running); };
  run.on_trouble = [&terminal, told = std::string()](const absl::Status& status) mutable {
    const std::string message = DiagnosticsOf(status)[0].message;
    if (std::exchange(told, message) != message) terminal.Say(absl::StrCat("waiting: ", message));
  };
  const absl::StatusOr<Workflow> workflow = RunWorkflow(id, owner, store, driver, run);
  view.End();
  if (!workflow.ok()) {
    std::vector<Diagnostic> diagnostics = DiagnosticsOf(workflow.status());
    if (diagnostics[0].hint.empty()) {
      diagnostics[0].hint =
          absl::StrCat("what runs goes on; deps-run resume ", id, " takes it up again");
    }
    return MakeErrors(std::move(diagnostics));
  }
  if (!options.events) DEPS_RETURN_IF_ERROR(WriteWorkflow(*workflow, store, options, env));
  if (run.only.empty() || workflow->status != "running") view.Summarize(*workflow);
  ReportFailures(*workflow, run, terminal);
  if (first_signal != 0) {
    terminal.Report({.id = DiagnosticId::kInterrupted,
                     .severity = Severity::kNote,
                     .message = "a signal ended the run; finished tasks stay finished",
                     .hint = absl::StrCat("go on with: deps-run resume ", id)});
  }
  if (first_signal == SIGINT) return ExitCode::kInterrupted;
  if (first_signal == SIGTERM) return ExitCode::kTerminated;
  if (run.only.empty()) return workflow->status == "succeeded" ? ExitCode::kOk : ExitCode::kNo;
  for (const WorkflowTask& task : workflow->tasks) {
    if (task.id == run.only) {
      return task.status == "succeeded" || task.reason == "reused" ? ExitCode::kOk : ExitCode::kNo;
    }
  }
  return ExitCode::kNo;
}

namespace {

// Joins a shared workflow. Gives whether there was something to do.
absl::StatusOr<bool> Join(const StoredWorkflow& listed, Session& session,
                          std::map<std::string, std::unique_ptr<Driver>>& drivers,
                          const RunCommandOptions& options, const Env& env, Terminal& terminal,
                          bool last) {
  Store& store = *session.store;
  DEPS_ASSIGN_OR_RETURN(const StoredWorkflow stored, store.FindWorkflow(listed.id));
  const std::string name = options.driver.empty() ? stored.start.driver : options.driver;
  std::unique_ptr<Driver>& driver = drivers[name];
  if (driver == nullptr) {
    DEPS_ASSIGN_OR_RETURN(driver, OpenDriver(options, name, env));
  }
  DEPS_ASSIGN_OR_RETURN(RunOptions run, OptionsFor(stored.start, options, env));
  DEPS_ASSIGN_OR_RETURN(const auto bundles, OpenBundles(options, env));
  if (driver->UsesImages()) {
    run.bundle_json = [&bundles](const Bundle& bundle) { return bundles->Json(bundle); };
  }
  run.signals = [] { return signal_count.load(); };
  if (!last) run.idle = absl::Seconds(1);
  bool worked = false;
  ProgressView view(terminal, env);
  run.on_outline = [&view](const Outline& outline) { view.SetTotal(outline.tasks.size()); };
  run.on_event = [&](const StoredEvent& event) {
    worked = true;
    view.Tell(event);
    if (options.events) *env.out << FormatEvent(event) << std::flush;
  };
  run.on_tick = [&view](const std::vector<RunningTask>& running) { view.Tick(running); };
  const absl::Status status = RunWorkflow(stored.id, session.owner, store, *driver, run).status();
  view.End();
  DEPS_RETURN_IF_ERROR(status);
  return worked;
}

}  // namespace

absl::StatusOr<ExitCode> Work(const RunCommandOptions& options, const Env& env,
                              Terminal& terminal) {
  DEPS_RETURN_IF_ERROR(MakeRunOptions(options, env).status());
  DEPS_ASSIGN_OR_RETURN(Session session, OpenSession(options, env));
  const SignalWatch watch;
  std::map<std::string, std::unique_ptr<Driver>> drivers;
  while (signal_count == 0) {
    DEPS_ASSIGN_OR_RETURN(const std::vector<StoredWorkflow> workflows,
                          session.store->SharedWorkflows());
    if (workflows.empty() && options.drain) return ExitCode::kOk;
    for (const StoredWorkflow& workflow : workflows) {
      const absl::Status joined =
          Join(workflow, session, drivers, options, env, terminal, workflows.size() == 1).status();
      if (HasId(joined, DiagnosticId::kRunBusy)) {
        // It was taken for dead: its tasks are others', and it begins anew.
        terminal.Report(joined);
        DEPS_ASSIGN_OR_RETURN(session, OpenSession(options, env));
      } else if (!joined.ok() && !HasId(joined, DiagnosticId::kStateUnknownWorkflow)) {
        return joined;
      }
      if (signal_count > 0) break;
    }
    if (workflows.empty()) absl::SleepFor(absl::Milliseconds(200));
  }
  if (first_signal == SIGINT) return ExitCode::kInterrupted;
  return ExitCode::kTerminated;
}

absl::Status WriteWorkflow(const Workflow& workflow,
                           absl::FunctionRef<absl::StatusOr<Plan>()> read_plan,
                           const RunCommandOptions& options, const Env& env) {
  const std::string& format = options.common.format;
  if (format == "html") {
    DEPS_ASSIGN_OR_RETURN(const Plan plan, read_plan());
    return WriteResult(options.common.output, FormatWorkflowHtml(workflow, plan), env);
  }
  if (format == "table") {
    return WriteResult(options.common.output, FormatWorkflowTable(workflow), env);
  }
  return WriteLargeResult(
      options.common.output,
      [&](TextSink sink) {
        FormatWorkflow(workflow, options.common.style(), sink);
        return absl::OkStatus();
      },
      env);
}

absl::Status WriteWorkflow(const Workflow& workflow, Store& store, const RunCommandOptions& options,
                           const Env& env) {
  return WriteWorkflow(
      workflow, [&] { return store.ReadPlan(workflow.id); }, options, env);
}

}  // namespace deps
