#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "lib/base/status_macros.h"
#include "lib/json/json.h"
#include "lib/plan/export_parts.h"
#include "lib/plan/plan_export.h"
#include "lib/yaml/write.h"

namespace deps {
namespace {

using json::Value;

// No name that ExportName gives begins like this.
constexpr std::string_view kGithubPlanJob = "_plan";
constexpr std::string_view kGitlabPlanJob = "write the plan";
constexpr size_t kMostNeedsOfGitlab = 50;

Value Text(std::string_view text) { return Value::String(text); }

Value Members(std::vector<json::Member> members) { return Value::Object(std::move(members)); }

std::string WritePlan(const Plan& plan) {
  return absl::StrCat("base64 -d >plan.json <<'END'\n", absl::StrJoin(EncodedPlan(plan), "\n"),
                      "\nEND\n");
}

std::string Step(const PlannedTask& task) {
  return absl::StrCat("deps-run --step ", ShellQuoted(task.id), " plan.json");
}

bool IsVariable(std::string_view name) {
  return !name.empty() && !absl::ascii_isdigit(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

// The variables that env:NAME references name, and whether others are there.
struct Wanted {
  std::set<std::string> variables;
  bool stores = false;
};

Wanted WantedBy(const std::set<std::string>& references) {
  Wanted wanted;
  for (const std::string& reference : references) {
    const size_t colon = reference.find(':');
    const std::string provider = reference.substr(0, colon);
    const std::string locator = colon == std::string::npos ? "" : reference.substr(colon + 1);
    if (provider == "env" && IsVariable(locator)) wanted.variables.insert(locator);
    wanted.stores |= provider != "env" && provider != "file" && provider != "command";
  }
  return wanted;
}

// Where a task's outputs go needs the identity too.
bool WritesToStore(const PlannedTask& task) {
  return std::any_of(task.outputs.begin(), task.outputs.end(),
                     [](const auto& output) { return !output.second.sink.empty(); });
}

std::string Title(const Plan& plan) {
  return absl::StrCat(plan.action, " ", plan.installation.name_space, "/", plan.installation.name);
}

// GitHub evaluates ${{ }} wherever text stands.
std::string Inert(std::string_view text) {
  return absl::StrReplaceAll(text, {{"${{", "${{ '${{' }}"}});
}

std::string Expression(std::string_view context, const std::string& name) {
  return absl::StrCat("${{ ", context, ".", name, " }}");
}

Value GithubPlanJob(const Plan& plan) {
  Value upload = Members({{"uses", Text("actions/upload-artifact@v4")},
                          {"with", Members({{"name", Text("deps-plan")},
                                            {"path", Text("plan.json")},
                                            {"if-no-files-found", Text("error")}})}});
  return Members({{"name", Text("plan")},
                  {"runs-on", Text(Expression("vars", "DEPS_RUNNER || 'ubuntu-latest'"))},
                  {"steps", Value::Array({Members({{"run", Text(WritePlan(plan))}}), upload})}});
}

Value GithubJob(const PlannedTask& task, const std::set<std::string>& references) {
  const Wanted wanted = WantedBy(references);
  Value needs = Value::Array({Text(kGithubPlanJob)});
  for (const std::string& need : task.needs) needs.items.push_back(Text(ExportName(need)));
  Value job = Members({{"name", Text(Inert(task.id))}, {"needs", needs}});
  job.Set("runs-on", Text(Expression("vars", "DEPS_RUNNER || 'ubuntu-latest'")));
  Value permissions = Members({{"contents", Text("read")}});
  Value env = Members({{"DEPS_STATE", Text(Expression("secrets", "DEPS_STATE"))}});
  for (const std::string& name : wanted.variables) {
    env.Set(name, Text(Expression("secrets", name)));
  }
  if (wanted.stores || WritesToStore(task)) {
    permissions.Set("id-token", Text("write"));
    env.Set("VAULT_ADDR", Text(Expression("vars", "VAULT_ADDR")));
  }
  job.Set("permissions", permissions);
  job.Set("env", env);
  Value download = Members({{"uses", Text("actions/download-artifact@v4")},
                            {"with", Members({{"name", Text("deps-plan")}})}});
  job.Set("steps", Value::Array({download, Members({{"run", Text(Inert(Step(task)))}})}));
  return job;
}

Value GitlabJob(const PlannedTask& task, const std::set<std::string>& references) {
  Value job = Members({{"stage", Text(absl::StrCat("stage ", task.stage))}});
  Value artifact = Members({{"job", Text(kGitlabPlanJob)}, {"artifacts", Value::Boolean(true)}});
  // With more needs than GitLab takes the stages keep the order.
  if (task.needs.size() < kMostNeedsOfGitlab) {
    Value needs = Value::Array({artifact});
    for (const std::string& need : task.needs) {
      needs.items.push_back(Members(
          {{"job", Text(absl::StrCat("task ", need))}, {"artifacts", Value::Boolean(false)}}));
    }
    job.Set("needs", needs);
  } else {
    job.Set("dependencies", Value::Array({Text(kGitlabPlanJob)}));
  }
  if (WantedBy(references).stores || WritesToStore(task)) {
    job.Set("id_tokens", Members({{"VAULT_ID_TOKEN", Members({{"aud", Text("$VAULT_ADDR")}})}}));
  }
  job.Set("script", Value::Array({Text(Step(task))}));
  return job;
}

absl::Status CheckRemote(const Plan& plan) {
  DEPS_RETURN_IF_ERROR(CheckIds(plan));
  return CheckSinks(plan);
}

}  // namespace

absl::StatusOr<std::string> FormatPlanGithub(const Plan& plan) {
  DEPS_RETURN_IF_ERROR(CheckRemote(plan));
  const SecretsOfTasks secrets(plan);
  Value jobs = Members({{std::string(kGithubPlanJob), GithubPlanJob(plan)}});
  for (const PlannedTask& task : plan.tasks) {
    jobs.members.emplace_back(ExportName(task.id), GithubJob(task, secrets.Of(task)));
  }
  const Value workflow =
      Members({{"name", Text(Inert(Title(plan)))},
               {"on", Members({{"workflow_dispatch", Value::Object()}})},
               {"permissions", Members({{"contents", Text("read")}})},
               {"concurrency", Text(absl::StrCat("deps-", plan.digest.substr(7, 12)))},
               {"jobs", std::move(jobs)}});
  return absl::StrCat(
      "# The plan ", plan.digest, " as a workflow of GitHub Actions.\n",
      "# Jobs share the state that the secret DEPS_STATE names (postgres://…); runners have "
      "deps-run.\n",
      yaml::Format(workflow));
}

absl::StatusOr<std::string> FormatPlanGitlab(const Plan& plan) {
  DEPS_RETURN_IF_ERROR(CheckRemote(plan));
  const SecretsOfTasks secrets(plan);
  std::vector<std::string> stages = {"plan"};
  for (size_t i = 0; i < plan.stages.size(); ++i) stages.push_back(absl::StrCat("stage ", i));
  std::set<std::string> variables = {"DEPS_STATE"};
  Value pipeline = Members({{"stages", Value::Strings(stages)}});
  pipeline.Set(kGitlabPlanJob,
               Members({{"stage", Text("plan")},
                        {"script", Value::Array({Text(WritePlan(plan))})},
                        {"artifacts", Members({{"paths", Value::Strings({"plan.json"})},
                                               {"expire_in", Text("1 week")}})}}));
  for (const PlannedTask& task : plan.tasks) {
    const std::set<std::string> references = secrets.Of(task);
    const Wanted wanted = WantedBy(references);
    variables.insert(wanted.variables.begin(), wanted.variables.end());
    if (wanted.stores || WritesToStore(task)) variables.insert("VAULT_ADDR");
    pipeline.members.emplace_back(absl::StrCat("task ", task.id), GitlabJob(task, references));
  }
  return absl::StrCat("# The plan ", plan.digest, " (", absl::CHexEscape(Title(plan)),
                      ") as a pipeline of GitLab CI.\n",
                      "# Jobs share the state that DEPS_STATE names (postgres://…); runners have "
                      "deps-run.\n# Variables to set for the project: ",
                      absl::StrJoin(variables, ", "), ".\n", yaml::Format(pipeline));
}

}  // namespace deps
