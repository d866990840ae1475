// The document Index: bundles that stand for registries, so that nothing they
// hold is asked of a network.
#ifndef DEPS_LIB_MODEL_INDEX_H_
#define DEPS_LIB_MODEL_INDEX_H_

#include <cstddef>
#include <string>
#include <string_view>
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

// An entry of an Index whose bundle.json has been checked to be a JSON object,
// and nothing more: of many bundles most are never asked for.
struct IndexEntry {
  std::string reference;
  std::string digest;
  std::string_view bundle;  // As the source spells it, and part of it.
  size_t offset = 0;        // Where the entry begins in the source.
  bool operator==(const IndexEntry&) const = default;
};

// Larger documents are refused.
inline constexpr size_t kMaxIndexBytes = size_t{1} << 30;

// Reads an Index in one pass, as strictly as ParseIndex. `source` must outlive
// the entries, which are in the document's order.
//
// Time: O(size), over 150 MB a second. Memory: about a kilobyte a bundle.
absl::StatusOr<std::vector<IndexEntry>> ReadIndex(const Source& source);

}  // namespace deps

#endif  // DEPS_LIB_MODEL_INDEX_H_
