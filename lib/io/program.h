// Another program, run to its end: text in, text out, both bounded.
#ifndef DEPS_LIB_IO_PROGRAM_H_
#define DEPS_LIB_IO_PROGRAM_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace deps {

struct Program {
  std::vector<std::string> argv;  // argv[0] is a path.
  // NAME=VALUE, the whole environment; absent: that of this process.
  std::optional<std::vector<std::string>> environment = std::nullopt;
  std::string input = {};
  absl::Duration timeout = absl::InfiniteDuration();
  size_t max_output = size_t{64} << 20;
  // Where it is set it gets standard output as it comes, and ProgramEnd::output
  // stays empty. An error stops the program.
  std::function<absl::Status(std::string_view)> output = nullptr;
  // Asked some ten times a second; true stops the program.
  std::function<bool()> stop = nullptr;
};

struct ProgramEnd {
  enum class Kind { kExited, kTimedOut, kStopped, kTooMuchOutput };
  Kind kind = Kind::kExited;
  int exit_code = 0;   // 128 + N after signal N.
  std::string output;  // Standard output.
  std::string errors;  // The last 64 KiB of standard error.
};

// Runs it in a process group of its own, which is killed where the program does
// not end by itself. Standard input ends after `input`.
// Errors: file-not-found or file-read where it cannot be started; those of
// `output`.
absl::StatusOr<ProgramEnd> RunProgram(const Program& program);

// Whether a path is a regular file that this process may run. A folder may be
// "executable" too.
bool IsProgram(const std::string& path);

}  // namespace deps

#endif  // DEPS_LIB_IO_PROGRAM_H_
