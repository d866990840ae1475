#include "tests/bench/timed_command.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "absl/cleanup/cleanup.h"

extern char** environ;

namespace deps {
namespace {

double InSeconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

double ProcessorOfChildren() {
  rusage usage = {};
  getrusage(RUSAGE_CHILDREN, &usage);
  return InSeconds(usage.ru_utime) + InSeconds(usage.ru_stime);
}

}  // namespace

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

pid_t StartCommand(std::vector<std::string> command, const std::string& output,
                   const std::string& errors) {
  // What outlives a command is waited for here, so that its time counts.
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  std::vector<char*> arguments;
  for (std::string& argument : command) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const absl::Cleanup destroy = [&] { posix_spawn_file_actions_destroy(&actions); };
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (!errors.empty()) {
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
  }
  pid_t child = 0;
  return posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ) == 0
             ? child
             : 0;
}

Cost WaitForCommands(const std::vector<pid_t>& commands, double start) {
  Cost cost = {.good = std::count(commands.begin(), commands.end(), 0) == 0};
  const double before = ProcessorOfChildren();
  rusage usage = {};
  int status = 0;
  for (pid_t ended = wait4(-1, &status, 0, &usage); ended > 0;
       ended = wait4(-1, &status, 0, &usage)) {
    if (std::find(commands.begin(), commands.end(), ended) == commands.end()) continue;
    cost.seconds = Seconds() - start;
    cost.good = cost.good && status == 0;
    if (ended != commands.front()) continue;
    cost.memory = static_cast<double>(usage.ru_maxrss) / 1024;
  }
  cost.processor = ProcessorOfChildren() - before;
  return cost;
}

Cost RunCommandTimed(const std::vector<std::string>& command, const std::string& output,
                     const std::string& errors) {
  const double start = Seconds();
  return WaitForCommands({StartCommand(command, output, errors)}, start);
}

}  // namespace deps
