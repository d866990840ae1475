#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/json.h"

namespace deps {
namespace json {
namespace {

struct Everything {
  std::string text;
  bool flag = false;
  int64_t number = 0;
  std::optional<int64_t> maybe;
  std::vector<std::string> list;
  std::map<std::string, std::string> map;
  std::optional<JsonText> any;
};

absl::Status Read(const std::string& text, Everything* out) {
  const Source source{"f", text};
  const absl::StatusOr<Value> value = Parse(source);
  if (!value.ok()) return value.status();
  ObjectReader reader(source, *value, "/at");
  reader.Required("text", &out->text);
  reader.Optional("flag", &out->flag);
  reader.Optional("number", &out->number);
  reader.Optional("maybe", &out->maybe);
  reader.Optional("list", &out->list);
  reader.Optional("map", &out->map);
  reader.Optional("any", &out->any);
  return reader.Finish();
}

TEST(ObjectReaderTest, ReadsEachType) {
  Everything all;
  ASSERT_TRUE(Read(R"({"text":"t","flag":true,"number":3e9,"maybe":-9007199254740991,
                      "list":["a"],"map":{"k":"v"},"any":{"b":1.0,"a":null}})",
                   &all)
                  .ok());
  EXPECT_EQ(all.text, "t");
  EXPECT_TRUE(all.flag);
  EXPECT_EQ(all.number, 3000000000);
  EXPECT_EQ(all.maybe, -9007199254740991);
  EXPECT_EQ(all.list, std::vector<std::string>{"a"});
  EXPECT_EQ(all.map, (std::map<std::string, std::string>{{"k", "v"}}));
  EXPECT_EQ(all.any, (JsonText{R"({"a":null,"b":1})"}));
}

TEST(ObjectReaderTest, SaysWhatIsWrongAndWhere) {
  struct Row {
    const char* name;
    const char* text;
    std::vector<std::string> errors;
  };
  const std::vector<Row> rows = {
      {"not an object", "[1]", {"1:1 /at expected an object, found an array"}},
      {"a missing member", "{}", {"1:1 /at the member 'text' is missing"}},
      {"an unknown member",
       "{\"text\":\"\",\n\"nmber\":1}",
       {"2:9 /at/nmber the member 'nmber' is not known; did you mean 'number'?"}},
      {"another type", R"({"text":1})", {"1:9 /at/text expected a string, found a number"}},
      {"null is no absence",
       R"({"text":"","maybe":null})",
       {"1:20 /at/maybe expected a number, found null"}},
      {"a fraction",
       R"({"text":"","number":1.9})",
       {"1:21 /at/number expected an integer within 53 bits, found 1.9"}},
      {"a fraction that a double cannot hold",
       R"({"text":"","number":9007199254740990.0001})",
       {"1:21 /at/number expected an integer within 53 bits, found 9007199254740990.0001"}},
      {"an integer beyond 53 bits",
       R"({"text":"","maybe":9007199254740992})",
       {"1:20 /at/maybe expected an integer within 53 bits, found 9007199254740992"}},
      {"an item of another type",
       R"({"text":"","list":["a",{}]})",
       {"1:24 /at/list/1 expected a string, found an object"}},
      {"a member of a map, with its name escaped",
       R"({"text":"","map":{"a/b~":1}})",
       {"1:26 /at/map/a~1b~0 expected a string, found a number"}},
      {"two errors at once",
       R"({"flag":1,"txt":""})",
       {"1:1 /at the member 'text' is missing", "1:9 /at/flag expected a boolean, found a number",
        "1:17 /at/txt the member 'txt' is not known; did you mean 'text'?"}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Everything all;
    std::vector<std::string> errors;
    for (const Diagnostic& d : DiagnosticsOf(Read(row.text, &all))) {
      errors.push_back(std::to_string(d.location.line) + ":" + std::to_string(d.location.column) +
                       " " + d.location.pointer + " " + d.message);
    }
    EXPECT_EQ(errors, row.errors);
  }
}

}  // namespace
}  // namespace json
}  // namespace deps
