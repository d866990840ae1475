#include "lib/run/engine_driver.h"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "lib/agent/control.h"
#include "lib/agent/frame.h"
#include "lib/base/status_macros.h"
#include "lib/base/steady_clock.h"
#include "lib/diag/diagnostic.h"
#include "lib/run/agent_hand_over.h"
#include "lib/run/child.h"
#include "lib/state/owner.h"

namespace deps {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(1);
// How long Docker's daemon may take to make a container.
constexpr absl::Duration kForCreation = absl::Seconds(2);
// What both engines exit with where they, not the container, failed.
constexpr int kEngineFailed = 125;

absl::Status Trouble(std::string message, std::string hint = "") {
  return MakeError(
      {.id = DiagnosticId::kRunDriver, .message = std::move(message), .hint = std::move(hint)});
}

// What an engine is set up by, and nothing that is a task's.
bool IsEngineVariable(std::string_view name) {
  for (const std::string_view exact :
       {"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LANG", "REGISTRY_AUTH_FILE",
        "DBUS_SESSION_BUS_ADDRESS", "SSH_AUTH_SOCK", "NO_PROXY", "no_proxy"}) {
    if (name == exact) return true;
  }
  for (const std::string_view prefix : {"XDG_", "CONTAINERS_", "CONTAINER_", "_CONTAINERS_",
                                        "DOCKER_", "PODMAN_", "STORAGE_", "LC_", "SSL_CERT_"}) {
    if (absl::StartsWith(name, prefix)) return true;
  }
  return absl::EndsWith(name, "_PROXY") || absl::EndsWith(name, "_proxy");
}

std::vector<SecretBuffer> EngineEnvironment(const std::set<std::string>& withheld) {
  std::vector<SecretBuffer> environment;
  for (SecretBuffer& variable : InheritedEnvironment()) {
    const std::string name(variable.view().substr(0, variable.view().find('=')));
    if (IsEngineVariable(name) && !withheld.contains(name)) {
      environment.push_back(std::move(variable));
    }
  }
  return environment;
}

// A field of a --mount option, which is a line of CSV.
std::string MountField(std::string_view key, std::string_view value) {
  const std::string field = absl::StrCat(key, "=", value);
  if (field.find_first_of(",\"") == std::string::npos) return field;
  return absl::StrCat("\"", absl::StrReplaceAll(field, {{"\"", "\"\""}}), "\"");
}

}  // namespace

absl::StatusOr<std::string> EngineDriver::Ask(std::vector<std::string> arguments,
                                              const RunWatch& watch) const {
  arguments.insert(arguments.begin(), program_);
  return OutputOf({.argv = std::move(arguments), .environment = EngineEnvironment({})}, watch);
}

absl::Status EngineDriver::CheckDigest(const std::string& image, const std::string& digest,
                                       const RunWatch& watch) const {
  // A name with a digest names nothing else.
  if (digest.empty() || absl::EndsWith(image, absl::StrCat("@", digest))) return absl::OkStatus();
  DEPS_ASSIGN_OR_RETURN(const std::string digests,
                        Ask({"image", "inspect", "--format={{json .RepoDigests}}", image}, watch));
  if (absl::StrContains(digests, absl::StrCat("@", digest, "\""))) return absl::OkStatus();
  return MakeError({.id = DiagnosticId::kDigestMismatch,
                    .message = absl::StrCat("image '", image,
                                            "' is not the one that the bundle "
                                            "names: that has the digest ",
                                            digest)});
}

absl::StatusOr<std::string> EngineDriver::Fetch(const Bundle& bundle, const RunWatch& watch) const {
  DEPS_ASSIGN_OR_RETURN(const ImageNames names, NamesOfImage(bundle, options_.mapping));
  if (names.digest.empty() && watch.output) {
    watch.output(absl::StrCat("deps-run: the bundle does not say which digest image '",
                              names.candidates[0], "' must have\n"));
  }
  for (const std::string& image : names.candidates) {
    if (!Ask({"image", "inspect", "--format=.", image}, watch).ok()) continue;
    if (CheckDigest(image, names.digest, watch).ok()) return image;
  }
  absl::Status first;
  for (const std::string& image : names.candidates) {
    std::vector<std::string> arguments = {"pull", "--quiet"};
    // Docker asks registries of this machine over HTTP by itself.
    if (kind_ == Kind::kPodman && IsLoopback(image)) arguments.push_back("--tls-verify=false");
    arguments.push_back(image);
    absl::Status pulled = Ask(std::move(arguments), watch).status();
    if (pulled.ok()) pulled = CheckDigest(image, names.digest, watch);
    if (pulled.ok()) return image;
    if (first.ok()) first = WithContext(pulled, absl::StrCat("image '", image, "'"));
  }
  return first;
}

std::vector<std::string> EngineDriver::RunArguments(const BundleRun& run,
                                                    const std::string& image) const {
  // The engine's own logs would keep what the run tool prints.
  std::vector<std::string> arguments = {program_,
                                        "run",
                                        "--rm",
                                        "--name",
                                        run.name,
                                        "--pull=never",
                                        "--log-driver=none",
                                        "--entrypoint",
                                        kAgentInContainer};
  arguments.push_back(kind_ == Kind::kPodman ? "--preserve-fds=1" : "--interactive");
  // With --volume, Docker would make again what is removed where a run is given up
  // that has yet to begin, and the run would begin all the same.
  const auto mount = [&arguments](std::string_view from, std::string_view to,
                                  std::string_view mode = "") {
    arguments.push_back(absl::StrCat("--mount=type=bind,", MountField("source", from), ",",
                                     MountField("target", to), mode));
  };
  mount(options_.agent, kAgentInContainer, ",readonly");
  mount(run.control, kControlInContainer);
  mount(absl::StrCat(run.root, "/cnab/app/outputs"), "/cnab/app/outputs");
  for (const std::string& path : run.files) mount(absl::StrCat(run.root, path), path);
  arguments.push_back(image);
  const int frame = kind_ == Kind::kPodman ? kFrameDescriptor : 0;
  arguments.push_back(absl::StrCat("--frame=", frame));
  return arguments;
}

absl::Status EngineDriver::CheckBundle(const Bundle& bundle) const {
  return NamesOfImage(bundle, options_.mapping).status();
}

absl::StatusOr<RunEnd> EngineDriver::Run(const BundleRun& run, const RunWatch& watch) {
  DEPS_ASSIGN_OR_RETURN(const std::string image, Fetch(run.bundle, watch));
  DEPS_ASSIGN_OR_RETURN(const int frame, HandOver(run));
  const absl::Cleanup closer = [frame] { close(frame); };
  ChildSpec spec = {.argv = RunArguments(run, image),
                    .environment = EngineEnvironment(run.withheld),
                    .container = run.name,
                    .signal_group = false};
  (kind_ == Kind::kPodman ? spec.inherited : spec.input) = frame;
  absl::StatusOr<RunEnd> end = RunChild(spec, watch);
  if (!end.ok()) return end;
  if (end->kind == RunEnd::Kind::kLeft) return end;
  if (end->kind != RunEnd::Kind::kExited) {
    // The client was killed with its container still there.
    DEPS_RETURN_IF_ERROR(Remove(run.name));
  } else if (end->exit_code == kEngineFailed) {
    return Trouble(absl::StrCat("'", program_, "' could not start image '", image,
                                "'; the task's log tells why"));
  }
  return end;
}

std::string EngineDriver::StatusOf(const std::string& container) const {
  const absl::StatusOr<std::string> status =
      Ask({"container", "inspect", "--format={{.State.Status}}", container},
          {.deadline = SteadyNow() + kPatience});
  return status.ok() ? std::string(absl::StripAsciiWhitespace(*status)) : "";
}

int64_t EngineDriver::UnnotedProcess(const Traces& traces) const {
  if (kind_ != Kind::kPodman) return 0;
  if (access(absl::StrCat(traces.folder, "/control/started").c_str(), F_OK) != 0) return 0;
  const absl::StatusOr<std::string> answer =
      Ask({"container", "inspect", "--format={{.State.Status}} {{.State.Pid}}", traces.container},
          {.deadline = SteadyNow() + kPatience});
  if (!answer.ok()) return 0;
  std::string_view number = absl::StripAsciiWhitespace(*answer);
  if (!absl::ConsumePrefix(&number, "initialized ") && !absl::ConsumePrefix(&number, "created ")) {
    return 0;
  }
  int64_t process = 0;
  if (!absl::SimpleAtoi(number, &process) || process <= 1) return 0;
  return StartTimeOf(process) == 0 ? 0 : process;
}

absl::StatusOr<std::optional<RunEnd>> EngineDriver::Attach(const Traces& traces,
                                                           const RunWatch& watch) {
  if (traces.container.empty()) return std::nullopt;
  // The engine's client may still live, if only for a moment.
  KillSession(traces.process, traces.start_time);
  const auto alive = [&] {
    return StatusOf(traces.container) == "running" || UnnotedProcess(traces) != 0;
  };
  const auto send = [&](int signal) {
    if (const int64_t process = UnnotedProcess(traces); process != 0) {
      kill(static_cast<pid_t>(process), signal);
      return;
    }
    // A container that is gone by now needs no signal.
    static_cast<void>(Ask({"kill", absl::StrCat("--signal=", signal), traces.container},
                          {.deadline = SteadyNow() + kPatience}));
  };
  DEPS_ASSIGN_OR_RETURN(const std::optional<RunEnd> end, FollowAgent(traces, watch, alive, send));
  if (end.has_value() && end->kind != RunEnd::Kind::kLeft) DEPS_RETURN_IF_ERROR(CleanUp(traces));
  return end;
}

absl::Status EngineDriver::CleanUp(const Traces& traces) {
  if (traces.container.empty()) return absl::OkStatus();
  KillSession(traces.process, traces.start_time);
  // A client that was killed may have asked Docker for a container that is yet to
  // be made. It will never begin; it is waited for, so that it does not stay.
  if (kind_ == Kind::kDocker && KeepFromStarting(absl::StrCat(traces.folder, "/control"))) {
    const absl::Time end = SteadyNow() + kForCreation;
    while (StatusOf(traces.container).empty() && SteadyNow() < end) {
      absl::SleepFor(absl::Milliseconds(100));
    }
  }
  return Remove(traces.container);
}

absl::Status EngineDriver::Remove(const std::string& container) const {
  std::vector<std::string> arguments = {"rm", "--force"};
  if (kind_ == Kind::kPodman) {
    arguments.insert(arguments.end(), {"--ignore", "--time=0"});
  }
  arguments.push_back(container);
  // Docker fails where there is no such container, and where it is removing it
  // already, as it does with one that has ended.
  const absl::Time end = SteadyNow() + kPatience;
  while (true) {
    const absl::Status removed = Ask(arguments, {.deadline = end}).status();
    if (removed.ok() || kind_ == Kind::kPodman || SteadyNow() > end) return removed;
    if (StatusOf(container).empty()) return absl::OkStatus();
    absl::SleepFor(absl::Milliseconds(100));
  }
}

}  // namespace deps
