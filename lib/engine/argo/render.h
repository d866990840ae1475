// A Plan as a Workflow of Argo Workflows.
#ifndef DEPS_LIB_ENGINE_ARGO_RENDER_H_
#define DEPS_LIB_ENGINE_ARGO_RENDER_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "lib/json/json.h"
#include "lib/model/plan.h"

namespace deps {

struct ArgoOptions {
  std::string name;        // Of the resource; "": "deps-" and 12 digits of the plan's digest.
  std::string name_space;  // Of Kubernetes; "" leaves it to whoever submits.
  // Of the workflow that this is a run of; "" and 0 where nobody follows it.
  std::string id;
  int64_t revision = 0;
  int64_t jobs = 0;                // Tasks at a time; 0: no bound.
  int64_t retries = 0;             // Of a task that fails; 0: two where Argo itself failed it.
  int64_t timeout_seconds = 3600;  // Of a task; 0: none.
  bool fail_fast = false;
  // Pods stay after the end, with what they printed.
  bool keep_pods = false;
  // Whose identity fetches secrets, and whose reports results.
  std::string service_account = "deps-runner";
  std::string executor_account = "deps-executor";
  std::string agent_image = "deps-agent:v1";  // A workflow parameter: may be set at submission.
  std::string audience = "vault";             // Of the token by which secrets are fetched.
  size_t max_bytes = 1000000;                 // Of the resource; etcd takes no more.
};

// The resource, as JSON. Equal plans give equal bytes.
//
// Each task that runs is a task of one DAG and a template: the bundle's image
// with deps-agent as its process, which gets the task as base64 (so that Argo
// finds nothing in it to expand) with references to secrets, and fetches them
// itself. Outputs of others that are not sensitive come as input parameters, in
// variables DEPS_INPUT_0, …; sensitive ones are references to their sinks.
// Tasks of action "skip" are not in it; what is taken from them is a parameter
// of the workflow, named as their output, to be given at submission.
//
// Retries and time limits are those of each task: among the defaults of all
// templates they would hold for the DAG too, and run again what has ended well.
//
// Errors, all of them: plan-sink (a sensitive output without a sink);
// secret-reference (a provider that a pod does not have: env, fd, command);
// document-value (no image; sources in a circle); plan-too-large.
absl::StatusOr<JsonText> RenderArgo(const Plan& plan, const ArgoOptions& options);

// The same for people: YAML, with a comment on what has to be there.
absl::StatusOr<std::string> FormatArgo(const Plan& plan, const ArgoOptions& options);

// `id` as a name in Argo: "/" is "--"; letters, digits and a hyphen between two
// of them stay; any other byte, and an "X" in front, is "-X" and two hexadecimal
// digits, with an "X" before that in front. More than 120
// letters become "t-" and 40 digits of their SHA-256. The template's annotation
// cnab-deps/task has the id in any case.
std::string ArgoName(const std::string& id);
// The name of the task's template. It becomes a part of the pod's name, which has
// no capitals: names with some become "t-" and digits as above.
std::string ArgoTemplateName(const std::string& id);
// The id; "" where `name` is none that ArgoName gives, or is a digest.
std::string IdOfArgoName(const std::string& name);

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_ARGO_RENDER_H_
