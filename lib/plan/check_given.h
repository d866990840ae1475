// What a plan relies on in what it is made from. Private to this package.
#ifndef DEPS_LIB_PLAN_CHECK_GIVEN_H_
#define DEPS_LIB_PLAN_CHECK_GIVEN_H_

#include <string>

#include "absl/status/status.h"
#include "lib/plan/node_table.h"

namespace deps {

// Whether sensitive outputs can be put into `sink`, PlanOptions::sink: not every
// provider takes what a bundle writes. Errors: usage, plan-sink.
absl::Status CheckSink(const std::string& sink);

// There are an answer, a root, a bundle or an installation for each node, and
// edges between nodes that exist. Errors: plan-unsolved.
absl::Status CheckSolution(const NodeTable& table);

// Something requires each node but the root: installations have the names of
// those that they are made for. Errors: plan-unsolved.
absl::Status CheckRequired(const NodeTable& table);

}  // namespace deps

#endif  // DEPS_LIB_PLAN_CHECK_GIVEN_H_
