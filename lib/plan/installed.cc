#include "lib/plan/installed.h"

#include "absl/strings/match.h"
#include "lib/plan/naming.h"

namespace deps {

InstalledState::InstalledState(const std::optional<std::vector<Installation>>& installations)
    : known_(installations.has_value()) {
  if (!known_) return;
  for (const Installation& installation : *installations) {
    by_name_[installation.name] = &installation;
  }
  for (const auto& [name, installation] : by_name_) {
    if (installation->IsInstalled()) Note(*installation);
  }
}

void InstalledState::Note(const Installation& installation) {
  for (const auto& [label, value] : installation.labels) {
    if (absl::StartsWith(label, kUsesLabelPrefix)) users_[value].insert(installation.name);
    if (label == kParentInstallationLabel) made_for_[value].insert(installation.name);
  }
}

const Installation* InstalledState::Find(const InstallationName& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

const Installation* InstalledState::Installed(const InstallationName& name) const {
  const Installation* found = Find(name);
  return found != nullptr && found->IsInstalled() ? found : nullptr;
}

std::set<InstallationName> InstalledState::UsersOf(const InstallationName& name) const {
  std::set<InstallationName> users;
  const auto found = users_.find(DisplayName(name));
  if (found != users_.end()) users = found->second;
  const Installation* const installation = Find(name);
  if (installation == nullptr) return users;
  const auto parent = installation->labels.find(std::string(kParentInstallationLabel));
  if (parent == installation->labels.end()) return users;
  const size_t slash = parent->second.find('/');
  if (slash == std::string::npos) return users;
  const InstallationName owner{parent->second.substr(0, slash), parent->second.substr(slash + 1)};
  if (Installed(owner) != nullptr) users.insert(owner);
  return users;
}

std::set<InstallationName> InstalledState::MadeFor(const InstallationName& name) const {
  const auto found = made_for_.find(DisplayName(name));
  return found == made_for_.end() ? std::set<InstallationName>() : found->second;
}

}  // namespace deps
