// What deps-agent leaves in a folder that it shares with whoever started it:
//
//   started    made once: a second start in the same folder is refused; locked
//              as long as the agent lives; empty where none is to start any more
//   log        what the run tool printed, redacted; at most kMaxControlLog bytes
//   exit       how it ended: the exit status as a decimal number and a newline
//
// The run tool can reach the folder too: whoever reads it trusts no file type,
// no size and no link in it.
#ifndef DEPS_LIB_AGENT_CONTROL_H_
#define DEPS_LIB_AGENT_CONTROL_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace deps {

inline constexpr size_t kMaxControlLog = size_t{8} << 20;

// That an agent lives, for as long as the object does. Not passed on by exec.
class StartMark {
 public:
  explicit StartMark(int fd) : fd_(fd) {}
  ~StartMark();
  StartMark(StartMark&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  StartMark& operator=(StartMark&&) = delete;

 private:
  int fd_;
};

// Errors: run-busy where the folder has seen a start or is kept from one;
// run-driver.
absl::StatusOr<StartMark> MarkStarted(const std::string& control);
// Whether no agent has started in the folder; if so, none ever will.
bool KeepFromStarting(const std::string& control);
// Whether one has started and still lives, in whatever container.
bool AgentLives(const std::string& control);
absl::Status LeaveExit(const std::string& control, int exit_code);
// Absent where there is none (yet). Errors: run-driver where it is malformed.
absl::StatusOr<std::optional<int>> ReadExit(const std::string& control);

// Writes to the log up to its limit, and says in it where that is reached.
class ControlLog {
 public:
  explicit ControlLog(const std::string& control);
  ~ControlLog();
  ControlLog(const ControlLog&) = delete;
  ControlLog& operator=(const ControlLog&) = delete;
  void Write(std::string_view text);

 private:
  int fd_ = -1;
  size_t left_ = kMaxControlLog;
};

// Reads what has been added to the log since the last call.
class ControlLogReader {
 public:
  explicit ControlLogReader(std::string control) : control_(std::move(control)) {}
  ~ControlLogReader();
  ControlLogReader(const ControlLogReader&) = delete;
  ControlLogReader& operator=(const ControlLogReader&) = delete;
  // At most 64 KiB; "" where there is nothing new.
  std::string Next();

 private:
  const std::string control_;
  int fd_ = -1;
  size_t read_ = 0;
};

}  // namespace deps

#endif  // DEPS_LIB_AGENT_CONTROL_H_
