// The plans that an engine is tried with. Private to this package.
#ifndef DEPS_LIB_ENGINE_CONFORMANCE_PLANS_H_
#define DEPS_LIB_ENGINE_CONFORMANCE_PLANS_H_

#include <map>
#include <string>
#include <vector>

#include "lib/engine/conformance.h"
#include "lib/model/plan.h"

namespace deps {

struct TrialTask {
  std::string id;
  std::string what;        // "say", "fail", "sleep"
  std::string word;        // What "say" says.
  std::string takes = {};  // The task whose word it says after its own.
  std::vector<std::string> needs = {};
};

// `name` is that of the root's installation: runs of several plans may overlap.
Plan TrialPlan(const std::string& name, const std::vector<TrialTask>& tasks,
               const ConformanceOptions& options);

// first says "one"; second says "two" after it; root says "three" after that.
std::vector<TrialTask> ChainOfThree();

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_CONFORMANCE_PLANS_H_
