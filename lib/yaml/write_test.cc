#include "lib/yaml/write.h"

#include <string>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "lib/json/json.h"
#include "lib/yaml/yaml.h"

namespace deps {
namespace {

TEST(FormatYamlTest, ReadsWell) {
  json::Value value = json::Value::Of(
      {R"({"name":"a b","on":{"push":{}},"list":["x",["y"],{"k":"v","l":[]}],"script":"a\n\n  b\n"})"});
  EXPECT_EQ(yaml::Format(value), R"(name: a b
"on":
  push: {}
list:
  - x
  - - "y"
  - k: v
    l: []
script: |
  a

    b
)");
}

TEST(FormatYamlTest, ComesBackAsItWas) {
  for (const std::string_view text :
       {"",        "no",       "1.0",        "0x1F",       "a: b",     "a #b",     "- a",
        "{x}",     "a\n",      "a\n\n",      "\na",        " a\nb",    "a\tb\nc",  "\xC3\xA4",
        "a\nb \n", "${{ x }}", "{{x}}",      "*a",         "&a",       "!a",       "|",
        "a:",      "12:30:45", "2020-01-01", "~",          "NULL",     "=",        "<<",
        "%a",      "@a",       "`a`",        "\"quoted\"", "\\n",      "'single'", "\r\n",
        "---",     "...",      "a\n---\nb",  "?",          "sha256:0", "\x01"}) {
    json::Value value = json::Value::Object();
    value.Set("list", json::Value::Array({json::Value::String(text)}));
    if (text != "<<") value.Set(text, json::Value::String(text));
    const std::string written = yaml::Format(value);
    const absl::StatusOr<json::Value> read = yaml::Parse({"", written});
    ASSERT_TRUE(read.ok()) << written << read.status();
    EXPECT_EQ(json::Canonical(*read), json::Canonical(value)) << written;
  }
}

TEST(FormatYamlTest, KeepsScalarsOfOtherKinds) {
  const JsonText text{R"({"a":null,"b":true,"c":-1.5,"d":"true","e":[]})"};
  const absl::StatusOr<json::Value> read = yaml::Parse({"", yaml::Format(json::Value::Of(text))});
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(json::ToText(*read), text);
}

}  // namespace
}  // namespace deps
