#include "lib/text/table.h"

#include "gtest/gtest.h"

namespace deps {
namespace {

TEST(TableTest, ColumnsAreAsWideAsTheirWidestCell) {
  EXPECT_EQ(FormatTable({{"TASK", "STATUS"}, {"root/db", "failed"}, {"r\u00f6\u00f6t", "ok"}}),
            "TASK     STATUS\nroot/db  failed\nr\u00f6\u00f6t     ok\n");
}

TEST(TableTest, RowsMayBeShortAndEndWithoutSpaces) {
  EXPECT_EQ(FormatTable({{"A", "B", "C"}, {"a"}, {"", "", "c"}, {"a", "", ""}}),
            "A  B  C\na\n      c\na\n");
  EXPECT_EQ(FormatTable({}), "");
}

TEST(TableTest, ControlCharactersAreShownAsNone) {
  EXPECT_EQ(FormatTable({{"a\x1b[31m", "b\nc\x7f"}}), "a?[31m  b?c?\n");
}

}  // namespace
}  // namespace deps
