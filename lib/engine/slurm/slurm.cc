#include "lib/engine/slurm/slurm.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "lib/base/status_macros.h"
#include "lib/base/version.h"
#include "lib/diag/diagnostic.h"
#include "lib/engine/slurm/check_jobs.h"
#include "lib/engine/slurm/jobs.h"
#include "lib/io/file.h"
#include "lib/io/program.h"

namespace deps {
namespace {

constexpr std::string_view kConfigSchema = R"({"type": "object", "properties": {
  "folder": {"type": "string", "description": "A folder that all nodes see"},
  "partition": {"type": "string"},
  "account": {"type": "string"},
  "depsRun": {"type": "string", "description": "The path of deps-run on the nodes"}},
  "additionalProperties": false})";

// Its arguments are the command: nothing has to be quoted.
constexpr std::string_view kScript = "#!/bin/sh\nexec \"$@\"\n";

absl::Status Refuse(std::string message) {
  return MakeError({.id = DiagnosticId::kEngineRefused, .message = std::move(message)});
}

bool IsRunName(std::string_view name) {
  const std::vector<std::string_view> parts = absl::StrSplit(name, '-');
  int64_t revision = 0;
  return parts.size() == 2 && !parts[0].empty() && parts[0].size() <= 40 &&
         absl::SimpleAtoi(parts[1], &revision) && revision >= 1 &&
         std::all_of(parts[0].begin(), parts[0].end(),
                     [](unsigned char c) { return absl::ascii_isalnum(c); });
}

bool HasEnded(const std::string& status) { return status != "pending" && status != "running"; }

// "failed", "canceled" or "succeeded" once all tasks have ended.
std::string StatusOf(const std::vector<WorkflowTask>& tasks) {
  bool begun = false;
  bool open = false;
  bool failed = false;
  bool canceled = false;
  for (const WorkflowTask& task : tasks) {
    begun |= task.status != "pending";
    open |= !HasEnded(task.status);
    failed |= task.status == "failed" || task.status == "unknown";
    canceled |= task.status == "canceled";
  }
  if (open) return begun ? "running" : "pending";
  return failed ? "failed" : canceled ? "canceled" : "succeeded";
}

// One run: its folder and what is in it.
struct Run {
  std::string name;  // ID-REVISION
  std::string folder;
  Plan plan;

  std::string workflow() const { return name.substr(0, name.find('-')); }
  std::string state() const { return absl::StrCat("sqlite:", folder, "/state.db"); }
  std::string job_name() const { return absl::StrCat("deps-", name); }
};

class SlurmEngine : public Engine {
 public:
  explicit SlurmEngine(SlurmConfig config) : config_(std::move(config)) {}

  absl::StatusOr<EngineInfo> Info() override;
  absl::StatusOr<std::vector<Diagnostic>> Check() override;
  absl::StatusOr<std::vector<Diagnostic>> CheckRun(const EngineRun& run) override;
  absl::StatusOr<std::vector<EngineFile>> Render(const EngineRun& run) override;
  absl::StatusOr<Submitted> Submit(const EngineRun& run) override;
  absl::StatusOr<EngineStatus> Status(const std::string& name) override;
  absl::Status Watch(const std::string&, const std::string&,
                     const std::function<bool(const EngineStatus&)>&) override {
    return MakeError(
        {.id = DiagnosticId::kEngineUnsupported, .message = "Slurm does not tell of changes"});
  }
  absl::Status Cancel(const CancelRequest& request) override;
  absl::Status Logs(const LogQuery& query,
                    const std::function<absl::Status(const LogLine&)>& line) override;
  absl::Status Delete(const std::string& name) override;

 private:
  std::string FolderOf(const std::string& name) const {
    return absl::StrCat(config_.folder, "/", name);
  }
  absl::StatusOr<Run> Open(const std::string& name) const;
  JobLimits LimitsOf(const EngineOptions& options) const;
  absl::Status SubmitJobs(const Run& run, const EngineOptions& options) const;
  std::vector<std::string> JobCommand(const Run& run, const PlannedTask& task, size_t number,
                                      const EngineOptions& options,
                                      const std::vector<std::string>& after) const;
  // The run's Workflow as its steps left it; absent before the first step.
  absl::StatusOr<std::optional<Workflow>> Recorded(const Run& run) const;
  absl::StatusOr<std::string> AskDepsRun(const Run& run, std::vector<std::string> arguments) const;

  const SlurmConfig config_;
};

absl::StatusOr<EngineInfo> SlurmEngine::Info() {
  return EngineInfo{.name = "slurm",
                    .version = std::string(kVersion),
                    .protocols = {kEngineProtocol},
                    .capabilities = {.render = true,
                                     .logs = true,
                                     .retries = true,
                                     .timeout = true,
                                     .detached = true,
                                     .secrets_in_task = true},
                    .config_schema = json::ToText(*json::Parse({"", std::string(kConfigSchema)}))};
}

absl::StatusOr<std::vector<Diagnostic>> SlurmEngine::Check() {
  DEPS_RETURN_IF_ERROR(RunSlurm({"scontrol", "ping"}).status());
  DEPS_ASSIGN_OR_RETURN(const std::string nodes, RunSlurm({"sinfo", "--noheader", "--format=%a"}));
  std::vector<Diagnostic> notes;
  if (!absl::StrContains(nodes, "up")) {
    notes.push_back({.id = DiagnosticId::kEngineUnavailable,
                     .severity = Severity::kWarning,
                     .message = "no partition of Slurm is up: jobs will wait"});
  }
  return notes;
}

absl::StatusOr<std::vector<Diagnostic>> SlurmEngine::CheckRun(const EngineRun& run) {
  DEPS_ASSIGN_OR_RETURN(std::vector<Diagnostic> found, Check());
  DEPS_ASSIGN_OR_RETURN(std::vector<Diagnostic> more, CheckJobs(run.plan, LimitsOf(run.options)));
  std::move(more.begin(), more.end(), std::back_inserter(found));
  return found;
}

JobLimits SlurmEngine::LimitsOf(const EngineOptions& options) const {
  const int64_t seconds = options.timeout_seconds;
  // Slurm counts in minutes; deps-run keeps to the second.
  return {.minutes = seconds > 0 ? seconds / 60 + 2 : 0,
          .partition = config_.partition,
          .account = config_.account};
}

std::vector<std::string> SlurmEngine::JobCommand(const Run& run, const PlannedTask& task,
                                                 size_t number, const EngineOptions& options,
                                                 const std::vector<std::string>& after) const {
  std::vector<std::string> command = {
      "sbatch",
      "--parsable",
      "--export=NONE",
      "--requeue",
      "--kill-on-invalid-dep=yes",
      "--open-mode=append",
      absl::StrCat("--job-name=", run.job_name()),
      absl::StrCat("--comment=", number),
      absl::StrCat("--chdir=", run.folder),
      absl::StrCat("--output=", run.folder, "/", number, ".out"),
  };
  if (!after.empty()) {
    command.push_back(absl::StrCat("--dependency=afterok:", absl::StrJoin(after, ":")));
  }
  const std::vector<std::string> more = OptionsOf(LimitsOf(options));
  command.insert(command.end(), more.begin(), more.end());
  command.push_back(run.folder + "/job.sh");
  for (const std::string& argument :
       {config_.deps_run, std::string("--step"), task.id, std::string("--workflow"), run.workflow(),
        std::string("--state"), run.state(), std::string("--output"), std::string("/dev/null")}) {
    command.push_back(argument);
  }
  if (!options.driver.empty()) command.push_back("--driver=" + options.driver);
  if (options.retries > 0) command.push_back(absl::StrCat("--retries=", options.retries));
  if (options.timeout_seconds > 0) {
    command.push_back(absl::StrCat("--timeout=", options.timeout_seconds, "s"));
  }
  command.push_back(run.folder + "/plan.json");
  return command;
}

absl::StatusOr<std::vector<EngineFile>> SlurmEngine::Render(const EngineRun& request) {
  const Run run = {.name = absl::StrCat(request.id, "-", request.revision),
                   .folder = FolderOf(absl::StrCat(request.id, "-", request.revision)),
                   .plan = request.plan};
  std::string text;
  std::map<std::string, std::string> jobs;
  for (size_t i = 0; i < run.plan.tasks.size(); ++i) {
    const PlannedTask& task = run.plan.tasks[i];
    std::vector<std::string> after;
    for (const std::string& need : task.needs) after.push_back(jobs[need]);
    jobs[task.id] = absl::StrCat("JOB", i);
    const json::Value line = json::Value::Object(
        {{"job", json::Value::String(jobs[task.id])},
         {"command", json::Value::Strings(JobCommand(run, task, i, request.options, after))}});
    absl::StrAppend(&text, json::Format(line, json::Style::kCompact));
  }
  return std::vector<EngineFile>{{"job.sh", "text/x-shellscript", std::string(kScript)},
                                 {"plan.json", "application/json", FormatPlan(run.plan)},
                                 {"jobs.jsonl", "application/jsonl", std::move(text)}};
}

// Holds the file `path` locked; -1 where that cannot be.
int Lock(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0 && flock(fd, LOCK_EX) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

absl::Status MakeFolder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  // A plan tells much of who runs it, and the state may hold sealed values.
  if (!error) {
    std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
  }
  if (!error) return absl::OkStatus();
  return Refuse(absl::StrCat("the folder ", path, " cannot be made: ", error.message()));
}

absl::StatusOr<Submitted> SlurmEngine::Submit(const EngineRun& request) {
  Run run = {.name = absl::StrCat(request.id, "-", request.revision), .plan = request.plan};
  if (!IsRunName(run.name)) return Refuse(absl::StrCat("'", run.name, "' is no name of a run"));
  run.folder = FolderOf(run.name);
  DEPS_RETURN_IF_ERROR(MakeFolder(run.folder));
  const int lock = Lock(run.folder + "/lock");
  if (lock < 0) return Refuse(absl::StrCat("the run cannot be locked: ", strerror(errno)));
  const auto unlock = absl::MakeCleanup([lock] { close(lock); });
  Submitted submitted = {.run = run.name};
  const absl::StatusOr<Source> kept = ReadFile(run.folder + "/plan.json");
  if (kept.ok()) {
    submitted.already = true;
    DEPS_ASSIGN_OR_RETURN(const Plan plan, ParsePlan(*kept));
    if (plan.digest != request.plan.digest) {
      return MakeError({.id = DiagnosticId::kEngineConflict,
                        .message = absl::StrCat("the run ", run.name, " has another plan")});
    }
  } else {
    DEPS_RETURN_IF_ERROR(WriteFile(run.folder + "/job.sh", kScript, 0755));
    DEPS_RETURN_IF_ERROR(WriteFile(run.folder + "/plan.json", FormatPlan(request.plan)));
  }
  DEPS_RETURN_IF_ERROR(SubmitJobs(run, request.options));
  return submitted;
}

// Lines "NUMBER ID" of the jobs that were submitted.
std::map<size_t, std::string> ReadJobs(const Run& run) {
  std::map<size_t, std::string> jobs;
  const absl::StatusOr<Source> file = ReadFile(run.folder + "/jobs");
  if (!file.ok()) return jobs;
  for (const std::string_view line : absl::StrSplit(file->text, '\n', absl::SkipEmpty())) {
    const std::vector<std::string_view> fields = absl::StrSplit(line, ' ');
    size_t number = 0;
    if (fields.size() == 2 && absl::SimpleAtoi(fields[0], &number)) jobs[number] = fields[1];
  }
  return jobs;
}

absl::Status WriteJobs(const Run& run, const std::map<size_t, std::string>& jobs) {
  return WriteFile(run.folder + "/jobs",
                   absl::StrCat(absl::StrJoin(jobs, "\n", absl::PairFormatter(" ")), "\n"));
}

absl::Status SlurmEngine::SubmitJobs(const Run& run, const EngineOptions& options) const {
  std::map<size_t, std::string> jobs = ReadJobs(run);
  if (jobs.size() == run.plan.tasks.size()) return absl::OkStatus();
  // A submission that was cut short may have left jobs that it did not note.
  DEPS_ASSIGN_OR_RETURN(const auto found, JobsNamed(run.job_name()));
  std::map<std::string, size_t> numbers;
  // Where this ends early its own error counts; a job that could not be noted is
  // found by its name the next time.
  const auto note = absl::MakeCleanup([&] { WriteJobs(run, jobs).IgnoreError(); });
  for (size_t i = 0; i < run.plan.tasks.size(); ++i) {
    const PlannedTask& task = run.plan.tasks[i];
    numbers[task.id] = i;
    if (jobs.count(i) > 0) continue;
    if (const auto job = found.find(absl::StrCat(i)); job != found.end()) {
      jobs[i] = job->second.id;
      continue;
    }
    std::vector<std::string> after;
    for (const std::string& need : task.needs) after.push_back(jobs[numbers[need]]);
    DEPS_ASSIGN_OR_RETURN(const std::string id, RunSlurm(JobCommand(run, task, i, options, after)));
    // With several clusters: ID;CLUSTER.
    jobs[i] = std::string(absl::StripAsciiWhitespace(id.substr(0, id.find(';'))));
  }
  return WriteJobs(run, jobs);
}

absl::StatusOr<Run> SlurmEngine::Open(const std::string& name) const {
  const absl::Status unknown = MakeError(
      {.id = DiagnosticId::kEngineUnknownRun, .message = absl::StrCat("there is no run ", name)});
  if (!IsRunName(name)) return unknown;
  Run run = {.name = name, .folder = FolderOf(name)};
  const absl::StatusOr<Source> plan = ReadFile(run.folder + "/plan.json");
  if (HasId(plan.status(), DiagnosticId::kFileNotFound)) return unknown;
  DEPS_RETURN_IF_ERROR(plan.status());
  DEPS_ASSIGN_OR_RETURN(run.plan, ParsePlan(*plan));
  return run;
}

absl::StatusOr<std::string> SlurmEngine::AskDepsRun(const Run& run,
                                                    std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), config_.deps_run);
  arguments.push_back(absl::StrCat("--state=", run.state()));
  DEPS_ASSIGN_OR_RETURN(ProgramEnd end,
                        RunProgram({.argv = arguments, .timeout = absl::Seconds(60)}));
  if (end.kind == ProgramEnd::Kind::kExited && end.exit_code <= 1) return std::move(end.output);
  return Refuse(
      absl::StrCat(absl::StrJoin(arguments, " "), ": ", absl::StripAsciiWhitespace(end.errors)));
}

absl::StatusOr<std::optional<Workflow>> SlurmEngine::Recorded(const Run& run) const {
  struct stat info;
  if (stat((run.folder + "/state.db").c_str(), &info) != 0) return std::optional<Workflow>();
  DEPS_ASSIGN_OR_RETURN(const std::string list, AskDepsRun(run, {"list"}));
  if (!absl::StrContains(list, run.workflow())) return std::optional<Workflow>();
  DEPS_ASSIGN_OR_RETURN(const std::string text, AskDepsRun(run, {"show", run.workflow()}));
  DEPS_ASSIGN_OR_RETURN(Workflow workflow, ParseWorkflow({"deps-run show", text}));
  return std::optional<Workflow>(std::move(workflow));
}

absl::StatusOr<EngineStatus> SlurmEngine::Status(const std::string& name) {
  DEPS_ASSIGN_OR_RETURN(const Run run, Open(name));
  // Slurm first: a job that ends in between is seen as ended in the state.
  DEPS_ASSIGN_OR_RETURN(const auto jobs, JobsNamed(run.job_name()));
  DEPS_ASSIGN_OR_RETURN(const std::optional<Workflow> recorded, Recorded(run));
  const std::map<size_t, std::string> submitted = ReadJobs(run);
  EngineStatus status;
  status.workflow = {.id = run.workflow(), .plan = run.plan.digest, .engine = "slurm"};
  std::map<std::string, const WorkflowTask*> known;
  if (recorded.has_value()) {
    for (const WorkflowTask& task : recorded->tasks) known[task.id] = &task;
  }
  for (size_t i = 0; i < run.plan.tasks.size(); ++i) {
    WorkflowTask task = {.id = run.plan.tasks[i].id, .status = "pending"};
    if (const auto step = known.find(task.id); step != known.end()) task = *step->second;
    const auto job = jobs.find(absl::StrCat(i));
    if (const auto id = submitted.find(i); id != submitted.end()) {
      status.native[task.id] = absl::StrCat("job ", id->second);
      const bool active = job != jobs.end() && IsActive(job->second);
      // Slurm stops a job also to put it back: then its task comes again, or it
      // could not be started again.
      if (task.status == "canceled" && task.reason == "stopped" && job != jobs.end() &&
          job->second.state != "CANCELLED") {
        task = {.id = task.id, .status = "unknown", .attempt = task.attempt};
      }
      const bool open = task.status == "pending" || task.status == "unknown" ||
                        (task.status == "running" && !active);
      if (open) TellByJob(job == jobs.end() ? nullptr : &job->second, &task);
      // The job runs before its step has said so.
      if (task.status == "running" && task.attempt == 0) task.status = "pending";
    }
    absl::StrAppend(&status.cursor, task.status.substr(0, 3), task.attempt, ".");
    status.workflow.tasks.push_back(std::move(task));
  }
  status.workflow.status = StatusOf(status.workflow.tasks);
  return status;
}

absl::Status SlurmEngine::Cancel(const CancelRequest& request) {
  const absl::StatusOr<Run> run = Open(request.run);
  if (HasId(run.status(), DiagnosticId::kEngineUnknownRun)) return absl::OkStatus();
  DEPS_RETURN_IF_ERROR(run.status());
  DEPS_ASSIGN_OR_RETURN(const auto jobs, JobsNamed(run->job_name()));
  std::vector<std::string> active;
  for (const auto& [number, job] : jobs) {
    if (IsActive(job)) active.push_back(job.id);
  }
  if (active.empty()) return absl::OkStatus();
  // SIGTERM at first, which a step passes on; SIGKILL after Slurm's KillWait.
  std::vector<std::string> command = {"scancel", "--full"};
  if (request.force) command.push_back("--signal=KILL");
  command.insert(command.end(), active.begin(), active.end());
  return RunSlurm(std::move(command)).status();
}

absl::Status SlurmEngine::Logs(const LogQuery& query,
                               const std::function<absl::Status(const LogLine&)>& line) {
  DEPS_ASSIGN_OR_RETURN(const Run run, Open(query.run));
  for (const PlannedTask& task : run.plan.tasks) {
    if (!query.task.empty() && query.task != task.id) continue;
    DEPS_ASSIGN_OR_RETURN(const std::string text,
                          AskDepsRun(run, {"logs", run.workflow(), task.id}));
    std::vector<std::string> lines = absl::StrSplit(text, '\n');
    if (!lines.empty() && lines.back().empty()) lines.pop_back();
    const size_t from = query.tail > 0 && lines.size() > static_cast<size_t>(query.tail)
                            ? lines.size() - static_cast<size_t>(query.tail)
                            : 0;
    for (size_t i = from; i < lines.size(); ++i) {
      DEPS_RETURN_IF_ERROR(line({.task = task.id, .text = lines[i]}));
    }
  }
  return absl::OkStatus();
}

absl::Status SlurmEngine::Delete(const std::string& name) {
  const absl::StatusOr<Run> run = Open(name);
  if (HasId(run.status(), DiagnosticId::kEngineUnknownRun)) return absl::OkStatus();
  DEPS_RETURN_IF_ERROR(run.status());
  DEPS_ASSIGN_OR_RETURN(const auto jobs, JobsNamed(run->job_name()));
  for (const auto& [number, job] : jobs) {
    if (IsActive(job)) {
      return MakeError({.id = DiagnosticId::kEngineUnavailable,
                        .message = absl::StrCat("job ", job.id, " of the run is ", job.state),
                        .hint = "cancel it first"});
    }
  }
  std::error_code error;
  std::filesystem::remove_all(run->folder, error);
  return error ? Refuse(absl::StrCat(run->folder, ": ", error.message())) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<SlurmConfig> ParseSlurmConfig(const JsonText& config, std::string folder,
                                             std::string deps_run) {
  SlurmConfig slurm = {.folder = std::move(folder), .deps_run = std::move(deps_run)};
  const Source source = {"config", config.text};
  DEPS_ASSIGN_OR_RETURN(const json::Value value, json::Parse(source));
  json::ObjectReader reader(source, value);
  reader.Optional("folder", &slurm.folder);
  reader.Optional("partition", &slurm.partition);
  reader.Optional("account", &slurm.account);
  reader.Optional("depsRun", &slurm.deps_run);
  if (const absl::Status status = reader.Finish(); !status.ok()) {
    const Diagnostic first = DiagnosticsOf(status).front();
    return Refuse(absl::StrCat("config", first.location.pointer, ": ", first.message));
  }
  if (!absl::StartsWith(slurm.folder, "/")) return Refuse("config/folder: no absolute path");
  if (!absl::StartsWith(slurm.deps_run, "/")) {
    return Refuse("config/depsRun: deps-run is not beside this program, and no path is given");
  }
  return slurm;
}

std::unique_ptr<Engine> MakeSlurmEngine(SlurmConfig config) {
  return std::make_unique<SlurmEngine>(std::move(config));
}

}  // namespace deps
