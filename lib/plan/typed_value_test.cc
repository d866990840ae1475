#include "lib/plan/typed_value.h"

#include <string>

#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

struct Row {
  std::string name;
  std::string text;
  std::string type;
  std::string expected;  // "" where it is refused.
};

class TypedTextTest : public testing::TestWithParam<Row> {};

TEST_P(TypedTextTest, IsWhatTheDefinitionAsksFor) {
  const Row& row = GetParam();
  const absl::StatusOr<JsonText> value = TypedText(row.text, row.type);
  if (row.expected.empty()) {
    EXPECT_TRUE(HasId(value.status(), DiagnosticId::kPlanValue));
  } else {
    ASSERT_TRUE(value.ok());
    EXPECT_EQ(value->text, row.expected);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, TypedTextTest,
    testing::Values(
        Row{"Text", "a \"b\"", "string", R"("a \"b\"")"},
        Row{"NumberAsText", "007", "string", R"("007")"}, Row{"NoType", "5", "", R"("5")"},
        Row{"Integer", "5", "integer", "5"}, Row{"WholeNumberIsAnInteger", "5.0", "integer", "5"},
        Row{"FractionIsNoInteger", "1.5", "integer", ""},
        Row{"TextIsNoInteger", "many", "integer", ""}, Row{"Number", "1.5", "number", "1.5"},
        Row{"Boolean", "true", "boolean", "true"}, Row{"YesIsNoBoolean", "yes", "boolean", ""},
        Row{"Array", "[1, 2]", "array", "[1,2]"}, Row{"ObjectIsNoArray", "{}", "array", ""},
        Row{"Object", R"({"b":1,"a":2})", "object", R"({"a":2,"b":1})"}),
    [](const auto& info) { return info.param.name; });

TEST(TypedValueTest, ScalarsBecomeTextWhereTextIsAskedFor) {
  EXPECT_EQ(TypedValue({"5"}, "string")->text, R"("5")");
  EXPECT_EQ(TypedValue({"null"}, "string")->text, R"("")");
  EXPECT_EQ(TypedValue({"[1]"}, "string")->text, R"("[1]")");
  EXPECT_TRUE(HasId(TypedValue({"5"}, "boolean").status(), DiagnosticId::kPlanValue));
}

}  // namespace
}  // namespace deps
