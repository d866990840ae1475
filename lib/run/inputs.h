// From the sources of a plan to values, immediately before a task needs them.
#ifndef DEPS_LIB_RUN_INPUTS_H_
#define DEPS_LIB_RUN_INPUTS_H_

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "lib/model/plan.h"
#include "lib/secrets/provider.h"
#include "lib/secrets/seal.h"
#include "lib/secrets/secret_buffer.h"
#include "lib/state/store.h"

namespace deps {

// The key of sealed outputs, made when it is first needed. For several threads.
class StateKey {
 public:
  explicit StateKey(std::string path) : path_(std::move(path)) {}
  // Makes the key where there is none. Errors: secret-unavailable.
  absl::Status Ensure();
  // Errors: secret-unavailable.
  absl::StatusOr<std::string> Seal(std::string_view value, std::string_view ref);
  // A sensitive output's value: out of its box, or from where its sink put it.
  // As ResolveSecret with `stop`.
  absl::StatusOr<SecretBuffer> Open(const StoredOutput& output, const Getenv& getenv,
                                    const std::atomic<int>* stop = nullptr);

 private:
  absl::Status Load(bool create) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string path_;
  absl::Mutex mutex_;
  std::unique_ptr<SealKey> key_ ABSL_GUARDED_BY(mutex_);
};

struct ResolvedValue {
  SecretBuffer bytes;
  bool sensitive = false;
};

// The bytes that a run tool gets for a JSON value: a string's text, else the
// JSON itself.
SecretBuffer BytesOf(const JsonText& value);

// Reads values for the tasks of one workflow. For several threads. The objects
// that it is made of must outlive it.
class InputResolver {
 public:
  // Secrets are not waited for once *`stop` is no longer 0; it may be null.
  // `secret_variables` as in Outline.
  InputResolver(std::string workflow, std::set<std::string> secret_variables, Store& store,
                StateKey& key, Getenv getenv, const std::atomic<int>* stop = nullptr);

  // Errors: document-value for a source that names what its task does not have;
  // state-unknown-workflow for a task that is not in the plan, and for an output
  // that its task has not left; secret-reference, secret-unavailable, state-open.
  absl::StatusOr<ResolvedValue> Resolve(const ValueSource& source) const;

  // The value of a task's parameter: its source's, else the definition's
  // default, else the empty text. Sensitive where either says so.
  absl::StatusOr<ResolvedValue> Parameter(const PlannedTask& task, const std::string& name) const;

  // Errors: as Store::FindTask.
  absl::StatusOr<PlannedTask> FindTask(const std::string& id) const;

  const Getenv& getenv() const { return getenv_; }

  // What earlier attempts of a task have left. Errors: state-open.
  absl::StatusOr<std::vector<StoredOutput>> LeftOutputs(const PlannedTask& task) const;

  const std::set<std::string>& secret_variables() const { return secret_variables_; }

 private:
  absl::StatusOr<ResolvedValue> ResolveAt(const ValueSource& source, int depth) const;
  absl::StatusOr<ResolvedValue> ParameterAt(const PlannedTask& task, const std::string& name,
                                            int depth) const;
  absl::StatusOr<ResolvedValue> Credential(const TaskItem& item, int depth) const;
  absl::StatusOr<ResolvedValue> Output(const TaskItem& item) const;
  absl::StatusOr<ResolvedValue> Template(const ValueSource& source, int depth) const;

  const std::string workflow_;
  const std::set<std::string> secret_variables_;
  Store& store_;
  StateKey& key_;
  const Getenv getenv_;
  const std::atomic<int>* const stop_;
};

}  // namespace deps

#endif  // DEPS_LIB_RUN_INPUTS_H_
