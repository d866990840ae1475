// Keeps known values out of a stream of text.
#ifndef DEPS_LIB_SECRETS_REDACTOR_H_
#define DEPS_LIB_SECRETS_REDACTOR_H_

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "lib/secrets/secret_buffer.h"

namespace deps {

inline constexpr std::string_view kRedacted = "[redacted]";

// Replaces every occurrence of the values in what is written to it, also where
// one is spread over several writes, and where it is spelled in base64 (standard
// or for URLs, wherever in a longer text it begins, in lines of 64 or 76),
// percent-encoded, in hexadecimal digits or as a string of JSON. Of a value of
// several lines each line counts as well. Values shorter than 4 bytes are left,
// as they would turn ordinary text into holes. It is no boundary: a program that
// prints a value in another form (reversed, encrypted) is not noticed.
class Redactor {
 public:
  // Only before the first write.
  void Add(std::string_view value);

  // What can be passed on of all that was written so far; at most the length of
  // the longest value stays behind. O(size) where few values begin with the same
  // byte.
  std::string Write(std::string_view text);
  // The rest, at the end of the stream.
  std::string Finish();

 private:
  void AddPattern(std::string_view pattern);
  void AddForms(std::string_view value);
  std::string Drain(bool all);

  // By their first byte; the longest first.
  std::array<std::vector<SecretBuffer>, 256> patterns_;
  SecretBuffer pending_;
};

}  // namespace deps

#endif  // DEPS_LIB_SECRETS_REDACTOR_H_
