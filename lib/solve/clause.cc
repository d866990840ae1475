#include "lib/solve/clause.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace deps {
namespace {

using Everything = absl::FunctionRef<const CandidateSet&(PackageId)>;

constexpr size_t kNowhere = SIZE_MAX;

class ProofMaker {
 public:
  ProofMaker(const SteadyVector<Clause>& clauses, Everything everything)
      : clauses_(clauses), everything_(everything), place_(clauses.size(), kNowhere) {}

  Proof Run() {
    MarkNeeded();
    for (size_t id = 0; id < clauses_.size(); ++id) {
      if (!needed_[id]) continue;
      if (clauses_[id].cause == Incompatibility::Cause::kDerived) {
        AddDerived(static_cast<ClauseId>(id));
      } else {
        place_[id] = AddGiven(clauses_[id]);
      }
    }
    // The others came in between.
    proof_.resize(place_.back() + 1);
    return std::move(proof_);
  }

 private:
  // What a clause was derived from is older, unless it is a leaf.
  void MarkNeeded() {
    needed_.assign(clauses_.size(), false);
    needed_.back() = true;
    for (size_t id = clauses_.size(); id-- > 0;) {
      const Clause& clause = clauses_[id];
      if (!needed_[id] || clause.cause != Incompatibility::Cause::kDerived) continue;
      needed_[clause.derivation->start] = true;
      for (const ResolutionStep& step : clause.derivation->steps) needed_[step.with] = true;
    }
  }

  size_t AddGiven(const Clause& clause) {
    Incompatibility leaf{.cause = clause.cause, .id = clause.id, .required = clause.required};
    for (const Term& term : clause.terms) {
      if (term.set != everything_(term.package)) leaf.terms.push_back(term);
    }
    proof_.push_back(std::move(leaf));
    return proof_.size() - 1;
  }

  void AddDerived(ClauseId id) {
    const Derivation& derivation = *clauses_[id].derivation;
    size_t place = place_[derivation.start];
    for (const ResolutionStep& step : derivation.steps) {
      if (Find(proof_[place], step.pivot) == nullptr) continue;  // It does without.
      place = AddResolvent(place, place_[step.with], step.pivot);
    }
    place_[id] = place;
  }

  static const Term* Find(const Incompatibility& from, PackageId package) {
    const auto found = std::find_if(from.terms.begin(), from.terms.end(),
                                    [&](const Term& term) { return term.package == package; });
    return found == from.terms.end() ? nullptr : &*found;
  }

  size_t AddResolvent(size_t left, size_t right, PackageId pivot) {
    Incompatibility resolvent{.parents = {left, right}, .pivot = pivot};
    std::vector<Term>& terms = resolvent.terms;
    for (const size_t parent : {left, right}) {
      terms.insert(terms.end(), proof_[parent].terms.begin(), proof_[parent].terms.end());
    }
    std::stable_sort(terms.begin(), terms.end(),
                     [](const Term& a, const Term& b) { return a.package < b.package; });
    size_t kept = 0;
    for (size_t i = 0; i < terms.size(); ++i) {
      Term term = std::move(terms[i]);
      const bool both = i + 1 < terms.size() && terms[i + 1].package == term.package;
      if (both && term.package == pivot) term.set |= terms[i + 1].set;
      if (both && term.package != pivot) term.set &= terms[i + 1].set;
      const bool dropped = term.package == pivot && (!both || term.set == everything_(pivot));
      if (!dropped) terms[kept++] = std::move(term);
      if (both) ++i;
    }
    terms.resize(kept);
    proof_.push_back(std::move(resolvent));
    return proof_.size() - 1;
  }

  const SteadyVector<Clause>& clauses_;
  const Everything everything_;
  std::vector<bool> needed_;
  std::vector<size_t> place_;  // By clause: where it is in the proof.
  Proof proof_;
};

}  // namespace

Proof MakeProof(const SteadyVector<Clause>& clauses, Everything everything) {
  return ProofMaker(clauses, everything).Run();
}

}  // namespace deps
