#include "lib/run/command_driver.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "lib/base/status_macros.h"
#include "lib/base/steady_clock.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"
#include "lib/json/json.h"
#include "lib/run/child.h"
#include "lib/run/image_name.h"

namespace deps {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(1);
// Another one in each attempt.
constexpr char kFolderVariable[] = "CNAB_OUTPUT_DIR";

SecretBuffer Variable(std::string_view name, std::string_view value) {
  SecretBuffer variable(name);
  variable.Append("=");
  variable.Append(value);
  return variable;
}

// Appends `text` as a string of JSON, and leaves no copy of it behind.
absl::Status AppendQuoted(std::string_view text, std::string_view what, SecretBuffer* out) {
  json::Value value = json::Value::String(text);
  std::string quoted = json::Format(value, json::Style::kCompact);
  absl::StatusOr<json::Value> back = json::Parse({.name = "", .text = quoted});
  const bool is_text = back.ok() && back->text == text;
  if (back.ok()) static_cast<void>(SecretBuffer::Take(&back->text));
  if (is_text) out->Append(absl::StripAsciiWhitespace(quoted));
  static_cast<void>(SecretBuffer::Take(&value.text));
  static_cast<void>(SecretBuffer::Take(&quoted));
  if (is_text) return absl::OkStatus();
  return MakeError({.id = DiagnosticId::kBundleInvalid,
                    .message = absl::StrCat(what,
                                            " is no text, which a command driver's JSON "
                                            "cannot hold")});
}

// The claim that the run tool finds: it has what may be told of the inputs.
json::Value ClaimOf(const BundleRun& run) {
  const absl::StatusOr<Source> source = ReadFile(absl::StrCat(run.root, "/cnab/claim.json"));
  if (!source.ok()) return json::Value::Object();
  const absl::StatusOr<json::Value> claim = json::Parse(*source);
  return claim.ok() ? *claim : json::Value::Object();
}

// A descriptor from which `content` can be read.
absl::StatusOr<int> MemoryFile(std::string_view content) {
  const int fd = memfd_create("deps-operation", MFD_CLOEXEC);
  while (fd >= 0 && !content.empty()) {
    const ssize_t count = write(fd, content.data(), content.size());
    if (count < 0 && errno != EINTR) break;
    if (count > 0) content.remove_prefix(static_cast<size_t>(count));
  }
  if (fd >= 0 && content.empty() && lseek(fd, 0, SEEK_SET) == 0) return fd;
  return MakeError({.id = DiagnosticId::kRunDriver,
                    .message = absl::StrCat("no file in memory: ", strerror(errno))});
}

std::vector<SecretBuffer> EnvironmentOf(const BundleRun& run) {
  std::vector<SecretBuffer> environment;
  for (SecretBuffer& variable : InheritedEnvironment()) {
    const std::string name(variable.view().substr(0, variable.view().find('=')));
    if (!absl::StartsWith(name, "CNAB_") && !run.withheld.contains(name) &&
        !run.environment.contains(name)) {
      environment.push_back(std::move(variable));
    }
  }
  std::vector<std::string> names;
  for (const auto& [name, value] : run.environment) {
    environment.push_back(Variable(name, value.view()));
    names.push_back(name);
  }
  environment.push_back(Variable("CNAB_VARS", absl::StrJoin(names, ",")));
  environment.push_back(Variable(kFolderVariable, run.root));
  return environment;
}

}  // namespace

absl::StatusOr<SecretBuffer> OperationJson(const BundleRun& run, const Image& image) {
  const json::Value claim = ClaimOf(run);
  const auto variable = [&](const char* name) -> std::string {
    const auto found = run.environment.find(name);
    return found == run.environment.end() ? "" : std::string(found->second.view());
  };
  const json::Value* const parameters = claim.Find("parameters");
  const json::Value* const bundle = claim.Find("bundle");
  json::Value outputs = json::Value::Object();
  for (const auto& [name, output] : run.bundle.outputs) {
    const bool applies =
        output.apply_to.empty() || std::find(output.apply_to.begin(), output.apply_to.end(),
                                             variable("CNAB_ACTION")) != output.apply_to.end();
    if (applies) outputs.Set(output.path, json::Value::String(name));
  }
  const std::string open = json::Canonical(json::Value::Object(
      {{"installation_name", json::Value::String(variable("CNAB_INSTALLATION_NAME"))},
       {"revision", json::Value::String(variable("CNAB_REVISION"))},
       {"action", json::Value::String(variable("CNAB_ACTION"))},
       {"parameters", parameters == nullptr ? json::Value::Object() : *parameters},
       {"image",
        json::Value::Object({{"image", json::Value::String(image.image)},
                             {"imageType", json::Value::String(image.image_type)},
                             {"contentDigest", json::Value::String(image.content_digest)}})},
       {"outputs", std::move(outputs)},
       {"Bundle", bundle == nullptr ? json::Value::Object() : *bundle}}));
  SecretBuffer json(std::string_view(open).substr(0, open.size() - 1));
  json.Append(",\"environment\":{");
  bool first = true;
  const auto add = [&](const std::string& name, std::string_view text) -> absl::Status {
    if (!first) json.Append(",");
    first = false;
    DEPS_RETURN_IF_ERROR(AppendQuoted(name, "a name", &json));
    json.Append(":");
    return AppendQuoted(text, absl::StrCat("'", name, "'"), &json);
  };
  for (const auto& [name, value] : run.environment) DEPS_RETURN_IF_ERROR(add(name, value.view()));
  json.Append("},\"files\":{");
  first = true;
  for (const std::string& path : run.files) {
    DEPS_ASSIGN_OR_RETURN(Source source, ReadFile(absl::StrCat(run.root, path)));
    const SecretBuffer content = SecretBuffer::Take(&source.text);
    DEPS_RETURN_IF_ERROR(add(path, content.view()));
  }
  json.Append("}}");
  return json;
}

absl::StatusOr<Image> CommandDriver::ChooseImage(const BundleRun& run,
                                                 const RunWatch& watch) const {
  RunWatch patient = watch;
  patient.deadline = std::min(watch.deadline, SteadyNow() + kPatience);
  ChildSpec ask = {.argv = {program_, "--handles"}};
  for (SecretBuffer& variable : InheritedEnvironment()) {
    const std::string name(variable.view().substr(0, variable.view().find('=')));
    if (!run.withheld.contains(name)) ask.environment.push_back(std::move(variable));
  }
  DEPS_ASSIGN_OR_RETURN(const std::string answer, OutputOf(ask, patient));
  std::vector<std::string> types;
  for (const std::string_view type : absl::StrSplit(answer, ',')) {
    types.emplace_back(absl::StripAsciiWhitespace(type));
  }
  for (Image image : run.bundle.invocation_images) {
    if (image.image_type.empty()) image.image_type = "oci";
    if (std::find(types.begin(), types.end(), image.image_type) == types.end()) continue;
    if (const auto mapped = options_.mapping.find(image.image); mapped != options_.mapping.end()) {
      image.image = mapped->second;
    }
    return image;
  }
  return MakeError(
      {.id = DiagnosticId::kRunDriver,
       .message = absl::StrCat("'", program_, "' runs images of type ", absl::StrJoin(types, ", "),
                               ", and bundle '", run.bundle.name, "' has none")});
}

absl::StatusOr<RunEnd> CommandDriver::Run(const BundleRun& run, const RunWatch& watch) {
  DEPS_ASSIGN_OR_RETURN(const Image image, ChooseImage(run, watch));
  DEPS_ASSIGN_OR_RETURN(const SecretBuffer operation, OperationJson(run, image));
  DEPS_ASSIGN_OR_RETURN(const int input, MemoryFile(operation.view()));
  const absl::Cleanup closer = [input] { close(input); };
  // What it started cannot be found again: it is not left running, but stopped.
  RunWatch stopping = watch;
  stopping.stop = [&watch] {
    const int wanted = watch.stop ? watch.stop() : 0;
    return wanted >= kLeaveRunning ? 1 : wanted;
  };
  return RunChild({.argv = {program_}, .environment = EnvironmentOf(run), .input = input},
                  stopping);
}

absl::Status CommandDriver::CleanUp(const Traces& traces) {
  // The program died with the runner. What it started did not, and would go on
  // beside the next attempt.
  KillWithVariable(absl::StrCat(kFolderVariable, "=", traces.folder, "/root"));
  return absl::OkStatus();
}

}  // namespace deps
