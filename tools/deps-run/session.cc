#include "tools/deps-run/session.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <map>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
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
// ignored (nohup, background jobs) stays ignored.
class SignalWatch {
 public:
  SignalWatch() {
    signal_count = 0;
    first_signal = 0;
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

// Events as lines of progress for people.
class Narrator {
 public:
  explicit Narrator(Terminal& terminal) : terminal_(terminal) {}

  void Tell(const StoredEvent& event) {
    absl::Time time;
    if (!absl::ParseTime(absl::RFC3339_full, event.time, &time, nullptr)) return;
    if (event.task.empty()) {
      terminal_.Say(absl::StrCat("workflow ", event.workflow, " ", Kind(event)));
    } else if (event.type == "task.running") {
      started_[event.task] = time;
      terminal_.Say(
          absl::StrCat(event.task, " started",
                       event.attempt > 1 ? absl::StrCat(", attempt ", event.attempt) : ""));
    } else {
      const auto started = started_.find(event.task);
      const std::string took =
          started == started_.end()
              ? ""
              : absl::StrCat(" after ", absl::FormatDuration(time - started->second));
      terminal_.Say(absl::StrCat(event.task, " ", Kind(event), took));
    }
  }

 private:
  static std::string Kind(const StoredEvent& event) {
    return event.type.substr(event.type.find('.') + 1);
  }

  Terminal& terminal_;
  std::map<std::string, absl::Time> started_;
};

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

absl::StatusOr<RunOptions> MakeRunOptions(const RunCommandOptions& options, const Env& env) {
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
  DEPS_ASSIGN_OR_RETURN(const std::string url, StateUrl(options.state, env));
  DEPS_ASSIGN_OR_RETURN(result.files, FilesOf(url));
  if (const std::string key = env.getenv("DEPS_STATE_KEY_FILE").value_or(""); !key.empty()) {
    result.files.key = key;
  }
  return result;
}

absl::StatusOr<std::unique_ptr<Driver>> OpenDriver(const RunCommandOptions& options,
                                                   const std::string& name, const Env& env) {
  DriverOptions driver = {
      .agent = FindAgent(env), .registry = options.registry, .getenv = env.getenv};
  DEPS_ASSIGN_OR_RETURN(driver.mapping, ReadMapping(options));
  return MakeDriver(name, driver);
}

absl::StatusOr<ExitCode> Drive(const Plan& plan, const std::string& id, const Owner& owner,
                               Store& store, Driver& driver, const RunCommandOptions& options,
                               const Env& env, Terminal& terminal) {
  DEPS_ASSIGN_OR_RETURN(RunOptions run, MakeRunOptions(options, env));
  DEPS_ASSIGN_OR_RETURN(run.mapping, ReadMapping(options));
  const SignalWatch watch;
  DEPS_ASSIGN_OR_RETURN(const auto bundles, OpenBundles(options, env));
  if (driver.UsesImages()) {
    run.bundle_json = [&bundles](const Bundle& bundle) { return bundles->Json(bundle); };
  }
  run.signals = [] { return signal_count.load(); };
  Narrator narrator(terminal);
  run.on_event = [&](const StoredEvent& event) {
    narrator.Tell(event);
    if (options.events) *env.out << FormatEvent(event) << std::flush;
  };
  DEPS_ASSIGN_OR_RETURN(const Workflow workflow, RunWorkflow(plan, id, owner, store, driver, run));
  if (!options.events) DEPS_RETURN_IF_ERROR(WriteWorkflow(workflow, options, env));
  ReportFailures(workflow, run, terminal);
  if (first_signal != 0) {
    terminal.Report({.id = DiagnosticId::kInterrupted,
                     .severity = Severity::kNote,
                     .message = "a signal ended the run; finished tasks stay finished",
                     .hint = absl::StrCat("go on with: deps-run resume ", id)});
  }
  if (first_signal == SIGINT) return ExitCode::kInterrupted;
  if (first_signal == SIGTERM) return ExitCode::kTerminated;
  return workflow.status == "succeeded" ? ExitCode::kOk : ExitCode::kNo;
}

absl::Status WriteWorkflow(const Workflow& workflow, const RunCommandOptions& options,
                           const Env& env) {
  const std::string text = options.common.format == "table"
                               ? FormatWorkflowTable(workflow)
                               : FormatWorkflow(workflow, options.common.style());
  return WriteResult(options.common.output, text, env);
}

}  // namespace deps
