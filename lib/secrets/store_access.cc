#include "lib/secrets/store_access.h"

#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

constexpr size_t kMaxAnswer = size_t{4} << 20;

}  // namespace

absl::StatusOr<StoreAnswer> AskStore(http::Client& client, const StoreRequest& request) {
  http::Request wanted = {.method = request.method,
                          .url = request.url,
                          .headers = request.headers,
                          .max_body_bytes = kMaxAnswer};
  if (!request.token.empty()) {
    wanted.headers.emplace_back(request.token_header, std::string(request.token));
  }
  const absl::Cleanup wipe_token = [&] {
    if (!request.token.empty()) Wipe(&wanted.headers.back().second);
  };
  if (!request.body.empty()) wanted.body = request.body;
  std::string body;
  const absl::Cleanup wipe_body = [&] { Wipe(&body); };
  body.reserve(kMaxAnswer);  // So that no copy of a part of it is left behind.
  bool late = false;
  wanted.sink = [&](std::string_view piece) {
    late = request.patience.IsOver();
    if (late || body.size() + piece.size() > kMaxAnswer) {
      return SecretUnavailable(request.reference,
                               late ? "no answer in time" : "the answer is too large");
    }
    body += piece;
    return absl::OkStatus();
  };
  absl::StatusOr<http::Response> response = client.Send(wanted);
  if (!response.ok()) {
    if (HasId(response.status(), DiagnosticId::kSecretUnavailable)) return response.status();
    return SecretUnavailable(request.reference, DiagnosticsOf(response.status())[0].message);
  }
  if (body.empty()) body.swap(response->body);
  Source source = {.name = "<answer>", .text = body};
  absl::StatusOr<json::Value> value = json::Parse(source);
  Wipe(&source.text);
  return StoreAnswer{.status = response->status,
                     .body = value.ok() ? SecretJson(*std::move(value)) : SecretJson()};
}

absl::StatusOr<std::string> UrlPath(std::string_view reference, std::string_view path) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string url;
  for (const std::string_view step : absl::StrSplit(path, '/')) {
    if (step.empty() || step == "." || step == "..") {
      return MakeError({.id = DiagnosticId::kSecretReference,
                        .message = absl::StrCat("reference to a secret '", reference,
                                                "': its path has an empty step, '.' or '..'")});
    }
    if (!url.empty()) url += '/';
    for (const unsigned char c : step) {
      if (absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.' || c == '~') {
        url += static_cast<char>(c);
      } else {
        url += '%';
        url += kHex[c >> 4];
        url += kHex[c & 15];
      }
    }
  }
  return url;
}

}  // namespace deps
