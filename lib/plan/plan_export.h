// A Plan for programs of others, which run its tasks by `deps-run --step`.
#ifndef DEPS_LIB_PLAN_PLAN_EXPORT_H_
#define DEPS_LIB_PLAN_PLAN_EXPORT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/model/plan.h"

namespace deps {

// All carry the plan in themselves, and references to secrets only. Names of
// jobs are the tasks' ids, encoded so that two never meet (see ExportName).
//
// Errors: document-value where an id holds control characters. For those that
// run elsewhere (github, gitlab): plan-sink for each sensitive output without a
// sink, since the state's key stays at home.

// A makefile for GNU make 4: `make -f FILE -j`. What is done has a stamp in
// $(DIR), which holds the workflow document.
absl::StatusOr<std::string> FormatPlanMake(const Plan& plan);

// A workflow of GitHub Actions: a job a task, which needs the jobs of what the
// task needs. Secrets are named, and taken from GitHub's own where a task asks
// for a variable (env:NAME).
absl::StatusOr<std::string> FormatPlanGithub(const Plan& plan);

// A .gitlab-ci.yml, likewise.
absl::StatusOr<std::string> FormatPlanGitlab(const Plan& plan);

// plan-sink for each sensitive output that has no sink.
absl::Status CheckSinks(const Plan& plan);

// `id` in letters, digits, "-" and "_": "/" is "__", any other byte "_" and two
// hexadecimal digits. Different ids have different names.
std::string ExportName(const std::string& id);

}  // namespace deps

#endif  // DEPS_LIB_PLAN_PLAN_EXPORT_H_
