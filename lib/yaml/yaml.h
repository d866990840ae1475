// YAML, read as the JSON value that it spells, with positions.
//
// Of plain scalars only `true`, `false`, `null`, `~`, nothing at all, and what
// is a number in JSON are no text: `no`, `0x1F` and `1.2.3` are what they look
// like. Quoted scalars and those tagged !!str are text. Merge keys (<<) count.
#ifndef DEPS_LIB_YAML_YAML_H_
#define DEPS_LIB_YAML_YAML_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"

namespace deps::yaml {

struct ParseLimits {
  int depth = 64;
  size_t bytes = size_t{16} << 20;
  size_t nodes = 1000000;  // After every alias is replaced by what it stands for.
};

// Parses a whole text as one document; an empty one is null. Of every scalar
// `text` is what was written, whatever its kind is. Mappings stay in their
// order; keys are text.
//
// Time: O(size + nodes).
// Errors, with line and column: yaml-syntax (also: a second document, a key
// that is no scalar, an alias of nothing, nodes beyond the limit),
// yaml-duplicate-key, json-depth, input-too-large.
absl::StatusOr<json::Value> Parse(const Source& source, const ParseLimits& limits = {});

// What was written, where a text is meant: `version: 1.0` means "1.0". nullopt
// for null, sequences and mappings.
std::optional<std::string> TextOf(const json::Value& value);

}  // namespace deps::yaml

#endif  // DEPS_LIB_YAML_YAML_H_
