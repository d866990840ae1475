#include "tools/deps-run/verbs.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"
#include "lib/model/installation.h"
#include "lib/run/attempt.h"
#include "lib/run/inputs.h"
#include "lib/run/porter_outputs.h"
#include "lib/run/report.h"
#include "lib/run/settings.h"
#include "lib/state/open_store.h"
#include "tools/deps-run/engine_run.h"
#include "tools/deps-run/logs.h"

namespace deps {
namespace {

constexpr std::string_view kRootTask = "root";

// What every verb gets.
struct Verbs {
  const Invocation& invocation;
  const RunCommandOptions& options;
  const Env& env;
  Terminal& terminal;
  std::string url;
  std::unique_ptr<Store> store;

  bool table() const { return options.common.format == "table"; }
  const std::string& operand(size_t i) const { return invocation.operands[i]; }
  bool has(size_t i) const { return invocation.operands.size() > i; }
  absl::Status Write(std::string_view text) const {
    return WriteResult(options.common.output, text, env);
  }
};

absl::StatusOr<ExitCode> List(Verbs& verbs) {
  DEPS_ASSIGN_OR_RETURN(const std::vector<StoredWorkflow> workflows, verbs.store->Workflows());
  DEPS_RETURN_IF_ERROR(verbs.Write(verbs.table()
                                       ? FormatWorkflowsTable(workflows)
                                       : FormatWorkflows(workflows, verbs.options.common.style())));
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Show(Verbs& verbs) {
  DEPS_ASSIGN_OR_RETURN(const Workflow workflow, verbs.store->Document(verbs.operand(0)));
  DEPS_RETURN_IF_ERROR(WriteWorkflow(workflow, *verbs.store, verbs.options, verbs.env));
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Events(Verbs& verbs) {
  DEPS_RETURN_IF_ERROR(verbs.store->FindWorkflow(verbs.operand(0)).status());
  DEPS_ASSIGN_OR_RETURN(const std::vector<StoredEvent> events,
                        verbs.store->Events(verbs.operand(0), 0));
  std::string text;
  for (const StoredEvent& event : events) text += FormatEvent(event);
  DEPS_RETURN_IF_ERROR(verbs.Write(text));
  return ExitCode::kOk;
}

absl::StatusOr<std::unique_ptr<LogSource>> OpenLogs(const Verbs& verbs) {
  DEPS_ASSIGN_OR_RETURN(const StoredWorkflow stored, verbs.store->FindWorkflow(verbs.operand(0)));
  if (stored.start.engine != "local") return OpenEngineLogs(stored, verbs.env);
  DEPS_ASSIGN_OR_RETURN(StateFiles files, FilesOf(verbs.url, StateFolder(verbs.env)));
  return MakeLocalLogs(*verbs.store, stored.id, std::move(files.logs));
}

absl::StatusOr<ExitCode> Logs(Verbs& verbs) {
  DEPS_ASSIGN_OR_RETURN(const std::unique_ptr<LogSource> source, OpenLogs(verbs));
  const std::string task = verbs.has(1) ? verbs.operand(1) : "";
  const std::string& output = verbs.options.common.output;
  if (!output.empty() && output != "-") {
    std::string text;
    DEPS_RETURN_IF_ERROR(WriteLogs(*source, task, verbs.options.follow,
                                   [&](std::string_view piece) { text += piece; }));
    DEPS_RETURN_IF_ERROR(verbs.Write(text));
    return ExitCode::kOk;
  }
  DEPS_RETURN_IF_ERROR(WriteLogs(*source, task, verbs.options.follow, [&](std::string_view piece) {
    *verbs.env.out << piece << std::flush;
  }));
  return ExitCode::kOk;
}

// Of a task; of the root with those that the workflow as a whole has.
absl::StatusOr<std::vector<StoredOutput>> OutputsOf(Verbs& verbs, const std::string& id,
                                                    const std::string& task) {
  DEPS_ASSIGN_OR_RETURN(std::vector<StoredOutput> outputs, verbs.store->Outputs(id, task));
  if (task != kRootTask) return outputs;
  DEPS_ASSIGN_OR_RETURN(const std::vector<StoredOutput> whole, verbs.store->WorkflowOutputs(id));
  outputs.insert(outputs.begin(), whole.begin(), whole.end());
  return outputs;
}

absl::StatusOr<ExitCode> WriteOutput(Verbs& verbs, const std::string& id, const std::string& task,
                                     const std::string& name) {
  DEPS_ASSIGN_OR_RETURN(const RunOptions run, MakeRunOptions(verbs.options, verbs.env));
  DEPS_ASSIGN_OR_RETURN(const std::vector<StoredOutput> outputs, OutputsOf(verbs, id, task));
  for (const StoredOutput& output : outputs) {
    if (output.name != name) continue;
    if (output.sensitive && !verbs.options.reveal) {
      return MakeError({.id = DiagnosticId::kUsage,
                        .message = absl::StrCat("output '", name, "' is sensitive"),
                        .hint = "--reveal prints it"});
    }
    StateKey key(run.files.key);
    SecretBuffer value;
    if (output.sensitive) {
      DEPS_ASSIGN_OR_RETURN(value, key.Open(output, verbs.env.getenv));
    } else {
      value = BytesOf(output.value);
    }
    if (!absl::EndsWith(value.view(), "\n")) value.Append("\n");
    DEPS_RETURN_IF_ERROR(verbs.Write(value.view()));
    return ExitCode::kOk;
  }
  return MakeError({.id = DiagnosticId::kStateUnknownWorkflow,
                    .message = absl::StrCat("task '", task, "' of workflow '", id,
                                            "' has left no output '", name, "'")});
}

absl::StatusOr<ExitCode> Outputs(Verbs& verbs) {
  DEPS_ASSIGN_OR_RETURN(const Workflow workflow, verbs.store->Document(verbs.operand(0)));
  const std::string task = verbs.has(1) ? verbs.operand(1) : "";
  bool found = task.empty();
  for (const WorkflowTask& item : workflow.tasks) found = found || item.id == task;
  if (!found) {
    return MakeError(
        {.id = DiagnosticId::kStateUnknownWorkflow,
         .message = absl::StrCat("workflow '", workflow.id, "' has no task '", task, "'")});
  }
  if (verbs.has(2)) return WriteOutput(verbs, workflow.id, task, verbs.operand(2));
  DEPS_RETURN_IF_ERROR(verbs.Write(FormatOutputs(workflow, task, verbs.options.common.style())));
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Resume(Verbs& verbs) {
  const std::string& id = verbs.operand(0);
  DEPS_ASSIGN_OR_RETURN(const StoredWorkflow stored, verbs.store->FindWorkflow(id));
  if (verbs.options.explain) {
    DEPS_ASSIGN_OR_RETURN(const Workflow workflow, verbs.store->Document(id));
    DEPS_RETURN_IF_ERROR(
        verbs.Write(verbs.table() ? FormatExplanationTable(workflow)
                                  : FormatExplanation(workflow, verbs.options.common.style())));
    return ExitCode::kOk;
  }
  if (stored.status == "succeeded") return Show(verbs);
  if (stored.start.engine != "local") {
    return ResumeOnEngine(stored, verbs.options, verbs.env, verbs.terminal);
  }
  const std::string driver_name =
      verbs.options.driver.empty() ? stored.start.driver : verbs.options.driver;
  DEPS_ASSIGN_OR_RETURN(const auto driver, OpenDriver(verbs.options, driver_name, verbs.env));
  DEPS_ASSIGN_OR_RETURN(RunOptions run, OptionsFor(stored.start, verbs.options, verbs.env));
  run.shared = false;
  const WorkflowStart start = {
      .driver = driver_name, .mode = "run", .options = FormatSettings(run)};
  DEPS_ASSIGN_OR_RETURN(Session session, OpenSession(verbs.options, verbs.env));
  DEPS_RETURN_IF_ERROR(session.store->TakeWorkflow(id, start, session.owner, {}));
  return Drive(id, session.owner, *session.store, *driver, std::move(run), verbs.options, verbs.env,
               verbs.terminal);
}

// Ends a workflow that no living process holds: what runs is stopped, and what
// was not finished is canceled.
absl::Status CancelAbandoned(Verbs& verbs, const StoredWorkflow& stored) {
  DEPS_ASSIGN_OR_RETURN(const auto driver,
                        OpenDriver(verbs.options, stored.start.driver, verbs.env));
  DEPS_ASSIGN_OR_RETURN(RunOptions run, OptionsFor(stored.start, verbs.options, verbs.env));
  run.shared = false;
  run.signals = [] { return 1; };
  WorkflowStart start = stored.start;
  start.mode = "run";
  DEPS_ASSIGN_OR_RETURN(Session session, OpenSession(verbs.options, verbs.env));
  DEPS_RETURN_IF_ERROR(session.store->TakeWorkflow(stored.id, start, session.owner, {}));
  return RunWorkflow(stored.id, session.owner, *session.store, *driver, run).status();
}

absl::StatusOr<ExitCode> Cancel(Verbs& verbs) {
  const std::string& id = verbs.operand(0);
  DEPS_ASSIGN_OR_RETURN(const StoredWorkflow stored, verbs.store->FindWorkflow(id));
  if (stored.status == "running") {
    DEPS_RETURN_IF_ERROR(verbs.store->RequestCancel(id));
    if (!stored.held) {
      DEPS_RETURN_IF_ERROR(stored.start.engine == "local" ? CancelAbandoned(verbs, stored)
                                                          : CancelOnEngine(stored, verbs.env));
    }
  }
  return Show(verbs);
}

absl::StatusOr<ExitCode> Worker(Verbs& verbs) {
  return Work(verbs.options, verbs.env, verbs.terminal);
}

absl::StatusOr<ExitCode> Delete(Verbs& verbs) {
  const std::string& id = verbs.operand(0);
  DEPS_ASSIGN_OR_RETURN(const StateFiles files, FilesOf(verbs.url, StateFolder(verbs.env)));
  DEPS_ASSIGN_OR_RETURN(const StoredWorkflow stored, verbs.store->FindWorkflow(id));
  if (stored.start.engine != "local" && !stored.held) {
    DEPS_RETURN_IF_ERROR(DeleteOnEngine(stored, verbs.env));
  }
  DEPS_RETURN_IF_ERROR(verbs.store->DeleteWorkflow(id));
  // The id is one of the state's, so it is no path that leads elsewhere.
  std::error_code error;
  std::filesystem::remove_all(absl::StrCat(files.logs, "/", id), error);
  if (!error) return ExitCode::kOk;
  return MakeError({.id = DiagnosticId::kFileWrite,
                    .message = absl::StrCat("logs of workflow '", id, "': ", error.message())});
}

absl::StatusOr<ExitCode> Installations(Verbs& verbs) {
  DEPS_ASSIGN_OR_RETURN(const std::vector<Installation> installations,
                        verbs.store->Installations());
  DEPS_RETURN_IF_ERROR(verbs.Write(
      verbs.table() ? FormatInstallationsTable(installations)
                    : FormatInstallations(installations, verbs.options.common.style())));
  return ExitCode::kOk;
}

// An array of Porter's output documents, as `porter installation outputs` and its
// database have them; values in base64, where they are not sensitive.
absl::StatusOr<ExitCode> Import(Verbs& verbs) {
  DEPS_ASSIGN_OR_RETURN(const Source source, ReadOperand(verbs.operand(0), verbs.env));
  DEPS_ASSIGN_OR_RETURN(std::vector<Installation> installations, ParseInstallations(source));
  std::vector<ImportedOutput> outputs;
  if (verbs.has(1)) {
    DEPS_ASSIGN_OR_RETURN(const Source file, ReadOperand(verbs.operand(1), verbs.env));
    DEPS_ASSIGN_OR_RETURN(outputs, ParsePorterOutputs(file));
  }
  DEPS_ASSIGN_OR_RETURN(Session session, OpenSession(verbs.options, verbs.env));
  for (Installation& installation : installations) {
    const std::vector<StoredOutput> own = OutputsOf(outputs, &installation);
    DEPS_RETURN_IF_ERROR(session.store->ImportInstallation(installation, own));
  }
  verbs.terminal.Say(absl::StrCat(installations.size(), " installations imported"));
  return ExitCode::kOk;
}

struct VerbEntry {
  Verb verb;
  absl::StatusOr<ExitCode> (*run)(Verbs&);
  bool writes_workflow = false;  // What can be a page, too.
};

const std::vector<VerbEntry>& Entries() {
  static const auto* const entries = new std::vector<VerbEntry>{
      {{"list", "", "The workflows of the state, the newest first.", 0, 0}, List},
      {{"show", "ID", "A workflow as it is now.", 1, 1}, Show, true},
      {{"events", "ID", "What happened to a workflow, one JSON object a line.", 1, 1}, Events},
      {{"logs", "ID [TASK]", "What the run tools printed.", 1, 2}, Logs},
      {{"outputs", "ID [TASK [NAME]]", "The outputs, or the value of one.", 1, 3}, Outputs},
      {{"resume", "ID", "Goes on: what is finished stays finished.", 1, 1}, Resume, true},
      {{"retry", "ID", "The same as resume.", 1, 1}, Resume, true},
      {{"cancel", "ID", "Asks the process that runs a workflow to stop.", 1, 1}, Cancel, true},
      {{"delete", "ID", "Forgets a workflow, its events and logs; installations stay.", 1, 1},
       Delete},
      {{"worker", "", "Runs tasks of plans that were started with --detach, until it is stopped.",
        0, 0},
       Worker},
      {{"import", "INSTALLATIONS [OUTPUTS]",
        "Takes Porter's documents of installations, and of their outputs, into the state.", 1, 2},
       Import},
      {{"installations", "", "Porter's documents of what is installed.", 0, 0}, Installations},
  };
  return *entries;
}

}  // namespace

std::vector<Verb> RunVerbs() {
  std::vector<Verb> verbs;
  for (const VerbEntry& entry : Entries()) verbs.push_back(entry.verb);
  return verbs;
}

absl::StatusOr<ExitCode> RunVerb(const Invocation& invocation, const RunCommandOptions& options,
                                 const Env& env, Terminal& terminal) {
  const auto entry = std::find_if(
      Entries().begin(), Entries().end(),
      [&](const VerbEntry& candidate) { return candidate.verb.name == invocation.verb; });
  if (entry == Entries().end()) {
    return MakeError({.id = DiagnosticId::kInternal,
                      .message = absl::StrCat("verb '", invocation.verb, "' has no body")});
  }
  if (options.common.format == "html" && !entry->writes_workflow) {
    return MakeError({.id = DiagnosticId::kUsage,
                      .message = absl::StrCat("'", invocation.verb, "' has no page to show"),
                      .hint = "--format html is for a workflow: deps-run show ID"});
  }
  Verbs verbs = {.invocation = invocation, .options = options, .env = env, .terminal = terminal};
  DEPS_ASSIGN_OR_RETURN(verbs.url, StateUrl(options.state, env));
  DEPS_ASSIGN_OR_RETURN(verbs.store, OpenForReading(verbs.url));
  return entry->run(verbs);
}

}  // namespace deps
