#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "lib/json/json.h"

namespace deps {
namespace json {
namespace {

Value MustParse(const std::string& text) {
  absl::StatusOr<Value> value = Parse({"f", text});
  EXPECT_TRUE(value.ok()) << value.status();
  return value.ok() ? *std::move(value) : Value();
}

// RFC 8785, appendix B, and the edges of ECMAScript's forms.
TEST(CanonicalTest, WritesNumbersAsEcmaScriptDoes) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"0", "0"},
      {"-0", "0"},
      {"-0.0", "0"},
      {"1.0", "1"},
      {"4.50", "4.5"},
      {"2e-3", "0.002"},
      {"1e21", "1e+21"},
      {"1e20", "100000000000000000000"},
      {"123456789012345678901", "123456789012345680000"},
      {"1E-6", "0.000001"},
      {"1e-7", "1e-7"},
      {"-1.5e-9", "-1.5e-9"},
      {"333333333.33333329", "333333333.3333333"},
      {"1e30", "1e+30"},
      {"5e-324", "5e-324"},
      {"1e-400", "0"},
      {"1.7976931348623157e308", "1.7976931348623157e+308"},
      {"9007199254740993", "9007199254740992"},
      {"295147905179352830000", "295147905179352830000"},
      {"999999999999999900000", "999999999999999900000"},
      {"0.000001234", "0.000001234"},
      {"100", "100"},
  };
  for (const auto& [spelling, expected] : rows) {
    EXPECT_EQ(Canonical(MustParse(spelling)), expected) << spelling;
  }
}

TEST(CanonicalTest, SortsByUtf16AndEscapesTheLeast) {
  // RFC 8785, 3.2.3, and a character of the private use area against one beyond U+FFFF.
  EXPECT_EQ(
      Canonical(MustParse(R"({"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,)"
                          R"("\u00f6":7})")),
      "{\"\\r\":2,\"1\":4,\"\xC2\x80\":6,\"\xC3\xB6\":7,\"\xE2\x82\xAC\":1,"
      "\"\xF0\x9F\x98\x80\":5,\"\xEF\xAC\xB3\":3}");
  EXPECT_EQ(Canonical(MustParse(R"(["\u0001\u001f\b\f\n\r\t\"\\\/\u007f<",{},[],true,null])")),
            "[\"\\u0001\\u001f\\b\\f\\n\\r\\t\\\"\\\\/\x7F<\",{},[],true,null]");
}

TEST(FormatTest, IndentsByTwoAndKeepsOrderAndSpelling) {
  const Value value = MustParse(R"({"b":[1.0,{"x":[]}],"a":{},"c":"é"})");
  EXPECT_EQ(Format(value, Style::kPretty),
            "{\n  \"b\": [\n    1.0,\n    {\n      \"x\": []\n    }\n  ],\n  \"a\": {},\n"
            "  \"c\": \"é\"\n}\n");
  EXPECT_EQ(Format(value, Style::kCompact), "{\"b\":[1.0,{\"x\":[]}],\"a\":{},\"c\":\"é\"}\n");
}

TEST(FormatTest, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(Format(Value::String("a\xFF\xE2\x82z\xED\xA0\x80"), Style::kCompact),
            "\"a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"\n");
}

TEST(FormatLikeGoTest, EscapesWhatGoEscapes) {
  EXPECT_EQ(FormatLikeGo(MustParse("{\"b\":\"<a&b>\xE2\x80\xA8\",\"a\":1.0}")),
            R"({"b":"\u003ca\u0026b\u003e\u2028","a":1})");
}

}  // namespace
}  // namespace json
}  // namespace deps
