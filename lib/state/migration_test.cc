#include <sqlite3.h>
#include <stdlib.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "lib/json/json.h"
#include "lib/model/plan.h"
#include "lib/state/open_store.h"
#include "lib/state/owner.h"
#include "lib/state/store.h"
#include "lib/state/ulid.h"

namespace deps {
namespace {

void Execute(const std::string& path, const char* sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(database);
  sqlite3_close(database);
}

TEST(MigrationTest, KeepsThePlanOfAWorkflowThatVersionTwoMade) {
  std::string folder = absl::StrCat(testing::TempDir(), "/state-XXXXXX");
  const std::string path = absl::StrCat(mkdtemp(folder.data()), "/state.db");
  const std::string url = absl::StrCat("sqlite:", path);
  const std::string id = NewUlid();
  Plan plan;
  plan.action = "install";
  plan.tasks.emplace_back().id = "root";
  {
    const auto store = OpenStore(url);
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_EQ((*store)->Register(ThisProcess(), absl::Seconds(30)), absl::OkStatus());
    ASSERT_EQ((*store)->CreateWorkflow(id, plan, {}, ThisProcess()), absl::OkStatus());
  }
  Execute(path,
          "ALTER TABLE workflow ADD COLUMN plan TEXT NOT NULL DEFAULT '';"
          "UPDATE workflow SET plan = (SELECT document FROM plan WHERE workflow = id);"
          "DROP TABLE plan;"
          "DELETE FROM schema WHERE version = 3;");
  const auto store = OpenStore(url);
  ASSERT_TRUE(store.ok()) << store.status();
  const auto found = (*store)->FindWorkflow(id);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->plan, FormatPlan(plan, json::Style::kCompact));
}

}  // namespace
}  // namespace deps
