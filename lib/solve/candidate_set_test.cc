#include "lib/solve/candidate_set.h"

#include <random>
#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace deps {
namespace {

std::set<size_t> Members(const CandidateSet& set) {
  std::set<size_t> members;
  for (size_t i = set.First(); i != CandidateSet::kNone; i = set.First(i + 1)) members.insert(i);
  return members;
}

class CandidateSetTest : public testing::TestWithParam<size_t> {};

TEST_P(CandidateSetTest, HasWhatASetOfNumbersHas) {
  const size_t size = GetParam();
  std::mt19937 random(1);
  for (int round = 0; round < 20; ++round) {
    CandidateSet a(size), b(size);
    std::set<size_t> in_a, in_b, both, either, only_a;
    for (size_t i = 0; i < size; ++i) {
      if (random() % 3 == 0) a.Add(i), in_a.insert(i);
      if (random() % 3 == 0) b.Add(i), in_b.insert(i);
      if (a.Has(i) || b.Has(i)) either.insert(i);
      if (a.Has(i) && b.Has(i)) both.insert(i);
      if (a.Has(i) && !b.Has(i)) only_a.insert(i);
    }
    EXPECT_EQ(Members(a), in_a);
    EXPECT_EQ(a.Count(), in_a.size());
    CandidateSet result = a;
    EXPECT_EQ(Members(result |= b), either);
    result = a;
    EXPECT_EQ(Members(result &= b), both);
    result = a;
    EXPECT_EQ(Members(result -= b), only_a);
    EXPECT_EQ(a.IsIn(b), only_a.empty());
    EXPECT_TRUE(result.IsIn(a));
  }
}

TEST_P(CandidateSetTest, RangesAndEverything) {
  const size_t size = GetParam();
  for (size_t begin = 0; begin <= size; begin += 1 + size / 7) {
    for (size_t end = begin; end <= size; end += 1 + size / 5) {
      const CandidateSet range = CandidateSet::Range(size, begin, end);
      EXPECT_EQ(range.Count(), end - begin);
      EXPECT_FALSE(range.HasAbsence());
      if (begin < end) {
        EXPECT_EQ(range.First(), begin);
        EXPECT_TRUE(range.Has(end - 1));
      }
    }
  }
  CandidateSet everything = CandidateSet::Everything(size);
  EXPECT_TRUE(everything.HasAbsence());
  EXPECT_EQ(everything.Count(), size);
  everything -= CandidateSet::Range(size, 0, size);
  EXPECT_EQ(everything.First(), CandidateSet::kNone);
  EXPECT_FALSE(everything.IsEmpty());
  EXPECT_TRUE(CandidateSet(size).IsEmpty());
}

TEST_P(CandidateSetTest, WhatIsRemovedCanBeRestored) {
  const size_t size = GetParam();
  CandidateSet set = CandidateSet::Everything(size);
  const CandidateSet before = set;
  SteadyVector<CandidateSet::Part> removed;
  set.Remove(CandidateSet::Range(size, size / 3, size), &removed);
  EXPECT_EQ(set.Count(), size / 3);
  for (size_t i = 0; i < removed.size(); ++i) {
    const CandidateSet::Part& part = removed[i];
    EXPECT_FALSE(set.Contains(part));
    EXPECT_TRUE(before.Contains(part));
    set.Restore(part);
  }
  EXPECT_EQ(set, before);
}

INSTANTIATE_TEST_SUITE_P(Sizes, CandidateSetTest,
                         testing::Values(0, 1, 2, 62, 63, 64, 65, 127, 128, 129, 1000));

}  // namespace
}  // namespace deps
