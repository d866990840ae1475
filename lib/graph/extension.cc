#include "lib/graph/extension.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "lib/json/json.h"

namespace deps {
namespace {

using json::Value;

void SetMap(Value* object, std::string_view key, const std::map<std::string, std::string>& map) {
  if (!map.empty()) object->Set(key, Value::StringMap(map));
}

Value SharingValue(const std::optional<Sharing>& sharing) {
  Value group = Value::Object();
  if (sharing && !sharing->group.empty()) group.Set("name", Value::String(sharing->group));
  Value result = Value::Object();
  if (sharing && sharing->mode == Sharing::Mode::kGroup) result.Set("mode", Value::Boolean(true));
  result.Set("group", std::move(group));
  return result;
}

Value DependencyValue(const Dependency& dependency) {
  Value result = Value::Object({{"bundle", Value::String(dependency.reference)}});
  if (!dependency.version.empty()) result.Set("version", Value::String(dependency.version));
  if (dependency.interface) {
    Value interface = Value::Of(*dependency.interface);
    if (interface.Find("document") == nullptr) interface.Set("document", Value::Object());
    result.Set("interface", std::move(interface));
  }
  result.Set("sharing", SharingValue(dependency.sharing));
  SetMap(&result, "parameters", dependency.parameters);
  SetMap(&result, "credentials", dependency.credentials);
  SetMap(&result, "outputs", dependency.outputs);
  return result;
}

}  // namespace

std::string FormatExtension(const BundleDefinition& bundle, json::Style style) {
  if (bundle.extension) return json::Format(Value::Of(*bundle.extension), style);
  std::map<std::string, Value> by_alias;
  for (const Dependency& dependency : bundle.dependencies) {
    by_alias.emplace(dependency.alias, DependencyValue(dependency));
  }
  Value extension = Value::Object();
  if (!by_alias.empty()) {
    Value all = Value::Object();
    for (auto& [alias, value] : by_alias) all.Set(alias, std::move(value));
    extension.Set("requires", std::move(all));
  }
  if (!bundle.bundle.provides.empty()) {
    Value id = Value::Object({{"id", Value::String(bundle.bundle.provides[0])}});
    extension.Set("provides", Value::Object({{"interface", std::move(id)}}));
  }
  return json::Format(Value::Of(json::ToText(extension)), style);
}

}  // namespace deps
