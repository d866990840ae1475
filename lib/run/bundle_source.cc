#include "lib/run/bundle_source.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/oci/bundle_format.h"
#include "lib/oci/reference.h"
#include "lib/run/runtime_files.h"

namespace deps {
namespace {

absl::StatusOr<std::string> Fetch(Registry& registry, const std::string& name) {
  DEPS_ASSIGN_OR_RETURN(const Reference reference, Reference::Parse(name));
  DEPS_ASSIGN_OR_RETURN(FetchedBundle bundle, FetchBundle(registry, reference));
  return std::move(bundle.bundle_json);
}

}  // namespace

absl::StatusOr<std::string> BundleSource::Json(const Bundle& bundle) {
  const size_t at = bundle.reference.find('@');
  const std::string digest =
      at != std::string::npos ? bundle.reference.substr(at + 1) : bundle.digest;
  if (bundle.reference.empty() || digest.empty()) {
    return MakeError(
        {.id = DiagnosticId::kRegistryNotFound,
         .message = absl::StrCat("the plan names no registry for bundle '", bundle.name, "'")});
  }
  const std::string name = absl::StrCat(RepositoryOfReference(bundle.reference), "@", digest);
  {
    absl::MutexLock lock(&mutex_);
    if (const auto known = known_.find(name); known != known_.end()) return known->second;
  }
  // Not under the lock: several may ask at the same time, and get the same.
  absl::StatusOr<std::string> json = Fetch(*registry_, name);
  absl::MutexLock lock(&mutex_);
  return known_.try_emplace(name, std::move(json)).first->second;
}

}  // namespace deps
