// deps-agent: reads variables from an inherited descriptor and becomes the
// bundle's run tool. So secrets reach the run tool without standing in a command
// line, in the container's configuration or on a disk.
//
// It runs in images that hold nothing else, so it is linked to no library but
// the C library's static one. Exit status 125 says that it did not get to the
// run tool.
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/run/agent_frame.h"

namespace {

constexpr char kRunTool[] = "/cnab/app/run";

[[noreturn]] void Give(const char* what, const char* why) {
  fprintf(stderr, "deps-agent: %s: %s\n", what, why);
  exit(125);
}

void ReadExactly(void* to, unsigned long size) {
  char* at = static_cast<char*>(to);
  while (size > 0) {
    const ssize_t count = read(deps::kAgentDescriptor, at, size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) Give("variables", strerror(errno));
    if (count == 0) Give("variables", "they end too early");
    at += count;
    size -= static_cast<unsigned long>(count);
  }
}

// A text with a NUL byte at its end, which stays for the life of the process.
char* ReadText(uint32_t* size) {
  unsigned char length[4];
  ReadExactly(length, sizeof(length));
  *size = length[0] | length[1] << 8 | length[2] << 16 | uint32_t{length[3]} << 24;
  if (*size > deps::kAgentMaxFrame) Give("variables", "one is too large");
  char* const text = static_cast<char*>(malloc(*size + 1));
  if (text == nullptr) Give("variables", "no memory");
  ReadExactly(text, *size);
  text[*size] = '\0';
  return text;
}

}  // namespace

int main() {
  char magic[deps::kAgentMagicSize];
  ReadExactly(magic, sizeof(magic));
  if (memcmp(magic, deps::kAgentMagic, sizeof(magic)) != 0) {
    Give("variables", "they are of another version");
  }
  while (true) {
    uint32_t size = 0;
    const char* const name = ReadText(&size);
    if (size == 0) break;
    const char* const value = ReadText(&size);
    if (setenv(name, value, 1) != 0) Give(name, strerror(errno));
  }
  close(deps::kAgentDescriptor);
  char* const argv[] = {const_cast<char*>(kRunTool), nullptr};
  execv(kRunTool, argv);
  Give(kRunTool, strerror(errno));
}
