#include "lib/bundle/manifest_extension.h"

#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/bundle/manifest_values.h"
#include "lib/yaml/yaml.h"

namespace deps {
namespace {

using json::Value;

// The text that a member spells; "" without one.
std::string TextAt(const Value& object, std::string_view key) {
  const Value* value = object.Find(key);
  if (value == nullptr) return "";
  return yaml::TextOf(*value).value_or("");
}

void SetText(Value* object, std::string_view key, const std::string& text) {
  if (!text.empty()) object->Set(key, Value::String(text));
}

void SetMap(Value* object, std::string_view key, const std::map<std::string, std::string>& map) {
  if (!map.empty()) object->Set(key, Value::StringMap(map));
}

// "NAME-output", but "my-output" stays as it is.
std::string DefinitionName(const std::string& name, std::string_view kind) {
  return absl::EndsWith(name, absl::StrCat("-", kind)) ? name : absl::StrCat(name, "-", kind);
}

std::string InsideTheImage(const std::string& path) {
  return absl::StartsWith(path, "/") ? path : absl::StrCat("/cnab/app/", path);
}

void SetCommon(const Value& item, Value* result) {
  SetText(result, "description", TextAt(item, "description"));
  const Value* apply_to = item.Find("applyTo");
  if (apply_to != nullptr && !apply_to->items.empty()) result->Set("applyTo", *apply_to);
}

Value OutputValue(const std::string& name, const Value& item) {
  Value result = Value::Object({{"definition", Value::String(DefinitionName(name, "output"))}});
  SetCommon(item, &result);
  result.Set("path", Value::String(absl::StrCat("/cnab/app/outputs/", name)));
  return result;
}

Value ParameterValue(const std::string& name, const Value& item) {
  Value result = Value::Object({{"definition", Value::String(DefinitionName(name, "parameter"))}});
  SetCommon(item, &result);
  const Value* default_value = item.Find("default");
  if (default_value == nullptr || default_value->kind == json::Kind::kNull) {
    result.Set("required", Value::Boolean(true));
  }
  Value destination = Value::Object();
  const std::string env = TextAt(item, "env");
  const std::string path = TextAt(item, "path");
  SetText(&destination, "env", env.empty() && path.empty() ? EnvironmentName(name) : env);
  if (!path.empty()) destination.Set("path", Value::String(InsideTheImage(path)));
  result.Set("destination", std::move(destination));
  return result;
}

// Where a credential goes, and for which actions, is not part of an interface.
Value CredentialValue(const Value& item) {
  Value result = Value::Object();
  SetText(&result, "description", TextAt(item, "description"));
  const Value* required = item.Find("required");
  if (required == nullptr || required->boolean) result.Set("required", Value::Boolean(true));
  return result;
}

Value DocumentValue(const Value& document) {
  Value result = Value::Object();
  for (const std::string_view kind : {"outputs", "parameters", "credentials"}) {
    const Value* items = document.Find(kind);
    if (items == nullptr) continue;
    Value named = Value::Object();
    const auto add = [&](const std::string& name, const Value& item) {
      named.Set(name, kind == "outputs"      ? OutputValue(name, item)
                      : kind == "parameters" ? ParameterValue(name, item)
                                             : CredentialValue(item));
    };
    for (const Value& item : items->items) add(TextAt(item, "name"), item);
    for (const auto& [name, item] : items->members) add(name, item);
    if (!named.members.empty()) result.Set(kind, std::move(named));
  }
  return result;
}

Value InterfaceValue(const Value& interface) {
  Value result = Value::Object();
  SetText(&result, "id", TextAt(interface, "id"));
  SetText(&result, "reference", TextAt(interface, "reference"));
  const Value* document = interface.Find("document");
  result.Set("document", document == nullptr ? Value::Object() : DocumentValue(*document));
  return result;
}

// As written: without a mode Porter's false, which it leaves out.
Value SharingValue(const Value* sharing) {
  Value result = Value::Object();
  Value group = Value::Object();
  if (sharing != nullptr) {
    const std::string mode = TextAt(*sharing, "mode");
    if (mode == "true" || mode == "group") result.Set("mode", Value::Boolean(true));
    if (const Value* named = sharing->Find("group"))
      SetText(&group, "name", TextAt(*named, "name"));
  }
  result.Set("group", std::move(group));
  return result;
}

}  // namespace

void ManifestExtension::Add(const Dependency& dependency, const Value& entry) {
  Value result = Value::Object({{"bundle", Value::String(dependency.reference)}});
  SetText(&result, "version", dependency.version);
  const Value* bundle = entry.Find("bundle");
  const Value* interface = bundle == nullptr ? nullptr : bundle->Find("interface");
  if (interface != nullptr && interface->IsObject()) {
    result.Set("interface", InterfaceValue(*interface));
  }
  result.Set("sharing", SharingValue(entry.Find("sharing")));
  SetMap(&result, "parameters", dependency.parameters);
  SetMap(&result, "credentials", dependency.credentials);
  SetMap(&result, "outputs", dependency.outputs);
  requires_.Set(dependency.alias, std::move(result));
}

Value ManifestExtension::Finish(const std::vector<std::string>& provides) {
  Value extension = Value::Object();
  if (!requires_.members.empty()) extension.Set("requires", std::move(requires_));
  if (!provides.empty()) {
    Value id = Value::Object({{"id", Value::String(provides[0])}});
    extension.Set("provides", Value::Object({{"interface", std::move(id)}}));
  }
  return extension;
}

}  // namespace deps
