// Registry::ListTags: pages of tags, and the Link that leads from one to the
// next.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/json.h"
#include "lib/oci/session.h"

namespace deps {
namespace {

constexpr size_t kMaxTags = 1000000;
constexpr int kMaxPages = 10000;

absl::Status TagsError(std::string_view name, std::string_view what) {
  return MakeError({.id = DiagnosticId::kRegistryProtocol,
                    .message = absl::StrCat("the list of tags of ", name, " ", what)});
}

absl::Status ReadTags(const std::string& name, const http::Response& response,
                      std::vector<std::string>* tags) {
  const Source source = {.name = name, .text = response.body};
  const absl::StatusOr<json::Value> value = json::Parse(source);
  if (!value.ok()) return TagsError(name, "is not JSON");
  const json::Value* list = value->Find("tags");
  // Registries write null for none.
  if (list == nullptr || list->kind == json::Kind::kNull) return absl::OkStatus();
  if (!list->IsArray()) return TagsError(name, "is no array");
  for (const json::Value& tag : list->items) {
    if (!tag.IsString() || !IsValidTag(tag.text)) return TagsError(name, "holds what is no tag");
    tags->push_back(tag.text);
  }
  return tags->size() <= kMaxTags ? absl::OkStatus() : TagsError(name, "is over a million long");
}

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

absl::StatusOr<std::vector<std::string>> Registry::ListTags(const Reference& repository) {
  DEPS_ASSIGN_OR_RETURN(TagList list, ListTags(repository, ""));
  return std::move(list.tags);
}

absl::StatusOr<Registry::TagList> Registry::ListTags(const Reference& repository,
                                                     const std::string& mark) {
  Session::Call call = Session::Pull(repository, "tags/list?n=1000");
  call.name = repository.FamiliarRepository();
  if (!mark.empty()) call.headers = {{"If-None-Match", mark}};
  const Endpoint endpoint = session_->EndpointOf(repository);
  std::string url = absl::StrCat(endpoint.url, call.target);
  TagList list;
  for (int page = 0; page < kMaxPages; ++page) {
    DEPS_ASSIGN_OR_RETURN(const http::Response response, session_->Send(call));
    if (response.status == 304 && page == 0 && !mark.empty()) {
      return TagList{.mark = mark, .is_unchanged = true};
    }
    if (response.status / 100 != 2) return session_->ErrorOf(call, response);
    const size_t before = list.tags.size();
    DEPS_RETURN_IF_ERROR(ReadTags(call.name, response, &list.tags));
    const std::string next = NextLink(response);
    if (next.empty()) {
      if (page == 0) list.mark = response.Header("etag");
      return list;
    }
    DEPS_ASSIGN_OR_RETURN(std::string next_url, http::ResolveUrl(url, next));
    DEPS_ASSIGN_OR_RETURN(const http::Origin origin, http::OriginOf(next_url));
    if (!(origin == endpoint.origin)) {
      return TagsError(call.name, "goes on at another host, which is refused");
    }
    if (next_url == url || list.tags.size() == before) {
      return TagsError(call.name, "does not end");
    }
    url = std::move(next_url);
    call.target = url;
    call.headers.clear();
  }
  return TagsError(call.name, "does not end");
}

}  // namespace deps
