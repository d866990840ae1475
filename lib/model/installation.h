// Porter's installation document (storage schema 1.0.2), as far as dependency
// resolution reads it and deps-run writes it.
#ifndef DEPS_LIB_MODEL_INSTALLATION_H_
#define DEPS_LIB_MODEL_INSTALLATION_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"
#include "lib/model/graph.h"

namespace deps {

inline constexpr std::string_view kSharingGroupLabel = "sh.porter.SharingGroup";
inline constexpr std::string_view kParentInstallationLabel = "sh.porter.parentInstallation";

struct Installation {
  std::string id;  // ULID
  InstallationName name;
  bool uninstalled = false;  // Desired state.
  // The bundle: repository and one of version, digest, tag.
  std::string repository;
  std::string version;
  std::string digest;
  std::string tag;
  std::map<std::string, std::string> labels;
  // PEP003's own member; Porter's documents have the label instead, see Group.
  std::optional<Sharing> sharing;
  // Status: of the last run that modified it. Times are RFC 3339; "" is never.
  std::string run_id;
  std::string action;
  std::string result_status;
  std::string created;
  std::string modified;
  std::string installed_at;
  std::string uninstalled_at;
  std::string bundle_reference;
  std::string bundle_version;
  std::string bundle_digest;
  // Names of the outputs that it has. Porter's documents carry none unless
  // `_calculated` or our own member "outputs" tells; see outputs_known.
  std::vector<std::string> outputs;
  bool outputs_known = false;
  bool operator==(const Installation&) const = default;

  // Porter's rule: installed once, and not uninstalled since. An upgrade or an
  // uninstall that failed changes nothing about that.
  bool IsInstalled() const;

  // The sharing group that it may be reused in; nullopt where it is another's
  // own. `sharing` decides where it is there, then the label; without both it
  // is of the group "" unless a parent made it for itself.
  std::optional<std::string> Group() const;

  // "dev/mysql", and "/mysql" in the global namespace, as Porter shows it.
  std::string DisplayName() const;
};

// One document as JSON (pretty has no meaning for an element of an array).
json::Value InstallationToJson(const Installation& installation);
// A JSON array of them, sorted by namespace and name.
std::string FormatInstallations(const std::vector<Installation>& installations,
                                json::Style style = json::Style::kPretty);
// An array, one document, or one a line (JSON lines), as `porter installations list
// -o json` prints. Members that are not read here are ignored.
absl::StatusOr<std::vector<Installation>> ParseInstallations(const Source& source);

}  // namespace deps

#endif  // DEPS_LIB_MODEL_INSTALLATION_H_
