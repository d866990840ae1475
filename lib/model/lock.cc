#include "lib/model/lock.h"

#include <utility>

#include "lib/base/status_macros.h"
#include "lib/model/document.h"
#include "lib/model/edge_json.h"

namespace deps {
namespace {

using json::ObjectReader;
using json::Value;

Value LockedNodeToJson(const LockedNode& node) {
  Value value = Value::Object();
  if (node.installation.has_value()) {
    value.Set("installation", InstallationNameToJson(*node.installation));
    return value;
  }
  value.Set("repository", Value::String(node.repository));
  SetUnlessEmpty(value, "constraint", node.constraint);
  SetUnlessEmpty(value, "version", node.version);
  SetUnlessEmpty(value, "tag", node.tag);
  value.Set("digest", Value::String(node.digest));
  return value;
}

absl::Status LockedNodeFromJson(const Source& source, const Value& value, std::string pointer,
                                LockedNode* out) {
  ObjectReader reader(source, value, std::move(pointer));
  ReadPart(reader, "installation", InstallationNameFromJson, &out->installation);
  if (out->installation.has_value()) return reader.Finish();
  ReadName(reader, "repository", &out->repository);
  reader.Optional("constraint", &out->constraint);
  reader.Optional("version", &out->version);
  reader.Optional("tag", &out->tag);
  ReadDigest(reader, "digest", /*required=*/true, &out->digest);
  return reader.Finish();
}

}  // namespace

std::string FormatLock(const Lock& lock) {
  Value document = NewDocument("Lock");
  document.Set("nodes", MapToJson(lock.nodes, LockedNodeToJson));
  return json::Format(document, json::Style::kPretty);
}

absl::StatusOr<Lock> ParseLock(const Source& source) {
  DEPS_ASSIGN_OR_RETURN(const Value document, ParseDocument(source, "Lock"));
  Lock lock;
  ObjectReader reader(source, document);
  AllowEnvelope(reader);
  ReadMap(reader, "nodes", /*required=*/true, LockedNodeFromJson, &lock.nodes);
  DEPS_RETURN_IF_ERROR(reader.Finish());
  return lock;
}

}  // namespace deps
