#include "lib/text/text.h"

#include "gtest/gtest.h"

namespace deps {
namespace {

TEST(DidYouMeanTest, IsAHalfSentenceOrNothing) {
  EXPECT_EQ(DidYouMean("fromat", {"format"}), ", did you mean 'format'?");
  EXPECT_EQ(DidYouMean("zebra", {"format"}), "");
}

}  // namespace
}  // namespace deps
