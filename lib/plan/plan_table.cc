#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/plan/plan_text.h"
#include "lib/text/table.h"

namespace deps {
namespace {

using Row = std::vector<std::string>;

std::string OrDash(const std::string& text) { return text.empty() ? "-" : text; }

}  // namespace

std::string DescribeSource(const ValueSource& source) {
  switch (source.kind) {
    case ValueSource::Kind::kValue:
      return Printable(source.value.text);
    case ValueSource::Kind::kOutput:
      return absl::StrCat("output ", source.item.name, " of ", source.item.task);
    case ValueSource::Kind::kParameter:
      return absl::StrCat("parameter ", source.item.name, " of ", source.item.task);
    case ValueSource::Kind::kCredential:
      return absl::StrCat("credential ", source.item.name, " of ", source.item.task);
    case ValueSource::Kind::kSecret:
      return absl::StrCat("secret ", Printable(source.text));
    case ValueSource::Kind::kTemplate: {
      std::vector<std::string> inputs;
      for (const auto& [name, input] : source.inputs) {
        inputs.push_back(absl::StrCat(name, " = ", DescribeSource(input)));
      }
      return absl::StrCat("\"", Printable(source.text), "\" where ", absl::StrJoin(inputs, ", "));
    }
  }
  return "";
}

std::string FormatPlanTable(const Plan& plan) {
  std::vector<Row> tasks = {
      {"STAGE", "TASK", "ACTION", "BUNDLE", "VERSION", "INSTALLATION", "NEEDS"}};
  std::vector<Row> inputs = {{"TASK", "INPUT", "SOURCE"}};
  for (const PlannedTask& task : plan.tasks) {
    const InstallationName& name = task.installation.name;
    tasks.push_back({absl::StrCat(task.stage), task.id, task.action, OrDash(task.bundle.name),
                     OrDash(task.bundle.version), absl::StrCat(name.name_space, "/", name.name),
                     OrDash(absl::StrJoin(task.needs, ","))});
    for (const auto* sources : {&task.parameters, &task.credentials}) {
      for (const auto& [input, source] : *sources) {
        inputs.push_back({task.id, input, DescribeSource(source)});
      }
    }
  }
  std::string text = FormatTable(tasks);
  if (inputs.size() > 1) absl::StrAppend(&text, "\n", FormatTable(inputs));
  std::vector<Row> outputs = {{"OUTPUT", "SOURCE"}};
  for (const auto& [name, source] : plan.outputs) outputs.push_back({name, DescribeSource(source)});
  if (outputs.size() > 1) absl::StrAppend(&text, "\n", FormatTable(outputs));
  return text;
}

}  // namespace deps
