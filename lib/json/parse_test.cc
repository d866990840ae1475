#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/json.h"

namespace deps {
namespace json {
namespace {

// "LINE:COL: POINTER: MESSAGE [id]" of each diagnostic.
std::vector<std::string> Lines(const absl::Status& status) {
  std::vector<std::string> lines;
  for (const Diagnostic& d : DiagnosticsOf(status)) {
    lines.push_back(std::to_string(d.location.line) + ":" + std::to_string(d.location.column) +
                    ": " + d.location.pointer + ": " + d.message + " [" +
                    std::string(InfoOf(d.id).name) + "]");
  }
  return lines;
}

std::string Nested(int depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(ParseTest, RefusesWhatIsNotStrictJsonAndSaysWhere) {
  struct Row {
    const char* name;
    std::string text;
    std::string error;
  };
  const std::vector<Row> rows = {
      {"a duplicate key", "{\"a\":{\"b\":1,\n \"b\":2}}",
       "2:2: /a/b: the key 'b' occurs twice [json-duplicate-key]"},
      {"a duplicate key by escapes", R"({"b":1,"\u0062":2})",
       "1:8: /b: the key 'b' occurs twice [json-duplicate-key]"},
      {"too deep", Nested(65),
       "1:65: " +
           [] {
             std::string pointer;
             for (int i = 0; i < 63; ++i) pointer += "/0";
             return pointer;
           }() +
           ": arrays and objects are nested more than 64 deep [json-depth]"},
      {"a byte order mark", "\xEF\xBB\xBF{}",
       "1:1: : a byte order mark stands before the JSON text [json-syntax]"},
      {"a number beyond a double", R"({"a":[0, 1e400]})",
       "1:10: /a: number overflow parsing '1e400' [json-syntax]"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(Lines(Parse({"f", row.text}).status()), std::vector<std::string>{row.error});
  }
}

TEST(ParseTest, RefusesMalformedText) {
  const std::vector<std::string> rows = {
      "",
      " ",
      "{",
      "[1,]",
      "{\"a\":1,}",
      "{'a':1}",
      "[1] 2",
      "01",
      "+1",
      ".5",
      "1.",
      "NaN",
      "Infinity",
      "// c\n1",
      "/**/1",
      "tru",
      "\"a",
      "\"\x01\"",
      "\"\\x\"",
      "\"\\ud800\"",
      "\"\xC0\x80\"",
      "\"\xFF\"",
      "\"\xED\xA0\x80\"",
      "[1 2]",
      "{\"a\" 1}",
      "{1:2}",
      std::string("1\0", 2),
  };
  for (const std::string& text : rows) {
    SCOPED_TRACE(text);
    const absl::StatusOr<Value> value = Parse({"f", text});
    ASSERT_FALSE(value.ok());
    EXPECT_TRUE(HasId(value.status(), DiagnosticId::kJsonSyntax)) << value.status();
  }
}

TEST(ParseTest, TellsLineAndColumnOfASyntaxError) {
  const absl::StatusOr<Value> value = Parse({"f", "{\"a\": {\n  \"b\": ]}}"});
  ASSERT_EQ(Lines(value.status()).size(), 1u);
  EXPECT_EQ(Lines(value.status())[0].substr(0, 12), "2:8: /a/b: s");
}

TEST(ParseTest, KeepsOrderSpellingAndOffsets) {
  const std::string text = " {\"z\" : [ -0, 1.50e+3 ,true,null ] , \"a\\\"b\":\"x\\u00e9\"}";
  const absl::StatusOr<Value> value = Parse({"f", text});
  ASSERT_TRUE(value.ok()) << value.status();
  ASSERT_EQ(value->members.size(), 2u);
  EXPECT_EQ(value->offset, 1u);
  EXPECT_EQ(value->members[0].first, "z");
  const std::vector<Value>& items = value->members[0].second.items;
  ASSERT_EQ(items.size(), 4u);
  EXPECT_EQ(items[0].text, "-0");
  EXPECT_EQ(items[1].text, "1.50e+3");
  EXPECT_EQ(items[1].offset, text.find("1.50"));
  EXPECT_EQ(items[2].offset, text.find("true"));
  EXPECT_EQ(items[3].offset, text.find("null"));
  EXPECT_EQ(value->members[1].first, "a\"b");
  EXPECT_EQ(value->members[1].second.text, "x\xC3\xA9");
  EXPECT_EQ(value->members[1].second.offset, text.find("\"x"));
}

TEST(ParseTest, HoldsToItsLimits) {
  EXPECT_TRUE(Parse({"f", Nested(64)}).ok());
  EXPECT_FALSE(Parse({"f", Nested(3)}, {.depth = 2}).ok());
  EXPECT_TRUE(HasId(Parse({"f", "123"}, {.bytes = 2}).status(), DiagnosticId::kInputTooLarge));
}

TEST(ParseTest, FindsADuplicateAmongManyKeys) {
  std::string text = "{";
  for (int i = 0; i < 100; ++i) text += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_TRUE(Parse({"f", text + "\"k\":0}"}).ok());
  EXPECT_TRUE(HasId(Parse({"f", text + "\"k3\":0}"}).status(), DiagnosticId::kJsonDuplicateKey));
  EXPECT_TRUE(HasId(Parse({"f", text + "\"k99\":0}"}).status(), DiagnosticId::kJsonDuplicateKey));
}

}  // namespace
}  // namespace json
}  // namespace deps
