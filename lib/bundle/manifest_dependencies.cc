#include "lib/bundle/manifest_dependencies.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/bundle/dependency_rules.h"
#include "lib/bundle/manifest_extension.h"
#include "lib/bundle/manifest_values.h"
#include "lib/oci/reference.h"
#include "lib/yaml/yaml.h"

namespace deps {
namespace {

using json::ObjectReader;
using json::PointerStep;
using json::Value;

constexpr std::string_view kWiringMaps[] = {"parameters", "credentials", "outputs"};

// What bundle.json says of an item, without its name: there it is the key.
Value Definition(const Value& item) {
  Value definition = Value::Object();
  for (const auto& [key, value] : item.members) {
    if (key == "name") continue;
    definition.Set(key == "sensitive" ? "writeOnly" : key, value);
  }
  return definition;
}

class DependenciesReader {
 public:
  DependenciesReader(const Source& source, Places& places, BundleDefinition* result)
      : source_(source), places_(places), result_(*result) {}

  // False where an entry could not be told by its name.
  bool Read(ObjectReader& parent, Value& dependencies) {
    ObjectReader reader(source_, dependencies, "/dependencies");
    Value* entries = NonNull(reader, dependencies, "requires");
    const bool is_list =
        entries == nullptr || Expect(reader, *entries, json::Kind::kArray, "requires");
    for (size_t i = 0; entries != nullptr && is_list && i < entries->items.size(); ++i) {
      ReadDependency(reader, entries->items[i],
                     absl::StrCat("/dependencies/requires", PointerStep(i)));
    }
    if (Value* provides = NonNull(reader, dependencies, "provides")) {
      ReadProvides(reader, *provides);
    }
    IgnoreForeign(reader, dependencies, {"requires", "provides"});
    parent.Check(reader.Finish());
    result_.extension = json::ToText(extension_.Finish(result_.bundle.provides));
    return is_list && std::none_of(result_.dependencies.begin(), result_.dependencies.end(),
                                   [](const Dependency& one) { return one.alias.empty(); });
  }

 private:
  void ReadProvides(ObjectReader& parent, const Value& provides) {
    ObjectReader reader(source_, provides, "/dependencies/provides");
    if (const Value* interface = reader.Object("interface")) {
      ObjectReader inner(source_, *interface, "/dependencies/provides/interface");
      std::string id;
      inner.Optional("id", &id);
      if (!id.empty()) result_.bundle.provides.push_back(id);
      reader.Check(inner.Finish());
    }
    parent.Check(reader.Finish());
  }

  void ReadDependency(ObjectReader& parent, Value& entry, const std::string& pointer) {
    Dependency dependency{.location = places_.At(entry.offset, pointer)};
    MakeTexts(&entry, {"name"});
    for (const std::string_view map : kWiringMaps) {
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
      ReadBundleOf(reader, *bundle, pointer, &dependency);
    } else if (entry.IsObject()) {
      reader.Fail(DiagnosticId::kDocumentMember, "", "the member 'bundle' is missing");
    }
    if (Value* sharing = NonNull(reader, entry, "sharing")) {
      ReadSharing(reader, *sharing, pointer, &dependency);
    }
    const bool is_read = reader.status().ok();
    IgnoreForeign(reader, entry,
                  {"name", "bundle", "sharing", "parameters", "credentials", "outputs"});
    parent.Check(reader.Finish());
    FindPlaces(entry, &dependency);
    if (is_read) {
      Check(parent, dependency);
      extension_.Add(dependency, entry);
    }
    result_.dependencies.push_back(std::move(dependency));
  }

  void FindPlaces(const Value& entry, Dependency* dependency) {
    std::vector<MemberPlace> places;
    const auto add = [&](const Value* value, std::string member, std::string pointer) {
      if (value == nullptr) return;
      places.push_back(places_.Of(*value, std::move(member), std::move(pointer)));
    };
    add(entry.Find("name"), "/name", "/name");
    for (const std::string_view map : kWiringMaps) {
      const Value* values = entry.Find(map);
      if (values == nullptr) continue;
      for (const auto& [name, value] : values->members) {
        const std::string pointer = absl::StrCat("/", map, PointerStep(name));
        add(&value, pointer, pointer);
      }
    }
    if (const Value* bundle = entry.Find("bundle")) {
      add(bundle->Find("reference"), "/bundle", "/bundle/reference");
      add(bundle->Find("version"), "/version", "/bundle/version");
      if (const Value* interface = bundle->Find("interface")) {
        add(interface, "/interface", "/bundle/interface");
        add(interface->Find("reference"), "/interface/reference", "/bundle/interface/reference");
      }
    }
    const Value* sharing = entry.Find("sharing");
    const Value* group = sharing == nullptr ? nullptr : sharing->Find("group");
    if (group != nullptr) {
      add(group->Find("name"), "/sharing/group/name", "/sharing/group/name");
    }
    std::sort(places.begin(), places.end(),
              [](const MemberPlace& a, const MemberPlace& b) { return a.member < b.member; });
    dependency->places = std::move(places);
  }

  void Check(ObjectReader& parent, const Dependency& dependency) {
    for (Diagnostic& diagnostic : CheckDependency(dependency)) {
      const std::string step = diagnostic.location.pointer;
      diagnostic.location = step.empty() ? dependency.location : dependency.PlaceOf(step);
      parent.Check(MakeError(std::move(diagnostic)));
    }
    const absl::StatusOr<Reference> reference = Reference::Parse(dependency.reference);
    if (!dependency.version.empty() || !reference.ok()) return;
    if (!reference->tag().empty() || !reference->digest().empty()) return;
    parent.Check(MakeError(
        {.id = DiagnosticId::kBundleInvalid,
         .message = absl::StrCat("'", dependency.reference,
                                 "' is only a repository: it needs a tag, a digest or a version"),
         .location = dependency.PlaceOf("/bundle")}));
  }

  void ReadBundleOf(ObjectReader& parent, Value& bundle, const std::string& pointer,
                    Dependency* dependency) {
    MakeTexts(&bundle, {"reference", "version"});
    ObjectReader reader(source_, bundle, absl::StrCat(pointer, "/bundle"));
    reader.Optional("reference", &dependency->reference);
    reader.Optional("version", &dependency->version);
    Value* interface = NonNull(reader, bundle, "interface");
    if (interface != nullptr && Expect(reader, *interface, json::Kind::kObject, "interface")) {
      ReadInterface(reader, *interface, pointer, dependency);
    }
    IgnoreForeign(reader, bundle, {"reference", "version", "interface"});
    parent.Check(reader.Finish());
  }

  void ReadInterface(ObjectReader& parent, Value& interface, const std::string& pointer,
                     Dependency* dependency) {
    ObjectReader reader(source_, interface, absl::StrCat(pointer, "/bundle/interface"));
    std::string id, reference;
    reader.Optional("id", &id);
    reader.Optional("reference", &reference);
    Value normal = interface;  // Porter's extension wants what is written.
    Value* document = NonNull(reader, normal, "document");
    if (!reference.empty() && document != nullptr) {  // Also where it is empty.
      reader.Fail(DiagnosticId::kBundleInvalid, "",
                  "an interface has either a reference or a document, not both");
    }
    if (document != nullptr && Expect(reader, *document, json::Kind::kObject, "document")) {
      ObjectReader inner(source_, *interface.Find("document"),
                         absl::StrCat(pointer, "/bundle/interface/document"));
      NameItems(inner, document);
      IgnoreForeign(inner, *document, {"outputs", "parameters", "credentials"});
      reader.Check(inner.Finish());
    }
    IgnoreForeign(reader, interface, {"id", "reference", "document"});
    parent.Check(reader.Finish());
    if (const std::optional<Value> interface_text = NormalInterface(normal, nullptr)) {
      dependency->interface = json::ToText(*interface_text);
    }
  }

  // A manifest lists what bundle.json has by name.
  void NameItems(ObjectReader& reader, Value* document) {
    for (const std::string_view kind : kWiringMaps) {
      Value* items = NonNull(reader, *document, kind);
      if (items == nullptr) {
        if (Value* null = document->Find(kind)) *null = Value::Object();
        continue;
      }
      if (items->IsObject() || !Expect(reader, *items, json::Kind::kArray, kind)) continue;
      Value named = Value::Object();
      for (const Value& item : items->items) {
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

  void ReadSharing(ObjectReader& parent, Value& sharing, const std::string& pointer,
                   Dependency* dependency) {
    MakeTexts(&sharing, {"mode"});
    ObjectReader reader(source_, sharing, absl::StrCat(pointer, "/sharing"));
    std::string mode, group;
    reader.Optional("mode", &mode);
    if (Value* value = NonNull(reader, sharing, "group")) {
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
    IgnoreForeign(reader, sharing, {"mode", "group"});
    parent.Check(reader.Finish());
  }

  const Source& source_;
  Places& places_;
  BundleDefinition& result_;
  ManifestExtension extension_;
};

}  // namespace

bool ReadManifestDependencies(const Source& source, Places& places, Value& root,
                              ObjectReader& reader, BundleDefinition* result) {
  Value* dependencies = NonNull(reader, root, "dependencies");
  if (dependencies == nullptr) return true;
  if (!Expect(reader, *dependencies, json::Kind::kObject, "dependencies")) return false;
  return DependenciesReader(source, places, result).Read(reader, *dependencies);
}

}  // namespace deps
