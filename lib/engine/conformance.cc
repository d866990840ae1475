#include "lib/engine/conformance.h"

#include <sys/stat.h>

#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/engine/conformance_plans.h"
#include "lib/engine/engine.h"
#include "lib/engine/messages.h"
#include "lib/engine/plugin.h"
#include "lib/io/file.h"
#include "lib/io/program.h"

namespace deps {
namespace {

constexpr std::string_view kSentinel = "conformance-sentinel-3f1a9c77d2";

absl::Status Wrong(std::string message) { return absl::FailedPreconditionError(message); }

bool HasEnded(const std::string& status) {
  return status == "succeeded" || status == "failed" || status == "canceled" || status == "skipped";
}

// A new id of 26 characters, as ULIDs are; each kit run has its own.
std::string NewId() {
  static int64_t count = 0;
  std::string id = absl::StrCat("01", absl::ToUnixMicros(absl::Now()), ++count);
  id.resize(26, '0');
  return id;
}

class Kit {
 public:
  explicit Kit(const ConformanceOptions& options) : options_(options) {
    if (options_.driver.empty()) options_.driver = absl::StrCat("process:", Path("tool"));
    engine_ = MakePluginEngine(options_.program,
                               {.config = options_.config,
                                .state_dir = Path("state"),
                                .timeout = absl::Seconds(60),
                                .says = [this](std::string_view text) { heard_ += text; }});
  }

  absl::Status Prepare() {
    DEPS_RETURN_IF_ERROR(WriteFile(Path("token"), kSentinel, 0600));
    return WriteFile(Path("tool"), ConformanceTool(), 0755);
  }

  absl::Status Describes();
  absl::Status RefusesUnknownVerbs();
  absl::Status RefusesWhatIsNoRequest();
  absl::Status IgnoresUnknownMembers();
  absl::Status RunsAPlan();
  absl::Status SubmitsOnce();
  absl::Status RefusesAnotherPlan();
  absl::Status SurvivesDyingSubmissions();
  absl::Status ShowsFailures();
  absl::Status Cancels();
  absl::Status ShowsLogs();
  absl::Status Forgets();
  absl::Status Renders();
  absl::Status KeepsNoSecret();
  bool Can(bool EngineCapabilities::*capability) const { return info_.capabilities.*capability; }

 private:
  std::string Path(std::string_view name) const { return absl::StrCat(options_.folder, "/", name); }
  EngineRun NewRun(const std::string& name, const std::vector<TrialTask>& tasks) {
    return {.id = NewId(),
            .plan = TrialPlan(name, tasks, options_),
            .options = {.driver = options_.driver, .jobs = 2}};
  }
  absl::StatusOr<ProgramEnd> Raw(const std::string& verb, const std::string& input,
                                 absl::Duration timeout = absl::Seconds(60));
  absl::Status CheckProgress(const EngineStatus& before, const EngineStatus& after) const;
  // The status once the run has ended, every status on the way checked.
  absl::StatusOr<EngineStatus> Await(const EngineRun& run, const std::string& ref);
  absl::StatusOr<EngineStatus> RunToItsEnd(const EngineRun& run);
  absl::Status ExpectError(const absl::Status& status, DiagnosticId id) const;
  absl::Status ExpectTasks(const EngineStatus& status,
                           const std::map<std::string, std::string>& expected) const;
  // Each task of the run is in the journal once, if its tasks can write there.
  absl::Status ExpectJournal(const std::string& name, size_t count) const;

  ConformanceOptions options_;
  std::unique_ptr<Engine> engine_;
  EngineInfo info_;
  std::string heard_;
};

absl::StatusOr<ProgramEnd> Kit::Raw(const std::string& verb, const std::string& input,
                                    absl::Duration timeout) {
  // Through env(1), so that the plugin gets its folder and nothing else changes.
  return RunProgram(
      {.argv = {"/usr/bin/env", absl::StrCat("DEPS_STATE_DIR=", Path("state")),
                absl::StrCat("DEPS_ENGINE_PROTOCOL=", kEngineProtocol), options_.program, verb},
       .input = input,
       .timeout = timeout});
}

absl::Status Kit::CheckProgress(const EngineStatus& before, const EngineStatus& after) const {
  for (size_t i = 0; i < after.workflow.tasks.size(); ++i) {
    const WorkflowTask& task = after.workflow.tasks[i];
    if (i >= before.workflow.tasks.size()) break;
    const WorkflowTask& was = before.workflow.tasks[i];
    if (HasEnded(was.status) && task.status != was.status) {
      return Wrong(absl::StrCat(task.id, " was ", was.status, " and is ", task.status));
    }
    if (task.attempt < was.attempt) {
      return Wrong(
          absl::StrCat(task.id, " was at attempt ", was.attempt, " and is at ", task.attempt));
    }
    if (task.status != was.status && before.cursor == after.cursor) {
      return Wrong("a task changed and the cursor did not");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<EngineStatus> Kit::Await(const EngineRun& run, const std::string& ref) {
  const absl::Time deadline = absl::Now() + options_.patience;
  EngineStatus before;
  while (true) {
    DEPS_ASSIGN_OR_RETURN(EngineStatus status, engine_->Status(ref));
    DEPS_RETURN_IF_ERROR(CheckProgress(before, status));
    if (status.workflow.id != run.id) return Wrong("the status has another workflow's id");
    if (status.workflow.plan != run.plan.digest) return Wrong("the status has another plan");
    if (HasEnded(status.workflow.status)) return status;
    if (absl::Now() > deadline) {
      return Wrong(absl::StrCat("the run is still ", status.workflow.status, " after ",
                                absl::FormatDuration(options_.patience)));
    }
    before = std::move(status);
    absl::SleepFor(absl::Milliseconds(200));
  }
}

absl::StatusOr<EngineStatus> Kit::RunToItsEnd(const EngineRun& run) {
  DEPS_ASSIGN_OR_RETURN(const Submitted submitted, engine_->Submit(run));
  return Await(run, submitted.run);
}

absl::Status Kit::ExpectError(const absl::Status& status, DiagnosticId id) const {
  if (HasId(status, id)) return absl::OkStatus();
  return Wrong(absl::StrCat("instead of ", InfoOf(id).name,
                            " it answers: ", status.ok() ? "all is well" : status.message()));
}

absl::Status Kit::ExpectTasks(const EngineStatus& status,
                              const std::map<std::string, std::string>& expected) const {
  std::map<std::string, std::string> found;
  for (const WorkflowTask& task : status.workflow.tasks) found[task.id] = task.status;
  if (found == expected) return absl::OkStatus();
  return Wrong(absl::StrCat("tasks ended as ", absl::StrJoin(found, ", ", absl::PairFormatter(" ")),
                            " instead of ",
                            absl::StrJoin(expected, ", ", absl::PairFormatter(" "))));
}

absl::Status Kit::ExpectJournal(const std::string& name, size_t count) const {
  if (!absl::StartsWith(options_.driver, "process:")) return absl::OkStatus();
  DEPS_ASSIGN_OR_RETURN(const Source journal, ReadFile(Path(absl::StrCat("journal-", name))));
  std::vector<std::string> starts = absl::StrSplit(journal.text, '\n', absl::SkipEmpty());
  if (starts.size() == count) return absl::OkStatus();
  return Wrong(
      absl::StrCat("instead of ", count, " tasks these started: ", absl::StrJoin(starts, ", ")));
}

absl::Status Kit::Describes() {
  const absl::Time start = absl::Now();
  DEPS_ASSIGN_OR_RETURN(info_, engine_->Info());
  if (absl::Now() - start > absl::Seconds(1)) return Wrong("it takes more than a second");
  const std::string file = options_.program.substr(options_.program.rfind('/') + 1);
  if (file != absl::StrCat("deps-engine-", info_.name)) {
    return Wrong(absl::StrCat("the program ", file, " calls itself ", info_.name));
  }
  return engine_->Check().status();
}

absl::Status Kit::RefusesUnknownVerbs() {
  DEPS_ASSIGN_OR_RETURN(const ProgramEnd end, Raw("levitate", "{}"));
  if (end.exit_code == 2) return absl::OkStatus();
  return Wrong(absl::StrCat("exit status ", end.exit_code, " instead of 2"));
}

absl::Status Kit::RefusesWhatIsNoRequest() {
  for (const std::string_view input :
       {"", "{", "[]", "{\"apiVersion\":\"cnab-deps/engine/v99\",\"kind\":\"SubmitRequest\"}"}) {
    DEPS_ASSIGN_OR_RETURN(const ProgramEnd end, Raw("submit", std::string(input)));
    const absl::Status status = ParseSubmitted({"the program", end.output}).status();
    if (end.exit_code != 1 || !HasId(status, DiagnosticId::kEngineRefused)) {
      return Wrong(absl::StrCat("'", input, "' is answered with status ", end.exit_code, " and ",
                                end.output));
    }
  }
  return absl::OkStatus();
}

absl::Status Kit::IgnoresUnknownMembers() {
  const EngineRun run = NewRun("unknown-members", {{"root", "say", "one"}});
  std::string request =
      FormatRequest({.verb = EngineVerb::kSubmit, .config = options_.config, .run = run});
  request.insert(1, "\"fromTheFuture\":{\"a\":[1]},");
  DEPS_ASSIGN_OR_RETURN(const ProgramEnd end, Raw("submit", request));
  DEPS_ASSIGN_OR_RETURN(const Submitted submitted, ParseSubmitted({"the program", end.output}));
  return Await(run, submitted.run).status();
}

absl::Status Kit::RunsAPlan() {
  const EngineRun run = NewRun("chain", ChainOfThree());
  DEPS_ASSIGN_OR_RETURN(const EngineStatus status, RunToItsEnd(run));
  DEPS_RETURN_IF_ERROR(ExpectTasks(
      status,
      {{"root", "succeeded"}, {"root/second", "succeeded"}, {"root/second/first", "succeeded"}}));
  const WorkflowTask& root = status.workflow.tasks.back();
  const auto said = root.outputs.find("said");
  if (said == root.outputs.end() || !said->second.value.has_value() ||
      said->second.value->text != "\"one, two, three\"") {
    return Wrong("the last task does not say what it and those before it were to say");
  }
  return ExpectJournal("chain", 3);
}

absl::Status Kit::SubmitsOnce() {
  const EngineRun run = NewRun("twice", ChainOfThree());
  DEPS_ASSIGN_OR_RETURN(const Submitted first, engine_->Submit(run));
  DEPS_ASSIGN_OR_RETURN(const Submitted second, engine_->Submit(run));
  if (first.run != second.run) return Wrong("the second submission is another run");
  if (first.already || !second.already) return Wrong("'already' is wrong");
  DEPS_RETURN_IF_ERROR(Await(run, first.run).status());
  DEPS_ASSIGN_OR_RETURN(const Submitted third, engine_->Submit(run));
  if (third.run != first.run) return Wrong("a submission after the end is another run");
  return ExpectJournal("twice", 3);
}

absl::Status Kit::RefusesAnotherPlan() {
  EngineRun run = NewRun("conflict", {{"root", "say", "one"}});
  DEPS_ASSIGN_OR_RETURN(const Submitted submitted, engine_->Submit(run));
  EngineRun other = run;
  other.plan = TrialPlan("conflict", {{"root", "say", "another"}}, options_);
  DEPS_RETURN_IF_ERROR(ExpectError(engine_->Submit(other).status(), DiagnosticId::kEngineConflict));
  DEPS_RETURN_IF_ERROR(Await(run, submitted.run).status());
  other.revision = 2;
  return RunToItsEnd(other).status();
}

absl::Status Kit::SurvivesDyingSubmissions() {
  const EngineRun run = NewRun("dying", ChainOfThree());
  const std::string request =
      FormatRequest({.verb = EngineVerb::kSubmit, .config = options_.config, .run = run});
  for (int milliseconds = 1; milliseconds < 200; milliseconds *= 3) {
    DEPS_RETURN_IF_ERROR(Raw("submit", request, absl::Milliseconds(milliseconds)).status());
  }
  DEPS_ASSIGN_OR_RETURN(const EngineStatus status, RunToItsEnd(run));
  DEPS_RETURN_IF_ERROR(ExpectTasks(
      status,
      {{"root", "succeeded"}, {"root/second", "succeeded"}, {"root/second/first", "succeeded"}}));
  return ExpectJournal("dying", 3);
}

absl::Status Kit::ShowsFailures() {
  const EngineRun run =
      NewRun("failing", {{"root/bad", "fail", ""}, {"root", "say", "never", "", {"root/bad"}}});
  DEPS_ASSIGN_OR_RETURN(const EngineStatus status, RunToItsEnd(run));
  if (status.workflow.status != "failed") return Wrong("the run did not fail");
  DEPS_RETURN_IF_ERROR(ExpectTasks(status, {{"root", "skipped"}, {"root/bad", "failed"}}));
  const WorkflowTask& bad = status.workflow.tasks.front();
  if (bad.exit_code != 7) return Wrong("the exit status of the bundle is not told");
  return ExpectJournal("failing", 1);
}

absl::Status Kit::Cancels() {
  const EngineRun run =
      NewRun("cancel", {{"root/slow", "sleep", ""}, {"root", "say", "never", "", {"root/slow"}}});
  DEPS_ASSIGN_OR_RETURN(const Submitted submitted, engine_->Submit(run));
  const absl::Time deadline = absl::Now() + options_.patience;
  while (true) {
    DEPS_ASSIGN_OR_RETURN(const EngineStatus status, engine_->Status(submitted.run));
    if (status.workflow.tasks.front().status == "running") break;
    if (absl::Now() > deadline) return Wrong("the task is never running");
    absl::SleepFor(absl::Milliseconds(200));
  }
  const CancelRequest cancel = {.run = submitted.run, .grace_seconds = 1};
  DEPS_RETURN_IF_ERROR(engine_->Cancel(cancel));
  DEPS_RETURN_IF_ERROR(engine_->Cancel(cancel));
  DEPS_ASSIGN_OR_RETURN(const EngineStatus status, Await(run, submitted.run));
  if (status.workflow.status != "canceled") {
    return Wrong(absl::StrCat("the run is ", status.workflow.status, " instead of canceled"));
  }
  DEPS_RETURN_IF_ERROR(engine_->Cancel(cancel));
  return engine_->Cancel({.run = absl::StrCat(NewId(), "-1")});
}

absl::Status Kit::ShowsLogs() {
  const EngineRun run = NewRun("logs", ChainOfThree());
  DEPS_ASSIGN_OR_RETURN(const Submitted submitted, engine_->Submit(run));
  DEPS_RETURN_IF_ERROR(Await(run, submitted.run).status());
  std::string text;
  DEPS_RETURN_IF_ERROR(
      engine_->Logs({.run = submitted.run, .task = "root/second"}, [&](const LogLine& line) {
        text += absl::StrCat(line.task, ": ", line.text, "\n");
        return absl::OkStatus();
      }));
  if (absl::StrContains(text, "root/second: root-second does: say")) return absl::OkStatus();
  return Wrong(absl::StrCat("the log holds '", text, "'"));
}

absl::Status Kit::Forgets() {
  const EngineRun run = NewRun("delete", {{"root", "say", "one"}});
  DEPS_ASSIGN_OR_RETURN(const Submitted submitted, engine_->Submit(run));
  DEPS_RETURN_IF_ERROR(Await(run, submitted.run).status());
  DEPS_RETURN_IF_ERROR(engine_->Delete(submitted.run));
  DEPS_RETURN_IF_ERROR(engine_->Delete(submitted.run));
  return ExpectError(engine_->Status(submitted.run).status(), DiagnosticId::kEngineUnknownRun);
}

absl::Status Kit::Renders() {
  const EngineRun run = NewRun("render", ChainOfThree());
  DEPS_ASSIGN_OR_RETURN(const std::vector<EngineFile> files, engine_->Render(run));
  if (files.empty()) return Wrong("it renders nothing");
  DEPS_ASSIGN_OR_RETURN(const std::vector<EngineFile> again, engine_->Render(run));
  if (files != again) return Wrong("the same plan is rendered differently");
  const std::string ref = absl::StrCat(run.id, "-1");
  return ExpectError(engine_->Status(ref).status(), DiagnosticId::kEngineUnknownRun);
}

absl::Status Kit::KeepsNoSecret() {
  if (absl::StrContains(heard_, kSentinel)) return Wrong("the program prints a secret's value");
  DEPS_ASSIGN_OR_RETURN(
      const ProgramEnd end,
      RunProgram({.argv = {"/bin/grep", "-rlaF", std::string(kSentinel), Path("state")},
                  .timeout = absl::Minutes(1)}));
  if (end.output.empty()) return absl::OkStatus();
  return Wrong(absl::StrCat("a secret's value is in ", end.output));
}

}  // namespace

void CheckConformance(const ConformanceOptions& options,
                      const std::function<void(const ConformanceResult&)>& tell) {
  struct Check {
    std::string_view name;
    absl::Status (Kit::*run)();
    bool EngineCapabilities::*needs = nullptr;
  };
  const Check checks[] = {
      {"info names the engine, offline and at once", &Kit::Describes},
      {"an unknown verb is exit status 2", &Kit::RefusesUnknownVerbs},
      {"what is no request is refused", &Kit::RefusesWhatIsNoRequest},
      {"members of a later version are ignored", &Kit::IgnoresUnknownMembers},
      {"tasks run in order and pass outputs on", &Kit::RunsAPlan},
      {"the same submission is the same run", &Kit::SubmitsOnce},
      {"another plan under the same name is a conflict", &Kit::RefusesAnotherPlan},
      {"a submission that died is made good by the next", &Kit::SurvivesDyingSubmissions},
      {"a task that fails is told, and what needs it is skipped", &Kit::ShowsFailures},
      {"a run is canceled, once or twice", &Kit::Cancels},
      {"logs hold what a task printed", &Kit::ShowsLogs, &EngineCapabilities::logs},
      {"render shows the same documents and starts nothing", &Kit::Renders,
       &EngineCapabilities::render},
      {"a run is forgotten, once or twice", &Kit::Forgets},
      {"no secret's value is kept or printed", &Kit::KeepsNoSecret},
  };
  using Outcome = ConformanceResult::Outcome;
  Kit kit(options);
  const absl::Status prepared = kit.Prepare();
  for (const Check& check : checks) {
    ConformanceResult result = {.name = std::string(check.name)};
    if (check.needs != nullptr && !kit.Can(check.needs)) {
      result.outcome = Outcome::kSkipped;
      result.why = "the engine does not offer it";
    } else if (const absl::Status status = prepared.ok() ? (kit.*check.run)() : prepared;
               !status.ok()) {
      result.outcome = Outcome::kFailed;
      result.why = DiagnosticsOf(status).front().message;
      if (!status.message().empty() && result.why.empty()) result.why = status.message();
    }
    tell(result);
  }
}

}  // namespace deps
