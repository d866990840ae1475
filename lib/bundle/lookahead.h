// Asking registries for what will be needed soon, several at once.
#ifndef DEPS_LIB_BUNDLE_LOOKAHEAD_H_
#define DEPS_LIB_BUNDLE_LOOKAHEAD_H_

#include <string>

#include "absl/container/flat_hash_set.h"
#include "lib/bundle/catalog.h"
#include "lib/bundle/prefetch.h"
#include "lib/model/bundle.h"

namespace deps {

// What is found is in the catalog when it is asked for; what fails, fails there
// again. Nothing that is decided depends on when something arrives.
class Lookahead {
 public:
  // Which bundle a dependency will most likely be.
  enum class Guess {
    kReference,  // That of its reference; where that has no tag, the highest version in range.
    kHighest,    // The highest version in range; that of the reference where it has no range.
  };

  // `catalog` must outlive the object.
  Lookahead(Catalog& catalog, Guess guess) : catalog_(catalog), guess_(guess) {}

  // Begins to fetch the tags, where they count, and then the likeliest bundle.
  // What no network would be asked for is left alone, and so is what was
  // expected before.
  void Expect(const Dependency& dependency);
  // Begins to fetch the bundle of a reference.
  void ExpectBundle(const std::string& reference);
  // Begins to ask for the digest of a reference (Catalog::Digest).
  void ExpectDigest(const std::string& reference);

 private:
  Catalog& catalog_;
  const Guess guess_;
  absl::flat_hash_set<std::string> expected_;
  Prefetch prefetch_;  // The last: its threads end before the rest goes.
};

}  // namespace deps

#endif  // DEPS_LIB_BUNDLE_LOOKAHEAD_H_
