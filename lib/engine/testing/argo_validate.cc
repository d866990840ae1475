#include "lib/engine/testing/argo_validate.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/engine/testing/cluster_store.h"

namespace deps {
namespace {

using json::Value;

std::string TextOf(const Value* value, std::string_view key) {
  const Value* const member = value == nullptr ? nullptr : value->Find(key);
  return member == nullptr ? "" : member->text;
}

bool IsName(std::string_view name, std::string_view besides) {
  return !name.empty() && name.size() <= 128 &&
         (absl::ascii_isalnum(name[0]) || besides.find(name[0]) != std::string_view::npos) &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return absl::ascii_isalnum(c) || c == '-' || besides.find(c) != std::string_view::npos;
         });
}

// "" or what is wrong with the names of a list.
std::string NamesError(const std::vector<Value>& items, std::string_view besides) {
  std::set<std::string> seen;
  for (size_t i = 0; i < items.size(); ++i) {
    const std::string name = TextOf(&items[i], "name");
    if (name.empty()) return absl::StrCat("[", i, "].name is required");
    if (!IsName(name, besides)) {
      return absl::StrCat("[", i, "].name: '", name,
                          "' is invalid: name must consist of alpha-numeric characters or '-', and "
                          "must start with an alpha-numeric character");
    }
    if (!seen.insert(name).second) return absl::StrCat("[", i, "].name '", name, "' is not unique");
  }
  return "";
}

// A name of `depends` ends where this says so.
bool IsWordOf(char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.'; }

class DependsParser {
 public:
  DependsParser(std::string_view text, const std::function<bool(const std::string&)>& holds)
      : rest_(text), holds_(holds) {}

  std::optional<bool> Whole() {
    const bool value = Or();
    Blanks();
    return broken_ || !rest_.empty() ? std::nullopt : std::optional(value);
  }

 private:
  void Blanks() { rest_ = absl::StripLeadingAsciiWhitespace(rest_); }
  bool Take(std::string_view token) {
    Blanks();
    return absl::ConsumePrefix(&rest_, token);
  }
  bool Or() {
    bool value = And();
    while (Take("||")) value = And() || value;
    return value;
  }
  bool And() {
    bool value = Not();
    while (Take("&&")) value = Not() && value;
    return value;
  }
  bool Not() {
    if (Take("!")) return !Not();
    if (!Take("(")) return Word();
    const bool value = Or();
    broken_ = broken_ || !Take(")");
    return value;
  }
  bool Word() {
    Blanks();
    size_t end = 0;
    while (end < rest_.size() && IsWordOf(rest_[end])) ++end;
    const std::string word(rest_.substr(0, end));
    rest_.remove_prefix(end);
    if (word.empty()) broken_ = true;
    if (broken_) return false;
    if (word.find('.') != std::string::npos) return holds_(word);
    return holds_(word + ".Succeeded") || holds_(word + ".Skipped") || holds_(word + ".Daemoned");
  }

  std::string_view rest_;
  const std::function<bool(const std::string&)>& holds_;
  bool broken_ = false;
};

class Validator {
 public:
  explicit Validator(const Value& workflow) : workflow_(workflow), spec_(*workflow.Find("spec")) {}

  std::string Run() {
    const Value* const metadata = workflow_.Find("metadata");
    const std::string name = TextOf(metadata, "name");
    if (name.size() > 63) {
      return absl::StrCat("workflow name \"", name,
                          "\" must not be more than 63 characters long (currently ", name.size(),
                          ")");
    }
    std::string error = NamesError(ItemsOf(&spec_, "templates"), "");
    if (!error.empty()) return absl::StrCat("spec.templates", error);
    const Value* const arguments = spec_.Find("arguments");
    error = NamesError(ItemsOf(arguments, "parameters"), "_");
    if (!error.empty()) return absl::StrCat("spec.arguments.parameters", error);
    for (const Value& parameter : ItemsOf(arguments, "parameters")) {
      const std::string parameter_name = TextOf(&parameter, "name");
      if (parameter.Find("value") == nullptr && parameter.Find("valueFrom") == nullptr) {
        return absl::StrCat("spec.arguments.", parameter_name, ".value or spec.arguments.",
                            parameter_name, ".valueFrom is required");
      }
      globals_["workflow.parameters." + parameter_name] = "x";
    }
    for (const char* const known :
         {"name", "namespace", "uid", "serviceAccountName", "mainEntrypoint", "creationTimestamp",
          "creationTimestamp.s", "duration", "priority", "status", "failures", "parameters",
          "parameters.json"}) {
      globals_[absl::StrCat("workflow.", known)] = "x";
    }
    if (const std::string strategy = TextOf(spec_.Find("podGC"), "strategy");
        !strategy.empty() && strategy != "OnPodCompletion" && strategy != "OnPodSuccess" &&
        strategy != "OnWorkflowCompletion" && strategy != "OnWorkflowSuccess") {
      return absl::StrCat("podGC.strategy unknown strategy '", strategy, "'");
    }
    const std::string entrypoint = TextOf(&spec_, "entrypoint");
    if (entrypoint.empty()) return "spec.entrypoint is required";
    if (TemplateOf(workflow_, entrypoint).kind == json::Kind::kNull) {
      return absl::StrCat("spec.entrypoint '", entrypoint, "' undefined");
    }
    for (const Value& item : ItemsOf(&spec_, "templates")) {
      error = TemplateError(item);
      if (!error.empty()) return error;
    }
    return "";
  }

 private:
  std::string TemplateError(const Value& item) {
    const std::string name = TextOf(&item, "name");
    const std::string front = absl::StrCat("templates.", name);
    const Value* const inputs = item.Find("inputs");
    for (const char* const list : {"parameters", "artifacts"}) {
      const std::string error = NamesError(ItemsOf(inputs, list), "_");
      if (!error.empty()) return absl::StrCat(front, ".inputs.", list, error);
    }
    std::map<std::string, std::string> scope = globals_;
    for (const Value& parameter : ItemsOf(inputs, "parameters")) {
      scope["inputs.parameters." + TextOf(&parameter, "name")] = "x";
    }
    scope["node.name"] = scope["tasks.name"] = "x";
    if (item.Find("retryStrategy") != nullptr) scope["retries"] = "x";
    const int kinds = (item.Find("container") != nullptr) + (item.Find("dag") != nullptr);
    if (kinds == 0) {
      return absl::StrCat(front,
                          " template type unspecified. choose one of: container, "
                          "containerSet, steps, script, resource, dag, suspend, template, "
                          "template ref");
    }
    if (kinds > 1) return absl::StrCat(front, " multiple template types specified");
    return item.Find("dag") != nullptr ? DagError(item, front, scope)
                                       : LeafError(item, front, scope);
  }

  static std::string ScopeError(const Value& value, const std::map<std::string, std::string>& scope,
                                const std::string& front) {
    std::vector<std::string> unknown;
    Expand(json::Format(value, json::Style::kCompact), scope, &unknown);
    if (unknown.empty()) return "";
    return absl::StrCat(front, ": failed to resolve {{", unknown[0], "}}");
  }

  std::string LeafError(const Value& item, const std::string& front,
                        std::map<std::string, std::string> scope) {
    scope["pod.name"] = "x";
    for (const Value& parameter : ItemsOf(item.Find("outputs"), "parameters")) {
      scope[absl::StrCat("outputs.parameters.", TextOf(&parameter, "name"), ".path")] = "x";
    }
    std::string error = ScopeError(item, scope, front);
    if (!error.empty()) return error;
    const Value& container = *item.Find("container");
    std::map<std::string, std::string> mounted;
    std::set<std::string> volumes;
    for (const Value* const owner : {static_cast<const Value*>(&spec_), &item}) {
      for (const Value& volume : ItemsOf(owner, "volumes")) volumes.insert(TextOf(&volume, "name"));
    }
    for (const Value& mount : ItemsOf(&container, "volumeMounts")) {
      const std::string path = TextOf(&mount, "mountPath");
      if (!volumes.contains(TextOf(&mount, "name"))) {
        return absl::StrCat(front, ".container.volumeMounts: '", TextOf(&mount, "name"),
                            "' is no volume");
      }
      if (!mounted.emplace(path, TextOf(&mount, "name")).second) {
        return absl::StrCat(front, ".container.volumeMounts: mountPath '", path,
                            "' already mounted");
      }
    }
    for (const Value& artifact : ItemsOf(item.Find("inputs"), "artifacts")) {
      const std::string path = TextOf(&artifact, "path");
      if (path.empty() || !mounted.emplace(path, "").second) {
        return absl::StrCat(front, ".inputs.artifacts: path '", path, "' already mounted");
      }
    }
    for (const Value& init : ItemsOf(&item, "initContainers")) {
      if (TextOf(&init, "name").empty()) return "initContainers must all have container name";
    }
    if (TextOf(&container, "image").empty()) {
      return absl::StrCat(front, ".container.image may not be empty");
    }
    if (ItemsOf(&container, "command").empty()) {
      return absl::StrCat(front,
                          ".container.command: Argo asks the registry for it, which here "
                          "is none");
    }
    int64_t deadline = 1;
    if (const Value* const seconds = item.Find("activeDeadlineSeconds");
        seconds != nullptr && !absl::StrContains(seconds->text, "{{") &&
        (!absl::SimpleAtoi(seconds->text, &deadline) || deadline <= 0)) {
      return absl::StrCat(front,
                          ".activeDeadlineSeconds must be a positive integer > 0 or an argo "
                          "variable");
    }
    if (item.Find("parallelism") != nullptr) {
      return absl::StrCat(front, ".parallelism is only valid for steps and dag templates");
    }
    for (const Value& parameter : ItemsOf(item.Find("outputs"), "parameters")) {
      if (TextOf(parameter.Find("valueFrom"), "path").empty()) {
        return absl::StrCat(front, ".outputs.parameters.", TextOf(&parameter, "name"),
                            ".path must be specified for Container templates");
      }
    }
    return NamesError(ItemsOf(item.Find("outputs"), "parameters"), "_");
  }

  std::string DagError(const Value& item, const std::string& front,
                       std::map<std::string, std::string> scope) {
    if (item.Find("activeDeadlineSeconds") != nullptr) {
      return absl::StrCat(front, ".activeDeadlineSeconds is only valid for leaf templates");
    }
    const std::vector<Value>& tasks = ItemsOf(item.Find("dag"), "tasks");
    if (tasks.empty()) return absl::StrCat(front, " must have at least one task");
    std::string error = NamesError(tasks, "");
    if (!error.empty()) return absl::StrCat(front, ".tasks", error);
    tasks_ = &tasks;
    needs_.clear();
    for (const Value& task : tasks)
      needs_[TextOf(&task, "name")] = TasksOf(TextOf(&task, "depends"));
    for (const Value& task : tasks) {
      error = TaskError(task, absl::StrCat(front, ".tasks.", TextOf(&task, "name")), scope);
      if (!error.empty()) return error;
    }
    for (const Value& task : tasks) AddOutputs(task, &scope);
    for (const Value& parameter : ItemsOf(item.Find("outputs"), "parameters")) {
      if (TextOf(parameter.Find("valueFrom"), "parameter").empty()) {
        return absl::StrCat(front, ".outputs.parameters.", TextOf(&parameter, "name"),
                            ".parameter or expression must be specified for DAG templates");
      }
      error = ScopeError(parameter, scope, front);
      if (!error.empty()) return error;
    }
    return "";
  }

  std::string TaskError(const Value& task, const std::string& front,
                        std::map<std::string, std::string> scope) {
    const std::string name = TextOf(&task, "name");
    if (absl::ascii_isdigit(name[0])) {
      return absl::StrCat(front,
                          " name cannot begin with a digit when using either 'depends' or "
                          "'dependencies'");
    }
    const std::string depends = TextOf(&task, "depends");
    if (!depends.empty() && !Evaluate(depends, [](const std::string&) { return true; })) {
      return absl::StrCat(front, " invalid depends expression");
    }
    std::set<std::string> ancestors;
    std::vector<std::string> open(needs_[name].begin(), needs_[name].end());
    while (!open.empty()) {
      const std::string next = open.back();
      open.pop_back();
      if (!needs_.contains(next)) return absl::StrCat(front, " depends on '", next, "', no task");
      if (next == name) return absl::StrCat(front, " sorting failed: cycle detected");
      if (!ancestors.insert(next).second) continue;
      open.insert(open.end(), needs_[next].begin(), needs_[next].end());
    }
    const std::string template_name = TextOf(&task, "template");
    const Value used = TemplateOf(workflow_, template_name);
    if (used.kind == json::Kind::kNull) {
      return absl::StrCat(front, " template name '", template_name, "' undefined");
    }
    for (const Value& other : *tasks_) {
      if (ancestors.contains(TextOf(&other, "name"))) AddOutputs(other, &scope);
    }
    std::string error = ScopeError(task, scope, front);
    if (!error.empty()) return error;
    return ArgumentsError(task, used, front);
  }

  static std::string ArgumentsError(const Value& task, const Value& used,
                                    const std::string& front) {
    std::set<std::string> given;
    const std::vector<Value>& parameters = ItemsOf(task.Find("arguments"), "parameters");
    const std::string error = NamesError(parameters, "_");
    if (!error.empty()) return absl::StrCat(front, ".arguments.parameters", error);
    for (const Value& parameter : parameters) {
      if (parameter.Find("value") == nullptr) {
        return absl::StrCat(front, ".arguments.", TextOf(&parameter, "name"), ".value is required");
      }
      given.insert(TextOf(&parameter, "name"));
    }
    for (const Value& input : ItemsOf(used.Find("inputs"), "parameters")) {
      const std::string name = TextOf(&input, "name");
      if (input.Find("value") == nullptr && input.Find("default") == nullptr &&
          !given.contains(name)) {
        return absl::StrCat(front, " inputs.parameters.", name, " was not supplied");
      }
    }
    return "";
  }

  void AddOutputs(const Value& task, std::map<std::string, std::string>* scope) const {
    const std::string name = TextOf(&task, "name");
    const Value used = TemplateOf(workflow_, TextOf(&task, "template"));
    for (const Value& output : ItemsOf(used.Find("outputs"), "parameters")) {
      (*scope)[absl::StrCat("tasks.", name, ".outputs.parameters.", TextOf(&output, "name"))] = "x";
    }
    for (const char* const fact : {"status", "exitCode", "id", "startedAt", "finishedAt"}) {
      (*scope)[absl::StrCat("tasks.", name, ".", fact)] = "x";
    }
  }

  const Value& workflow_;
  const Value& spec_;
  std::map<std::string, std::string> globals_;
  // Of the DAG that is looked at.
  const std::vector<Value>* tasks_ = nullptr;
  std::map<std::string, std::set<std::string>> needs_;
};

// Kubernetes' merge of `patch` over `base`, as far as templates need it.
Value Merged(Value base, const Value& patch) {
  for (const auto& [key, item] : patch.members) {
    Value* const there = base.Find(key);
    if (there != nullptr && there->IsObject() && item.IsObject()) {
      *there = Merged(*there, item);
    } else {
      base.Set(key, item);
    }
  }
  return base;
}

}  // namespace

std::string WorkflowError(const Value& workflow) { return Validator(workflow).Run(); }

std::set<std::string> TasksOf(std::string_view depends) {
  std::set<std::string> tasks;
  Evaluate(depends, [&](const std::string& word) {
    tasks.insert(word.substr(0, word.find('.')));
    return false;
  });
  return tasks;
}

std::optional<bool> Evaluate(std::string_view depends,
                             const std::function<bool(const std::string&)>& holds) {
  return DependsParser(depends, holds).Whole();
}

std::string Expand(std::string_view text, const std::map<std::string, std::string>& values,
                   std::vector<std::string>* unknown) {
  std::string expanded;
  while (true) {
    const size_t open = text.find("{{");
    const size_t close = open == std::string_view::npos ? open : text.find("}}", open);
    if (close == std::string_view::npos) return absl::StrCat(expanded, text);
    const std::string_view tag = text.substr(open + 2, close - open - 2);
    const std::string name(absl::StripAsciiWhitespace(tag));
    absl::StrAppend(&expanded, text.substr(0, open));
    const auto value = values.find(name);
    if (value != values.end()) {
      absl::StrAppend(&expanded, value->second);
    } else if (name.size() > 3 && absl::StartsWith(name, "='") && absl::EndsWith(name, "'")) {
      absl::StrAppend(&expanded, name.substr(2, name.size() - 3));
    } else {
      if (unknown != nullptr) unknown->push_back(name);
      absl::StrAppend(&expanded, "{{", tag, "}}");
    }
    text.remove_prefix(close + 2);
  }
}

Value TemplateOf(const Value& workflow, std::string_view name) {
  const Value* const spec = workflow.Find("spec");
  for (const Value& item : ItemsOf(spec, "templates")) {
    if (TextOf(&item, "name") != name) continue;
    const Value* const defaults = spec->Find("templateDefaults");
    return defaults == nullptr ? item : Merged(*defaults, item);
  }
  return Value::Null();
}

}  // namespace deps
