#include "lib/expand/wiring.h"

#include <map>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/expand/hint.h"
#include "lib/json/json.h"

namespace deps {
namespace {

using Kind = TemplatePart::Kind;

class WireReader {
 public:
  WireReader(const BundleDefinition& bundle, const Dependency& dependency,
             std::vector<Diagnostic>* errors)
      : bundle_(bundle), dependency_(dependency), errors_(errors) {}

  void Read(std::string_view field, const std::map<std::string, std::string>& entries) {
    for (const auto& [name, text] : entries) {
      pointer_ = absl::StrCat("/", field, json::PointerStep(name));
      absl::StatusOr<std::vector<TemplatePart>> parts = ParseTemplate(text);
      if (!parts.ok()) {
        for (const Diagnostic& diagnostic : DiagnosticsOf(parts.status())) {
          offset_ = static_cast<size_t>(diagnostic.location.column - 1);
          Fail(diagnostic.id, diagnostic.message, diagnostic.hint);
        }
        continue;
      }
      for (TemplatePart& part : *parts) {
        offset_ = part.offset;
        Check(field == "outputs", &part);
      }
      wires_.push_back({std::string(field), name, *std::move(parts)});
    }
  }

  std::vector<Wire> Take() { return std::move(wires_); }

 private:
  void Fail(DiagnosticId id, std::string message, std::string hint = "") {
    errors_->push_back({.id = id,
                        .message = std::move(message),
                        .location = dependency_.PlaceOf(pointer_, offset_),
                        .hint = std::move(hint)});
  }

  void Check(bool promotes, TemplatePart* part) {
    switch (part->kind) {
      case Kind::kParameter:
        return CheckName("parameter", bundle_.bundle.parameters, part->name);
      case Kind::kCredential:
        return CheckName("credential", bundle_.bundle.credentials, part->name);
      case Kind::kBundleOutput:
        return Fail(DiagnosticId::kGraphRootOutput,
                    absl::StrCat("'", part->text,
                                 "' is an output of the bundle itself, which comes after its "
                                 "dependencies"));
      case Kind::kOwnOutput:
        if (!promotes) FailSelf(*part);
        return;
      case Kind::kDependencyOutput:
        return CheckAlias(promotes, part);
      case Kind::kText:
      case Kind::kInstallation:
      case Kind::kBundle:
        return;
    }
  }

  template <typename Map>
  void CheckName(std::string_view what, const Map& defined, const std::string& name) {
    if (defined.contains(name)) return;
    std::vector<std::string> names;  // Without those that Porter made for itself.
    for (const auto& [other, definition] : defined) {
      if (!absl::StartsWith(other, "porter-")) names.push_back(other);
    }
    Fail(DiagnosticId::kGraphUnknownName,
         absl::StrCat("bundle '", bundle_.bundle.name, "' has no ", what, " '", name, "'"),
         HintOf(name, std::move(names)));
  }

  void CheckAlias(bool promotes, TemplatePart* part) {
    if (part->alias == dependency_.alias) {
      if (!promotes) return FailSelf(*part);
      part->kind = Kind::kOwnOutput;
      return;
    }
    std::vector<std::string> aliases;
    for (const Dependency& other : bundle_.dependencies) {
      if (other.alias == part->alias) return;
      aliases.push_back(other.alias);
    }
    Fail(DiagnosticId::kGraphUnknownAlias,
         absl::StrCat("bundle '", bundle_.bundle.name, "' has no dependency '", part->alias, "'"),
         HintOf(part->alias, std::move(aliases)));
  }

  void FailSelf(const TemplatePart& part) {
    Fail(DiagnosticId::kGraphSelfReference,
         absl::StrCat("dependency '", dependency_.alias, "' is wired to its own output '",
                      part.name, "'"));
  }

  const BundleDefinition& bundle_;
  const Dependency& dependency_;
  std::vector<Diagnostic>* errors_;
  std::vector<Wire> wires_;
  std::string pointer_;  // Of the entry.
  size_t offset_ = 0;    // In its text.
};

}  // namespace

std::vector<Wire> WiresOf(const BundleDefinition& bundle, const Dependency& dependency,
                          std::vector<Diagnostic>* errors) {
  WireReader reader(bundle, dependency, errors);
  reader.Read("parameters", dependency.parameters);
  reader.Read("credentials", dependency.credentials);
  reader.Read("outputs", dependency.outputs);
  return reader.Take();
}

}  // namespace deps
