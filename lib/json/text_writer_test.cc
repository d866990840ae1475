#include "lib/json/text_writer.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"
#include "lib/json/part.h"

namespace deps {
namespace json {
namespace {

// Writes `value` by the calls for its kind, but for parts that are given whole.
void WriteByCalls(const Value& value, TextWriter* writer) {
  switch (value.kind) {
    case Kind::kObject:
      writer->BeginObject();
      for (const Member& member : value.members) {
        writer->Key(member.first);
        if (member.first == "whole") {
          writer->Write(member.second);
        } else if (member.first == "text") {
          writer->Json(ToText(member.second));
        } else {
          WriteByCalls(member.second, writer);
        }
      }
      return writer->EndObject();
    case Kind::kArray:
      writer->BeginArray();
      for (const Value& item : value.items) WriteByCalls(item, writer);
      return writer->EndArray();
    case Kind::kString:
      return writer->String(value.text);
    case Kind::kNumber:
      return writer->Integer(std::stoll(value.text));
    case Kind::kBoolean:
      return writer->Boolean(value.boolean);
    case Kind::kNull:
      return writer->Json({});
  }
}

TEST(TextWriterTest, WritesWhatFormatAndCanonicalWrite) {
  for (const std::string text : {
           R"({})",
           R"([])",
           R"({"a":1})",
           R"({"list":[]})",
           R"([{},[],{"a":{}},true])",
           R"({"a\n":{"b":[1,{"c":[]}]},"list":[{"x":[1]},{}]})",
           R"({"list":[1,2],"z":null})",
           R"({"z":{"b":1,"a":[{"d":1,"c":{"f":"\u0001","e":-2}}]},"b":{"b":1},"a":"é"})",
           R"({"whole":{"b":[{"c":1}],"d":{}},"text":{"a":[1,{"x":2.5}],"b":"q"}})",
           R"({"text":"s","a":{"text":[],"whole":[1]}})",
           R"({"\ud83d\ude00":1,"\uffff":2,"a":3})",
       }) {
    const absl::StatusOr<Value> value = Parse({.name = "t", .text = text});
    ASSERT_TRUE(value.ok()) << value.status();
    for (const Style style : {Style::kPretty, Style::kCompact}) {
      TextWriter writer(style);
      WriteByCalls(*value, &writer);
      EXPECT_EQ(writer.Finish(), Format(*value, style));
    }
    TextWriter writer(TextWriter::Form::kCanonical);
    for (int time = 0; time < 2; ++time) {
      writer.Clear();
      WriteByCalls(*value, &writer);
      EXPECT_EQ(writer.text(), Canonical(*value));
    }
  }
}

TEST(TextWriterTest, FindsWhatIsSpecialWhereverItIs) {
  for (size_t size = 1; size <= 20; ++size) {
    for (size_t place = 0; place < size; ++place) {
      for (const auto& [c, escape] : {std::pair<char, std::string>{'"', "\\\""},
                                      {'\n', "\\n"},
                                      {'\x7f', "\x7f"},
                                      {'\xff', "\xEF\xBF\xBD"}}) {
        std::string text(size, 'a');
        text[place] = c;
        TextWriter writer(TextWriter::Form::kCanonical);
        writer.String(text);
        EXPECT_EQ(writer.text(),
                  "\"" + text.substr(0, place) + escape + text.substr(place + 1) + "\"");
      }
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
