#include "lib/run/porter_outputs.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/json.h"
#include "lib/run/collect.h"

namespace deps {

absl::StatusOr<std::vector<ImportedOutput>> ParsePorterOutputs(const Source& source) {
  DEPS_ASSIGN_OR_RETURN(const json::Value document, json::Parse(source));
  if (!document.IsArray()) {
    return MakeError({.id = DiagnosticId::kDocumentType,
                      .message = "an array of outputs is expected",
                      .location = {.file = source.name}});
  }
  std::vector<ImportedOutput> outputs;
  for (size_t i = 0; i < document.items.size(); ++i) {
    json::ObjectReader reader(source, document.items[i], json::PointerStep(i));
    ImportedOutput output;
    std::string value;
    std::string key;
    reader.Optional("namespace", &output.installation.name_space);
    reader.Required("installation", &output.installation.name);
    reader.Required("name", &output.output.name);
    reader.Optional("resultId", &output.result);
    reader.Optional("key", &key);
    reader.Optional("value", &value);
    std::string bytes;
    if (!absl::Base64Unescape(value, &bytes)) {
      reader.Fail(DiagnosticId::kDocumentValue, "value", "the value is not base64");
    }
    reader.IgnoreRest();
    DEPS_RETURN_IF_ERROR(reader.Finish());
    if (!key.empty()) continue;
    output.output.value = AsJson("", bytes);
    outputs.push_back(std::move(output));
  }
  return outputs;
}

std::vector<StoredOutput> OutputsOf(const std::vector<ImportedOutput>& outputs,
                                    Installation* installation) {
  std::map<std::string, const ImportedOutput*> newest;
  for (const ImportedOutput& output : outputs) {
    if (output.installation != installation->name) continue;
    const ImportedOutput*& known = newest[output.output.name];
    if (known == nullptr || known->result <= output.result) known = &output;
  }
  std::vector<StoredOutput> found;
  for (const auto& [name, output] : newest) {
    found.push_back(output->output);
    auto& names = installation->outputs;
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  std::sort(installation->outputs.begin(), installation->outputs.end());
  if (!found.empty()) installation->outputs_known = true;
  return found;
}

}  // namespace deps
