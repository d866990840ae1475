#include "lib/base/shared.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"

namespace deps {
namespace {

using Text = Shared<std::string>;

TEST(Shared, CopiesHaveOneValue) {
  const Text a = std::string("text");
  const Text b = a;
  EXPECT_EQ(&*a, &*b);
  EXPECT_EQ(a, Text(std::string("text")));
  EXPECT_FALSE(a == Text(std::string("other")));
  EXPECT_FALSE(a == Text());
  EXPECT_EQ(Text(), Text());
}

TEST(Shared, AnEditLeavesCopiesAsTheyWere) {
  Text a = std::string("text");
  const Text b = a;
  a.Edit([](std::string& text) { text += "!"; });
  EXPECT_EQ(*a, "text!");
  EXPECT_EQ(*b, "text");
}

TEST(Shared, WhatIsTakenIsGoneAndCopiesKeepIt) {
  Text a = std::string("text");
  Text b = a;
  EXPECT_EQ(a.Take(), "text");
  EXPECT_FALSE(a.has_value());
  EXPECT_EQ(*b, "text");
  EXPECT_EQ(b.Take(), "text");
  const auto others = std::make_shared<const std::string>("others");
  EXPECT_EQ(Text(others).Take(), "others");
  EXPECT_EQ(*others, "others");
}

}  // namespace
}  // namespace deps
