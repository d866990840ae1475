#include "lib/run/attempt.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/base/status_macros.h"
#include "lib/base/steady_clock.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/sha256.h"
#include "lib/run/collect.h"
#include "lib/run/runtime_files.h"
#include "lib/run/scratch.h"
#include "lib/run/task_log.h"
#include "lib/state/fault_point.h"
#include "lib/state/ulid.h"

namespace deps {
namespace {

bool Applies(const std::vector<std::string>& apply_to, const std::string& action) {
  return apply_to.empty() || std::find(apply_to.begin(), apply_to.end(), action) != apply_to.end();
}

absl::Status Invalid(std::string message) {
  return MakeError({.id = DiagnosticId::kBundleInvalid, .message = std::move(message)});
}

// How often it is asked how much a run has left.
constexpr absl::Duration kLookAtOutputs = absl::Milliseconds(250);
// Of a task's id in names of files and containers.
constexpr size_t kMaxSafeName = 100;

// Characters that a file's or container's name takes everywhere; others as
// _HEX, so that different texts stay different.
std::string SafeName(std::string_view text) {
  std::string name;
  for (const char c : text) {
    if (absl::ascii_isalnum(c) || c == '-') {
      name += c;
    } else if (c == '/') {
      name += '.';
    } else {
      absl::StrAppend(&name, "_", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  if (name.size() <= kMaxSafeName) return name;
  return absl::StrCat(name.substr(0, kMaxSafeName), "_", Sha256Hex(text).substr(0, 16));
}

std::string RunName(const Claim& claim) {
  return absl::StrCat("deps-", absl::AsciiStrToLower(claim.workflow), "-", SafeName(claim.task),
                      "-", claim.attempt);
}

// Everything of one attempt, in the order in which it is needed.
class Attempt {
 public:
  Attempt(const PlannedTask& task, const Claim& claim, const InputResolver& inputs,
          const AttemptOptions& options)
      : task_(task), claim_(claim), inputs_(inputs), options_(options) {
    record_ = {.run_id = claim.revision,
               .result_id = NewUlid(),
               .revision = claim.revision,
               .created = NowText()};
    run_.name = RunName(claim);
    run_.bundle = task.bundle;
    run_.withheld = inputs.secret_variables();
  }

  absl::Status Prepare(Scratch& scratch, TaskLog& log) {
    run_.root = scratch.root();
    run_.control = scratch.control();
    record_.bundle_json = OriginalJson(task_.bundle, &log);
    SetContractVariables();
    DEPS_RETURN_IF_ERROR(AddParameters(scratch, log));
    DEPS_RETURN_IF_ERROR(AddCredentials(scratch, log));
    DEPS_RETURN_IF_ERROR(
        Put(scratch, "/cnab/bundle.json",
            record_.bundle_json.empty() ? BundleFile(task_.bundle) : record_.bundle_json));
    DEPS_RETURN_IF_ERROR(Put(scratch, "/cnab/claim.json", ClaimFile(task_, record_)));
    DEPS_RETURN_IF_ERROR(AddDependencies(scratch, log));
    const std::string relocated = RelocationFile(task_.bundle, options_.mapping);
    if (!relocated.empty()) {
      DEPS_RETURN_IF_ERROR(Put(scratch, "/cnab/app/relocation-mapping.json", relocated));
    }
    return Put(scratch, "/cnab/app/image-map.json", ImageMapFile(task_.bundle));
  }

  // What can be told of the inputs of a run that an earlier runner started. No
  // secret is asked for again.
  void Remember() {
    record_.bundle_json = OriginalJson(task_.bundle, nullptr);
    for (const auto& [name, source] : task_.parameters) {
      if (HoldsSecret(source)) continue;
      const absl::StatusOr<ResolvedValue> value = inputs_.Parameter(task_, name);
      if (!value.ok() || value->sensitive) continue;
      const auto definition = task_.bundle.parameters.find(name);
      record_.parameters[name] =
          AsJson(definition == task_.bundle.parameters.end() ? "" : definition->second.type,
                 value->bytes.view());
    }
  }

  const BundleRun& run() const { return run_; }
  const RunRecord& record() const { return record_; }

 private:
  static bool HoldsSecret(const ValueSource& source) {
    return source.kind == ValueSource::Kind::kSecret ||
           source.kind == ValueSource::Kind::kCredential ||
           std::any_of(source.inputs.begin(), source.inputs.end(),
                       [](const auto& input) { return HoldsSecret(input.second); });
  }

  // "" where it is not to be had.
  std::string OriginalJson(const Bundle& bundle, TaskLog* log) const {
    if (!options_.bundle_json) return "";
    absl::StatusOr<std::string> json = options_.bundle_json(bundle);
    if (json.ok()) return *std::move(json);
    if (log != nullptr) {
      log->Write(absl::StrCat("deps-run: bundle.json of '", bundle.name,
                              "' is made from the plan: ", DiagnosticsOf(json.status())[0].message,
                              "\n"));
    }
    return "";
  }

  void Redact(const SecretBuffer& value, TaskLog& log) {
    log.redactor().Add(value.view());
    run_.redacted.push_back(value.Copy());
  }

  void SetContractVariables() {
    const InstallationName& name = task_.installation.name;
    for (const auto& [variable, value] : std::initializer_list<std::pair<const char*, std::string>>{
             {"CNAB_INSTALLATION_NAME", name.name},
             {"CNAB_BUNDLE_NAME", task_.bundle.name},
             {"CNAB_BUNDLE_VERSION", task_.bundle.version},
             {"CNAB_ACTION", task_.action},
             {"CNAB_REVISION", claim_.revision},
             {"CNAB_CLAIMS_VERSION", "CNAB-Claims-1.0.0"},
             {"PORTER_INSTALLATION_NAMESPACE", name.name_space},
             {"PORTER_INSTALLATION_NAME", name.name}}) {
      run_.environment[variable] = SecretBuffer(value);
    }
  }

  // Porter's: the bundle.json of each dependency, by alias.
  absl::Status AddDependencies(Scratch& scratch, TaskLog& log) {
    for (const auto& [alias, bundle] : task_.dependencies) {
      DEPS_RETURN_IF_ERROR(AddDependency(alias, bundle, scratch, log));
    }
    const std::string prefix = absl::StrCat(task_.id, "/");
    for (const std::string& need : task_.needs) {
      const std::string_view alias = absl::StripPrefix(need, prefix);
      if (alias == need || absl::StrContains(alias, '/')) continue;
      DEPS_ASSIGN_OR_RETURN(const PlannedTask dependency, inputs_.FindTask(need));
      DEPS_RETURN_IF_ERROR(AddDependency(alias, dependency.bundle, scratch, log));
    }
    return absl::OkStatus();
  }

  absl::Status AddDependency(std::string_view alias, const Bundle& bundle, Scratch& scratch,
                             TaskLog& log) {
    const std::string original = OriginalJson(bundle, &log);
    return Put(scratch, absl::StrCat("/cnab/app/dependencies/", alias, "/bundle.json"),
               original.empty() ? BundleFile(bundle) : original);
  }

  absl::Status Put(Scratch& scratch, const std::string& path, std::string_view content) {
    const std::string absolute = absl::StartsWith(path, "/") ? path : absl::StrCat("/", path);
    if (std::find(run_.files.begin(), run_.files.end(), absolute) != run_.files.end()) {
      return Invalid(absl::StrCat("two inputs have the destination '", absolute, "'"));
    }
    DEPS_RETURN_IF_ERROR(scratch.Put(absolute, content));
    run_.files.push_back(absolute);
    return absl::OkStatus();
  }

  absl::Status Deliver(Scratch& scratch, const Destination& destination,
                       const SecretBuffer& value) {
    if (!destination.env.empty()) {
      const std::string& name = destination.env;
      if (absl::StartsWith(name, "CNAB_") && !absl::StartsWith(name, "CNAB_P_")) {
        return Invalid(absl::StrCat("an input may not set '", name, "'"));
      }
      if (name.find_first_of(std::string_view("=\0", 2)) != std::string::npos) {
        return Invalid(absl::StrCat("'", name, "' is not the name of a variable"));
      }
      if (value.view().find('\0') != std::string_view::npos) {
        return Invalid(absl::StrCat("the value for variable '", name, "' holds a NUL byte"));
      }
      if (!run_.environment.try_emplace(name, value.Copy()).second) {
        return Invalid(absl::StrCat("two inputs have the variable '", name, "'"));
      }
    }
    if (destination.path.empty()) return absl::OkStatus();
    return Put(scratch, destination.path, value.view());
  }

  absl::Status AddParameters(Scratch& scratch, TaskLog& log) {
    std::map<std::string, ParameterDefinition> parameters = task_.bundle.parameters;
    for (const auto& [name, source] : task_.parameters) parameters.try_emplace(name);
    for (auto& [name, definition] : parameters) {
      if (!Applies(definition.apply_to, task_.action)) continue;
      if (definition.required && !definition.default_value.has_value() &&
          !task_.parameters.contains(name)) {
        return Invalid(absl::StrCat("parameter '", name, "' is required and has no value"));
      }
      const absl::StatusOr<ResolvedValue> value = inputs_.Parameter(task_, name);
      if (!value.ok()) {
        return WithContext(value.status(), absl::StrCat("parameter '", name, "'"));
      }
      if (value->sensitive) {
        Redact(value->bytes, log);
      } else {
        record_.parameters[name] = AsJson(definition.type, value->bytes.view());
      }
      Destination destination = definition.destination;
      if (destination.env.empty() && destination.path.empty()) {
        destination.env = absl::StrCat("CNAB_P_", absl::AsciiStrToUpper(name));
      }
      DEPS_RETURN_IF_ERROR(Deliver(scratch, destination, value->bytes));
    }
    return absl::OkStatus();
  }

  absl::Status AddCredentials(Scratch& scratch, TaskLog& log) {
    for (const auto& [name, definition] : task_.bundle.credentials) {
      if (!Applies(definition.apply_to, task_.action)) continue;
      const auto source = task_.credentials.find(name);
      const auto action = task_.bundle.actions.find(task_.action);
      const bool stateless = action != task_.bundle.actions.end() && action->second.stateless;
      if (source == task_.credentials.end()) {
        if (!definition.required || stateless) continue;
        return Invalid(absl::StrCat("credential '", name, "' is required and has no source"));
      }
      const absl::StatusOr<ResolvedValue> value = inputs_.Resolve(source->second);
      if (!value.ok()) {
        return WithContext(value.status(), absl::StrCat("credential '", name, "'"));
      }
      Redact(value->bytes, log);
      if (absl::StartsWith(definition.destination.path, "/cnab/app/outputs")) {
        return Invalid(absl::StrCat("credential '", name, "' may not lie among the outputs"));
      }
      DEPS_RETURN_IF_ERROR(Deliver(scratch, definition.destination, value->bytes));
    }
    return absl::OkStatus();
  }

  const PlannedTask& task_;
  const Claim& claim_;
  const InputResolver& inputs_;
  const AttemptOptions& options_;
  RunRecord record_;
  BundleRun run_;
};

TaskResult Failed(std::string reason, const absl::Status& status) {
  const std::vector<Diagnostic> diagnostics = DiagnosticsOf(status);
  if (HasId(status, DiagnosticId::kSecretUnavailable) ||
      HasId(status, DiagnosticId::kSecretReference)) {
    reason = "secret";
  }
  return {.status = "failed", .reason = std::move(reason), .message = diagnostics[0].message};
}

TaskResult BeforeItsStart() {
  return {.status = "canceled", .reason = "stopped", .message = "stopped before its start"};
}

bool HasSinks(const PlannedTask& task) {
  return std::any_of(task.outputs.begin(), task.outputs.end(),
                     [](const auto& output) { return !output.second.sink.empty(); });
}

TaskResult ResultOf(const RunEnd& end, const AttemptOptions& options) {
  TaskResult result = {.exit_code = end.exit_code};
  if (end.kind == RunEnd::Kind::kStopped) {
    result.status = "canceled";
    result.reason = "stopped";
    result.message = "stopped before its end";
  } else if (end.kind == RunEnd::Kind::kTimedOut) {
    result.status = "failed";
    result.reason = "timeout";
    result.message = absl::StrCat("took longer than ", absl::FormatDuration(options.timeout));
  } else if (end.exit_code != 0) {
    result.status = "failed";
    result.reason = "bundle";
    result.message = absl::StrCat("the bundle's run tool ended with status ", end.exit_code);
  } else {
    result.status = "succeeded";
  }
  return result;
}

// The steps of an attempt, each of which may be the last one.
class AttemptRunner {
 public:
  AttemptRunner(const PlannedTask& task, const Claim& claim, const InputResolver& inputs,
                StateKey& key, Driver& driver, const AttemptOptions& options)
      : task_(task),
        claim_(claim),
        inputs_(inputs),
        key_(key),
        driver_(driver),
        options_(options),
        log_(LogPath(options.logs, claim.workflow, claim.task, claim.attempt),
             claim.begun && !driver.RepeatsOutput()),
        attempt_(task, claim, inputs, options) {}

  TaskResult Run() {
    const absl::StatusOr<Traces> traces = ParseTraces(claim_.traces);
    if (!traces.ok()) return Failed("driver", traces.status());
    if (!claim_.begun) return Begin(*traces);
    absl::StatusOr<TaskResult> result = Continue(*traces);
    return result.ok() ? *std::move(result) : Failed("driver", result.status());
  }

 private:
  absl::StatusOr<TaskResult> Continue(const Traces& traces) {
    if (absl::StatusOr<Scratch> scratch = Scratch::Adopt(traces.folder); scratch.ok()) {
      attempt_.Remember();
      // Whatever happens here, the folder is the way back to what runs.
      absl::StatusOr<std::optional<RunEnd>> end = driver_.Attach(traces, Watch(*scratch));
      if (!end.ok()) {
        scratch->Keep();
        return end.status();
      }
      if (end->has_value()) return Finish(**end, *scratch);
      // The driver finds by it what it has to take away.
      scratch->Keep();
    }
    DEPS_RETURN_IF_ERROR(driver_.CleanUp(traces));
    RemoveScratch(traces.folder);
    return TaskResult{.status = "interrupted",
                      .reason = "interrupted",
                      .message = "its process died, and nothing is left of it"};
  }

  TaskResult Begin(const Traces& traces) {
    if (HasSinks(task_)) {
      absl::StatusOr<std::vector<StoredOutput>> left = inputs_.LeftOutputs(task_);
      if (!left.ok()) return Failed("driver", left.status());
      if (AwaitsDelivery(*left)) return Deliver(*std::move(left));
    }
    absl::StatusOr<Scratch> scratch = Scratch::Create(traces.folder);
    if (!scratch.ok()) return Failed("driver", scratch.status());
    if (const absl::Status status = attempt_.Prepare(*scratch, log_); !status.ok()) {
      return Stops() > 0 ? BeforeItsStart() : Failed("input", status);
    }
    FaultPoint("prepared");
    return Finish(driver_.Run(attempt_.run(), Watch(*scratch)), *scratch);
  }

  // The run of an earlier attempt succeeded; what its sinks did not take is put
  // there, and nothing is run.
  TaskResult Deliver(std::vector<StoredOutput> left) {
    attempt_.Remember();
    return Documented(
        DeliverOutputs(task_, std::move(left), key_, inputs_.getenv(), options_.at_once));
  }

  int Stops() const { return options_.stop ? options_.stop() : 0; }

  // What a stop asks for; and that a run is killed which fills this machine's memory.
  int Wanted(const Scratch& scratch) {
    const absl::Time now = SteadyNow();
    if (!flooded_ && now >= next_look_) {
      flooded_ = scratch.LeftBytes(kMaxOutputs) > kMaxOutputs;
      next_look_ = now + kLookAtOutputs;
    }
    return flooded_ ? std::max(2, Stops()) : Stops();
  }

  RunWatch Watch(const Scratch& scratch) {
    next_look_ = SteadyNow() + kLookAtOutputs;
    return {.output = [this](std::string_view text) { log_.Write(text); },
            .stop = [this, &scratch] { return Wanted(scratch); },
            .deadline = SteadyNow() + options_.timeout,
            .grace = options_.grace};
  }

  TaskResult Finish(const absl::StatusOr<RunEnd>& end, Scratch& scratch) {
    // Until the result is in the state, the folder is what tells of it.
    const absl::Cleanup keeper = [&scratch] { scratch.Keep(); };
    if (end.ok() && end->kind == RunEnd::Kind::kLeft) return {.status = "left"};
    TaskResult result = end.ok() ? ResultOf(*end, options_) : Failed("driver", end.status());
    if (flooded_) {
      result = {.status = "failed",
                .exit_code = result.exit_code,
                .reason = "output",
                .message = absl::StrCat("it was stopped, as it wrote more than ", kMaxOutputs >> 20,
                                        " MiB to /cnab/app/outputs")};
    } else if (end.ok()) {
      CollectOutputs(task_, claim_, scratch, key_, inputs_.getenv(), options_.at_once, &result);
    }
    if (!end.ok() && !claim_.before.has_value()) return WithIds(std::move(result));
    return Documented(std::move(result));
  }

  TaskResult WithIds(TaskResult result) const {
    result.run_id = attempt_.record().run_id;
    result.result_id = attempt_.record().result_id;
    return result;
  }

  // With what it makes of the installation.
  TaskResult Documented(TaskResult result) const {
    result = WithIds(std::move(result));
    result.installation = ApplyRun(claim_.before, task_, attempt_.record(), result);
    result.run_document = RunDocument(task_, attempt_.record());
    result.result_document = ResultDocument(task_, attempt_.record(), result);
    return result;
  }

  const PlannedTask& task_;
  const Claim& claim_;
  const InputResolver& inputs_;
  StateKey& key_;
  Driver& driver_;
  const AttemptOptions& options_;
  TaskLog log_;
  Attempt attempt_;
  bool flooded_ = false;
  absl::Time next_look_;
};

}  // namespace

std::string LogPath(const std::string& logs, const std::string& workflow, const std::string& task,
                    int64_t attempt) {
  return absl::StrCat(logs, "/", workflow, "/", SafeName(task), ".", attempt, ".log");
}

std::string OutputRef(const std::string& workflow, const std::string& task,
                      const std::string& name) {
  return absl::StrCat("state:", workflow, "/", task, "#", name);
}

absl::StatusOr<Traces> TracesOf(const Claim& claim) {
  const std::string name = RunName(claim);
  DEPS_ASSIGN_OR_RETURN(std::string folder, Scratch::PathFor(name));
  return Traces{.folder = std::move(folder), .container = name};
}

void RemoveLeftovers(const Workflow& workflow) {
  std::set<std::string> kept;
  for (const WorkflowTask& task : workflow.tasks) {
    if (task.status == "succeeded" || task.attempt == 0) continue;
    const absl::StatusOr<Traces> traces =
        TracesOf({.workflow = workflow.id, .task = task.id, .attempt = task.attempt});
    if (traces.ok()) kept.insert(traces->folder);
  }
  const std::string prefix = absl::StrCat("deps-", absl::AsciiStrToLower(workflow.id), "-");
  RemoveOtherScratches(prefix, kept);
}

void RemoveEnded(const Workflow& workflow) {
  for (const WorkflowTask& task : workflow.tasks) {
    if (task.attempt == 0 || task.status == "pending" || task.status == "running" ||
        task.status == "unknown") {
      continue;
    }
    const absl::StatusOr<Traces> traces =
        TracesOf({.workflow = workflow.id, .task = task.id, .attempt = task.attempt});
    if (traces.ok()) RemoveScratch(traces->folder);
  }
}

TaskResult RunAttempt(const PlannedTask& task, const Claim& claim, const InputResolver& inputs,
                      StateKey& key, Driver& driver, const AttemptOptions& options) {
  return AttemptRunner(task, claim, inputs, key, driver, options).Run();
}

}  // namespace deps
