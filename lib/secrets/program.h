// Programs that are asked for secrets.
#ifndef DEPS_LIB_SECRETS_PROGRAM_H_
#define DEPS_LIB_SECRETS_PROGRAM_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/secrets/reference.h"
#include "lib/secrets/secret_buffer.h"

namespace deps {

// What program `words[0]` (on $PATH) prints, kMaxAnswer bytes at most, given
// `input` on standard input. What it says on standard error is dropped, as that
// may hold a value. When patience ends it is killed with all that it started.
// Errors: secret-unavailable, with `reference`, also where it ends with another
// status than 0.
absl::StatusOr<SecretBuffer> AskProgram(std::string_view reference,
                                        const std::vector<std::string>& words,
                                        std::string_view input, const Patience& patience);

// Reads a descriptor to its end.
absl::Status ReadToEnd(std::string_view reference, int fd, const Patience& patience,
                       size_t max_bytes, SecretBuffer* out);

// deps-secret-NAME programs: JSON on standard input and output. README: the
// manual page of deps-run.
//   get  {"apiVersion":"cnab-deps/secret/v1","refs":[{"id":"0","locator":L,"field":F,"version":V}]}
//        -> {"values":[{"id":"0","base64":"…"}]}
//   put  {"apiVersion":…,"values":[{"id":"0","locator":L,"field":F,"base64":"…"}]}
//        -> {"refs":[{"id":"0","locator":L,"field":F,"version":V}]}
// or {"error":{"code":"…","message":"…"}}; a message must not hold a value.
absl::StatusOr<SecretBuffer> GetFromPlugin(std::string_view text, const SecretReference& reference,
                                           const Patience& patience);
absl::StatusOr<std::string> PutToPlugin(std::string_view text, const SecretReference& reference,
                                        std::string_view value, const Patience& patience);
bool HasPlugin(const std::string& provider);

}  // namespace deps

#endif  // DEPS_LIB_SECRETS_PROGRAM_H_
