#include "lib/secrets/program.h"

#include <fcntl.h>
#include <openssl/mem.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/program.h"
#include "lib/json/json.h"
#include "lib/secrets/reference.h"
#include "lib/secrets/store_access.h"

extern char** environ;

namespace deps {
namespace {

using json::Value;

constexpr size_t kMaxAnswer = size_t{2} << 20;
constexpr int kPollMilliseconds = 50;
constexpr char kApiVersion[] = "cnab-deps/secret/v1";

// A file in memory that holds `input`, to be read from its beginning.
int InputFile(std::string_view input) {
  if (input.empty()) return open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int fd = memfd_create("deps-secret", MFD_CLOEXEC);
  while (fd >= 0 && !input.empty()) {
    const ssize_t count = write(fd, input.data(), input.size());
    if (count < 0 && errno != EINTR) break;
    if (count > 0) input.remove_prefix(static_cast<size_t>(count));
  }
  if (fd >= 0) lseek(fd, 0, SEEK_SET);
  return fd;
}

absl::StatusOr<pid_t> Start(std::string_view reference, const std::vector<std::string>& words,
                            int in, int out) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const absl::Cleanup destroy = [&] { posix_spawn_file_actions_destroy(&actions); };
  posix_spawn_file_actions_adddup2(&actions, in, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  // No other descriptor is its business, among them those that hold secrets.
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  const absl::Cleanup destroy_attributes = [&] { posix_spawnattr_destroy(&attributes); };
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, argv[0], &actions, &attributes, argv.data(), environ);
  if (error == 0) return pid;
  return SecretUnavailable(reference,
                           absl::StrCat("cannot run '", words[0], "': ", strerror(error)));
}

// The answer of a plugin: an object, which is no error.
absl::StatusOr<SecretJson> AskPlugin(std::string_view text, const SecretReference& reference,
                                     const char* verb, std::string_view input,
                                     const Patience& patience) {
  DEPS_ASSIGN_OR_RETURN(
      const SecretBuffer output,
      AskProgram(text, {absl::StrCat("deps-secret-", reference.provider), verb}, input, patience));
  Source source = {.name = "<answer>", .text = std::string(output.view())};
  absl::StatusOr<Value> parsed = json::Parse(source);
  Wipe(&source.text);
  if (!parsed.ok()) {
    return SecretUnavailable(
        text, absl::StrCat("what deps-secret-", reference.provider, " answers is no JSON"));
  }
  SecretJson answer(*std::move(parsed));
  if (answer.At({"error"}) == nullptr) return answer;
  const Value* const message = answer.At({"error", "message"});
  return SecretUnavailable(text, message != nullptr ? std::string_view(message->text).substr(0, 200)
                                                    : "the program answers with an error");
}

Value RefValue(const SecretReference& reference) {
  Value ref =
      Value::Object({{"id", Value::String("0")}, {"locator", Value::String(reference.locator)}});
  if (!reference.field.empty()) ref.Set("field", Value::String(reference.field));
  if (reference.version > 0) ref.Set("version", Value::Integer(reference.version));
  return ref;
}

// The first entry of an array.
const Value* FirstOf(const SecretJson& answer, std::string_view name) {
  const Value* const list = answer.At({name});
  return list != nullptr && list->IsArray() && list->items.size() == 1 ? &list->items[0] : nullptr;
}

}  // namespace

absl::Status ReadToEnd(std::string_view reference, int fd, const Patience& patience,
                       size_t max_bytes, SecretBuffer* out) {
  std::array<char, 4096> chunk;
  const absl::Cleanup wipe = [&] { OPENSSL_cleanse(chunk.data(), chunk.size()); };
  while (true) {
    pollfd waiting = {.fd = fd, .events = POLLIN, .revents = 0};
    if (patience.IsOver()) return SecretUnavailable(reference, "no answer in time");
    const int ready = poll(&waiting, 1, kPollMilliseconds);
    if (ready < 0 && errno != EINTR) return SecretUnavailable(reference, strerror(errno));
    if (ready <= 0) continue;
    const ssize_t count = read(fd, chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SecretUnavailable(reference, strerror(errno));
    if (count == 0) return absl::OkStatus();
    if (out->size() + static_cast<size_t>(count) > max_bytes) {
      return SecretUnavailable(reference,
                               absl::StrCat("the value is larger than ", max_bytes, " bytes"));
    }
    out->Append({chunk.data(), static_cast<size_t>(count)});
  }
}

absl::StatusOr<SecretBuffer> AskProgram(std::string_view reference,
                                        const std::vector<std::string>& words,
                                        std::string_view input, const Patience& patience) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return SecretUnavailable(reference, strerror(errno));
  const absl::Cleanup close_read = [&] { close(ends[0]); };
  const int in = InputFile(input);
  const absl::StatusOr<pid_t> pid = Start(reference, words, in, ends[1]);
  close(ends[1]);
  if (in >= 0) close(in);
  if (!pid.ok()) return pid.status();
  SecretBuffer value;
  const absl::Status status = ReadToEnd(reference, ends[0], patience, kMaxAnswer, &value);
  if (!status.ok()) kill(-*pid, SIGKILL);
  int exit = 0;
  // Its output has ended; it may take its time to end itself, but not for ever.
  while (true) {
    const pid_t waited = waitpid(*pid, &exit, WNOHANG);
    if (waited == *pid || (waited < 0 && errno != EINTR)) break;
    if (patience.IsOver()) kill(-*pid, SIGKILL);
    absl::SleepFor(absl::Milliseconds(1));
  }
  DEPS_RETURN_IF_ERROR(status);
  if (WIFEXITED(exit) && WEXITSTATUS(exit) == 0) return value;
  return SecretUnavailable(
      reference, WIFEXITED(exit) ? absl::StrCat("the command ended with status ", WEXITSTATUS(exit))
                                 : absl::StrCat("signal ", WTERMSIG(exit), " ended the command"));
}

absl::StatusOr<SecretBuffer> GetFromPlugin(std::string_view text, const SecretReference& reference,
                                           const Patience& patience) {
  const std::string request = json::Canonical(Value::Object(
      {{"apiVersion", Value::String(kApiVersion)}, {"refs", Value::Array({RefValue(reference)})}}));
  DEPS_ASSIGN_OR_RETURN(const SecretJson answer,
                        AskPlugin(text, reference, "get", request, patience));
  const Value* const value = FirstOf(answer, "values");
  const Value* const encoded = value == nullptr ? nullptr : value->Find("base64");
  std::string bytes;
  const absl::Cleanup wipe = [&] { Wipe(&bytes); };
  if (encoded == nullptr || !absl::Base64Unescape(encoded->text, &bytes)) {
    return SecretUnavailable(text, "the program's answer holds no value in base64");
  }
  return SecretBuffer(bytes);
}

absl::StatusOr<std::string> PutToPlugin(std::string_view text, const SecretReference& reference,
                                        std::string_view value, const Patience& patience) {
  Value item = RefValue(reference);
  std::string encoded = absl::Base64Escape(value);
  item.Set("base64", Value::String(encoded));
  Wipe(&encoded);
  SecretJson request(Value::Object(
      {{"apiVersion", Value::String(kApiVersion)}, {"values", Value::Array({std::move(item)})}}));
  std::string input = json::Canonical(*request.At({}));
  const absl::Cleanup wipe = [&] { Wipe(&input); };
  DEPS_ASSIGN_OR_RETURN(const SecretJson answer,
                        AskPlugin(text, reference, "put", input, patience));
  const Value* const ref = FirstOf(answer, "refs");
  const auto member = [ref](std::string_view name) -> std::string {
    const Value* const found = ref == nullptr ? nullptr : ref->Find(name);
    return found == nullptr ? "" : found->text;
  };
  const std::string locator = member("locator");
  const std::string field = member("field");
  const std::string version = member("version");
  if (locator.empty()) return SecretUnavailable(text, "the program's answer holds no reference");
  return absl::StrCat(reference.provider, ":", locator, field.empty() ? "" : "#", field,
                      version.empty() ? "" : "?version=", version);
}

bool HasPlugin(const std::string& provider) {
  const char* const path = std::getenv("PATH");
  for (const std::string_view folder : absl::StrSplit(path == nullptr ? "" : path, ':')) {
    const std::string candidate =
        absl::StrCat(folder.empty() ? "." : folder, "/deps-secret-", provider);
    if (IsProgram(candidate)) return true;
  }
  return false;
}

}  // namespace deps
