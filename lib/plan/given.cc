#include "lib/plan/given.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/base/status_macros.h"
#include "lib/plan/typed_value.h"

namespace deps {
namespace {

constexpr std::string_view kSecretHint =
    "name where it is kept instead: a set with one of env, path, command or secret as its source";

// "NODE#NAME" in its parts; the node is "" for the root.
std::pair<std::string, std::string> SplitEntry(const std::string& entry) {
  const size_t hash = entry.find('#');
  if (hash == std::string::npos) return {"", entry};
  return {entry.substr(0, hash), entry.substr(hash + 1)};
}

absl::Status UsageError(const std::string& option, std::string message, std::string hint = "") {
  return MakeError({.id = DiagnosticId::kUsage,
                    .message = absl::StrCat(option, ": ", message),
                    .hint = std::move(hint)});
}

absl::StatusOr<const Node*> OneNode(const NodeTable& table, const std::string& option,
                                    const std::string& name) {
  if (name.empty()) return &table.root();
  const std::vector<const Node*> nodes = table.Named(name);
  const auto id = [](std::string* out, const Node* node) { absl::StrAppend(out, node->id); };
  if (nodes.empty()) {
    return MakeError(
        {.id = DiagnosticId::kSolveUnknownNode,
         .message = absl::StrCat(option, ": there is no node \"", name, "\""),
         .hint = absl::StrCat("nodes are: ", absl::StrJoin(table.graph().nodes, ", ",
                                                           [](std::string* out, const Node& node) {
                                                             absl::StrAppend(out, node.id);
                                                           }))});
  }
  if (nodes.size() > 1) {
    return UsageError(option, absl::StrCat("\"", name, "\" is the alias of several nodes"),
                      absl::StrCat("use one of: ", absl::StrJoin(nodes, ", ", id)));
  }
  return nodes.front();
}

absl::Status AddParam(const NodeTable& table, const std::string& param, GivenSources* given) {
  const size_t equals = param.find('=');
  // The value is not repeated: it may be what nobody should see.
  const std::string entry = param.substr(0, equals);
  const std::string option = absl::StrCat("--param ", entry);
  if (equals == std::string::npos) {
    return UsageError(option, "there is no \"=\"", "write [NODE#]NAME=VALUE");
  }
  const auto [where, name] = SplitEntry(entry);
  DEPS_ASSIGN_OR_RETURN(const Node* const node, OneNode(table, option, where));
  if (!node->bundle || node->bundle->parameters.count(name) == 0) {
    std::vector<std::string> names;
    if (node->bundle) {
      for (const auto& [known, definition] : node->bundle->parameters) names.push_back(known);
    }
    return UsageError(option, absl::StrCat(node->id, " has no parameter \"", name, "\""),
                      names.empty() ? "" : absl::StrCat("it has: ", absl::StrJoin(names, ", ")));
  }
  const ParameterDefinition& definition = node->bundle->parameters.at(name);
  if (definition.sensitive) {
    return MakeError({.id = DiagnosticId::kPlanSensitive,
                      .message = absl::StrCat(option,
                                              ": the parameter is sensitive, and a value on the "
                                              "command line is seen by others"),
                      .hint = std::string(kSecretHint)});
  }
  const JsonText text = json::ToText(json::Value::String(param.substr(equals + 1)));
  absl::StatusOr<JsonText> value = FittingValue(text, definition);
  if (!value.ok()) return WithContext(value.status(), option);
  (*given)[{node->id, name}] = {.value = *std::move(value)};
  return absl::OkStatus();
}

absl::Status AddSetParameter(const Node& node, const std::string& name, ValueSource source,
                             GivenSources* given) {
  if (!node.bundle || node.bundle->parameters.count(name) == 0) return absl::OkStatus();
  const ParameterDefinition& definition = node.bundle->parameters.at(name);
  if (source.kind == ValueSource::Kind::kValue) {
    const std::string entry = absl::StrCat("parameter set: ", node.id, "#", name);
    if (definition.sensitive) {
      return MakeError({.id = DiagnosticId::kPlanSensitive,
                        .message = absl::StrCat(entry,
                                                ": the parameter is sensitive, and a plan "
                                                "holds no secret's value"),
                        .hint = std::string(kSecretHint)});
    }
    absl::StatusOr<JsonText> value = FittingValue(source.value, definition);
    if (!value.ok()) return WithContext(value.status(), entry);
    source.value = *std::move(value);
  }
  (*given)[{node.id, name}] = std::move(source);
  return absl::OkStatus();
}

absl::Status AddSetCredential(const Node& node, const std::string& name, ValueSource source,
                              GivenSources* given) {
  if (!node.bundle || node.bundle->credentials.count(name) == 0) return absl::OkStatus();
  if (source.kind == ValueSource::Kind::kValue) {
    return MakeError({.id = DiagnosticId::kPlanSensitive,
                      .message = absl::StrCat("credential set: ", node.id, "#", name,
                                              ": a plan holds no secret's value"),
                      .hint = std::string(kSecretHint)});
  }
  (*given)[{node.id, name}] = std::move(source);
  return absl::OkStatus();
}

using AddEntry = absl::Status (*)(const Node&, const std::string&, ValueSource, GivenSources*);

void AddSet(const NodeTable& table, const InputSet& set, AddEntry add, GivenSources* given,
            std::vector<Diagnostic>* errors) {
  for (const auto& [name_of_entry, entry] : set) {
    const auto [where, name] = SplitEntry(name_of_entry);
    std::vector<const Node*> nodes = {&table.root()};
    if (!where.empty()) nodes = table.Named(where);
    for (const Node* node : nodes) {
      for (Diagnostic error : DiagnosticsOf(add(*node, name, entry.source, given))) {
        error.location = entry.location;
        errors->push_back(std::move(error));
      }
    }
  }
}

}  // namespace

absl::StatusOr<GivenSources> GivenParameters(const NodeTable& table, const PlanOptions& options) {
  GivenSources given;
  std::vector<Diagnostic> errors;
  AddSet(table, options.parameter_set, AddSetParameter, &given, &errors);
  for (const std::string& param : options.params) {
    const std::vector<Diagnostic> found = DiagnosticsOf(AddParam(table, param, &given));
    errors.insert(errors.end(), found.begin(), found.end());
  }
  if (!errors.empty()) return MakeErrors(std::move(errors));
  return given;
}

absl::StatusOr<GivenSources> GivenCredentials(const NodeTable& table, const PlanOptions& options) {
  GivenSources given;
  std::vector<Diagnostic> errors;
  AddSet(table, options.credential_set, AddSetCredential, &given, &errors);
  if (!errors.empty()) return MakeErrors(std::move(errors));
  return given;
}

absl::StatusOr<std::map<std::string, std::string>> ChosenInstallations(const NodeTable& table,
                                                                       const PlanOptions& options) {
  std::map<std::string, std::string> chosen;
  for (const std::string& entry : options.installation_of) {
    const size_t equals = entry.rfind('=');
    const std::string option = absl::StrCat("--installation-of ", entry.substr(0, equals));
    if (equals == std::string::npos || equals == 0 || equals + 1 == entry.size()) {
      return UsageError(option, "this is not NODE=NAME");
    }
    const absl::StatusOr<const Node*> node = OneNode(table, option, entry.substr(0, equals));
    if (!node.ok()) return node.status();
    const bool reused = (*node)->resolution && (*node)->resolution->installation;
    if (reused || (*node)->id == table.root().id) {
      return UsageError(option, reused ? "the solution has an installation for it"
                                       : "the root's own is named by --installation");
    }
    chosen[(*node)->id] = entry.substr(equals + 1);
  }
  std::map<std::string, std::string> owner;
  for (const auto& [id, name] : chosen) {
    const auto [other, fresh] = owner.emplace(name, id);
    if (!fresh) {
      return UsageError(absl::StrCat("--installation-of ", id),
                        absl::StrCat(other->second, " has the name ", name, " too"));
    }
  }
  return chosen;
}

}  // namespace deps
