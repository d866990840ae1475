#include "lib/oci/authorizer.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/json.h"

namespace deps {
namespace {

constexpr size_t kMaxTokenBytes = 64 << 10;
constexpr size_t kMaxRealmBytes = 2048;
// A token is given up before it runs out, so that it lasts for one request.
constexpr absl::Duration kMargin = absl::Seconds(5);
constexpr absl::Duration kDefaultLife = absl::Seconds(60);
constexpr absl::Duration kLongestLife = absl::Hours(1);

// Token servers with another name than their registry's.
struct KnownRealm {
  std::string_view registry;
  std::string_view realm;
};
constexpr KnownRealm kKnownRealms[] = {
    {"registry-1.docker.io", "auth.docker.io"},
    {"registry.gitlab.com", "gitlab.com"},
    {"docker.elastic.co", "docker-auth.elastic.co"},
};

std::string Encode(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.' || c == '~') {
      encoded.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return encoded;
}

std::string Basic(const Credential& credential) {
  return absl::StrCat(
      "Basic ", absl::Base64Escape(absl::StrCat(credential.username, ":", credential.password)));
}

std::string KeyOf(const Access& access) {
  return absl::StrCat(access.path, " ", absl::StrJoin(access.scopes, " "));
}

std::string Param(const Challenge& challenge, const std::string& name) {
  const auto found = challenge.params.find(name);
  return found == challenge.params.end() ? "" : found->second;
}

// The challenge that can be answered: Bearer before Basic.
std::optional<Challenge> Choose(const http::Response& response) {
  std::optional<Challenge> basic;
  const auto [begin, end] = response.headers.equal_range("www-authenticate");
  for (auto header = begin; header != end; ++header) {
    for (Challenge& challenge : ParseChallenges(header->second)) {
      if (challenge.scheme == "bearer") return std::move(challenge);
      if (challenge.scheme == "basic" && !basic) basic = std::move(challenge);
    }
  }
  return basic;
}

absl::StatusOr<std::string> ReadToken(const Source& source, absl::Duration* life) {
  const absl::StatusOr<json::Value> value = json::Parse(source);
  std::string token, access_token;
  std::optional<int64_t> expires_in;
  if (value.ok()) {
    json::ObjectReader reader(source, *value);
    reader.Optional("token", &token);
    reader.Optional("access_token", &access_token);
    reader.Optional("expires_in", &expires_in);
    reader.IgnoreRest();
    if (!reader.Finish().ok()) token.clear();
  }
  if (token.empty()) token = std::move(access_token);
  const bool usable = !token.empty() && std::all_of(token.begin(), token.end(),
                                                    [](char c) { return absl::ascii_isgraph(c); });
  if (!usable) {
    return MakeError({.id = DiagnosticId::kRegistryProtocol,
                      .message = absl::StrCat(source.name, " answers without a token")});
  }
  *life = kDefaultLife;
  if (expires_in && *expires_in > 0) {
    *life = std::min(absl::Seconds(*expires_in), kLongestLife);
  }
  return token;
}

http::Request TokenRequest(const std::string& realm, const Challenge& challenge,
                           const Access& access, const std::optional<Credential>& credential,
                           std::string* form) {
  const std::string service = Param(challenge, "service");
  http::Request request = {.url = realm, .max_body_bytes = kMaxTokenBytes};
  if (credential && !credential->identity_token.empty()) {
    *form = absl::StrCat("grant_type=refresh_token&client_id=cnab-deps&service=", Encode(service),
                         "&scope=", Encode(absl::StrJoin(access.scopes, " ")),
                         "&refresh_token=", Encode(credential->identity_token));
    request.method = "POST";
    request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
    request.body = std::string_view(*form);
    return request;
  }
  std::string separator = absl::StrContains(realm, '?') ? "&" : "?";
  if (!service.empty()) {
    absl::StrAppend(&request.url, separator, "service=", Encode(service));
    separator = "&";
  }
  for (const std::string& scope : access.scopes) {
    absl::StrAppend(&request.url, separator, "scope=", Encode(scope));
    separator = "&";
  }
  if (credential) request.headers = {{"Authorization", Basic(*credential)}};
  return request;
}

}  // namespace

Authorizer::Authorizer(http::Client* client, Credentials* credentials,
                       std::vector<std::string> trusted_realms)
    : client_(client), credentials_(credentials), trusted_realms_(std::move(trusted_realms)) {}

Authorizer::Host& Authorizer::HostOf(const Endpoint& endpoint) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::unique_ptr<Host>& host = hosts_[endpoint.url];
  if (!host) host = std::make_unique<Host>();
  return *host;
}

absl::StatusOr<std::string> Authorizer::HeaderFor(const Endpoint& endpoint, const Access& access) {
  Host& host = HostOf(endpoint);
  const std::lock_guard<std::mutex> lock(host.mutex);
  if (!host.challenge) return "";
  const std::string key = KeyOf(access);
  const auto found = host.tokens.find(key);
  if (found != host.tokens.end() && absl::Now() < found->second.expires) {
    return found->second.header;
  }
  DEPS_ASSIGN_OR_RETURN(Token token, NewToken(endpoint, access, host));
  return (host.tokens[key] = std::move(token)).header;
}

absl::StatusOr<std::string> Authorizer::Answer(const Endpoint& endpoint, const Access& access,
                                               const http::Response& response,
                                               const std::string& refused) {
  std::optional<Challenge> challenge = Choose(response);
  if (!challenge) {
    return Refused(endpoint, access,
                   response.Header("www-authenticate").empty()
                       ? "refuses access (status 401) and does not say how to get it"
                       : "asks for a kind of authorization that is not supported: only Basic and "
                         "Bearer are");
  }
  Host& host = HostOf(endpoint);
  const std::lock_guard<std::mutex> lock(host.mutex);
  const std::string key = KeyOf(access);
  // Another thread may have got a new one meanwhile.
  const auto found = host.tokens.find(key);
  if (found != host.tokens.end() && found->second.header != refused) return found->second.header;
  host.challenge = *challenge;
  host.space = response.space;
  DEPS_ASSIGN_OR_RETURN(Token token, NewToken(endpoint, access, host));
  if (token.header == refused) return Refused(endpoint, access, "refuses the credentials");
  return (host.tokens[key] = std::move(token)).header;
}

absl::Status Authorizer::Refused(const Endpoint& endpoint, const Access& access,
                                 std::string_view what) {
  const absl::StatusOr<std::optional<Credential>> credential =
      credentials_->Find(endpoint.host, access.path);
  DEPS_RETURN_IF_ERROR(credential.status());
  std::string hint =
      credential->has_value()
          ? absl::StrCat("the credentials for ", endpoint.host, " may be old; log in again")
          : absl::StrCat("there are no credentials for ", endpoint.host,
                         "; log in with docker or podman, or use --registry-config");
  if (!credentials_->trouble().empty()) absl::StrAppend(&hint, "; ", credentials_->trouble());
  return MakeError({.id = DiagnosticId::kRegistryAuth,
                    .message = absl::StrCat(endpoint.host, " ", what),
                    .hint = std::move(hint)});
}

absl::StatusOr<Authorizer::Token> Authorizer::NewToken(const Endpoint& endpoint,
                                                       const Access& access, const Host& host) {
  DEPS_ASSIGN_OR_RETURN(const std::optional<Credential> credential,
                        credentials_->Find(endpoint.host, access.path));
  if (host.challenge->scheme == "bearer") return BearerToken(endpoint, access, host, credential);
  if (!credential || credential->username.empty()) {
    return Refused(endpoint, access, "asks for a user name and a password");
  }
  return Token{.header = Basic(*credential), .expires = absl::InfiniteFuture()};
}

bool Authorizer::IsTrusted(const Endpoint& endpoint, const http::Origin& realm) const {
  if (realm.host == endpoint.origin.host) return true;
  for (const KnownRealm& known : kKnownRealms) {
    if (known.registry == endpoint.origin.host && known.realm == realm.host) return true;
  }
  return IsNamedByUser(realm);
}

bool Authorizer::IsNamedByUser(const http::Origin& realm) const {
  return std::find(trusted_realms_.begin(), trusted_realms_.end(), realm.host) !=
         trusted_realms_.end();
}

absl::StatusOr<Authorizer::Token> Authorizer::BearerToken(
    const Endpoint& endpoint, const Access& access, const Host& host,
    const std::optional<Credential>& credential) {
  const Challenge& challenge = *host.challenge;
  const std::string realm = Param(challenge, "realm");
  if (realm.empty() || realm.size() > kMaxRealmBytes) {
    return MakeError({.id = DiagnosticId::kRegistryProtocol,
                      .message = absl::StrCat(endpoint.host, " asks for a token without a realm")});
  }
  DEPS_ASSIGN_OR_RETURN(const http::Origin origin, http::OriginOf(realm));
  if (origin.scheme != "https" && endpoint.origin.scheme == "https") {
    return MakeError({.id = DiagnosticId::kRegistryAuth,
                      .message = absl::StrCat(endpoint.host, " names a token server without TLS, ",
                                              origin.host, ", which gets nothing")});
  }
  const bool trusted = IsTrusted(endpoint, origin);
  std::string form;
  http::Request request = TokenRequest(realm, challenge, access,
                                       trusted ? credential : std::optional<Credential>(), &form);
  const bool own = origin.host == endpoint.origin.host || IsNamedByUser(origin);
  if (!own) request.nearest = host.space;
  DEPS_ASSIGN_OR_RETURN(const http::Response response, client_->Send(request));
  if (response.status != 200) {
    if (credential && !trusted) {
      return MakeError(
          {.id = DiagnosticId::kRegistryAuth,
           .message = absl::StrCat(endpoint.host, " names the token server ", origin.host,
                                   ", which is not known to belong to it and gets no credentials"),
           .hint = absl::StrCat("--trusted-realm ", origin.host, " sends them")});
    }
    return Refused(endpoint, access, absl::StrCat("gives no token (status ", response.status, ")"));
  }
  absl::Duration life;
  const Source source = {.name = absl::StrCat("the token server ", origin.host, ":", origin.port),
                         .text = response.body};
  DEPS_ASSIGN_OR_RETURN(const std::string token, ReadToken(source, &life));
  return Token{.header = absl::StrCat("Bearer ", token),
               .expires = absl::Now() + std::max(life - kMargin, absl::ZeroDuration())};
}

}  // namespace deps
