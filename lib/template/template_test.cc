#include "lib/template/template.h"

#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"

namespace deps {

using Kind = TemplatePart::Kind;

void PrintTo(const TemplatePart& part, std::ostream* out) {
  *out << "{" << static_cast<int>(part.kind) << " text='" << part.text << "' alias='" << part.alias
       << "' name='" << part.name << "' @" << part.offset << "}";
}

namespace {

struct Accepted {
  const char* name;
  std::string text;
  std::vector<TemplatePart> parts;
};

TEST(ParseTemplate, ReadsEverySource) {
  const std::vector<Accepted> rows = {
      {"nothing", "", {}},
      {"text", "a $b {c} $$ d", {{.text = "a $b {c} $$ d"}}},
      {"parameter",
       "${bundle.parameters.log-level}",
       {{.kind = Kind::kParameter, .text = "bundle.parameters.log-level", .name = "log-level"}}},
      {"white space within the braces",
       "${ \tbundle.credentials.a.b  }",
       {{.kind = Kind::kCredential, .text = "bundle.credentials.a.b", .name = "a.b"}}},
      {"bare reference",
       " bundle.parameters.x ",
       {{.kind = Kind::kParameter, .text = "bundle.parameters.x", .name = "x", .offset = 1}}},
      {"bare output of a dependency",
       "bundle.dependencies.db.outputs.host",
       {{.kind = Kind::kDependencyOutput,
         .text = "bundle.dependencies.db.outputs.host",
         .alias = "db",
         .name = "host"}}},
      {"text that only looks like a reference",
       "https://example.com/bundle.parameters.x",
       {{.text = "https://example.com/bundle.parameters.x"}}},
      {"other three steps are text", "bundle.foo.bar", {{.text = "bundle.foo.bar"}}},
      {"a sentence is text",
       "bundle.parameters.x is missing",
       {{.text = "bundle.parameters.x is missing"}}},
      {"composite",
       "https://${bundle.dependencies.infra.outputs.ip}:${outputs.port}/app",
       {{.text = "https://"},
        {.kind = Kind::kDependencyOutput,
         .text = "bundle.dependencies.infra.outputs.ip",
         .alias = "infra",
         .name = "ip",
         .offset = 8},
        {.text = ":", .offset = 47},
        {.kind = Kind::kOwnOutput, .text = "outputs.port", .name = "port", .offset = 48},
        {.text = "/app", .offset = 63}}},
      {"installation",
       "${installation.root.ID}",
       {{.kind = Kind::kInstallation, .text = "installation.root.ID", .name = "root.id"}}},
      {"bundle",
       "${bundle.version}",
       {{.kind = Kind::kBundle, .text = "bundle.version", .name = "version"}}},
      {"output of the bundle itself",
       "${bundle.outputs.o}",
       {{.kind = Kind::kBundleOutput, .text = "bundle.outputs.o", .name = "o"}}},
  };
  for (const Accepted& row : rows) {
    SCOPED_TRACE(row.name);
    const absl::StatusOr<std::vector<TemplatePart>> parts = ParseTemplate(row.text);
    ASSERT_TRUE(parts.ok()) << parts.status();
    EXPECT_EQ(*parts, row.parts);
  }
}

TEST(ParseTemplate, RefusesWhatNamesNoSource) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"a ${bundle.parameters.x", "malformed template at byte 2: '${' without '}'"},
      {"${}", "malformed template at byte 0: '${}' names nothing"},
      {"${ }", "malformed template at byte 0: '${}' names nothing"},
      {"bundle.parameters.x}", "malformed template at byte 0: '}' without '${'"},
      {"${bundle.parameters.}",
       "malformed template at byte 0: 'bundle.parameters.' is not a source that wiring can use"},
      {"${bundle.nothing}",
       "malformed template at byte 0: 'bundle.nothing' is not a source that wiring can use"},
      {"${a b}", "malformed template at byte 0: 'a b' is not a name"},
      {"${${x}}", "malformed template at byte 0: '${x' is not a name"},
      {"${env.HOME}",
       "malformed template at byte 0: 'env.HOME' is not a source that wiring can use"},
      {"${installation.color}", "malformed template at byte 0: 'installation.color' is not known"},
      {"${bundle.dependencies.db.parameters.x}",
       "malformed template at byte 0: only outputs of a dependency can be used, not 'parameters'"},
      {"${bundle.dependencies.db}",
       "malformed template at byte 0: expected 'bundle.dependencies.ALIAS.outputs.NAME'"},
  };
  for (const auto& [text, message] : rows) {
    SCOPED_TRACE(text);
    const absl::Status status = ParseTemplate(text).status();
    ASSERT_EQ(DiagnosticsOf(status).size(), 1u);
    EXPECT_EQ(DiagnosticsOf(status)[0].id, DiagnosticId::kTemplateInvalid);
    EXPECT_EQ(DiagnosticsOf(status)[0].message, message);
  }
}

TEST(ParseTemplate, TellsTheByteAndWhatWasMeant) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"ab ${bundle.paramters.x}", "4 did you mean 'bundle.parameters'?"},
      {"é${bundle.verson}", "3 did you mean 'bundle.version'?"},
      {"${bundle.parameters.a} ${installation.color}",
       "24 there are installation.name, .namespace, .id, and the same of installation.root"},
      {"a${", "2 "},
  };
  for (const auto& [text, expected] : rows) {
    SCOPED_TRACE(text);
    const std::vector<Diagnostic> found = DiagnosticsOf(ParseTemplate(text).status());
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].location.line, 0);
    EXPECT_EQ(std::to_string(found[0].location.column) + " " + found[0].hint, expected);
  }
}

TEST(FindDependencyOutputs, FindsThemInTextThatMayHoldAnything) {
  using Parts = std::vector<TemplatePart>;
  EXPECT_EQ(FindDependencyOutputs("${HOME} $x {} ${"), Parts{});
  EXPECT_EQ(FindDependencyOutputs("${bundle.dependencies.a.parameters.b}"), Parts{});
  EXPECT_EQ(FindDependencyOutputs("x ${bundle.dependencies.a.outputs.b.c}${ outputs.d }${${"
                                  "bundle.dependencies.e.outputs.f}}"),
            (Parts{{.kind = Kind::kDependencyOutput,
                    .text = "bundle.dependencies.a.outputs.b.c",
                    .alias = "a",
                    .name = "b.c",
                    .offset = 2},
                   {.kind = Kind::kDependencyOutput,
                    .text = "bundle.dependencies.e.outputs.f",
                    .alias = "e",
                    .name = "f",
                    .offset = 54}}));
}

TEST(IsLiteral, IsTrueForTextAlone) {
  EXPECT_TRUE(IsLiteral(*ParseTemplate("")));
  EXPECT_TRUE(IsLiteral(*ParseTemplate("text")));
  EXPECT_FALSE(IsLiteral(*ParseTemplate("text ${outputs.x}")));
}

}  // namespace
}  // namespace deps
