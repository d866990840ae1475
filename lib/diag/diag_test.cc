#include <set>

#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/printer.h"
#include "lib/diag/source.h"

namespace deps {
namespace {

Diagnostic Cycle() {
  return {.id = DiagnosticId::kGraphCycle,
          .message = "a, b: 100% round\n\033[2J",
          .location = {.file = "g,x.json", .line = 3, .column = 7, .pointer = "/edges/1"},
          .hint = "remove one"};
}

TEST(DiagnosticTest, IdsAreUniqueAndEachHasAMeaning) {
  std::set<std::string_view> names;
  for (const DiagnosticInfo& info : AllDiagnostics()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_FALSE(info.meaning.empty()) << info.name;
    EXPECT_EQ(InfoOf(info.id).name, info.name);
  }
}

TEST(DiagnosticTest, AStatusCarriesItsDiagnosticsUnchanged) {
  Diagnostic warning = Cycle();
  warning.severity = Severity::kWarning;
  const std::vector<Diagnostic> all = {warning, Cycle()};
  EXPECT_EQ(DiagnosticsOf(MakeErrors(all)), all);
}

TEST(DiagnosticTest, TheFirstErrorDecidesTheExitStatus) {
  struct Row {
    DiagnosticId id;
    ExitCode code;
  };
  for (const Row& row : {Row{DiagnosticId::kUsage, ExitCode::kUsage},
                         Row{DiagnosticId::kJsonSyntax, ExitCode::kInput},
                         Row{DiagnosticId::kRegistryAuth, ExitCode::kEnvironment},
                         Row{DiagnosticId::kPlanMissing, ExitCode::kNo},
                         Row{DiagnosticId::kInternal, ExitCode::kBug}}) {
    EXPECT_EQ(ExitCodeOf(MakeError({.id = row.id, .message = "m"})), row.code);
  }
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), ExitCode::kOk);
  EXPECT_EQ(ExitCodeOf(absl::UnknownError("foreign")), ExitCode::kBug);
}

TEST(PrinterTest, WritesTextGithubAndJson) {
  const PrinterOptions text = {.command = "deps-graph"};
  EXPECT_EQ(
      FormatDiagnostic(Cycle(), text),
      "deps-graph: g,x.json:3:7: /edges/1: error: a, b: 100% round\\x0a\\x1b[2J [graph-cycle]\n"
      "deps-graph: hint: remove one\n");
  const PrinterOptions github = {.command = "c", .format = DiagnosticFormat::kGithub};
  EXPECT_EQ(FormatDiagnostic(Cycle(), github),
            "::error file=g%2Cx.json,line=3,col=7,title=graph-cycle::/edges/1: a, b: 100%25 "
            "round%0A\033[2J%0Ahint: remove one\n");
  const PrinterOptions json = {.command = "c", .format = DiagnosticFormat::kJson};
  EXPECT_EQ(
      FormatDiagnostic(Cycle(), json),
      "{\"command\":\"c\",\"severity\":\"error\",\"id\":\"graph-cycle\",\"message\":\"a, b: 100% "
      "round\\u000a\\u001b[2J\",\"file\":\"g,x.json\",\"line\":3,\"column\":7,\"pointer\":\"/edges/"
      "1\",\"hint\":\"remove one\"}\n");
}

TEST(PrinterTest, WritesDetailsLineByLine) {
  const Diagnostic proof{
      .id = DiagnosticId::kUsage, .message = "m", .hint = "h", .details = {"1. a\x1b", "  b"}};
  EXPECT_EQ(FormatDiagnostic(proof, {.command = "c"}),
            "c: error: m [usage]\n  1. a\\x1b\n    b\nc: hint: h\n");
  EXPECT_EQ(FormatDiagnostic(proof, {.command = "c", .format = DiagnosticFormat::kGithub}),
            "::error title=usage::m%0A  1. a\x1b%0A    b%0Ahint: h\n");
  EXPECT_EQ(FormatDiagnostic(proof, {.command = "c", .format = DiagnosticFormat::kJson}),
            "{\"command\":\"c\",\"severity\":\"error\",\"id\":\"usage\",\"message\":\"m\","
            "\"details\":[\"1. a\\u001b\",\"  b\"],\"hint\":\"h\"}\n");
}

TEST(PrinterTest, ShowsWhatIsNotUtf8) {
  const Diagnostic read{.id = DiagnosticId::kJsonSyntax, .message = "read \xff\xc3\xa4\xc3"};
  EXPECT_EQ(FormatDiagnostic(read, {.command = "c"}),
            "c: error: read \\xff\xc3\xa4\\xc3 [json-syntax]\n");
  EXPECT_EQ(FormatDiagnostic(read, {.command = "c", .format = DiagnosticFormat::kJson}),
            "{\"command\":\"c\",\"severity\":\"error\",\"id\":\"json-syntax\",\"message\":"
            "\"read \\\\xff\xc3\xa4\\\\xc3\"}\n");
}

TEST(PrinterTest, StopsAtTheLimitAndSaysSo) {
  const std::vector<Diagnostic> three(3, Diagnostic{.id = DiagnosticId::kUsage, .message = "m"});
  EXPECT_EQ(FormatStatus(MakeErrors(three), {.command = "c", .limit = 2}),
            "c: error: m [usage]\nc: error: m [usage]\nc: note: 1 more not shown\n");
}

TEST(SourceTest, CountsLinesAndColumnsFromOne) {
  const Source source = {"f", "ab\ncd"};
  EXPECT_EQ(source.At(0), (Location{"f", 1, 1, ""}));
  EXPECT_EQ(source.At(4, "/x"), (Location{"f", 2, 2, "/x"}));
  EXPECT_EQ(source.At(99), (Location{"f", 2, 3, ""}));
}

}  // namespace
}  // namespace deps
