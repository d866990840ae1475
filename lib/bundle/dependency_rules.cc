#include "lib/bundle/dependency_rules.h"

#include <algorithm>
#include <array>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "lib/oci/reference.h"

namespace deps {
namespace {

using json::Value;

constexpr std::array<std::string_view, 3> kDocumentMembers = {"outputs", "parameters",
                                                              "credentials"};

bool IsAlias(std::string_view alias) {
  return !alias.empty() && std::none_of(alias.begin(), alias.end(), [](unsigned char c) {
    return c == '/' || absl::ascii_isspace(c) || absl::ascii_iscntrl(c);
  });
}

void CheckReference(const std::string& reference, std::string_view pointer,
                    std::vector<Diagnostic>* found) {
  if (reference.empty()) return;
  for (Diagnostic& diagnostic : DiagnosticsOf(Reference::Parse(reference).status())) {
    diagnostic.location.pointer = std::string(pointer);
    found->push_back(std::move(diagnostic));
  }
}

bool IsEmptyObject(const Value& value) { return value.IsObject() && value.members.empty(); }

Value WithDefinition(Value item, const Value* definitions) {
  const Value* name = item.Find("definition");
  if (name == nullptr || !name->IsString() || definitions == nullptr) return item;
  const Value* definition = definitions->Find(name->text);
  if (definition == nullptr || !definition->IsObject()) return item;
  for (const auto& [key, value] : definition->members) {
    if (item.Find(key) == nullptr) item.Set(key, value);
  }
  return item;
}

// What `document` holds of each kind of item, added to `result`.
void AddItems(const Value& document, const Value* definitions, Value* result) {
  for (const std::string_view kind : kDocumentMembers) {
    const Value* items = document.Find(kind);
    if (items == nullptr || !items->IsObject() || items->members.empty()) continue;
    Value all = result->Find(kind) != nullptr ? *result->Find(kind) : Value::Object();
    for (const auto& [name, item] : items->members)
      all.Set(name, WithDefinition(item, definitions));
    result->Set(kind, std::move(all));
  }
}

}  // namespace

std::vector<Diagnostic> CheckDependency(const Dependency& dependency) {
  std::vector<Diagnostic> found;
  const auto add = [&](std::string message, std::string pointer = "") {
    found.push_back({.id = DiagnosticId::kBundleInvalid,
                     .message = std::move(message),
                     .location = {.pointer = std::move(pointer)}});
  };
  if (!IsAlias(dependency.alias)) {
    add(absl::StrCat("'", dependency.alias,
                     "' cannot be the name of a dependency: it must not be empty or hold '/' or "
                     "white space"));
  }
  CheckReference(dependency.reference, "/bundle", &found);
  if (dependency.reference.empty() && !dependency.interface) {
    add(absl::StrCat("dependency '", dependency.alias, "' has neither a bundle nor an interface"));
  }
  if (!dependency.interface) return found;
  const Value interface = Value::Of(*dependency.interface);
  const Value* reference = interface.Find("reference");
  if (reference != nullptr && reference->IsString()) {
    CheckReference(reference->text, "/interface/reference", &found);
    if (interface.Find("document") != nullptr) {
      add("an interface has either a reference or a document, not both", "/interface");
    }
  }
  return found;
}

std::optional<Value> NormalInterface(const Value& interface, const Value* definitions) {
  Value result = Value::Object();
  for (const std::string_view key : {"id", "reference"}) {
    const Value* member = interface.Find(key);
    if (member != nullptr && !(member->IsString() && member->text.empty())) {
      result.Set(key, *member);
    }
  }
  Value document = Value::Object();
  AddItems(interface, definitions, &document);
  if (const Value* inner = interface.Find("document")) AddItems(*inner, definitions, &document);
  if (!IsEmptyObject(document)) result.Set("document", std::move(document));
  if (IsEmptyObject(result)) return std::nullopt;
  return result;
}

std::optional<Sharing> SharingOf(std::optional<Sharing::Mode> mode, std::string_view group) {
  if (!mode && group.empty()) return std::nullopt;
  if (mode == Sharing::Mode::kNone) return Sharing{.mode = Sharing::Mode::kNone, .group = ""};
  return Sharing{.mode = Sharing::Mode::kGroup, .group = std::string(group)};
}

}  // namespace deps
