// A set of the candidates of one package, and of its absence.
#ifndef DEPS_LIB_SOLVE_CANDIDATE_SET_H_
#define DEPS_LIB_SOLVE_CANDIDATE_SET_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/numeric/bits.h"
#include "lib/solve/steady_vector.h"

namespace deps {

// One bit for being absent and one for each candidate, so that "not among
// these" is a set like any other. Up to 127 candidates take no memory besides.
//
// Sets that are combined must have been made for the same number of candidates.
class CandidateSet {
 public:
  // No package's: only to be assigned to.
  CandidateSet() = default;
  // The empty set of a package that has so many candidates.
  explicit CandidateSet(size_t candidates) : words_((candidates + 1 + 63) / 64) {}
  // All candidates and absence.
  static CandidateSet Everything(size_t candidates);
  // The candidates from `begin` up to, not including, `end`.
  static CandidateSet Range(size_t candidates, size_t begin, size_t end);

  bool Has(size_t candidate) const { return HasMember(candidate + 1); }
  void Add(size_t candidate) { words_[(candidate + 1) / 64] |= Mask(candidate + 1); }
  void Remove(size_t candidate) { words_[(candidate + 1) / 64] &= ~Mask(candidate + 1); }
  void AddAbsence() { words_[0] |= 1; }
  bool HasAbsence() const { return HasMember(0); }
  // Nothing at all: neither a candidate nor absence.
  bool IsEmpty() const;
  // The candidates in it, without absence.
  size_t Count() const;
  // The first candidate from `from` on; kNone where there is none.
  size_t First(size_t from = 0) const;
  static constexpr size_t kNone = SIZE_MAX;

  bool IsIn(const CandidateSet& other) const;
  CandidateSet& operator|=(const CandidateSet& other);
  CandidateSet& operator&=(const CandidateSet& other);
  CandidateSet& operator-=(const CandidateSet& other);
  bool operator==(const CandidateSet&) const = default;

  template <typename H>
  friend H AbslHashValue(H state, const CandidateSet& set) {
    return H::combine(std::move(state), set.words_);
  }

  // For the search. Member 0 is absence, member n + 1 is candidate n.
  bool HasMember(size_t member) const { return (words_[member / 64] & Mask(member)) != 0; }
  // The first member that `other` does not have; kNone where there is none.
  size_t MemberOutside(const CandidateSet& other) const;
  // What one removal took away, word by word.
  struct Part {
    uint32_t word = 0;
    uint64_t members = 0;
  };
  // Removes what `other` has, and appends that.
  void Remove(const CandidateSet& other, SteadyVector<Part>* removed);
  void Restore(const Part& part) { words_[part.word] |= part.members; }
  // What the set has of the part, which is taken out of it.
  Part TakeFrom(Part* part) const {
    const Part taken = {part->word, part->members & words_[part->word]};
    part->members -= taken.members;
    return taken;
  }
  bool Contains(const Part& part) const { return (part.members & ~words_[part.word]) == 0; }

 private:
  static uint64_t Mask(size_t member) { return uint64_t{1} << (member % 64); }

  absl::InlinedVector<uint64_t, 2> words_;
};

inline size_t CandidateSet::MemberOutside(const CandidateSet& other) const {
  const uint64_t* words = words_.data();
  const uint64_t* others = other.words_.data();
  for (size_t word = 0, end = words_.size(); word < end; ++word) {
    const uint64_t outside = words[word] & ~others[word];
    if (outside != 0) return word * 64 + absl::countr_zero(outside);
  }
  return kNone;
}

inline bool CandidateSet::IsIn(const CandidateSet& other) const {
  return MemberOutside(other) == kNone;
}

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_CANDIDATE_SET_H_
