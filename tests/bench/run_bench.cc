// What it costs to plan and run many small tasks:
// `run_bench [--brief] DEPS_PLAN DEPS_RUN [POSTGRES_URL]`.
//
// The tasks are a binary tree, each after the two below it. Run tools do nothing,
// so that the time is that of the runner; ninja and make run the same tree beside
// it. Commands take turns, and the best of several rounds counts. With a
// PostgreSQL server, tasks of 10 ms are shared between workers. Exit status 1
// where a target is missed.
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/io/file.h"
#include "lib/json/json.h"
#include "lib/model/graph.h"
#include "tests/bench/timed_command.h"

namespace deps {
namespace {

constexpr double kMostOfNinja = 1.5;
constexpr double kMostResumeSeconds = 0.3;
constexpr double kLeastSpeedup = 3;
constexpr double kMostMegabytes = 100;
constexpr double kMostGrowth = 1.5;  // Of the time of one task.
constexpr double kMostPatience = 60;
constexpr useconds_t kBeforeInterruption = 1'000'000;

Graph BinaryTree(int size) {
  Graph graph{.status = "solved"};
  for (int number = 0; number < size; ++number) {
    Bundle bundle{.name = absl::StrCat("b", number), .version = "1.0.0"};
    bundle.digest = absl::StrFormat("sha256:%064x", number);
    bundle.reference = absl::StrCat("example.com/", bundle.name, "@", bundle.digest);
    if (number == 0) {
      graph.nodes.push_back({.id = "root", .paths = {"root"}, .bundle = bundle});
      continue;
    }
    const std::string parent = graph.nodes[static_cast<size_t>(number - 1) / 2].id;
    const std::string alias = number % 2 == 1 ? "a" : "b";
    const std::string id = absl::StrCat(parent, "/", alias);
    graph.edges.push_back({.from = parent,
                           .to = id,
                           .alias = alias,
                           .sharing = Sharing{.mode = Sharing::Mode::kNone}});
    graph.nodes.push_back({.id = id, .paths = {id}, .alias = alias, .bundle = bundle});
  }
  SortGraph(&graph);
  return graph;
}

void WriteNinja(const std::string& path, int size) {
  std::ofstream file(path);
  file << "rule nothing\n  command = /bin/true\n";
  for (int i = 0; i < size; ++i) {
    file << "build t" << i << ": nothing";
    for (int child = 2 * i + 1; child <= 2 * i + 2 && child < size; ++child) file << " t" << child;
    file << "\n";
  }
}

void WriteMakefile(const std::string& path, int size) {
  std::ofstream file(path);
  for (int i = 0; i < size; ++i) {
    file << "t" << i << ":";
    for (int child = 2 * i + 1; child <= 2 * i + 2 && child < size; ++child) file << " t" << child;
    file << "\n\t@/bin/true\n";
  }
}

// The most memory of a process includes that of the one that started it, which
// therefore stays small.
void InAnotherProcess(const std::function<void()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    work();
    _exit(0);
  }
  waitpid(child, nullptr, 0);
}

void WaitForSome(const std::string& file) {
  struct stat info = {};
  const double end = Seconds() + kMostPatience;
  while (Seconds() < end && (stat(file.c_str(), &info) != 0 || info.st_size == 0)) usleep(10'000);
}

std::string IdIn(const std::string& document) {
  std::ifstream file(document);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  constexpr std::string_view kBefore = "\"kind\":\"Workflow\",\"id\":\"";
  const size_t place = text.find(kBefore);
  return place == std::string::npos ? "" : text.substr(place + kBefore.size(), 26);
}

class RunBench {
 public:
  RunBench(bool brief, std::string deps_plan, std::string deps_run, std::string postgres,
           std::string folder)
      : brief_(brief),
        deps_plan_(std::move(deps_plan)),
        deps_run_(std::move(deps_run)),
        postgres_(std::move(postgres)),
        folder_(std::move(folder)) {}

  int Run() {
    const int tasks = brief_ ? 30 : 10'000;
    Plans(tasks);
    Runs(tasks);
    Growth(tasks);
    Resume(tasks);
    if (!postgres_.empty()) Workers(brief_ ? 20 : 1000);
    Memory(10 * tasks);
    if (broken_) return 2;
    return brief_ || met_ ? 0 : 1;
  }

 private:
  std::string In(std::string_view name) const { return absl::StrCat(folder_, "/", name); }
  std::string PlanOf(int tasks) const { return In(absl::StrCat("plan", tasks, ".json")); }

  std::vector<std::string> DepsRun(const std::string& state,
                                   std::vector<std::string> arguments) const {
    std::vector<std::string> command = {deps_run_, "-q", "--compact", "--state", state};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
  }

  // One that has no state yet.
  std::string NewState() { return absl::StrCat("sqlite:", In(absl::StrCat("state", ++states_))); }

  Cost RunTree(int tasks) {
    return Check(RunCommandTimed(
        DepsRun(NewState(), {"--driver", "process:/bin/true", "--jobs", "2", PlanOf(tasks)}),
        In("workflow.json")));
  }

  Cost Check(const Cost& cost) {
    broken_ = broken_ || !cost.good;
    return cost;
  }

  void Target(std::string_view what, double value, double limit, bool at_least = false) {
    if (brief_) return;
    const bool met = at_least ? value >= limit : value <= limit;
    met_ = met_ && met;
    std::printf("  %s: %.2f, wanted is at %s %.2f: %s\n", std::string(what).c_str(), value,
                at_least ? "least" : "most", limit, met ? "met" : "missed");
  }

  static void Row(std::string_view name, const Cost& cost) {
    std::printf("%-48s %8.3f %12.3f %10.0f\n", std::string(name).c_str(), cost.seconds,
                cost.processor, cost.memory);
  }

  static void Head(std::string_view title) {
    std::printf("\n%-48s %8s %12s %10s\n", std::string(title).c_str(), "seconds", "processor s",
                "memory MB");
  }

  void Plans(int tasks) {
    Head("deps-plan with reading and writing");
    for (const int size : {tasks / 10, tasks, 10 * tasks}) {
      const std::string solution = In("solution.json");
      InAnotherProcess(
          [&] { std::ofstream(solution) << FormatGraph(BinaryTree(size), json::Style::kCompact); });
      const Cost cost = Check(RunCommandTimed({deps_plan_, "--compact", solution}, PlanOf(size)));
      Row(absl::StrCat(size, " tasks"), cost);
    }
  }

  void Runs(int tasks) {
    Head(absl::StrCat(tasks, " tasks that do nothing, 2 at a time"));
    mkdir(In("ninja").c_str(), 0700);
    WriteNinja(In("ninja/build.ninja"), tasks);
    WriteMakefile(In("Makefile"), tasks);
    std::array<Cost, 3> best;
    for (int round = 0; round < (brief_ ? 1 : 3); ++round) {
      unlink(In("ninja/.ninja_log").c_str());
      const std::array<Cost, 3> costs = {
          RunTree(tasks),
          Check(RunCommandTimed({"ninja", "-C", In("ninja"), "-j", "2", "--quiet", "t0"},
                                In("ninja.out"))),
          Check(RunCommandTimed({"make", "-s", "-f", In("Makefile"), "-j", "2", "t0"},
                                In("make.out")))};
      for (size_t i = 0; i < best.size(); ++i) {
        if (round == 0 || costs[i].seconds < best[i].seconds) best[i] = costs[i];
      }
    }
    Row("deps-run with a durable state in SQLite", best[0]);
    Row("ninja", best[1]);
    Row("make", best[2]);
    Target("time as a multiple of ninja's", best[0].seconds / best[1].seconds, kMostOfNinja);
    large_ = best[0];
  }

  void Growth(int tasks) {
    const Cost small = RunTree(tasks / 10);
    // Not its user time alone: that is sampled, and four times as much in one run as in another.
    Target("time of a task as a multiple of that among a tenth as many",
           large_.seconds / 10 / std::max(small.seconds, 1e-3), kMostGrowth);
  }

  void Resume(int tasks) {
    Head(absl::StrCat("resume of ", tasks, " tasks, all finished but one"));
    const std::string state = NewState();
    // The root, which comes last, fails each time, so that there is something to resume.
    const std::string tool = In("all-but-the-root");
    std::ofstream(tool) << "#!/bin/sh\n[ $CNAB_BUNDLE_NAME != b0 ]\n";
    chmod(tool.c_str(), 0700);
    RunCommandTimed(
        DepsRun(state, {"--driver", absl::StrCat("process:", tool), "--jobs", "2", PlanOf(tasks)}),
        In("unfinished.json"), In("failures"));
    const std::string id = IdIn(In("unfinished.json"));
    Cost best;
    for (int round = 0; round < (brief_ ? 1 : 5); ++round) {
      const Cost cost =
          RunCommandTimed(DepsRun(state, {"resume", id}), In("workflow.json"), In("failures"));
      if (round == 0 || cost.seconds < best.seconds) best = cost;
    }
    broken_ = broken_ || id.empty();
    Row("deps-run resume, which runs one more", best);
    Target("seconds", best.seconds, kMostResumeSeconds);
  }

  Cost Work(int tasks, int workers) {
    const std::string tool = In("ten-milliseconds");
    std::ofstream(tool) << "#!/bin/sh\nexec sleep 0.01\n";
    chmod(tool.c_str(), 0700);
    Check(RunCommandTimed(
        DepsRun(postgres_, {"--detach", "--driver", absl::StrCat("process:", tool), PlanOf(tasks)}),
        In("workflow.json")));
    const double start = Seconds();
    std::vector<pid_t> processes;
    for (int i = 0; i < workers; ++i) {
      processes.push_back(
          StartCommand(DepsRun(postgres_, {"worker", "--drain", "--jobs", "1"}), In("worker.out")));
    }
    return Check(WaitForCommands(processes, start));
  }

  void Workers(int tasks) {
    Head(absl::StrCat(tasks, " tasks of 10 ms on PostgreSQL, one at a time each"));
    const std::string solution = In("solution.json");
    InAnotherProcess(
        [&] { std::ofstream(solution) << FormatGraph(BinaryTree(tasks), json::Style::kCompact); });
    Check(RunCommandTimed({deps_plan_, "--compact", solution}, PlanOf(tasks)));
    const Cost one = Work(tasks, 1);
    Row("one worker", one);
    const Cost four = Work(tasks, 4);
    Row("four workers", four);
    Target("times as fast", one.seconds / four.seconds, kLeastSpeedup, /*at_least=*/true);
  }

  // All of a run but the most of its tasks, which would take a minute.
  void Memory(int tasks) {
    Head(absl::StrCat(tasks, " tasks, interrupted after a while"));
    const std::string events = In("events.json");
    const double start = Seconds();
    const pid_t process = StartCommand(
        DepsRun(NewState(),
                {"--driver", "process:/bin/true", "--jobs", "2", "--events", PlanOf(tasks)}),
        events);
    WaitForSome(events);
    usleep(brief_ ? kBeforeInterruption / 20 : kBeforeInterruption);
    if (process > 0) kill(process, SIGINT);
    const Cost cost = WaitForCommands({process}, start);
    Row("deps-run", cost);
    Target("MB", cost.memory, kMostMegabytes);
  }

  const bool brief_;
  const std::string deps_plan_;
  const std::string deps_run_;
  const std::string postgres_;
  const std::string folder_;
  int states_ = 0;
  Cost large_;
  bool broken_ = false;
  bool met_ = true;
};

int Run(bool brief, const std::vector<std::string>& arguments) {
  // The state has to be on a disk, or its durability would cost nothing.
  setenv("TMPDIR", "/var/tmp", /*overwrite=*/0);
  absl::StatusOr<TemporaryFolder> folder = TemporaryFolder::Create("run-bench");
  if (!folder.ok()) return 2;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  return RunBench(brief, arguments[0], arguments[1], arguments.size() > 2 ? arguments[2] : "",
                  folder->path())
      .Run();
}

}  // namespace
}  // namespace deps

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  const bool brief = !arguments.empty() && arguments[0] == "--brief";
  if (brief) arguments.erase(arguments.begin());
  if (arguments.size() < 2 || arguments.size() > 3) {
    std::fprintf(stderr, "usage: run_bench [--brief] DEPS_PLAN DEPS_RUN [POSTGRES_URL]\n");
    return 2;
  }
  return deps::Run(brief, arguments);
}
