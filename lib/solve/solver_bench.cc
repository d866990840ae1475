// Prints how long the families take here and with libsolv, in the same run:
//   solver_bench [--brief | --alone] [PART_OF_A_NAME]
// --alone leaves libsolv out, for profiles.
//
// Both begin with all packages in memory. Times of ours include asking the
// problem, as libsolv's include making its rules.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/solve/libsolv_bench.h"
#include "lib/solve/solver.h"
#include "lib/solve/solver_families.h"

namespace deps {
namespace {

enum class Peer { kAsked, kTooSlow };  // kTooSlow: minutes, or all of the memory.

struct Family {
  const char* name;
  std::function<Universe()> make;
  Peer peer = Peer::kAsked;
  double most = 0;     // Milliseconds that it may take; 0: only the ratio counts.
  double least = 0.5;  // libsolv's time over ours must not be less.
};

const std::vector<Family>& Families() {
  static const auto& families = *new std::vector<Family>{
      {"chain 10^4", [] { return Chain(10'000); }},
      {"chain 10^5", [] { return Chain(100'000); }},
      {"layered 50x20", [] { return Layered(50, 20, 3); }},
      {"layered 200x50 = 10^4", [] { return Layered(200, 50, 4); }, Peer::kAsked, 2},
      {"layered 1000x100 = 10^5", [] { return Layered(1000, 100, 5); }, Peer::kAsked, 15, 100},
      {"layered 2000x500 = 10^6", [] { return Layered(2000, 500, 5); }, Peer::kTooSlow, 60},
      {"wrong-backtracking 100", [] { return WrongBacktracking(100); }},
      {"wrong-backtracking 1000", [] { return WrongBacktracking(1'000); }, Peer::kAsked, 0, 100},
      {"wrong-backtracking 10^4", [] { return WrongBacktracking(10'000); }, Peer::kTooSlow},
      {"exact windows 20x100", [] { return ExactWindows(20, 100); }},
      {"exact windows 50x400", [] { return ExactWindows(50, 400); }},
      {"pigeonhole 6", [] { return Pigeonhole(6); }},
      {"pigeonhole 7", [] { return Pigeonhole(7); }},
      {"pigeonhole 8", [] { return Pigeonhole(8); }},
      {"over-constrained 60x10 a", [] { return Overconstrained(60, 10, 1); }},
      {"over-constrained 60x10 b", [] { return Overconstrained(60, 10, 2); }},
      {"over-constrained 60x10 c", [] { return Overconstrained(60, 10, 3); }},
      {"broken versions 500", [] { return BrokenVersions(500); }},
      {"broken versions 5000", [] { return BrokenVersions(5'000); }},
      {"broken versions 50000", [] { return BrokenVersions(50'000); }, Peer::kTooSlow},
      {"hub 10^4", [] { return Hub(10'000, 100); }},
      {"pairs 100", [] { return Pairs(100); }},
      {"pairs 1000", [] { return Pairs(1'000); }},
  };
  return families;
}

const std::vector<Family>& BriefFamilies() {
  static const auto& families = *new std::vector<Family>{
      {"chain 100", [] { return Chain(100); }},
      {"layered 20x10", [] { return Layered(20, 10, 3); }},
      {"wrong-backtracking 20", [] { return WrongBacktracking(20); }},
      {"exact windows 5x10", [] { return ExactWindows(5, 10); }},
      {"pigeonhole 4", [] { return Pigeonhole(4); }},
      {"over-constrained 20x5", [] { return Overconstrained(20, 5, 1); }},
      {"broken versions 50", [] { return BrokenVersions(50); }},
      {"pairs 10", [] { return Pairs(10); }},
      {"hub 50", [] { return Hub(50, 10); }},
  };
  return families;
}

// The best of five, or of as many as fit into two seconds. Processor time: the
// machine may have other things to do.
double Milliseconds(bool brief, const std::function<void()>& run) {
  const std::clock_t begin = std::clock();
  double best = 0;
  for (int i = 0; i < (brief ? 1 : 5); ++i) {
    const std::clock_t start = std::clock();
    run();
    const double took = 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    if (i == 0 || took < best) best = took;
    if (std::clock() - begin > 2 * CLOCKS_PER_SEC) break;
  }
  return best;
}

using Libsolv = std::unique_ptr<libsolv_bench, decltype(&libsolv_bench_free)>;

Libsolv Load(const Universe& universe) {
  Libsolv bench(libsolv_bench_new(), &libsolv_bench_free);
  const auto package_count = static_cast<PackageId>(universe.PackageCount());
  for (PackageId package = 0; package < package_count; ++package) {
    const size_t versions = universe.VersionsOf(package);
    for (size_t candidate = 0; candidate < versions; ++candidate) {
      libsolv_bench_add_version(bench.get(), package, static_cast<int>(versions - candidate));
      const Need* end = universe.NeedsEnd(package, candidate);
      for (const Need* need = universe.NeedsBegin(package, candidate); need != end; ++need) {
        const size_t all = universe.VersionsOf(need->package);
        libsolv_bench_add_need(bench.get(), need->package,
                               static_cast<int>(all - std::min<size_t>(need->end, all) + 1),
                               static_cast<int>(all - need->begin));
      }
    }
  }
  libsolv_bench_finish(bench.get());
  return bench;
}

// False where the answers differ, or a target is missed.
bool Measure(const Family& family, bool brief, bool alone) {
  const Universe universe = family.make();
  bool found = false;
  int64_t asked = 0;
  const double ours = Milliseconds(brief, [&] {
    UniverseProblem problem(universe);
    const absl::StatusOr<SolverResult> result = Solve(problem, 0);
    found = result.ok() && result->found;
    asked = problem.asked;
  });
  std::printf("%-26s %8zu %8lld  %-3s %10.3f", family.name, universe.VersionCount(),
              static_cast<long long>(asked), found ? "yes" : "no", ours);
  bool good = brief || family.most == 0 || ours <= family.most;
  if (family.peer == Peer::kAsked && !alone) {
    const Libsolv bench = Load(universe);
    bool peer_found = false;
    const double theirs =
        Milliseconds(brief, [&] { peer_found = libsolv_bench_solve(bench.get()) != 0; });
    std::printf(" %10.3f %9.1f", theirs, theirs / ours);
    good = good && peer_found == found && (brief || theirs / ours >= family.least);
    if (peer_found != found) std::printf("  libsolv says %s", peer_found ? "yes" : "no");
  } else {
    std::printf(" %10s %9s", "-", "-");
  }
  std::printf("%s\n", good ? "" : "  MISSED");
  std::fflush(stdout);
  return good;
}

}  // namespace
}  // namespace deps

int main(int argc, char** argv) {
  const bool brief = argc > 1 && std::strcmp(argv[1], "--brief") == 0;
  const bool alone = argc > 1 && std::strcmp(argv[1], "--alone") == 0;
  const char* only = argc > 1 ? argv[argc - 1] : "";
  if (only[0] == '-') only = "";
  std::printf("%-26s %8s %8s  %-3s %10s %10s %9s\n", "family", "versions", "asked", "", "ours ms",
              "libsolv ms", "times");
  bool good = true;
  for (const deps::Family& family : brief ? deps::BriefFamilies() : deps::Families()) {
    if (std::strstr(family.name, only) == nullptr) continue;
    good = deps::Measure(family, brief, alone) && good;
  }
  return good ? 0 : 1;
}
