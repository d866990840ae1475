#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "lib/io/file.h"
#include "lib/json/json.h"

namespace deps {
namespace {

// Whatever may stand in a document says what it means.
void CheckMembers(const json::Value& schema, const std::string& pointer) {
  if (const json::Value* properties = schema.Find("properties")) {
    const json::Value* closed = schema.Find("additionalProperties");
    const bool is_closed = closed != nullptr && closed->kind == json::Kind::kBoolean;
    for (const auto& [name, member] : properties->members) {
      if (!is_closed) break;
      EXPECT_TRUE(member.Find("description") != nullptr || member.Find("$ref") != nullptr)
          << pointer << "/properties/" << name;
    }
  }
  for (const auto& [name, member] : schema.members) {
    CheckMembers(member, pointer + json::PointerStep(name));
  }
  for (size_t i = 0; i < schema.items.size(); ++i) {
    CheckMembers(schema.items[i], pointer + json::PointerStep(i));
  }
}

TEST(SchemasTest, DescribeEachMember) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("lib/schema")) {
    if (entry.path().extension() != ".json") continue;
    ++count;
    const absl::StatusOr<Source> source = ReadFile(entry.path().string());
    ASSERT_TRUE(source.ok()) << source.status();
    const absl::StatusOr<json::Value> schema = json::Parse(*source);
    ASSERT_TRUE(schema.ok()) << schema.status();
    CheckMembers(*schema, entry.path().filename().string() + "#");
  }
  EXPECT_EQ(count, 11);
}

}  // namespace
}  // namespace deps
