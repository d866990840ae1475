#include "lib/text/utf8.h"

#include <cstddef>
#include <string_view>

#include "gtest/gtest.h"

namespace deps {
namespace {

TEST(Utf8PrefixTest, EndsWhereTheTextIsNotUtf8) {
  const struct {
    const char* name;
    std::string_view text;
    size_t prefix;
  } kRows[] = {
      {"nothing", "", 0},
      {"ASCII", "abc", 3},
      {"each length", "\x7f\xc2\x80\xe2\x82\xac\xf0\x9f\x98\x80", 10},
      {"a byte that begins nothing", "ab\xff", 2},
      {"a continuation alone", "a\x80z", 1},
      {"a character cut short", "a\xe2\x82", 1},
      {"an overlong slash", "\xc0\xaf", 0},
      {"half of a surrogate pair", "x\xed\xa0\x80", 1},
      {"beyond Unicode", "x\xf4\x90\x80\x80", 1},
  };
  for (const auto& row : kRows) EXPECT_EQ(Utf8Prefix(row.text), row.prefix) << row.name;
}

}  // namespace
}  // namespace deps
