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
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "lib/base/status_macros.h"
#include "lib/bundle/definition_schema.h"
#include "lib/bundle/dependency_rules.h"
#include "lib/bundle/places.h"
#include "lib/bundle/read.h"
#include "lib/digest/sha256.h"
#include "lib/json/json.h"

namespace deps {
namespace {

using json::ObjectReader;
using json::PointerStep;
using json::Value;

constexpr std::string_view kDependenciesV1 = "io.cnab.dependencies";
constexpr std::string_view kDependenciesV2 = "org.getporter.dependencies@v2";
constexpr std::string_view kDependencyOutput = "dependencies.output";
constexpr std::string_view kParameterSources = "io.cnab.parameter-sources";

// What a bundle says of a value by naming one of its definitions.
struct Schema {
  std::string type;
  std::optional<JsonText> default_value;
  bool sensitive = false;
  std::string id;
  std::optional<JsonText> beyond_type;
};

Schema SchemaOf(const Value& definition, const Value* definitions) {
  Schema schema{.type = DefinitionType(definition),
                .beyond_type = SchemaBeyondType(definition, definitions)};
  if (const Value* value = definition.Find("default")) schema.default_value = json::ToText(*value);
  const Value* write_only = definition.Find("writeOnly");
  schema.sensitive =
      write_only != nullptr && write_only->kind == json::Kind::kBoolean && write_only->boolean;
  const Value* id = definition.Find("$id");
  if (id != nullptr && id->IsString()) schema.id = id->text;
  return schema;
}

bool IsSafePath(std::string_view path) {
  if (path.find('\0') != std::string_view::npos) return false;
  for (const std::string_view step : absl::StrSplit(path, '/')) {
    if (step == "..") return false;
  }
  return true;
}

class BundleReader {
 public:
  BundleReader(const Source& source, const Value& root)
      : source_(source), root_(root), places_(source), reader_(source, root) {}

  absl::StatusOr<BundleDefinition> Read() {
    if (const Value* kind = root_.Find("kind"); kind != nullptr && IsOurs()) {
      return MakeError(
          {.id = DiagnosticId::kDocumentKind,
           .message = absl::StrCat("expected a bundle.json, found a document of kind ", kind->text),
           .location = source_.At(kind->offset, "/kind")});
    }
    ReadHead();
    ReadDefinitions();
    ReadParameters();
    ReadCredentials();
    ReadOutputs();
    ReadActions();
    ReadImages();
    ReadCustom();
    reader_.IgnoreRest();
    DEPS_RETURN_IF_ERROR(reader_.Finish());
    result_.bundle.digest = Sha256Digest(json::Canonical(root_));
    return std::move(result_);
  }

 private:
  // Whether it is one that passes between the commands.
  bool IsOurs() const {
    const Value* version = root_.Find("apiVersion");
    return version != nullptr && version->IsString() &&
           absl::StartsWith(version->text, "cnab-deps/");
  }

  // The member where it is an object. Go programs write null for none.
  const Value* ObjectOf(ObjectReader& reader, std::string_view key) {
    const Value* value = reader.Any(key);
    if (value == nullptr || value->kind == json::Kind::kNull) return nullptr;
    if (value->IsObject()) return value;
    reader.Fail(
        DiagnosticId::kDocumentType, key,
        absl::StrCat("expected an object, not a value of type ", json::KindName(value->kind)));
    return nullptr;
  }

  // Calls `read(name, reader)` for each member of the object `key`; members
  // that `read` does not ask for are allowed.
  template <typename Read>
  void EachMember(ObjectReader& parent, std::string_view key, Read read) {
    const Value* object = ObjectOf(parent, key);
    if (object == nullptr) return;
    for (const auto& [name, value] : object->members) {
      ObjectReader reader(source_, value, absl::StrCat(parent.Pointer(key), PointerStep(name)));
      at_ = &value;
      read(name, reader);
      reader.IgnoreRest();
      parent.Check(reader.Finish());
    }
  }

  void ReadHead() {
    reader_.Required("name", &result_.bundle.name);
    reader_.Required("version", &result_.bundle.version);
    std::string schema_version = "v1";
    reader_.Optional("schemaVersion", &schema_version);
    const std::string_view number = absl::StripPrefix(schema_version, "v");
    if (number != "1" && !absl::StartsWith(number, "1.")) {
      reader_.Fail(
          DiagnosticId::kBundleInvalid, "schemaVersion",
          absl::StrCat("bundles of schema version '", schema_version, "' are not known, only 1.x"));
    }
  }

  void ReadDefinitions() {
    definitions_ = ObjectOf(reader_, "definitions");
    if (definitions_ == nullptr) return;
    for (const auto& [name, value] : definitions_->members) {
      schemas_[name] = SchemaOf(value, definitions_);
    }
  }

  Schema ReadSchema(ObjectReader& reader) {
    std::string name;
    reader.Required("definition", &name);
    const auto found = schemas_.find(name);
    if (found != schemas_.end()) return found->second;
    if (!name.empty()) {
      reader.Fail(DiagnosticId::kBundleInvalid, "definition",
                  absl::StrCat("the bundle has no definition '", name, "'"));
    }
    return {};
  }

  void ReadParameters() {
    EachMember(reader_, "parameters", [&](const std::string& name, ObjectReader& reader) {
      const Schema schema = ReadSchema(reader);
      ParameterDefinition parameter{.type = schema.type,
                                    .default_value = schema.default_value,
                                    .sensitive = schema.sensitive,
                                    .id = schema.id,
                                    .schema = schema.beyond_type};
      reader.Optional("required", &parameter.required);
      reader.Optional("applyTo", &parameter.apply_to);
      if (const Value* destination = ObjectOf(reader, "destination")) {
        ObjectReader inner(source_, *destination, reader.Pointer("destination"));
        ReadDestination(inner, &parameter.destination);
        inner.IgnoreRest();
        reader.Check(inner.Finish());
      }
      result_.bundle.parameters.emplace(name, std::move(parameter));
    });
  }

  void ReadDestination(ObjectReader& reader, Destination* destination) {
    reader.Optional("env", &destination->env);
    reader.Optional("path", &destination->path);
    if (IsSafePath(destination->path)) return;
    // One that is not absolute begins at the root.
    reader.Fail(DiagnosticId::kBundleInvalid, "path",
                absl::StrCat("'", destination->path, "' is not a path without '..'"));
  }

  void ReadCredentials() {
    EachMember(reader_, "credentials", [&](const std::string& name, ObjectReader& reader) {
      CredentialDefinition credential;
      reader.Optional("required", &credential.required);
      reader.Optional("applyTo", &credential.apply_to);
      reader.Optional("$id", &credential.id);
      ReadDestination(reader, &credential.destination);
      result_.bundle.credentials.emplace(name, std::move(credential));
    });
  }

  void ReadOutputs() {
    EachMember(reader_, "outputs", [&](const std::string& name, ObjectReader& reader) {
      const Schema schema = ReadSchema(reader);
      OutputDefinition output{.type = schema.type,
                              .sensitive = schema.sensitive,
                              .id = schema.id,
                              .default_value = schema.default_value,
                              .schema = schema.beyond_type};
      reader.Optional("applyTo", &output.apply_to);
      reader.Optional("path", &output.path);
      if (!output.path.empty() && (output.path[0] != '/' || !IsSafePath(output.path))) {
        reader.Fail(DiagnosticId::kBundleInvalid, "path",
                    absl::StrCat("'", output.path, "' is not an absolute path without '..'"));
      }
      result_.bundle.outputs.emplace(name, std::move(output));
    });
  }

  void ReadActions() {
    EachMember(reader_, "actions", [&](const std::string& name, ObjectReader& reader) {
      ActionDefinition action;
      reader.Optional("modifies", &action.modifies);
      reader.Optional("stateless", &action.stateless);
      result_.bundle.actions.emplace(name, action);
    });
  }

  Image ReadImage(ObjectReader& reader) {
    Image image;
    reader.Required("image", &image.image);
    reader.Optional("imageType", &image.image_type);
    reader.Optional("mediaType", &image.media_type);
    reader.Optional("contentDigest", &image.content_digest);
    reader.Optional("size", &image.size);
    return image;
  }

  void ReadImages() {
    EachMember(reader_, "images", [&](const std::string& name, ObjectReader& reader) {
      result_.bundle.images.emplace(name, ReadImage(reader));
    });
    const Value* images = reader_.Array("invocationImages");
    if (images == nullptr) return;
    for (size_t i = 0; i < images->items.size(); ++i) {
      ObjectReader reader(source_, images->items[i],
                          absl::StrCat("/invocationImages", PointerStep(i)));
      result_.bundle.invocation_images.push_back(ReadImage(reader));
      reader.IgnoreRest();
      reader_.Check(reader.Finish());
    }
  }

  void ReadCustom() {
    const Value* custom = ObjectOf(reader_, "custom");
    if (custom == nullptr) return;
    ObjectReader reader(source_, *custom, "/custom");
    if (custom->Find(kDependenciesV2) != nullptr) {
      ReadExtension(reader, kDependenciesV2, [&](ObjectReader& inner) { ReadV2(inner); });
    } else if (custom->Find(kDependenciesV1) != nullptr) {
      ReadExtension(reader, kDependenciesV1, [&](ObjectReader& inner) { ReadV1(inner); });
    }
    if (custom->Find(kParameterSources) != nullptr) ReadParameterSources(reader);
    reader.IgnoreRest();
    reader_.Check(reader.Finish());
  }

  void ReadParameterSources(ObjectReader& custom) {
    EachMember(custom, kParameterSources, [&](const std::string& name, ObjectReader& reader) {
      const Value& entry = *at_;
      std::map<std::string, OutputSource> sources;
      EachMember(reader, "sources", [&](const std::string& kind, ObjectReader& source) {
        const bool of_dependency = kind == kDependencyOutput;
        if (!of_dependency && kind != "output") {
          return reader.Fail(DiagnosticId::kBundleInvalid, "sources",
                             absl::StrCat("a parameter's source is 'output' or '",
                                          kDependencyOutput, "', not '", kind, "'"));
        }
        source.Required("name", &sources[kind].output);
        if (of_dependency) source.Required("dependency", &sources[kind].alias);
      });
      std::vector<std::string> priority;
      reader.Optional("priority", &priority);
      // What the priority does not name comes behind it.
      for (const auto& [kind, source] : sources) priority.push_back(kind);
      const auto parameter = result_.bundle.parameters.find(name);
      if (parameter == result_.bundle.parameters.end()) {
        return custom.Fail(DiagnosticId::kBundleInvalid, kParameterSources,
                           absl::StrCat("the bundle has no parameter '", name, "'"));
      }
      for (const std::string& kind : priority) {
        const auto source = sources.find(kind);
        if (source == sources.end()) continue;
        if (kind == kDependencyOutput) {
          const std::string pointer =
              absl::StrCat(custom.Pointer(kParameterSources), PointerStep(name));
          result_.sources.push_back({.parameter = name,
                                     .alias = source->second.alias,
                                     .output = source->second.output,
                                     .location = places_.At(entry.offset, pointer)});
        }
        parameter->second.sources.push_back(std::move(source->second));
        sources.erase(source);
      }
    });
  }

  template <typename Read>
  void ReadExtension(ObjectReader& custom, std::string_view key, Read read) {
    const Value* extension = ObjectOf(custom, key);
    if (extension == nullptr) return;
    ObjectReader inner(source_, *extension, custom.Pointer(key));
    read(inner);
    inner.IgnoreRest();
    custom.Check(inner.Finish());
  }

  void ReadV2(ObjectReader& extension) {
    EachDependency(extension, [&](ObjectReader& reader, Dependency* dependency) {
      reader.Optional("bundle", &dependency->reference);
      reader.Optional("version", &dependency->version);
      reader.Optional("parameters", &dependency->parameters);
      reader.Optional("credentials", &dependency->credentials);
      reader.Optional("outputs", &dependency->outputs);
      if (const Value* interface = ObjectOf(reader, "interface")) {
        ReadInterface(reader, *interface, dependency);
      }
      if (const Value* sharing = ObjectOf(reader, "sharing")) {
        ObjectReader inner(source_, *sharing, reader.Pointer("sharing"));
        dependency->sharing = ReadSharing(inner);
        inner.IgnoreRest();
        reader.Check(inner.Finish());
      }
    });
    const Value* provides = ObjectOf(extension, "provides");
    const Value* interface = provides == nullptr ? nullptr : provides->Find("interface");
    const Value* id = interface == nullptr ? nullptr : interface->Find("id");
    if (id != nullptr && id->IsString() && !id->text.empty()) {
      result_.bundle.provides.push_back(id->text);
    }
  }

  void ReadInterface(ObjectReader& parent, const Value& interface, Dependency* dependency) {
    ObjectReader reader(source_, interface, parent.Pointer("interface"));
    std::string text;
    reader.Optional("id", &text);
    reader.Optional("reference", &text);
    ObjectOf(reader, "document");
    reader.IgnoreRest();
    parent.Check(reader.Finish());
    if (const std::optional<Value> normal = NormalInterface(interface, definitions_)) {
      dependency->interface = json::ToText(*normal);
    }
  }

  std::optional<Sharing> ReadSharing(ObjectReader& reader) {
    std::optional<Sharing::Mode> mode;
    if (const Value* value = reader.Any("mode")) {
      if (value->kind == json::Kind::kBoolean) {
        mode = value->boolean ? Sharing::Mode::kGroup : Sharing::Mode::kNone;
      } else if (value->IsString() && value->text == "none") {
        mode = Sharing::Mode::kNone;
      } else if (value->IsString() && value->text == "group") {
        mode = Sharing::Mode::kGroup;
      } else {
        reader.Fail(DiagnosticId::kBundleInvalid, "mode",
                    "the mode of sharing is 'none', 'group', true or false");
      }
    }
    std::string name;
    if (const Value* group = ObjectOf(reader, "group")) {
      ObjectReader inner(source_, *group, reader.Pointer("group"));
      inner.Optional("name", &name);
      inner.IgnoreRest();
      reader.Check(inner.Finish());
    }
    return SharingOf(mode, name);
  }

  void ReadV1(ObjectReader& extension) {
    EachDependency(extension, [&](ObjectReader& reader, Dependency* dependency) {
      reader.Required("bundle", &dependency->reference);
      const Value* version = ObjectOf(reader, "version");
      if (version == nullptr) return;
      ObjectReader inner(source_, *version, reader.Pointer("version"));
      std::vector<std::string> ranges;
      inner.Optional("ranges", &ranges);
      inner.Optional("prereleases", &dependency->prereleases);
      inner.IgnoreRest();
      reader.Check(inner.Finish());
      dependency->version = absl::StrJoin(ranges, " || ");
    });
    std::vector<std::string> sequence;
    extension.Optional("sequence", &sequence);
    PutInSequence(sequence);
  }

  // Like Porter: a sequence that does not name them all does not count.
  void PutInSequence(const std::vector<std::string>& sequence) {
    if (sequence.size() != result_.dependencies.size()) return;
    std::map<std::string, Dependency> by_alias;
    for (Dependency& dependency : result_.dependencies) {
      by_alias.emplace(dependency.alias, dependency);
    }
    std::vector<Dependency> ordered;
    for (const std::string& alias : sequence) {
      const auto found = by_alias.find(alias);
      if (found == by_alias.end()) return;
      ordered.push_back(std::move(found->second));
      by_alias.erase(found);
    }
    result_.dependencies = std::move(ordered);
  }

  // Of all members that a diagnostic may speak of; an interface's document is
  // not among them.
  void AddPlaces(const Value& object, const std::string& pointer,
                 std::vector<MemberPlace>* places) {
    for (const auto& [key, value] : object.members) {
      const std::string member = absl::StrCat(pointer, PointerStep(key));
      places->push_back(places_.Of(value, member, member));
      if (member != "/interface/document") AddPlaces(value, member, places);
    }
  }

  template <typename Read>
  void EachDependency(ObjectReader& extension, Read read) {
    std::map<std::string, Dependency> found;
    EachMember(extension, "requires", [&](const std::string& alias, ObjectReader& reader) {
      Dependency dependency{.alias = alias};
      const Value& entry = *at_;
      read(reader, &dependency);
      const std::string pointer = absl::StrCat(extension.Pointer("requires"), PointerStep(alias));
      dependency.location = places_.At(entry.offset, pointer);
      std::vector<MemberPlace> places;
      AddPlaces(entry, "", &places);
      std::sort(places.begin(), places.end(),
                [](const MemberPlace& a, const MemberPlace& b) { return a.member < b.member; });
      dependency.places = std::move(places);
      for (Diagnostic& diagnostic : CheckDependency(dependency)) {
        const std::string step = diagnostic.location.pointer;
        diagnostic.location = step.empty() ? dependency.location : dependency.PlaceOf(step);
        reader.Check(MakeError(std::move(diagnostic)));
      }
      found.emplace(alias, std::move(dependency));
    });
    for (auto& [alias, dependency] : found) {
      result_.dependencies.push_back(std::move(dependency));
    }
  }

  const Source& source_;
  const Value& root_;
  Places places_;
  ObjectReader reader_;
  const Value* at_ = nullptr;  // The member that EachMember is at.
  const Value* definitions_ = nullptr;
  std::map<std::string, Schema, std::less<>> schemas_;
  BundleDefinition result_;
};

}  // namespace

absl::StatusOr<BundleDefinition> ReadBundleJson(const Source& source) {
  DEPS_ASSIGN_OR_RETURN(const json::Value root, json::Parse(source, {.bytes = kMaxBundleBytes}));
  return BundleReader(source, root).Read();
}

}  // namespace deps
