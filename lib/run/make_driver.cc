#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <climits>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/json.h"
#include "lib/oci/registry.h"
#include "lib/run/child.h"
#include "lib/run/command_driver.h"
#include "lib/run/driver.h"
#include "lib/run/engine_driver.h"
#include "lib/run/process_driver.h"
#include "lib/run/runc_driver.h"

namespace deps {
namespace {

absl::StatusOr<std::unique_ptr<Driver>> MakeProcessDriver(const std::string& path) {
  char resolved[PATH_MAX];
  if (realpath(path.c_str(), resolved) == nullptr || access(resolved, X_OK) != 0) {
    return MakeError({.id = DiagnosticId::kRunDriver,
                      .message = absl::StrCat("'", path, "' is not a program that can be run")});
  }
  DEPS_ASSIGN_OR_RETURN(std::unique_ptr<Supervisor> supervisor, Supervisor::Start());
  return std::make_unique<ProcessDriver>(resolved, std::move(supervisor));
}

absl::Status CheckAgent(const DriverOptions& options) {
  if (access(options.agent.c_str(), X_OK) != 0) {
    return MakeError({.id = DiagnosticId::kRunDriver,
                      .message = absl::StrCat("deps-agent is not at '", options.agent, "'"),
                      .hint = "it belongs beside deps-run; DEPS_AGENT names another place"});
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Driver>> MakeEngineDriver(const std::string& name,
                                                         const DriverOptions& options) {
  const std::string program = FindProgram(name);
  if (program.empty()) {
    return MakeError({.id = DiagnosticId::kRunDriver,
                      .message = absl::StrCat(name, " is not installed"),
                      .hint = "install it, or use another --driver"});
  }
  DEPS_RETURN_IF_ERROR(CheckAgent(options));
  const char* const host = std::getenv("DOCKER_HOST");
  if (name == "docker" && host != nullptr && !absl::StartsWith(host, "unix://")) {
    return MakeError({.id = DiagnosticId::kRunDriver,
                      .message = absl::StrCat("DOCKER_HOST '", host,
                                              "' is another machine: files in this machine's "
                                              "memory cannot be mounted there"),
                      .hint = "run deps-run on that machine"});
  }
  return std::make_unique<EngineDriver>(
      name == "docker" ? EngineDriver::Kind::kDocker : EngineDriver::Kind::kPodman, program,
      options);
}

absl::StatusOr<std::unique_ptr<Driver>> MakeRuncDriver(const DriverOptions& options) {
  const std::string program = FindProgram("runc");
  if (program.empty()) {
    return MakeError({.id = DiagnosticId::kRunDriver,
                      .message = "runc is not installed",
                      .hint = "install it, or use another --driver"});
  }
  DEPS_RETURN_IF_ERROR(CheckAgent(options));
  DEPS_ASSIGN_OR_RETURN(std::unique_ptr<Registry> registry,
                        Registry::Create(options.registry, options.getenv));
  std::string cache = options.getenv("XDG_CACHE_HOME").value_or("");
  const std::string home = options.getenv("HOME").value_or("");
  if (cache.empty() && !home.empty()) cache = absl::StrCat(home, "/.cache");
  if (!cache.empty()) absl::StrAppend(&cache, "/cnab-deps/blobs");
  return std::make_unique<RuncDriver>(program, cache, std::move(registry), options);
}

}  // namespace

std::string DefaultDriver() {
  for (const char* const name : {"podman", "docker", "runc"}) {
    if (!FindProgram(name).empty()) return name;
  }
  return "podman";
}

absl::StatusOr<std::unique_ptr<Driver>> MakeDriver(const std::string& name,
                                                   const DriverOptions& options) {
  std::string_view path = name;
  if (absl::ConsumePrefix(&path, "process:")) return MakeProcessDriver(std::string(path));
  if (name == "podman" || name == "docker") return MakeEngineDriver(name, options);
  if (name == "runc") return MakeRuncDriver(options);
  const bool is_name = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.';
  });
  const std::string program = is_name && !name.empty() ? FindProgram("cnab-" + name) : "";
  if (!program.empty()) return std::make_unique<CommandDriver>(program, options);
  return MakeError({.id = DiagnosticId::kUsage,
                    .message = absl::StrCat("there is no driver '", name, "'"),
                    .hint = "drivers are podman, docker, runc, process:PATH, and NAME of a program "
                            "cnab-NAME on PATH"});
}

std::string FormatTraces(const Traces& traces) {
  return json::Canonical(json::Value::Object({
      {"folder", json::Value::String(traces.folder)},
      {"process", json::Value::Integer(traces.process)},
      {"startTime", json::Value::Integer(traces.start_time)},
      {"container", json::Value::String(traces.container)},
  }));
}

absl::StatusOr<Traces> ParseTraces(const std::string& text) {
  const Source source = {.name = "<state>", .text = text};
  DEPS_ASSIGN_OR_RETURN(const json::Value value, json::Parse(source));
  Traces traces;
  json::ObjectReader reader(source, value);
  reader.Required("folder", &traces.folder);
  reader.Required("process", &traces.process);
  reader.Required("startTime", &traces.start_time);
  reader.Required("container", &traces.container);
  DEPS_RETURN_IF_ERROR(reader.Finish());
  return traces;
}

}  // namespace deps
