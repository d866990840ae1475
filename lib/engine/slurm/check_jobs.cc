#include "lib/engine/slurm/check_jobs.h"

#include <map>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "lib/base/status_macros.h"
#include "lib/engine/slurm/jobs.h"

namespace deps {
namespace {

// A job has nothing of the environment or the descriptors of whoever submits it.
void AddSecrets(const std::string& input, const ValueSource& source,
                std::vector<Diagnostic>* found) {
  for (const auto& [name, inner] : source.inputs) AddSecrets(input, inner, found);
  if (source.kind != ValueSource::Kind::kSecret) return;
  if (!absl::StartsWith(source.text, "env:") && !absl::StartsWith(source.text, "fd:")) return;
  found->push_back(
      {.id = DiagnosticId::kSecretReference,
       .severity = Severity::kWarning,
       .message = absl::StrCat(input, ": the secret ", source.text,
                               " is of the process that submits, and no job has it"),
       .hint = "name it where a node can read it, as file:PATH or vault:kv/app#token"});
}

// Slurm takes jobs that are longer than their partition allows, and lets them wait.
absl::Status CheckTime(const JobLimits& limits, std::vector<Diagnostic>* found) {
  if (limits.minutes == 0) return absl::OkStatus();
  std::vector<std::string> command = {"sinfo", "--noheader", "--format=%P|%l"};
  if (!limits.partition.empty()) command.push_back("--partition=" + limits.partition);
  DEPS_ASSIGN_OR_RETURN(const std::string partitions, RunSlurm(std::move(command)));
  std::string longest;
  for (const std::string_view line : absl::StrSplit(partitions, '\n', absl::SkipEmpty())) {
    const std::pair<std::string_view, std::string_view> parts = absl::StrSplit(line, '|');
    // The default is marked.
    if (limits.partition.empty() && !absl::EndsWith(parts.first, "*")) continue;
    const std::optional<int64_t> most = MinutesOf(parts.second);
    if (!most.has_value() || *most >= limits.minutes) return absl::OkStatus();
    longest = absl::StrCat(absl::StripSuffix(parts.first, "*"), ", which allows ", *most);
  }
  if (longest.empty()) return absl::OkStatus();
  found->push_back({.id = DiagnosticId::kEngineRefused,
                    .message = absl::StrCat("a job of ", limits.minutes, " minutes, for --timeout,",
                                            " never starts in the partition ", longest),
                    .hint = "give a shorter --timeout, or name another partition"});
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> OptionsOf(const JobLimits& limits) {
  std::vector<std::string> options;
  if (limits.minutes > 0) options.push_back(absl::StrCat("--time=", limits.minutes));
  if (!limits.partition.empty()) options.push_back("--partition=" + limits.partition);
  if (!limits.account.empty()) options.push_back("--account=" + limits.account);
  return options;
}

std::optional<int64_t> MinutesOf(std::string_view limit) {
  int64_t days = 0;
  if (const size_t dash = limit.find('-'); dash != std::string_view::npos) {
    if (!absl::SimpleAtoi(limit.substr(0, dash), &days)) return std::nullopt;
    limit.remove_prefix(dash + 1);
  }
  std::vector<std::string_view> parts = absl::StrSplit(limit, ':');
  if (parts.size() == 2) parts.insert(parts.begin(), "0");
  int64_t hours = 0;
  int64_t minutes = 0;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &hours) ||
      !absl::SimpleAtoi(parts[1], &minutes)) {
    return std::nullopt;
  }
  return (days * 24 + hours) * 60 + minutes;
}

size_t MostJobs(std::string_view config) {
  for (const std::string_view line : absl::StrSplit(config, '\n')) {
    const std::pair<std::string_view, std::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits('=', 1));
    if (absl::StripAsciiWhitespace(parts.first) != "MaxJobCount") continue;
    size_t most = 0;
    return absl::SimpleAtoi(absl::StripAsciiWhitespace(parts.second), &most) ? most : 0;
  }
  return 0;
}

absl::StatusOr<std::vector<Diagnostic>> CheckJobs(const Plan& plan, const JobLimits& limits) {
  std::vector<Diagnostic> found;
  std::vector<std::string> command = {"sbatch", "--test-only", "--export=NONE"};
  const std::vector<std::string> options = OptionsOf(limits);
  command.insert(command.end(), options.begin(), options.end());
  command.push_back("--wrap=true");
  const absl::Status tried = RunSlurm(std::move(command)).status();
  if (HasId(tried, DiagnosticId::kEngineRefused) || HasId(tried, DiagnosticId::kEngineDenied)) {
    found.push_back(DiagnosticsOf(tried).front());
    if (!options.empty()) found.back().hint = "this was asked for: " + absl::StrJoin(options, " ");
  } else {
    DEPS_RETURN_IF_ERROR(tried);
    DEPS_RETURN_IF_ERROR(CheckTime(limits, &found));
  }
  DEPS_ASSIGN_OR_RETURN(const std::string config, RunSlurm({"scontrol", "show", "config"}));
  if (const size_t most = MostJobs(config); most > 0 && plan.tasks.size() > most) {
    found.push_back(
        {.id = DiagnosticId::kEngineRefused,
         .message = absl::StrCat("the plan has ", plan.tasks.size(),
                                 " tasks, each of them a job, and Slurm keeps at most ", most),
         .hint = "raise MaxJobCount in slurm.conf, or install dependencies by plans of their own"});
  }
  for (const PlannedTask& task : plan.tasks) {
    for (const auto* sources : {&task.parameters, &task.credentials}) {
      for (const auto& [name, source] : *sources) {
        AddSecrets(absl::StrCat(task.id, "#", name), source, &found);
      }
    }
  }
  return found;
}

}  // namespace deps
