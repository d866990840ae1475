// How fast versions and ranges are read: `semver_bench [--brief]`. Exit status 1
// where fewer than five million versions a second are read and compared.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "lib/semver/semver.h"

namespace deps {
namespace {

constexpr int kRuns = 5;
constexpr double kMostNanoseconds = 200;

// The best of five runs, in nanoseconds for one of `count`.
template <typename F>
double Best(size_t count, F run) {
  double best = 1e9;
  for (int i = 0; i < kRuns; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count() / static_cast<double>(count));
  }
  return best;
}

int Run(bool brief) {
  const size_t count = brief ? 1000 : 1'000'000;
  std::vector<std::string> texts;
  for (size_t i = 0; i < count; ++i) {
    const char* const suffix = i % 7 == 0 ? "-rc.2" : i % 11 == 0 ? "+build.5" : "";
    texts.push_back(absl::StrCat(i % 3 == 0 ? "v" : "", i % 13, ".", i % 101, ".", i, suffix));
  }
  size_t higher = 0;
  Version last;
  const double each = Best(count, [&] {
    for (const std::string& text : texts) {
      absl::StatusOr<Version> version = Version::Parse(text);
      higher += *version > last ? 1 : 0;
      last = *std::move(version);
    }
  });
  std::printf("a version parsed and compared: %.0f ns, %.1f million a second\n", each, 1e3 / each);
  const Range range = *Range::Parse(">=1.2.0, <4 || ^7.1");
  std::vector<Version> versions;
  for (const std::string& text : texts) versions.push_back(*Version::Parse(text));
  size_t inside = 0;
  const double match = Best(count, [&] {
    for (const Version& version : versions) inside += range.Contains(version) ? 1 : 0;
  });
  std::printf("a version looked for in a range: %.0f ns\n", match);
  const double known = Best(count, [&] {
    for (size_t i = 0; i < count; ++i) inside += Range::Parse(">=1.2.0, <4 || ^7.1").ok() ? 1 : 0;
  });
  std::printf("a range that was read before: %.0f ns\n", known);
  if (higher == 0 || inside == 0) return 2;
  return brief || each < kMostNanoseconds ? 0 : 1;
}

}  // namespace
}  // namespace deps

int main(int argc, char** argv) {
  return deps::Run(argc > 1 && std::string_view(argv[1]) == "--brief");
}
