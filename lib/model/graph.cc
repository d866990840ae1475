#include "lib/model/graph.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/text_writer.h"
#include "lib/model/bundle_json.h"
#include "lib/model/document.h"
#include "lib/model/edge_json.h"

namespace deps {
namespace {

using json::ObjectReader;
using json::Value;

Value ResolutionToJson(const Resolution& resolution) {
  Value value = Value::Object();
  value.Set("kind", Value::String(resolution.kind));
  value.Set("by", Value::String(resolution.by));
  SetUnlessEmpty(value, "reference", resolution.reference);
  SetUnlessEmpty(value, "tag", resolution.tag);
  SetUnlessEmpty(value, "version", resolution.version);
  SetUnlessEmpty(value, "digest", resolution.digest);
  if (resolution.installation.has_value()) {
    value.Set("installation", InstallationNameToJson(*resolution.installation));
  }
  SetUnlessEmpty(value, "reason", resolution.reason);
  return value;
}

absl::Status ResolutionFromJson(const Source& source, const Value& value, std::string pointer,
                                Resolution* out) {
  ObjectReader reader(source, value, std::move(pointer));
  ReadChoice(reader, "kind", /*required=*/true, {"bundle", "installation"}, &out->kind);
  ReadChoice(reader, "by", /*required=*/true,
             {"override", "lock", "installation", "range", "default", "provider"}, &out->by);
  reader.Optional("reference", &out->reference);
  reader.Optional("tag", &out->tag);
  reader.Optional("version", &out->version);
  ReadDigest(reader, "digest", /*required=*/false, &out->digest);
  ReadPart(reader, "installation", InstallationNameFromJson, &out->installation);
  reader.Optional("reason", &out->reason);
  if (out->kind == "installation" && reader.Any("installation") == nullptr) {
    reader.Fail(DiagnosticId::kDocumentMember, "", "the member 'installation' is missing");
  }
  return reader.Finish();
}

void WriteNode(json::TextWriter& out, const Node& node) {
  out.BeginObject();
  out.Key("id");
  out.String(node.id);
  out.Key("paths");
  out.Strings(node.paths);
  WriteUnlessEmpty(out, "alias", node.alias);
  WriteUnlessEmpty(out, "reference", node.reference);
  if (node.bundle.has_value()) {
    out.Key("bundle");
    WriteBundle(out, *node.bundle);
  }
  if (node.resolution.has_value()) {
    out.Key("resolution");
    out.Write(ResolutionToJson(*node.resolution));
  }
  out.EndObject();
}

absl::Status ReadNode(const Source& source, const Value& value, std::string pointer,
                      bool may_be_resolved, Node* out) {
  ObjectReader reader(source, value, std::move(pointer));
  ReadName(reader, "id", &out->id);
  reader.Required("paths", &out->paths);
  reader.Optional("alias", &out->alias);
  reader.Optional("reference", &out->reference);
  std::optional<Bundle> bundle;
  ReadPart(reader, "bundle", BundleFromJson, &bundle);
  if (bundle) out->bundle = *std::move(bundle);
  if (may_be_resolved) ReadPart(reader, "resolution", ResolutionFromJson, &out->resolution);
  return reader.Finish();
}

absl::Status NodeFromJson(const Source& source, const Value& value, std::string pointer,
                          Node* out) {
  return ReadNode(source, value, std::move(pointer), /*may_be_resolved=*/false, out);
}

absl::Status ResolvedNodeFromJson(const Source& source, const Value& value, std::string pointer,
                                  Node* out) {
  return ReadNode(source, value, std::move(pointer), /*may_be_resolved=*/true, out);
}

void WriteEdge(json::TextWriter& out, const Edge& edge) { out.Write(EdgeToJson(edge)); }

Value DiagnosticToJson(const Diagnostic& diagnostic) {
  Value value = Value::Object();
  value.Set("id", Value::String(InfoOf(diagnostic.id).name));
  value.Set("severity", Value::String(SeverityName(diagnostic.severity)));
  value.Set("message", Value::String(diagnostic.message));
  SetUnlessEmpty(value, "file", diagnostic.location.file);
  if (diagnostic.location.line > 0) {
    value.Set("line", Value::Integer(diagnostic.location.line));
    value.Set("column", Value::Integer(diagnostic.location.column));
  }
  SetUnlessEmpty(value, "pointer", diagnostic.location.pointer);
  SetUnlessEmpty(value, "hint", diagnostic.hint);
  return value;
}

void ReadDiagnosticId(ObjectReader& reader, DiagnosticId* out) {
  std::string name;
  ReadName(reader, "id", &name);
  const std::vector<DiagnosticInfo>& all = AllDiagnostics();
  const auto it = std::find_if(all.begin(), all.end(),
                               [&](const DiagnosticInfo& info) { return info.name == name; });
  if (it != all.end()) {
    *out = it->id;
  } else if (!name.empty()) {
    reader.Fail(DiagnosticId::kDocumentValue, "id",
                absl::StrCat("no diagnostic has the id '", name, "'"));
  }
}

// A line or column, which is an int everywhere else.
void ReadPosition(ObjectReader& reader, std::string_view key, int* out) {
  constexpr int64_t kMax = 2147483647;
  int64_t number = 0;
  ReadCount(reader, key, /*required=*/false, &number);
  if (number > kMax) {
    return reader.Fail(DiagnosticId::kDocumentValue, key,
                       absl::StrCat("expected at most ", kMax, ", found ", number));
  }
  *out = static_cast<int>(number);
}

absl::Status DiagnosticFromJson(const Source& source, const Value& value, std::string pointer,
                                Diagnostic* out) {
  ObjectReader reader(source, value, std::move(pointer));
  ReadDiagnosticId(reader, &out->id);
  std::string severity;
  ReadChoice(reader, "severity", /*required=*/true, {"error", "warning", "note"}, &severity);
  out->severity = severity == "warning" ? Severity::kWarning
                  : severity == "note"  ? Severity::kNote
                                        : Severity::kError;
  reader.Required("message", &out->message);
  reader.Optional("file", &out->location.file);
  ReadPosition(reader, "line", &out->location.line);
  ReadPosition(reader, "column", &out->location.column);
  if (out->location.line == 0) out->location.column = 0;  // Means nothing without a line.
  reader.Optional("pointer", &out->location.pointer);
  reader.Optional("hint", &out->hint);
  return reader.Finish();
}

Value ExplanationToJson(const Explanation& explanation) {
  Value value = Value::Object();
  value.Set("message", Value::String(explanation.message));
  value.Set("because", Value::Strings(explanation.because));
  value.Set("nodes", Value::Strings(explanation.nodes));
  SetUnlessEmpty(value, "hint", explanation.hint);
  return value;
}

absl::Status ExplanationFromJson(const Source& source, const Value& value, std::string pointer,
                                 Explanation* out) {
  ObjectReader reader(source, value, std::move(pointer));
  reader.Required("message", &out->message);
  reader.Optional("because", &out->because);
  reader.Optional("nodes", &out->nodes);
  reader.Optional("hint", &out->hint);
  return reader.Finish();
}

// Ids are unique, and what is named by an id exists.
void CheckIds(ObjectReader& reader, const Graph& graph) {
  absl::flat_hash_set<std::string_view> ids;
  ids.reserve(graph.nodes.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (ids.insert(graph.nodes[i].id).second) continue;
    reader.Fail(DiagnosticId::kDocumentValue, "nodes",
                absl::StrCat("two nodes have the id '", graph.nodes[i].id, "'"));
  }
  if (!ids.contains(graph.root)) {
    reader.Fail(DiagnosticId::kDocumentValue, "root",
                absl::StrCat("no node has the id '", graph.root, "'"));
  }
  const Value* edges = reader.Array("edges");
  for (size_t i = 0; edges != nullptr && i < graph.edges.size(); ++i) {
    for (const auto& [key, id] :
         {std::pair("from", &graph.edges[i].from), std::pair("to", &graph.edges[i].to)}) {
      if (ids.contains(*id)) continue;
      const Value whole = json::WholeOf(reader.source(), edges->items[i]);
      ObjectReader edge(reader.source(), whole, reader.Pointer("edges") + json::PointerStep(i));
      edge.Fail(DiagnosticId::kDocumentValue, key, absl::StrCat("no node has the id '", *id, "'"));
      reader.Check(edge.status());
    }
  }
}

absl::StatusOr<Graph> Read(const Source& source, bool is_solution) {
  DEPS_ASSIGN_OR_RETURN(const Value document,
                        ParseLargeDocument(source, is_solution ? "Solution" : "Graph"));
  Graph graph;
  ObjectReader reader(source, document);
  AllowEnvelope(reader);
  ReadName(reader, "root", &graph.root);
  ReadLargeList(reader, "nodes", /*required=*/true,
                is_solution ? ResolvedNodeFromJson : NodeFromJson, &graph.nodes);
  ReadLargeList(reader, "edges", /*required=*/true, EdgeFromJson, &graph.edges);
  ReadLargeList(reader, "diagnostics", /*required=*/false, DiagnosticFromJson, &graph.diagnostics);
  if (is_solution) {
    ReadChoice(reader, "status", /*required=*/true, {"solved", "unsatisfiable"}, &graph.status);
    ReadLargeList(reader, "explanation", /*required=*/false, ExplanationFromJson,
                  &graph.explanation);
  }
  if (reader.status().ok()) CheckIds(reader, graph);
  DEPS_RETURN_IF_ERROR(reader.Finish());
  return graph;
}

auto EdgeOrder(const Edge& edge) {
  return std::tie(edge.from, edge.to, edge.kind, edge.alias, edge.field, edge.name, edge.output);
}

}  // namespace

const Node* Graph::Find(std::string_view id) const {
  for (const Node& node : nodes) {
    if (node.id == id) return &node;
  }
  return nullptr;
}

std::string FormatGraph(const Graph& graph, json::Style style) {
  const bool is_solution = !graph.status.empty();
  json::TextWriter out(style);
  const auto member = [&out](std::string_view key, const Value& value) {
    out.Key(key);
    out.Write(value);
  };
  out.BeginObject();
  for (const auto& [key, value] : NewDocument(is_solution ? "Solution" : "Graph").members) {
    member(key, value);
  }
  if (is_solution) member("status", Value::String(graph.status));
  member("root", Value::String(graph.root));
  out.Key("nodes");
  WriteList(out, graph.nodes, WriteNode);
  out.Key("edges");
  WriteList(out, graph.edges, WriteEdge);
  if (!graph.explanation.empty()) {
    member("explanation", ListToJson(graph.explanation, ExplanationToJson));
  }
  member("diagnostics", ListToJson(graph.diagnostics, DiagnosticToJson));
  out.EndObject();
  return out.Finish();
}

absl::StatusOr<Graph> ParseGraph(const Source& source) {
  return Read(source, /*is_solution=*/false);
}

absl::StatusOr<Graph> ParseSolution(const Source& source) {
  return Read(source, /*is_solution=*/true);
}

namespace {

// Moves each element once: they are large.
template <typename T, typename Less>
void SortLarge(std::vector<T>* elements, Less less) {
  if (std::is_sorted(elements->begin(), elements->end(), less)) return;
  std::vector<T*> order;
  order.reserve(elements->size());
  for (T& element : *elements) order.push_back(&element);
  std::sort(order.begin(), order.end(), [&](const T* a, const T* b) { return less(*a, *b); });
  std::vector<T> sorted;
  sorted.reserve(order.size());
  for (T* const element : order) sorted.push_back(std::move(*element));
  *elements = std::move(sorted);
}

// Whoever makes a graph mostly has the edges of one node together, in the order
// of the nodes.
void SortEdges(std::vector<Edge>* edges) {
  const auto by_from = [](const Edge& a, const Edge& b) { return a.from < b.from; };
  const auto less = [](const Edge& a, const Edge& b) { return EdgeOrder(a) < EdgeOrder(b); };
  if (!std::is_sorted(edges->begin(), edges->end(), by_from)) return SortLarge(edges, less);
  for (auto begin = edges->begin(); begin != edges->end();) {
    const auto end = std::find_if(begin, edges->end(),
                                  [&](const Edge& edge) { return edge.from != begin->from; });
    if (!std::is_sorted(begin, end, less)) std::sort(begin, end, less);
    begin = end;
  }
}

}  // namespace

void SortGraph(Graph* graph) {
  for (Node& node : graph->nodes) {
    std::sort(node.paths.begin(), node.paths.end(), [](const std::string& a, const std::string& b) {
      return std::tuple(a.size(), std::string_view(a)) < std::tuple(b.size(), std::string_view(b));
    });
  }
  SortLarge(&graph->nodes, [](const Node& a, const Node& b) { return a.id < b.id; });
  SortEdges(&graph->edges);
}

}  // namespace deps
