// That an attempt is started once in a cluster, whatever starts its pod again:
// Argo can make a pod a second time whose end it has not seen.
#ifndef DEPS_LIB_AGENT_FENCE_H_
#define DEPS_LIB_AGENT_FENCE_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "lib/secrets/reference.h"

namespace deps {

// Makes the Lease of Kubernetes that has the name of the pod, DEPS_POD_NAME, which
// is the same in each start of an attempt and another one in each further attempt.
// It goes with the workflow (DEPS_WORKFLOW its name, DEPS_RUN begins with its
// uid), and not with the pod. Does nothing where DEPS_POD_NAME is not set. The
// server is asked again until `deadline` while it does not answer or is busy.
//
// Errors: run-busy where there is such a Lease already; run-driver where the
// server does not allow it or gives no answer; those of KubeAccess::Find.
absl::Status FenceAttempt(const Getenv& getenv, absl::Time deadline);

}  // namespace deps

#endif  // DEPS_LIB_AGENT_FENCE_H_
