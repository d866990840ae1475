#include "lib/schema/value.h"

#include <string>

#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

struct Row {
  std::string name;
  std::string value;
  std::string schema;
  std::string message;  // "" where the value is good.
};

class CheckValueTest : public testing::TestWithParam<Row> {};

TEST_P(CheckValueTest, TellsWhatIsAllowed) {
  const Row& row = GetParam();
  const absl::Status status = CheckValue({row.value}, {row.schema});
  if (row.message.empty()) {
    EXPECT_TRUE(status.ok()) << status;
  } else {
    ASSERT_TRUE(HasId(status, DiagnosticId::kPlanValue));
    EXPECT_EQ(DiagnosticsOf(status)[0].message, row.message);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, CheckValueTest,
    testing::Values(
        Row{"OneOf", R"("a")", R"({"enum":["a","b"]})", ""},
        Row{"NoneOf", R"("c")", R"({"enum":["a","b"]})", R"(the value is not one of "a", "b")"},
        Row{"Within", "5", R"({"maximum":5,"minimum":1})", ""},
        Row{"TooMuch", "6", R"({"maximum":5,"minimum":1})",
            "the value is not at least 1 and at most 5"},
        Row{"TooLong", R"("abc")", R"({"maxLength":2})",
            "the value is not of a length of at most 2"},
        Row{"LengthCountsCharacters", "\"\u00e4\u00f6\"", R"({"maxLength":2})", ""},
        Row{"Matches", R"("v12")", R"({"pattern":"^v[0-9]+$"})", ""},
        Row{"DoesNotMatch", R"("12")", R"({"pattern":"^v[0-9]+$"})",
            "the value does not match the pattern ^v[0-9]+$"},
        Row{"APatternThatWouldTakeForEver", "\"" + std::string(5000, 'a') + "\"",
            R"({"pattern":"^(a+)+b$"})", "the value does not match the pattern ^(a+)+b$"},
        Row{"BrokenPattern", R"("a")", R"({"pattern":"("})",
            "the bundle's definition is no JSON Schema that can be used: pattern: missing ): ("},
        Row{"Nested", R"({"port":"x"})", R"({"properties":{"port":{"type":"integer"}}})",
            "the value is not as its definition asks: /port: Value type not permitted by 'type' "
            "constraint.; Failed to validate against schema associated with property name "
            "'port'."},
        Row{"OfDefinitions", "7",
            R"({"definitions":{"port":{"minimum":1}},"$ref":"#/definitions/port"})", ""},
        Row{"UnknownKeywordsAreIgnored", "7", R"({"contentEncoding":"base64","x":1})", ""}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace deps
