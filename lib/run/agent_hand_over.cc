#include "lib/run/agent_hand_over.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/agent/control.h"
#include "lib/agent/frame.h"
#include "lib/base/status_macros.h"
#include "lib/base/steady_clock.h"
#include "lib/diag/diagnostic.h"
#include "lib/state/fault_point.h"

namespace deps {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(50);
constexpr absl::Duration kAliveEvery = absl::Milliseconds(500);

AgentRun AgentRunOf(const BundleRun& run) {
  AgentRun agent = {.control = kControlInContainer};
  for (const auto& [name, value] : run.environment) agent.environment[name] = value.Copy();
  for (const SecretBuffer& value : run.redacted) agent.redacted.push_back(value.Copy());
  return agent;
}

// Whether the run goes on. What the engine says comes late: a container whose
// agent has begun may be one that was only made, as far as it knows, and one that
// it does not know may be about to begin.
bool GoesOn(const std::string& control, absl::FunctionRef<bool()> alive) {
  if (AgentLives(control) || alive()) return true;
  return !KeepFromStarting(control) && AgentLives(control);
}

}  // namespace

absl::StatusOr<int> HandOver(const BundleRun& run) {
  const SecretBuffer frame = EncodeFrame(AgentRunOf(run));
  const int fd = memfd_create("deps-agent", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  std::string_view rest = frame.view();
  while (fd >= 0 && !rest.empty()) {
    const ssize_t count = write(fd, rest.data(), rest.size());
    if (count < 0 && errno != EINTR) break;
    if (count > 0) rest.remove_prefix(static_cast<size_t>(count));
  }
  if (rest.empty() && lseek(fd, 0, SEEK_SET) == 0 &&
      fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0) {
    return fd;
  }
  const int error = errno;
  if (fd >= 0) close(fd);
  return MakeError({.id = DiagnosticId::kRunDriver,
                    .message = absl::StrCat("no file in memory: ", strerror(error))});
}

absl::StatusOr<std::optional<RunEnd>> FollowAgent(const Traces& traces, const RunWatch& watch,
                                                  absl::FunctionRef<bool()> alive,
                                                  absl::FunctionRef<void(int signal)> send) {
  const std::string control = absl::StrCat(traces.folder, "/control");
  ControlLogReader log(control);
  const auto pass_on = [&] {
    for (std::string text = log.Next(); !text.empty(); text = log.Next()) {
      if (watch.output) watch.output(text);
    }
  };
  RunEnd end;
  absl::Time kill_at = absl::InfiniteFuture();
  absl::Time next_alive = absl::InfinitePast();
  bool alive_before = true;
  FaultPoint("attached");
  while (true) {
    DEPS_ASSIGN_OR_RETURN(const std::optional<int> exit_code, ReadExit(control));
    pass_on();
    if (exit_code.has_value()) {
      FaultPoint("left");
      end.exit_code = *exit_code;
      return end;
    }
    // It may have ended between the two questions: its word counts for more.
    if (!alive_before) break;
    const absl::Time now = SteadyNow();
    if (now >= next_alive) {
      alive_before = GoesOn(control, alive);
      next_alive = now + kAliveEvery;
    }
    const int wanted = watch.stop ? watch.stop() : 0;
    if (wanted >= kLeaveRunning) {
      end.kind = RunEnd::Kind::kLeft;
      return end;
    }
    if (end.kind == RunEnd::Kind::kExited && (wanted > 0 || now >= watch.deadline)) {
      end.kind = wanted > 0 ? RunEnd::Kind::kStopped : RunEnd::Kind::kTimedOut;
      kill_at = now + watch.grace;
      send(SIGTERM);
    }
    if (end.kind != RunEnd::Kind::kExited && (wanted > 1 || now >= kill_at)) {
      kill_at = absl::InfiniteFuture();
      send(SIGKILL);
    }
    if (alive_before) absl::SleepFor(kTick);
  }
  if (end.kind == RunEnd::Kind::kExited) return std::nullopt;
  end.exit_code = 128 + SIGKILL;
  return end;
}

}  // namespace deps
