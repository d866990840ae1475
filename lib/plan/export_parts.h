// What all exports of a plan are made of.
#ifndef DEPS_LIB_PLAN_EXPORT_PARTS_H_
#define DEPS_LIB_PLAN_EXPORT_PARTS_H_

#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "lib/model/plan.h"

namespace deps {

// In single quotes for sh.
std::string ShellQuoted(const std::string& text);

// The plan's document in base64, in lines of 76 letters.
std::vector<std::string> EncodedPlan(const Plan& plan);

// Errors: document-value where an id holds control characters.
absl::Status CheckIds(const Plan& plan);

// The references to secrets that each task resolves.
class SecretsOfTasks {
 public:
  explicit SecretsOfTasks(const Plan& plan);
  // Sorted; those of the parameters and credentials of others that it takes
  // included. Time: O(sources that it leads to).
  std::set<std::string> Of(const PlannedTask& task) const;

 private:
  using Seen = std::set<const ValueSource*>;
  void Add(const ValueSource& source, Seen* seen, std::set<std::string>* secrets) const;

  absl::flat_hash_map<std::string, const PlannedTask*> tasks_;
};

}  // namespace deps

#endif  // DEPS_LIB_PLAN_EXPORT_PARTS_H_
