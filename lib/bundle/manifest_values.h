// Steps that the readers of a porter.yaml share. YAML spells values more loosely
// than JSON does: a text may look like a number, and nothing is null.
#ifndef DEPS_LIB_BUNDLE_MANIFEST_VALUES_H_
#define DEPS_LIB_BUNDLE_MANIFEST_VALUES_H_

#include <string>
#include <string_view>
#include <vector>

#include "lib/json/json.h"

namespace deps {

// What is written for a scalar, as text: `version: 1.0` is no number.
void MakeText(json::Value* value);

// The same for members of `object` by name, or for all where none are named.
void MakeTexts(json::Value* object, const std::vector<std::string_view>& keys = {});

// The member, allowed in `reader`; nullptr where it is absent or null, as YAML
// writes an empty list.
json::Value* NonNull(json::ObjectReader& reader, json::Value& object, std::string_view key);

// Whether `value`, the member `key`, is of this kind; else the reader has
// bundle-invalid.
bool Expect(json::ObjectReader& reader, const json::Value& value, json::Kind kind,
            std::string_view key);

// Allows what is none of `known`, as Porter does, unless it is close to one of
// them: a misspelt member would silently wire nothing.
void IgnoreForeign(json::ObjectReader& reader, const json::Value& object,
                   const std::vector<std::string>& known);

// The variable that Porter takes where a parameter names none.
std::string EnvironmentName(std::string_view parameter);

}  // namespace deps

#endif  // DEPS_LIB_BUNDLE_MANIFEST_VALUES_H_
