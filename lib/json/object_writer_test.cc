#include "lib/json/object_writer.h"

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"
#include "lib/json/part.h"

namespace deps {
namespace json {
namespace {

TEST(ObjectWriterTest, WritesWhatFormatWrites) {
  for (const std::string text :
       {R"({})", R"({"a":1})", R"({"list":[]})",
        R"({"a\n":{"b":[1,{"c":[]}]},"list":[{"x":[1]},{}]})", R"({"list":[1,2],"z":null})"}) {
    const absl::StatusOr<Value> value = Parse({.name = "t", .text = text});
    ASSERT_TRUE(value.ok()) << value.status();
    for (const Style style : {Style::kPretty, Style::kCompact}) {
      ObjectWriter writer(style);
      for (const Member& member : value->members) {
        if (!member.second.IsArray()) {
          writer.Member(member.first, member.second);
          continue;
        }
        const std::vector<Value>& items = member.second.items;
        writer.List(member.first, items.size(), [&items](size_t i) { return items[i]; });
      }
      EXPECT_EQ(writer.Finish(), Format(*value, style));
    }
  }
}

TEST(WholeOfTest, MakesAgainWhatTheOutlineLeftOutWithItsPlaces) {
  const Source source = {.name = "t", .text = R"( {"a": [ {"b": [1, 2]}, "x", [[]] ], "c": {}} )"};
  std::vector<std::string_view> skipped;
  const absl::StatusOr<Value> outline = ParseOutline(source, 2, &skipped);
  const absl::StatusOr<Value> value = Parse(source);
  ASSERT_TRUE(outline.ok() && value.ok());
  EXPECT_EQ(skipped, (std::vector<std::string_view>{R"({"b": [1, 2]})", "[[]]"}));
  EXPECT_EQ(Format(*outline, Style::kCompact), "{\"a\":[{},\"x\",[]],\"c\":{}}\n");
  const std::vector<Value>& items = value->Find("a")->items;
  for (size_t i = 0; i < items.size(); ++i) {
    const Value whole = WholeOf(source, outline->Find("a")->items[i]);
    EXPECT_EQ(Canonical(whole), Canonical(items[i]));
    EXPECT_EQ(whole.offset, items[i].offset);
  }
  const Value first = WholeOf(source, outline->Find("a")->items[0]);
  EXPECT_EQ(first.Find("b")->items[1].offset, items[0].Find("b")->items[1].offset);
}

TEST(WholeOfTest, WhatIsLeftOutIsCheckedAllTheSame) {
  std::vector<std::string_view> skipped;
  for (const std::string text : {R"({"a":[{"b":1,"b":2}]})", R"({"a":[{"b":01}]})"}) {
    EXPECT_FALSE(ParseOutline({.name = "t", .text = text}, 2, &skipped).ok()) << text;
  }
  const std::string deep = std::string(70, '[') + std::string(70, ']');
  EXPECT_FALSE(ParseOutline({.name = "t", .text = deep}, 2, &skipped).ok());
}

}  // namespace
}  // namespace json
}  // namespace deps
