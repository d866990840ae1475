#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/bundle/definition_schema.h"
#include "lib/bundle/manifest_dependencies.h"
#include "lib/bundle/manifest_values.h"
#include "lib/bundle/places.h"
#include "lib/bundle/read.h"
#include "lib/json/json.h"
#include "lib/template/template.h"
#include "lib/text/closest_match.h"
#include "lib/yaml/yaml.h"

namespace deps {
namespace {

using json::ObjectReader;
using json::PointerStep;
using json::Value;

// Porter's types that JSON Schema does not have.
std::string SchemaType(const std::string& type) { return type == "file" ? "string" : type; }

class PorterReader {
 public:
  PorterReader(const Source& source, Value root)
      : source_(source), root_(std::move(root)), places_(source), reader_(source_, root_) {}

  absl::StatusOr<BundleDefinition> Read(std::vector<Diagnostic>* mistakes) {
    DEPS_RETURN_IF_ERROR(CheckType());
    MakeTexts(&root_, {"schemaVersion", "name", "version"});
    ReadHead();
    EachNamed(reader_, "parameters", [this](auto& reader) { ReadParameter(reader); });
    EachNamed(reader_, "credentials", [this](auto& reader) { ReadCredential(reader); });
    EachNamed(reader_, "outputs", [this](auto& reader) { ReadOutput(reader); });
    ReadActions();
    ReadImages();
    all_named_ &= ReadManifestDependencies(source_, places_, root_, reader_, &result_);
    ReadUses(root_, "");
    std::stable_sort(result_.sources.begin(), result_.sources.end(),
                     [](const DependencySource& a, const DependencySource& b) {
                       return a.parameter < b.parameter;
                     });
    reader_.IgnoreRest();
    const absl::Status status = reader_.Finish();
    if (!status.ok() && !all_named_) return status;
    *mistakes = DiagnosticsOf(status);
    return std::move(result_);
  }

 private:
  // Calls `read` for each entry of the list `key`, each with a name.
  template <typename Read>
  void EachNamed(ObjectReader& parent, std::string_view key, Read read) {
    Value* list = NonNull(parent, root_, key);
    if (list == nullptr) return;
    if (!Expect(parent, *list, json::Kind::kArray, key)) {
      all_named_ = false;
      return;
    }
    for (size_t i = 0; i < list->items.size(); ++i) {
      MakeTexts(&list->items[i], {"name", "env", "path", "type", "$id"});
      ObjectReader reader(source_, list->items[i],
                          absl::StrCat(parent.Pointer(key), PointerStep(i)));
      entry_ = &list->items[i];
      read(reader);
      reader.IgnoreRest();
      parent.Check(reader.Finish());
      const Value* name = entry_->Find("name");
      all_named_ &= name != nullptr && name->IsString();
    }
  }

  // Porter's sets have a type, and members of the same names.
  absl::Status CheckType() {
    const Value* type = root_.Find("schemaType");
    if (type == nullptr || !type->IsString() || absl::EqualsIgnoreCase(type->text, "Bundle")) {
      return absl::OkStatus();
    }
    return MakeError({.id = DiagnosticId::kDocumentKind,
                      .message = absl::StrCat("expected a porter.yaml, found a ", type->text),
                      .location = places_.At(type->offset, "/schemaType")});
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

  // What parameters and outputs have in common. Porter's default type is a
  // file where the value is one, else a string.
  template <typename Definition>
  std::string ReadValueDefinition(ObjectReader& reader, bool is_file, Definition* definition) {
    std::string name;
    reader.Required("name", &name);
    if (entry_->IsObject() && entry_->Find("type") == nullptr) {
      entry_->Set("type", Value::String(is_file ? "file" : "string"));
    }
    definition->type = SchemaType(ReadType(reader));
    reader.Optional("default", &definition->default_value);
    reader.Optional("sensitive", &definition->sensitive);
    reader.Optional("$id", &definition->id);
    reader.Optional("applyTo", &definition->apply_to);
    definition->schema = SchemaOfManifestEntry(*entry_);
    return name;
  }

  // One of them, or a list: with null, it is the other.
  std::string ReadType(ObjectReader& reader) {
    static const auto* const kTypes = new std::vector<std::string>{
        "array", "boolean", "file", "integer", "null", "number", "object", "string"};
    const Value* type = reader.Any("type");
    if (type == nullptr) return "";
    if (!type->IsArray() && !type->IsString()) {
      reader.Fail(DiagnosticId::kDocumentType, "type",
                  absl::StrCat("expected a string, found ", json::KindName(type->kind)));
      return "";
    }
    const std::vector<Value> alone = {*type};
    for (const Value& item : type->IsArray() ? type->items : alone) {
      if (std::find(kTypes->begin(), kTypes->end(), item.text) != kTypes->end()) continue;
      const std::optional<std::string> meant = ClosestMatch(item.text, *kTypes);
      reader.Fail(DiagnosticId::kBundleInvalid, "type",
                  absl::StrCat("'", item.text, "' is not a type",
                               meant ? absl::StrCat("; did you mean '", *meant, "'?") : ""));
    }
    return DefinitionType(*entry_);
  }

  void ReadParameter(ObjectReader& reader) {
    ParameterDefinition parameter;
    reader.Optional("env", &parameter.destination.env);
    reader.Optional("path", &parameter.destination.path);
    const std::string name =
        ReadValueDefinition(reader, !parameter.destination.path.empty(), &parameter);
    if (parameter.destination == Destination{}) {
      parameter.destination.env = EnvironmentName(name);
    }
    if (const Value* source = reader.Object("source")) {
      ReadSource(reader, *source, name, &parameter);
    }
    parameter.required = !parameter.default_value && parameter.sources.empty();
    Add(reader, "parameter", name, std::move(parameter), &result_.bundle.parameters);
  }

  void ReadSource(ObjectReader& parent, const Value& source, const std::string& parameter,
                  ParameterDefinition* definition) {
    ObjectReader reader(source_, source, parent.Pointer("source"));
    OutputSource& output = definition->sources.emplace_back();
    reader.Optional("dependency", &output.alias);
    reader.Required("output", &output.output);
    if (!output.alias.empty()) {
      result_.sources.push_back({.parameter = parameter,
                                 .alias = output.alias,
                                 .output = output.output,
                                 .location = places_.At(source.offset, parent.Pointer("source"))});
    }
    reader.IgnoreRest();
    parent.Check(reader.Finish());
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
    OutputDefinition output;
    std::string path;
    reader.Optional("path", &path);
    const std::string name = ReadValueDefinition(reader, !path.empty(), &output);
    output.path = absl::StrCat("/cnab/app/outputs/", name);
    Add(reader, "output", name, std::move(output), &result_.bundle.outputs);
  }

  template <typename Definition>
  void Add(ObjectReader& reader, std::string_view what, const std::string& name,
           Definition definition, std::map<std::string, Definition>* all) {
    // One without a name is told already.
    if (name.empty() || all->emplace(name, std::move(definition)).second) return;
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

  // Outputs of dependencies that the bundle's own actions read. Porter passes
  // each as a parameter that nobody else sees; the wiring of the dependencies is
  // not one of its actions.
  void ReadUses(const Value& value, const std::string& pointer) {
    if (value.IsString()) return ReadUsesOfText(value, pointer);
    for (size_t i = 0; i < value.items.size(); ++i) {
      ReadUses(value.items[i], absl::StrCat(pointer, PointerStep(i)));
    }
    for (const auto& [key, member] : value.members) {
      if (pointer.empty() && key == "dependencies") continue;
      ReadUses(member, absl::StrCat(pointer, PointerStep(key)));
    }
  }

  void ReadUsesOfText(const Value& value, const std::string& pointer) {
    for (const TemplatePart& part : FindDependencyOutputs(value.text)) {
      const std::string name = absl::StrCat("porter-", part.alias, "-", part.name, "-dep-output");
      const bool is_new =
          result_.bundle.parameters
              .emplace(name, ParameterDefinition{.destination = {.env = EnvironmentName(name)},
                                                 .sources = {{part.alias, part.name}}})
              .second;
      if (!is_new) continue;
      const MemberPlace place = places_.Of(value, "", "");
      Location location = places_.At(value.offset, pointer);
      if (place.is_verbatim) location.column = place.column + static_cast<int>(part.offset);
      result_.sources.push_back({.parameter = name,
                                 .alias = part.alias,
                                 .output = part.name,
                                 .location = std::move(location)});
    }
  }

  const Source& source_;
  Value root_;
  Places places_;
  ObjectReader reader_;
  Value* entry_ = nullptr;  // What EachNamed is at.
  bool all_named_ = true;   // The entries of lists, so that others can name them.
  BundleDefinition result_;
};

}  // namespace

absl::StatusOr<BundleDefinition> ReadPorterYaml(const Source& source,
                                                std::vector<Diagnostic>* mistakes) {
  DEPS_ASSIGN_OR_RETURN(Value root, yaml::Parse(source));
  if (!root.IsObject()) {
    return MakeError({.id = DiagnosticId::kBundleInvalid,
                      .message = "a porter.yaml is a mapping",
                      .location = source.At(root.offset)});
  }
  return PorterReader(source, std::move(root)).Read(mistakes);
}

absl::StatusOr<BundleDefinition> ReadPorterYaml(const Source& source) {
  std::vector<Diagnostic> mistakes;
  DEPS_ASSIGN_OR_RETURN(BundleDefinition definition, ReadPorterYaml(source, &mistakes));
  if (!mistakes.empty()) return MakeErrors(std::move(mistakes));
  return definition;
}

}  // namespace deps
