#include "lib/plan/naming.h"

#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "lib/model/installation.h"
#include "lib/plan/installed.h"

namespace deps {
namespace {

class Namer {
 public:
  Namer(const NodeTable& table, const InstallationName& root,
        const std::map<std::string, std::string>& chosen)
      : table_(table),
        root_(root),
        names_(table.graph().nodes.size()),
        visited_(table.graph().nodes.size()) {
    taken_.reserve(names_.size());
    for (const auto& [id, name] : chosen) {
      chosen_[id] = {root.name_space, name};
      Take(chosen_[id]);
    }
  }

  Installations Run() {
    Take(root_);
    Keep(table_.root(), {root_, {}});
    for (const Node& node : table_.graph().nodes) {
      if (IsReused(node)) {
        Keep(node, {*node.resolution->installation, {}});
      }
    }
    for (const Node& node : table_.graph().nodes) Name(node);
    for (const Node& node : table_.graph().nodes) LabelUses(node);
    return std::move(names_);
  }

 private:
  // The name stays where it is.
  void Take(const InstallationName& name) { taken_.emplace(name.name_space, name.name); }

  bool IsTaken(const InstallationName& name) const {
    return taken_.count({name.name_space, name.name}) > 0;
  }

  void Keep(const Node& node, PlannedInstallation installation) {
    visited_[table_.IndexOf(node)] = true;
    PlannedInstallation& kept = NameOf(node);
    kept = std::move(installation);
    Take(kept.name);
  }

  PlannedInstallation& NameOf(const Node& node) { return names_[table_.IndexOf(node)]; }

  // A parent is named before what belongs to it alone.
  void Name(const Node& node) {
    if (visited_[table_.IndexOf(node)]) return;
    visited_[table_.IndexOf(node)] = true;
    const absl::Span<const Edge* const> edges = table_.RequiredBy(node);
    const Node& parent = table_.From(*edges.front());
    Name(parent);
    const InstallationName& owner = NameOf(parent).name;
    PlannedInstallation installation;
    installation.labels[std::string(kParentInstallationLabel)] = DisplayName(owner);
    const auto chosen = chosen_.find(node.id);
    const std::string group = table_.IsShared(node) ? edges.front()->sharing->group : "";
    if (table_.IsShared(node)) installation.labels[std::string(kSharingGroupLabel)] = group;
    if (chosen != chosen_.end()) {
      installation.name = chosen->second;
    } else if (table_.IsShared(node)) {
      installation.name = Free(node.alias, group);
    } else {
      installation.name = Free(absl::StrCat(owner.name, "-", node.alias), "");
    }
    Keep(node, std::move(installation));
  }

  // What is one's own has a label that says whose it is.
  void LabelUses(const Node& node) {
    if (IsReused(node)) return;
    for (const Edge* edge : table_.RequiresOf(node)) {
      const Node& used = table_.To(*edge);
      if (!IsReused(used) && !table_.IsShared(used)) continue;
      NameOf(node).labels[absl::StrCat(std::string(kUsesLabelPrefix), edge->alias)] =
          DisplayName(NameOf(used).name);
    }
  }

  InstallationName Free(const std::string& name, const std::string& group) const {
    InstallationName candidate{root_.name_space, name};
    if (!IsTaken(candidate)) return candidate;
    const std::string stem = group.empty() ? name : absl::StrCat(name, "-", group);
    candidate.name = stem;
    for (int number = 2; IsTaken(candidate); ++number) {
      candidate.name = absl::StrCat(stem, "-", number);
    }
    return candidate;
  }

  const NodeTable& table_;
  const InstallationName root_;
  std::map<std::string, InstallationName> chosen_;
  Installations names_;
  absl::flat_hash_set<std::pair<std::string_view, std::string_view>> taken_;
  std::vector<bool> visited_;  // By place.
};

}  // namespace

Installations NameInstallations(const NodeTable& table, const InstallationName& root,
                                const std::map<std::string, std::string>& chosen) {
  return Namer(table, root, chosen).Run();
}

std::string DisplayName(const InstallationName& name) {
  return absl::StrCat(name.name_space, "/", name.name);
}

}  // namespace deps
