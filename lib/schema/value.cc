#include "lib/schema/value.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/diag/diagnostic.h"
#include "nlohmann/json.hpp"
#include "re2/re2.h"
#include "valijson/adapters/nlohmann_json_adapter.hpp"
#include "valijson/schema.hpp"
#include "valijson/schema_parser.hpp"
#include "valijson/validation_results.hpp"
#include "valijson/validator.hpp"

namespace deps {
namespace {

using Adapter = valijson::adapters::NlohmannJsonAdapter;
using json::Value;

// The regular expressions within a schema are the library's, whose stack grows
// with the text.
constexpr size_t kMostBytesForInnerPatterns = 4096;
// A schema is quoted in a hint as long as people will read it.
constexpr size_t kMostBytesOfHint = 160;

absl::Status Breach(std::string message, const JsonText& schema) {
  std::string hint;
  if (schema.text.size() <= kMostBytesOfHint) {
    hint = absl::StrCat("its definition asks for ", schema.text);
  }
  return MakeError(
      {.id = DiagnosticId::kPlanValue, .message = std::move(message), .hint = std::move(hint)});
}

absl::Status Unusable(std::string_view why) {
  return MakeError(
      {.id = DiagnosticId::kPlanValue,
       .message = absl::StrCat("the bundle's definition is no JSON Schema that can be used: ",
                               std::string(why))});
}

bool HasPattern(const Value& schema) {
  if (schema.Find("pattern") != nullptr || schema.Find("patternProperties") != nullptr) return true;
  return std::any_of(schema.members.begin(), schema.members.end(),
                     [](const json::Member& member) { return HasPattern(member.second); }) ||
         std::any_of(schema.items.begin(), schema.items.end(), HasPattern);
}

// Checks the schema's own pattern, and takes it out of the schema.
absl::Status CheckPattern(const Value& value, const JsonText& text, Value* schema) {
  const Value* pattern = schema->Find("pattern");
  if (pattern == nullptr || !pattern->IsString()) return absl::OkStatus();
  const RE2 expression(pattern->text, RE2::Quiet);
  if (!expression.ok()) return Unusable(absl::StrCat("pattern: ", expression.error()));
  if (value.IsString() && !RE2::PartialMatch(value.text, expression)) {
    return Breach(absl::StrCat("the value does not match the pattern ", pattern->text), text);
  }
  std::vector<json::Member>& members = schema->members;
  members.erase(std::find_if(members.begin(), members.end(),
                             [](const json::Member& member) { return member.first == "pattern"; }));
  return absl::OkStatus();
}

// "/a/0" of {"<root>", "[a]", "[0]"}.
std::string PlaceOf(const std::vector<std::string>& context) {
  std::string pointer;
  for (size_t i = 1; i < context.size(); ++i) {
    pointer += json::PointerStep(std::string_view(context[i]).substr(1, context[i].size() - 2));
  }
  return pointer;
}

// For the commonest breaches a sentence that says what is allowed.
std::string Described(const Value& schema) {
  if (const Value* choices = schema.Find("enum"); choices != nullptr && choices->IsArray()) {
    return absl::StrCat("the value is not one of ",
                        absl::StrJoin(choices->items, ", ", [](std::string* out, const Value& at) {
                          absl::StrAppend(out, json::Canonical(at));
                        }));
  }
  constexpr std::pair<std::string_view, std::string_view> kBounds[] = {
      {"minimum", "at least"},
      {"exclusiveMinimum", "more than"},
      {"maximum", "at most"},
      {"exclusiveMaximum", "less than"},
      {"multipleOf", "a multiple of"},
      {"minLength", "of a length of at least"},
      {"maxLength", "of a length of at most"}};
  std::vector<std::string> wanted;
  for (const auto& [key, words] : kBounds) {
    const Value* bound = schema.Find(key);
    if (bound == nullptr || bound->kind != json::Kind::kNumber) continue;
    wanted.push_back(absl::StrCat(std::string(words), " ", bound->text));
  }
  return wanted.empty() ? "" : absl::StrCat("the value is not ", absl::StrJoin(wanted, " and "));
}

absl::Status Validate(const Value& schema, const JsonText& value, const JsonText& whole) {
  const nlohmann::json schema_json = nlohmann::json::parse(json::Canonical(schema));
  const nlohmann::json value_json = nlohmann::json::parse(value.text);
  valijson::Schema parsed;
  valijson::SchemaParser(valijson::SchemaParser::kDraft7)
      .populateSchema(Adapter(schema_json), parsed);
  valijson::ValidationResults results;
  if (valijson::Validator().validate(parsed, Adapter(value_json), &results)) {
    return absl::OkStatus();
  }
  if (const std::string told = Described(schema); !told.empty()) return Breach(told, whole);
  std::vector<std::string> breaches;
  valijson::ValidationResults::Error error;
  while (results.popError(error)) {
    const std::string place = PlaceOf(error.context);
    breaches.push_back(absl::StrCat(place, place.empty() ? "" : ": ", error.description));
  }
  return Breach(
      absl::StrCat("the value is not as its definition asks: ", absl::StrJoin(breaches, "; ")),
      whole);
}

}  // namespace

absl::Status CheckValue(const JsonText& value, const JsonText& schema) {
  Value rules = Value::Of(schema);
  if (absl::Status status = CheckPattern(Value::Of(value), schema, &rules); !status.ok()) {
    return status;
  }
  if (rules.members.empty()) return absl::OkStatus();
  if (value.text.size() > kMostBytesForInnerPatterns && HasPattern(rules)) {
    return Breach("the value is too long to be held against its patterns", schema);
  }
  try {
    return Validate(rules, value, schema);
  } catch (const std::exception& error) {
    return Unusable(error.what());
  }
}

}  // namespace deps
