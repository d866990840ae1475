#include "lib/solve/explain.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/solve/wording.h"

namespace deps {
namespace {

// Of a circle of more than twice as many these are named, and the last.
constexpr size_t kFirstOfCircle = 8;

// What one step may follow from: more facts than these nobody takes in at once.
constexpr size_t kMaxFacts = 8;
constexpr size_t kMaxSteps = 20;
constexpr size_t kMaxNodes = 50;

// A derived incompatibility that is told, and what it follows from: leaves of
// the proof and other steps.
struct Step {
  size_t conclusion = 0;
  std::vector<size_t> leaves;
  std::vector<size_t> steps;  // Their conclusions.
};

// The facts that the last conclusion follows from.
std::vector<size_t> LeavesOf(const Proof& proof) {
  std::vector<bool> needed(proof.size(), false);
  needed.back() = true;
  std::vector<size_t> leaves;
  for (size_t i = proof.size(); i-- > 0;) {
    if (!needed[i]) continue;
    if (proof[i].cause != Incompatibility::Cause::kDerived) {
      leaves.push_back(i);
    } else {
      for (const size_t parent : proof[i].parents) needed[parent] = true;
    }
  }
  return leaves;
}

// Cuts the proof into steps. What is used twice is a step of its own, and so is
// what would make another one too long.
class Cutter {
 public:
  explicit Cutter(const Proof& proof) : proof_(proof), uses_(proof.size(), 0) {}

  std::vector<Step> Run() {
    std::vector<bool> needed(proof_.size(), false);
    needed.back() = true;
    for (size_t i = proof_.size(); i-- > 0;) {
      if (!needed[i] || proof_[i].cause != Incompatibility::Cause::kDerived) continue;
      for (const size_t parent : proof_[i].parents) {
        needed[parent] = true;
        ++uses_[parent];
      }
    }
    for (size_t i = 0; i < proof_.size(); ++i) {
      if (needed[i]) Gather(i);
    }
    return std::move(steps_);
  }

 private:
  void Gather(size_t at) {
    const Incompatibility& one = proof_[at];
    Step& step = open_[at];
    step.conclusion = at;
    if (one.cause != Incompatibility::Cause::kDerived) {
      step.leaves = {at};
      if (at + 1 == proof_.size()) steps_.push_back(step);
      return;
    }
    std::vector<size_t> parents(one.parents, one.parents + 2);
    // The longer one becomes a step where both together are too long.
    if (Size(parents[0]) > Size(parents[1])) std::swap(parents[0], parents[1]);
    if (Size(parents[0]) + Size(parents[1]) > kMaxFacts) Cut(parents[1]);
    if (Size(parents[0]) + Size(parents[1]) > kMaxFacts) Cut(parents[0]);
    for (const size_t parent : parents) {
      const Step& from = open_.at(parent);
      Merge(from.leaves, &step.leaves);
      Merge(from.steps, &step.steps);
    }
    const bool is_last = at + 1 == proof_.size();
    if (is_last) return steps_.push_back(step);
    if (uses_[at] > 1) Cut(at);
  }

  size_t Size(size_t at) const {
    const Step& step = open_.at(at);
    return step.leaves.size() + step.steps.size();
  }

  // Tells it now; who needs it names it.
  void Cut(size_t at) {
    Step& step = open_.at(at);
    if (Size(at) < 2) return;
    steps_.push_back(step);
    step.leaves.clear();
    step.steps = {at};
  }

  static void Merge(const std::vector<size_t>& from, std::vector<size_t>* to) {
    to->insert(to->end(), from.begin(), from.end());
    std::sort(to->begin(), to->end());
    to->erase(std::unique(to->begin(), to->end()), to->end());
  }

  const Proof& proof_;
  std::vector<int> uses_;
  std::map<size_t, Step> open_;
  std::vector<Step> steps_;
};

class Explainer {
 public:
  Explainer(const Proof& proof, const PackageSpace& space)
      : proof_(proof), space_(space), wording_(space, PackagesOf(proof)) {}

  std::vector<Explanation> Run() {
    std::vector<Step> steps = Cutter(proof_).Run();
    if (steps.size() > 1) {
      if (const Incompatibility* circle = OnlyCircle()) return {TellCircle(*circle)};
    }
    size_t left_out = 0;
    if (steps.size() > kMaxSteps) {
      left_out = steps.size() - kMaxSteps;
      steps.erase(steps.begin() + kMaxSteps / 2, steps.begin() + kMaxSteps / 2 + left_out);
    }
    for (size_t i = 0; i < steps.size(); ++i) number_[steps[i].conclusion] = i + 1;
    std::vector<Explanation> told;
    for (const Step& step : steps) told.push_back(Tell(step));
    if (left_out > 0) {
      std::vector<std::string>& because = told[kMaxSteps / 2].because;
      because.insert(because.begin(),
                     absl::StrCat(left_out, " steps before this one are left out"));
    }
    return told;
  }

 private:
  // The circle, where nothing else is in the way and nobody has a choice: each
  // requirement leaves one candidate. Then the order of the steps says nothing.
  const Incompatibility* OnlyCircle() const {
    const Incompatibility* circle = nullptr;
    for (const size_t leaf : LeavesOf(proof_)) {
      const Incompatibility& one = proof_[leaf];
      if (one.cause == Incompatibility::Cause::kExcludes) {
        if (circle != nullptr) return nullptr;
        circle = &one;
      } else if (one.cause != Incompatibility::Cause::kRequires || one.terms.size() != 2 ||
                 Rest(one.terms.back()).Count() != 1) {
        return nullptr;
      }
    }
    return circle;
  }

  Explanation TellCircle(const Incompatibility& one) const {
    const std::vector<PackageId>& circle = space_.Circle(one.id);
    Explanation told{.message = Conclusion(proof_.back()), .because = {Circle(circle)}};
    told.because.push_back("of each bundle that is needed on the way only one will do");
    for (size_t i = 0; i < std::min(circle.size(), kMaxNodes); ++i) {
      told.nodes.push_back(space_.package(circle[i]).path);
    }
    std::sort(told.nodes.begin(), told.nodes.end());
    return told;
  }

  Explanation Tell(const Step& step) {
    Explanation told;
    for (const size_t earlier : step.steps) {
      const auto number = number_.find(earlier);
      told.because.push_back(absl::StrCat(
          Conclusion(proof_[earlier]),
          number == number_.end() ? " (left out)" : absl::StrCat(" (step ", number->second, ")")));
    }
    AddNeeds(step, &told.because);
    AddOutcomes(step, &told.because);
    for (const size_t leaf : step.leaves) {
      if (proof_[leaf].cause == Incompatibility::Cause::kExcludes) {
        told.because.push_back(Circle(space_.Circle(proof_[leaf].id)));
      }
    }
    told.message = Conclusion(proof_[step.conclusion]);
    AddNodes(step, &told.nodes);
    return told;
  }

  // "web needs auth, which needs web again: a circle"
  std::string Circle(const std::vector<PackageId>& circle) const {
    std::string text = absl::StrCat(wording_.Name(circle.front()), " waits for ");
    for (size_t i = 1; i < circle.size(); ++i) {
      if (i == kFirstOfCircle && circle.size() > 2 * kFirstOfCircle) {
        absl::StrAppend(&text, "… (", circle.size() - 1 - i, " more), which wait for ");
        i = circle.size() - 1;
      }
      absl::StrAppend(&text, wording_.Name(circle[i]), ", which waits for ");
    }
    return absl::StrCat(text, wording_.Name(circle.front()), ": a circle");
  }

  // "web 1.0.0 needs db ^2 and cache ^1": a line for each bundle that asks.
  void AddNeeds(const Step& step, std::vector<std::string>* because) const {
    struct Need {
      PackageId parent;
      CandidateSet candidates;
      std::vector<std::string> demands;
    };
    std::vector<Need> needs;
    for (const size_t leaf : step.leaves) {
      const Incompatibility& one = proof_[leaf];
      if (one.cause != Incompatibility::Cause::kRequires) continue;
      const Term& asks = one.terms.front();
      auto need = std::find_if(needs.begin(), needs.end(), [&](const Need& known) {
        return known.parent == asks.package && known.candidates == asks.set;
      });
      if (need == needs.end()) need = needs.insert(need, {asks.package, asks.set, {}});
      const std::string demand = wording_.Demand(one.id);
      if (std::find(need->demands.begin(), need->demands.end(), demand) == need->demands.end()) {
        need->demands.push_back(demand);
      }
    }
    std::stable_sort(needs.begin(), needs.end(), [](const Need& a, const Need& b) {
      if (a.parent != b.parent) return a.parent < b.parent;
      return a.candidates.First() < b.candidates.First();
    });
    for (Need& need : needs) {
      std::sort(need.demands.begin(), need.demands.end());
      const bool one = wording_.IsOne(need.parent, need.candidates) ||
                       wording_.Some(need.parent, need.candidates).rfind("every ", 0) == 0;
      because->push_back(absl::StrCat(wording_.Some(need.parent, need.candidates),
                                      one ? " needs " : " need ", JoinWords(need.demands)));
    }
  }

  // For each package that is asked for here: what there is, and what speaks
  // against it.
  void AddOutcomes(const Step& step, std::vector<std::string>* because) const {
    std::map<PackageId, std::vector<int>> asked;
    for (const size_t leaf : step.leaves) {
      const Incompatibility& one = proof_[leaf];
      if (one.cause == Incompatibility::Cause::kRequires) asked[one.required].push_back(one.id);
    }
    for (const auto& [package, requirements] : asked) AddOutcome(package, requirements, because);
  }

  void AddOutcome(PackageId package, const std::vector<int>& requirements,
                  std::vector<std::string>* because) const {
    const size_t count = space_.package(package).candidates.size();
    std::vector<std::pair<std::string, CandidateSet>> reasons;
    size_t refused = 0;
    for (size_t candidate = 0; candidate < count; ++candidate) {
      const std::string reason = Reason(requirements, candidate);
      if (reason.empty()) continue;
      ++refused;
      auto known = std::find_if(reasons.begin(), reasons.end(),
                                [&](const auto& one) { return one.first == reason; });
      if (known == reasons.end()) {
        known = reasons.insert(known, {reason, CandidateSet(count)});
      }
      known->second.Add(candidate);
    }
    if (refused < count) return AddLacking(package, reasons, because);
    std::set<PackageId> parents;
    for (const int requirement : requirements) parents.insert(space_.asked(requirement).parent);
    because->push_back(parents.size() > 1
                           ? absl::StrCat(Shared(package, parents), ReasonList(package, reasons))
                           : Refused(package, requirements.front(), reasons));
  }

  std::string Reason(const std::vector<int>& requirements, size_t candidate) const {
    for (const int requirement : requirements) {
      const std::string reason = space_.KnownRefusal(requirement, candidate);
      if (!reason.empty()) return reason;
    }
    return "";
  }

  // What makes them one node.
  std::string Shared(PackageId package, const std::set<PackageId>& parents) const {
    const Asked& asked = space_.asked(space_.package(package).asked.front());
    const std::string& name = wording_.Name(package);
    std::vector<std::string> names;
    for (const PackageId parent : parents) names.push_back(wording_.Name(parent));
    std::sort(names.begin(), names.end());
    const std::string group =
        asked.Group().empty() ? "" : absl::StrCat(" in group \"", asked.Group(), "\"");
    return absl::StrCat(JoinWords(names), " share one ", name, group, ", and no ", name, " suits ",
                        parents.size() == 2 ? "both" : "all", ": ");
  }

  std::string Refused(PackageId package, int requirement,
                      const std::vector<std::pair<std::string, CandidateSet>>& reasons) const {
    const Asked& asked = space_.asked(requirement);
    if (reasons.empty()) return wording_.Stock(package);
    if (space_.package(package).use != nullptr) {
      const auto& [reason, candidates] = reasons.front();
      return absl::StrCat("--use names ", wording_.List(package, candidates), ", which ", reason);
    }
    const std::string& first = reasons.front().first;
    if (asked.only_reference && reasons.size() == 1 && first == "is not there") {
      return absl::StrCat("there is no ", asked.requirement.dependency.reference);
    }
    if (reasons.size() == 1 && first.rfind("is not in ", 0) == 0) {
      return absl::StrCat("there is none: ", wording_.Stock(package));
    }
    return absl::StrCat("no ", wording_.Name(package), " will do: ", ReasonList(package, reasons));
  }

  std::string ReasonList(PackageId package,
                         const std::vector<std::pair<std::string, CandidateSet>>& reasons) const {
    std::vector<std::string> parts;
    for (const auto& [reason, candidates] : reasons) {
      const std::string list = wording_.List(package, candidates);
      parts.push_back(
          absl::StrCat(list, " ", wording_.IsOne(package, candidates) ? reason : InPlural(reason)));
    }
    return absl::StrJoin(parts, "; ");
  }

  static std::string InPlural(const std::string& reason) {
    for (const auto& [one, many] :
         {std::pair<std::string, std::string>{"is a prerelease", "are prereleases"},
          {"is no patch", "are no patches"},
          {"is ", "are "},
          {"lacks ", "lack "},
          {"has ", "have "},
          {"comes ", "come "}}) {
      if (reason.rfind(one, 0) == 0) return many + reason.substr(one.size());
    }
    return reason;
  }

  // Of a package that is not out of candidates: those that are in range and
  // still not good.
  void AddLacking(PackageId package,
                  const std::vector<std::pair<std::string, CandidateSet>>& reasons,
                  std::vector<std::string>* because) const {
    for (const auto& reason : reasons) {
      const std::string& text = reason.first;
      if (text.rfind("is not in ", 0) == 0 || text.rfind("is not ", 0) == 0) continue;
      because->push_back(absl::StrCat(wording_.Name(package), " ", ReasonList(package, {reason})));
    }
  }

  // What an incompatibility means: what cannot be, or what follows.
  std::string Conclusion(const Incompatibility& one) const {
    std::vector<std::string> present;
    std::vector<std::string> then;
    bool single = true;
    for (const Term& term : one.terms) {
      if (term.set.HasAbsence()) {
        then.push_back(Remaining(term));
      } else if (term.package != PackageSpace::kRoot) {
        present.push_back(
            wording_.Some(term.package, term.set, one.terms.size() > 2 ? "or" : "and"));
        single = wording_.IsOne(term.package, term.set);
      }
    }
    if (present.empty() && then.empty()) {
      return absl::StrCat("there is no solution for ", space_.root().bundle.name, " ",
                          space_.root().bundle.version);
    }
    if (present.empty()) return absl::StrCat("only ", JoinWords(then, "or"), " can be used");
    if (!then.empty()) {
      return absl::StrCat(JoinWords(present, "with"),
                          present.size() == 1 && single ? " works" : " work", " only with ",
                          JoinWords(then, "or"));
    }
    if (present.size() == 1) return absl::StrCat(present.front(), " cannot be used");
    return absl::StrCat(JoinWords(present), " cannot be used together");
  }

  // The candidates that are not in a negative term.
  std::string Remaining(const Term& term) const {
    return wording_.Some(term.package, Rest(term), "or");
  }

  CandidateSet Rest(const Term& term) const {
    const size_t count = space_.package(term.package).candidates.size();
    CandidateSet rest = CandidateSet::Range(count, 0, count);
    rest -= term.set;
    return rest;
  }

  void AddNodes(const Step& step, std::vector<std::string>* nodes) const {
    std::set<std::string> paths;
    const auto add = [&](const Incompatibility& one) {
      for (const Term& term : one.terms) paths.insert(space_.package(term.package).path);
      if (one.cause == Incompatibility::Cause::kRequires) {
        paths.insert(space_.package(one.required).path);
      }
    };
    for (const size_t leaf : step.leaves) add(proof_[leaf]);
    for (const size_t earlier : step.steps) add(proof_[earlier]);
    for (const std::string& path : paths) {
      if (nodes->size() < kMaxNodes) nodes->push_back(path);
    }
  }

  const Proof& proof_;
  const PackageSpace& space_;
  const Wording wording_;
  std::map<size_t, size_t> number_;
};

}  // namespace

std::set<PackageId> PackagesOf(const Proof& proof) {
  std::set<PackageId> packages = {PackageSpace::kRoot};
  for (const Incompatibility& one : proof) {
    for (const Term& term : one.terms) packages.insert(term.package);
    if (one.cause == Incompatibility::Cause::kRequires) packages.insert(one.required);
  }
  return packages;
}

std::vector<Explanation> Explain(const Proof& proof, const PackageSpace& space) {
  return Explainer(proof, space).Run();
}

}  // namespace deps
