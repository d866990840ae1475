#include "lib/solve/interface_match.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/json.h"
#include "lib/template/template.h"

namespace deps {
namespace {

using Items = std::map<std::string, WantedItem>;

absl::Status AddUsedOutputs(const std::string& text, const std::string& alias, bool own,
                            Items* outputs) {
  DEPS_ASSIGN_OR_RETURN(const std::vector<TemplatePart> parts, ParseTemplate(text));
  for (const TemplatePart& part : parts) {
    const bool of_alias = part.kind == TemplatePart::Kind::kDependencyOutput && part.alias == alias;
    if (of_alias || (own && part.kind == TemplatePart::Kind::kOwnOutput)) {
      outputs->try_emplace(part.name);
    }
  }
  return absl::OkStatus();
}

absl::Status InvalidInterface(const Dependency& dependency, std::string_view message) {
  return MakeError({.id = DiagnosticId::kBundleInvalid,
                    .message = absl::StrCat("the interface of the dependency \"", dependency.alias,
                                            "\" ", std::string(message)),
                    .location = dependency.location});
}

std::string StringMember(const json::Value& value, std::string_view key) {
  const json::Value* member = value.Find(key);
  return member != nullptr && member->IsString() ? member->text : "";
}

// An entry of the document is a definition itself: {"type", "$id", …}.
absl::Status AddDocument(const Dependency& dependency, const json::Value& document, Wants* wants) {
  const std::pair<std::string_view, Items*> fields[] = {{"outputs", &wants->outputs},
                                                        {"parameters", &wants->parameters},
                                                        {"credentials", &wants->credentials}};
  for (const auto& [field, items] : fields) {
    const json::Value* entries = document.Find(field);
    if (entries == nullptr || entries->kind == json::Kind::kNull) continue;
    if (!entries->IsObject()) return InvalidInterface(dependency, "is no map of definitions");
    for (const auto& [name, entry] : entries->members) {
      (*items)[name] = {StringMember(entry, "$id"), StringMember(entry, "type")};
    }
  }
  return absl::OkStatus();
}

template <typename Definitions>
void AddDefinitions(const Definitions& definitions, Items* items) {
  for (const auto& entry : definitions) {
    const auto& definition = entry.second;
    if constexpr (requires { definition.type; }) {
      (*items)[entry.first] = {definition.id, definition.type};
    } else {
      (*items)[entry.first] = {definition.id, ""};
    }
  }
}

absl::Status AddInterface(const Dependency& dependency, Catalog& catalog, Wants* wants) {
  if (!dependency.interface) return absl::OkStatus();
  const json::Value interface = json::Value::Of(*dependency.interface);
  if (!interface.IsObject()) return InvalidInterface(dependency, "is no object");
  wants->interface_id = StringMember(interface, "id");
  const std::string reference = StringMember(interface, "reference");
  const json::Value* document = interface.Find("document");
  const bool has_document = document != nullptr && !document->members.empty();
  if (!reference.empty() && has_document) {
    return InvalidInterface(dependency, "has both a reference and a document");
  }
  if (has_document) return AddDocument(dependency, *document, wants);
  if (reference.empty()) return absl::OkStatus();
  DEPS_ASSIGN_OR_RETURN(const auto bundle, catalog.Get(reference));
  AddDefinitions(bundle->bundle.outputs, &wants->outputs);
  AddDefinitions(bundle->bundle.parameters, &wants->parameters);
  AddDefinitions(bundle->bundle.credentials, &wants->credentials);
  return absl::OkStatus();
}

// The own name of what has this $id; "" where nothing has.
template <typename Definition>
std::string NameById(const std::string& name, const std::string& id,
                     const std::map<std::string, Definition>& offers) {
  const auto same = offers.find(name);
  if (same != offers.end() && same->second.id == id) return name;
  for (const auto& [own, definition] : offers) {
    if (definition.id == id) return own;
  }
  return "";
}

template <typename Definition>
std::map<std::string, std::string> OtherNames(const Items& wanted,
                                              const std::map<std::string, Definition>& offers) {
  std::map<std::string, std::string> names;
  for (const auto& [name, item] : wanted) {
    if (item.id.empty()) continue;
    const std::string own = NameById(name, item.id, offers);
    if (!own.empty() && own != name) names[name] = own;
  }
  return names;
}

template <typename Definition>
bool Matches(const std::string& name, const WantedItem& wanted,
             const std::map<std::string, Definition>& offers) {
  if (!wanted.id.empty() && !NameById(name, wanted.id, offers).empty()) return true;
  const auto found = offers.find(name);
  if (found == offers.end()) return false;
  // Two well-known identifiers that differ are two things, whatever the name.
  if (!wanted.id.empty() && !found->second.id.empty()) return false;
  if constexpr (requires { found->second.type; }) {
    const std::string& type = found->second.type;
    return wanted.type.empty() || type.empty() || type == wanted.type;
  }
  return true;
}

template <typename Definition>
void AddLacks(std::string_view what, const Items& wanted,
              const std::map<std::string, Definition>& offers, std::vector<std::string>* lacks) {
  for (const auto& [name, item] : wanted) {
    if (Matches(name, item, offers)) continue;
    std::string lack = absl::StrCat("the ", std::string(what), " \"", name, "\"");
    if (!item.id.empty()) absl::StrAppend(&lack, " ($id ", item.id, ")");
    lacks->push_back(std::move(lack));
  }
}

}  // namespace

absl::StatusOr<Wants> WantsOf(const BundleDefinition& parent, const Dependency& dependency,
                              Catalog& catalog) {
  Wants wants;
  for (const Dependency& sibling : parent.dependencies) {
    const bool own = sibling.alias == dependency.alias;
    for (const auto* wiring : {&sibling.parameters, &sibling.credentials, &sibling.outputs}) {
      for (const auto& [name, text] : *wiring) {
        DEPS_RETURN_IF_ERROR(AddUsedOutputs(text, dependency.alias, own, &wants.outputs));
      }
    }
  }
  for (const DependencySource& source : parent.sources) {
    if (source.alias == dependency.alias) wants.outputs.try_emplace(source.output);
  }
  for (const auto& [name, parameter] : parent.bundle.parameters) {
    for (const OutputSource& source : parameter.sources) {
      if (source.alias == dependency.alias) wants.outputs.try_emplace(source.output);
    }
  }
  DEPS_RETURN_IF_ERROR(AddInterface(dependency, catalog, &wants));
  return wants;
}

absl::StatusOr<Wants> InterfaceOf(const Dependency& dependency, Catalog& catalog) {
  Wants wants;
  DEPS_RETURN_IF_ERROR(AddInterface(dependency, catalog, &wants));
  return wants;
}

InterfaceNames NamesFor(const Wants& wants, const Bundle& offer) {
  return {.outputs = OtherNames(wants.outputs, offer.outputs),
          .parameters = OtherNames(wants.parameters, offer.parameters),
          .credentials = OtherNames(wants.credentials, offer.credentials)};
}

std::vector<std::string> Lacks(const Wants& wants, const BundleDefinition& offer,
                               bool outputs_only) {
  std::vector<std::string> lacks;
  std::map<std::string, OutputDefinition> outputs = offer.bundle.outputs;
  // An output that is promoted from below has the type of what is below.
  for (const Dependency& dependency : offer.dependencies) {
    for (const auto& [name, text] : dependency.outputs) outputs.try_emplace(name);
  }
  AddLacks("output", wants.outputs, outputs, &lacks);
  if (outputs_only) return lacks;
  AddLacks("parameter", wants.parameters, offer.bundle.parameters, &lacks);
  AddLacks("credential", wants.credentials, offer.bundle.credentials, &lacks);
  if (!wants.interface_id.empty()) {
    const std::vector<std::string>& provides = offer.bundle.provides;
    bool found = false;
    for (const std::string& id : provides) found = found || id == wants.interface_id;
    if (!found) lacks.push_back(absl::StrCat("the interface ", wants.interface_id));
  }
  return lacks;
}

}  // namespace deps
