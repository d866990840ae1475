// The engine of deps-engine-argo: a Workflow resource for each run, over the API
// of Kubernetes alone or an Argo Server.
//
// A run is named by its workflow's id and revision, so that a submission that is
// made again finds it; what belongs to it is in the resource: whoever asks later
// needs nothing else.
#ifndef DEPS_LIB_ENGINE_ARGO_ARGO_H_
#define DEPS_LIB_ENGINE_ARGO_ARGO_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/engine/engine.h"
#include "lib/http/http.h"
#include "lib/json/json.h"

namespace deps {

struct ArgoConfig {
  std::string kubeconfig;  // As KubeOptions has it.
  std::string context;
  std::string name_space;  // "": that of the context or pod.
  std::string server;      // Of an Argo Server; "": Kubernetes itself.
  std::string ca_file;     // Trusted for the Argo Server.
  std::string token_file;  // For the Argo Server; "": ARGO_TOKEN, else as for Kubernetes.
  std::string agent_image = "deps-agent:v1";
  std::string service_account = "deps-runner";
  std::string executor_account = "deps-executor";
  std::string audience = "vault";
  // A workflow that runs without any live pod for so long is lost.
  absl::Duration stalled = absl::Minutes(10);
  // Where it is noted since when; "": nothing is lost without Argo saying so.
  std::string state_folder;
};

// Errors: engine-refused.
absl::StatusOr<ArgoConfig> ParseArgoConfig(const JsonText& config, std::string state_folder);

// Asks nobody before it has to. `sleep` is how it waits between tries.
//
// Errors of its members, besides those of Engine, for Render and Submit: those of
// RenderArgo as engine-unsupported, and mistakes of a kubeconfig as
// engine-refused, each with its place in the message.
std::unique_ptr<Engine> MakeArgoEngine(ArgoConfig config, http::GetEnv getenv,
                                       std::function<void(absl::Duration)> sleep);

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_ARGO_ARGO_H_
