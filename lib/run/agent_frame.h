// What deps-run hands to deps-agent on an inherited descriptor:
//
//   magic, then per variable: length of the name, name, length of the value,
//   value; then a name of length 0. Lengths have 4 bytes, little endian.
//
// Names no library: the agent is linked to nothing.
#ifndef DEPS_LIB_RUN_AGENT_FRAME_H_
#define DEPS_LIB_RUN_AGENT_FRAME_H_

namespace deps {

inline constexpr char kAgentMagic[] = "deps-agent 1\n";  // Without the NUL.
inline constexpr unsigned long kAgentMagicSize = sizeof(kAgentMagic) - 1;
inline constexpr unsigned long kAgentMaxFrame = 64ul << 20;
inline constexpr int kAgentDescriptor = 3;

}  // namespace deps

#endif  // DEPS_LIB_RUN_AGENT_FRAME_H_
