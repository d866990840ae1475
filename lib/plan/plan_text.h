// A Plan for people.
#ifndef DEPS_LIB_PLAN_PLAN_TEXT_H_
#define DEPS_LIB_PLAN_PLAN_TEXT_H_

#include <string>
#include <string_view>

#include "lib/model/plan.h"

namespace deps {

// A line for each task (stage, task, action, bundle, version, installation,
// needs), and below it a line for each input with its source.
std::string FormatPlanTable(const Plan& plan);

// A picture as lib/draw makes it: dot, mermaid, svg or html. Arrows point from
// what runs first to what waits; dashed ones carry outputs.
std::string DrawPlan(const Plan& plan, std::string_view format);

// "infra#connstr" and the like: a source as one short text.
std::string DescribeSource(const ValueSource& source);

}  // namespace deps

#endif  // DEPS_LIB_PLAN_PLAN_TEXT_H_
