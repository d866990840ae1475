#include <sqlite3.h>
#include <stdlib.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "lib/json/json.h"
#include "lib/model/plan.h"
#include "lib/model/plan_reader.h"
#include "lib/state/open_store.h"
#include "lib/state/owner.h"
#include "lib/state/store.h"
#include "lib/state/ulid.h"

namespace deps {
namespace {

void Execute(const std::string& path, const std::string& sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(database);
  sqlite3_close(database);
}

TEST(MigrationTest, KeepsThePlanOfAWorkflowThatAnEarlierVersionMade) {
  const struct {
    std::string name;
    std::string back;  // From the tables of now.
  } kRows[] = {
      {"version 2",
       "ALTER TABLE workflow ADD COLUMN plan TEXT NOT NULL DEFAULT '';"
       "UPDATE workflow SET plan = (SELECT document FROM plan WHERE workflow = id);"
       "DROP TABLE plan;"
       "DROP TABLE planned_task;"
       "DELETE FROM schema WHERE version > 2;"},
      {"version 3",
       "DROP TABLE planned_task;"
       "DELETE FROM schema WHERE version > 3;"},
  };

  Plan plan;
  plan.action = "install";
  plan.digest = absl::StrCat("sha256:", std::string(64, '0'));
  plan.installation = {"dev", "app"};
  for (const std::string id : {"root/db", "root"}) {
    PlannedTask& task = plan.tasks.emplace_back();
    task.id = id;
    task.action = "install";
    task.bundle.name = "b";
    task.installation.name = {"dev", id};
  }
  plan.stages = {{"root/db"}, {"root"}};
  for (const auto& row : kRows) {
    std::string folder = absl::StrCat(testing::TempDir(), "/state-XXXXXX");
    const std::string path = absl::StrCat(mkdtemp(folder.data()), "/state.db");
    const std::string url = absl::StrCat("sqlite:", path);
    const std::string id = NewUlid();
    {
      const auto store = OpenStore(url);
      ASSERT_TRUE(store.ok()) << store.status();
      ASSERT_EQ((*store)->Register(ThisProcess(), absl::Seconds(30)), absl::OkStatus());
      ASSERT_EQ((*store)->CreateWorkflow(id, PlanReader(plan), {}, ThisProcess()),
                absl::OkStatus());
    }
    Execute(path, "UPDATE plan SET document = '" + FormatPlan(plan, json::Style::kCompact) + "'");
    Execute(path, row.back);
    const auto store = OpenStore(url);
    ASSERT_TRUE(store.ok()) << store.status();
    EXPECT_EQ((*store)->ReadPlan(id), absl::StatusOr<Plan>(plan)) << row.name;
  }
}

}  // namespace
}  // namespace deps
