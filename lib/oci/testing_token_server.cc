#include "lib/oci/testing_token_server.h"

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "lib/http/testing_server.h"

namespace deps {
namespace {

TemporaryFolder NewFolder() {
  absl::StatusOr<TemporaryFolder> folder = TemporaryFolder::Create("token-server");
  if (!folder.ok()) std::abort();
  return *std::move(folder);
}

void Run(const std::string& folder, std::string_view command) {
  const std::string line = absl::StrCat("cd ", folder, " && (", command, ") >log 2>&1");
  if (std::system(line.c_str()) != 0) std::abort();
}

std::string Text(const std::string& path) { return ReadFile(path)->text; }

// The scopes of a query or form, one in each of `scope=`, or all in one.
std::vector<std::string> ScopesOf(std::string_view query) {
  std::vector<std::string> scopes;
  for (std::string_view field : absl::StrSplit(query, '&')) {
    if (!absl::ConsumePrefix(&field, "scope=")) continue;
    const std::string text =
        absl::StrReplaceAll(field, {{"%3A", ":"}, {"%2F", "/"}, {"%2C", ","}, {"%20", " "}});
    for (const std::string_view scope : absl::StrSplit(text, ' ')) scopes.emplace_back(scope);
  }
  return scopes;
}

// {"type":"repository","name":"app","actions":["pull"]}
std::string AccessOf(const std::string& scope) {
  const std::vector<std::string> parts = absl::StrSplit(scope, ':');
  if (parts.size() != 3) return "{}";
  return absl::StrCat(R"({"type":")", parts[0], R"(","name":")", parts[1], R"(","actions":[")",
                      absl::StrReplaceAll(parts[2], {{",", "\",\""}}), R"("]})");
}

}  // namespace

TestingTokenServer::TestingTokenServer() : folder_(NewFolder()) {
  Run(folder_.path(),
      "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=signer -keyout key.pem -out "
      "signer.pem && openssl x509 -in signer.pem -outform DER -out signer.der");
  server_ = std::make_unique<TestingServer>(
      [this](const std::string& request) { return Answer(request); });
}

std::string TestingTokenServer::TokenFor(const std::vector<std::string>& scopes) const {
  const int64_t now = absl::ToUnixSeconds(absl::Now());
  const std::string header =
      absl::StrCat(R"({"typ":"JWT","alg":"RS256","x5c":[")",
                   absl::Base64Escape(Text(absl::StrCat(folder_.path(), "/signer.der"))), R"("]})");
  const std::string access = absl::StrJoin(
      scopes, ",",
      [](std::string* out, const std::string& scope) { absl::StrAppend(out, AccessOf(scope)); });
  const std::string claims =
      absl::StrCat(R"({"iss":"tests","sub":"ada","aud":"tests","jti":"1","iat":)", now,
                   R"(,"nbf":)", now - 60, R"(,"exp":)", now + 300, R"(,"access":[)", access, "]}");
  const std::string text =
      absl::StrCat(absl::WebSafeBase64Escape(header), ".", absl::WebSafeBase64Escape(claims));
  if (!WriteFile(absl::StrCat(folder_.path(), "/text"), text).ok()) std::abort();
  Run(folder_.path(), "openssl dgst -sha256 -sign key.pem -out signature text");
  return absl::StrCat(text, ".",
                      absl::WebSafeBase64Escape(Text(absl::StrCat(folder_.path(), "/signature"))));
}

std::string TestingTokenServer::Answer(const std::string& request) const {
  const bool by_form = absl::StartsWith(request, "POST /token ");
  const std::string first_line = request.substr(0, request.find("\r\n"));
  const std::string query = by_form ? request.substr(request.find("\r\n\r\n") + 4)
                                    : first_line.substr(first_line.find('?') + 1);
  const bool known = by_form
                         ? absl::StrContains(query, absl::StrCat("refresh_token=", kIdentityToken))
                         : absl::StrContains(request, "Authorization: Basic YWRhOnNlY3JldA==\r\n");
  if (!known) return deps::Answer("401 Unauthorized");
  const std::string plain = query.substr(0, query.find(" HTTP/1.1"));
  return deps::Answer("200 OK", {"Content-Type: application/json"},
                      absl::StrCat(R"({")", by_form ? "access_token" : "token", R"(":")",
                                   TokenFor(ScopesOf(plain)), R"(","expires_in":300})"));
}

}  // namespace deps
