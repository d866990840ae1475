// ULIDs: 26 characters that sort by the time at which they were made.
#ifndef DEPS_LIB_STATE_ULID_H_
#define DEPS_LIB_STATE_ULID_H_

#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace deps {

// A new one: milliseconds since 1970 and 80 random bits.
std::string NewUlid();
// That of a time and a seed: the same for the same ones.
std::string UlidOf(absl::Time time, std::string_view seed);
bool IsUlid(std::string_view text);

// Now as RFC 3339 in UTC with milliseconds.
std::string NowText();

}  // namespace deps

#endif  // DEPS_LIB_STATE_ULID_H_
