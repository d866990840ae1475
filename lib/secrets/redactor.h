// Keeps known values out of a stream of text.
#ifndef DEPS_LIB_SECRETS_REDACTOR_H_
#define DEPS_LIB_SECRETS_REDACTOR_H_

#include <string>
#include <string_view>
#include <vector>

#include "lib/secrets/secret_buffer.h"

namespace deps {

inline constexpr std::string_view kRedacted = "[redacted]";

// Replaces every occurrence of the values in what is written to it, also where
// one is spread over several writes. Values shorter than 4 bytes are left, as
// they would turn ordinary text into holes; of a value of several lines each
// line counts as well. It is no boundary: a program that prints a value in
// another form (reversed, encrypted) is not noticed.
class Redactor {
 public:
  // Only before the first write.
  void Add(std::string_view value);

  // What can be passed on of all that was written so far; at most the length of
  // the longest value stays behind. O(size * distinct first bytes' values).
  std::string Write(std::string_view text);
  // The rest, at the end of the stream.
  std::string Finish();

 private:
  std::string Drain(bool all);

  std::vector<SecretBuffer> values_;  // The longest first.
  SecretBuffer pending_;
};

}  // namespace deps

#endif  // DEPS_LIB_SECRETS_REDACTOR_H_
