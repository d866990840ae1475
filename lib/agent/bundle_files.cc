#include "lib/agent/bundle_files.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace deps {
namespace {

using json::Value;

void SetText(Value* object, std::string_view key, const std::string& text) {
  if (!text.empty()) object->Set(key, Value::String(text));
}

Value Definition(const std::string& type, const std::string& id, bool sensitive,
                 const std::optional<JsonText>& default_value) {
  Value definition = Value::Object();
  SetText(&definition, "$id", id);
  SetText(&definition, "type", type);
  if (default_value.has_value()) definition.Set("default", Value::Of(*default_value));
  if (sensitive) definition.Set("writeOnly", Value::Boolean(true));
  return definition;
}

Value DestinationValue(const Destination& destination) {
  Value value = Value::Object();
  SetText(&value, "env", destination.env);
  SetText(&value, "path", destination.path);
  return value;
}

template <typename Item>
Value ItemValue(const Item& item) {
  Value value = Value::Object();
  if (!item.apply_to.empty()) value.Set("applyTo", Value::Strings(item.apply_to));
  return value;
}

Value ImageValue(const Image& image) {
  Value value = Value::Object({{"image", Value::String(image.image)}});
  SetText(&value, "imageType", image.image_type);
  SetText(&value, "mediaType", image.media_type);
  SetText(&value, "contentDigest", image.content_digest);
  if (image.size > 0) value.Set("size", Value::Integer(image.size));
  return value;
}

Value ImagesValue(const Bundle& bundle) {
  Value images = Value::Object();
  for (const auto& [name, image] : bundle.images) images.Set(name, ImageValue(image));
  return images;
}

void AddInputs(const Bundle& bundle, Value* document, Value* definitions) {
  Value parameters = Value::Object();
  for (const auto& [name, parameter] : bundle.parameters) {
    const std::string definition = absl::StrCat("parameter-", name);
    definitions->Set(definition, Definition(parameter.type, parameter.id, parameter.sensitive,
                                            parameter.default_value));
    Value value = ItemValue(parameter);
    value.Set("definition", Value::String(definition));
    value.Set("destination", DestinationValue(parameter.destination));
    if (parameter.required) value.Set("required", Value::Boolean(true));
    parameters.Set(name, std::move(value));
  }
  document->Set("parameters", std::move(parameters));
  Value credentials = Value::Object();
  for (const auto& [name, credential] : bundle.credentials) {
    Value value = ItemValue(credential);
    SetText(&value, "env", credential.destination.env);
    SetText(&value, "path", credential.destination.path);
    if (credential.required) value.Set("required", Value::Boolean(true));
    credentials.Set(name, std::move(value));
  }
  document->Set("credentials", std::move(credentials));
}

Value BundleValue(const Bundle& bundle) {
  Value document = Value::Object({{"schemaVersion", Value::String("1.2.0")},
                                  {"name", Value::String(bundle.name)},
                                  {"version", Value::String(bundle.version)}});
  Value invocation_images = Value::Array();
  for (const Image& image : bundle.invocation_images) {
    invocation_images.items.push_back(ImageValue(image));
  }
  document.Set("invocationImages", std::move(invocation_images));
  document.Set("images", ImagesValue(bundle));
  Value actions = Value::Object();
  for (const auto& [name, action] : bundle.actions) {
    actions.Set(name, Value::Object({{"modifies", Value::Boolean(action.modifies)},
                                     {"stateless", Value::Boolean(action.stateless)}}));
  }
  document.Set("actions", std::move(actions));
  Value definitions = Value::Object();
  AddInputs(bundle, &document, &definitions);
  Value outputs = Value::Object();
  for (const auto& [name, output] : bundle.outputs) {
    const std::string definition = absl::StrCat("output-", name);
    definitions.Set(definition,
                    Definition(output.type, output.id, output.sensitive, output.default_value));
    Value value = ItemValue(output);
    value.Set("definition", Value::String(definition));
    value.Set("path", Value::String(output.path));
    outputs.Set(name, std::move(value));
  }
  document.Set("outputs", std::move(outputs));
  document.Set("definitions", std::move(definitions));
  return document;
}

bool CanBeMounted(const std::string& path) {
  // A cluster takes no colon in the path of a mount.
  for (const char* const part : {"//", "/./", "/../", ":"}) {
    if (absl::StrContains(path, part)) return false;
  }
  for (const char* const end : {"/", "/.", "/.."}) {
    if (absl::EndsWith(path, end)) return false;
  }
  return !path.empty() && !absl::StartsWith(path, "/cnab/app/outputs/") &&
         !absl::StartsWith(path, "/deps/");
}

}  // namespace

std::string DependencyFilePath(std::string_view alias) {
  return absl::StrCat("/cnab/app/dependencies/", alias, "/bundle.json");
}

std::string AbsolutePath(std::string path) {
  if (!path.empty() && path[0] != '/') path.insert(0, "/");
  return path;
}

bool AppliesTo(const std::vector<std::string>& apply_to, const std::string& action) {
  return apply_to.empty() || std::find(apply_to.begin(), apply_to.end(), action) != apply_to.end();
}

std::vector<std::string> FilesOfTask(const PlannedTask& task,
                                     const std::vector<std::string>& dependencies) {
  std::set<std::string> paths = {kBundleFilePath, kImageMapFilePath, kClaimFilePath};
  for (const std::string& alias : dependencies) paths.insert(DependencyFilePath(alias));
  for (const auto& [name, definition] : task.bundle.parameters) {
    if (!AppliesTo(definition.apply_to, task.action)) continue;
    paths.insert(AbsolutePath(definition.destination.path));
  }
  for (const auto& [name, definition] : task.bundle.credentials) {
    if (!AppliesTo(definition.apply_to, task.action) || !task.credentials.contains(name)) continue;
    paths.insert(AbsolutePath(definition.destination.path));
  }
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    const bool below = std::any_of(files.begin(), files.end(), [&](const std::string& file) {
      return absl::StartsWith(path, absl::StrCat(file, "/"));
    });
    if (!below && CanBeMounted(path)) files.push_back(path);
  }
  return files;
}

std::string BundleFile(const Bundle& bundle) { return json::Canonical(BundleValue(bundle)); }

std::string ImageMapFile(const Bundle& bundle) { return json::Canonical(ImagesValue(bundle)); }

std::string ClaimFile(const PlannedTask& task, const RunRecord& record) {
  Value parameters = Value::Object();
  for (const auto& [name, value] : record.parameters) parameters.Set(name, Value::Of(value));
  Value claim = Value::Object(
      {{"schemaVersion", Value::String("1.0.0")},
       {"id", Value::String(record.run_id)},
       {"installation", Value::String(QualifiedName(task.installation.name))},
       {"revision", Value::String(record.revision)},
       {"created", Value::String(record.created)},
       {"action", Value::String(task.action)},
       {"bundle", record.bundle_json.empty() ? BundleValue(task.bundle)
                                             : Value::Of({.text = record.bundle_json})},
       {"parameters", std::move(parameters)}});
  SetText(&claim, "bundleReference", task.bundle.reference);
  return json::Canonical(claim);
}

std::string QualifiedName(const InstallationName& name) {
  return name.name_space.empty() ? name.name : absl::StrCat(name.name_space, "/", name.name);
}

}  // namespace deps
