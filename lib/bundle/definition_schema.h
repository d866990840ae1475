// What a definition of a bundle asks for of a value, beyond its type.
#ifndef DEPS_LIB_BUNDLE_DEFINITION_SCHEMA_H_
#define DEPS_LIB_BUNDLE_DEFINITION_SCHEMA_H_

#include <optional>
#include <string>

#include "lib/json/json.h"

namespace deps {

// Of several types the one that is not null, where there is only one; else "".
std::string DefinitionType(const json::Value& definition);

// `definition` without what the documents have members for (one type, default,
// $id, writeOnly) and what is for readers only (title, description, $comment,
// examples); absent where nothing is left. Where it refers to others by $ref,
// all `definitions` of the bundle (may be nullptr) go with it, so that the
// result stands for itself.
std::optional<JsonText> SchemaBeyondType(const json::Value& definition,
                                         const json::Value* definitions);

// The same of an entry of porter.yaml, in which keywords of JSON Schema stand
// among Porter's own members. `type: file` is base64 in JSON.
std::optional<JsonText> SchemaOfManifestEntry(const json::Value& entry);

}  // namespace deps

#endif  // DEPS_LIB_BUNDLE_DEFINITION_SCHEMA_H_
