// Which installations and bundles may stand for a dependency: the rules of PEP003
// and of Porter (bundles.md: I is section 2.5, B 2.6a) that the contract keeps.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/solve/rule_table.h"

namespace deps {
namespace {

class ReuseRulesTest : public testing::TestWithParam<Rule> {};

TEST_P(ReuseRulesTest, Holds) { EXPECT_EQ(Outcome(GetParam()), GetParam().expected); }

// PEP003, "existing installations"; bundles.md 2.5.
INSTANTIATE_TEST_SUITE_P(
    Installations, ReuseRulesTest,
    testing::Values(
        Rule{"I1 what is not shared is never an installation",
             Db(kNever),
             "db db:v1.2.0 range",
             {Installed("dev", "mine", "db", "1.1.0")}},
        Rule{"I1 what is shared is",
             Db(),
             "db dev/mine installation",
             {Installed("dev", "mine", "db", "1.1.0")}},
        Rule{"I1 with default sharing none only what says so is shared",
             absl::StrCat(Db(),
                          R"(,"own":{"bundle":"example.com/db:v1.0.0","sharing":{"mode":true}})"),
             "db db:v1.2.0 range\nown dev/mine installation",
             {Installed("dev", "mine", "db", "1.0.0")},
             [](ResolveOptions& o) { o.expand.default_sharing = Sharing::Mode::kNone; }},
        Rule{"I2 the repository must be the same",
             Db(),
             "db db:v1.2.0 range",
             {Installed("dev", "mine", "mysql", "1.1.0")}},
        Rule{"I2 what is to be uninstalled does not serve",
             Db(),
             "db db:v1.2.0 range",
             {Installed("dev", "mine", "db", "1.1.0",
                        R"("outputs":["connstr"],"uninstalled":true,)")}},
        Rule{"I2 the namespace comes before the global one",
             Db(),
             "db dev/mine installation",
             {Installed("", "all", "db", "1.2.0"), Installed("dev", "mine", "db", "1.0.0")}},
        Rule{"I2 the global namespace serves all",
             Db(),
             "db /all installation",
             {Installed("", "all", "db", "1.0.0")}},
        Rule{"I2 other namespaces do not serve",
             Db(),
             "db db:v1.2.0 range",
             {Installed("prod", "theirs", "db", "1.2.0")}},
        Rule{"I2 a digest asks for that digest",
             absl::StrCat(R"("db":{"bundle":"example.com/pinned@)", Digest('a'), R"("})"),
             "db dev/same installation",
             {Installed("dev", "other", "pinned", "1.1.0", R"("outputs":[],)",
                        absl::StrCat(R"("installed":"2026-01-01T00:00:00Z","bundleDigest":")",
                                     Digest('b'), R"(")")),
              Installed("dev", "same", "pinned", "1.0.0", R"("outputs":[],)",
                        absl::StrCat(R"("installed":"2026-01-01T00:00:00Z","bundleDigest":")",
                                     Digest('a'), R"(")"))}},
        Rule{"I3 the group must be the same",
             Db(kInShop),
             "db dev/shops installation",
             {Installed("dev", "nobodys", "db", "1.2.0"),
              Installed("dev", "shops", "db", "1.0.0", kOfShop)}},
        Rule{"I3 without a label the group is the empty one",
             Db(),
             "db dev/nobodys installation",
             {Installed("dev", "nobodys", "db", "1.0.0"),
              Installed("dev", "shops", "db", "1.2.0", kOfShop)}},
        Rule{"I3 a group that is a template is compared as rendered",
             Db(R"(,"sharing":{"mode":"group","group":{"name":"${installation.name}-shared"}})"),
             "db dev/ours installation",
             {Installed(
                 "dev", "ours", "db", "1.0.0",
                 R"("outputs":["connstr"],"labels":{"sh.porter.SharingGroup":"shop1-shared"},)")}},
        Rule{"I4 what was never installed does not serve",
             Db(),
             "db db:v1.2.0 range",
             {Installed("dev", "mine", "db", "1.1.0", R"("outputs":["connstr"],)",
                        R"("action":"install","resultStatus":"failed")")}},
        Rule{
            "I4 what was uninstalled does not serve",
            Db(),
            "db db:v1.2.0 range",
            {Installed("dev", "mine", "db", "1.1.0", R"("outputs":["connstr"],)",
                       R"("installed":"2026-01-01T00:00:00Z","uninstalled":"2026-01-02T00:00:00Z",)"
                       R"("bundleVersion":"1.1.0")")}},
        Rule{
            "I4 what was installed again serves",
            Db(),
            "db dev/mine installation",
            {Installed("dev", "mine", "db", "1.1.0", R"("outputs":["connstr"],)",
                       R"("installed":"2026-01-03T00:00:00Z","uninstalled":"2026-01-02T00:00:00Z",)"
                       R"("bundleVersion":"1.1.0")")}},
        Rule{"I4 what failed to be upgraded serves",
             Db(),
             "db dev/mine installation",
             {Installed("dev", "mine", "db", "1.1.0", R"("outputs":["connstr"],)",
                        R"("installed":"2026-01-01T00:00:00Z","bundleVersion":"1.1.0",)"
                        R"("action":"upgrade","resultStatus":"failed")")}},
        Rule{"I5 the range decides and not what the reference names",
             R"("db":{"bundle":"example.com/db:v1.2.0","version":"^1"})",
             "db dev/mine installation",
             {Installed("dev", "mine", "db", "1.0.0")}},
        Rule{"I5 outside the range it does not serve",
             Db(),
             "db db:v1.2.0 range",
             {Installed("dev", "mine", "db", "2.0.0")}},
        Rule{"I5 without a range it must be what the reference names",
             R"("db":{"bundle":"example.com/db:v1.2.0"})",
             "db db:v1.2.0 default",
             {Installed("dev", "mine", "db", "1.1.0")}},
        Rule{"I6 the outputs that are used must be there",
             Db(R"(,"outputs":{"endpoint":"${outputs.connstr}"})"),
             "db dev/old installation",
             {Installed("dev", "new", "db", "1.2.0", R"("outputs":["other"],)"),
              Installed("dev", "old", "db", "1.0.0")}},
        Rule{"I6 outputs that nobody uses are not asked for",
             Db(),
             "db dev/new installation",
             {Installed("dev", "new", "db", "1.2.0", R"("outputs":[],)"),
              Installed("dev", "old", "db", "1.0.0")}},
        Rule{"Of several the higher version comes first and then the name",
             Db(),
             "db dev/b installation",
             {Installed("dev", "c", "db", "1.1.0"), Installed("dev", "b", "db", "1.1.0"),
              Installed("dev", "a", "db", "1.0.0")}},
        Rule{"What is installed has what it needs",
             R"("web":{"bundle":"example.com/web:v1.0.0"})",
             "web dev/web installation",
             {Installed("dev", "web", "web", "1.0.0")}},
        Rule{"Breaking the glass takes an installation out of sharing",
             Db(),
             "db db:v1.2.0 range",
             {Installed("dev", "mine", "db", "1.1.0",
                        R"("outputs":["connstr"],"sharing":{"mode":"none"},)")}},
        Rule{"Breaking the glass puts an installation into a group",
             Db(kInShop),
             "db dev/mine installation",
             {Installed(
                 "dev", "mine", "db", "1.1.0",
                 R"("outputs":["connstr"],"sharing":{"mode":"group","group":{"name":"shop"}},)")}},
        Rule{"What a parent made for itself is not shared",
             Db(),
             "db db:v1.2.0 range",
             {Installed(
                 "dev", "mine", "db", "1.1.0",
                 R"("outputs":["connstr"],"labels":{"sh.porter.parentInstallation":"dev/x"},)")}}),
    [](const auto& row) { return RowName(row.param); });

std::string Interfaced(const std::string& bundle, const std::string& interface,
                       const std::string& members = "") {
  return absl::StrCat(R"("db":{)",
                      bundle.empty() ? "" : absl::StrCat(R"("bundle":")", bundle, R"(",)"),
                      R"("interface":{)", interface, "}", members, "}");
}

std::string Document(const std::string& outputs) {
  return absl::StrCat(R"("document":{"outputs":{)", outputs, "}}");
}

// PEP003, "dependency interfaces"; bundles.md 2.6a.
INSTANTIATE_TEST_SUITE_P(
    Interfaces, ReuseRulesTest,
    testing::Values(
        Rule{"B1 without use nothing is wanted",
             R"("db":{"bundle":"example.com/store","version":"^1"})", "db store:v1.1.0 range"},
        Rule{
            "B1 an output that is promoted is wanted",
            R"("db":{"bundle":"example.com/store","version":"^1","outputs":{"endpoint":"${outputs.connstr}"}})",
            "db store:v1.0.0 range"},
        Rule{
            "B1 an output inside other text is wanted",
            R"("db":{"bundle":"example.com/store","version":"^1","outputs":{"endpoint":"at ${outputs.connstr}!"}})",
            "db store:v1.0.0 range"},
        Rule{
            "B1 an output that a sibling is wired to is wanted",
            R"("db":{"bundle":"example.com/store","version":"^1"},)"
            R"("use":{"bundle":"example.com/thin:v1.0.0","credentials":{"token":"${bundle.dependencies.db.outputs.connstr}"}})",
            "db store:v1.0.0 range\nuse thin:v1.0.0 default"},
        Rule{"B2 of a reference outputs parameters and credentials are wanted",
             Interfaced("example.com/thin", R"("reference":"example.com/contract:v1.0.0")",
                        R"(,"version":"^1")"),
             "db thin:v1.0.0 range"},
        Rule{"B2 a document says what is wanted",
             Interfaced("example.com/store", Document(R"("connstr":{"type":"string"})"),
                        R"(,"version":"^1")"),
             "db store:v1.0.0 range"},
        Rule{"B2 the id alone is looked for in provides",
             Interfaced("example.com/db:v1.0.0", R"("id":"urn:db")"),
             "no: shop 1.0.0 needs db v1.0.0; no db will do: 1.0.0 lacks the interface urn:db"},
        Rule{"B2 a reference and a document exclude each other",
             Interfaced("example.com/store",
                        absl::StrCat(R"("reference":"example.com/contract:v1.0.0",)",
                                     Document(R"("connstr":{})")),
                        R"(,"version":"^1")"),
             "bundle-invalid: an interface has either a reference or a document, not both"},
        Rule{
            "B2 an interface that cannot be had is an error and no answer of no",
            Interfaced("example.com/store", R"("reference":"example.com/contract:v9.0.0")",
                       R"(,"version":"^1")"),
            "registry-not-found: root/db: the index has bundles of 'example.com/contract', but not "
            "'example.com/contract:v9.0.0'"},
        Rule{"B2 an installation is not taken on trust either where its interface cannot be had",
             Interfaced("example.com/store", R"("reference":"elsewhere.example/contract:v9.0.0")",
                        R"(,"version":"^1")"),
             "offline: root/db: elsewhere.example/contract:v9.0.0 would have to be asked for at "
             "elsewhere.example, and --offline forbids it",
             {Installed("dev", "mine", "store", "1.0.0")}},
        Rule{"B3 what is missing is told by name in order",
             Interfaced("example.com/store",
                        Document(R"("zeta":{"type":"string"},"alpha":{"type":"string"})"),
                        R"(,"version":"~1.0")"),
             "no: shop 1.0.0 needs store ~1.0; no store will do: 1.1.0 is not in ~1.0; 1.0.0 lacks "
             "the output \"alpha\", the output \"zeta\""},
        Rule{"B3 an empty document is satisfied by anything",
             Interfaced("example.com/store", R"("document":{})", R"(,"version":"^1")"),
             "db store:v1.1.0 range"},
        Rule{"B4 an id counts more than a name",
             Interfaced("", Document(R"("connstr":{"type":"string","$id":"urn:connstr"})")),
             "db postgres:v1.0.0 provider",
             {},
             [](ResolveOptions& o) {
               o.providers = {"example.com/store:v1.1.0", "example.com/postgres"};
             }},
        Rule{"B4 the type counts where there is no id",
             Interfaced("example.com/store", Document(R"("connstr":{"type":"integer"})"),
                        R"(,"version":"^1")"),
             "no: shop 1.0.0 needs store ^1; no store will do: 1.1.0 and 1.0.0 lack the output "
             "\"connstr\""},
        Rule{"Of an installation only outputs count",
             Interfaced("example.com/thin", R"("reference":"example.com/contract:v1.0.0")",
                        R"(,"version":"^1")"),
             "db dev/mine installation",
             {Installed("dev", "mine", "store", "1.0.0")}},
        Rule{"With an interface an installation of another repository serves",
             Interfaced("example.com/db", Document(R"("connstr":{})"), R"(,"version":"^1")"),
             "db dev/mine installation",
             {Installed("dev", "mine", "mysql", "9.0.0")}},
        Rule{"Providers are tried in their order",
             Interfaced("", R"("id":"urn:db")"),
             "db postgres:v1.0.0 provider",
             {},
             [](ResolveOptions& o) {
               o.providers = {"example.com/store", "example.com/postgres", "example.com/mysql"};
             }},
        Rule{"Without providers the index is asked by name", Interfaced("", R"("id":"urn:db")"),
             "db mysql:v1.0.0 provider"},
        Rule{"Who lists providers has chosen among them",
             Interfaced("", R"("id":"urn:db")"),
             "no: shop 1.0.0 needs a \"db\" with the interface urn:db; no db will do: "
             "example.com/store 1.1.0 and example.com/store 1.0.0 lack the interface urn:db",
             {},
             [](ResolveOptions& o) { o.providers = {"example.com/store"}; }},
        Rule{"Where nothing has the interface the answer is no",
             Interfaced("", R"("id":"urn:mail")"),
             "no: shop 1.0.0 needs a \"db\" with the interface urn:mail; nothing is known that has "
             "it"},
        Rule{"What is named with use must satisfy the interface",
             Interfaced("example.com/db", Document(R"("connstr":{})"), R"(,"version":"^1")"),
             "no: shop 1.0.0 needs db ^1; --use names example.com/store 1.1.0, which lacks the "
             "output \"connstr\"",
             {},
             [](ResolveOptions& o) { o.uses = {"db=example.com/store:v1.1.0"}; }}),
    [](const auto& row) { return RowName(row.param); });

}  // namespace
}  // namespace deps
