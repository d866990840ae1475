// For tests: rules that say what stands for a dependency, as rows of a table.
#ifndef DEPS_LIB_SOLVE_RULE_TABLE_H_
#define DEPS_LIB_SOLVE_RULE_TABLE_H_

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "lib/solve/resolve.h"

namespace deps {

// What a root bundle needs of bundles that an index has (they stand in
// rule_table.cc), and what comes of it.
struct Rule {
  const char* name;      // A sentence, with the rule's number where it has one.
  std::string needs;     // The root's `requires`: members of that object.
  std::string expected;  // A line a node: what stands for it, and by what; or what is wrong.
  std::vector<std::string> installations = {};
  std::function<void(ResolveOptions&)> change = [](ResolveOptions&) {};
};

void PrintTo(const Rule& rule, std::ostream* out);

// The name of the row as gtest wants names of tests.
std::string RowName(const Rule& rule);

// What comes of it: as Rule::expected.
std::string Outcome(const Rule& rule);

// "sha256:aaaa…"
std::string Digest(char digit);

// The alias db, of db in ^1, with more members.
std::string Db(const std::string& members = "");

// Members of a dependency.
inline constexpr char kNever[] = R"(,"sharing":{"mode":"none"})";
inline constexpr char kInShop[] = R"(,"sharing":{"mode":"group","group":{"name":"shop"}})";

// An installation as Porter prints it. `members` come first; an empty `status` is that
// of one that was installed once.
std::string Installed(const std::string& name_space, const std::string& name,
                      const std::string& repository, const std::string& version,
                      const std::string& members = R"("outputs":["connstr"],)",
                      const std::string& status = "");

// Members of one that is in the group "shop".
inline constexpr char kOfShop[] =
    R"("outputs":["connstr"],"labels":{"sh.porter.SharingGroup":"shop"},)";

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_RULE_TABLE_H_
