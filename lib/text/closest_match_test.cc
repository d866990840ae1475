#include "lib/text/closest_match.h"

#include "gtest/gtest.h"

namespace deps {
namespace {

TEST(ClosestMatchTest, FindsTheLikeliestWord) {
  struct Row {
    const char* name;
    const char* word;
    std::vector<std::string> candidates;
    std::optional<std::string> match;
  };
  const std::vector<Row> rows = {
      {"a letter too few", "refernce", {"reference", "digest"}, "reference"},
      {"two letters exchanged", "dgiest", {"reference", "digest"}, "digest"},
      {"capitals", "Digest", {"digest"}, "digest"},
      {"the nearer of two", "tasks", {"task1", "tasks2", "task"}, "task1"},
      {"nothing alike", "color", {"reference", "digest"}, std::nullopt},
      {"an empty word", "", {"a"}, std::nullopt},
      {"a short word, one edit", "ab", {"id", "a"}, "a"},
      {"no candidates", "a", {}, std::nullopt},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(ClosestMatch(row.word, row.candidates), row.match);
  }
}

}  // namespace
}  // namespace deps
