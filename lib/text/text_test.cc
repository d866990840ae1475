#include "lib/text/text.h"

#include "gtest/gtest.h"

namespace deps {
namespace {

TEST(ClosestMatchTest, FindsSlipsAndNothingElse) {
  const std::vector<std::string> words = {"output", "outputs", "format", "x"};
  struct Row {
    const char* name;
    const char* word;
    std::optional<std::string> match;
  };
  for (const Row& row : {Row{"same", "format", "format"}, Row{"swap", "ouptut", "output"},
                         Row{"missing letter", "outputz", "outputs"}, Row{"far", "zebra", {}},
                         Row{"empty", "", "x"}, Row{"short", "yy", {}}}) {
    EXPECT_EQ(ClosestMatch(row.word, words), row.match) << row.name;
  }
  EXPECT_EQ(ClosestMatch(std::string(65, 'a'), {std::string(65, 'a')}), std::nullopt);
}

TEST(DidYouMeanTest, IsAHalfSentenceOrNothing) {
  EXPECT_EQ(DidYouMean("fromat", {"format"}), ", did you mean 'format'?");
  EXPECT_EQ(DidYouMean("zebra", {"format"}), "");
}

}  // namespace
}  // namespace deps
