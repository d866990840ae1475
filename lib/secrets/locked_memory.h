// Memory for secrets: apart from the heap, kept out of swap and core dumps.
#ifndef DEPS_LIB_SECRETS_LOCKED_MEMORY_H_
#define DEPS_LIB_SECRETS_LOCKED_MEMORY_H_

#include <cstddef>

namespace deps {

// At least `size` bytes (not 0), set to zero; ends the process where there is no
// memory. `*capacity` is how many there are. The pages are locked where the
// limit on locked memory (ulimit -l) allows it; they are left out of core dumps
// in any case. For several threads. O(1) up to 64 KiB, above it a system call.
char* AllocateLocked(size_t size, size_t* capacity);

// Overwrites and takes back what AllocateLocked gave.
void FreeLocked(char* bytes, size_t capacity);

}  // namespace deps

#endif  // DEPS_LIB_SECRETS_LOCKED_MEMORY_H_
