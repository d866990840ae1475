#include "lib/run/progress_table.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "lib/model/workflow.h"
#include "lib/run/outline.h"
#include "lib/state/store.h"

namespace deps {
namespace {

using Strings = std::vector<std::string>;
const absl::Time kNow = absl::FromUnixSeconds(1000);

// net <- db <- app, and lone by itself.
Outline Family() {
  return {
      .tasks = {
          {.id = "net"}, {.id = "lone"}, {.id = "db", .needs = {0}}, {.id = "app", .needs = {2}}}};
}

Workflow As(const std::vector<std::pair<std::string, std::string>>& tasks) {
  Workflow workflow;
  for (const auto& [id, status] : tasks) workflow.tasks.push_back({.id = id, .status = status});
  return workflow;
}

StoredEvent Event(const std::string& task, const std::string& type,
                  const std::string& data = "{}") {
  return {.task = task, .type = "task." + type, .data = {data}};
}

Strings ReadyAt(ProgressTable& table, absl::Time now) {
  Strings ready;
  for (const size_t index : table.Ready(now)) ready.push_back(table.task(index).id);
  return ready;
}

TEST(ProgressTableTest, WhatIsReadyFollowsFromWhatHasEnded) {
  const struct {
    std::string name;
    std::vector<std::pair<std::string, std::string>> tasks;
    Strings ready;
    bool all_ended;
    bool any_failed;
  } kRows[] = {
      {"at first what needs nothing", {}, {"net", "lone"}, false, false},
      {"what runs is not", {{"net", "running"}}, {"lone"}, false, false},
      {"what may run is not", {{"net", "unknown"}}, {"lone"}, false, false},
      {"a need that succeeded", {{"net", "succeeded"}}, {"lone", "db"}, false, false},
      {"a need that failed", {{"net", "failed"}}, {"lone"}, false, true},
      {"a need that was canceled", {{"net", "canceled"}}, {"lone"}, false, true},
      {"all",
       {{"net", "succeeded"}, {"lone", "succeeded"}, {"db", "succeeded"}, {"app", "succeeded"}},
       {},
       true,
       false},
      {"all, with a failure",
       {{"net", "failed"}, {"lone", "succeeded"}, {"db", "skipped"}, {"app", "skipped"}},
       {},
       true,
       true},
      {"a task that the plan does not have",
       {{"other", "succeeded"}},
       {"net", "lone"},
       false,
       false},
  };
  const Outline outline = Family();
  for (const auto& row : kRows) {
    ProgressTable table(outline, As(row.tasks));
    EXPECT_EQ(ReadyAt(table, kNow), row.ready) << row.name;
    EXPECT_EQ(table.AllEnded(), row.all_ended) << row.name;
    EXPECT_EQ(table.AnyFailed(), row.any_failed) << row.name;
  }
}

TEST(ProgressTableTest, AReusedTaskCountsAsDone) {
  Workflow workflow = As({{"net", "skipped"}});
  workflow.tasks[0].reason = "reused";
  const Outline outline = Family();
  ProgressTable table(outline, workflow);
  EXPECT_EQ(ReadyAt(table, kNow), (Strings{"lone", "db"}));
  ProgressTable other(outline, As({}));
  other.Apply(Event("net", "skipped", R"({"reason":"reused"})"), kNow);
  EXPECT_EQ(ReadyAt(other, kNow), (Strings{"lone", "db"}));
}

TEST(ProgressTableTest, WhatADeadProcessBeganIsKnown) {
  Workflow workflow = As({{"net", "succeeded"}, {"db", "pending"}});
  workflow.tasks[1].reason = "interrupted";
  const Outline outline = Family();
  ProgressTable table(outline, workflow);
  EXPECT_EQ(table.Begun(), (std::set<size_t>{2}));
  table.Apply(Event("db", "attached"), kNow);
  EXPECT_TRUE(table.Begun().empty());
  table.Apply(Event("db", "unknown"), kNow);
  EXPECT_EQ(table.Begun(), (std::set<size_t>{2}));
  EXPECT_EQ(table.state(2), ProgressTable::State::kPending);
}

TEST(ProgressTableTest, ARetryWaitsForItsTime) {
  const Outline outline = Family();
  ProgressTable table(outline, As({}));
  table.Apply(Event("lone", "running"), kNow);
  table.Apply(Event("lone", "retrying", R"({"delayMilliseconds":1500})"), kNow);
  EXPECT_EQ(ReadyAt(table, kNow), (Strings{"net"}));
  EXPECT_EQ(table.NextTime(), kNow + absl::Milliseconds(1500));
  EXPECT_EQ(ReadyAt(table, kNow + absl::Milliseconds(1499)), (Strings{"net"}));
  EXPECT_EQ(ReadyAt(table, kNow + absl::Milliseconds(1500)), (Strings{"net", "lone"}));
  EXPECT_EQ(table.NextTime(), absl::InfiniteFuture());
}

TEST(ProgressTableTest, WhatAFailureBlocksIsGivenAPartAtATime) {
  const Outline outline = Family();
  ProgressTable table(outline, As({}));
  table.Apply(Event("net", "failed"), kNow);
  EXPECT_EQ(table.TakeBlocked(1), (std::vector<std::pair<size_t, Strings>>{{2, {"net"}}}));
  table.Apply(Event("db", "skipped", R"({"reason":"upstream"})"), kNow);
  EXPECT_EQ(table.TakeBlocked(1), (std::vector<std::pair<size_t, Strings>>{{3, {"db"}}}));
  EXPECT_TRUE(table.TakeBlocked(1).empty());
}

TEST(ProgressTableTest, WhatAFailureBlocksIsGivenOnceWithItsReason) {
  const Outline outline = Family();
  ProgressTable table(outline, As({}));
  table.Apply(Event("net", "failed"), kNow);
  const auto blocked = table.TakeBlocked(10);
  EXPECT_EQ(blocked, (std::vector<std::pair<size_t, Strings>>{{2, {"net"}}, {3, {"db"}}}));
  EXPECT_TRUE(table.TakeBlocked(10).empty());
  // Tried again, with success: then they are free.
  table.Apply(Event("net", "retrying", R"({"delayMilliseconds":0})"), kNow);
  table.Apply(Event("net", "succeeded"), kNow);
  EXPECT_EQ(ReadyAt(table, kNow), (Strings{"lone", "db"}));
  EXPECT_FALSE(table.AnyFailed());
}

}  // namespace
}  // namespace deps
