#include "lib/model/document.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/sha256.h"

namespace deps {
namespace {

// The document and its lists.
constexpr int kDepthOfLists = 2;

absl::Status KindError(const Source& source, size_t offset, std::string_view pointer,
                       std::string message) {
  return MakeError({.id = DiagnosticId::kDocumentKind,
                    .message = std::move(message),
                    .location = source.At(offset, pointer)});
}

// The member where it is a string; else nullptr, and the reader has the error.
const json::Value* TakeString(json::ObjectReader& reader, std::string_view key, bool required) {
  const json::Value* member = reader.Any(key);
  if (member != nullptr && member->IsString()) return member;
  std::string unused;
  if (required) {
    reader.Required(key, &unused);
  } else {
    reader.Optional(key, &unused);
  }
  return nullptr;
}

}  // namespace

json::Value NewDocument(std::string_view kind) {
  json::Value document = json::Value::Object();
  document.Set("apiVersion", json::Value::String(kApiVersion));
  document.Set("kind", json::Value::String(kind));
  return document;
}

absl::StatusOr<json::Value> ParseDocument(const Source& source, std::string_view kind) {
  DEPS_ASSIGN_OR_RETURN(json::Value document, json::Parse(source));
  DEPS_RETURN_IF_ERROR(CheckKind(source, document, kind));
  return document;
}

absl::StatusOr<json::Value> ParseLargeDocument(const Source& source, std::string_view kind) {
  std::vector<std::string_view> items;
  DEPS_ASSIGN_OR_RETURN(json::Value document, json::ParseOutline(source, kDepthOfLists, &items));
  DEPS_RETURN_IF_ERROR(CheckKind(source, document, kind));
  return document;
}

absl::Status CheckKind(const Source& source, const json::Value& document, std::string_view kind) {
  const json::Value* found = document.Find("kind");
  if (found == nullptr || !found->IsString()) {
    return KindError(source, document.offset, "",
                     absl::StrCat("expected a document of kind ", kind));
  }
  if (found->text != kind) {
    return KindError(source, found->offset, "/kind",
                     absl::StrCat("expected a document of kind ", kind, ", found ", found->text));
  }
  const json::Value* version = document.Find("apiVersion");
  if (version == nullptr || !version->IsString()) {
    return KindError(source, document.offset, "",
                     absl::StrCat("expected apiVersion ", kApiVersion));
  }
  if (version->text != kApiVersion) {
    return KindError(source, version->offset, "/apiVersion",
                     absl::StrCat("expected apiVersion ", kApiVersion, ", found ", version->text));
  }
  return absl::OkStatus();
}

void AllowEnvelope(json::ObjectReader& reader) {
  reader.Ignore("apiVersion");
  reader.Ignore("kind");
}

void SetUnlessEmpty(json::Value& object, std::string_view key, const std::string& text) {
  if (!text.empty()) object.Set(key, json::Value::String(text));
}

void SetUnlessEmpty(json::Value& object, std::string_view key,
                    const std::vector<std::string>& items) {
  if (!items.empty()) object.Set(key, json::Value::Strings(items));
}

void SetIfTrue(json::Value& object, std::string_view key, bool flag) {
  if (flag) object.Set(key, json::Value::Boolean(true));
}

void SetIfPresent(json::Value& object, std::string_view key, const std::optional<JsonText>& value) {
  if (value.has_value()) object.Set(key, json::Value::Of(*value));
}

void WriteUnlessEmpty(json::TextWriter& out, std::string_view key, const std::string& text) {
  if (text.empty()) return;
  out.Key(key);
  out.String(text);
}

void WriteUnlessEmpty(json::TextWriter& out, std::string_view key,
                      const std::vector<std::string>& items) {
  if (items.empty()) return;
  out.Key(key);
  out.Strings(items);
}

void WriteIfTrue(json::TextWriter& out, std::string_view key, bool flag) {
  if (!flag) return;
  out.Key(key);
  out.Boolean(true);
}

void WriteIfPresent(json::TextWriter& out, std::string_view key,
                    const std::optional<JsonText>& value) {
  if (!value.has_value()) return;
  out.Key(key);
  out.Json(*value);
}

void WriteStringMap(json::TextWriter& out, const std::map<std::string, std::string>& members) {
  out.BeginObject();
  for (const auto& [key, text] : members) {
    out.Key(key);
    out.String(text);
  }
  out.EndObject();
}

void ReadChoice(json::ObjectReader& reader, std::string_view key, bool required,
                std::initializer_list<std::string_view> choices, std::string* out) {
  const json::Value* member = TakeString(reader, key, required);
  if (member == nullptr) return;
  if (std::find(choices.begin(), choices.end(), member->text) == choices.end()) {
    return reader.Fail(DiagnosticId::kDocumentValue, key,
                       absl::StrCat("expected one of ", absl::StrJoin(choices, ", "), ", found '",
                                    member->text, "'"));
  }
  *out = member->text;
}

void ReadName(json::ObjectReader& reader, std::string_view key, std::string* out) {
  const json::Value* member = TakeString(reader, key, /*required=*/true);
  if (member == nullptr) return;
  if (member->text.empty()) {
    return reader.Fail(DiagnosticId::kDocumentValue, key, "expected a name, found ''");
  }
  *out = member->text;
}

void ReadDigest(json::ObjectReader& reader, std::string_view key, bool required, std::string* out) {
  const json::Value* member = TakeString(reader, key, required);
  if (member == nullptr) return;
  if (!absl::StartsWith(member->text, "sha256:") || !IsValidDigest(member->text)) {
    return reader.Fail(
        DiagnosticId::kDocumentValue, key,
        absl::StrCat("expected sha256: and 64 hexadecimal digits, found '", member->text, "'"));
  }
  *out = member->text;
}

void ReadCount(json::ObjectReader& reader, std::string_view key, bool required, int64_t* out) {
  int64_t number = 0;
  if (required) {
    reader.Required(key, &number);
  } else {
    reader.Optional(key, &number);
  }
  if (number < 0) {
    return reader.Fail(DiagnosticId::kDocumentValue, key,
                       absl::StrCat("expected a number that is not negative, found ", number));
  }
  if (reader.Any(key) != nullptr) *out = number;
}

}  // namespace deps
