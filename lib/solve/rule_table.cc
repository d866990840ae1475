#include "lib/solve/rule_table.h"

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/base/status_macros.h"
#include "lib/bundle/catalog.h"
#include "lib/bundle/read.h"
#include "lib/cli/env.h"
#include "lib/diag/diagnostic.h"
#include "lib/expand/expand.h"
#include "lib/io/file.h"
#include "lib/model/installation.h"

namespace deps {
namespace {

constexpr char kConnstr[] = R"("connstr":{"definition":"text","path":"/cnab/app/outputs/connstr"})";
constexpr char kInterfaceMembers[] =
    R"("parameters":{"size":{"definition":"number","destination":{"env":"SIZE"}}},)"
    R"("credentials":{"token":{"env":"TOKEN"}},)";

std::string Entry(const std::string& reference, const std::string& members,
                  const std::string& digest = "") {
  const size_t slash = reference.rfind('/');
  const size_t colon = reference.rfind(':');
  const std::string name = reference.substr(slash + 1, colon - slash - 1);
  std::string version = reference.substr(colon + 1);
  if (version[0] == 'v') version.erase(0, 1);
  if (version == "latest") version = "0.0.1";
  return absl::StrCat(R"({"reference":")", reference, R"(",)",
                      digest.empty() ? "" : absl::StrCat(R"("digest":")", digest, R"(",)"),
                      R"("bundle":{"schemaVersion":"1.2.0","name":")", name, R"(","version":")",
                      version.substr(0, version.find('_')), R"(",)", members,
                      R"("definitions":{"text":{"type":"string"},"number":{"type":"integer"},)"
                      R"("known":{"type":"string","$id":"urn:connstr"}},"invocationImages":[]}})");
}

std::string Outputs(const std::string& members) {
  return absl::StrCat(R"("outputs":{)", members, "},");
}

std::string Extension(const std::string& members) {
  return absl::StrCat(R"("custom":{"org.getporter.dependencies@v2":{)", members, "}},");
}

std::string Provides(const std::string& id) {
  return absl::StrCat(R"("provides":{"interface":{"id":")", id, R"("}})");
}

std::string IndexText() {
  std::vector<std::string> entries;
  for (const char* version : {"v1.0.0", "v1.1.0", "v1.1.5", "v1.2.0", "v2.0.0", "v2.1.0-rc.1"}) {
    entries.push_back(Entry(absl::StrCat("example.com/db:", version), Outputs(kConnstr)));
  }
  entries.push_back(Entry("example.com/pinned:v1.0.0", Outputs(kConnstr), Digest('a')));
  entries.push_back(Entry("example.com/pinned:v1.1.0", Outputs(kConnstr), Digest('b')));
  // The newer one has lost something.
  entries.push_back(Entry("example.com/store:v1.0.0", Outputs(kConnstr)));
  entries.push_back(Entry("example.com/store:v1.1.0", ""));
  entries.push_back(
      Entry("example.com/thin:v1.0.0", absl::StrCat(kInterfaceMembers, Outputs(kConnstr))));
  entries.push_back(Entry("example.com/thin:v1.1.0", Outputs(kConnstr)));
  entries.push_back(
      Entry("example.com/contract:v1.0.0", absl::StrCat(kInterfaceMembers, Outputs(kConnstr))));
  entries.push_back(Entry("example.com/mysql:v1.0.0",
                          absl::StrCat(Outputs(kConnstr), Extension(Provides("urn:db")))));
  entries.push_back(
      Entry("example.com/postgres:v1.0.0",
            absl::StrCat(Outputs(R"("url":{"definition":"known","path":"/cnab/app/outputs/url"})"),
                         Extension(Provides("urn:db")))));
  entries.push_back(Entry("example.com/web:v1.0.0",
                          Extension(R"("requires":{"db":{"bundle":"example.com/db","version":"^1",)"
                                    R"("sharing":{"mode":"group","group":{"name":"shop"}}}})")));
  entries.push_back(Entry("example.com/meta:v1.2.0_b", ""));
  entries.push_back(Entry("example.com/moving:latest", ""));
  entries.push_back(Entry("example.com/moving:edge", ""));
  return absl::StrCat(R"({"apiVersion":"cnab-deps/v1","kind":"Index","bundles":[)",
                      absl::StrJoin(entries, ",\n"), "]}");
}

absl::StatusOr<std::unique_ptr<Catalog>> OpenIndex() {
  DEPS_ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Create("rules"));
  const std::string path = folder.path() + "/index.json";
  DEPS_RETURN_IF_ERROR(WriteFile(path, IndexText()));
  CatalogOptions options{.indexes = {path}};
  options.access.offline = true;
  const Env env = {.getenv = [](std::string_view) { return std::optional<std::string>(); }};
  return Catalog::Open(options, env);
}

absl::StatusOr<Graph> Solve(const Rule& rule) {
  DEPS_ASSIGN_OR_RETURN(const std::unique_ptr<Catalog> catalog, OpenIndex());
  const std::string root = absl::StrCat(
      R"({"schemaVersion":"1.2.0","name":"shop","version":"1.0.0","invocationImages":[],)",
      Outputs(R"("endpoint":{"definition":"text","path":"/cnab/app/outputs/endpoint"})"),
      Extension(absl::StrCat(R"("requires":{)", rule.needs, "}")),
      R"("definitions":{"text":{"type":"string"}}})");
  DEPS_ASSIGN_OR_RETURN(BundleDefinition read, ReadBundleJson({.name = "shop", .text = root}));
  ResolveOptions options;
  options.name_space = "dev";
  options.expand.installation = {.name_space = "dev", .name = "shop1"};
  rule.change(options);
  DEPS_ASSIGN_OR_RETURN(
      options.installations,
      ParseInstallations({.name = "installations.json",
                          .text = absl::StrCat("[", absl::StrJoin(rule.installations, ","), "]")}));
  const auto nothing = [](const std::string&, const std::vector<const Requirement*>&) {
    return absl::StatusOr<NodeChoice>(NodeChoice{});
  };
  DEPS_ASSIGN_OR_RETURN(
      const Graph graph,
      Expand(std::make_shared<const BundleDefinition>(std::move(read)), options.expand, nothing));
  DEPS_ASSIGN_OR_RETURN(ResolveResult result, Resolve(graph, options, *catalog));
  return std::move(result.solution);
}

std::string Describe(const Graph& solution) {
  if (solution.status != "solved") {
    return absl::StrCat("no: ", absl::StrJoin(solution.explanation.back().because, "; "));
  }
  std::vector<std::string> lines;
  for (const Node& node : solution.nodes) {
    if (!node.resolution) continue;
    const Resolution& resolution = *node.resolution;
    std::string what = resolution.reference.substr(0, resolution.reference.find('@'));
    what = absl::StrCat(what.substr(what.rfind('/') + 1), ":", resolution.tag);
    if (resolution.installation) {
      what = absl::StrCat(resolution.installation->name_space, "/", resolution.installation->name);
    }
    lines.push_back(absl::StrCat(node.id.substr(5), " ", what, " ", resolution.by));
  }
  return absl::StrJoin(lines, "\n");
}

}  // namespace

void PrintTo(const Rule& rule, std::ostream* out) { *out << rule.name; }

std::string RowName(const Rule& rule) {
  std::string name;
  for (const char c : std::string_view(rule.name)) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c))) {
      name.push_back(c);
    } else if (!name.empty() && name.back() != '_') {
      name.push_back('_');
    }
  }
  return name;
}

std::string Outcome(const Rule& rule) {
  const absl::StatusOr<Graph> solution = Solve(rule);
  if (solution.ok()) return Describe(*solution);
  std::vector<std::string> errors;
  for (const Diagnostic& diagnostic : DiagnosticsOf(solution.status())) {
    errors.push_back(absl::StrCat(InfoOf(diagnostic.id).name, ": ", diagnostic.message));
  }
  return absl::StrJoin(errors, "\n");
}

std::string Digest(char digit) { return absl::StrCat("sha256:", std::string(64, digit)); }

std::string Db(const std::string& members) {
  return absl::StrCat(R"("db":{"bundle":"example.com/db","version":"^1")", members, "}");
}

std::string Installed(const std::string& name_space, const std::string& name,
                      const std::string& repository, const std::string& version,
                      const std::string& members, const std::string& status) {
  return absl::StrCat(
      "{", members, R"("namespace":")", name_space, R"(","name":")", name,
      R"(","bundle":{"repository":"example.com/)", repository, R"(","version":")", version,
      R"("},"status":{)",
      status.empty()
          ? absl::StrCat(R"("installed":"2026-01-01T00:00:00Z","bundleReference":)"
                         R"("example.com/)",
                         repository, ":v", version, R"(","bundleVersion":")", version, R"(")")
          : status,
      "}}");
}

}  // namespace deps
