#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/plan/plan_text.h"

namespace deps {
namespace {

using Row = std::vector<std::string>;

// Bytes that begin a character; what is wide on a terminal does not count.
size_t Width(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

// Control characters would spoil the terminal.
std::string Printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return text;
}

std::string Align(std::vector<Row> rows) {
  std::vector<size_t> widths;
  for (Row& row : rows) {
    for (std::string& cell : row) cell = Printable(std::move(cell));
  }
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      absl::StrAppend(&line, row[i], std::string(widths[i] + 2 - Width(row[i]), ' '));
    }
    line.erase(line.find_last_not_of(' ') + 1);
    absl::StrAppend(&text, line, "\n");
  }
  return text;
}

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
  std::string text = Align(tasks);
  if (inputs.size() > 1) absl::StrAppend(&text, "\n", Align(inputs));
  std::vector<Row> outputs = {{"OUTPUT", "SOURCE"}};
  for (const auto& [name, source] : plan.outputs) outputs.push_back({name, DescribeSource(source)});
  if (outputs.size() > 1) absl::StrAppend(&text, "\n", Align(outputs));
  return text;
}

}  // namespace deps
