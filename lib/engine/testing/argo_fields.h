// Which fields the kinds of Argo Workflows and of Kubernetes have, as far as a
// workflow of ours could use them. Source: the JSON schema that Argo publishes,
// which itself refuses no unknown field.
#ifndef DEPS_LIB_ENGINE_TESTING_ARGO_FIELDS_H_
#define DEPS_LIB_ENGINE_TESTING_ARGO_FIELDS_H_

#include <string>
#include <string_view>
#include <vector>

#include "lib/json/json.h"

namespace deps {

// What is wrong with `value` as a `kind` ("Workflow", "Lease", …): unknown
// fields, wrong types, required fields that are absent. Each begins with the
// field's path, as Kubernetes writes it.
std::vector<std::string> FieldErrors(const json::Value& value, std::string_view kind);

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_TESTING_ARGO_FIELDS_H_
