// What the readers and writers of all documents share: the envelope, lists and
// maps of parts, and the checks of single values. Private to this package.
#ifndef DEPS_LIB_MODEL_DOCUMENT_H_
#define DEPS_LIB_MODEL_DOCUMENT_H_

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/base/parallel.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"
#include "lib/json/part.h"
#include "lib/json/text_writer.h"

namespace deps {

inline constexpr std::string_view kApiVersion = "cnab-deps/v1";

// An object with apiVersion and kind.
json::Value NewDocument(std::string_view kind);

// Parses a document; errors as json::Parse, and document-kind where it is of
// another kind or version. The reader of the result must allow the envelope.
absl::StatusOr<json::Value> ParseDocument(const Source& source, std::string_view kind);
// The same, but the items of its lists are left empty, for ReadLargeList.
absl::StatusOr<json::Value> ParseLargeDocument(const Source& source, std::string_view kind);
// The second half of both, for a document that was parsed already.
absl::Status CheckKind(const Source& source, const json::Value& document, std::string_view kind);
void AllowEnvelope(json::ObjectReader& reader);

// Sets a member, or leaves it out where the value is the empty one.
void SetUnlessEmpty(json::Value& object, std::string_view key, const std::string& text);
void SetUnlessEmpty(json::Value& object, std::string_view key,
                    const std::vector<std::string>& items);
void SetIfTrue(json::Value& object, std::string_view key, bool flag);
void SetIfPresent(json::Value& object, std::string_view key, const std::optional<JsonText>& value);

// The same for documents that are written member by member.
void WriteUnlessEmpty(json::TextWriter& out, std::string_view key, const std::string& text);
void WriteUnlessEmpty(json::TextWriter& out, std::string_view key,
                      const std::vector<std::string>& items);
void WriteIfTrue(json::TextWriter& out, std::string_view key, bool flag);
void WriteIfPresent(json::TextWriter& out, std::string_view key,
                    const std::optional<JsonText>& value);
void WriteStringMap(json::TextWriter& out, const std::map<std::string, std::string>& members);

template <typename T>
using WritePart = void (*)(json::TextWriter& out, const T&);

template <typename T>
void WriteList(json::TextWriter& out, const std::vector<T>& items, WritePart<T> write) {
  out.BeginArray();
  for (const T& item : items) write(out, item);
  out.EndArray();
}

template <typename T>
void WriteMap(json::TextWriter& out, const std::map<std::string, T>& items, WritePart<T> write) {
  out.BeginObject();
  for (const auto& [key, item] : items) {
    out.Key(key);
    write(out, item);
  }
  out.EndObject();
}

// How a part of a document is written and read.
template <typename T>
using ToJson = json::Value (*)(const T&);
template <typename T>
using FromJson = absl::Status (*)(const Source&, const json::Value&, std::string pointer, T*);

template <typename T>
json::Value ListToJson(const std::vector<T>& items, ToJson<T> to_json) {
  json::Value list = json::Value::Array();
  list.items.reserve(items.size());
  for (const T& item : items) list.items.push_back(to_json(item));
  return list;
}

template <typename T>
json::Value MapToJson(const std::map<std::string, T>& items, ToJson<T> to_json) {
  json::Value map = json::Value::Object();
  for (const auto& [key, item] : items) map.members.emplace_back(key, to_json(item));
  return map;
}

// Of the items of a list that are wrong only so many are looked at: to locate an
// error takes time in proportion to the file.
inline constexpr size_t kMaxErrorsOfAList = 50;

template <typename T>
void ReadList(json::ObjectReader& reader, std::string_view key, bool required, FromJson<T> read,
              std::vector<T>* out) {
  const json::Value* list = reader.Array(key, required);
  if (list == nullptr) return;
  out->reserve(list->items.size());
  size_t errors = 0;
  for (size_t i = 0; i < list->items.size() && errors < kMaxErrorsOfAList; ++i) {
    const absl::Status status =
        read(reader.source(), list->items[i], reader.Pointer(key) + json::PointerStep(i),
             &out->emplace_back());
    if (!status.ok()) ++errors;
    reader.Check(status);
  }
}

// A smaller part of a list is not worth a thread.
inline constexpr size_t kItemsOfAThread = 500;

// As ReadList, of a document of which ParseOutline left the items empty: they
// are made one after the other, so that a large document needs little memory, and
// in parts of the list at the same time.
template <typename T>
void ReadLargeList(json::ObjectReader& reader, std::string_view key, bool required,
                   FromJson<T> read, std::vector<T>* out) {
  const json::Value* list = reader.Array(key, required);
  if (list == nullptr) return;
  out->resize(list->items.size());
  const std::vector<IndexRange> parts = RangesForThreads(list->items.size(), kItemsOfAThread);
  std::vector<std::vector<absl::Status>> errors(parts.size());
  std::vector<std::function<absl::Status()>> steps;
  for (size_t part = 0; part < parts.size(); ++part) {
    steps.push_back([&, part] {
      for (size_t i = parts[part].begin; i < parts[part].end; ++i) {
        absl::Status status = read(reader.source(), json::WholeOf(reader.source(), list->items[i]),
                                   reader.Pointer(key) + json::PointerStep(i), &(*out)[i]);
        if (!status.ok()) errors[part].push_back(std::move(status));
        if (errors[part].size() == kMaxErrorsOfAList) break;
      }
      return absl::OkStatus();
    });
  }
  reader.Check(RunSteps(steps, Processors()));
  size_t told = 0;
  for (const std::vector<absl::Status>& errors_of_part : errors) {
    for (const absl::Status& status : errors_of_part) {
      if (told++ < kMaxErrorsOfAList) reader.Check(status);
    }
  }
}

template <typename T>
void ReadMap(json::ObjectReader& reader, std::string_view key, bool required, FromJson<T> read,
             std::map<std::string, T>* out) {
  const json::Value* map = reader.Object(key, required);
  if (map == nullptr) return;
  for (const auto& [name, item] : map->members) {
    reader.Check(
        read(reader.source(), item, reader.Pointer(key) + json::PointerStep(name), &(*out)[name]));
  }
}

template <typename T>
void ReadPart(json::ObjectReader& reader, std::string_view key, bool required, FromJson<T> read,
              T* out) {
  if (const json::Value* part = reader.Object(key, required)) {
    reader.Check(read(reader.source(), *part, reader.Pointer(key), out));
  }
}

template <typename T>
void ReadPart(json::ObjectReader& reader, std::string_view key, FromJson<T> read,
              std::optional<T>* out) {
  if (const json::Value* part = reader.Object(key)) {
    reader.Check(read(reader.source(), *part, reader.Pointer(key), &out->emplace()));
  }
}

// Reads a string that must be one of `choices`.
void ReadChoice(json::ObjectReader& reader, std::string_view key, bool required,
                std::initializer_list<std::string_view> choices, std::string* out);
// Reads a string that must not be empty.
void ReadName(json::ObjectReader& reader, std::string_view key, std::string* out);
// Reads "sha256:" and 64 lower-case hexadecimal digits.
void ReadDigest(json::ObjectReader& reader, std::string_view key, bool required, std::string* out);
// Reads an integer that must not be negative.
void ReadCount(json::ObjectReader& reader, std::string_view key, bool required, int64_t* out);

}  // namespace deps

#endif  // DEPS_LIB_MODEL_DOCUMENT_H_
