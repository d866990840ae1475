#include "lib/model/index.h"

#include <utility>

#include "lib/base/status_macros.h"
#include "lib/model/document.h"

namespace deps {
namespace {

using json::ObjectReader;
using json::Value;

Value BundleToJson(const IndexedBundle& bundle) {
  Value value = Value::Object();
  value.Set("reference", Value::String(bundle.reference));
  SetUnlessEmpty(value, "digest", bundle.digest);
  value.Set("bundle", Value::Of(bundle.bundle));
  return value;
}

absl::Status EntryFromJson(const Source& source, const Value& value, std::string pointer,
                           IndexEntry* out) {
  ObjectReader reader(source, value, std::move(pointer));
  out->offset = value.offset;
  ReadName(reader, "reference", &out->reference);
  ReadDigest(reader, "digest", /*required=*/false, &out->digest);
  reader.Object("bundle", /*required=*/true);
  return reader.Finish();
}

// The document, its list of bundles and an entry.
constexpr int kDepthOfEntries = 3;

}  // namespace

std::string FormatIndex(const Index& index) {
  Value document = NewDocument("Index");
  document.Set("bundles", ListToJson(index.bundles, BundleToJson));
  return json::Format(document, json::Style::kPretty);
}

absl::StatusOr<std::vector<IndexEntry>> ReadIndex(const Source& source) {
  std::vector<std::string_view> bundles;
  DEPS_ASSIGN_OR_RETURN(const Value document, json::ParseOutline(source, kDepthOfEntries, &bundles,
                                                                 {.bytes = kMaxIndexBytes}));
  DEPS_RETURN_IF_ERROR(CheckKind(source, document, "Index"));
  std::vector<IndexEntry> entries;
  ObjectReader reader(source, document);
  AllowEnvelope(reader);
  ReadList(reader, "bundles", /*required=*/true, EntryFromJson, &entries);
  DEPS_RETURN_IF_ERROR(reader.Finish());
  // Nothing else in an entry that is right can be an object.
  for (size_t i = 0; i < entries.size(); ++i) entries[i].bundle = bundles[i];
  return entries;
}

absl::StatusOr<Index> ParseIndex(const Source& source) {
  DEPS_ASSIGN_OR_RETURN(std::vector<IndexEntry> entries, ReadIndex(source));
  Index index;
  index.bundles.reserve(entries.size());
  for (IndexEntry& entry : entries) {
    const Source bundle = {.name = source.name, .text = std::string(entry.bundle)};
    DEPS_ASSIGN_OR_RETURN(const Value value, json::Parse(bundle));
    index.bundles.push_back({.reference = std::move(entry.reference),
                             .digest = std::move(entry.digest),
                             .bundle = json::ToText(value)});
  }
  return index;
}

}  // namespace deps
