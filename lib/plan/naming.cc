#include "lib/plan/naming.h"

#include <set>
#include <vector>

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
      taken_.insert(chosen_[id]);
    }
  }

  std::map<std::string, PlannedInstallation> Run() {
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
  void Keep(const std::string& id, PlannedInstallation installation) {
    taken_.insert(installation.name);
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
    if (taken_.count(candidate) == 0) return candidate;
    const std::string stem = group.empty() ? name : absl::StrCat(name, "-", group);
    candidate.name = stem;
    for (int number = 2; taken_.count(candidate) > 0; ++number) {
      candidate.name = absl::StrCat(stem, "-", number);
    }
    return candidate;
  }

  const NodeTable& table_;
  const InstallationName root_;
  std::map<std::string, InstallationName> chosen_;
  std::map<std::string, PlannedInstallation> names_;
  std::set<InstallationName> taken_;
  std::set<std::string> visited_;
};

}  // namespace

std::map<std::string, PlannedInstallation> NameInstallations(
    const NodeTable& table, const InstallationName& root,
    const std::map<std::string, std::string>& chosen) {
  return Namer(table, root, chosen).Run();
}

std::string DisplayName(const InstallationName& name) {
  return absl::StrCat(name.name_space, "/", name.name);
}

}  // namespace deps
