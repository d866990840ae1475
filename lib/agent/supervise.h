// Starts a program and stays until it and what it left running are gone.
#ifndef DEPS_LIB_AGENT_SUPERVISE_H_
#define DEPS_LIB_AGENT_SUPERVISE_H_

#include "absl/status/statusor.h"
#include "lib/agent/frame.h"

namespace deps {

// Runs `run.program` with an empty standard input and gives its exit status, 128
// + N after signal N. What it prints on both streams goes to standard output
// without the values that `run.redacted` lists, and to the log of `run.control`;
// that standard output is gone does not end it.
//
// SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 are passed on to its
// process group. Where one that asks to stop ends the program, its own children
// are waited for, as terraform may be one that saves its state; otherwise they
// are killed when the program ends. For use as process 1 of a container; elsewhere
// orphans of the program are adopted.
//
// Takes the values out of `run`: none is left in this process's memory but those
// for redaction. For one thread, once in a process.
// Errors: run-driver where it cannot be started, run-busy where `run.control`
// has seen a start.
absl::StatusOr<int> Supervise(AgentRun run);

}  // namespace deps

#endif  // DEPS_LIB_AGENT_SUPERVISE_H_
