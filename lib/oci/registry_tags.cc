// Registry::ListTags: pages of tags.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/json.h"
#include "lib/oci/pages.h"
#include "lib/oci/session.h"

namespace deps {
namespace {

constexpr size_t kMaxTags = 1000000;

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
  Pages pages(*session_, call, absl::StrCat("the list of tags of ", call.name));
  TagList list;
  while (true) {
    const bool is_first = pages.IsFirst();
    DEPS_ASSIGN_OR_RETURN(const http::Response response, session_->Send(call));
    if (response.status == 304 && is_first && !mark.empty()) {
      return TagList{.mark = mark, .is_unchanged = true};
    }
    if (response.status / 100 != 2) return session_->ErrorOf(call, response);
    const size_t before = list.tags.size();
    DEPS_RETURN_IF_ERROR(ReadTags(call.name, response, &list.tags));
    DEPS_ASSIGN_OR_RETURN(call.target, pages.Next(response, list.tags.size() > before));
    if (call.target.empty()) {
      if (is_first) list.mark = response.Header("etag");
      return list;
    }
    call.headers.clear();
  }
}

}  // namespace deps
