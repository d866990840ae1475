#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/draw/picture.h"
#include "lib/plan/naming.h"
#include "lib/plan/plan_text.h"

namespace deps {
namespace {

class PictureMaker {
 public:
  explicit PictureMaker(const Plan& plan) : plan_(plan) {}

  Picture Make() {
    picture_.title = absl::StrCat("Plan: ", plan_.action, " ", DisplayName(plan_.installation));
    picture_.line_meaning = "runs before";
    picture_.dashed_meaning = "hands an output to";
    for (const PlannedTask& task : plan_.tasks) {
      index_.emplace(task.id, picture_.nodes.size());
      picture_.nodes.push_back(NodeOf(task));
    }
    for (const PlannedTask& task : plan_.tasks) AddEdges(task);
    AddNotes();
    return std::move(picture_);
  }

 private:
  static PictureNode NodeOf(const PlannedTask& task) {
    const bool skipped = task.action == "skip";
    PictureNode node{.id = task.id,
                     .title = task.id,
                     .subtitle = absl::StrCat(task.action, task.bundle.name.empty() ? "" : " ",
                                              task.bundle.name, " ", task.bundle.version),
                     .note = DisplayName(task.installation.name),
                     .kind = skipped ? PictureNode::Kind::kReused : PictureNode::Kind::kPlain};
    const auto add = [&](std::string_view name, std::string value) {
      if (!value.empty()) node.facts.emplace_back(name, std::move(value));
    };
    add("Action", task.action);
    add("Reason", task.reason);
    add("Stage", absl::StrCat(task.stage));
    add("Installation", DisplayName(task.installation.name));
    add("Labels", absl::StrJoin(task.installation.labels, ", ", absl::PairFormatter(" = ")));
    add("Reference", task.bundle.reference);
    add("Needs", absl::StrJoin(task.needs, ", "));
    for (const auto& [name, source] : task.parameters) {
      add(absl::StrCat("Parameter ", name), DescribeSource(source));
    }
    for (const auto& [name, source] : task.credentials) {
      add(absl::StrCat("Credential ", name), DescribeSource(source));
    }
    for (const auto& [name, output] : task.outputs) {
      add(absl::StrCat("Output ", name), !output.sink.empty()
                                             ? absl::StrCat("sensitive, into ", output.sink)
                                         : output.sensitive ? "sensitive, sealed in the state"
                                                            : "in the state");
    }
    return node;
  }

  static void CollectOutputs(const std::string& input, const ValueSource& source,
                             std::map<std::string, std::set<std::string>>* by_task) {
    if (source.kind == ValueSource::Kind::kOutput) {
      (*by_task)[source.item.task].insert(absl::StrCat(input, " = ", source.item.name));
    }
    for (const auto& [name, inner] : source.inputs) CollectOutputs(input, inner, by_task);
  }

  void AddEdges(const PlannedTask& task) {
    const size_t to = index_.at(task.id);
    for (const std::string& need : task.needs) {
      picture_.edges.push_back({.from = index_.at(need), .to = to, .name = task.id});
    }
    std::map<std::string, std::set<std::string>> taken;
    for (const auto* sources : {&task.parameters, &task.credentials}) {
      for (const auto& [name, source] : *sources) CollectOutputs(name, source, &taken);
    }
    for (const auto& [from, items] : taken) {
      if (from == task.id) continue;
      picture_.edges.push_back(
          {.from = index_.at(from), .to = to, .label = absl::StrJoin(items, ", "), .dashed = true});
    }
  }

  void AddNotes() {
    size_t running = 0;
    size_t widest = 0;
    for (const PlannedTask& task : plan_.tasks) running += task.action == "skip" ? 0 : 1;
    for (const std::vector<std::string>& stage : plan_.stages) {
      widest = std::max(widest, stage.size());
    }
    picture_.summary = absl::StrCat(
        plan_.tasks.size(), plan_.tasks.size() == 1 ? " task" : " tasks", ", ", running,
        " to run, in ", plan_.stages.size(), plan_.stages.size() == 1 ? " stage" : " stages",
        ", up to ", widest, " at a time");
    for (const auto& [name, source] : plan_.outputs) {
      picture_.notes.push_back(absl::StrCat("Output ", name, ": ", DescribeSource(source)));
    }
  }

  const Plan& plan_;
  absl::flat_hash_map<std::string, size_t> index_;
  Picture picture_;
};

}  // namespace

std::string DrawPlan(const Plan& plan, std::string_view format) {
  const Picture picture = PictureMaker(plan).Make();
  if (format == "dot") return FormatDot(picture);
  if (format == "mermaid") return FormatMermaid(picture);
  if (format == "svg") return FormatSvg(picture);
  return FormatHtml(picture);
}

}  // namespace deps
