#include "lib/draw/picture.h"

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
#include "lib/diag/diagnostic.h"
#include "lib/graph/describe.h"
#include "lib/graph/show.h"

namespace deps {
namespace {

constexpr size_t kMostPathsShown = 4;

template <typename Value>
std::string Names(const std::map<std::string, Value>& map) {
  return absl::StrJoin(map, ", ", [](std::string* out, const auto& entry) { *out += entry.first; });
}

std::string Settings(const std::map<std::string, std::string>& map) {
  return absl::StrJoin(map, ", ", absl::PairFormatter(" = "));
}

class PictureMaker {
 public:
  explicit PictureMaker(const Graph& graph) : graph_(graph) {
    for (const Edge& edge : graph.edges) {
      if (edge.kind == Edge::Kind::kRequires) asked_[edge.to].push_back(&edge);
    }
  }

  Picture Make() {
    AddNode(*graph_.Find(graph_.root));
    for (const Node& node : graph_.nodes) {
      if (node.id != graph_.root) AddNode(node);
    }
    for (const Edge& edge : graph_.edges) AddEdge(edge);
    picture_.title = absl::StrCat("Dependencies of ", BundleText(*graph_.Find(graph_.root)));
    picture_.line_meaning = "requires";
    picture_.dashed_meaning = "takes an output of";
    AddNotes();
    AddSummary();
    return std::move(picture_);
  }

 private:
  const std::vector<const Edge*>& AskedFor(const Node& node) {
    static const std::vector<const Edge*> kNone;
    const auto found = asked_.find(node.id);
    return found == asked_.end() ? kNone : found->second;
  }

  static std::string GroupOf(const std::vector<const Edge*>& asked) {
    for (const Edge* edge : asked) {
      if (edge->sharing && edge->sharing->mode == Sharing::Mode::kGroup)
        return edge->sharing->group;
    }
    return "";
  }

  void AddNode(const Node& node) {
    const std::vector<const Edge*>& asked = AskedFor(node);
    const bool is_root = node.id == graph_.root;
    PictureNode shown{.id = node.id,
                      .title = node.alias.empty() ? node.id : node.alias,
                      .subtitle = BundleText(node),
                      .group = GroupOf(asked)};
    if (is_root) {
      shown.kind = PictureNode::Kind::kStart;
    } else if (node.resolution && node.resolution->installation) {
      shown.kind = PictureNode::Kind::kReused;
      ++reused_;
    } else if (!node.bundle) {
      shown.kind = PictureNode::Kind::kOpen;
      shown.subtitle = MissingText(node);
    }
    if (asked.size() > 1) ++shared_;
    shown.note = NoteOf(node, asked, shown.group);
    shown.facts = FactsOf(node, asked, shown.group);
    index_.emplace(node.id, picture_.nodes.size());
    picture_.nodes.push_back(std::move(shown));
  }

  static std::string NoteOf(const Node& node, const std::vector<const Edge*>& asked,
                            const std::string& group) {
    std::vector<std::string> notes;
    if (node.resolution && node.resolution->installation) {
      notes.push_back(absl::StrCat("reuses ", InstallationText(*node.resolution->installation)));
    }
    if (!group.empty()) notes.push_back(absl::StrCat("group ", group));
    if (asked.size() > 1) notes.push_back(absl::StrCat("shared by ", asked.size()));
    return absl::StrJoin(notes, " · ");
  }

  static std::vector<std::pair<std::string, std::string>> FactsOf(
      const Node& node, const std::vector<const Edge*>& asked, const std::string& group) {
    std::vector<std::pair<std::string, std::string>> facts;
    const auto add = [&](std::string_view name, std::string value) {
      if (!value.empty()) facts.emplace_back(name, std::move(value));
    };
    add("Id", node.id);
    add("Also at", OtherPaths(node));
    add("Asked for", node.reference);
    if (node.resolution) AddResolution(*node.resolution, &facts);
    if (node.bundle) {
      if (!node.resolution) add("Reference", node.bundle->reference);
      if (!node.resolution || node.resolution->digest.empty()) add("Digest", node.bundle->digest);
      add("Provides", absl::StrJoin(node.bundle->provides, ", "));
    }
    add("Group", group);
    if (!asked.empty()) {
      add("Parameters set", Settings(asked[0]->parameters));
      add("Credentials set", Settings(asked[0]->credentials));
      if (asked[0]->interface) add("Interface", asked[0]->interface->text);
    }
    if (node.bundle) {
      add("Parameters", Names(node.bundle->parameters));
      add("Credentials", Names(node.bundle->credentials));
      add("Outputs", Names(node.bundle->outputs));
    }
    return facts;
  }

  static std::string OtherPaths(const Node& node) {
    std::vector<std::string> paths;
    for (const std::string& path : node.paths) {
      if (path == node.id) continue;
      if (paths.size() == kMostPathsShown) {
        paths.push_back(absl::StrCat("and ", node.paths.size() - kMostPathsShown - 1, " more"));
        break;
      }
      paths.push_back(path);
    }
    return absl::StrJoin(paths, ", ");
  }

  static void AddResolution(const Resolution& resolution,
                            std::vector<std::pair<std::string, std::string>>* facts) {
    const auto add = [&](std::string_view name, std::string value) {
      if (!value.empty()) facts->emplace_back(name, std::move(value));
    };
    add("Chosen by", absl::StrCat(resolution.by, ": ", resolution.reason));
    if (resolution.installation) add("Installation", InstallationText(*resolution.installation));
    add("Version", resolution.version);
    add("Tag", resolution.tag);
    add("Reference", resolution.reference);
    add("Digest", resolution.digest);
  }

  void AddEdge(const Edge& edge) {
    const bool is_wiring = edge.kind == Edge::Kind::kWiring;
    PictureEdge shown{.from = index_.at(edge.from), .to = index_.at(edge.to), .dashed = is_wiring};
    if (is_wiring) {
      shown.label = absl::StrCat(edge.field, ".", edge.name, " = ", edge.output);
      ++wires_;
    } else {
      shown.name = edge.alias;
      shown.label = edge.version;
    }
    picture_.edges.push_back(std::move(shown));
  }

  void AddNotes() {
    if (graph_.status == "unsatisfiable") picture_.notes.push_back("There is no solution.");
    for (const Explanation& step : graph_.explanation) {
      picture_.notes.push_back(
          step.because.empty()
              ? step.message
              : absl::StrCat(step.message, ": ", absl::StrJoin(step.because, "; ")));
      if (!step.hint.empty()) picture_.notes.push_back(absl::StrCat("Hint: ", step.hint));
    }
    for (const Diagnostic& diagnostic : graph_.diagnostics) {
      picture_.notes.push_back(
          absl::StrCat(SeverityName(diagnostic.severity), ": ", diagnostic.message));
    }
  }

  void AddSummary() {
    const auto count = [](size_t number, std::string_view one, std::string_view many) {
      return absl::StrCat(number, " ", number == 1 ? one : many);
    };
    std::vector<std::string> parts = {count(picture_.nodes.size(), "bundle", "bundles"),
                                      count(shared_, "shared", "shared"),
                                      count(wires_, "output passed on", "outputs passed on")};
    if (!graph_.status.empty()) parts.push_back(count(reused_, "reused", "reused"));
    picture_.summary = absl::StrJoin(parts, " · ");
  }

  const Graph& graph_;
  absl::flat_hash_map<std::string, std::vector<const Edge*>> asked_;  // By who is required.
  absl::flat_hash_map<std::string, size_t> index_;
  size_t shared_ = 0, reused_ = 0, wires_ = 0;
  Picture picture_;
};

}  // namespace

Picture PictureOf(const Graph& graph) { return PictureMaker(graph).Make(); }

std::string ShowGraph(const Graph& graph, std::string_view format, bool color) {
  if (format == "tree") return FormatTree(graph, color);
  const Picture picture = PictureOf(graph);
  if (format == "dot") return FormatDot(picture);
  if (format == "mermaid") return FormatMermaid(picture);
  if (format == "svg") return FormatSvg(picture);
  return FormatHtml(picture);
}

}  // namespace deps
