#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/agent/control.h"
#include "lib/agent/frame.h"
#include "lib/agent/supervise.h"
#include "lib/agent/task.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"
#include "lib/schema/conforms.h"
#include "lib/secrets/secret_buffer.h"

namespace deps {
namespace {

int MemoryFile(std::string_view content) {
  const int fd = memfd_create("test", MFD_CLOEXEC);
  EXPECT_EQ(write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
  lseek(fd, 0, SEEK_SET);
  return fd;
}

std::string ContentOf(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream(path).rdbuf();
  return content.str();
}

AgentRun Sample() {
  AgentRun run = {.program = "/bin/run", .control = "/control"};
  run.environment["EMPTY"] = SecretBuffer();
  run.environment["TOKEN"] = SecretBuffer("a=b\nc");
  run.redacted.emplace_back("a=b\nc");
  return run;
}

// A task below a folder of its own: a script, run by the supervisor in a process
// of its own.
class Task {
 public:
  explicit Task(std::string_view script) {
    run_.program = path("run");
    run_.control = path("control");
    mkdir(run_.control.c_str(), 0700);
    std::ofstream(run_.program) << "#!/bin/sh\n" << script;
    chmod(run_.program.c_str(), 0755);
  }
  std::string path(std::string_view name) const { return absl::StrCat(folder_.path(), "/", name); }
  AgentRun& run() { return run_; }

  void Start() {
    pid_ = fork();
    if (pid_ != 0) return;
    const int out = open(path("out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(out, 1);
    AgentRun run = {.program = run_.program, .control = run_.control};
    for (const auto& [name, value] : run_.environment) run.environment[name] = value.Copy();
    for (const SecretBuffer& value : run_.redacted) run.redacted.push_back(value.Copy());
    const absl::StatusOr<int> status = Supervise(std::move(run));
    _exit(status.ok() ? *status : HasId(status.status(), DiagnosticId::kRunBusy) ? 201 : 202);
  }
  pid_t pid() const { return pid_; }
  void Signal(int number) const { kill(pid_, number); }
  int Wait() const {
    int status = 0;
    waitpid(pid_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  int Run() {
    Start();
    return Wait();
  }
  void AwaitFile(std::string_view name) const {
    for (int i = 0; i < 6000 && access(path(name).c_str(), F_OK) != 0; ++i) usleep(10000);
  }

 private:
  TemporaryFolder folder_ = *TemporaryFolder::Create("agent-test");
  AgentRun run_;
  pid_t pid_ = -1;
};

TEST(FrameTest, ComesBackAsItWas) {
  const SecretBuffer frame = EncodeFrame(Sample());
  const int fd = MemoryFile(absl::StrCat(frame.view(), "what follows is not read"));
  const absl::StatusOr<AgentRun> run = ReadFrame(fd);
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(EncodeFrame(*run).view(), frame.view());
  EXPECT_EQ(lseek(fd, 0, SEEK_CUR), static_cast<off_t>(frame.size()));
  close(fd);
}

TEST(FrameTest, IsRefusedWhereItIsShorterOrDamaged) {
  const std::string frame(EncodeFrame(Sample()).view());
  for (size_t size = 0; size < frame.size(); ++size) {
    const int fd = MemoryFile(frame.substr(0, size));
    EXPECT_TRUE(HasId(ReadFrame(fd).status(), DiagnosticId::kRunDriver)) << size;
    close(fd);
  }
  const int fd = MemoryFile(absl::StrCat("deps-agent 2\nE\xff\xff\xff\xff", "rest"));
  EXPECT_TRUE(HasId(ReadFrame(fd).status(), DiagnosticId::kRunDriver));
  close(fd);
}

TEST(SuperviseTest, GivesEnvironmentOutputAndExitStatusAndHidesValues) {
  Task task(
      "echo \"$TOKEN at $PWD\" | sed 's/ at.*//'\n"
      "printf %s \"$TOKEN\" | base64 >&2\n"
      "read line || echo no input\n"
      "exit 7\n");
  task.run().environment["TOKEN"] = SecretBuffer("sentinel value");
  task.run().redacted.emplace_back("sentinel value");
  EXPECT_EQ(task.Run(), 7);
  EXPECT_EQ(ContentOf(task.path("out")), "[redacted]\n[redacted]\nno input\n");
  EXPECT_EQ(ContentOf(task.path("control/log")), ContentOf(task.path("out")));
  const absl::StatusOr<std::optional<int>> exit = ReadExit(task.path("control"));
  ASSERT_TRUE(exit.ok()) << exit.status();
  EXPECT_EQ(*exit, 7);
}

TEST(SuperviseTest, StartsOnceInAFolder) {
  Task task("echo once\n");
  EXPECT_EQ(task.Run(), 0);
  EXPECT_EQ(task.Run(), 201);
  EXPECT_EQ(ContentOf(task.path("control/log")), "once\n");
}

TEST(SuperviseTest, IsKnownToLiveUntilItEnds) {
  Task task("touch \"$READY\"\nread line <\"$GO\"\n");
  task.run().environment["READY"] = SecretBuffer(task.path("ready"));
  task.run().environment["GO"] = SecretBuffer(task.path("go"));
  ASSERT_EQ(mkfifo(task.path("go").c_str(), 0600), 0);
  EXPECT_FALSE(AgentLives(task.path("control")));
  task.Start();
  task.AwaitFile("ready");
  EXPECT_TRUE(AgentLives(task.path("control")));
  EXPECT_FALSE(KeepFromStarting(task.path("control")));
  std::ofstream(task.path("go")) << "on\n";
  EXPECT_EQ(task.Wait(), 0);
  EXPECT_FALSE(AgentLives(task.path("control")));
  EXPECT_FALSE(KeepFromStarting(task.path("control")));
}

TEST(SuperviseTest, NeverStartsWhereItIsKeptFromIt) {
  Task task("echo never\n");
  EXPECT_TRUE(KeepFromStarting(task.path("control")));
  EXPECT_EQ(task.Run(), 201);
  EXPECT_TRUE(KeepFromStarting(task.path("control")));
  EXPECT_FALSE(AgentLives(task.path("control")));
}

TEST(SuperviseTest, OfManyThatStartInAFolderOneDoes) {
  Task task("echo once\n");
  std::vector<pid_t> others;
  for (int i = 0; i < 8; ++i) {
    task.Start();
    others.push_back(task.pid());
  }
  int begun = 0;
  for (const pid_t other : others) {
    int status = 0;
    waitpid(other, &status, 0);
    begun += WEXITSTATUS(status) == 0 ? 1 : 0;
  }
  EXPECT_EQ(begun, 1);
  EXPECT_EQ(ContentOf(task.path("control/log")), "once\n");
}

TEST(SuperviseTest, SaysThatAProgramCannotBeRun) {
  Task task("");
  task.run().program = task.path("absent");
  EXPECT_EQ(task.Run(), 202);
  EXPECT_EQ(*ReadExit(task.path("control")), std::nullopt);
}

TEST(SuperviseTest, PassesSignalsOnAndWaitsForWhatTheProgramStarted) {
  // As a shell around terraform: the child saves its state when it is asked to
  // stop, and the shell itself is gone by then.
  Task task(
      "sh -c 'trap \"sleep 0.2; echo saved; exit 0\" TERM; sleep 60 & touch ../ready; wait' &\n"
      "wait\n");
  task.run().environment["DIR"] = SecretBuffer(task.path("control"));
  ASSERT_EQ(chdir(task.path("control").c_str()), 0);
  task.Start();
  ASSERT_EQ(chdir("/"), 0);
  task.AwaitFile("ready");
  task.Signal(SIGTERM);
  EXPECT_EQ(task.Wait(), 128 + SIGTERM);
  EXPECT_EQ(ContentOf(task.path("out")), "saved\n");
}

TEST(SuperviseTest, EndsWhatAProgramLeavesRunning) {
  Task task("sleep 60 &\necho \"$!\"\n");
  ASSERT_EQ(task.Run(), 0);
  const pid_t left = std::stoi(ContentOf(task.path("out")));
  // Gone, or a zombie that nobody has waited for.
  const std::string command_line = absl::StrCat("/proc/", left, "/cmdline");
  for (int i = 0; i < 6000 && !ContentOf(command_line).empty(); ++i) usleep(10000);
  EXPECT_EQ(ContentOf(command_line), "");
}

TEST(SuperviseTest, KeepsABoundedLogAndLosesNoOutput) {
  Task task("head -c 9000000 /dev/zero | tr '\\0' 'x'\n");
  EXPECT_EQ(task.Run(), 0);
  EXPECT_TRUE(ContentOf(task.path("out")) == std::string(9000000, 'x'));
  const std::string log = ContentOf(task.path("control/log"));
  EXPECT_TRUE(log == std::string(kMaxControlLog, 'x') +
                         "\n[deps-agent: more was printed than is kept here]\n");
  ControlLogReader reader(task.path("control"));
  std::string read;
  for (std::string text = reader.Next(); !text.empty(); text = reader.Next()) read += text;
  EXPECT_TRUE(read == log);
}

// Tests here change the working directory.
Source Schema(std::string_view name) {
  const absl::StatusOr<Source> schema = ReadFile(absl::StrCat(
      getenv("TEST_SRCDIR"), "/", getenv("TEST_WORKSPACE"), "/lib/schema/", name, ".schema.json"));
  EXPECT_TRUE(schema.ok()) << schema.status();
  return schema.ok() ? *schema : Source();
}

std::string Document(std::string_view members) {
  return absl::StrCat("{\"apiVersion\":\"cnab-deps/v1\",\"kind\":\"AgentTask\",", members, "}");
}

TEST(ParseAgentTaskTest, ReadsWhatItsSchemaDescribes) {
  const Source document = {
      "task", Document(R"("program":"/run","control":"/deps/control","environment":{"A":"b"},
      "files":{"/cnab/bundle.json":"{}"},"inputs":[{"name":"t","env":"T","path":"/t","secret":"env:T"},
      {"name":"u","env":"U","value":""}],"outputs":[{"name":"p","path":"/cnab/app/outputs/p",
      "sensitive":true,"sink":"vault:kv/p"}],"result":"/deps/result.json")")};
  EXPECT_EQ(ConformsToSchema(Schema("agent-task"), document), absl::OkStatus());
  const absl::StatusOr<AgentTask> task = ParseAgentTask(document);
  ASSERT_TRUE(task.ok()) << task.status();
  EXPECT_EQ(task->inputs.size(), 2U);
  EXPECT_EQ(task->result, "/deps/result.json");
}

TEST(ParseAgentTaskTest, RefusesWhatItMustNotRun) {
  const struct {
    std::string document;
    DiagnosticId id;
  } kRows[] = {
      {"{}", DiagnosticId::kDocumentMember},
      {R"({"apiVersion":"cnab-deps/v1","kind":"Plan"})", DiagnosticId::kDocumentKind},
      {Document(R"("outputs":[{"name":"p","path":"/cnab/app/outputs/p","sensitive":true}])"),
       DiagnosticId::kDocumentValue},
      {Document(R"("outputs":[{"name":"p","path":"/etc/passwd"}])"), DiagnosticId::kDocumentValue},
      {Document(R"("inputs":[{"name":"a","env":"A"}])"), DiagnosticId::kDocumentValue},
      {Document(R"("inputs":[{"name":"a","env":"A","value":"x","secret":"env:X"}])"),
       DiagnosticId::kDocumentValue},
      {Document(R"("inputs":[{"name":"a","env":"CNAB_ACTION","value":"x"}])"),
       DiagnosticId::kDocumentValue},
      {Document(R"("inputs":[{"name":"a","env":"A","secret":"nothing"}])"),
       DiagnosticId::kSecretReference},
      {Document(R"("unknown":1)"), DiagnosticId::kDocumentMember},
  };
  for (const auto& row : kRows) {
    const absl::StatusOr<AgentTask> task = ParseAgentTask({.name = "task", .text = row.document});
    EXPECT_TRUE(HasId(task.status(), row.id)) << row.document << task.status();
  }
}

TEST(RunAgentTaskTest, FetchesReferencesAndStoresOutputs) {
  Task task("cat \"$FILE\"; echo \"$TOKEN $VAULT_TOKEN\"; readlink \"$FILE\" | cut -c1-9\n");
  const std::string file = task.path("credential");
  AgentTask document = {
      .program = task.path("run"),
      .control = task.path("control"),
      .environment = {{"FILE", file}},
      .inputs = {{.name = "a",
                  .path = file,
                  .source = {.kind = ValueSource::Kind::kSecret, .text = "env:SECRET"}},
                 {.name = "b",
                  .env = "TOKEN",
                  .source = {.kind = ValueSource::Kind::kSecret, .text = "env:SECRET"}}},
      .outputs = {{.name = "none", .path = "/cnab/app/outputs/none-at-all"}},
      .result = task.path("result")};
  const pid_t pid = fork();
  if (pid == 0) {
    setenv("VAULT_TOKEN", "identity", 1);
    dup2(open(task.path("out").c_str(), O_WRONLY | O_CREAT, 0600), 1);
    const auto getenv = [](std::string_view name) -> std::optional<std::string> {
      return name == "SECRET" ? std::optional<std::string>("sentinel\n") : std::nullopt;
    };
    const absl::StatusOr<AgentResult> result = RunAgentTask(document, getenv);
    _exit(result.ok() ? result->exit_code : 99);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_EQ(ContentOf(task.path("out")), "[redacted][redacted] \n/dev/shm/\n");
  EXPECT_NE(ContentOf(task.path("result"))
                .find("'none': '/cnab/app/outputs/none-at-all': it was "
                      "not written"),
            std::string::npos);
  EXPECT_EQ(ConformsToSchema(Schema("agent-result"), {"result", ContentOf(task.path("result"))}),
            absl::OkStatus());
  EXPECT_NE(access(file.c_str(), F_OK), 0);
}

TEST(RunAgentTaskTest, GoesWithoutWhatTheImagesUserMayNotWrite) {
  if (geteuid() != 0) GTEST_SKIP() << "only root becomes another user";
  const AgentTask document = {.program = "/bin/false", .files = {{"/proc/bundle.json", "{}"}}};
  const pid_t pid = fork();
  if (pid == 0) {
    const auto getenv = [](std::string_view) { return std::optional<std::string>(); };
    const absl::StatusOr<AgentResult> as_root = RunAgentTask(document, getenv);
    // In a sandbox there is no other user than root; without a map it is nobody.
    if (as_root.ok() || (setuid(65534) != 0 && unshare(CLONE_NEWUSER) != 0)) _exit(98);
    const absl::StatusOr<AgentResult> result = RunAgentTask(document, getenv);
    _exit(result.ok() && result->notes.size() == 1 ? result->exit_code : 99);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

TEST(RunAgentTaskTest, FillsWhatIsMountedForAUserWhoMayNotWriteBesideIt) {
  if (geteuid() != 0) GTEST_SKIP() << "only root becomes another user";
  std::string folder = "/dev/shm/agent-test-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const absl::Cleanup remover = [&] { std::filesystem::remove_all(folder); };
  const std::string file = absl::StrCat(folder, "/kubeconfig");
  std::ofstream(file).close();
  ASSERT_EQ(chmod(file.c_str(), 0666), 0);
  ASSERT_EQ(chmod(folder.c_str(), 0555), 0);
  const auto task = [](const std::string& path) {
    return AgentTask{.program = "/bin/false",
                     .inputs = {{.name = "kubeconfig",
                                 .path = path,
                                 .source = {.value = {"\"secret\""}},
                                 .sensitive = true}}};
  };
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    const auto getenv = [](std::string_view) { return std::optional<std::string>(); };
    if (setuid(65534) != 0 && unshare(CLONE_NEWUSER) != 0) _exit(98);
    const absl::StatusOr<AgentResult> mounted = RunAgentTask(task(file), getenv);
    // Another file of the same folder is none that an engine has put there.
    const absl::StatusOr<AgentResult> absent = RunAgentTask(task(file + "-2"), getenv);
    const std::string message = DiagnosticsOf(absent.status())[0].message;
    if (write(ends[1], message.data(), message.size()) < 0) _exit(97);
    _exit(mounted.ok() ? mounted->exit_code : 99);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  close(ends[1]);
  char message[1000];
  const ssize_t size = read(ends[0], message, sizeof message);
  close(ends[0]);
  EXPECT_EQ(std::string(message, static_cast<size_t>(std::max<ssize_t>(size, 0))),
            absl::StrCat("the file of input 'kubeconfig' cannot be written as user 65534: '", file,
                         "-2': Permission denied"));
  EXPECT_EQ(ContentOf(file), "");
}

TEST(ControlTest, TrustsNothingThatTheRunToolCouldHavePutThere) {
  const TemporaryFolder folder = *TemporaryFolder::Create("control-test");
  const std::string exit = absl::StrCat(folder.path(), "/exit");
  EXPECT_EQ(*ReadExit(folder.path()), std::nullopt);
  for (const std::string text : {"", "x\n", "-1\n", "256\n", "99999999999999999999\n"}) {
    std::ofstream(exit) << text;
    EXPECT_TRUE(HasId(ReadExit(folder.path()).status(), DiagnosticId::kRunDriver)) << text;
  }
  unlink(exit.c_str());
  ASSERT_EQ(symlink("/etc/hostname", exit.c_str()), 0);
  EXPECT_TRUE(HasId(ReadExit(folder.path()).status(), DiagnosticId::kRunDriver));
  unlink(exit.c_str());
  ASSERT_EQ(mkfifo(exit.c_str(), 0600), 0);
  EXPECT_TRUE(HasId(ReadExit(folder.path()).status(), DiagnosticId::kRunDriver));
  ASSERT_EQ(symlink("/etc/passwd", absl::StrCat(folder.path(), "/log").c_str()), 0);
  EXPECT_EQ(ControlLogReader(folder.path()).Next(), "");
}

}  // namespace
}  // namespace deps
