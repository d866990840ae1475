#include "lib/graph/cycle.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace deps {
namespace {

constexpr size_t kMostStarts = 1000;
// Of a cycle of more than both together so many at its beginning and its end are
// named.
constexpr size_t kEndsOfLong = 8;
constexpr size_t kLongId = 100;  // In bytes.
constexpr size_t kNone = std::numeric_limits<size_t>::max();

struct Step {
  size_t to = 0;
  const Edge* edge = nullptr;
};
using Steps = std::vector<std::vector<Step>>;

Steps StepsOf(const Graph& graph) {
  absl::flat_hash_map<std::string, size_t> index;
  for (size_t i = 0; i < graph.nodes.size(); ++i) index.emplace(graph.nodes[i].id, i);
  Steps steps(graph.nodes.size());
  for (const Edge& edge : graph.edges) {
    const auto from = index.find(edge.from);
    const auto to = index.find(edge.to);
    if (from == index.end() || to == index.end()) continue;
    steps[from->second].push_back({to->second, &edge});
  }
  return steps;
}

// Tarjan's algorithm with its own stack: graphs may be deep.
class Components {
 public:
  explicit Components(const Steps& steps)
      : steps_(steps), order_(steps.size(), kNone), low_(steps.size()), of_(steps.size(), kNone) {}

  // For each node the number of its component.
  std::vector<size_t> Find() {
    for (size_t i = 0; i < steps_.size(); ++i) {
      if (order_[i] == kNone) Visit(i);
    }
    return std::move(of_);
  }

 private:
  struct Frame {
    size_t node = 0;
    size_t next = 0;
  };

  void Enter(size_t node) {
    order_[node] = low_[node] = count_++;
    open_.push_back(node);
    frames_.push_back({node});
  }

  void Visit(size_t start) {
    Enter(start);
    while (!frames_.empty()) {
      Frame& frame = frames_.back();
      const size_t node = frame.node;
      if (frame.next < steps_[node].size()) {
        const size_t to = steps_[node][frame.next++].to;
        if (order_[to] == kNone) {
          Enter(to);
        } else if (of_[to] == kNone) {
          low_[node] = std::min(low_[node], order_[to]);
        }
        continue;
      }
      frames_.pop_back();
      if (!frames_.empty()) {
        size_t& above = low_[frames_.back().node];
        above = std::min(above, low_[node]);
      }
      if (low_[node] == order_[node]) Close(node);
    }
  }

  void Close(size_t root) {
    size_t node;
    do {
      node = open_.back();
      open_.pop_back();
      of_[node] = components_;
    } while (node != root);
    ++components_;
  }

  const Steps& steps_;
  std::vector<size_t> order_, low_, of_, open_;
  std::vector<Frame> frames_;
  size_t count_ = 0;
  size_t components_ = 0;
};

// Breadth first from `start` within its component until it comes back; empty
// where that takes `limit` steps or more.
std::vector<const Edge*> CycleThrough(const Steps& steps, const std::vector<size_t>& component,
                                      size_t start, size_t limit) {
  absl::flat_hash_map<size_t, std::pair<size_t, const Edge*>> reached;  // From where, by what.
  std::vector<size_t> level = {start};
  for (size_t length = 1; length < limit && !level.empty(); ++length) {
    std::vector<size_t> next;
    for (const size_t node : level) {
      for (const Step& step : steps[node]) {
        if (component[step.to] != component[start]) continue;
        if (step.to == start) {
          std::vector<const Edge*> edges = {step.edge};
          for (size_t at = node; at != start; at = reached.at(at).first) {
            edges.push_back(reached.at(at).second);
          }
          std::reverse(edges.begin(), edges.end());
          return edges;
        }
        if (reached.try_emplace(step.to, node, step.edge).second) next.push_back(step.to);
      }
    }
    level = std::move(next);
  }
  return {};
}

bool TellApart(const std::vector<std::string>& names) {
  return std::set<std::string>(names.begin(), names.end()).size() == names.size();
}

// Of the nodes from which the edges go, as short as they can be told apart.
std::vector<std::string> NamesOf(const Graph& graph, const std::vector<const Edge*>& edges) {
  std::vector<std::string> aliases, ids, bundles;
  bool ids_are_short = true;
  for (const Edge* edge : edges) {
    const Node* node = graph.Find(edge->from);
    ids.push_back(edge->from);
    aliases.push_back(node == nullptr || node->alias.empty() ? edge->from : node->alias);
    bundles.push_back(node == nullptr || !node->bundle ? "" : node->bundle->name);
    ids_are_short &= edge->from.size() <= kLongId;
  }
  if (TellApart(aliases)) return aliases;
  if (!ids_are_short && TellApart(bundles)) return bundles;
  for (std::string& id : ids) {
    if (id.size() <= kLongId) continue;
    const size_t step = id.find('/', id.size() - kLongId);
    if (step != std::string::npos) id = absl::StrCat("…", id.substr(step));
  }
  return ids;
}

}  // namespace

std::vector<Cycle> ShortestCycles(const Graph& graph) {
  const Steps steps = StepsOf(graph);
  const std::vector<size_t> component = Components(steps).Find();
  std::vector<std::vector<size_t>> members(graph.nodes.size());
  for (size_t i = 0; i < component.size(); ++i) members[component[i]].push_back(i);
  std::vector<std::pair<size_t, Cycle>> found;
  for (const std::vector<size_t>& nodes : members) {
    Cycle best;
    size_t begin = 0;
    for (size_t i = 0; i < std::min(nodes.size(), kMostStarts); ++i) {
      const size_t limit = best.edges.empty() ? kNone : best.edges.size();
      std::vector<const Edge*> edges = CycleThrough(steps, component, nodes[i], limit);
      if (edges.empty()) continue;
      best.edges = std::move(edges);
      begin = nodes[i];
      if (best.edges.size() <= 2) break;
    }
    if (!best.edges.empty()) found.emplace_back(begin, std::move(best));
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Cycle> cycles;
  for (auto& [begin, cycle] : found) cycles.push_back(std::move(cycle));
  return cycles;
}

std::string FormatCycle(const Graph& graph, const Cycle& cycle) {
  std::vector<const Edge*> shown = cycle.edges;
  size_t more = 0;
  if (shown.size() > 2 * kEndsOfLong) {
    more = shown.size() - 2 * kEndsOfLong;
    shown.erase(shown.begin() + kEndsOfLong, shown.end() - kEndsOfLong);
  }
  std::vector<std::string> names = NamesOf(graph, shown);
  names.push_back(names.front());
  if (more > 0) names.insert(names.begin() + kEndsOfLong, absl::StrCat("… ", more, " more …"));
  return absl::StrJoin(names, " -> ");
}

}  // namespace deps
