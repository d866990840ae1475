// How fast versions and ranges are read: `semver_bench [VERSIONS]`. As a test it
// reads a few, once.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "lib/semver/semver.h"

namespace deps {
namespace {

constexpr int kRuns = 5;

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

int Run(size_t count) {
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
  return higher > 0 && inside > 0 ? 0 : 1;
}

}  // namespace
}  // namespace deps

int main(int argc, char** argv) {
  return deps::Run(argc > 1 ? static_cast<size_t>(std::atol(argv[1])) : 1000);
}
