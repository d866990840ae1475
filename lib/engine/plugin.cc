#include "lib/engine/plugin.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "lib/base/status_macros.h"
#include "lib/base/steady_clock.h"
#include "lib/engine/messages.h"
#include "lib/io/program.h"

namespace deps {
namespace {

constexpr std::string_view kPrefix = "deps-engine-";
constexpr std::string_view kSystemFolder = "/usr/libexec/deps/engines";
constexpr int kTries = 5;
constexpr size_t kMaxLine = size_t{64} << 20;
// Watch and logs may go on for as long as a run does.
constexpr size_t kMaxStream = size_t{4} << 30;

std::vector<std::string> EngineFolders(
    const std::string& self,
    const std::function<std::optional<std::string>(std::string_view)>& getenv) {
  std::vector<std::string> folders;
  const auto add = [&](std::string_view list) {
    for (std::string_view folder : absl::StrSplit(list, ':', absl::SkipEmpty())) {
      folders.emplace_back(folder);
    }
  };
  add(getenv("DEPS_ENGINE_PATH").value_or(""));
  if (const size_t slash = self.rfind('/'); slash != std::string::npos) add(self.substr(0, slash));
  add(kSystemFolder);
  add(getenv("PATH").value_or(""));
  return folders;
}

std::string EnginesIn(const std::vector<std::string>& folders) {
  std::set<std::string> names = {"local"};
  for (const std::string& folder : folders) {
    DIR* const handle = opendir(folder.c_str());
    if (handle == nullptr) continue;
    while (const dirent* entry = readdir(handle)) {
      std::string_view name = entry->d_name;
      if (absl::ConsumePrefix(&name, kPrefix) && name != "conformance") names.emplace(name);
    }
    closedir(handle);
  }
  return absl::StrJoin(names, ", ");
}

bool IsEngineName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

// Hands over whole lines of what comes in pieces.
class Lines {
 public:
  explicit Lines(std::function<absl::Status(std::string_view)> take) : take_(std::move(take)) {}

  absl::Status Add(std::string_view bytes) {
    while (!bytes.empty()) {
      const size_t end = bytes.find('\n');
      held_.append(bytes.substr(0, end));
      if (held_.size() > kMaxLine) {
        return MakeError({.id = DiagnosticId::kEngineProtocol, .message = "a line has no end"});
      }
      if (end == std::string_view::npos) return absl::OkStatus();
      bytes.remove_prefix(end + 1);
      const std::string line = std::exchange(held_, "");
      if (!line.empty()) DEPS_RETURN_IF_ERROR(take_(line));
    }
    return absl::OkStatus();
  }

 private:
  std::function<absl::Status(std::string_view)> take_;
  std::string held_;
};

class PluginEngine : public Engine {
 public:
  PluginEngine(std::string program, PluginOptions options)
      : program_(std::move(program)), options_(std::move(options)) {}

  absl::StatusOr<EngineInfo> Info() override {
    return Ask<EngineInfo>({.verb = EngineVerb::kInfo}, ParseInfo);
  }

  absl::StatusOr<std::vector<Diagnostic>> Check() override {
    return Ask<std::vector<Diagnostic>>({.verb = EngineVerb::kCheck}, ParseCheck);
  }

  absl::StatusOr<std::vector<Diagnostic>> CheckRun(const EngineRun& run) override {
    return Once<absl::StatusOr<std::vector<Diagnostic>>>({.verb = EngineVerb::kCheck, .run = run},
                                                         ParseCheck);
  }

  absl::StatusOr<std::vector<EngineFile>> Render(const EngineRun& run) override {
    return Ask<std::vector<EngineFile>>({.verb = EngineVerb::kRender, .run = run}, ParseRendered);
  }

  absl::StatusOr<Submitted> Submit(const EngineRun& run) override {
    return Ask<Submitted>({.verb = EngineVerb::kSubmit, .run = run}, ParseSubmitted);
  }

  absl::StatusOr<EngineStatus> Status(const std::string& run) override {
    return Ask<EngineStatus>({.verb = EngineVerb::kStatus, .ref = run}, ParseStatus);
  }

  absl::Status Watch(const std::string& run, const std::string& cursor,
                     const std::function<bool(const EngineStatus&)>& changed) override;

  absl::Status Cancel(const CancelRequest& request) override {
    return AskDone({.verb = EngineVerb::kCancel, .cancel = request});
  }

  absl::Status Logs(const LogQuery& query,
                    const std::function<absl::Status(const LogLine&)>& line) override;

  absl::Status Delete(const std::string& run) override {
    return AskDone({.verb = EngineVerb::kDelete, .ref = run});
  }

 private:
  template <typename T>
  absl::StatusOr<T> Ask(const EngineRequest& request, absl::StatusOr<T> (*parse)(const Source&)) {
    return WithRetries<absl::StatusOr<T>>([&] { return Once<absl::StatusOr<T>>(request, parse); });
  }

  absl::Status AskDone(const EngineRequest& request) {
    return WithRetries<absl::Status>([&] {
      return Once<absl::Status>(
          request, [&](const Source& source) { return ParseDone(request.verb, source); });
    });
  }

  static const absl::Status& StatusOf(const absl::Status& status) { return status; }
  template <typename T>
  static const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
    return result.status();
  }

  template <typename Result>
  Result WithRetries(const std::function<Result()>& call) {
    absl::Duration pause = absl::Milliseconds(200);
    for (int tries = 1;; ++tries, pause *= 2) {
      Result result = call();
      const bool again = HasId(StatusOf(result), DiagnosticId::kEngineUnavailable);
      if (!again || tries == kTries || Stopped()) return result;
      for (absl::Time end = SteadyNow() + pause; SteadyNow() < end && !Stopped();) {
        absl::SleepFor(absl::Milliseconds(50));
      }
    }
  }

  template <typename Result>
  Result Once(const EngineRequest& request, const std::function<Result(const Source&)>& parse) {
    Program program = MakeProgram(request);
    program.timeout = options_.timeout;
    const absl::StatusOr<ProgramEnd> end = RunProgram(program);
    if (!end.ok()) return end.status();
    if (const absl::Status status = CheckEnd(request.verb, *end); !status.ok()) return status;
    const Source answer = {Name(), end->output};
    Result result = parse(answer);
    // Whoever says "all is well" and ends with an error means neither.
    if (StatusOf(result).ok() && end->exit_code != 0) {
      return Breach(absl::StrCat("it ends with status ", end->exit_code,
                                 " after an answer that is no error"));
    }
    return result;
  }

  absl::Status Stream(const EngineRequest& request,
                      const std::function<absl::Status(const Source&)>& take,
                      const std::function<bool()>& stop);

  bool Stopped() const { return options_.stop && options_.stop(); }
  std::string Name() const { return program_.substr(program_.rfind('/') + 1); }
  absl::Status Breach(std::string_view what) const {
    return MakeError(
        {.id = DiagnosticId::kEngineProtocol, .message = absl::StrCat(Name(), ": ", what)});
  }
  Program MakeProgram(const EngineRequest& request) const;
  absl::Status CheckEnd(EngineVerb verb, const ProgramEnd& end) const;

  const std::string program_;
  const PluginOptions options_;
};

Program PluginEngine::MakeProgram(const EngineRequest& request) const {
  EngineRequest with_config = request;
  with_config.config = options_.config;
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!absl::StartsWith(*entry, "DEPS_STATE_DIR=") &&
        !absl::StartsWith(*entry, "DEPS_ENGINE_PROTOCOL=")) {
      environment.emplace_back(*entry);
    }
  }
  environment.push_back(absl::StrCat("DEPS_ENGINE_PROTOCOL=", kEngineProtocol));
  environment.push_back(absl::StrCat("DEPS_STATE_DIR=", options_.state_dir));
  return {.argv = {program_, std::string(EngineVerbNames()[static_cast<size_t>(request.verb)])},
          .environment = std::move(environment),
          .input = FormatRequest(with_config),
          .stop = options_.stop};
}

absl::Status PluginEngine::CheckEnd(EngineVerb verb, const ProgramEnd& end) const {
  if (options_.says && !end.errors.empty()) options_.says(end.errors);
  const std::string_view name = EngineVerbNames()[static_cast<size_t>(verb)];
  switch (end.kind) {
    case ProgramEnd::Kind::kExited:
      break;
    case ProgramEnd::Kind::kTimedOut:
      return Breach(
          absl::StrCat("'", name, "' did not end within ", absl::FormatDuration(options_.timeout)));
    case ProgramEnd::Kind::kStopped:
      return MakeError({.id = DiagnosticId::kInterrupted,
                        .message = absl::StrCat("given up while asking ", Name())});
    case ProgramEnd::Kind::kTooMuchOutput:
      return Breach(absl::StrCat("'", name, "' answers without end"));
  }
  if (!end.output.empty()) return absl::OkStatus();
  if (end.exit_code == 0) return Breach(absl::StrCat("'", name, "' gives no answer"));
  const std::vector<std::string> lines =
      absl::StrSplit(absl::StripTrailingAsciiWhitespace(end.errors), '\n');
  return Breach(absl::StrCat("'", name, "' ends with status ", end.exit_code, " and no answer",
                             lines.back().empty() ? "" : ": ", lines.back().substr(0, 500)));
}

absl::Status PluginEngine::Stream(const EngineRequest& request,
                                  const std::function<absl::Status(const Source&)>& take,
                                  const std::function<bool()>& stop) {
  Lines lines([&](std::string_view line) { return take({Name(), std::string(line)}); });
  Program program = MakeProgram(request);
  program.max_output = kMaxStream;
  program.output = [&](std::string_view bytes) { return lines.Add(bytes); };
  program.stop = stop;
  DEPS_ASSIGN_OR_RETURN(const ProgramEnd end, RunProgram(program));
  if (end.kind == ProgramEnd::Kind::kStopped) return absl::OkStatus();
  if (end.kind == ProgramEnd::Kind::kExited && end.exit_code == 0) return absl::OkStatus();
  return CheckEnd(request.verb, end);
}

absl::Status PluginEngine::Watch(const std::string& run, const std::string& cursor,
                                 const std::function<bool(const EngineStatus&)>& changed) {
  EngineRequest request = {.verb = EngineVerb::kWatch, .ref = run, .cursor = cursor};
  bool enough = false;
  while (!enough && !Stopped()) {
    absl::Time heard = SteadyNow();
    bool progress = false;
    const absl::Status status = Stream(
        request,
        [&](const Source& line) -> absl::Status {
          heard = SteadyNow();
          DEPS_ASSIGN_OR_RETURN(const std::optional<EngineStatus> event, ParseWatchLine(line));
          if (!event.has_value()) return absl::OkStatus();
          progress = true;
          request.cursor = event->cursor;
          const std::string& state = event->workflow.status;
          enough = !changed(*event) || (state != "running" && state != "pending");
          return absl::OkStatus();
        },
        [&] { return enough || Stopped() || SteadyNow() - heard > options_.silence; });
    DEPS_RETURN_IF_ERROR(status);
    // Not in a tight circle with an engine that gives up at once.
    if (!enough && !progress) absl::SleepFor(absl::Seconds(1));
  }
  return absl::OkStatus();
}

absl::Status PluginEngine::Logs(const LogQuery& query,
                                const std::function<absl::Status(const LogLine&)>& line) {
  return Stream(
      {.verb = EngineVerb::kLogs, .logs = query},
      [&](const Source& source) -> absl::Status {
        DEPS_ASSIGN_OR_RETURN(const std::optional<LogLine> event, ParseLogLine(source));
        return event.has_value() ? line(*event) : absl::OkStatus();
      },
      [&] { return Stopped(); });
}

}  // namespace

absl::StatusOr<std::string> FindEngine(
    const std::string& name, const std::string& self,
    const std::function<std::optional<std::string>(std::string_view)>& getenv) {
  const std::vector<std::string> folders = EngineFolders(self, getenv);
  if (IsEngineName(name)) {
    for (const std::string& folder : folders) {
      std::string path = absl::StrCat(folder, "/", kPrefix, name);
      if (IsProgram(path)) return path;
    }
  }
  return MakeError({.id = DiagnosticId::kEngineUnknown,
                    .message = absl::StrCat("there is no engine '", name, "': no program ", kPrefix,
                                            name, " in DEPS_ENGINE_PATH, beside deps-run, in ",
                                            kSystemFolder, " or on PATH"),
                    .hint = absl::StrCat("these are there: ", EnginesIn(folders))});
}

std::unique_ptr<Engine> MakePluginEngine(std::string program, PluginOptions options) {
  return std::make_unique<PluginEngine>(std::move(program), std::move(options));
}

}  // namespace deps
