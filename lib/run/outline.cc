#include "lib/run/outline.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/model/plan.h"
#include "lib/secrets/provider.h"

namespace deps {
namespace {

void NoteVariables(const std::map<std::string, ValueSource>& sources, Outline* outline) {
  for (const auto& [name, source] : sources) {
    NoteVariables(source.inputs, outline);
    if (source.kind != ValueSource::Kind::kSecret) continue;
    const absl::StatusOr<SecretReference> reference = ParseSecretReference(source.text);
    if (reference.ok() && reference->provider == "env") {
      outline->secret_variables.insert(reference->locator);
    }
  }
}

}  // namespace

absl::StatusOr<Outline> ReadOutline(const std::string& workflow, Store& store) {
  Outline outline = {.secret_variables = IdentityVariables()};
  absl::flat_hash_map<std::string, uint32_t> places;
  // Needs that come later in the plan than what needs them: it need not be sorted.
  std::vector<std::pair<uint32_t, std::string>> later;
  DEPS_RETURN_IF_ERROR(store.ForEachTask(workflow, [&](const PlannedTask& task) {
    const auto place = static_cast<uint32_t>(outline.tasks.size());
    Outline::Task& added = outline.tasks.emplace_back();
    added.id = task.id;
    added.skipped = task.action == "skip";
    for (const std::string& need : task.needs) {
      if (const auto found = places.find(need); found != places.end()) {
        added.needs.push_back(found->second);
      } else {
        later.emplace_back(place, need);
      }
    }
    places.emplace(task.id, place);
    outline.makes_secrets = outline.makes_secrets ||
                            std::any_of(task.outputs.begin(), task.outputs.end(),
                                        [](const auto& output) { return output.second.sensitive; });
    NoteVariables(task.parameters, &outline);
    NoteVariables(task.credentials, &outline);
    return absl::OkStatus();
  }));
  for (const auto& [place, need] : later) {
    const auto found = places.find(need);
    if (found == places.end()) {
      return MakeError({.id = DiagnosticId::kDocumentValue,
                        .message = absl::StrCat("task '", outline.tasks[place].id, "' needs '",
                                                need, "', which the plan does not have")});
    }
    outline.tasks[place].needs.push_back(found->second);
  }
  for (Outline::Task& task : outline.tasks) std::sort(task.needs.begin(), task.needs.end());
  return outline;
}

}  // namespace deps
