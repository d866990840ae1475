// A Plan for people.
#ifndef DEPS_LIB_PLAN_PLAN_TEXT_H_
#define DEPS_LIB_PLAN_PLAN_TEXT_H_

#include <string>

#include "lib/model/plan.h"

namespace deps {

// A line for each task (stage, task, action, bundle, version, installation,
// needs), and below it a line for each input with its source.
std::string FormatPlanTable(const Plan& plan);

// A digraph for Graphviz: arrows point from what runs first to what waits.
std::string FormatPlanDot(const Plan& plan);

// The same as a Mermaid flowchart.
std::string FormatPlanMermaid(const Plan& plan);

// "infra#connstr" and the like: a source as one short text.
std::string DescribeSource(const ValueSource& source);

}  // namespace deps

#endif  // DEPS_LIB_PLAN_PLAN_TEXT_H_
