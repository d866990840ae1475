#include "lib/plan/naming.h"

#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/model/installation.h"

namespace deps {
namespace {

class Namer {
 public:
  Namer(const NodeTable& table, const InstallationName& root) : table_(table), root_(root) {}

  std::map<std::string, PlannedInstallation> Run() {
    Keep(table_.root().id, {root_, {}});
    for (const Node& node : table_.graph().nodes) {
      if (node.resolution && node.resolution->installation) {
        Keep(node.id, {*node.resolution->installation, {}});
      }
    }
    for (const Node& node : table_.graph().nodes) Name(node);
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
    PlannedInstallation installation;
    if (table_.IsShared(node)) {
      const std::string& group = edges.front()->sharing->group;
      installation.labels[std::string(kSharingGroupLabel)] = group;
      installation.name = Free(node.alias, group);
    } else {
      const Node* parent = table_.Find(edges.front()->from);
      if (parent != nullptr) Name(*parent);
      const InstallationName& owner = names_[edges.front()->from].name;
      installation.labels[std::string(kParentInstallationLabel)] = DisplayName(owner);
      installation.name = Free(absl::StrCat(owner.name, "-", node.alias), "");
    }
    Keep(node.id, std::move(installation));
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
  std::map<std::string, PlannedInstallation> names_;
  std::set<InstallationName> taken_;
  std::set<std::string> visited_;
};

}  // namespace

std::map<std::string, PlannedInstallation> NameInstallations(const NodeTable& table,
                                                             const InstallationName& root) {
  return Namer(table, root).Run();
}

std::string DisplayName(const InstallationName& name) {
  return absl::StrCat(name.name_space, "/", name.name);
}

}  // namespace deps
