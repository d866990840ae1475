#include "lib/plan/export_parts.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "lib/diag/diagnostic.h"
#include "lib/plan/plan_export.h"

namespace deps {
namespace {

constexpr size_t kLine = 76;

}  // namespace

std::string ShellQuoted(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

std::vector<std::string> EncodedPlan(const Plan& plan) {
  const std::string text = absl::Base64Escape(FormatPlan(plan, json::Style::kCompact));
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size(); at += kLine) lines.push_back(text.substr(at, kLine));
  return lines;
}

absl::Status CheckIds(const Plan& plan) {
  for (const PlannedTask& task : plan.tasks) {
    for (const char c : task.id) {
      if (!absl::ascii_iscntrl(static_cast<unsigned char>(c))) continue;
      return MakeError({.id = DiagnosticId::kDocumentValue,
                        .message = absl::StrCat("the id of a task holds control characters: \"",
                                                absl::CEscape(task.id), "\"")});
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSinks(const Plan& plan) {
  std::vector<Diagnostic> errors;
  for (const PlannedTask& task : plan.tasks) {
    for (const auto& [name, output] : task.outputs) {
      if (!output.sensitive || !output.sink.empty()) continue;
      errors.push_back(
          {.id = DiagnosticId::kPlanSink,
           .message = absl::StrCat("the output \"", name, "\" of ", task.id,
                                   " is sensitive and has no sink; elsewhere there is no state "
                                   "that could keep it"),
           .hint = "name a provider that keeps values with --sink, as vault:kv/deps"});
    }
  }
  return errors.empty() ? absl::OkStatus() : MakeErrors(std::move(errors));
}

std::string ExportName(const std::string& id) {
  std::string name;
  for (const char c : id) {
    if (c == '/') {
      name += "__";
    } else if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-') {
      name += c;
    } else {
      absl::StrAppend(&name, "_", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  return name;
}

SecretsOfTasks::SecretsOfTasks(const Plan& plan) {
  for (const PlannedTask& task : plan.tasks) tasks_.emplace(task.id, &task);
}

std::set<std::string> SecretsOfTasks::Of(const PlannedTask& task) const {
  std::set<std::string> secrets;
  Seen seen;
  for (const auto* sources : {&task.parameters, &task.credentials}) {
    for (const auto& [name, source] : *sources) Add(source, &seen, &secrets);
  }
  return secrets;
}

void SecretsOfTasks::Add(const ValueSource& source, Seen* seen,
                         std::set<std::string>* secrets) const {
  if (!seen->insert(&source).second) return;
  if (source.kind == ValueSource::Kind::kSecret) secrets->insert(source.text);
  for (const auto& [name, input] : source.inputs) Add(input, seen, secrets);
  const bool parameter = source.kind == ValueSource::Kind::kParameter;
  if (!parameter && source.kind != ValueSource::Kind::kCredential) return;
  const auto task = tasks_.find(source.item.task);
  if (task == tasks_.end()) return;
  const auto& sources = parameter ? task->second->parameters : task->second->credentials;
  const auto found = sources.find(source.item.name);
  if (found != sources.end()) Add(found->second, seen, secrets);
}

}  // namespace deps
