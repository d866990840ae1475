#include "lib/plan/interface_names.h"

#include "lib/json/json.h"

namespace deps {
namespace {

// "" where the interface gives the output no $id.
std::string IdOf(const std::string& name, const Edge& edge) {
  if (!edge.interface) return "";
  const json::Value interface = json::Value::Of(*edge.interface);
  const json::Value* at = interface.Find("document");
  if (at != nullptr) at = at->Find("outputs");
  if (at != nullptr) at = at->Find(name);
  if (at != nullptr) at = at->Find("$id");
  return at != nullptr && at->IsString() ? at->text : "";
}

}  // namespace

std::string OutputName(const Node& node, const std::string& name, const Edge* edge) {
  if (edge == nullptr) return name;
  const auto named = edge->names.outputs.find(name);
  if (named != edge->names.outputs.end()) return named->second;
  if (!node.bundle) return name;
  const std::string id = IdOf(name, *edge);
  if (id.empty()) return name;
  const auto same = node.bundle->outputs.find(name);
  if (same != node.bundle->outputs.end() && same->second.id == id) return name;
  for (const auto& [own, definition] : node.bundle->outputs) {
    if (definition.id == id) return own;
  }
  return name;
}

const std::string* WiringOf(const std::map<std::string, std::string>& wiring,
                            const std::map<std::string, std::string>& names,
                            const std::string& name) {
  for (const auto& [interface_name, bundle_name] : names) {
    if (bundle_name != name) continue;
    const auto found = wiring.find(interface_name);
    if (found != wiring.end()) return &found->second;
  }
  const auto found = wiring.find(name);
  // An entry that means another input is not this one's.
  if (found == wiring.end() || names.count(name) > 0) return nullptr;
  return &found->second;
}

}  // namespace deps
