#include "lib/run/attempt.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/run/collect.h"
#include "lib/run/runtime_files.h"
#include "lib/run/scratch.h"
#include "lib/secrets/redactor.h"
#include "lib/state/open_store.h"
#include "lib/state/ulid.h"

namespace deps {
namespace {

bool Applies(const std::vector<std::string>& apply_to, const std::string& action) {
  return apply_to.empty() || std::find(apply_to.begin(), apply_to.end(), action) != apply_to.end();
}

absl::Status Invalid(std::string message) {
  return MakeError({.id = DiagnosticId::kBundleInvalid, .message = std::move(message)});
}

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
  return name;
}

// A log that is open for appending, with a redactor before it.
class TaskLog {
 public:
  absl::Status Open(const std::string& path) {
    DEPS_RETURN_IF_ERROR(MakeFolders(path.substr(0, path.rfind('/'))));
    fd_ = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd_ >= 0) return absl::OkStatus();
    return MakeError({.id = DiagnosticId::kFileWrite,
                      .message = absl::StrCat("log '", path, "': ", strerror(errno))});
  }
  ~TaskLog() {
    if (fd_ < 0) return;
    Put(redactor_.Finish());
    close(fd_);
  }
  Redactor& redactor() { return redactor_; }
  void Write(std::string_view text) { Put(redactor_.Write(text)); }
  bool complete() const { return complete_; }

 private:
  void Put(std::string_view text) {
    while (complete_ && !text.empty()) {
      const ssize_t count = write(fd_, text.data(), text.size());
      if (count < 0 && errno != EINTR) complete_ = false;
      if (count > 0) text.remove_prefix(static_cast<size_t>(count));
    }
  }

  int fd_ = -1;
  bool complete_ = true;
  Redactor redactor_;
};

// Everything of one attempt, in the order in which it is needed.
class Attempt {
 public:
  Attempt(const PlannedTask& task, const Claim& claim, const InputResolver& inputs)
      : task_(task), claim_(claim), inputs_(inputs) {
    record_ = {.run_id = claim.revision,
               .result_id = NewUlid(),
               .revision = claim.revision,
               .created = NowText()};
    run_.name = absl::StrCat("deps-", absl::AsciiStrToLower(claim.workflow), "-", SafeName(task.id),
                             "-", claim.attempt);
    run_.bundle = task.bundle;
    run_.withheld = inputs.secret_variables();
  }

  absl::Status Prepare(const std::map<std::string, std::string>& mapping, Scratch& scratch,
                       TaskLog& log) {
    run_.root = scratch.root();
    SetContractVariables();
    DEPS_RETURN_IF_ERROR(AddParameters(scratch, log));
    DEPS_RETURN_IF_ERROR(AddCredentials(scratch, log));
    DEPS_RETURN_IF_ERROR(Put(scratch, "/cnab/bundle.json", BundleFile(task_.bundle)));
    DEPS_RETURN_IF_ERROR(Put(scratch, "/cnab/claim.json", ClaimFile(task_, record_)));
    DEPS_RETURN_IF_ERROR(AddDependencies(scratch));
    const std::string relocated = RelocationFile(task_.bundle, mapping);
    if (!relocated.empty()) {
      DEPS_RETURN_IF_ERROR(Put(scratch, "/cnab/app/relocation-mapping.json", relocated));
    }
    return Put(scratch, "/cnab/app/image-map.json", ImageMapFile(task_.bundle));
  }

  const BundleRun& run() const { return run_; }
  const RunRecord& record() const { return record_; }

 private:
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
  absl::Status AddDependencies(Scratch& scratch) {
    const std::string prefix = absl::StrCat(task_.id, "/");
    for (const std::string& need : task_.needs) {
      const PlannedTask* const dependency = inputs_.FindTask(need);
      const std::string_view alias = absl::StripPrefix(need, prefix);
      if (dependency == nullptr || alias == need || absl::StrContains(alias, '/')) continue;
      DEPS_RETURN_IF_ERROR(Put(scratch,
                               absl::StrCat("/cnab/app/dependencies/", alias, "/bundle.json"),
                               BundleFile(dependency->bundle)));
    }
    return absl::OkStatus();
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
        log.redactor().Add(value->bytes.view());
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
      log.redactor().Add(value->bytes.view());
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

}  // namespace

std::string LogPath(const std::string& logs, const std::string& workflow, const std::string& task,
                    int64_t attempt) {
  return absl::StrCat(logs, "/", workflow, "/", SafeName(task), ".", attempt, ".log");
}

std::string OutputRef(const std::string& workflow, const std::string& task,
                      const std::string& name) {
  return absl::StrCat("state:", workflow, "/", task, "#", name);
}

TaskResult RunAttempt(const PlannedTask& task, const Claim& claim, const InputResolver& inputs,
                      StateKey& key, Store& store, Driver& driver, const AttemptOptions& options) {
  TaskLog log;
  if (const absl::Status status =
          log.Open(LogPath(options.logs, claim.workflow, claim.task, claim.attempt));
      !status.ok()) {
    return Failed("driver", status);
  }
  absl::StatusOr<Scratch> scratch = Scratch::Create();
  if (!scratch.ok()) return Failed("driver", scratch.status());
  Traces traces = {.folder = scratch->path()};
  if (const absl::Status status = store.SetTraces(claim, FormatTraces(traces)); !status.ok()) {
    return Failed("driver", status);
  }
  Attempt attempt(task, claim, inputs);
  if (const absl::Status status = attempt.Prepare(options.mapping, *scratch, log); !status.ok()) {
    return Failed("input", status);
  }
  RunWatch watch = {.output = [&log](std::string_view text) { log.Write(text); },
                    .stop = options.stop,
                    .deadline = absl::Now() + options.timeout,
                    .grace = options.grace};
  watch.started = [&](int64_t process, int64_t start_time, const std::string& container) {
    traces.process = process;
    traces.start_time = start_time;
    traces.container = container;
    return store.SetTraces(claim, FormatTraces(traces));
  };
  const absl::StatusOr<RunEnd> end = driver.Run(attempt.run(), watch);
  TaskResult result = end.ok() ? ResultOf(*end, options) : Failed("driver", end.status());
  if (end.ok()) CollectOutputs(task, claim, *scratch, key, &result);
  result.run_id = attempt.record().run_id;
  result.result_id = attempt.record().result_id;
  const absl::StatusOr<std::optional<Installation>> before =
      store.FindInstallation(task.installation.name);
  if (!before.ok()) return Failed("driver", before.status());
  if (!end.ok() && !before->has_value()) return result;  // Nothing has happened to it.
  result.installation = ApplyRun(*before, task, attempt.record(), result);
  result.run_document = RunDocument(task, attempt.record());
  result.result_document = ResultDocument(task, attempt.record(), result);
  return result;
}

}  // namespace deps
