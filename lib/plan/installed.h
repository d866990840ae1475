// What is installed already, where the planner was told.
#ifndef DEPS_LIB_PLAN_INSTALLED_H_
#define DEPS_LIB_PLAN_INSTALLED_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/model/installation.h"

namespace deps {

// "cnab-deps.uses.ALIAS" = "NAMESPACE/NAME": a label of what uses an
// installation that others may use too.
inline constexpr std::string_view kUsesLabelPrefix = "cnab-deps.uses.";
// A digest of all that an installation was given when it was last changed.
inline constexpr std::string_view kInputsLabel = "cnab-deps.inputs";

// Keeps pointers to the installations, which must outlive it.
class InstalledState {
 public:
  explicit InstalledState(const std::optional<std::vector<Installation>>& installations);

  // Whether anything is known at all.
  bool known() const { return known_; }
  // nullptr where there is no record of it.
  const Installation* Find(const InstallationName& name) const;
  // nullptr where it is not installed.
  const Installation* Installed(const InstallationName& name) const;
  // What is installed and uses it: has a label that says so, or is the parent
  // that it was installed for. By name.
  std::set<InstallationName> UsersOf(const InstallationName& name) const;
  // What is installed, and was installed for it. By name.
  std::set<InstallationName> MadeFor(const InstallationName& name) const;

 private:
  void Note(const Installation& installation);

  bool known_ = false;
  std::map<InstallationName, const Installation*> by_name_;
  std::map<std::string, std::set<InstallationName>, std::less<>> users_;  // By display name.
  std::map<std::string, std::set<InstallationName>, std::less<>> made_for_;
};

}  // namespace deps

#endif  // DEPS_LIB_PLAN_INSTALLED_H_
