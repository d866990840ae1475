// JSON, strictly: a value with positions, a parser, writers, and a reader for
// objects that refuses what it does not know.
//
// Only this package sees nlohmann/json, and only in its .cc files. Above it
// JSON appears as documents of lib/model, or as JsonText where a value is the
// user's own (a default, a schema).
#ifndef DEPS_LIB_JSON_JSON_H_
#define DEPS_LIB_JSON_JSON_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/diag/source.h"

namespace deps {

// Any JSON value as its canonical text (RFC 8785): equal values are equal
// texts. Made by json::Canonical.
struct JsonText {
  std::string text;
  bool operator==(const JsonText&) const = default;
  auto operator<=>(const JsonText&) const = default;
};

namespace json {

enum class Kind { kNull, kBoolean, kNumber, kString, kArray, kObject };

// "null", "boolean", "number", "string", "array", "object".
std::string_view KindName(Kind kind);

struct Value;
using Member = std::pair<std::string, Value>;

// A plain value. Only the members that belong to `kind` mean anything.
// Object members stay in the order in which they were read or added.
struct Value {
  Kind kind = Kind::kNull;
  bool boolean = false;
  std::string text;             // A string's value; a number's spelling.
  std::vector<Value> items;     // Of an array.
  std::vector<Member> members;  // Of an object.
  size_t offset = 0;            // Where it begins in the source that it was parsed from.

  static Value Null() { return {}; }
  static Value Boolean(bool boolean);
  static Value Integer(int64_t number);
  static Value String(std::string_view text);
  static Value Array(std::vector<Value> items = {});
  static Value Strings(const std::vector<std::string>& items);
  static Value StringMap(const std::map<std::string, std::string>& members);
  static Value Object(std::vector<Member> members = {});
  // The value that `json` spells; it must be valid JSON (JsonText is). An empty
  // text, that of a JsonText that nobody set, is null.
  static Value Of(const JsonText& json);

  bool IsString() const { return kind == Kind::kString; }
  bool IsObject() const { return kind == Kind::kObject; }
  bool IsArray() const { return kind == Kind::kArray; }

  // The member of an object, or nullptr; also nullptr where this is no object.
  const Value* Find(std::string_view key) const;
  Value* Find(std::string_view key);
  // Appends a member, or replaces the one that has this key. Returns *this.
  Value& Set(std::string_view key, Value value);
};

struct ParseLimits {
  int depth = 64;                    // Arrays and objects within each other.
  size_t bytes = size_t{256} << 20;  // Of the whole text.
};

// Parses a whole text as one JSON value. UTF-8 only, no BOM, no comments.
//
// Numbers keep their spelling; one beyond the range of a double is an error.
//
// Time: O(size). Errors: json-syntax, json-duplicate-key, json-depth,
// input-too-large; each with line, column and, where known, pointer.
absl::StatusOr<Value> Parse(const Source& source, const ParseLimits& limits = {});

enum class Style {
  kPretty,   // Two spaces, a member a line, newline at the end; empty ones as {} and [].
  kCompact,  // One line, newline at the end.
};

// The same of a large document of many parts: arrays and objects in more than
// `depth` others are checked as the rest is, but left empty in the value.
// `skipped` gets their texts, which are part of the source, in its order.
absl::StatusOr<Value> ParseOutline(const Source& source, int depth,
                                   std::vector<std::string_view>* skipped,
                                   const ParseLimits& limits = {});

// Members in their order. Characters beyond ASCII stay as they are.
std::string Format(const Value& value, Style style);

// RFC 8785 (JCS): members sorted by UTF-16 code units, no white space, no
// newline at the end, ES6 numbers.
std::string Canonical(const Value& value);
JsonText ToText(const Value& value);

// As Go's encoding/json writes it: compact, members in their order, with <, >
// and & and U+2028/9 escaped. For formats that are fixed byte for byte by Go
// programs (cnab-to-oci's index, Porter's archives).
std::string FormatLikeGo(const Value& value);

// One step of a JSON Pointer, "~" and "/" escaped, with the leading slash.
std::string PointerStep(std::string_view key);
std::string PointerStep(size_t index);

// Reads the members of one object. Errors are collected: check status() or
// Finish() at the end; after an error outputs keep their values.
//
//   ObjectReader reader(source, value, "/nodes/0");
//   reader.Required("id", &node.id);
//   reader.Optional("alias", &node.alias);
//   if (const Value* edges = reader.Array("edges")) …   // optional; nullptr if absent
//   DEPS_RETURN_IF_ERROR(reader.Finish());              // refuses what was not asked for
//
// Errors: document-type, document-member (missing or unknown, with a
// did-you-mean), document-value; each located in `source`.
class ObjectReader {
 public:
  // `source`, `value` and the keys that are asked for must outlive the reader.
  ObjectReader(const Source& source, const Value& value, std::string pointer = "");

  void Required(std::string_view key, std::string* out);
  void Required(std::string_view key, bool* out);
  void Required(std::string_view key, int64_t* out);  // Within 53 bits.
  void Required(std::string_view key, std::vector<std::string>* out);
  void Required(std::string_view key, std::map<std::string, std::string>* out);
  void Optional(std::string_view key, std::string* out);
  void Optional(std::string_view key, std::optional<std::string>* out);
  void Optional(std::string_view key, bool* out);
  void Optional(std::string_view key, int64_t* out);
  void Optional(std::string_view key, std::optional<int64_t>* out);
  void Optional(std::string_view key, std::vector<std::string>* out);
  void Optional(std::string_view key, std::map<std::string, std::string>* out);
  void Optional(std::string_view key, std::optional<JsonText>* out);  // Any value.

  // The member as it is, or nullptr where it is absent. Array and Object also
  // check the kind.
  const Value* Any(std::string_view key);
  const Value* Array(std::string_view key, bool required = false);
  const Value* Object(std::string_view key, bool required = false);

  // Allows a member without reading it.
  void Ignore(std::string_view key);
  // Allows all members that were not asked for (documents of others).
  void IgnoreRest() { ignore_rest_ = true; }

  // Adds an error at a member (or at the object where `key` is "").
  void Fail(DiagnosticId id, std::string_view key, std::string message);
  // Passes on an error of a nested reader.
  void Check(absl::Status status);

  const Source& source() const { return source_; }
  std::string Pointer(std::string_view key) const;
  absl::Status status() const { return status_; }
  absl::Status Finish();

 private:
  const Value* Take(std::string_view key, Kind kind, bool required);
  void ReadString(std::string_view key, bool required, std::string* out);
  void ReadBoolean(std::string_view key, bool required, bool* out);
  bool ReadInteger(std::string_view key, bool required, int64_t* out);
  void ReadStrings(std::string_view key, bool required, std::vector<std::string>* out);
  void ReadStringMap(std::string_view key, bool required, std::map<std::string, std::string>* out);
  bool CheckString(const Value& item, std::string pointer);

  const Source& source_;
  const Value& value_;
  std::string pointer_;
  absl::InlinedVector<std::string_view, 16> known_;
  bool ignore_rest_ = false;
  absl::Status status_;
};

}  // namespace json
}  // namespace deps

#endif  // DEPS_LIB_JSON_JSON_H_
