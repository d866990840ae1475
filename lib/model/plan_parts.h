// A plan in parts: for those that do not have all of it at once. Private to this
// package.
#ifndef DEPS_LIB_MODEL_PLAN_PARTS_H_
#define DEPS_LIB_MODEL_PLAN_PARTS_H_

#include <string>
#include <string_view>

#include "lib/digest/sha256.h"
#include "lib/model/plan.h"

namespace deps {

// PlanDigest, of a plan whose tasks come one after the other.
class PlanDigester {
 public:
  // `head` must outlive it; its tasks and digest do not matter.
  explicit PlanDigester(const Plan& head);
  void Add(const PlannedTask& task);
  // The canonical texts of some, with commas between them.
  void Add(std::string_view tasks);
  std::string Finish();

 private:
  // Those that come before "tasks" in the canonical order, or after it.
  void UpdateWithMembers(bool before_tasks);

  const Plan& head_;
  // The canonical text goes by in pieces: that of a large plan takes longer to be
  // kept than to be made.
  Sha256 digest_;
  bool is_first_ = true;
};

}  // namespace deps

#endif  // DEPS_LIB_MODEL_PLAN_PARTS_H_
