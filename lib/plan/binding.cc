#include "lib/plan/binding.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "lib/base/status_macros.h"
#include "lib/digest/sha256.h"
#include "lib/plan/interface_names.h"
#include "lib/plan/naming.h"
#include "lib/plan/typed_value.h"

namespace deps {
namespace {

ValueSource ValueOf(JsonText value) { return {.value = std::move(value)}; }

ValueSource TextOf(std::string_view text) {
  return ValueOf(json::ToText(json::Value::String(text)));
}

absl::Status UnknownName(const Node& node, std::string_view what, const std::string& name) {
  return MakeError({.id = DiagnosticId::kGraphUnknownName,
                    .message = absl::StrCat(node.id, " does not define the ", std::string(what),
                                            " \"", name, "\"")});
}

const ParameterDefinition* ParameterOf(const Node& node, const std::string& name) {
  if (!node.bundle) return nullptr;
  const auto found = node.bundle->parameters.find(name);
  return found == node.bundle->parameters.end() ? nullptr : &found->second;
}

// Joins parts to one source: plain text stays a value, and a lone reference is
// that reference.
class TemplateJoiner {
 public:
  void AddText(std::string_view text) { absl::StrAppend(&text_, std::string(text)); }

  void Add(const std::string& name, ValueSource source) {
    std::string input = name;
    for (int number = 2; inputs_.count(input) > 0 && !(inputs_[input] == source); ++number) {
      input = absl::StrCat(name, "_", number);
    }
    absl::StrAppend(&text_, "${", input, "}");
    inputs_[input] = std::move(source);
  }

  ValueSource Finish() && {
    if (inputs_.empty()) return TextOf(text_);
    const bool alone =
        inputs_.size() == 1 && text_ == absl::StrCat("${", inputs_.begin()->first, "}");
    if (alone) return std::move(inputs_.begin()->second);
    return {.kind = ValueSource::Kind::kTemplate, .text = text_, .inputs = std::move(inputs_)};
  }

 private:
  std::string text_;
  std::map<std::string, ValueSource> inputs_;
};

}  // namespace

std::string_view FieldName(Field field) {
  switch (field) {
    case Field::kParameters:
      return "parameters";
    case Field::kCredentials:
      return "credentials";
    case Field::kOutputs:
      break;
  }
  return "outputs";
}

Binder::Binder(const NodeTable& table, BindingFacts facts)
    : table_(table), facts_(std::move(facts)) {}

absl::StatusOr<BoundInput*> Binder::Input(const Node& node, Field field, const std::string& name) {
  const Key key{&node, field, name};
  if (const auto found = bound_.find(key); found != bound_.end()) return &found->second;
  const auto open = std::find(open_.begin(), open_.end(), key);
  if (open != open_.end()) {
    const auto step = [](std::string* out, const Key& at) {
      absl::StrAppend(out, std::get<0>(at)->id, "#", std::get<2>(at));
    };
    return MakeError({.id = DiagnosticId::kGraphCycle,
                      .message = absl::StrCat(
                          "wiring forms a circle: ", absl::StrJoin(open, open_.end(), " -> ", step),
                          " -> ", node.id, "#", name)});
  }
  open_.push_back(key);
  absl::StatusOr<BoundSource> bound = BindInput(node, field, name);
  open_.pop_back();
  DEPS_RETURN_IF_ERROR(bound.status());
  BoundInput& input = bound_[key];
  static_cast<BoundSource&>(input) = *std::move(bound);
  if (input.source) CollectReads(*input.source, &input.reads);
  return &input;
}

absl::StatusOr<BoundSource> Binder::BindInput(const Node& node, Field field,
                                              const std::string& name) {
  const bool parameters = field == Field::kParameters;
  const GivenSources& given = parameters ? facts_.parameters : facts_.credentials;
  if (!given.empty()) {
    const auto found = given.find({node.id, name});
    if (found != given.end()) return BoundSource{found->second};
  }
  const ParameterDefinition* definition = parameters ? ParameterOf(node, name) : nullptr;
  std::optional<BoundSource> unbound;
  // All that require one node wire it alike, or it would be several nodes.
  const absl::Span<const Edge* const> edges = table_.RequiredBy(node);
  if (!edges.empty()) {
    const Edge& edge = *edges.front();
    const std::string* const text = parameters
                                        ? WiringOf(edge.parameters, edge.names.parameters, name)
                                        : WiringOf(edge.credentials, edge.names.credentials, name);
    if (text != nullptr) {
      absl::StatusOr<BoundSource> wired = BindTemplate(*text, table_.From(edge), &node);
      if (!wired.ok()) return WithContext(wired.status(), absl::StrCat(node.id, "#", name));
      if (wired->source && wired->source->kind == ValueSource::Kind::kValue && definition) {
        absl::StatusOr<JsonText> typed = FittingValue(wired->source->value, *definition);
        if (!typed.ok()) return WithContext(typed.status(), absl::StrCat(node.id, "#", name));
        wired->source->value = *std::move(typed);
      }
      if (wired->source) return wired;
      unbound = *std::move(wired);
    }
  }
  if (definition != nullptr && !definition->sources.empty()) {
    DEPS_ASSIGN_OR_RETURN(BoundSource taken, BindOutputSources(node, *definition));
    if (taken.source) return taken;
  }
  if (definition != nullptr && definition->default_value) {
    return BoundSource{ValueOf(*definition->default_value)};
  }
  if (unbound) return *std::move(unbound);
  return BoundSource{.absent = {node.id, name}, .absent_field = field};
}

// The first that is certain; else the installation's own, which it may have from
// an earlier run.
absl::StatusOr<BoundSource> Binder::BindOutputSources(const Node& node,
                                                      const ParameterDefinition& definition) {
  BoundSource possible;
  for (const OutputSource& source : definition.sources) {
    if (source.alias.empty()) {
      const OutputState state = facts_.earlier_output(node, source.output);
      if (state == OutputState::kNever) continue;
      BoundSource own{
          ValueSource{.kind = ValueSource::Kind::kOutput, .item = {node.id, source.output}}};
      if (state == OutputState::kCertain) return own;
      if (!possible.source) possible = std::move(own);
      continue;
    }
    const Edge* const edge = table_.Requires(node, source.alias);
    if (edge == nullptr) continue;
    DEPS_ASSIGN_OR_RETURN(BoundSource bound, Output(table_.To(*edge), source.output, edge));
    if (bound.source) return bound;
  }
  return possible;
}

absl::StatusOr<BoundSource> Binder::Output(const Node& node, const std::string& name,
                                           const Edge* edge) {
  const Key key{&node, Field::kOutputs, name};
  if (std::find(open_.begin(), open_.end(), key) != open_.end()) {
    return MakeError({.id = DiagnosticId::kGraphCycle,
                      .message = absl::StrCat("the output \"", name, "\" of ", node.id,
                                              " is promoted from itself")});
  }
  open_.push_back(key);
  absl::StatusOr<BoundSource> bound = BindOutput(node, name, edge);
  open_.pop_back();
  return bound;
}

absl::StatusOr<BoundSource> Binder::BindOutput(const Node& node, const std::string& name,
                                               const Edge* edge) {
  for (const Edge* below : table_.RequiresOf(node)) {
    const auto promoted = below->outputs.find(name);
    if (promoted != below->outputs.end()) {
      return BindTemplate(promoted->second, node, &table_.To(*below));
    }
  }
  const std::string own = OutputName(node, name, edge);
  if (node.bundle && node.bundle->outputs.count(own) == 0 && !IsReused(node)) {
    return UnknownName(node, "output", name);
  }
  if (facts_.output_state(node, own) == OutputState::kNever) {
    return BoundSource{.absent = {node.id, own}, .absent_field = Field::kOutputs};
  }
  return BoundSource{ValueSource{.kind = ValueSource::Kind::kOutput, .item = {node.id, own}}};
}

absl::StatusOr<BoundSource> Binder::BindTemplate(const std::string& text, const Node& owner,
                                                 const Node* own) {
  DEPS_ASSIGN_OR_RETURN(const std::vector<TemplatePart>* const parts, PartsOf(text));
  TemplateJoiner joiner;
  for (const TemplatePart& part : *parts) {
    switch (part.kind) {
      case TemplatePart::Kind::kText:
        joiner.AddText(part.text);
        break;
      case TemplatePart::Kind::kInstallation:
      case TemplatePart::Kind::kBundle: {
        DEPS_ASSIGN_OR_RETURN(const std::string fact, Fact(part, owner));
        joiner.AddText(fact);
        break;
      }
      default: {
        DEPS_ASSIGN_OR_RETURN(BoundSource bound, BindPart(part, owner, own));
        if (!bound.source || parts->size() == 1) return bound;
        joiner.Add(part.name, *std::move(bound.source));
      }
    }
  }
  return BoundSource{std::move(joiner).Finish()};
}

// Dependencies of one bundle, or of one kind, are often wired alike.
absl::StatusOr<const std::vector<TemplatePart>*> Binder::PartsOf(const std::string& text) {
  if (const auto found = templates_.find(text); found != templates_.end()) return &found->second;
  DEPS_ASSIGN_OR_RETURN(std::vector<TemplatePart> parts, ParseTemplate(text));
  return &templates_.emplace(text, std::move(parts)).first->second;
}

absl::StatusOr<BoundSource> Binder::BindPart(const TemplatePart& part, const Node& owner,
                                             const Node* own) {
  switch (part.kind) {
    case TemplatePart::Kind::kParameter:
      return BindReference(Field::kParameters, part.name, owner);
    case TemplatePart::Kind::kCredential:
      return BindReference(Field::kCredentials, part.name, owner);
    case TemplatePart::Kind::kDependencyOutput: {
      const Edge* const edge = table_.Requires(owner, part.alias);
      if (edge == nullptr) {
        return MakeError(
            {.id = DiagnosticId::kGraphUnknownAlias,
             .message = absl::StrCat(owner.id, " has no dependency \"", part.alias, "\"")});
      }
      return Output(table_.To(*edge), part.name, edge);
    }
    case TemplatePart::Kind::kOwnOutput:
      if (own != nullptr) return Output(*own, part.name, table_.Requires(owner, own->alias));
      break;
    default:
      break;
  }
  return UnknownName(owner, "source", part.text);
}

absl::StatusOr<BoundSource> Binder::BindReference(Field field, const std::string& name,
                                                  const Node& owner) {
  const bool defined =
      owner.bundle && (field == Field::kParameters ? owner.bundle->parameters.count(name) > 0
                                                   : owner.bundle->credentials.count(name) > 0);
  if (!defined) {
    return UnknownName(owner, field == Field::kParameters ? "parameter" : "credential", name);
  }
  DEPS_ASSIGN_OR_RETURN(const BoundSource* const bound, Input(owner, field, name));
  // What the owner's own task does not get is taken from where it would come.
  if (!bound->source || !facts_.is_task_input(owner, field, name)) return *bound;
  const auto kind =
      field == Field::kParameters ? ValueSource::Kind::kParameter : ValueSource::Kind::kCredential;
  return BoundSource{ValueSource{.kind = kind, .item = {owner.id, name}}};
}

absl::StatusOr<std::string> Binder::Fact(const TemplatePart& part, const Node& owner) const {
  if (part.kind == TemplatePart::Kind::kBundle) {
    if (owner.bundle && part.name == "name") return owner.bundle->name;
    if (owner.bundle && part.name == "version") return owner.bundle->version;
    if (owner.bundle && part.name == "reference") return owner.bundle->reference;
    return UnknownName(owner, "source", part.text);
  }
  const bool root = part.name.rfind("root.", 0) == 0;
  const std::string fact = root ? part.name.substr(5) : part.name;
  const InstallationName& name = NameOf(root ? table_.root() : owner);
  if (fact == "name") return name.name;
  if (fact == "namespace") return name.name_space;
  // What identifies an installation before there is one.
  if (fact == "id") return DisplayName(name);
  return UnknownName(owner, "source", part.text);
}

BoundInput* Binder::Referred(const ValueSource& source) {
  const bool parameter = source.kind == ValueSource::Kind::kParameter;
  const auto found =
      bound_.find({table_.Find(source.item.task),
                   parameter ? Field::kParameters : Field::kCredentials, source.item.name});
  return found != bound_.end() && found->second.source ? &found->second : nullptr;
}

// What a source refers to was bound before it, and knows what it reads.
void Binder::CollectReads(const ValueSource& source, std::vector<size_t>* reads) {
  switch (source.kind) {
    case ValueSource::Kind::kOutput:
      reads->push_back(table_.IndexOf(*table_.Find(source.item.task)));
      return;
    case ValueSource::Kind::kTemplate:
      for (const auto& [name, input] : source.inputs) CollectReads(input, reads);
      std::sort(reads->begin(), reads->end());
      reads->erase(std::unique(reads->begin(), reads->end()), reads->end());
      return;
    case ValueSource::Kind::kParameter:
    case ValueSource::Kind::kCredential:
      if (const BoundInput* const referred = Referred(source)) {
        reads->insert(reads->end(), referred->reads.begin(), referred->reads.end());
      }
      return;
    default:
      return;
  }
}

const std::string& Binder::Fingerprint(BoundInput& input) {
  if (input.fingerprint.empty()) input.fingerprint = FingerprintOf(*input.source);
  return input.fingerprint;
}

std::string Binder::FingerprintOf(const ValueSource& source) {
  const auto tagged = [](char tag, const auto&... parts) {
    std::string text(1, tag);
    (absl::StrAppend(&text, parts.size(), ":", parts), ...);
    return text;
  };
  switch (source.kind) {
    case ValueSource::Kind::kValue:
      return tagged('v', source.value.text);
    case ValueSource::Kind::kSecret:
      return tagged('s', source.text);
    case ValueSource::Kind::kOutput: {
      const InstallationName& name = NameOf(*table_.Find(source.item.task));
      return tagged('o', name.name_space, name.name, source.item.name);
    }
    case ValueSource::Kind::kTemplate: {
      std::string text = tagged('t', source.text);
      for (const auto& [name, input] : source.inputs) {
        absl::StrAppend(&text, tagged('i', name, FingerprintOf(input)));
      }
      return Sha256Digest(text);
    }
    case ValueSource::Kind::kParameter:
    case ValueSource::Kind::kCredential: {
      BoundInput* const referred = Referred(source);
      return referred == nullptr ? "" : Fingerprint(*referred);
    }
  }
  return "";
}

}  // namespace deps
