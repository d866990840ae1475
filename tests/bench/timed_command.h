// A program that is run to its end, and what it cost.
#ifndef DEPS_TESTS_BENCH_TIMED_COMMAND_H_
#define DEPS_TESTS_BENCH_TIMED_COMMAND_H_

#include <sys/types.h>

#include <string>
#include <vector>

namespace deps {

struct Cost {
  bool good = false;     // It ended with status 0.
  double seconds = 0;    // Until its end.
  double processor = 0;  // Seconds of it and of all processes below it.
  double memory = 0;     // Its most, in MB.
};

// Starts a program with standard output going to a file, and standard error to
// another one if there is a name for it. 0 where it cannot be.
pid_t StartCommand(std::vector<std::string> command, const std::string& output,
                   const std::string& errors = "");

// Waits for programs that StartCommand gave, and for all that they left behind.
// `seconds` are counted from `start` (Seconds()) until the last of them ended;
// `memory` is of the first.
Cost WaitForCommands(const std::vector<pid_t>& commands, double start);

// Both for one.
Cost RunCommandTimed(const std::vector<std::string>& command, const std::string& output,
                     const std::string& errors = "");

// Of a clock that only goes on.
double Seconds();

}  // namespace deps

#endif  // DEPS_TESTS_BENCH_TIMED_COMMAND_H_
