// A workflow as a page of its own: nothing is loaded from elsewhere.
#ifndef DEPS_LIB_RUN_REPORT_HTML_H_
#define DEPS_LIB_RUN_REPORT_HTML_H_

#include <string>

#include "lib/model/plan.h"
#include "lib/model/workflow.h"

namespace deps {

// The graph of the tasks, colored by state, the time line of those that have
// run, and a table of all. The same workflow gives the same bytes.
std::string FormatWorkflowHtml(const Workflow& workflow, const Plan& plan);

}  // namespace deps

#endif  // DEPS_LIB_RUN_REPORT_HTML_H_
