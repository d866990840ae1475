// Values of a task's inputs where no deps-run is beside it. Private to this package.
#ifndef DEPS_LIB_AGENT_INPUTS_H_
#define DEPS_LIB_AGENT_INPUTS_H_

#include "absl/status/statusor.h"
#include "lib/model/plan.h"
#include "lib/secrets/reference.h"
#include "lib/secrets/secret_buffer.h"

namespace deps {

// The bytes that a run tool gets: a string's text, else the JSON itself. Secrets
// are fetched now.
// Errors: secret-reference, secret-unavailable; document-value for a malformed
// template or a source that leads to another task.
absl::StatusOr<SecretBuffer> ResolveInput(const ValueSource& source, const Getenv& getenv);

// Whether a value of it must not be seen.
bool HoldsSecret(const ValueSource& source);

}  // namespace deps

#endif  // DEPS_LIB_AGENT_INPUTS_H_
