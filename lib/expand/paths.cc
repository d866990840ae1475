#include "lib/expand/paths.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace deps {
namespace {

constexpr size_t kMostPaths = 1000;    // Of one node.
constexpr size_t kAllPaths = 1000000;  // Of a graph, before less are kept of each node.
constexpr size_t kFewPaths = 8;

bool Before(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

struct Order {
  std::vector<size_t> nodes;                      // Parents first; incomplete with a cycle.
  std::vector<std::vector<const PathStep*>> out;  // By parent.
};

Order OrderOf(size_t count, const std::vector<PathStep>& steps) {
  Order order{.out = std::vector<std::vector<const PathStep*>>(count)};
  std::vector<size_t> open(count, 0);
  for (const PathStep& step : steps) {
    order.out[step.from].push_back(&step);
    ++open[step.to];
  }
  for (size_t i = 0; i < count; ++i) {
    if (open[i] == 0) order.nodes.push_back(i);
  }
  for (size_t next = 0; next < order.nodes.size(); ++next) {
    for (const PathStep* step : order.out[order.nodes[next]]) {
      if (--open[step->to] == 0) order.nodes.push_back(step->to);
    }
  }
  return order;
}

// How many paths of each node may be kept.
size_t LimitFor(const Order& order) {
  std::vector<size_t> counts(order.out.size(), 0);
  counts[0] = 1;
  size_t all = 0;
  for (const size_t node : order.nodes) {
    counts[node] = std::min(counts[node], kMostPaths);
    all += counts[node];
    for (const PathStep* step : order.out[node]) {
      counts[step->to] = std::min(counts[step->to] + counts[node], kMostPaths);
    }
  }
  return all > kAllPaths ? kFewPaths : kMostPaths;
}

}  // namespace

std::vector<NodePaths> PathsOf(const std::vector<std::string>& first_paths,
                               const std::vector<PathStep>& steps) {
  std::vector<NodePaths> result(first_paths.size());
  const Order order = OrderOf(first_paths.size(), steps);
  if (order.nodes.size() != first_paths.size()) {
    for (size_t i = 0; i < first_paths.size(); ++i) result[i].paths = {first_paths[i]};
    return result;
  }
  const size_t limit = LimitFor(order);
  result[0].paths = {first_paths[0]};
  for (const size_t node : order.nodes) {
    std::vector<std::string>& paths = result[node].paths;
    std::sort(paths.begin(), paths.end(), Before);
    if (paths.size() > limit) {
      paths.resize(limit);
      result[node].cut = true;
    }
    for (const PathStep* step : order.out[node]) {
      NodePaths& target = result[step->to];
      target.cut |= result[node].cut;
      for (const std::string& path : paths) {
        target.paths.push_back(absl::StrCat(path, "/", step->alias));
      }
    }
  }
  return result;
}

}  // namespace deps
