#include <curl/curl.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/http/http.h"

namespace deps::http {
namespace {

constexpr size_t kMaxUrlBytes = 16 << 10;

using Url = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

// Only what can be shown without doing harm to a terminal.
std::string Printable(std::string_view text) {
  return absl::StrCat("'", absl::CHexEscape(text.substr(0, 200)), "'");
}

absl::Status UrlError(std::string_view url, std::string_view reason) {
  return MakeError({.id = DiagnosticId::kRegistryProtocol,
                    .message = absl::StrCat(Printable(url), " is not a URL to follow: ", reason)});
}

absl::Status Set(CURLU* parsed, std::string_view url) {
  if (url.size() > kMaxUrlBytes) return UrlError(url, "it is too long");
  for (const char c : url) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) {
      return UrlError(url, "it holds white space or control characters");
    }
  }
  const CURLUcode code =
      curl_url_set(parsed, CURLUPART_URL, std::string(url).c_str(), CURLU_DISALLOW_USER);
  if (code != CURLUE_OK) return UrlError(url, curl_url_strerror(code));
  return absl::OkStatus();
}

std::string Part(CURLU* parsed, CURLUPart part, unsigned int flags = 0) {
  char* text = nullptr;
  if (curl_url_get(parsed, part, &text, flags) != CURLUE_OK) return "";
  std::string result = text;
  curl_free(text);
  return result;
}

absl::Status CheckScheme(CURLU* parsed, std::string_view url) {
  const std::string scheme = Part(parsed, CURLUPART_SCHEME);
  if (scheme == "http" || scheme == "https") return absl::OkStatus();
  return UrlError(url, "it is neither http nor https");
}

}  // namespace

absl::StatusOr<Origin> OriginOf(std::string_view url) {
  const Url parsed(curl_url(), &curl_url_cleanup);
  DEPS_RETURN_IF_ERROR(Set(parsed.get(), url));
  DEPS_RETURN_IF_ERROR(CheckScheme(parsed.get(), url));
  Origin origin = {.scheme = Part(parsed.get(), CURLUPART_SCHEME),
                   .host = absl::AsciiStrToLower(Part(parsed.get(), CURLUPART_HOST))};
  const std::string port = Part(parsed.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  if (!absl::SimpleAtoi(port, &origin.port)) return UrlError(url, "it has no port");
  return origin;
}

absl::StatusOr<std::string> ResolveUrl(std::string_view base, std::string_view location) {
  const Url parsed(curl_url(), &curl_url_cleanup);
  DEPS_RETURN_IF_ERROR(Set(parsed.get(), base));
  DEPS_RETURN_IF_ERROR(Set(parsed.get(), location));
  DEPS_RETURN_IF_ERROR(CheckScheme(parsed.get(), location));
  return Part(parsed.get(), CURLUPART_URL);
}

bool IsLoopback(std::string_view host) {
  const std::string lower = absl::AsciiStrToLower(host);
  if (lower == "localhost" || absl::EndsWith(lower, ".localhost")) return true;
  if (lower == "::1" || lower == "[::1]") return true;
  if (!absl::StartsWith(lower, "127.")) return false;
  // "127.evil.example" is a name, not an address.
  return lower.find_first_not_of("0123456789.") == std::string::npos;
}

}  // namespace deps::http
