#include "lib/schema/conforms.h"

#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/json.h"
#include "nlohmann/json.hpp"
#include "valijson/adapters/nlohmann_json_adapter.hpp"
#include "valijson/schema.hpp"
#include "valijson/schema_parser.hpp"
#include "valijson/validation_results.hpp"
#include "valijson/validator.hpp"

namespace deps {
namespace {

using Adapter = valijson::adapters::NlohmannJsonAdapter;

// {"<root>", "[nodes]", "[0]"} as a JSON Pointer.
std::string PointerOf(const std::vector<std::string>& context) {
  std::string pointer;
  for (size_t i = 1; i < context.size(); ++i) {
    const std::string& step = context[i];
    pointer += json::PointerStep(std::string_view(step).substr(1, step.size() - 2));
  }
  return pointer;
}

absl::Status Breaches(valijson::ValidationResults& results, const std::string& file) {
  std::vector<Diagnostic> diagnostics;
  valijson::ValidationResults::Error error;
  while (results.popError(error)) {
    diagnostics.push_back({.id = DiagnosticId::kDocumentValue,
                           .message = error.description,
                           .location = {.file = file, .pointer = PointerOf(error.context)}});
  }
  if (diagnostics.empty()) {
    return MakeError({.id = DiagnosticId::kDocumentValue,
                      .message = "the document is not as its schema asks",
                      .location = {.file = file}});
  }
  return MakeErrors(std::move(diagnostics));
}

absl::Status Validate(const Source& schema, const Source& document) {
  const nlohmann::json schema_json = nlohmann::json::parse(schema.text);
  const nlohmann::json document_json = nlohmann::json::parse(document.text);
  valijson::Schema parsed;
  valijson::SchemaParser(valijson::SchemaParser::kDraft7)
      .populateSchema(Adapter(schema_json), parsed);
  valijson::ValidationResults results;
  if (valijson::Validator().validate(parsed, Adapter(document_json), &results)) {
    return absl::OkStatus();
  }
  return Breaches(results, document.name);
}

}  // namespace

absl::Status ConformsToSchema(const Source& schema, const Source& document) {
  // These refuse what nlohmann takes: keys that occur twice, any depth.
  DEPS_RETURN_IF_ERROR(json::Parse(schema).status());
  DEPS_RETURN_IF_ERROR(json::Parse(document).status());
  try {
    return Validate(schema, document);
  } catch (const std::exception& error) {
    return MakeError({.id = DiagnosticId::kInternal,
                      .message = absl::StrCat("the schema cannot be used: ", error.what()),
                      .location = {.file = schema.name}});
  }
}

}  // namespace deps
