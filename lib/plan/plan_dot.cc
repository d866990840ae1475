#include <map>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "lib/plan/plan_text.h"

namespace deps {
namespace {

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (c == '\n') {
      quoted += "\\n";
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

// Mermaid's own escapes for what would end a label or begin markup.
std::string Entities(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (std::string_view("\"<>#&").find(c) == std::string_view::npos) {
      escaped += c;
    } else {
      absl::StrAppend(&escaped, "#", static_cast<int>(c), ";");
    }
  }
  return escaped;
}

}  // namespace

std::string FormatPlanDot(const Plan& plan) {
  std::string text = "digraph plan {\n  rankdir=LR;\n  node [shape=box];\n";
  for (const PlannedTask& task : plan.tasks) {
    const std::string bundle = absl::StrCat(task.bundle.name, " ", task.bundle.version);
    const std::string label = absl::StrCat(task.id, "\n", task.action, " ", bundle);
    absl::StrAppend(&text, "  ", Quoted(task.id), " [label=", Quoted(label),
                    task.action == "skip" ? ", style=dashed" : "", "];\n");
  }
  for (const PlannedTask& task : plan.tasks) {
    for (const std::string& need : task.needs) {
      absl::StrAppend(&text, "  ", Quoted(need), " -> ", Quoted(task.id), ";\n");
    }
  }
  return absl::StrCat(text, "}\n");
}

std::string FormatPlanMermaid(const Plan& plan) {
  std::string text = "flowchart LR\n";
  std::map<std::string, size_t> numbers;
  for (const PlannedTask& task : plan.tasks) {
    const size_t number = numbers.size();
    numbers[task.id] = number;
    absl::StrAppend(&text, "  t", number, "[\"", Entities(task.id), "<br/>", Entities(task.action),
                    " ", Entities(task.bundle.name), " ", Entities(task.bundle.version), "\"]\n");
  }
  for (const PlannedTask& task : plan.tasks) {
    for (const std::string& need : task.needs) {
      absl::StrAppend(&text, "  t", numbers[need], " --> t", numbers[task.id], "\n");
    }
  }
  return text;
}

}  // namespace deps
