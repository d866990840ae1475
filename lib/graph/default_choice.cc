#include "lib/graph/default_choice.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/oci/reference.h"
#include "lib/semver/semver.h"

namespace deps {
namespace {

// What requirements of one node differ in, as far as versions go.
struct Demand {
  std::string reference;
  std::string range_text;
  bool prereleases = false;
  bool pinned = false;  // The reference has a tag or digest.
  Range range = {};
};

bool InRange(const Demand& demand, const Version& version) {
  return demand.range.Contains(version, demand.prereleases);
}

bool InAllRanges(const std::vector<Demand>& demands, const Version& version) {
  return std::all_of(demands.begin(), demands.end(),
                     [&](const Demand& demand) { return InRange(demand, version); });
}

class DefaultChoice {
 public:
  DefaultChoice(Catalog& catalog, const std::vector<const Requirement*>& requirements)
      : catalog_(catalog), requirements_(requirements) {}

  // A reference to ask for; nullopt where nothing is in range, which is told.
  absl::StatusOr<std::optional<std::string>> Find() {
    DEPS_RETURN_IF_ERROR(ReadDemands());
    if (demands_.empty()) return std::nullopt;  // Only interfaces.
    if (demands_.size() == 1 && demands_[0].pinned) return demands_[0].reference;
    DEPS_ASSIGN_OR_RETURN(std::optional<std::string> pinned, BestPinned());
    if (pinned) return pinned;
    return HighestInRange();
  }

  std::vector<Diagnostic> TakeDiagnostics() { return std::move(diagnostics_); }

 private:
  absl::Status ReadDemands() {
    std::set<std::tuple<std::string, std::string, bool>> seen;
    for (const Requirement* requirement : requirements_) {
      const Dependency& dependency = requirement->dependency;
      if (dependency.reference.empty()) continue;
      if (!seen.emplace(dependency.reference, dependency.version, dependency.prereleases).second) {
        continue;
      }
      DEPS_ASSIGN_OR_RETURN(const Reference reference, Reference::Parse(dependency.reference));
      Demand demand{.reference = dependency.reference,
                    .range_text = dependency.version,
                    .prereleases = dependency.prereleases,
                    .pinned = !reference.tag().empty() || !reference.digest().empty()};
      DEPS_ASSIGN_OR_RETURN(demand.range, Range::Parse(dependency.version));
      demands_.push_back(std::move(demand));
    }
    return absl::OkStatus();
  }

  // Of the references that name one bundle the highest that is in all ranges.
  absl::StatusOr<std::optional<std::string>> BestPinned() {
    std::optional<std::pair<Version, std::string>> best;
    std::optional<std::string> only;  // One reference whose version says nothing.
    for (const Demand& demand : demands_) {
      if (!demand.pinned) continue;
      DEPS_ASSIGN_OR_RETURN(const std::optional<Version> version, VersionOf(demand.reference));
      if (!version) {
        only = demand.reference;
      } else if (InAllRanges(demands_, *version)) {
        // A higher version first, then the spelling, whatever the order of asking.
        if (!best || *version > best->first ||
            (*version == best->first && demand.reference < best->second)) {
          best = {*version, demand.reference};
        }
      }
    }
    if (best) return best->second;
    const bool any_will_do =
        std::all_of(demands_.begin(), demands_.end(),
                    [](const Demand& demand) { return demand.range_text.empty(); });
    if (only && any_will_do) return only;
    return std::nullopt;
  }

  // By the tag where it is a version, else by what the bundle says.
  absl::StatusOr<std::optional<Version>> VersionOf(const std::string& text) {
    DEPS_ASSIGN_OR_RETURN(const Reference reference, Reference::Parse(text));
    if (const std::optional<VersionTag> tag = ParseVersionTag(reference.tag())) return tag->version;
    DEPS_ASSIGN_OR_RETURN(const std::shared_ptr<const BundleDefinition> bundle, catalog_.Get(text));
    const absl::StatusOr<Version> version = Version::Parse(bundle->bundle.version);
    if (!version.ok()) return std::nullopt;
    return *version;
  }

  absl::StatusOr<std::optional<std::string>> HighestInRange() {
    DEPS_ASSIGN_OR_RETURN(const Reference reference, Reference::Parse(demands_[0].reference));
    const std::string repository = reference.FamiliarRepository();
    DEPS_ASSIGN_OR_RETURN(const std::vector<std::string> tags, catalog_.Tags(repository));
    if (tags.empty()) {
      return MakeError({.id = DiagnosticId::kRegistryNotFound,
                        .message = absl::StrCat("'", repository, "' has no tags")});
    }
    std::optional<VersionTag> best;
    bool has_versions = false;
    for (const std::string& text : tags) {
      const std::optional<VersionTag> tag = ParseVersionTag(text);
      if (!tag) continue;
      has_versions = true;
      if (InAllRanges(demands_, tag->version) && (!best || BetterTag(*tag, *best))) best = tag;
    }
    if (best) return absl::StrCat(repository, ":", best->tag);
    const bool any = demands_.size() == 1 && demands_[0].range_text.empty();
    if (any && !has_versions && std::binary_search(tags.begin(), tags.end(), "latest")) {
      return absl::StrCat(repository, ":latest");
    }
    TellNoVersion(repository);
    return std::nullopt;
  }

  void TellNoVersion(const std::string& repository) {
    std::set<std::string> ranges;
    for (const Demand& demand : demands_) {
      if (demand.range_text.empty()) continue;
      ranges.insert(absl::StrCat("'", demand.range_text, "'"));
    }
    const std::string what =
        ranges.empty() ? "a release"
                       : absl::StrCat("in ", ranges.size() == 1 ? "range " : "all of the ranges ",
                                      absl::StrJoin(ranges, ", "));
    diagnostics_.push_back({.id = DiagnosticId::kGraphNoVersion,
                            .severity = Severity::kWarning,
                            .message = absl::StrCat("no version of '", repository, "' is ", what)});
  }

  Catalog& catalog_;
  const std::vector<const Requirement*>& requirements_;
  std::vector<Demand> demands_;
  std::vector<Diagnostic> diagnostics_;
};

// The first that asks for `reference`, where one does, or for a version.
Location WhereAsked(const std::vector<const Requirement*>& requirements,
                    const absl::StatusOr<std::optional<std::string>>& reference,
                    bool about_version) {
  for (const Requirement* requirement : requirements) {
    const Dependency& dependency = requirement->dependency;
    if (about_version && !dependency.version.empty()) return dependency.PlaceOf("/version");
    if (reference.ok() && *reference && dependency.reference == **reference) {
      return dependency.PlaceOf("/bundle");
    }
  }
  return requirements[0]->dependency.PlaceOf("/bundle");
}

}  // namespace

NodeChoice ChooseDefault(Catalog& catalog, const std::vector<const Requirement*>& requirements,
                         bool keep_going) {
  NodeChoice choice;
  DefaultChoice finder(catalog, requirements);
  absl::Status status;
  const absl::StatusOr<std::optional<std::string>> reference = finder.Find();
  choice.diagnostics = finder.TakeDiagnostics();
  if (!reference.ok()) {
    status = reference.status();
  } else if (*reference) {
    absl::StatusOr<std::shared_ptr<const BundleDefinition>> bundle = catalog.Get(**reference);
    if (bundle.ok()) {
      choice.bundle = *std::move(bundle);
    } else {
      status = bundle.status();
    }
  }
  for (Diagnostic& diagnostic : DiagnosticsOf(status)) {
    const DiagnosticClass kind = InfoOf(diagnostic.id).diagnostic_class;
    if (keep_going && kind == DiagnosticClass::kEnvironment) {
      diagnostic.severity = Severity::kWarning;
    }
    choice.diagnostics.push_back(std::move(diagnostic));
  }
  for (Diagnostic& diagnostic : choice.diagnostics) {
    if (diagnostic.location.file.empty()) {
      const bool about_version = diagnostic.id == DiagnosticId::kGraphNoVersion;
      diagnostic.location = WhereAsked(requirements, reference, about_version);
    }
  }
  return choice;
}

}  // namespace deps
