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

}  // namespace deps
