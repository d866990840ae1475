// What deps-run hands to deps-agent on a descriptor, so that no value stands in
// a command line, in a container's configuration or on a disk:
//
//   magic, then records: a letter, then texts, each with its length in front (4
//   bytes, little endian). E name value: a variable. R value: never to be
//   printed. C folder: see control.h. P path: the program. '.': the end.
#ifndef DEPS_LIB_AGENT_FRAME_H_
#define DEPS_LIB_AGENT_FRAME_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/secrets/secret_buffer.h"

namespace deps {

// The descriptor of a frame where the container engine passes one on.
inline constexpr int kFrameDescriptor = 3;

// What the agent starts.
struct AgentRun {
  std::string program = "/cnab/app/run";
  // Besides those of the agent itself, which they replace.
  std::map<std::string, SecretBuffer> environment;
  std::vector<SecretBuffer> redacted;
  std::string control;  // "" for none.
};

SecretBuffer EncodeFrame(const AgentRun& run);

// Reads up to the end of the frame and no further; 64 MiB at most.
// Errors: run-driver.
absl::StatusOr<AgentRun> ReadFrame(int fd);

}  // namespace deps

#endif  // DEPS_LIB_AGENT_FRAME_H_
