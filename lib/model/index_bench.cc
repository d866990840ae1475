// How long it takes to read an Index: `index_bench [--brief]`. Beside it stands
// what nlohmann/json takes to check and to parse the same text. Exit status 1
// where less than 150 MB a second are read.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>

#include "lib/diag/source.h"
#include "lib/json/json.h"
#include "lib/model/index.h"
#include "nlohmann/json.hpp"

namespace deps {
namespace {

constexpr int kRuns = 5;
constexpr double kLeastMegabytes = 150;  // A second.

constexpr char kBundle[] =
    R"({"schemaVersion":"1.2.0","name":"app","version":"1.2.3",)"
    R"("invocationImages":[{"imageType":"oci","image":"example.com/app-image:v1.2.3"}],)"
    R"("definitions":{"port":{"type":"integer"},"connstr":{"type":"string","writeOnly":true}},)"
    R"("parameters":{"port":{"definition":"port","destination":{"env":"PORT"}}},)"
    R"("outputs":{"connstr":{"definition":"connstr","path":"/cnab/app/outputs/connstr"}},)"
    R"("custom":{"org.getporter.dependencies@v2":{"requires":{"db":{"bundle":"example.com/db",)"
    R"("version":">=1.0.0 <2.0.0"}}}}})";

// Prints the best of several runs, and what it is beside `floor`; returns MB/s.
double Measure(const char* name, int runs, size_t bytes, const std::function<bool()>& run,
               double floor = 0) {
  double best = 0;
  for (int i = 0; i < runs; ++i) {
    const auto start = std::chrono::steady_clock::now();
    if (!run()) return -1;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    best = std::max(best, static_cast<double>(bytes) / 1e6 / took.count());
  }
  std::printf("%-28s %7.0f MB/s", name, best);
  if (floor > 0) std::printf("  %5.1fx", best / floor);
  std::printf("\n");
  return best;
}

int Run(bool brief) {
  const int bundles = brief ? 1000 : 100'000;
  const int runs = brief ? 1 : kRuns;
  Index index;
  for (int i = 0; i < bundles; ++i) {
    index.bundles.push_back({.reference = "example.com/app" + std::to_string(i) + ":v1.2.3",
                             .bundle = json::ToText(json::Value::Of({kBundle}))});
  }
  const Source source = {.name = "index.json", .text = FormatIndex(index)};
  const size_t bytes = source.text.size();
  std::printf("an Index of %d bundles, %zu MB\n", bundles, bytes / 1'000'000);
  const double floor = Measure("nlohmann::json::parse", runs, bytes,
                               [&] { return nlohmann::json::parse(source.text).is_object(); });
  const double check = Measure(
      "nlohmann::json::accept", runs, bytes, [&] { return nlohmann::json::accept(source.text); },
      floor);
  const double parse = Measure(
      "json::Parse", runs, bytes, [&] { return json::Parse(source).ok(); }, floor);
  const double read = Measure(
      "ReadIndex", runs, bytes, [&] { return ReadIndex(source).ok(); }, floor);
  if (floor < 0 || check < 0 || parse < 0 || read < 0) return 2;
  return brief || read > kLeastMegabytes ? 0 : 1;
}

}  // namespace
}  // namespace deps

int main(int argc, char** argv) {
  return deps::Run(argc > 1 && std::string_view(argv[1]) == "--brief");
}
