// The bundle.json of a plan's bundles as their authors wrote them.
#ifndef DEPS_LIB_RUN_BUNDLE_SOURCE_H_
#define DEPS_LIB_RUN_BUNDLE_SOURCE_H_

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "lib/model/bundle.h"
#include "lib/oci/registry.h"

namespace deps {

// Asks registries by digest, each bundle once. For several threads.
class BundleSource {
 public:
  explicit BundleSource(std::unique_ptr<Registry> registry) : registry_(std::move(registry)) {}

  // The bytes that the bundle's digest names; verified.
  // Errors: those of FetchBundle; registry-not-found where the plan knows no
  // registry or no digest of it.
  absl::StatusOr<std::string> Json(const Bundle& bundle);

 private:
  const std::unique_ptr<Registry> registry_;
  absl::Mutex mutex_;
  // By REPOSITORY@DIGEST. Errors are kept too: each task would meet them again.
  std::map<std::string, absl::StatusOr<std::string>> known_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace deps

#endif  // DEPS_LIB_RUN_BUNDLE_SOURCE_H_
