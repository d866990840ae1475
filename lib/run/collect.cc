#include "lib/run/collect.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/run/attempt.h"

namespace deps {
namespace {

struct ExpectedOutput {
  std::string path;
  std::string type;
  bool sensitive = false;
  std::string sink;
  std::optional<JsonText> default_value;
};

// The plan's outputs with what the bundle says about them. An output that the
// plan leaves out is not the task's to write: the bundle promotes it.
std::map<std::string, ExpectedOutput> ExpectedOutputs(const PlannedTask& task) {
  std::map<std::string, ExpectedOutput> expected;
  for (const auto& [name, output] : task.outputs) {
    expected[name] = {.path = output.path,
                      .type = output.type,
                      .sensitive = output.sensitive,
                      .sink = output.sink};
  }
  for (const auto& [name, output] : task.bundle.outputs) {
    if (expected.count(name) == 0) continue;
    if (!output.apply_to.empty() && std::find(output.apply_to.begin(), output.apply_to.end(),
                                              task.action) == output.apply_to.end()) {
      expected.erase(name);
      continue;
    }
    ExpectedOutput& item = expected[name];
    if (item.path.empty()) item.path = output.path;
    if (item.type.empty()) item.type = output.type;
    item.sensitive = item.sensitive || output.sensitive;
    item.default_value = output.default_value;
  }
  for (auto& [name, item] : expected) {
    if (item.path.empty()) item.path = absl::StrCat("/cnab/app/outputs/", name);
  }
  return expected;
}

// Behind the reference of a sealed value that its sink did not take.
constexpr std::string_view kUndelivered = "?undelivered";

absl::Status Bad(const std::string& name, std::string_view why) {
  return MakeError(
      {.id = DiagnosticId::kRunFailed, .message = absl::StrCat("output '", name, "' ", why)});
}

// What the run tool left, or the default; absent where there is neither.
absl::StatusOr<std::optional<SecretBuffer>> Read(const std::string& name,
                                                 const ExpectedOutput& item,
                                                 const Scratch& scratch) {
  if (!absl::StartsWith(item.path, "/cnab/app/outputs/")) {
    return Bad(name, absl::StrCat("has a path outside of /cnab/app/outputs: '", item.path, "'"));
  }
  absl::StatusOr<std::optional<SecretBuffer>> read = scratch.Read(item.path, kMaxOutput);
  if (!read.ok()) return Bad(name, DiagnosticsOf(read.status())[0].message);
  if (!read->has_value() && item.default_value.has_value()) *read = BytesOf(*item.default_value);
  if (!read->has_value()) return read;
  const std::string_view bytes = (*read)->view();
  if (!IsOfType(item.type, bytes)) return Bad(name, absl::StrCat("is not of type ", item.type));
  if (!item.sensitive && !IsUtf8(bytes)) return Bad(name, "is not UTF-8");
  return read;
}

struct LeftOutput {
  std::string name;
  const ExpectedOutput* item;
  SecretBuffer bytes;
};

void Fail(std::string reason, std::string message, TaskResult* result) {
  result->status = "failed";
  result->reason = std::move(reason);
  result->message = std::move(message);
}

// Everything that can be read. Where something is missing or wrong, a run that
// succeeded has failed.
std::vector<LeftOutput> ReadAll(const PlannedTask& task,
                                const std::map<std::string, ExpectedOutput>& expected,
                                const Scratch& scratch, TaskResult* result) {
  std::vector<LeftOutput> left;
  for (const auto& [name, item] : expected) {
    absl::StatusOr<std::optional<SecretBuffer>> bytes = Read(name, item, scratch);
    if (bytes.ok() && bytes->has_value()) {
      left.push_back({name, &item, **std::move(bytes)});
      continue;
    }
    if (result->status != "succeeded") continue;
    // Nothing that reads them comes after an uninstallation.
    if (bytes.ok() && task.action == "uninstall") continue;
    Fail("output",
         bytes.ok() ? absl::StrCat("output '", name, "' was not written to '", item.path, "'")
                    : DiagnosticsOf(bytes.status())[0].message,
         result);
  }
  return left;
}

std::string Undelivered(const std::string& name, const absl::Status& refused) {
  return absl::StrCat("output '", name, "' is sealed in the state, as its sink does not take it: ",
                      DiagnosticsOf(refused)[0].message);
}

}  // namespace

void CollectOutputs(const PlannedTask& task, const Claim& claim, const Scratch& scratch,
                    StateKey& key, const Getenv& getenv, const std::atomic<int>* stop,
                    TaskResult* result) {
  const std::map<std::string, ExpectedOutput> expected = ExpectedOutputs(task);
  // Sinks come second: only a run that is known to have succeeded can be finished
  // by delivering what is left of it.
  const std::vector<LeftOutput> left = ReadAll(task, expected, scratch, result);
  const bool succeeded = result->status == "succeeded";
  for (const LeftOutput& item : left) {
    StoredOutput output = {.name = item.name, .sensitive = item.item->sensitive};
    if (!output.sensitive) {
      output.value = AsJson(item.item->type, item.bytes.view());
      result->outputs.push_back(std::move(output));
      continue;
    }
    output.ref = OutputRef(claim.workflow, claim.task, item.name);
    if (!item.item->sink.empty()) {
      absl::StatusOr<std::string> ref =
          StoreSecret(item.item->sink, item.bytes.view(), getenv, stop);
      if (ref.ok()) {
        output.ref = *std::move(ref);
        result->outputs.push_back(std::move(output));
        continue;
      }
      const std::string message = Undelivered(item.name, ref.status());
      if (succeeded) {
        absl::StrAppend(&output.ref, kUndelivered);
        Fail("sink", message, result);
      } else {
        absl::StrAppend(&result->message, "; ", message);
      }
    }
    absl::StatusOr<std::string> box = key.Seal(item.bytes.view(), output.ref);
    if (box.ok()) {
      output.box = *std::move(box);
      result->outputs.push_back(std::move(output));
    } else {
      Fail("output",
           absl::StrCat("output '", item.name,
                        "' cannot be sealed: ", DiagnosticsOf(box.status())[0].message),
           result);
    }
  }
}

bool AwaitsDelivery(const std::vector<StoredOutput>& left) {
  return std::any_of(left.begin(), left.end(), [](const StoredOutput& output) {
    return !output.box.empty() && absl::EndsWith(output.ref, kUndelivered);
  });
}

TaskResult DeliverOutputs(const PlannedTask& task, std::vector<StoredOutput> left, StateKey& key,
                          const Getenv& getenv, const std::atomic<int>* stop) {
  TaskResult result = {.status = "succeeded", .exit_code = 0};
  const std::map<std::string, ExpectedOutput> expected = ExpectedOutputs(task);
  for (StoredOutput& output : left) {
    const auto item = expected.find(output.name);
    if (!output.box.empty() && absl::EndsWith(output.ref, kUndelivered) && item != expected.end()) {
      const absl::StatusOr<SecretBuffer> value = key.Open(output, getenv);
      const absl::StatusOr<std::string> ref =
          value.ok() ? StoreSecret(item->second.sink, value->view(), getenv, stop) : value.status();
      if (ref.ok()) {
        output = {.name = output.name, .sensitive = true, .ref = *ref};
      } else if (result.status == "succeeded") {
        Fail("sink", Undelivered(output.name, ref.status()), &result);
      }
    }
    result.outputs.push_back(std::move(output));
  }
  return result;
}

}  // namespace deps
