// Places in a text, found in the logarithm of its lines: for files with many.
#ifndef DEPS_LIB_BUNDLE_PLACES_H_
#define DEPS_LIB_BUNDLE_PLACES_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "lib/diag/source.h"
#include "lib/json/json.h"
#include "lib/model/bundle.h"

namespace deps {

class Places {
 public:
  // `source` must outlive the object. O(size), at the first use.
  explicit Places(const Source& source) : source_(source) {}

  // What Source::At says.
  Location At(size_t offset, std::string_view pointer);

  // The place of a member of a dependency, `value`, which was parsed from the
  // source as JSON or YAML: its text, where the source spells it as it is.
  MemberPlace Of(const json::Value& value, std::string member, std::string pointer);

 private:
  const Source& source_;
  std::vector<size_t> lines_;  // Where each begins.
};

}  // namespace deps

#endif  // DEPS_LIB_BUNDLE_PLACES_H_
