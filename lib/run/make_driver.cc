#include <stdlib.h>
#include <unistd.h>

#include <climits>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/json.h"
#include "lib/run/child.h"
#include "lib/run/driver.h"
#include "lib/run/podman_driver.h"
#include "lib/run/process_driver.h"

namespace deps {
namespace {

absl::StatusOr<std::unique_ptr<Driver>> MakeProcessDriver(const std::string& path) {
  char resolved[PATH_MAX];
  if (realpath(path.c_str(), resolved) == nullptr || access(resolved, X_OK) != 0) {
    return MakeError({.id = DiagnosticId::kRunDriver,
                      .message = absl::StrCat("'", path, "' is not a program that can be run")});
  }
  return std::make_unique<ProcessDriver>(resolved);
}

absl::StatusOr<std::unique_ptr<Driver>> MakePodmanDriver(const DriverOptions& options) {
  const std::string podman = FindProgram("podman");
  if (podman.empty()) {
    return MakeError({.id = DiagnosticId::kRunDriver,
                      .message = "podman is not installed",
                      .hint = "install it, or use --driver process:PATH"});
  }
  if (access(options.agent.c_str(), X_OK) != 0) {
    return MakeError({.id = DiagnosticId::kRunDriver,
                      .message = absl::StrCat("deps-agent is not at '", options.agent, "'"),
                      .hint = "it belongs beside deps-run; DEPS_AGENT names another place"});
  }
  return std::make_unique<PodmanDriver>(podman, options);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Driver>> MakeDriver(const std::string& name,
                                                   const DriverOptions& options) {
  std::string_view path = name;
  if (absl::ConsumePrefix(&path, "process:")) return MakeProcessDriver(std::string(path));
  if (name == "podman") return MakePodmanDriver(options);
  return MakeError({.id = DiagnosticId::kUsage,
                    .message = absl::StrCat("there is no driver '", name, "'"),
                    .hint = "drivers are podman and process:PATH"});
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
