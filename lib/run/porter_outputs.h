// Porter's documents of outputs, for deps-run import.
#ifndef DEPS_LIB_RUN_PORTER_OUTPUTS_H_
#define DEPS_LIB_RUN_PORTER_OUTPUTS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "lib/diag/source.h"
#include "lib/model/graph.h"
#include "lib/model/installation.h"
#include "lib/state/store.h"

namespace deps {

struct ImportedOutput {
  InstallationName installation;
  std::string result;  // The id of the result that it is of; sorts by time.
  StoredOutput output;
};

// An array of them, storage schema 1.0.2: namespace, installation, name, value in
// base64. One that is in Porter's secret store (member "key") is left out: its
// value is not in the document.
// Errors: those of json; document-value for a value that is not base64.
absl::StatusOr<std::vector<ImportedOutput>> ParsePorterOutputs(const Source& source);

// The newest of each name that are of `installation`, which learns their names.
std::vector<StoredOutput> OutputsOf(const std::vector<ImportedOutput>& outputs,
                                    Installation* installation);

}  // namespace deps

#endif  // DEPS_LIB_RUN_PORTER_OUTPUTS_H_
