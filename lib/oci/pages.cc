#include "lib/oci/pages.h"

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

constexpr int kMaxPages = 10000;

// The target of `rel="next"`, or "" (RFC 8288).
std::string NextLink(const http::Response& response) {
  const auto [begin, end] = response.headers.equal_range("link");
  for (auto header = begin; header != end; ++header) {
    std::string_view rest = header->second;
    while (true) {
      const size_t open = rest.find('<');
      const size_t close = rest.find('>', open == std::string_view::npos ? 0 : open);
      if (open == std::string_view::npos || close == std::string_view::npos) break;
      const std::string_view target = rest.substr(open + 1, close - open - 1);
      rest.remove_prefix(close + 1);
      const std::string_view params = rest.substr(0, rest.find('<'));
      if (absl::StrContains(params, "rel=\"next\"") || absl::StrContains(params, "rel=next")) {
        return std::string(target);
      }
    }
  }
  return "";
}

}  // namespace

Pages::Pages(const Registry::Session& session, const Registry::Session::Call& first,
             std::string name)
    : endpoint_(session.EndpointOf(first.reference)),
      name_(std::move(name)),
      url_(absl::StrCat(endpoint_.url, first.target)) {}

absl::Status Pages::Error(std::string_view what) const {
  return MakeError(
      {.id = DiagnosticId::kRegistryProtocol, .message = absl::StrCat(name_, " ", what)});
}

absl::StatusOr<std::string> Pages::Next(const http::Response& page, bool had_any) {
  ++pages_;
  const std::string next = NextLink(page);
  if (next.empty()) return "";
  DEPS_ASSIGN_OR_RETURN(std::string next_url, http::ResolveUrl(url_, next));
  DEPS_ASSIGN_OR_RETURN(const http::Origin origin, http::OriginOf(next_url));
  if (!(origin == endpoint_.origin)) return Error("goes on at another host, which is refused");
  if (next_url == url_ || !had_any || pages_ == kMaxPages) return Error("does not end");
  return url_ = std::move(next_url);
}

}  // namespace deps
