#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "lib/base/status_macros.h"
#include "lib/bundle/definition_schema.h"
#include "lib/bundle/dependency_rules.h"
#include "lib/bundle/places.h"
#include "lib/bundle/read.h"
#include "lib/json/json.h"
#include "lib/yaml/yaml.h"

namespace deps {
namespace {

using json::ObjectReader;
using json::PointerStep;
using json::Value;

// The variable that Porter takes where a parameter names none.
std::string EnvironmentName(std::string_view name) {
  return absl::AsciiStrToUpper(absl::StrReplaceAll(name, {{"-", "_"}, {"/", "_"}, {".", "_"}}));
}

// What is written for a scalar, as text: `version: 1.0` is no number.
void MakeText(Value* value) {
  if (const std::optional<std::string> text = yaml::TextOf(*value)) {
    value->kind = json::Kind::kString;
    value->text = *text;
  }
}

// The same for members of `object` by name, or for all where none are named.
void MakeTexts(Value* object, const std::vector<std::string_view>& keys = {}) {
  if (object == nullptr) return;
  for (auto& [key, value] : object->members) {
    if (keys.empty() || std::find(keys.begin(), keys.end(), key) != keys.end()) MakeText(&value);
  }
}

// Porter's types that JSON Schema does not have.
std::string SchemaType(const std::string& type) { return type == "file" ? "string" : type; }

class PorterReader {
 public:
  PorterReader(const Source& source, Value root)
      : source_(source), root_(std::move(root)), places_(source), reader_(source_, root_) {}

  absl::StatusOr<BundleDefinition> Read() {
    MakeTexts(&root_, {"schemaVersion", "name", "version"});
    ReadHead();
    EachNamed(reader_, "parameters", [this](auto& reader) { ReadParameter(reader); });
    EachNamed(reader_, "credentials", [this](auto& reader) { ReadCredential(reader); });
    EachNamed(reader_, "outputs", [this](auto& reader) { ReadOutput(reader); });
    ReadActions();
    ReadImages();
    ReadDependencies();
    reader_.IgnoreRest();
    DEPS_RETURN_IF_ERROR(reader_.Finish());
    return std::move(result_);
  }

 private:
  // Absent, or null as YAML writes an empty list, is nothing.
  Value* NonNull(ObjectReader& reader, Value& object, std::string_view key) {
    reader.Ignore(key);
    Value* value = object.Find(key);
    return value == nullptr || value->kind == json::Kind::kNull ? nullptr : value;
  }

  bool Expect(ObjectReader& reader, const Value& value, json::Kind kind, std::string_view key) {
    if (value.kind == kind) return true;
    reader.Fail(DiagnosticId::kBundleInvalid, key,
                absl::StrCat("expected ", kind == json::Kind::kArray ? "a list" : "a mapping",
                             ", not a value of type ", json::KindName(value.kind)));
    return false;
  }

  // Calls `read` for each entry of the list `key`, each with a name.
  template <typename Read>
  void EachNamed(ObjectReader& parent, std::string_view key, Read read) {
    Value* list = NonNull(parent, root_, key);
    if (list == nullptr || !Expect(parent, *list, json::Kind::kArray, key)) return;
    for (size_t i = 0; i < list->items.size(); ++i) {
      MakeTexts(&list->items[i], {"name", "env", "path", "type", "$id"});
      ObjectReader reader(source_, list->items[i],
                          absl::StrCat(parent.Pointer(key), PointerStep(i)));
      entry_ = &list->items[i];
      read(reader);
      reader.IgnoreRest();
      parent.Check(reader.Finish());
    }
  }

  void ReadHead() {
    reader_.Required("name", &result_.bundle.name);
    reader_.Optional("version", &result_.bundle.version);
    std::string schema_version = "1.0.0";
    reader_.Optional("schemaVersion", &schema_version);
    if (schema_version != "1" && !absl::StartsWith(schema_version, "1.")) {
      reader_.Fail(DiagnosticId::kBundleInvalid, "schemaVersion",
                   absl::StrCat("schema version '", schema_version, "' is not known, only 1.x"));
    }
  }

  void ReadParameter(ObjectReader& reader) {
    std::string name, type;
    ParameterDefinition parameter;
    reader.Required("name", &name);
    reader.Optional("type", &type);
    parameter.type = SchemaType(type);
    reader.Optional("default", &parameter.default_value);
    reader.Optional("sensitive", &parameter.sensitive);
    reader.Optional("$id", &parameter.id);
    reader.Optional("applyTo", &parameter.apply_to);
    reader.Optional("env", &parameter.destination.env);
    reader.Optional("path", &parameter.destination.path);
    if (parameter.destination == Destination{}) {
      parameter.destination.env = EnvironmentName(name);
    }
    parameter.schema = SchemaOfManifestEntry(*entry_);
    if (const Value* source = reader.Object("source")) {
      ObjectReader inner(source_, *source, reader.Pointer("source"));
      OutputSource& output = parameter.sources.emplace_back();
      inner.Optional("dependency", &output.alias);
      inner.Required("output", &output.output);
      inner.IgnoreRest();
      reader.Check(inner.Finish());
    }
    parameter.required = !parameter.default_value && parameter.sources.empty();
    Add(reader, "parameter", name, std::move(parameter), &result_.bundle.parameters);
  }

  void ReadCredential(ObjectReader& reader) {
    std::string name;
    CredentialDefinition credential{.required = true};
    reader.Required("name", &name);
    reader.Optional("required", &credential.required);
    reader.Optional("$id", &credential.id);
    reader.Optional("applyTo", &credential.apply_to);
    reader.Optional("env", &credential.destination.env);
    reader.Optional("path", &credential.destination.path);
    Add(reader, "credential", name, std::move(credential), &result_.bundle.credentials);
  }

  void ReadOutput(ObjectReader& reader) {
    std::string name, type;
    OutputDefinition output;
    reader.Required("name", &name);
    reader.Optional("type", &type);
    output.type = SchemaType(type);
    reader.Optional("default", &output.default_value);
    reader.Optional("sensitive", &output.sensitive);
    reader.Optional("$id", &output.id);
    reader.Optional("applyTo", &output.apply_to);
    output.path = absl::StrCat("/cnab/app/outputs/", name);
    output.schema = SchemaOfManifestEntry(*entry_);
    Add(reader, "output", name, std::move(output), &result_.bundle.outputs);
  }

  template <typename Definition>
  void Add(ObjectReader& reader, std::string_view what, const std::string& name,
           Definition definition, std::map<std::string, Definition>* all) {
    if (all->emplace(name, std::move(definition)).second) return;
    reader.Fail(DiagnosticId::kBundleInvalid, "name",
                absl::StrCat("two ", what, "s are called '", name, "'"));
  }

  // Calls `read(name, reader)` for each member of a mapping below the root.
  template <typename Read>
  void EachMember(std::string_view key, Read read) {
    Value* object = NonNull(reader_, root_, key);
    if (object == nullptr || !Expect(reader_, *object, json::Kind::kObject, key)) return;
    for (auto& [name, value] : object->members) {
      if (value.kind == json::Kind::kNull) value = Value::Object();
      MakeTexts(&value, {"repository", "tag", "digest"});
      ObjectReader reader(source_, value, absl::StrCat(reader_.Pointer(key), PointerStep(name)));
      read(name, reader);
      reader.IgnoreRest();
      reader_.Check(reader.Finish());
    }
  }

  void ReadActions() {
    EachMember("customActions", [this](const std::string& name, ObjectReader& reader) {
      ActionDefinition action;
      reader.Optional("modifies", &action.modifies);
      reader.Optional("stateless", &action.stateless);
      result_.bundle.actions.emplace(name, action);
    });
  }

  void ReadImages() {
    EachMember("images", [this](const std::string& name, ObjectReader& reader) {
      std::string repository, tag, digest;
      Image image;
      reader.Required("repository", &repository);
      reader.Optional("tag", &tag);
      reader.Optional("digest", &digest);
      reader.Optional("imageType", &image.image_type);
      reader.Optional("mediaType", &image.media_type);
      reader.Optional("size", &image.size);
      image.content_digest = digest;
      image.image = digest.empty() ? absl::StrCat(repository, ":", tag.empty() ? "latest" : tag)
                                   : absl::StrCat(repository, "@", digest);
      result_.bundle.images.emplace(name, std::move(image));
    });
  }

  void ReadDependencies() {
    Value* dependencies = NonNull(reader_, root_, "dependencies");
    if (dependencies == nullptr ||
        !Expect(reader_, *dependencies, json::Kind::kObject, "dependencies")) {
      return;
    }
    ObjectReader reader(source_, *dependencies, "/dependencies");
    Value* entries = NonNull(reader, *dependencies, "requires");
    if (entries != nullptr && Expect(reader, *entries, json::Kind::kArray, "requires")) {
      for (size_t i = 0; i < entries->items.size(); ++i) {
        ReadDependency(reader, entries->items[i],
                       absl::StrCat("/dependencies/requires", PointerStep(i)));
      }
    }
    if (Value* provides = NonNull(reader, *dependencies, "provides"))
      ReadProvides(reader, provides);
    reader_.Check(reader.Finish());
  }

  void ReadProvides(ObjectReader& parent, Value* provides) {
    ObjectReader reader(source_, *provides, "/dependencies/provides");
    if (const Value* interface = reader.Object("interface")) {
      ObjectReader inner(source_, *interface, "/dependencies/provides/interface");
      std::string id;
      inner.Optional("id", &id);
      if (!id.empty()) result_.bundle.provides.push_back(id);
      reader.Check(inner.Finish());
    }
    parent.Check(reader.Finish());
  }

  // Here a member that is not known is an error: a misspelt one would silently
  // wire nothing.
  void ReadDependency(ObjectReader& parent, Value& entry, const std::string& pointer) {
    Dependency dependency{.location = places_.At(entry.offset, pointer)};
    MakeTexts(&entry, {"name"});
    for (const std::string_view map : {"parameters", "credentials", "outputs"}) {
      Value* value = entry.Find(map);
      if (value != nullptr && value->kind == json::Kind::kNull) *value = Value::Object();
      MakeTexts(value);
    }
    ObjectReader reader(source_, entry, pointer);
    reader.Required("name", &dependency.alias);
    reader.Optional("parameters", &dependency.parameters);
    reader.Optional("credentials", &dependency.credentials);
    reader.Optional("outputs", &dependency.outputs);
    if (Value* bundle = NonNull(reader, entry, "bundle")) {
      ReadBundleOf(reader, bundle, pointer, &dependency);
    } else if (entry.IsObject()) {
      reader.Fail(DiagnosticId::kDocumentMember, "", "member 'bundle' is missing");
    }
    if (Value* sharing = NonNull(reader, entry, "sharing")) {
      ReadSharing(reader, sharing, pointer, &dependency);
    }
    const bool is_read = reader.status().ok();
    parent.Check(reader.Finish());
    if (is_read) Check(parent, dependency);
    result_.dependencies.push_back(std::move(dependency));
  }

  void Check(ObjectReader& parent, const Dependency& dependency) {
    for (Diagnostic& diagnostic : CheckDependency(dependency)) {
      std::string step = diagnostic.location.pointer;
      if (step == "/bundle") step = "/bundle/reference";
      if (absl::StartsWith(step, "/interface")) step = absl::StrCat("/bundle", step);
      diagnostic.location = dependency.location;
      diagnostic.location.pointer += step;
      parent.Check(MakeError(std::move(diagnostic)));
    }
  }

  void ReadBundleOf(ObjectReader& parent, Value* bundle, const std::string& pointer,
                    Dependency* dependency) {
    MakeTexts(bundle, {"reference", "version"});
    ObjectReader reader(source_, *bundle, absl::StrCat(pointer, "/bundle"));
    reader.Optional("reference", &dependency->reference);
    reader.Optional("version", &dependency->version);
    if (Value* interface = NonNull(reader, *bundle, "interface")) {
      if (Expect(reader, *interface, json::Kind::kObject, "interface")) {
        ReadInterface(reader, *interface, pointer, dependency);
      }
    }
    parent.Check(reader.Finish());
  }

  void ReadInterface(ObjectReader& parent, Value& interface, const std::string& pointer,
                     Dependency* dependency) {
    ObjectReader reader(source_, interface, absl::StrCat(pointer, "/bundle/interface"));
    std::string text;
    reader.Optional("id", &text);
    reader.Optional("reference", &text);
    Value* document = NonNull(reader, interface, "document");
    if (document != nullptr && Expect(reader, *document, json::Kind::kObject, "document")) {
      ObjectReader inner(source_, *document, absl::StrCat(pointer, "/bundle/interface/document"));
      NameItems(inner, document);
      reader.Check(inner.Finish());
    }
    parent.Check(reader.Finish());
    if (const std::optional<Value> normal = NormalInterface(interface, nullptr)) {
      dependency->interface = json::ToText(*normal);
    }
  }

  // A manifest lists what bundle.json has by name.
  void NameItems(ObjectReader& reader, Value* document) {
    for (const std::string_view kind : {"outputs", "parameters", "credentials"}) {
      Value* items = NonNull(reader, *document, kind);
      if (items == nullptr) {
        if (Value* null = document->Find(kind)) *null = Value::Object();
        continue;
      }
      if (items->IsObject() || !Expect(reader, *items, json::Kind::kArray, kind)) continue;
      Value named = Value::Object();
      for (Value& item : items->items) {
        const Value* name = item.Find("name");
        const std::optional<std::string> text =
            name == nullptr ? std::nullopt : yaml::TextOf(*name);
        if (!text) {
          reader.Fail(DiagnosticId::kDocumentMember, kind, "an entry has no name");
          continue;
        }
        named.Set(*text, Definition(item));
      }
      *items = std::move(named);
    }
  }

  static Value Definition(const Value& item) {
    Value definition = Value::Object();
    for (const auto& [key, value] : item.members) {
      if (key == "name") continue;
      if (key == "sensitive") {
        definition.Set("writeOnly", value);
      } else {
        definition.Set(key, value);
      }
    }
    return definition;
  }

  void ReadSharing(ObjectReader& parent, Value* sharing, const std::string& pointer,
                   Dependency* dependency) {
    MakeTexts(sharing, {"mode"});
    ObjectReader reader(source_, *sharing, absl::StrCat(pointer, "/sharing"));
    std::string mode, group;
    reader.Optional("mode", &mode);
    if (Value* value = NonNull(reader, *sharing, "group")) {
      MakeTexts(value);
      ObjectReader inner(source_, *value, absl::StrCat(pointer, "/sharing/group"));
      inner.Optional("name", &group);
      reader.Check(inner.Finish());
    }
    std::optional<Sharing::Mode> parsed;
    if (mode == "true" || mode == "group") {
      parsed = Sharing::Mode::kGroup;
    } else if (mode == "false" || mode == "none") {
      parsed = Sharing::Mode::kNone;
    } else if (!mode.empty()) {
      reader.Fail(DiagnosticId::kBundleInvalid, "mode",
                  "the mode of sharing is 'none', 'group', true or false");
    }
    dependency->sharing = SharingOf(parsed, group);
    parent.Check(reader.Finish());
  }

  const Source& source_;
  Value root_;
  Places places_;
  ObjectReader reader_;
  const Value* entry_ = nullptr;  // What EachNamed is at.
  BundleDefinition result_;
};

}  // namespace

absl::StatusOr<BundleDefinition> ReadPorterYaml(const Source& source) {
  DEPS_ASSIGN_OR_RETURN(Value root, yaml::Parse(source));
  if (!root.IsObject()) {
    return MakeError({.id = DiagnosticId::kBundleInvalid,
                      .message = "a porter.yaml is a mapping",
                      .location = source.At(root.offset)});
  }
  return PorterReader(source, std::move(root)).Read();
}

}  // namespace deps
