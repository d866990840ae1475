// The document Index: bundles that stand for registries, so that nothing they
// hold is asked of a network.
#ifndef DEPS_LIB_MODEL_INDEX_H_
#define DEPS_LIB_MODEL_INDEX_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"

namespace deps {

struct IndexedBundle {
  std::string reference;  // REPO:TAG
  std::string
      digest;       // Of the index in the registry; "" means SHA-256 of the canonical bundle.json.
  JsonText bundle;  // bundle.json
  bool operator==(const IndexedBundle&) const = default;
};

struct Index {
  std::vector<IndexedBundle> bundles;
  bool operator==(const Index&) const = default;
};

std::string FormatIndex(const Index& index);
absl::StatusOr<Index> ParseIndex(const Source& source);

}  // namespace deps

#endif  // DEPS_LIB_MODEL_INDEX_H_
