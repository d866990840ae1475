#include "lib/engine/message.h"

#include <array>
#include <vector>

namespace deps {
namespace {

using json::Value;

constexpr std::array<VerbNames, 9> kVerbs = {{
    {"info", "InfoRequest", "InfoResponse"},
    {"check", "CheckRequest", "CheckResponse"},
    {"render", "RenderRequest", "RenderResponse"},
    {"submit", "SubmitRequest", "SubmitResponse"},
    {"status", "StatusRequest", "StatusResponse"},
    {"watch", "WatchRequest", "WatchEvent"},
    {"cancel", "CancelRequest", "CancelResponse"},
    {"logs", "LogsRequest", "LogsLine"},
    {"delete", "DeleteRequest", "DeleteResponse"},
}};

}  // namespace

const VerbNames& NamesOf(EngineVerb verb) { return kVerbs[static_cast<size_t>(verb)]; }

Value NewMessage(std::string_view kind) {
  return Value::Object(
      {{"apiVersion", Value::String(kEngineApiVersion)}, {"kind", Value::String(kind)}});
}

std::string Line(const Value& message) { return json::Format(message, json::Style::kCompact); }

const std::vector<std::string_view>& EngineVerbNames() {
  static const auto* const names = [] {
    auto* list = new std::vector<std::string_view>;
    for (const VerbNames& verb : kVerbs) list->push_back(verb.verb);
    return list;
  }();
  return *names;
}

}  // namespace deps
