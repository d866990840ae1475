#include "lib/run/runc_driver.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/agent/control.h"
#include "lib/agent/frame.h"
#include "lib/base/status_macros.h"
#include "lib/base/steady_clock.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"
#include "lib/json/json.h"
#include "lib/run/agent_hand_over.h"
#include "lib/run/child.h"
#include "lib/run/image_name.h"
#include "lib/run/image_root.h"
#include "lib/run/runc_config.h"

namespace deps {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(1);
constexpr std::string_view kRootName = "/cnab-deps-root-";

absl::Status Trouble(std::string_view what, std::string_view why) {
  return MakeError(
      {.id = DiagnosticId::kRunDriver, .message = absl::StrCat("'", what, "': ", why)});
}

// The three things that a run has in its folder in memory.
std::string StateOf(const Traces& traces) { return absl::StrCat(traces.folder, "/runc"); }
std::string BundleOf(const Traces& traces) { return absl::StrCat(traces.folder, "/container"); }
std::string LinkToRoot(const Traces& traces) { return absl::StrCat(traces.folder, "/rootfs"); }

// A new folder on disk, noted in memory before anything is in it.
absl::StatusOr<std::string> MakeRoot(const Traces& traces) {
  const char* const temporary = std::getenv("TMPDIR");
  std::string path = absl::StrCat(temporary == nullptr || *temporary == 0 ? "/tmp" : temporary,
                                  kRootName, "XXXXXX");
  if (mkdtemp(path.data()) == nullptr) return Trouble(path, strerror(errno));
  if (symlink(path.c_str(), LinkToRoot(traces).c_str()) != 0) {
    const int error = errno;
    rmdir(path.c_str());
    return Trouble(path, strerror(error));
  }
  // Any user of the container may enter it; what is above keeps others out.
  const std::string root = absl::StrCat(path, "/root");
  if (mkdir(root.c_str(), 0755) != 0) return Trouble(root, strerror(errno));
  return root;
}

void RemoveRoot(const Traces& traces) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::read_symlink(LinkToRoot(traces), error);
  struct stat info = {};
  if (error || !absl::StrContains(path.string(), kRootName) || lstat(path.c_str(), &info) != 0 ||
      !S_ISDIR(info.st_mode) || info.st_uid != geteuid()) {
    return;
  }
  std::filesystem::remove_all(path, error);
  std::filesystem::remove(LinkToRoot(traces), error);
}

std::vector<SecretBuffer> PlainEnvironment() {
  std::vector<SecretBuffer> environment;
  for (SecretBuffer& variable : InheritedEnvironment()) {
    const std::string_view name = variable.view().substr(0, variable.view().find('='));
    if (name == "PATH" || name == "XDG_RUNTIME_DIR") environment.push_back(std::move(variable));
  }
  return environment;
}

Traces TracesOf(const BundleRun& run) {
  return {.folder = std::string(absl::StripSuffix(run.root, "/root")), .container = run.name};
}

}  // namespace

absl::StatusOr<std::string> RuncDriver::Ask(const Traces& traces,
                                            std::vector<std::string> arguments) const {
  std::vector<std::string> argv = {program_, "--root", StateOf(traces)};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return OutputOf({.argv = std::move(argv), .environment = PlainEnvironment()},
                  {.deadline = SteadyNow() + kPatience});
}

absl::Status RuncDriver::Prepare(const BundleRun& run, const RunWatch& watch,
                                 const Traces& traces) {
  DEPS_ASSIGN_OR_RETURN(const ImageNames names, NamesOfImage(run.bundle, options_.mapping));
  if (names.digest.empty() && watch.output) {
    watch.output(absl::StrCat("deps-run: the bundle does not say which digest image '",
                              names.candidates[0], "' must have\n"));
  }
  DEPS_ASSIGN_OR_RETURN(const std::string root, MakeRoot(traces));
  ContainerConfig config = {
      .arguments = {kAgentInContainer, absl::StrCat("--frame=", kFrameDescriptor)},
      .root = root,
      .name = run.name,
      .rootless = geteuid() != 0,
      .host_uid = geteuid(),
      .host_gid = getegid()};
  DEPS_ASSIGN_OR_RETURN(config.settings, UnpackImage(names, *registry_, cache_, root));
  DEPS_ASSIGN_OR_RETURN(config.user, FindUser(config.settings.user, root));
  config.mounts = {{options_.agent, kAgentInContainer, false},
                   {run.control, kControlInContainer},
                   {absl::StrCat(run.root, "/cnab/app/outputs"), "/cnab/app/outputs"}};
  for (const std::string& path : run.files) {
    config.mounts.push_back({absl::StrCat(run.root, path), path});
  }
  for (const std::string& folder : {StateOf(traces), BundleOf(traces)}) {
    if (mkdir(folder.c_str(), 0700) != 0) return Trouble(folder, strerror(errno));
  }
  return WriteFile(absl::StrCat(BundleOf(traces), "/config.json"), FormatContainerConfig(config),
                   0600);
}

absl::Status RuncDriver::CheckBundle(const Bundle& bundle) const {
  return NamesOfImage(bundle, options_.mapping).status();
}

absl::StatusOr<RunEnd> RuncDriver::Run(const BundleRun& run, const RunWatch& watch) {
  const Traces traces = TracesOf(run);
  bool left = false;
  const absl::Cleanup remove_root = [&] {
    if (!left) RemoveRoot(traces);
  };
  DEPS_RETURN_IF_ERROR(Prepare(run, watch, traces));
  DEPS_ASSIGN_OR_RETURN(const int frame, HandOver(run));
  const absl::Cleanup closer = [frame] { close(frame); };
  const ChildSpec spec = {.argv = {program_, "--root", StateOf(traces), "run", "--preserve-fds=1",
                                   "--bundle", BundleOf(traces), run.name},
                          .environment = PlainEnvironment(),
                          .inherited = frame,
                          .container = run.name,
                          .signal_group = false};
  absl::StatusOr<RunEnd> end = RunChild(spec, watch);
  left = end.ok() && end->kind == RunEnd::Kind::kLeft;
  if (left) return end;
  const absl::Status removed = Ask(traces, {"delete", "--force", run.name}).status();
  if (!end.ok()) return end;
  DEPS_RETURN_IF_ERROR(removed);
  DEPS_ASSIGN_OR_RETURN(const std::optional<int> exit_code, ReadExit(run.control));
  if (exit_code.has_value()) {
    end->exit_code = *exit_code;
  } else if (end->kind == RunEnd::Kind::kExited &&
             access(absl::StrCat(run.control, "/started").c_str(), F_OK) != 0) {
    return Trouble(program_, "could not start the container; the task's log tells why");
  }
  return end;
}

bool RuncDriver::IsRunning(const Traces& traces) const {
  const absl::StatusOr<std::string> state = Ask(traces, {"state", traces.container});
  if (!state.ok()) return false;
  const Source source = {.name = "runc state", .text = *state};
  const absl::StatusOr<json::Value> value = json::Parse(source);
  const json::Value* const status = value.ok() ? value->Find("status") : nullptr;
  return status != nullptr && status->text == "running";
}

absl::StatusOr<std::optional<RunEnd>> RuncDriver::Attach(const Traces& traces,
                                                         const RunWatch& watch) {
  if (traces.container.empty()) return std::nullopt;
  KillSession(traces.process, traces.start_time);
  const auto send = [&](int signal) {
    // A container that is gone by now needs no signal.
    static_cast<void>(Ask(traces, {"kill", traces.container, absl::StrCat(signal)}));
  };
  DEPS_ASSIGN_OR_RETURN(const std::optional<RunEnd> end,
                        FollowAgent(
                            traces, watch, [&] { return IsRunning(traces); }, send));
  if (end.has_value() && end->kind != RunEnd::Kind::kLeft) DEPS_RETURN_IF_ERROR(CleanUp(traces));
  return end;
}

absl::Status RuncDriver::CleanUp(const Traces& traces) {
  if (traces.folder.empty()) return absl::OkStatus();
  KillSession(traces.process, traces.start_time);
  if (!traces.container.empty() && access(StateOf(traces).c_str(), F_OK) == 0) {
    DEPS_RETURN_IF_ERROR(Ask(traces, {"delete", "--force", traces.container}).status());
  }
  RemoveRoot(traces);
  return absl::OkStatus();
}

}  // namespace deps
