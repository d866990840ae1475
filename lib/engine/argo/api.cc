#include "lib/engine/argo/api.h"

#include "absl/strings/str_cat.h"

namespace deps {

std::string ArgoApi::PathOf(const std::string& name) const {
  return absl::StrCat(workflows_, "/", UrlEncoded(name));
}

absl::StatusOr<json::Value> ArgoApi::Get(const std::string& name) {
  return client_.Need({.path = PathOf(name)});
}

}  // namespace deps
