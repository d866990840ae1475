// BUNDLE, as Graph, Solution and Plan hold it. Private to this package.
#ifndef DEPS_LIB_MODEL_BUNDLE_JSON_H_
#define DEPS_LIB_MODEL_BUNDLE_JSON_H_

#include <string>

#include "absl/status/status.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"
#include "lib/json/text_writer.h"
#include "lib/model/bundle.h"

namespace deps {

void WriteBundle(json::TextWriter& out, const Bundle& bundle);
absl::Status BundleFromJson(const Source& source, const json::Value& value, std::string pointer,
                            Bundle* out);

}  // namespace deps

#endif  // DEPS_LIB_MODEL_BUNDLE_JSON_H_
