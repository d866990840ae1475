// What Argo's controller asks of a workflow beyond its fields.
#ifndef DEPS_LIB_ENGINE_TESTING_ARGO_VALIDATE_H_
#define DEPS_LIB_ENGINE_TESTING_ARGO_VALIDATE_H_

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/json/json.h"

namespace deps {

// The first thing that is wrong, as Argo words it; "" for nothing: names (form,
// length, each once), tasks in circles or without a template, what a task needs
// for what it reads, `{{…}}` that leads nowhere, outputs without a source, paths
// that are mounted twice, fields of a kind of template on another one.
std::string WorkflowError(const json::Value& workflow);

// The tasks that an expression of `depends` names.
std::set<std::string> TasksOf(std::string_view depends);

// The value of an expression of `depends`; `holds` is asked for each "TASK.RESULT"
// ("a" alone is "a.Succeeded || a.Skipped || a.Daemoned"). Absent where it is malformed.
std::optional<bool> Evaluate(std::string_view depends,
                             const std::function<bool(const std::string&)>& holds);

// `text` with each {{NAME}} replaced; also {{='TEXT'}}, the one expression that
// is known here. Names that are not in `values` stay as they are, and go to
// `unknown` where that is not null.
std::string Expand(std::string_view text, const std::map<std::string, std::string>& values,
                   std::vector<std::string>* unknown);

// The template of this name, with the workflow's templateDefaults; null where
// there is none.
json::Value TemplateOf(const json::Value& workflow, std::string_view name);

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_TESTING_ARGO_VALIDATE_H_
