#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/agent/frame.h"
#include "lib/agent/inputs.h"
#include "lib/agent/supervise.h"
#include "lib/agent/task.h"
#include "lib/agent/typed_text.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"
#include "lib/json/json.h"
#include "lib/secrets/provider.h"

namespace deps {
namespace {

using json::Value;

constexpr size_t kMaxOutput = size_t{16} << 20;

absl::Status Trouble(std::string_view what, std::string_view why) {
  return MakeError(
      {.id = DiagnosticId::kRunDriver, .message = absl::StrCat("'", what, "': ", why)});
}

bool IsInMemory(const std::string& folder) {
  struct statfs info = {};
  return statfs(folder.c_str(), &info) == 0 &&
         (info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC);
}

std::string FolderOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

// The files of a run; what holds a secret goes with the object.
class TaskFiles {
 public:
  explicit TaskFiles(const Getenv& getenv) : getenv_(getenv) {}
  ~TaskFiles() {
    std::error_code ignored;
    for (const std::string& path : secret_) unlink(path.c_str());
    for (const std::string& path : mounted_secret_) {
      // Where it is gone, there is nothing left to empty.
      if (truncate(path.c_str(), 0) != 0) continue;
    }
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }
  TaskFiles(const TaskFiles&) = delete;
  TaskFiles& operator=(const TaskFiles&) = delete;

  absl::Status Put(const std::string& path, std::string_view content, bool secret) {
    std::string place = absl::StartsWith(path, "/") ? path : absl::StrCat("/", path);
    if (IsMounted(place)) {
      if (secret) mounted_secret_.push_back(place);
      return Write(place, content, O_TRUNC, secret ? 0600 : 0644);
    }
    std::error_code error;
    std::filesystem::create_directories(FolderOf(place), error);
    if (error) return Trouble(place, error.message());
    if (secret) {
      secret_.push_back(place);
      if (!IsInMemory(FolderOf(place) + "/")) {
        DEPS_ASSIGN_OR_RETURN(const std::string target, InMemory());
        if (symlink(target.c_str(), place.c_str()) != 0) return Trouble(place, strerror(errno));
        place = target;
      }
    }
    return Write(place, content, O_EXCL, secret ? 0600 : 0644);
  }

 private:
  // Whether there is an empty file in memory: an engine has put it there, so that
  // a user who may not write to the folder may write to the file.
  static bool IsMounted(const std::string& place) {
    struct stat info = {};
    return lstat(place.c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_size == 0 &&
           IsInMemory(place);
  }

  // A path in memory for one more file.
  absl::StatusOr<std::string> InMemory() {
    if (folder_.empty()) {
      const std::string base = getenv_("DEPS_SECRET_FOLDER").value_or("/dev/shm");
      if (!IsInMemory(base)) {
        return MakeError({.id = DiagnosticId::kRunDriver,
                          .message = absl::StrCat("'", base,
                                                  "' is not in memory, and files with "
                                                  "secrets go nowhere else"),
                          .hint = "mount a tmpfs, and name it by DEPS_SECRET_FOLDER"});
      }
      std::string folder = absl::StrCat(base, "/deps-agent-XXXXXX");
      if (mkdtemp(folder.data()) == nullptr) return Trouble(base, strerror(errno));
      folder_ = folder;
    }
    return absl::StrCat(folder_, "/", secret_.size());
  }

  // `flag`: O_EXCL or O_TRUNC.
  static absl::Status Write(const std::string& path, std::string_view content, int flag,
                            mode_t mode) {
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | flag | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0) return Trouble(path, strerror(errno));
    const absl::Cleanup closer = [fd] { close(fd); };
    // One that is mounted may be another user's, and stays as it is.
    if (fchmod(fd, mode) != 0 && errno != EPERM) return Trouble(path, strerror(errno));
    while (!content.empty()) {
      const ssize_t count = write(fd, content.data(), content.size());
      if (count < 0 && errno != EINTR) return Trouble(path, strerror(errno));
      if (count > 0) content.remove_prefix(static_cast<size_t>(count));
    }
    return absl::OkStatus();
  }

  const Getenv& getenv_;
  std::string folder_;
  std::vector<std::string> secret_;
  std::vector<std::string> mounted_secret_;
};

absl::Status CannotPlace(const std::string& name, const absl::Status& status) {
  Diagnostic diagnostic = DiagnosticsOf(status)[0];
  diagnostic.message = absl::StrCat("the file of input '", name, "' cannot be written as user ",
                                    geteuid(), ": ", diagnostic.message);
  if (diagnostic.hint.empty() && geteuid() != 0) {
    diagnostic.hint = "let the image's user write to that folder, or take the input by a variable";
  }
  return MakeError(std::move(diagnostic));
}

absl::Status AddInput(const AgentInput& input, const Getenv& getenv, TaskFiles& files,
                      AgentRun* run) {
  const bool secret = input.sensitive || HoldsSecret(input.source);
  absl::StatusOr<SecretBuffer> resolved = ResolveInput(input.source, getenv);
  if (!resolved.ok()) {
    return WithContext(resolved.status(), absl::StrCat("input '", input.name, "'"));
  }
  SecretBuffer value = *std::move(resolved);
  if (secret) run->redacted.push_back(value.Copy());
  if (!input.path.empty()) {
    const absl::Status put = files.Put(input.path, value.view(), secret);
    if (!put.ok()) return CannotPlace(input.name, put);
  }
  if (input.env.empty()) return absl::OkStatus();
  if (value.view().find('\0') != std::string_view::npos) {
    return Trouble(input.env, "a variable cannot hold a NUL byte");
  }
  run->environment[input.env] = std::move(value);
  return absl::OkStatus();
}

// The content of a regular file that no link leads to; absent where there is none.
absl::StatusOr<std::optional<SecretBuffer>> ReadOutput(const std::string& path) {
  for (std::string part = path; part.size() > 1; part = FolderOf(part)) {
    struct stat info = {};
    if (lstat(part.c_str(), &info) == 0 && S_ISLNK(info.st_mode) &&
        absl::StartsWith(part, "/cnab/app/outputs/")) {
      return Trouble(path, "a symbolic link");
    }
  }
  const int fd = open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return std::nullopt;
  if (fd < 0) return Trouble(path, strerror(errno));
  const absl::Cleanup closer = [fd] { close(fd); };
  struct stat info = {};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return Trouble(path, "not a regular file");
  if (info.st_size > static_cast<off_t>(kMaxOutput)) return Trouble(path, "it is too large");
  SecretBuffer content;
  content.Resize(static_cast<size_t>(info.st_size));
  size_t done = 0;
  while (done < content.size()) {
    const ssize_t count = read(fd, content.data() + done, content.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    done += static_cast<size_t>(count);
  }
  content.Truncate(done);
  return content;
}

// Null where it was not written and nobody misses it.
absl::StatusOr<Value> CollectOne(const AgentOutput& output, const Getenv& getenv) {
  DEPS_ASSIGN_OR_RETURN(std::optional<SecretBuffer> content, ReadOutput(output.path));
  if (!content.has_value() && output.default_value.has_value()) {
    DEPS_ASSIGN_OR_RETURN(content, ResolveInput({.value = *output.default_value}, getenv));
  }
  if (!content.has_value()) {
    if (output.optional) return Value::Null();
    return Trouble(output.path, "it was not written");
  }
  const std::string_view bytes = content->view();
  if (!IsOfType(output.type, bytes)) {
    return Trouble(output.path, absl::StrCat("it is not of type ", output.type));
  }
  if (!output.sensitive) {
    if (!IsUtf8(bytes)) return Trouble(output.path, "it is not UTF-8");
    if (!output.file.empty()) {
      DEPS_RETURN_IF_ERROR(WriteFile(output.file, absl::StrCat(bytes, "\n")));
    }
    return Value::Object({{"value", Value::String(bytes)}});
  }
  DEPS_ASSIGN_OR_RETURN(const std::string ref, StoreSecret(output.sink, bytes, getenv));
  return Value::Object({{"sensitive", Value::Boolean(true)}, {"ref", Value::String(ref)}});
}

}  // namespace

absl::StatusOr<AgentResult> RunAgentTask(const AgentTask& task, const Getenv& getenv) {
  TaskFiles files(getenv);
  AgentRun run = {.program = task.program, .control = task.control};
  for (const auto& [name, value] : task.environment) run.environment.emplace(name, value);
  // What proves to the stores who we are is none of the program's business.
  for (const std::string& name : IdentityVariables()) unsetenv(name.c_str());
  for (const AgentInput& input : task.inputs) {
    DEPS_RETURN_IF_ERROR(AddInput(input, getenv, files, &run));
  }
  AgentResult ended;
  for (const auto& [path, content] : task.files) {
    const absl::Status put = files.Put(path, content, false);
    // An image whose user is not root rarely lets it write beside its files.
    if (put.ok() || geteuid() == 0) {
      DEPS_RETURN_IF_ERROR(put);
    } else {
      ended.notes.push_back(DiagnosticsOf(put)[0].message);
    }
  }
  std::error_code error;
  std::filesystem::create_directories("/cnab/app/outputs", error);
  DEPS_ASSIGN_OR_RETURN(ended.exit_code, Supervise(std::move(run)));
  Value outputs = Value::Object();
  for (const AgentOutput& output : task.outputs) {
    absl::StatusOr<Value> value = CollectOne(output, getenv);
    if (value.ok() && !value->IsObject()) continue;
    if (value.ok()) {
      outputs.Set(output.name, *std::move(value));
    } else {
      ended.problems.push_back(
          absl::StrCat("output '", output.name, "': ", DiagnosticsOf(value.status())[0].message));
    }
  }
  if (!ended.problems.empty() && ended.exit_code == 0) ended.exit_code = 1;
  if (task.result.empty()) return ended;
  const Value result = Value::Object({{"apiVersion", Value::String("cnab-deps/v1")},
                                      {"kind", Value::String("AgentResult")},
                                      {"exitCode", Value::Integer(ended.exit_code)},
                                      {"outputs", std::move(outputs)},
                                      {"problems", Value::Strings(ended.problems)}});
  DEPS_RETURN_IF_ERROR(WriteFile(task.result, json::Format(result, json::Style::kPretty), 0600));
  return ended;
}

}  // namespace deps
