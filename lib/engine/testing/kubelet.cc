#include "lib/engine/testing/kubelet.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "lib/engine/testing/node_files.h"

extern char** environ;

namespace deps {
namespace {

using json::Value;

constexpr absl::Duration kGrace = absl::Seconds(30);
// The annotation that says since when a pod is to end.
constexpr char kTerminated[] = "testing/terminated";

std::string Quoted(std::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

// For chroot(8), of the user that an image has.
std::string UserOption(const std::string& image) {
  struct stat info = {};
  if (geteuid() != 0 || stat(image.c_str(), &info) != 0 || info.st_uid == 0) return "";
  return absl::StrCat("--userspec=", info.st_uid, ":", info.st_gid, " ");
}

bool Holds(const std::string& path, const std::string& folder) {
  return path == folder || absl::StartsWith(path, absl::StrCat(folder, "/"));
}

}  // namespace

Kubelet::Kubelet(ClusterStore& store, KubeletOptions options)
    : store_(store), options_(std::move(options)) {
  std::filesystem::create_directories(options_.folder);
  std::filesystem::create_directories(options_.memory);
}

std::string Kubelet::FolderOf(const Value& pod) const {
  return absl::StrCat(options_.folder, "/", TextAt(pod, {"metadata", "uid"}));
}

Kubelet::Process Kubelet::ProcessOf(const Value& pod, const std::string& container) const {
  const std::string base = absl::StrCat(FolderOf(pod), "/", container);
  Process process;
  process.started = std::filesystem::exists(base + ".sh");
  int code = 0;
  if (const auto text = ContentOf(base + ".exit"); text && absl::SimpleAtoi(*text, &code)) {
    process.exit_code = code;
  }
  return process;
}

void Kubelet::Signal(const Value& pod, const std::string& container, int number) const {
  int outer = 0;
  const auto text = ContentOf(absl::StrCat(FolderOf(pod), "/", container, ".pid"));
  if (!text || !absl::SimpleAtoi(*text, &outer) || ProcessOf(pod, container).exit_code) return;
  // unshare(1) takes its child along when it is killed, and passes nothing else on.
  int inner = 0;
  const auto children = ContentOf(absl::StrCat("/proc/", outer, "/task/", outer, "/children"));
  if (number != SIGKILL && children &&
      absl::SimpleAtoi(absl::StripAsciiWhitespace(*children), &inner)) {
    kill(inner, number);
  } else {
    kill(outer, SIGKILL);
  }
}

void Kubelet::SignalAll(const Value& pod, int number) const {
  for (const char* const list : {"initContainers", "containers"}) {
    for (const Value& container : ItemsOf(pod.Find("spec"), list)) {
      Signal(pod, TextAt(container, {"name"}), number);
    }
  }
}

void Kubelet::Tick() {
  const std::lock_guard<std::mutex> lock(changing_);
  for (const Value& pod : store_.List("pods", "", nullptr)) {
    NoteLogs(pod);
    TickPod({"pods", TextAt(pod, {"metadata", "namespace"}), TextAt(pod, {"metadata", "name"})},
            pod);
  }
}

void Kubelet::EndAll() {
  for (const Value& pod : store_.List("pods", "", nullptr)) SignalAll(pod, SIGKILL);
}

void Kubelet::TickPod(const ObjectKey& key, const Value& pod) {
  const std::string phase = TextAt(pod, {"status", "phase"});
  const std::string deleted = TextAt(pod, {"metadata", "deletionTimestamp"});
  bool runs = false;
  for (const char* const list : {"initContainers", "containers"}) {
    for (const Value& container : ItemsOf(pod.Find("spec"), list)) {
      const Process process = ProcessOf(pod, TextAt(container, {"name"}));
      runs = runs || (process.started && !process.exit_code);
    }
  }
  absl::Time time;
  std::string error;
  if (!deleted.empty()) {
    if (!runs) return Remove(key, pod);
    absl::ParseTime(absl::RFC3339_full, deleted, &time, &error);
    SignalAll(pod, absl::Now() > time + kGrace ? SIGKILL : SIGTERM);
    return SetStatus(key, pod);
  }
  if (phase == "Succeeded" || phase == "Failed") return;
  const std::string asked = TextAt(pod, {"metadata", "annotations", kTerminated});
  if (absl::ParseTime(absl::RFC3339_full, asked, &time, &error) && absl::Now() > time + kGrace) {
    SignalAll(pod, SIGKILL);
  }
  if (phase.empty() || phase == "Pending") {
    if (!SecretsAreThere(key, pod) || !ImagesAreThere(key, pod)) return;
    MakeVolumes(pod);
  }
  if (absl::ParseTime(absl::RFC3339_full, TextAt(pod, {"status", "startTime"}), &time, &error)) {
    int64_t seconds = 0;
    if (absl::SimpleAtoi(TextAt(pod, {"spec", "activeDeadlineSeconds"}), &seconds) &&
        absl::Now() > time + absl::Seconds(seconds)) {
      SignalAll(pod, SIGKILL);
      return Fail(key, "DeadlineExceeded",
                  "Pod was active on the node longer than the specified deadline");
    }
  }
  for (const Value& container : ItemsOf(pod.Find("spec"), "initContainers")) {
    const Process process = ProcessOf(pod, TextAt(container, {"name"}));
    if (!process.started) Launch(pod, container);
    if (process.exit_code != 0) return SetStatus(key, pod);
  }
  for (const Value& container : ItemsOf(pod.Find("spec"), "containers")) {
    const std::string name = TextAt(container, {"name"});
    if (name != "wait" && !ProcessOf(pod, name).started) Launch(pod, container);
  }
  SetStatus(key, pod);
}

void Kubelet::NoteLogs(const Value& pod) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const char* const list : {"initContainers", "containers"}) {
    for (const Value& container : ItemsOf(pod.Find("spec"), list)) {
      const std::string path =
          absl::StrCat(FolderOf(pod), "/", TextAt(container, {"name"}), ".log");
      std::error_code error;
      const size_t size = std::filesystem::file_size(path, error);
      auto& times = log_times_[path];
      if (!error && (times.empty() ? size > 0 : size > times.back().first)) {
        times.emplace_back(size, absl::Now());
      }
    }
  }
}

bool Kubelet::ImagesAreThere(const ObjectKey& key, const Value& pod) {
  for (const char* const list : {"initContainers", "containers"}) {
    for (const Value& container : ItemsOf(pod.Find("spec"), list)) {
      const std::string image = TextAt(container, {"image"});
      if (TextAt(container, {"name"}) == "wait" || options_.images.contains(image) ||
          options_.images.contains("*")) {
        continue;
      }
      const bool init = list == std::string_view("initContainers");
      Hold(key, init ? "initContainerStatuses" : "containerStatuses", container, "ImagePullBackOff",
           absl::StrCat("Back-off pulling image \"", image, "\""));
      return false;
    }
  }
  return true;
}

void Kubelet::Hold(const ObjectKey& key, const std::string& statuses, const Value& container,
                   const std::string& reason, const std::string& message) {
  const Value waiting =
      Value::Object({{"reason", Value::String(reason)}, {"message", Value::String(message)}});
  Value stored;
  store_.Update(
      key, "",
      [&](Value* object) {
        Value& status = Member(*object, {"status"});
        status.Set("phase", Value::String("Pending"));
        status.Set(
            statuses,
            Value::Array({Value::Object({{"name", *container.Find("name")},
                                         {"image", *container.Find("image")},
                                         {"ready", Value::Boolean(false)},
                                         {"restartCount", Value::Integer(0)},
                                         {"state", Value::Object({{"waiting", waiting}})}})}));
        return true;
      },
      &stored);
}

const std::string& Kubelet::ImageOf(const Value& container) const {
  const auto image = options_.images.find(TextAt(container, {"image"}));
  return image == options_.images.end() ? options_.images.at("*") : image->second;
}

std::string Kubelet::EnterScript(const Value& pod, const Value& container,
                                 const std::string& root) {
  std::string script = "set -e\n";
  const auto mount = [&](const std::string& from, const std::string& to) {
    const std::string target = Quoted(absl::StrCat(root, to));
    if (std::filesystem::is_directory(from)) {
      absl::StrAppend(&script, "mkdir -p ", target, "\n");
    } else {
      absl::StrAppend(&script, "mkdir -p \"$(dirname ", target, ")\"\n[ -e ", target, " ] || : >",
                      target, "\n");
    }
    absl::StrAppend(&script, "mount --bind ", Quoted(from), " ", target, "\n");
  };
  absl::StrAppend(&script, "mkdir -p ", Quoted(root + "/proc"), " ", Quoted(root + "/dev"), " ",
                  Quoted(root + "/tmp"), "\nchmod 1777 ", Quoted(root + "/tmp"),
                  "\nmount -t proc proc ", Quoted(root + "/proc"), "\nmount -t tmpfs dev ",
                  Quoted(root + "/dev"), "\nmkdir -m 1777 ", Quoted(root + "/dev/shm"), "\n");
  for (const char* const device : {"null", "zero", "random", "urandom"}) {
    mount(absl::StrCat("/dev/", device), absl::StrCat("/dev/", device));
  }
  const std::string last_words =
      absl::StrCat(FolderOf(pod), "/", TextAt(container, {"name"}), ".message");
  Put(last_words, "", 0666);
  mount(last_words, "/dev/termination-log");
  for (const auto& [to, from] : MountsOf(pod, container)) mount(from, to);
  absl::StrAppend(&script,
                  "exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:"
                  "/bin HOSTNAME=",
                  Quoted(TextAt(pod, {"metadata", "name"})),
                  " KUBERNETES_SERVICE_HOST=", options_.api_host,
                  " KUBERNETES_SERVICE_PORT=", options_.api_port);
  for (const Value& variable : ItemsOf(&container, "env")) {
    std::string value = TextAt(variable, {"value"});
    if (const Value* const from = variable.Find("valueFrom")) {
      value = FieldOf(pod, TextAt(*from, {"fieldRef", "fieldPath"}));
    }
    absl::StrAppend(&script, " ", Quoted(absl::StrCat(TextAt(variable, {"name"}), "=", value)));
  }
  absl::StrAppend(&script, " /usr/sbin/chroot ", UserOption(ImageOf(container)), Quoted(root));
  for (const char* const words : {"command", "args"}) {
    for (const Value& word : ItemsOf(&container, words)) {
      absl::StrAppend(&script, " ", Quoted(word.text));
    }
  }
  return absl::StrCat(script, "\n");
}

void Kubelet::Launch(const Value& pod, const Value& container) {
  const std::string name = TextAt(container, {"name"});
  const std::string base = absl::StrCat(FolderOf(pod), "/", name);
  const std::string root = base + ".root";
  std::filesystem::copy(
      ImageOf(container), root,
      std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
  Put(base + ".enter", EnterScript(pod, container, root));
  const std::string user = geteuid() == 0 ? "" : " --user --map-root-user";
  Put(base + ".sh",
      absl::StrCat("unshare --mount --pid --fork --kill-child", user, " sh ",
                   Quoted(base + ".enter"), " >", Quoted(base + ".log"),
                   " 2>&1 </dev/null 3>&- 4>&- 5>&- &\necho $! >", Quoted(base + ".pid"),
                   "\nwait $!\necho $? >", Quoted(base + ".new"), "\nmv ", Quoted(base + ".new"),
                   " ", Quoted(base + ".exit"), "\n"));
  // In a session of its own: whatever ends this process does not end it.
  const std::string script = base + ".sh";
  std::vector<std::string> words = {"setsid", "--fork", "sh", script};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // A test that waits for the end of our output does not wait for containers.
  for (const int fd : {0, 1, 2}) {
    posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  }
  pid_t pid = 0;
  if (posix_spawnp(&pid, "setsid", &actions, nullptr, argv.data(), environ) == 0) {
    waitpid(pid, nullptr, 0);
  }
  posix_spawn_file_actions_destroy(&actions);
}

void Kubelet::SetStatus(const ObjectKey& key, const Value& pod) {
  Value statuses[2] = {Value::Array(), Value::Array()};
  bool init_failed = false;
  std::optional<int> main_code;
  const char* const lists[2] = {"initContainers", "containers"};
  for (int i = 0; i < 2; ++i) {
    for (const Value& container : ItemsOf(pod.Find("spec"), lists[i])) {
      const std::string name = TextAt(container, {"name"});
      const Process process = ProcessOf(pod, name == "wait" ? "main" : name);
      Value state = Value::Object(
          {{"waiting", Value::Object({{"reason", Value::String("PodInitializing")}})}});
      if (process.exit_code) {
        const int code = name == "wait" ? 0 : *process.exit_code;
        Value end = Value::Object({{"exitCode", Value::Integer(code)},
                                   {"reason", Value::String(code == 0 ? "Completed" : "Error")},
                                   {"finishedAt", Value::String(TimeText(absl::Now()))}});
        const auto words = ContentOf(absl::StrCat(FolderOf(pod), "/", name, ".message"));
        if (words && !words->empty() && name != "wait") {
          end.Set("message", Value::String(words->substr(0, 4096)));
        }
        state = Value::Object({{"terminated", std::move(end)}});
        if (i == 0 && code != 0) init_failed = true;
        if (name == "main") main_code = code;
      } else if (process.started) {
        state = Value::Object({{"running", Value::Object()}});
      }
      statuses[i].items.push_back(
          Value::Object({{"name", Value::String(name)},
                         {"image", *container.Find("image")},
                         {"ready", Value::Boolean(process.started && !process.exit_code)},
                         {"restartCount", Value::Integer(0)},
                         {"state", std::move(state)}}));
    }
  }
  const std::string phase = init_failed || (main_code && *main_code != 0) ? "Failed"
                            : main_code                                   ? "Succeeded"
                            : ProcessOf(pod, "main").started              ? "Running"
                                                                          : "Pending";
  // The times of an end are those of when it was first seen.
  if (phase == TextAt(pod, {"status", "phase"})) return;
  Value stored;
  store_.Update(
      key, "",
      [&](Value* object) {
        Value& status = Member(*object, {"status"});
        status.Set("phase", Value::String(phase));
        if (status.Find("startTime") == nullptr) {
          status.Set("startTime", Value::String(TimeText(absl::Now())));
        }
        status.Set("initContainerStatuses", statuses[0]);
        status.Set("containerStatuses", statuses[1]);
        return true;
      },
      &stored);
}

void Kubelet::Fail(const ObjectKey& key, const std::string& reason, const std::string& message) {
  Value stored;
  store_.Update(
      key, "",
      [&](Value* object) {
        Value& status = Member(*object, {"status"});
        status.Set("phase", Value::String("Failed"));
        status.Set("reason", Value::String(reason));
        status.Set("message", Value::String(message));
        return true;
      },
      &stored);
}

void Kubelet::Remove(const ObjectKey& key, const Value& pod) {
  Value last;
  for (const Value& token : store_.List("tokens", "-", nullptr)) {
    if (TextAt(token, {"pod"}) != TextAt(pod, {"metadata", "uid"})) continue;
    store_.Delete({"tokens", "-", TextAt(token, {"metadata", "name"})}, &last);
  }
  std::error_code error;
  std::filesystem::remove_all(FolderOf(pod), error);
  std::filesystem::remove_all(absl::StrCat(options_.memory, "/", TextAt(pod, {"metadata", "uid"})),
                              error);
  store_.Delete(key, &last);
}

bool Kubelet::HasStarted(const Value& pod, const std::string& container) const {
  return ProcessOf(pod, container).started;
}

bool Kubelet::HasEnded(const Value& pod, const std::string& container) const {
  return ProcessOf(pod, container).exit_code.has_value() ||
         TextAt(pod, {"status", "phase"}) == "Failed";
}

std::string Kubelet::Log(const Value& pod, const std::string& container, size_t offset) const {
  const std::string path = absl::StrCat(FolderOf(pod), "/", container, ".log");
  // What has no time yet would have another one when it is told again.
  NoteLogs(pod);
  const auto text = ContentOf(path);
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto noted = log_times_.find(path);
  if (!text || noted == log_times_.end() || noted->second.empty()) return "";
  const size_t size = std::min(text->size(), noted->second.back().first);
  return size > offset ? text->substr(offset, size - offset) : "";
}

absl::Time Kubelet::LogTime(const Value& pod, const std::string& container, size_t offset) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = log_times_.find(absl::StrCat(FolderOf(pod), "/", container, ".log"));
  if (found == log_times_.end()) return absl::Now();
  for (const auto& [size, time] : found->second) {
    if (size > offset) return time;
  }
  return absl::Now();
}

std::optional<std::string> Kubelet::FileOf(const Value& pod, const std::string& path) const {
  std::string place = absl::StrCat(FolderOf(pod), "/main.root", path);
  for (const Value& container : ItemsOf(pod.Find("spec"), "containers")) {
    if (TextAt(container, {"name"}) != "main") continue;
    for (const auto& [to, from] : MountsOf(pod, container)) {
      if (Holds(path, to)) place = absl::StrCat(from, path.substr(to.size()));
    }
  }
  if (std::filesystem::is_symlink(place)) return std::nullopt;
  return ContentOf(place);
}

void Kubelet::Evict(const ObjectKey& key, const std::string& message) {
  const std::lock_guard<std::mutex> lock(changing_);
  const auto pod = store_.Get(key);
  if (!pod) return;
  SignalAll(*pod, SIGKILL);
  Fail(key, "Evicted", message);
}

void Kubelet::Terminate(const ObjectKey& key) {
  Value pod;
  bool first = false;
  store_.Update(
      key, "",
      [&](Value* object) {
        first = TextAt(*object, {"metadata", "annotations", kTerminated}).empty();
        Member(*object, {"metadata", "annotations"})
            .Set(kTerminated, Value::String(TimeText(absl::Now())));
        return first;
      },
      &pod);
  if (first) SignalAll(pod, SIGTERM);
}

void Kubelet::Vanish(const ObjectKey& key) {
  const std::lock_guard<std::mutex> lock(changing_);
  const auto pod = store_.Get(key);
  if (!pod) return;
  SignalAll(*pod, SIGKILL);
  while (true) {
    bool runs = false;
    for (const char* const list : {"initContainers", "containers"}) {
      for (const Value& container : ItemsOf(pod->Find("spec"), list)) {
        const Process process = ProcessOf(*pod, TextAt(container, {"name"}));
        runs = runs || (process.started && !process.exit_code);
      }
    }
    if (!runs) break;
    absl::SleepFor(absl::Milliseconds(20));
  }
  Remove(key, *pod);
}

}  // namespace deps
