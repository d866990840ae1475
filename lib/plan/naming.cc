#include "lib/plan/naming.h"

#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "lib/model/installation.h"
#include "lib/plan/installed.h"

namespace deps {
namespace {

class Namer {
 public:
  Namer(const NodeTable& table, const InstallationName& root,
        const std::map<std::string, std::string>& chosen)
      : table_(table), root_(root) {
    for (const auto& [id, name] : chosen) {
      chosen_[id] = {root.name_space, name};
      Take(chosen_[id]);
    }
  }

  Installations Run() {
    Keep(table_.root().id, {root_, {}});
    for (const Node& node : table_.graph().nodes) {
      if (node.resolution && node.resolution->installation) {
        Keep(node.id, {*node.resolution->installation, {}});
      }
    }
    for (const Node& node : table_.graph().nodes) Name(node);
    for (const Node& node : table_.graph().nodes) LabelUses(node);
    return std::move(names_);
  }

 private:
  void Take(const InstallationName& name) { taken_.emplace(name.name_space, name.name); }

  bool IsTaken(const InstallationName& name) const {
    return taken_.count({name.name_space, name.name}) > 0;
  }

  void Keep(const std::string& id, PlannedInstallation installation) {
    Take(installation.name);
    names_.emplace(id, std::move(installation));
  }

  // A parent is named before what belongs to it alone.
  void Name(const Node& node) {
    if (names_.count(node.id) > 0 || !visited_.insert(node.id).second) return;
    const std::vector<const Edge*>& edges = table_.RequiredBy(node.id);
    if (edges.empty()) return;
    const Node* parent = table_.Find(edges.front()->from);
    if (parent != nullptr) Name(*parent);
    const InstallationName& owner = names_[edges.front()->from].name;
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
    Keep(node.id, std::move(installation));
  }

  // What is one's own has a label that says whose it is.
  void LabelUses(const Node& node) {
    if (node.resolution && node.resolution->installation) return;
    for (const Edge* edge : table_.RequiresOf(node.id)) {
      const Node& used = *table_.Find(edge->to);
      const bool reused = used.resolution && used.resolution->installation;
      if (!reused && !table_.IsShared(used)) continue;
      names_[node.id].labels[absl::StrCat(std::string(kUsesLabelPrefix), edge->alias)] =
          DisplayName(names_[used.id].name);
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
  absl::flat_hash_set<std::pair<std::string, std::string>> taken_;
  absl::flat_hash_set<std::string_view> visited_;
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
