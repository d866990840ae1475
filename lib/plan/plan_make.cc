#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "lib/base/status_macros.h"
#include "lib/plan/export_parts.h"
#include "lib/plan/plan_export.h"

namespace deps {
namespace {

// A letter after "sha256:" costs nothing to read: twelve tell plans apart.
std::string ShortDigest(const Plan& plan) { return plan.digest.substr(7, 12); }

std::string Stamp(const std::string& id) {
  return absl::StrCat("$(DIR)/", ExportName(id), ".json");
}

std::string Rule(const PlannedTask& task) {
  std::string rule = absl::StrCat(Stamp(task.id), ": $(DIR)/plan.json");
  for (const std::string& need : task.needs) absl::StrAppend(&rule, " ", Stamp(need));
  const std::string id = absl::StrReplaceAll(ShellQuoted(task.id), {{"$", "$$"}});
  return absl::StrCat(rule, "\n\t$(DEPS_RUN) $(DEPS_RUN_FLAGS) --step ", id,
                      " -o $@ $(DIR)/plan.json\n");
}

}  // namespace

absl::StatusOr<std::string> FormatPlanMake(const Plan& plan) {
  DEPS_RETURN_IF_ERROR(CheckIds(plan));
  std::string text =
      absl::StrCat("# The plan ", plan.digest,
                   " for GNU make: make -f FILE -j\n"
                   "# What is done has a stamp in $(DIR); remove the folder to begin anew.\n"
                   "DEPS_RUN ?= deps-run\n"
                   "DEPS_RUN_FLAGS ?=\n"
                   "DIR ?= .deps-",
                   ShortDigest(plan),
                   "\n"
                   "\n"
                   ".PHONY: all\n"
                   "all:");
  for (const PlannedTask& task : plan.tasks) absl::StrAppend(&text, " \\\n  ", Stamp(task.id));
  absl::StrAppend(&text, "\n\n.DELETE_ON_ERROR:\n\n");
  for (const PlannedTask& task : plan.tasks) absl::StrAppend(&text, Rule(task), "\n");
  absl::StrAppend(&text,
                  "$(DIR)/plan.json: $(DIR)/plan.base64\n"
                  "\tbase64 -d $< >$@\n\n"
                  "$(DIR)/plan.base64: | $(DIR)\n"
                  // Make expands it with -n, too.
                  "\t$(if $(findstring n,$(firstword -$(MAKEFLAGS))),,$(file >$@,$(PLAN)))\n\n"
                  "$(DIR):\n"
                  "\tmkdir -p $@\n\n"
                  "define PLAN\n",
                  absl::StrJoin(EncodedPlan(plan), "\n"), "\nendef\n");
  return text;
}

}  // namespace deps
