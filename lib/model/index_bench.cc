// How long it takes to read an Index: `index_bench [BUNDLES]`. As a test it reads
// a small one, once.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/status/statusor.h"
#include "lib/json/json.h"
#include "lib/model/index.h"

namespace deps {
namespace {

constexpr char kBundle[] =
    R"({"schemaVersion":"1.2.0","name":"app","version":"1.2.3",)"
    R"("invocationImages":[{"imageType":"oci","image":"example.com/app-image:v1.2.3"}],)"
    R"("definitions":{"port":{"type":"integer"},"connstr":{"type":"string","writeOnly":true}},)"
    R"("parameters":{"port":{"definition":"port","destination":{"env":"PORT"}}},)"
    R"("outputs":{"connstr":{"definition":"connstr","path":"/cnab/app/outputs/connstr"}},)"
    R"("custom":{"org.getporter.dependencies@v2":{"requires":{"db":{"bundle":"example.com/db",)"
    R"("version":">=1.0.0 <2.0.0"}}}}})";

double Seconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

int Run(int bundles) {
  Index index;
  for (int i = 0; i < bundles; ++i) {
    index.bundles.push_back({.reference = "example.com/app" + std::to_string(i) + ":v1.2.3",
                             .bundle = json::ToText(json::Value::Of({kBundle}))});
  }
  const Source source = {.name = "index.json", .text = FormatIndex(index)};
  auto start = std::chrono::steady_clock::now();
  const bool is_json = json::Parse(source).ok();
  std::printf("json::Parse of %zu bytes: %.3f s\n", source.text.size(), Seconds(start));
  start = std::chrono::steady_clock::now();
  const bool is_index = ReadIndex(source).ok();
  std::printf("ReadIndex: %.3f s\n", Seconds(start));
  start = std::chrono::steady_clock::now();
  const absl::StatusOr<Index> read = ParseIndex(source);
  std::printf("ParseIndex of %d bundles: %.3f s\n", bundles, Seconds(start));
  return is_json && is_index && read.ok() && *read == index ? 0 : 1;
}

}  // namespace
}  // namespace deps

int main(int argc, char** argv) { return deps::Run(argc > 1 ? std::atoi(argv[1]) : 1000); }
