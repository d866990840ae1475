#include "lib/solve/candidate_set.h"

#include <algorithm>

#include "absl/numeric/bits.h"

namespace deps {

CandidateSet CandidateSet::Range(size_t candidates, size_t begin, size_t end) {
  CandidateSet set(candidates);
  end = std::min(end, candidates);
  for (size_t word = 0; word < set.words_.size(); ++word) {
    const size_t first = std::max(begin + 1, word * 64);
    const size_t last = std::min(end + 1, word * 64 + 64);  // Not included.
    if (first >= last) continue;
    set.words_[word] = (~uint64_t{0} >> (64 - (last - first))) << (first % 64);
  }
  return set;
}

CandidateSet CandidateSet::Everything(size_t candidates) {
  CandidateSet set = Range(candidates, 0, candidates);
  set.words_[0] |= Mask(0);
  return set;
}

bool CandidateSet::IsEmpty() const {
  return std::all_of(words_.begin(), words_.end(), [](uint64_t word) { return word == 0; });
}

size_t CandidateSet::Count() const {
  size_t count = 0;
  for (const uint64_t word : words_) count += absl::popcount(word);
  return count - (!words_.empty() && HasAbsence() ? 1 : 0);
}

size_t CandidateSet::First(size_t from) const {
  const size_t member = from + 1;
  for (size_t word = member / 64; word < words_.size(); ++word) {
    const uint64_t low = word == member / 64 ? Mask(member) - 1 : 0;
    const uint64_t members = words_[word] & ~low;
    if (members != 0) return word * 64 + absl::countr_zero(members) - 1;
  }
  return kNone;
}

CandidateSet& CandidateSet::operator|=(const CandidateSet& other) {
  for (size_t word = 0; word < words_.size(); ++word) words_[word] |= other.words_[word];
  return *this;
}

CandidateSet& CandidateSet::operator&=(const CandidateSet& other) {
  for (size_t word = 0; word < words_.size(); ++word) words_[word] &= other.words_[word];
  return *this;
}

CandidateSet& CandidateSet::operator-=(const CandidateSet& other) {
  for (size_t word = 0; word < words_.size(); ++word) words_[word] &= ~other.words_[word];
  return *this;
}

void CandidateSet::Remove(const CandidateSet& other, SteadyVector<Part>* removed) {
  uint64_t* words = words_.data();
  const uint64_t* others = other.words_.data();
  for (size_t word = 0, end = words_.size(); word < end; ++word) {
    const uint64_t members = words[word] & others[word];
    if (members == 0) continue;
    words[word] &= ~members;
    removed->Append() = {static_cast<uint32_t>(word), members};
  }
}

}  // namespace deps
