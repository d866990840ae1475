#include "lib/plan/sets.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/json.h"
#include "lib/yaml/yaml.h"

namespace deps {
namespace {

// "vault:kv/db" names a provider; "db:password 1" does not.
bool NamesProvider(const std::string& text) {
  const size_t colon = text.find(':');
  if (colon == 0 || colon == std::string::npos || colon + 1 == text.size()) return false;
  return std::all_of(
      text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon),
      [](unsigned char c) { return std::islower(c) || std::isdigit(c) || c == '-'; });
}

ValueSource Secret(std::string text) {
  return {.kind = ValueSource::Kind::kSecret, .text = std::move(text)};
}

class SetReader {
 public:
  SetReader(const Source& source, std::string_view kind, std::string_view list)
      : source_(source), kind_(kind), list_(list) {}

  absl::StatusOr<InputSet> Run() {
    DEPS_ASSIGN_OR_RETURN(const json::Value document, yaml::Parse(source_));
    if (!document.IsObject())
      return Error(DiagnosticId::kDocumentType, document, "", "is no mapping");
    const json::Value* type = document.Find("schemaType");
    if (type != nullptr && type->text != kind_) {
      return Error(DiagnosticId::kDocumentKind, *type, "/schemaType",
                   absl::StrCat("expected ", kind_, ", found ", type->text));
    }
    const json::Value* entries = document.Find(list_);
    if (entries == nullptr || !entries->IsArray()) {
      return Error(DiagnosticId::kDocumentMember, document, "",
                   absl::StrCat("a ", kind_, " has a list \"", list_, "\""));
    }
    InputSet sources;
    for (size_t i = 0; i < entries->items.size(); ++i) {
      DEPS_RETURN_IF_ERROR(
          ReadEntry(entries->items[i], absl::StrCat("/", list_, "/", i), &sources));
    }
    return sources;
  }

 private:
  absl::Status Error(DiagnosticId id, const json::Value& value, const std::string& pointer,
                     std::string message) const {
    return MakeError(
        {.id = id, .message = std::move(message), .location = source_.At(value.offset, pointer)});
  }

  absl::Status ReadEntry(const json::Value& entry, const std::string& pointer,
                         InputSet* sources) const {
    const json::Value* name = entry.Find("name");
    const json::Value* source = entry.Find("source");
    if (name == nullptr || source == nullptr || !source->IsObject()) {
      return Error(DiagnosticId::kDocumentMember, entry, pointer,
                   "an entry has a \"name\" and a \"source\"");
    }
    if (source->members.size() != 1) {
      return Error(DiagnosticId::kDocumentValue, *source, pointer + "/source",
                   "a source is exactly one of env, path, command, secret, value");
    }
    const auto& [strategy, value] = source->members.front();
    DEPS_ASSIGN_OR_RETURN(ValueSource read, ReadSource(strategy, value, pointer + "/source"));
    const Location location = source_.At(source->offset, pointer + "/source");
    if (!sources->emplace(name->text, SetEntry{std::move(read), location}).second) {
      return Error(DiagnosticId::kDocumentValue, *name, pointer + "/name",
                   absl::StrCat("\"", name->text, "\" occurs twice"));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ValueSource> ReadSource(const std::string& strategy, const json::Value& value,
                                         const std::string& pointer) const {
    if (strategy == "value") {
      // Scalars are what was written: 007 stays 007 where text is asked for.
      const std::optional<std::string> text = yaml::TextOf(value);
      return ValueSource{.value = json::ToText(text ? json::Value::String(*text) : value)};
    }
    const std::optional<std::string> text = yaml::TextOf(value);
    if (!text || text->empty()) {
      return Error(DiagnosticId::kDocumentType, value, pointer,
                   absl::StrCat("\"", strategy, "\" is no text"));
    }
    if (strategy == "env") return Secret(absl::StrCat("env:", *text));
    if (strategy == "path") return Secret(absl::StrCat("file:", *text));
    if (strategy == "command") return Secret(absl::StrCat("command:", *text));
    if (strategy == "secret") {
      return Secret(NamesProvider(*text) ? *text : absl::StrCat("secret:", *text));
    }
    return Error(
        DiagnosticId::kDocumentValue, value, pointer,
        absl::StrCat("\"", strategy, "\" is not one of env, path, command, secret, value"));
  }

  const Source& source_;
  const std::string kind_;
  const std::string list_;
};

}  // namespace

absl::StatusOr<InputSet> ReadParameterSet(const Source& source) {
  return SetReader(source, "ParameterSet", "parameters").Run();
}

absl::StatusOr<InputSet> ReadCredentialSet(const Source& source) {
  return SetReader(source, "CredentialSet", "credentials").Run();
}

}  // namespace deps
