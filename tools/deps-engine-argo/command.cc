#include "tools/deps-engine-argo/command.h"

#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "lib/base/status_macros.h"
#include "lib/engine/argo/argo.h"
#include "lib/engine/serve.h"

namespace deps {

ExitCode RunDepsEngineArgo(absl::Span<const std::string> args, const Env& env) {
  CommandSpec spec = {
      .name = "deps-engine-argo",
      .summary = "run plans on Argo Workflows, for deps-run --engine argo",
      .description =
          "Each run becomes one Workflow, in which each task of the plan is a task of one DAG "
          "and a pod with the bundle's image. What `render` shows besides (`manifests.yaml`) is "
          "what the namespace needs once: service accounts, roles and a network policy.\n\n"
          "The settings, a JSON file that --engine-config of deps-run names, may hold: "
          "`kubeconfig`, `context` and `namespace`, by default as kubectl has them, and in a pod "
          "those of the pod; `server`, the URL of an Argo Server that is asked instead of "
          "Kubernetes, with `caFile` and `tokenFile`; `agentImage`, the image with deps-agent; "
          "`serviceAccount`, whose identity fetches secrets, `executorAccount`, whose identity "
          "reports results, and `audience` of the token by which secrets are fetched; "
          "`stalledMinutes`, after which a workflow that runs without a live pod counts as "
          "lost.\n\n"
          "A workflow holds references to secrets and never a value: deps-agent fetches them in "
          "the pod, under the pod's own identity. Sensitive outputs go to the sink that the plan "
          "names; a plan with such an output and no sink is refused. The driver of a plan does "
          "not count here: Argo starts the containers.",
      .environment =
          {"KUBECONFIG               files, as kubectl has them",
           "KUBERNETES_SERVICE_HOST  set in a pod, where its service account is used",
           "ARGO_TOKEN               for an Argo Server, if no tokenFile is given",
           "HTTPS_PROXY, NO_PROXY    as usual",
           "DEPS_STATE_DIR           where it is noted since when a workflow has no live pod"},
      .see_also = {"kubectl(1)", "argo(1)"},
  };
  return ServeEngine(
      std::move(spec), args, env,
      [](const JsonText& config, const Env& env) -> absl::StatusOr<std::unique_ptr<Engine>> {
        DEPS_ASSIGN_OR_RETURN(ArgoConfig argo,
                              ParseArgoConfig(config, env.getenv("DEPS_STATE_DIR").value_or("")));
        return MakeArgoEngine(std::move(argo), env.getenv, absl::SleepFor);
      });
}

}  // namespace deps
