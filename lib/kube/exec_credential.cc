#include "lib/kube/exec_credential.h"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/io/program.h"
#include "lib/json/json.h"
#include "lib/secrets/secret_json.h"

extern char** environ;

namespace deps {
namespace {

using json::Value;

constexpr size_t kMaxAnswer = size_t{1} << 20;

absl::Status Unavailable(std::string message, std::string hint = "") {
  return MakeError({.id = DiagnosticId::kSecretUnavailable,
                    .message = std::move(message),
                    .hint = std::move(hint)});
}

std::string ExecInfo(const KubeContext& context) {
  Value spec = Value::Object({{"interactive", Value::Boolean(false)}});
  if (context.program.wants_cluster) {
    Value cluster = Value::Object({{"server", Value::String(context.server)}});
    if (!context.authority.content.empty()) {
      cluster.Set("certificate-authority-data",
                  Value::String(absl::Base64Escape(context.authority.content.view())));
    }
    spec.Set("cluster", std::move(cluster));
  }
  return json::Canonical(Value::Object({{"apiVersion", Value::String(context.program.api_version)},
                                        {"kind", Value::String("ExecCredential")},
                                        {"spec", std::move(spec)}}));
}

std::vector<std::string> EnvironmentOf(const KubeContext& context) {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos) variables.emplace(text.substr(0, equals), text);
  }
  for (const auto& [name, value] : context.program.environment) {
    variables[name] = absl::StrCat(name, "=", value);
  }
  variables["KUBERNETES_EXEC_INFO"] = absl::StrCat("KUBERNETES_EXEC_INFO=", ExecInfo(context));
  std::vector<std::string> environment;
  for (auto& [name, text] : variables) environment.push_back(std::move(text));
  return environment;
}

SecretBuffer Take(const Value& status, std::string_view name) {
  const Value* const member = status.Find(name);
  return member != nullptr && member->IsString() ? SecretBuffer(member->text) : SecretBuffer();
}

absl::StatusOr<ExecCredential> ReadCredential(const KubeProgram& program, std::string_view answer) {
  const std::string& command = program.words.front();
  Source source = {.name = command, .text = std::string(answer)};
  absl::StatusOr<Value> value = json::Parse(source);
  Wipe(&source.text);
  const SecretJson document(value.ok() ? *std::move(value) : Value());
  const Value* const version = document.At({"apiVersion"});
  const Value* const status = document.At({"status"});
  if (status == nullptr || !status->IsObject()) {
    return Unavailable(absl::StrCat("the kubeconfig's program ", command, " gives no credential"));
  }
  if (version != nullptr && version->text != program.api_version) {
    return Unavailable(absl::StrCat("the kubeconfig's program ", command, " answers in ",
                                    version->text, " and not in ", program.api_version));
  }
  ExecCredential credential = {.token = Take(*status, "token"),
                               .certificate = Take(*status, "clientCertificateData"),
                               .key = Take(*status, "clientKeyData")};
  if (credential.token.empty() && credential.certificate.empty()) {
    return Unavailable(absl::StrCat("the kubeconfig's program ", command, " gives no credential"));
  }
  const Value* const expires = status->Find("expirationTimestamp");
  std::string error;
  if (expires != nullptr && expires->IsString() &&
      !absl::ParseTime(absl::RFC3339_full, expires->text, &credential.expires, &error)) {
    return Unavailable(absl::StrCat("the kubeconfig's program ", command,
                                    " gives an expirationTimestamp that is no time"));
  }
  return credential;
}

}  // namespace

absl::StatusOr<ExecCredential> AskForCredential(const KubeContext& context, absl::Time deadline) {
  const KubeProgram& program = context.program;
  const std::string& command = program.words.front();
  SecretBuffer answer;
  Program call = {.argv = {"/usr/bin/env"},
                  .environment = EnvironmentOf(context),
                  .timeout = deadline - absl::Now()};
  call.argv.insert(call.argv.end(), program.words.begin(), program.words.end());
  call.output = [&](std::string_view piece) {
    if (answer.size() + piece.size() > kMaxAnswer) {
      return Unavailable(absl::StrCat("the kubeconfig's program ", command, " answers too much"));
    }
    answer.Append(piece);
    return absl::OkStatus();
  };
  DEPS_ASSIGN_OR_RETURN(const ProgramEnd end, RunProgram(call));
  if (end.kind != ProgramEnd::Kind::kExited) {
    return Unavailable(
        absl::StrCat("the kubeconfig's program ", command, " gives no answer in time"));
  }
  if (end.exit_code != 0) {
    return Unavailable(
        absl::StrCat("the kubeconfig's program ", command, " ends with status ", end.exit_code),
        end.exit_code == 127 ? program.install_hint : "");
  }
  return ReadCredential(program, answer.view());
}

}  // namespace deps
