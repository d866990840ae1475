#include "lib/engine/slurm/jobs.h"

#include <array>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/program.h"

namespace deps {
namespace {

struct Complaint {
  std::string_view says;
  DiagnosticId id;
};

constexpr std::array<Complaint, 6> kComplaints = {{
    {"Unable to contact slurm controller", DiagnosticId::kEngineUnavailable},
    {"Socket timed out", DiagnosticId::kEngineUnavailable},
    {"Connection refused", DiagnosticId::kEngineUnavailable},
    {"try again", DiagnosticId::kEngineUnavailable},
    {"Access/permission denied", DiagnosticId::kEngineDenied},
    {"Invalid account", DiagnosticId::kEngineDenied},
}};

absl::Status ErrorOf(const std::string& command, const ProgramEnd& end) {
  const std::string_view says = absl::StripAsciiWhitespace(end.errors);
  // Most of its lines begin with its name.
  const std::string_view last =
      absl::StripPrefix(says.substr(says.rfind('\n') + 1), absl::StrCat(command, ": "));
  Diagnostic diagnostic = {.id = DiagnosticId::kEngineRefused,
                           .message = absl::StrCat(command, ": ", last)};
  for (const Complaint& complaint : kComplaints) {
    if (absl::StrContains(end.errors, complaint.says)) diagnostic.id = complaint.id;
  }
  if (end.kind == ProgramEnd::Kind::kTimedOut) {
    diagnostic.id = DiagnosticId::kEngineUnavailable;
    diagnostic.message = absl::StrCat(command, " does not answer");
  } else if (end.exit_code == 127 && last.find("No such file") != std::string_view::npos) {
    diagnostic.hint = "Slurm's commands must be on PATH";
  }
  return MakeError(std::move(diagnostic));
}

struct StateRule {
  std::string_view state;
  std::string_view status;
  std::string_view reason;
};

// Slurm's states of a job (squeue(1)) that can be seen where the state has no
// end of the task.
constexpr std::array<StateRule, 16> kStates = {{
    {"PENDING", "pending", ""},
    {"REQUEUED", "pending", ""},
    {"REQUEUE_HOLD", "pending", ""},
    {"CONFIGURING", "running", ""},
    {"RUNNING", "running", ""},
    {"COMPLETING", "running", ""},
    {"SUSPENDED", "running", ""},
    {"STOPPED", "running", ""},
    {"CANCELLED", "canceled", "engine"},
    {"TIMEOUT", "failed", "timeout"},
    {"DEADLINE", "failed", "timeout"},
    {"OUT_OF_MEMORY", "failed", "engine"},
    {"NODE_FAIL", "failed", "engine"},
    {"BOOT_FAIL", "failed", "engine"},
    {"PREEMPTED", "failed", "engine"},
    {"FAILED", "failed", "engine"},
}};

}  // namespace

absl::StatusOr<std::string> RunSlurm(std::vector<std::string> argv) {
  const std::string command = argv.front();
  argv.insert(argv.begin(), "/usr/bin/env");
  DEPS_ASSIGN_OR_RETURN(ProgramEnd end,
                        RunProgram({.argv = std::move(argv), .timeout = absl::Seconds(60)}));
  if (end.kind != ProgramEnd::Kind::kExited || end.exit_code != 0) return ErrorOf(command, end);
  return std::move(end.output);
}

absl::StatusOr<std::map<std::string, SlurmJob>> JobsNamed(const std::string& name) {
  DEPS_ASSIGN_OR_RETURN(const std::string text,
                        RunSlurm({"squeue", "--noheader", "--states=all",
                                  absl::StrCat("--name=", name), "--format=%k|%i|%T|%r"}));
  std::map<std::string, SlurmJob> jobs;
  for (const std::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> fields = absl::StrSplit(line, '|');
    if (fields.size() != 4) {
      return MakeError({.id = DiagnosticId::kEngineRefused,
                        .message = absl::StrCat("squeue: prints '", line, "'")});
    }
    SlurmJob job = {.id = fields[1], .state = fields[2], .reason = fields[3]};
    // Of two jobs for a task the one that may still do something counts.
    const auto [known, added] = jobs.try_emplace(fields[0], job);
    if (!added && !IsActive(known->second)) known->second = std::move(job);
  }
  return jobs;
}

bool IsActive(const SlurmJob& job) {
  for (const StateRule& rule : kStates) {
    if (rule.state == job.state) return rule.status == "pending" || rule.status == "running";
  }
  return false;
}

void TellByJob(const SlurmJob* job, WorkflowTask* task) {
  if (job == nullptr || job->state == "COMPLETED") {
    task->status = "unknown";
    task->reason = "engine";
    task->message =
        job == nullptr
            ? "Slurm no longer knows its job, and the job left no end: see whether it did its "
              "work, then resume the workflow"
            : "its job has ended and left no end in the state: see its output, then resume the "
              "workflow";
    return;
  }
  if (job->reason == "DependencyNeverSatisfied") {
    task->status = "skipped";
    task->reason = "upstream";
    return;
  }
  task->status = "unknown";
  for (const StateRule& rule : kStates) {
    if (rule.state != job->state) continue;
    task->status = rule.status;
    task->reason = rule.reason;
  }
  if (task->status == "failed" || task->status == "unknown") {
    task->message = absl::StrCat("job ", job->id, " is ", job->state,
                                 job->reason == "None" ? "" : absl::StrCat(" (", job->reason, ")"));
  }
}

}  // namespace deps
