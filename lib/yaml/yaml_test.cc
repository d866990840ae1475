#include "lib/yaml/yaml.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"

namespace deps {
namespace {

Source File(std::string text) { return {.name = "a.yaml", .text = std::move(text)}; }

TEST(YamlParse, ReadsWhatJsonCanSay) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"", "null"},
      {"# nothing\n", "null"},
      {"a: 1\nb: [x, 'y', \"z\"]\n", R"({"a":1,"b":["x","y","z"]})"},
      {"- no\n- yes\n- True\n- true\n- ~\n-\n", R"(["no","yes","True",true,null,null])"},
      {"[1.5, -2e3, 1.2.3, 0x1F, 007, .5, 1_000]",
       R"([1.5,-2000,"1.2.3","0x1F","007",".5","1_000"])"},
      {"['1', !!str 2, \"true\", '']", R"(["1","2","true",""])"},
      {"a: |\n  x\n  y\nb: >\n  p\n  q\n", R"({"a":"x\ny\n","b":"p q\n"})"},
      {"1: a\ntrue: b\n", R"({"1":"a","true":"b"})"},
      {"a: &x {p: 1}\nb: *x\n", R"({"a":{"p":1},"b":{"p":1}})"},
      {"a: &x {p: 1, q: 2}\nb: {<<: *x, p: 3}\n", R"({"a":{"p":1,"q":2},"b":{"p":3,"q":2}})"},
      {"b: {<<: [{p: 1}, {p: 2, q: 3}]}\n", R"({"b":{"p":1,"q":3}})"},
      {"\xC3\xA4: \xE2\x82\xAC\n", "{\"\xC3\xA4\":\"\xE2\x82\xAC\"}"},
      {"---\na: b\n...\n", R"({"a":"b"})"},
  };
  for (const auto& [text, expected] : rows) {
    SCOPED_TRACE(text);
    const absl::StatusOr<json::Value> value = yaml::Parse(File(text));
    ASSERT_TRUE(value.ok()) << value.status();
    EXPECT_EQ(json::Canonical(*value), expected);
  }
}

TEST(YamlParse, KnowsWhereValuesBegin) {
  const absl::StatusOr<json::Value> value = yaml::Parse(File("a:\n  - b: x\n  - c\n"));
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(value->Find("a")->items[0].Find("b")->offset, 10u);
  EXPECT_EQ(value->Find("a")->items[1].offset, 16u);
}

struct Refused {
  std::string text;
  DiagnosticId id;
  int line;
  std::string pointer;
};

TEST(YamlParse, RefusesWhatIsAmbiguousOrBroken) {
  const std::vector<Refused> rows = {
      {"a: 1\nb:\n  c: 1\n  c: 2\n", DiagnosticId::kYamlDuplicateKey, 4, "/b/c"},
      {"a: [1\n", DiagnosticId::kYamlSyntax, 2, ""},
      {"a: b: c\n", DiagnosticId::kYamlSyntax, 1, ""},
      {"a\tb: *none\n", DiagnosticId::kYamlSyntax, 1, ""},
      {"? [a]\n: b\n", DiagnosticId::kYamlSyntax, 1, ""},
      {"a: &x [*x]\n", DiagnosticId::kYamlSyntax, 1, "/a/0"},
      {"a: 1\n---\nb: 2\n", DiagnosticId::kYamlSyntax, 0, ""},
      {"a: {<<: 1}\n", DiagnosticId::kYamlSyntax, 1, "/a"},
      {"a: 1\nb: \"\xff\"\n", DiagnosticId::kYamlSyntax, 2, ""},
  };
  for (const Refused& row : rows) {
    SCOPED_TRACE(row.text);
    const absl::Status status = yaml::Parse(File(row.text)).status();
    ASSERT_FALSE(status.ok());
    const Diagnostic diagnostic = DiagnosticsOf(status)[0];
    EXPECT_EQ(diagnostic.id, row.id) << status;
    EXPECT_EQ(diagnostic.location.line, row.line) << status;
    EXPECT_EQ(diagnostic.location.pointer, row.pointer) << status;
  }
}

TEST(YamlParse, IsBounded) {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 20; ++i) {
    absl::StrAppend(&laughs, "a", i, ": &a", i, " [");
    for (int j = 0; j < 10; ++j) absl::StrAppend(&laughs, j == 0 ? "*a" : ", *a", i - 1);
    absl::StrAppend(&laughs, "]\n");
  }
  EXPECT_TRUE(HasId(yaml::Parse(File(laughs)).status(), DiagnosticId::kYamlSyntax));
  EXPECT_TRUE(HasId(yaml::Parse(File(std::string(65, '[') + std::string(65, ']'))).status(),
                    DiagnosticId::kJsonDepth));
  EXPECT_FALSE(yaml::Parse(File(std::string(100000, '['))).ok());
  EXPECT_FALSE(yaml::Parse(File(std::string(100000, '{'))).ok());
  EXPECT_TRUE(HasId(yaml::Parse(File("abc"), {.bytes = 2}).status(), DiagnosticId::kInputTooLarge));
}

TEST(YamlTextOf, IsWhatWasWritten) {
  const absl::StatusOr<json::Value> value = yaml::Parse(File("[1.0, true, no, ~, []]"));
  ASSERT_TRUE(value.ok()) << value.status();
  std::vector<std::optional<std::string>> texts;
  for (const json::Value& item : value->items) texts.push_back(yaml::TextOf(item));
  EXPECT_EQ(texts, (std::vector<std::optional<std::string>>{"1.0", "true", "no", std::nullopt,
                                                            std::nullopt}));
}

}  // namespace
}  // namespace deps
