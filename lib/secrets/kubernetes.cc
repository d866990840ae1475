#include "lib/secrets/kubernetes.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "lib/base/status_macros.h"
#include "lib/base/steady_clock.h"
#include "lib/diag/diagnostic.h"
#include "lib/http/http.h"
#include "lib/json/json.h"
#include "lib/kube/kube_access.h"
#include "lib/secrets/store_access.h"

namespace deps {
namespace {

using json::Value;

class KubernetesReader {
 public:
  KubernetesReader(std::string_view text, const Getenv& getenv, const Patience& patience)
      : text_(text), getenv_(getenv), patience_(patience) {}

  absl::StatusOr<SecretBuffer> Read(const SecretReference& reference);

 private:
  absl::Status Unavailable(std::string_view why) const { return SecretUnavailable(text_, why); }
  // What a mistake of the kubeconfig comes to for whoever asked for a secret.
  absl::Status Unavailable(const absl::Status& status) const;
  absl::StatusOr<StoreAnswer> Ask(KubeAccess& access, const std::string& url) const;

  absl::Time WallDeadline() const { return absl::Now() + (patience_.deadline - SteadyNow()); }

  const std::string_view text_;
  const Getenv& getenv_;
  const Patience patience_;
};

absl::Status KubernetesReader::Unavailable(const absl::Status& status) const {
  const Diagnostic first = DiagnosticsOf(status).front();
  if (first.id == DiagnosticId::kFileNotFound) {
    return Unavailable(absl::StrCat("this is no pod, and '", first.location.file,
                                    "' cannot be read; KUBECONFIG names another file"));
  }
  std::string place = first.location.file;
  if (first.location.line > 0) absl::StrAppend(&place, ":", first.location.line);
  return Unavailable(absl::StrCat(place, place.empty() ? "" : ": ", first.message));
}

absl::StatusOr<StoreAnswer> KubernetesReader::Ask(KubeAccess& access,
                                                  const std::string& url) const {
  http::ClientOptions options = access.http();
  options.connect_timeout_seconds = 10;
  options.stall_timeout_seconds =
      std::max<int>(1, static_cast<int>(absl::ToInt64Seconds(patience_.deadline - SteadyNow())));
  options.stop = patience_.stop;
  http::Client client(options);
  for (bool refused = false;; refused = true) {
    absl::StatusOr<SecretBuffer> header = access.Authorization(refused, WallDeadline());
    if (!header.ok()) return Unavailable(header.status());
    DEPS_ASSIGN_OR_RETURN(StoreAnswer answer,
                          AskStore(client, {.reference = text_,
                                            .url = absl::StrCat(access.server(), url),
                                            .token_header = "Authorization",
                                            .token = header->view(),
                                            .headers = {{"Accept", "application/json"}},
                                            .patience = patience_}));
    if (answer.status != 401 || refused) return answer;
  }
}

absl::StatusOr<SecretBuffer> KubernetesReader::Read(const SecretReference& reference) {
  const std::vector<std::string> parts = absl::StrSplit(reference.locator, '/');
  if (parts.size() > 2) {
    return MakeError({.id = DiagnosticId::kSecretReference,
                      .message = absl::StrCat("reference to a secret '", text_,
                                              "': it is not kubernetes:[NAMESPACE/]NAME")});
  }
  const absl::StatusOr<std::unique_ptr<KubeAccess>> access =
      KubeAccess::Find({}, getenv_, WallDeadline());
  if (!access.ok()) return Unavailable(access.status());
  DEPS_ASSIGN_OR_RETURN(const std::string name_space,
                        UrlPath(text_, parts.size() == 2 ? parts[0] : (*access)->name_space()));
  DEPS_ASSIGN_OR_RETURN(const std::string name, UrlPath(text_, parts.back()));
  DEPS_ASSIGN_OR_RETURN(
      const StoreAnswer answer,
      Ask(**access, absl::StrCat("/api/v1/namespaces/", name_space, "/secrets/", name)));
  if (answer.status == 404) return Unavailable("there is no such Secret");
  if (answer.status == 401 || answer.status == 403) {
    return Unavailable("the API server refuses access");
  }
  const Value* const data = answer.body.At({"data"});
  if (answer.status != 200 || data == nullptr || !data->IsObject()) {
    return Unavailable(
        absl::StrCat("the API server answers with status ", answer.status, " and no data"));
  }
  const Value* key = data->Find(reference.field.empty() ? "value" : reference.field);
  if (key == nullptr && reference.field.empty() && data->members.size() == 1) {
    key = &data->members[0].second;
  }
  if (key == nullptr) return Unavailable("the Secret has no such key");
  std::string value;
  const absl::Cleanup wipe = [&] { Wipe(&value); };
  if (!absl::Base64Unescape(key->text, &value)) return Unavailable("its value is no base64");
  return SecretBuffer(value);
}

}  // namespace

absl::StatusOr<SecretBuffer> ReadFromKubernetes(std::string_view text,
                                                const SecretReference& reference,
                                                const Getenv& getenv, const Patience& patience) {
  return KubernetesReader(text, getenv, patience).Read(reference);
}

}  // namespace deps
