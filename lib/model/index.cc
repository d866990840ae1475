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

absl::Status BundleFromJson(const Source& source, const Value& value, std::string pointer,
                            IndexedBundle* out) {
  ObjectReader reader(source, value, std::move(pointer));
  ReadName(reader, "reference", &out->reference);
  ReadDigest(reader, "digest", /*required=*/false, &out->digest);
  if (const Value* bundle = reader.Object("bundle", /*required=*/true)) {
    out->bundle = json::ToText(*bundle);
  }
  return reader.Finish();
}

}  // namespace

std::string FormatIndex(const Index& index) {
  Value document = NewDocument("Index");
  document.Set("bundles", ListToJson(index.bundles, BundleToJson));
  return json::Format(document, json::Style::kPretty);
}

absl::StatusOr<Index> ParseIndex(const Source& source) {
  DEPS_ASSIGN_OR_RETURN(const Value document, ParseDocument(source, "Index"));
  Index index;
  ObjectReader reader(source, document);
  AllowEnvelope(reader);
  ReadList(reader, "bundles", /*required=*/true, BundleFromJson, &index.bundles);
  DEPS_RETURN_IF_ERROR(reader.Finish());
  return index;
}

}  // namespace deps
