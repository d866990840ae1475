#include "lib/solve/table_problem.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace deps {

std::vector<size_t> TableProblem::Rows(PackageId package) const {
  std::vector<size_t> rows;
  for (size_t row = 0; row < table[package].size(); ++row) {
    if (!table[package][row].hidden || shown_.count({package, row}) > 0) rows.push_back(row);
  }
  return rows;
}

absl::StatusOr<size_t> TableProblem::Candidates(PackageId package) { return Rows(package).size(); }

absl::StatusOr<std::vector<PackageRequirement>> TableProblem::Requirements(PackageId package,
                                                                           size_t candidate) {
  ++asked;
  const TableCandidate& asking = table[package][Rows(package)[candidate]];
  for (const auto& revealed : asking.reveals) {
    if (shown_.count(revealed) == 0) pending_[revealed] = true;
  }
  std::vector<PackageRequirement> requirements;
  for (const TableRequirement& requirement : asking.requirements) {
    const size_t count = Rows(requirement.package).size();
    CandidateSet allowed(count);
    for (size_t other = 0; other < count; ++other) {
      if (Admits(requirement, other, false)) allowed.Add(other);
    }
    auto same = std::find_if(known_.begin(), known_.end(), [&](const TableRequirement& known) {
      return known.package == requirement.package && known.allowed == requirement.allowed &&
             known.confirmed == requirement.confirmed;
    });
    if (same == known_.end()) same = known_.insert(known_.end(), requirement);
    requirements.push_back({requirement.package, std::move(allowed),
                            static_cast<int>(same - known_.begin()),
                            !requirement.confirmed.empty()});
  }
  return requirements;
}

bool TableProblem::Admits(const TableRequirement& requirement, size_t candidate,
                          bool closer) const {
  const size_t row = Rows(requirement.package)[candidate];
  return requirement.allowed[row] &&
         (!closer || requirement.confirmed.empty() || requirement.confirmed[row]);
}

absl::StatusOr<bool> TableProblem::Confirms(int requirement, size_t candidate) {
  return Admits(known_[requirement], candidate, true);
}

bool TableProblem::IsExcluded(const Selection& selection,
                              const std::map<PackageId, int>& exclusion) const {
  return std::all_of(exclusion.begin(), exclusion.end(), [&](const auto& choice) {
    const auto& [package, row] = choice;
    if (static_cast<size_t>(package) >= selection.size() || selection[package] < 0) return false;
    return row < 0 || static_cast<int>(Rows(package)[selection[package]]) == row;
  });
}

absl::StatusOr<Exclusion> TableProblem::Verify(const Selection& selection) {
  for (size_t i = 0; i < exclusions.size(); ++i) {
    if (!IsExcluded(selection, exclusions[i])) continue;
    Exclusion exclusion{.id = static_cast<int>(i)};
    for (const auto& [package, row] : exclusions[i]) {
      const size_t count = Rows(package).size();
      CandidateSet set(count);
      for (size_t candidate = 0; candidate < count; ++candidate) {
        if (row < 0 || static_cast<int>(Rows(package)[candidate]) == row) set.Add(candidate);
      }
      exclusion.terms.push_back({package, std::move(set)});
    }
    return exclusion;
  }
  return Exclusion();
}

bool TableProblem::Renew() {
  const bool changed = !pending_.empty();
  shown_.merge(pending_);
  pending_.clear();
  return changed;
}

Selection TableProblem::FirstSolution() {
  Selection selection(table.size(), kNotSelected);
  if (!Extend(&selection, {0})) return Selection();
  while (selection.back() == kNotSelected) selection.pop_back();
  return selection;
}

bool TableProblem::Extend(Selection* selection, std::vector<PackageId> queue) {
  const auto next = std::find_if(queue.begin(), queue.end(), [&](PackageId package) {
    return (*selection)[package] == kNotSelected;
  });
  if (next == queue.end()) {
    return std::none_of(exclusions.begin(), exclusions.end(),
                        [&](const auto& exclusion) { return IsExcluded(*selection, exclusion); });
  }
  const PackageId package = *next;
  const std::vector<size_t> rows = Rows(package);
  for (size_t candidate = 0; candidate < rows.size(); ++candidate) {
    (*selection)[package] = static_cast<int>(candidate);
    std::vector<PackageId> longer = queue;
    for (const TableRequirement& requirement : table[package][rows[candidate]].requirements) {
      longer.push_back(requirement.package);
    }
    if (IsConsistent(*selection) && Extend(selection, std::move(longer))) return true;
  }
  (*selection)[package] = kNotSelected;
  return false;
}

bool TableProblem::IsConsistent(const Selection& selection) const {
  for (size_t package = 0; package < selection.size(); ++package) {
    if (selection[package] == kNotSelected) continue;
    const size_t row = Rows(static_cast<PackageId>(package))[selection[package]];
    for (const TableRequirement& requirement : table[package][row].requirements) {
      const int other = selection[requirement.package];
      if (other != kNotSelected && !Admits(requirement, other, true)) return false;
    }
  }
  return true;
}

std::string TableProblem::DefectOf(const Proof& proof) {
  if (proof.empty()) return "it is empty";
  for (size_t step = 0; step < proof.size(); ++step) {
    const std::string defect = proof[step].cause == Incompatibility::Cause::kDerived
                                   ? StepDefect(proof, step)
                                   : LeafDefect(proof[step]);
    if (!defect.empty()) return absl::StrCat("step ", step, ": ", defect);
  }
  for (const Term& term : proof.back().terms) {
    if (term.package != 0) return "the conclusion is not about the root";
  }
  return "";
}

// Whether what a leaf says can be read in the table.
std::string TableProblem::LeafDefect(const Incompatibility& leaf) {
  if (leaf.cause == Incompatibility::Cause::kExcludes) {
    for (const auto& choice : exclusions[leaf.id]) {
      const PackageId package = choice.first;
      const auto term = std::find_if(leaf.terms.begin(), leaf.terms.end(),
                                     [&](const Term& term) { return term.package == package; });
      const size_t count = Rows(package).size();
      if (term == leaf.terms.end() && count > 0) return "the exclusion has too few terms";
    }
    return leaf.terms.size() > exclusions[leaf.id].size() ? "there is no such exclusion" : "";
  }
  const PackageId by = leaf.terms[0].package;
  const bool open = leaf.terms.size() > 1;
  if (open && leaf.terms[1].package != leaf.required) return "its terms are not in order";
  const std::vector<size_t> rows = Rows(by);
  if (leaf.terms[0].set.Count() == 0 || leaf.terms[0].set.HasAbsence()) return "nobody requires";
  for (size_t candidate = leaf.terms[0].set.First(); candidate != CandidateSet::kNone;
       candidate = leaf.terms[0].set.First(candidate + 1)) {
    const auto& requirements = table[by][rows[candidate]].requirements;
    const bool says = std::any_of(
        requirements.begin(), requirements.end(), [&](const TableRequirement& requirement) {
          if (requirement.package != leaf.required) return false;
          if (leaf.required == by) return !Admits(requirement, candidate, true);
          for (size_t other = 0; other < Rows(leaf.required).size(); ++other) {
            const bool barred = !open || leaf.terms[1].set.Has(other);
            if (barred && Admits(requirement, other, true)) return false;
          }
          return !open || leaf.terms[1].set.HasAbsence();
        });
    if (!says) return absl::StrCat("candidate ", candidate, " does not require that");
  }
  return "";
}

// Whether a step is the resolvent of its parents.
std::string TableProblem::StepDefect(const Proof& proof, size_t step) const {
  const Incompatibility& derived = proof[step];
  std::map<PackageId, std::vector<CandidateSet>> sets;
  for (const size_t parent : derived.parents) {
    if (parent >= step) return "a parent comes after it";
    for (const Term& term : proof[parent].terms) sets[term.package].push_back(term.set);
  }
  std::vector<Term> expected;
  for (auto& [package, both] : sets) {
    CandidateSet set = both[0];
    if (both.size() == 2 && package == derived.pivot) set |= both[1];
    if (both.size() == 2 && package != derived.pivot) set &= both[1];
    const bool everything = set == CandidateSet::Everything(Rows(package).size());
    if (set.IsEmpty()) return "a term is empty";
    if (package == derived.pivot && (both.size() == 1 || everything)) continue;
    expected.push_back({package, std::move(set)});
  }
  if (sets[derived.pivot].empty()) return "neither parent knows the pivot";
  return expected == derived.terms ? "" : "it does not follow";
}

}  // namespace deps
