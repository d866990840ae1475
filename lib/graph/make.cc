#include "lib/graph/make.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "lib/base/status_macros.h"
#include "lib/bundle/lookahead.h"
#include "lib/diag/diagnostic.h"
#include "lib/graph/check.h"
#include "lib/graph/default_choice.h"

namespace deps {
namespace {

// Takes what is an error out of a graph's diagnostics.
std::vector<Diagnostic> TakeErrors(std::vector<Diagnostic>* diagnostics) {
  std::vector<Diagnostic> errors;
  std::vector<Diagnostic> rest;
  for (Diagnostic& diagnostic : *diagnostics) {
    (diagnostic.severity == Severity::kError ? errors : rest).push_back(std::move(diagnostic));
  }
  *diagnostics = std::move(rest);
  return errors;
}

// Rather than out of reach.
bool IsWrong(const Diagnostic& diagnostic) {
  return InfoOf(diagnostic.id).diagnostic_class == DiagnosticClass::kInput;
}

void Append(std::vector<Diagnostic> more, std::vector<Diagnostic>* all) {
  all->insert(all->end(), std::make_move_iterator(more.begin()),
              std::make_move_iterator(more.end()));
}

void AddMistakes(const std::vector<Diagnostic>& mistakes, std::vector<Diagnostic>* errors) {
  if (mistakes.empty()) return;
  const auto follows = [&](const Diagnostic& error) {
    if (!IsWrong(error)) return true;
    return std::any_of(mistakes.begin(), mistakes.end(), [&](const Diagnostic& mistake) {
      return mistake.location.file == error.location.file &&
             mistake.location.line == error.location.line &&
             mistake.location.column == error.location.column;
    });
  };
  errors->erase(std::remove_if(errors->begin(), errors->end(), follows), errors->end());
  errors->insert(errors->end(), mistakes.begin(), mistakes.end());
}

// What could not be looked up comes first, since the rest may follow from it;
// then what is wrong, in the order of its places.
void SortByPlace(std::vector<Diagnostic>* errors) {
  const auto place = [](const Diagnostic& diagnostic) {
    const Location& location = diagnostic.location;
    return IsWrong(diagnostic)
               ? std::tuple(true, std::string_view(location.file), location.line, location.column)
               : std::tuple(false, std::string_view(), 0, 0);
  };
  std::stable_sort(errors->begin(), errors->end(),
                   [&](const Diagnostic& a, const Diagnostic& b) { return place(a) < place(b); });
}

}  // namespace

absl::StatusOr<Graph> MakeGraph(std::shared_ptr<const BundleDefinition> root, Catalog& catalog,
                                const GraphOptions& options) {
  const Chooser choose = [&](const std::string&,
                             const std::vector<const Requirement*>& requirements) {
    return absl::StatusOr<NodeChoice>(ChooseDefault(catalog, requirements, options.keep_going));
  };
  Lookahead lookahead(catalog, Lookahead::Guess::kReference);
  const Foresight foresee = [&](const std::string&,
                                const std::vector<const Requirement*>& requirements) {
    for (const Requirement* requirement : requirements) lookahead.Expect(requirement->dependency);
  };
  absl::StatusOr<Expansion> expanded = ExpandAll(std::move(root), options.expand, choose, foresee);
  if (!expanded.ok() && !options.mistakes.empty()) return MakeErrors(options.mistakes);
  DEPS_ASSIGN_OR_RETURN(Expansion expansion, std::move(expanded));
  // What could not be looked up comes first: the rest may follow from it.
  std::vector<Diagnostic> errors = TakeErrors(&expansion.graph.diagnostics);
  Append(std::move(expansion.errors), &errors);
  std::vector<Diagnostic> found = CheckGraph(expansion.graph, expansion.definitions);
  Append(TakeErrors(&found), &errors);
  Append(std::move(found), &expansion.graph.diagnostics);
  AddMistakes(options.mistakes, &errors);
  SortByPlace(&errors);
  if (!errors.empty()) return MakeErrors(std::move(errors));
  return std::move(expansion.graph);
}

absl::Status CheckRoot(const BundleDefinition& root, const GraphOptions& options) {
  std::vector<Diagnostic> errors =
      DiagnosticsOf(RequirementsOf(std::string(kRootKey), root, options.expand).status());
  AddMistakes(options.mistakes, &errors);
  SortByPlace(&errors);
  return errors.empty() ? absl::OkStatus() : MakeErrors(std::move(errors));
}

}  // namespace deps
