#include "lib/secrets/vault.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/base/status_macros.h"
#include "lib/base/steady_clock.h"
#include "lib/diag/diagnostic.h"
#include "lib/http/http.h"
#include "lib/json/json.h"
#include "lib/secrets/program.h"
#include "lib/secrets/store_access.h"

namespace deps {
namespace {

using json::Value;

constexpr char kServiceAccount[] = "/var/run/secrets/kubernetes.io/serviceaccount/token";
constexpr size_t kMaxToken = size_t{64} << 10;

// One reference's dealings with the server.
class Vault {
 public:
  Vault(std::string_view text, const SecretReference& reference, const Getenv& getenv,
        const Patience& patience)
      : text_(text), reference_(reference), getenv_(getenv), patience_(patience) {}

  absl::Status Open();
  absl::StatusOr<SecretBuffer> Read();
  absl::StatusOr<std::string> Write(std::string_view value);

 private:
  absl::Status Unavailable(std::string_view why) const { return SecretUnavailable(text_, why); }
  std::string Setting(std::string_view name) const;
  absl::StatusOr<SecretBuffer> TokenFile(const std::string& path) const;
  absl::Status FindToken();
  absl::Status LogIn(const std::string& method);
  absl::StatusOr<SecretBuffer> LogInBody(const std::string& method) const;
  absl::StatusOr<StoreAnswer> Ask(std::string method, std::string_view path,
                                  std::string_view body) const;
  // What a status other than 2xx means.
  absl::Status Refused(const StoreAnswer& answer) const;
  absl::StatusOr<int64_t> Put(std::string_view value, std::optional<int64_t> cas,
                              bool* asks_for_cas);
  absl::StatusOr<int64_t> CurrentVersion();

  const std::string_view text_;
  const SecretReference& reference_;
  const Getenv& getenv_;
  const Patience patience_;
  std::string address_;
  std::string path_;  // "/v1/MOUNT/data/PATH"
  SecretBuffer token_;
  std::unique_ptr<http::Client> client_;
};

std::string Vault::Setting(std::string_view name) const {
  const std::string value = getenv_(absl::StrCat("VAULT_", name)).value_or("");
  return value.empty() ? getenv_(absl::StrCat("BAO_", name)).value_or("") : value;
}

absl::StatusOr<SecretBuffer> Vault::TokenFile(const std::string& path) const {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return Unavailable(absl::StrCat("'", path, "': ", strerror(errno)));
  const absl::Cleanup closer = [fd] { close(fd); };
  SecretBuffer token;
  DEPS_RETURN_IF_ERROR(ReadToEnd(text_, fd, patience_, kMaxToken, &token));
  const std::string_view stripped = absl::StripTrailingAsciiWhitespace(token.view());
  token.Truncate(stripped.size());
  return token;
}

absl::Status Vault::Open() {
  address_ = std::string(absl::StripSuffix(Setting("ADDR"), "/"));
  if (address_.empty()) {
    return WithContext(Unavailable("VAULT_ADDR is not set"), "vault");
  }
  DEPS_ASSIGN_OR_RETURN(const http::Origin origin, http::OriginOf(address_));
  if (origin.scheme != "https" && !http::IsLoopback(origin.host)) {
    return Unavailable(absl::StrCat("VAULT_ADDR '", address_,
                                    "' is not https: what is asked for would be readable"));
  }
  const size_t slash = reference_.locator.find('/');
  if (slash == std::string::npos) {
    return MakeError({.id = DiagnosticId::kSecretReference,
                      .message = absl::StrCat("reference to a secret '", text_,
                                              "': it is not vault:MOUNT/PATH")});
  }
  DEPS_ASSIGN_OR_RETURN(const std::string mount,
                        UrlPath(text_, std::string_view(reference_.locator).substr(0, slash)));
  DEPS_ASSIGN_OR_RETURN(const std::string path,
                        UrlPath(text_, std::string_view(reference_.locator).substr(slash + 1)));
  path_ = absl::StrCat("/v1/", mount, "/data/", path);
  http::ClientOptions options = http::ProxiesFrom(getenv_);
  options.ca_file = Setting("CACERT");
  options.connect_timeout_seconds = 10;
  options.stall_timeout_seconds =
      std::max<int>(1, static_cast<int>(absl::ToInt64Seconds(patience_.deadline - SteadyNow())));
  options.stop = patience_.stop;
  client_ = std::make_unique<http::Client>(std::move(options));
  return FindToken();
}

absl::Status Vault::FindToken() {
  const std::string method = getenv_("DEPS_VAULT_AUTH").value_or("token");
  if (method != "token") return LogIn(method);
  std::string token = Setting("TOKEN");
  token_ = SecretBuffer::Take(&token);
  if (!token_.empty()) return absl::OkStatus();
  std::string path = Setting("TOKEN_FILE");
  const std::string home = getenv_("HOME").value_or("");
  if (path.empty() && !home.empty()) path = absl::StrCat(home, "/.vault-token");
  if (path.empty() || access(path.c_str(), F_OK) != 0) {
    return Unavailable("there is no token: set VAULT_TOKEN, VAULT_TOKEN_FILE or DEPS_VAULT_AUTH");
  }
  DEPS_ASSIGN_OR_RETURN(token_, TokenFile(path));
  return absl::OkStatus();
}

absl::StatusOr<SecretBuffer> Vault::LogInBody(const std::string& method) const {
  // Built as text in locked memory; what is put between quotes is a token or an
  // id, which hold no character that JSON escapes.
  SecretBuffer body;
  const auto member = [&](std::string_view name, std::string_view value) -> absl::Status {
    if (value.empty()) return Unavailable(absl::StrCat("for ", method, " there is no ", name));
    for (const char c : value) {
      if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20) {
        return Unavailable(absl::StrCat("the ", name, " is malformed"));
      }
    }
    body.Append(absl::StrCat(body.empty() ? "{\"" : ",\"", name, "\":\""));
    body.Append(value);
    body.Append("\"");
    return absl::OkStatus();
  };
  if (method == "approle") {
    SecretBuffer id(getenv_("DEPS_VAULT_SECRET_ID").value_or(""));
    const std::string file = getenv_("DEPS_VAULT_SECRET_ID_FILE").value_or("");
    if (id.empty() && !file.empty()) {
      DEPS_ASSIGN_OR_RETURN(id, TokenFile(file));
    }
    DEPS_RETURN_IF_ERROR(member("role_id", getenv_("DEPS_VAULT_ROLE_ID").value_or("")));
    DEPS_RETURN_IF_ERROR(member("secret_id", id.view()));
  } else if (method == "kubernetes" || method == "jwt") {
    DEPS_ASSIGN_OR_RETURN(const SecretBuffer jwt,
                          TokenFile(getenv_("DEPS_VAULT_JWT_FILE").value_or(kServiceAccount)));
    DEPS_RETURN_IF_ERROR(member("role", getenv_("DEPS_VAULT_ROLE").value_or("")));
    DEPS_RETURN_IF_ERROR(member("jwt", jwt.view()));
  } else {
    return Unavailable(
        absl::StrCat("DEPS_VAULT_AUTH '", method, "' is not token, approle, kubernetes or jwt"));
  }
  body.Append("}");
  return body;
}

absl::Status Vault::LogIn(const std::string& method) {
  DEPS_ASSIGN_OR_RETURN(const SecretBuffer body, LogInBody(method));
  DEPS_ASSIGN_OR_RETURN(const std::string mount,
                        UrlPath(text_, getenv_("DEPS_VAULT_AUTH_MOUNT").value_or(method)));
  DEPS_ASSIGN_OR_RETURN(const StoreAnswer answer,
                        Ask("POST", absl::StrCat("/v1/auth/", mount, "/login"), body.view()));
  if (answer.status != 200) return WithContext(Refused(answer), "login");
  const Value* const token = answer.body.At({"auth", "client_token"});
  if (token == nullptr || !token->IsString()) return Unavailable("the login gave no token");
  token_ = SecretBuffer(token->text);
  return absl::OkStatus();
}

absl::StatusOr<StoreAnswer> Vault::Ask(std::string method, std::string_view path,
                                       std::string_view body) const {
  StoreRequest request = {.reference = text_,
                          .method = std::move(method),
                          .url = absl::StrCat(address_, path),
                          .token_header = "X-Vault-Token",
                          .token = token_.view(),
                          .headers = {{"X-Vault-Request", "true"}},
                          .body = body,
                          .patience = patience_};
  if (const std::string name = Setting("NAMESPACE"); !name.empty()) {
    request.headers.emplace_back("X-Vault-Namespace", name);
  }
  if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  return AskStore(*client_, request);
}

absl::Status Vault::Refused(const StoreAnswer& answer) const {
  const Value* const errors = answer.body.At({"errors"});
  std::string why = absl::StrCat("the store answers with status ", answer.status);
  if (answer.status == 403) why = "the store refuses access";
  if (answer.status == 404) why = "the store has no such secret";
  if (answer.status == 503) why = "the store is sealed or not ready";
  if (errors != nullptr && errors->IsArray() && !errors->items.empty() &&
      errors->items[0].IsString()) {
    absl::StrAppend(&why, ": ", std::string_view(errors->items[0].text).substr(0, 200));
  }
  return Unavailable(why);
}

absl::StatusOr<SecretBuffer> Vault::Read() {
  const std::string query =
      reference_.version > 0 ? absl::StrCat("?version=", reference_.version) : "";
  DEPS_ASSIGN_OR_RETURN(const StoreAnswer answer, Ask("GET", absl::StrCat(path_, query), ""));
  if (answer.status != 200) return Refused(answer);
  const Value* const data = answer.body.At({"data", "data"});
  if (data == nullptr || !data->IsObject()) {
    return Unavailable("the answer is not that of a KV version 2 store");
  }
  const Value* field = data->Find(reference_.field.empty() ? "value" : reference_.field);
  if (field == nullptr && reference_.field.empty() && data->members.size() == 1) {
    field = &data->members[0].second;
  }
  if (field == nullptr) {
    return Unavailable(reference_.field.empty() ? "the secret has several fields; say #FIELD"
                                                : "the secret has no such field");
  }
  if (!field->IsString()) return Unavailable("the field is not text");
  return SecretBuffer(field->text);
}

absl::StatusOr<int64_t> Vault::CurrentVersion() {
  DEPS_ASSIGN_OR_RETURN(const StoreAnswer answer, Ask("GET", path_, ""));
  // The newest version may be deleted: the answer is 404, and still says which.
  const Value* const version = answer.body.At({"data", "metadata", "version"});
  if (answer.status == 404 && version == nullptr) return 0;
  if (version == nullptr) return Refused(answer);
  return std::atoll(version->text.c_str());
}

absl::StatusOr<int64_t> Vault::Put(std::string_view value, std::optional<int64_t> cas,
                                   bool* asks_for_cas) {
  // JSON holds text only; other bytes would not come back as they were.
  Value text = Value::String(value);
  const absl::Cleanup wipe_text = [&] { Wipe(&text.text); };
  std::string quoted = json::Format(text, json::Style::kCompact);
  const absl::Cleanup wipe_quoted = [&] { Wipe(&quoted); };
  SecretBuffer body(absl::StrCat(
      "{\"options\":{", cas.has_value() ? absl::StrCat("\"cas\":", *cas) : "", "},\"data\":{"));
  body.Append(json::Format(Value::String(reference_.field.empty() ? "value" : reference_.field),
                           json::Style::kCompact));
  body.Append(":");
  body.Append(quoted);
  body.Append("}}");
  DEPS_ASSIGN_OR_RETURN(const StoreAnswer answer, Ask("POST", path_, body.view()));
  if (answer.status == 400 && !cas.has_value()) {
    *asks_for_cas = true;
    return 0;
  }
  if (answer.status != 200) return Refused(answer);
  const Value* const version = answer.body.At({"data", "version"});
  if (version == nullptr) return Unavailable("the answer is not that of a KV version 2 store");
  return std::atoll(version->text.c_str());
}

absl::StatusOr<std::string> Vault::Write(std::string_view value) {
  bool asks_for_cas = false;
  DEPS_ASSIGN_OR_RETURN(int64_t version, Put(value, std::nullopt, &asks_for_cas));
  if (asks_for_cas) {
    DEPS_ASSIGN_OR_RETURN(const int64_t current, CurrentVersion());
    DEPS_ASSIGN_OR_RETURN(version, Put(value, current, &asks_for_cas));
  }
  return absl::StrCat(reference_.provider, ":", reference_.locator, "#",
                      reference_.field.empty() ? "value" : reference_.field, "?version=", version);
}

}  // namespace

bool VaultTakes(std::string_view value) {
  Value text = Value::String(value);
  Source source = {.name = "", .text = json::Format(text, json::Style::kCompact)};
  absl::StatusOr<Value> back = json::Parse(source);
  const bool same = back.ok() && back->text == value;
  Wipe(&text.text);
  Wipe(&source.text);
  if (back.ok()) Wipe(&back->text);
  return same;
}

absl::StatusOr<SecretBuffer> ReadFromVault(std::string_view text, const SecretReference& reference,
                                           const Getenv& getenv, const Patience& patience) {
  Vault vault(text, reference, getenv, patience);
  DEPS_RETURN_IF_ERROR(vault.Open());
  return vault.Read();
}

absl::StatusOr<std::string> WriteToVault(std::string_view text, const SecretReference& reference,
                                         std::string_view value, const Getenv& getenv,
                                         const Patience& patience) {
  Vault vault(text, reference, getenv, patience);
  DEPS_RETURN_IF_ERROR(vault.Open());
  return vault.Write(value);
}

}  // namespace deps
