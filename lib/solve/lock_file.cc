#include "lib/solve/lock_file.h"

#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/oci/reference.h"

namespace deps {
namespace {

// The range of the first edge that requires each node.
std::map<std::string, std::string> Ranges(const Graph& solution) {
  std::map<std::string, std::string> ranges;
  for (const Edge& edge : solution.edges) {
    if (edge.kind == Edge::Kind::kRequires) ranges.emplace(edge.to, edge.version);
  }
  return ranges;
}

std::string Describe(const LockedNode& node) {
  if (node.installation) {
    return absl::StrCat("the installation ", node.installation->name_space, "/",
                        node.installation->name);
  }
  const std::string tag = node.tag.empty() ? "" : absl::StrCat(":", node.tag);
  return absl::StrCat(node.repository, tag, "@", node.digest);
}

}  // namespace

Lock LockOf(const Graph& solution, const Lock& before) {
  Lock lock;
  std::map<std::string, std::string> ranges = Ranges(solution);
  for (const Node& node : solution.nodes) {
    if (node.id == solution.root || !node.resolution) continue;
    const Resolution& resolution = *node.resolution;
    LockedNode& locked = lock.nodes[node.id];
    if (resolution.installation) {
      const auto known = before.nodes.find(node.id);
      if (known != before.nodes.end() && !resolution.digest.empty() &&
          known->second.digest == resolution.digest) {
        locked = known->second;
        continue;
      }
      locked.installation = resolution.installation;
      continue;
    }
    if (const auto reference = Reference::Parse(resolution.reference); reference.ok()) {
      locked.repository = reference->Repository();
    }
    locked.constraint = ranges[node.id];
    locked.version = resolution.version;
    locked.tag = resolution.tag;
    locked.digest = resolution.digest;
  }
  return lock;
}

absl::Status Tampered(const Contender& locked, const std::string& digest) {
  const absl::StatusOr<Reference> repository = Reference::Parse(locked.repository);
  const std::string name = repository.ok() ? repository->FamiliarRepository() : locked.repository;
  return MakeError({.id = DiagnosticId::kLockTampered,
                    .message = absl::StrCat(name, ":", locked.tag, " was locked as ", locked.digest,
                                            ", and the tag now leads to ", digest),
                    .hint = "find out who replaced it; --upgrade=NODE accepts what is there now"});
}

std::vector<Diagnostic> Differences(const Lock& locked, const Lock& now) {
  std::vector<Diagnostic> differences;
  const auto add = [&](std::string message) {
    differences.push_back({.id = DiagnosticId::kLockDiffers, .message = std::move(message)});
  };
  std::set<std::string> ids;
  for (const auto& [id, node] : locked.nodes) ids.insert(id);
  for (const auto& [id, node] : now.nodes) ids.insert(id);
  for (const std::string& id : ids) {
    const auto before = locked.nodes.find(id);
    const auto after = now.nodes.find(id);
    if (before == locked.nodes.end()) {
      add(absl::StrCat(id, " is not in the lock; it would be ", Describe(after->second)));
    } else if (after == now.nodes.end()) {
      add(absl::StrCat(id, " is in the lock and no longer needed"));
    } else if (!(before->second == after->second)) {
      const std::string old = Describe(before->second);
      const std::string fresh = Describe(after->second);
      add(old == fresh ? absl::StrCat(id, " is locked for \"", before->second.constraint,
                                      "\" and now asked for in \"", after->second.constraint, "\"")
                       : absl::StrCat(id, " is locked to ", old, " and would be ", fresh));
    }
  }
  return differences;
}

}  // namespace deps
