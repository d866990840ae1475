// What the user gives as inputs, by node.
#ifndef DEPS_LIB_PLAN_GIVEN_H_
#define DEPS_LIB_PLAN_GIVEN_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "lib/plan/binding.h"
#include "lib/plan/node_table.h"
#include "lib/plan/plan.h"

namespace deps {

// The parameters of `options`, typed by their definitions; the command line
// before the sets. Entries "NODE#NAME" of a set go to every node of that name,
// others to the root.
// Errors, all of them: usage (no "=", no such parameter, an alias that several
// nodes have), solve-unknown-node, plan-sensitive, plan-value.
absl::StatusOr<GivenSources> GivenParameters(const NodeTable& table, const PlanOptions& options);

// The credentials of `options`. A credential's value is refused
// (plan-sensitive): it would lie open in the plan.
absl::StatusOr<GivenSources> GivenCredentials(const NodeTable& table, const PlanOptions& options);

// The names of `options.installation_of`, by node id. Errors: usage,
// solve-unknown-node.
absl::StatusOr<std::map<std::string, std::string>> ChosenInstallations(const NodeTable& table,
                                                                       const PlanOptions& options);

}  // namespace deps

#endif  // DEPS_LIB_PLAN_GIVEN_H_
