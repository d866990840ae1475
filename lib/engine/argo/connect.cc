#include "lib/engine/argo/connect.h"

#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/io/file.h"
#include "lib/secrets/secret_buffer.h"

namespace deps {
namespace {

// For programs that give credentials.
constexpr absl::Duration kCredentialTime = absl::Seconds(45);
constexpr int kConnectSeconds = 10;
constexpr int kStallSeconds = 30;
constexpr size_t kMaxToken = size_t{1} << 20;

// A message with the place in front: the protocol has no other room for it.
absl::Status OfEngine(const absl::Status& status) {
  if (status.ok()) return status;
  const Diagnostic first = DiagnosticsOf(status).front();
  std::string place = first.location.file;
  if (first.location.line > 0) {
    absl::StrAppend(&place, ":", first.location.line, ":", first.location.column);
  }
  const bool denied = first.id == DiagnosticId::kSecretUnavailable;
  return MakeError(
      {.id = denied ? DiagnosticId::kEngineDenied : DiagnosticId::kEngineRefused,
       .message = absl::StrCat(place, place.empty() ? "" : ": ", first.message),
       .hint = first.id == DiagnosticId::kFileNotFound
                   ? "this is no pod; 'kubeconfig' in the engine's settings or KUBECONFIG names "
                     "a file"
                   : first.hint});
}

// "Bearer …" of a text that may have that in front already.
SecretBuffer Header(SecretBuffer token) {
  token.Truncate(absl::StripTrailingAsciiWhitespace(token.view()).size());
  if (token.empty() || absl::StartsWith(token.view(), "Bearer ")) return token;
  SecretBuffer header("Bearer ");
  header.Append(token.view());
  return header;
}

absl::StatusOr<SecretBuffer> ReadToken(const std::string& path) {
  absl::StatusOr<Source> source = ReadFile(path, kMaxToken);
  if (source.ok()) return Header(SecretBuffer::Take(&source->text));
  return MakeError({.id = DiagnosticId::kEngineDenied,
                    .message = absl::StrCat("cannot read the token in '", path, "'")});
}

ArgoEndpoint EndpointOfKube(KubeAccess& kube) {
  return {.url = kube.server(),
          .http = kube.http(),
          .authorization = [&kube](bool refused) -> absl::StatusOr<SecretBuffer> {
            absl::StatusOr<SecretBuffer> header =
                kube.Authorization(refused, absl::Now() + kCredentialTime);
            if (header.ok()) return header;
            return OfEngine(header.status());
          }};
}

// An Argo Server gets what is meant for it, or the token of Kubernetes, which it
// passes on; never a client certificate for Kubernetes.
ArgoEndpoint EndpointOfServer(const ArgoConfig& config, const http::GetEnv& getenv,
                              KubeAccess* kube) {
  ArgoEndpoint endpoint = {.url = config.server, .http = http::ProxiesFrom(getenv)};
  endpoint.http.ca_file = config.ca_file;
  if (!config.token_file.empty()) {
    endpoint.authorization = [path = config.token_file](bool) { return ReadToken(path); };
  } else if (kube != nullptr) {
    endpoint.authorization = EndpointOfKube(*kube).authorization;
  } else {
    endpoint.authorization = [getenv](bool) -> absl::StatusOr<SecretBuffer> {
      return Header(SecretBuffer(getenv("ARGO_TOKEN").value_or("")));
    };
  }
  return endpoint;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ArgoConnection>> ConnectToArgo(
    const ArgoConfig& config, const http::GetEnv& getenv,
    const std::function<void(absl::Duration)>& sleep) {
  auto connection = std::make_unique<ArgoConnection>();
  const bool has_token = !config.token_file.empty() || !getenv("ARGO_TOKEN").value_or("").empty();
  if (config.server.empty() || !has_token || config.name_space.empty()) {
    absl::StatusOr<std::unique_ptr<KubeAccess>> kube =
        KubeAccess::Find({.kubeconfig = config.kubeconfig, .context = config.context}, getenv,
                         absl::Now() + kCredentialTime);
    if (!kube.ok()) return OfEngine(kube.status());
    connection->kube = *std::move(kube);
  }
  connection->name_space =
      config.name_space.empty() ? connection->kube->name_space() : config.name_space;
  ArgoEndpoint endpoint =
      config.server.empty()
          ? EndpointOfKube(*connection->kube)
          : EndpointOfServer(config, getenv, has_token ? nullptr : connection->kube.get());
  endpoint.http.connect_timeout_seconds = kConnectSeconds;
  endpoint.http.stall_timeout_seconds = kStallSeconds;
  endpoint.sleep = sleep;
  connection->api = config.server.empty()
                        ? MakeKubernetesApi(std::move(endpoint), connection->name_space)
                        : MakeArgoServerApi(std::move(endpoint), connection->name_space);
  return connection;
}

}  // namespace deps
