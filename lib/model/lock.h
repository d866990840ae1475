// The document Lock (deps-solve --lock).
#ifndef DEPS_LIB_MODEL_LOCK_H_
#define DEPS_LIB_MODEL_LOCK_H_

#include <map>
#include <optional>
#include <string>

#include "lib/model/graph.h"

namespace deps {

// Either a bundle (repository … digest) or an installation.
struct LockedNode {
  std::string repository;
  std::string constraint;
  std::string version;
  std::string tag;
  std::string digest;
  std::optional<InstallationName> installation;
  bool operator==(const LockedNode&) const = default;
};

struct Lock {
  std::map<std::string, LockedNode> nodes;  // By node id; without root.
  bool operator==(const Lock&) const = default;
};

std::string FormatLock(const Lock& lock);
absl::StatusOr<Lock> ParseLock(const Source& source);

}  // namespace deps

#endif  // DEPS_LIB_MODEL_LOCK_H_
