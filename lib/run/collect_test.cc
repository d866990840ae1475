#include "lib/run/collect.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"
#include "lib/model/plan.h"
#include "lib/model/plan_reader.h"
#include "lib/run/inputs.h"
#include "lib/run/outline.h"
#include "lib/run/scratch.h"
#include "lib/state/open_store.h"
#include "lib/state/owner.h"
#include "lib/state/store.h"
#include "lib/state/ulid.h"

namespace deps {
namespace {

const Claim kClaim = {.workflow = "W", .task = "root"};

class CollectTest : public testing::Test {
 protected:
  CollectTest() {
    task_.id = "root";
    task_.action = "install";
  }

  void Output(const std::string& name, const std::string& type, bool sensitive = false,
              const std::string& sink = "") {
    task_.outputs[name] = {.path = absl::StrCat("/cnab/app/outputs/", name),
                           .type = type,
                           .sensitive = sensitive,
                           .sink = sink};
    task_.bundle.outputs[name] = {.type = type, .sensitive = sensitive};
  }
  std::string Place(const std::string& name) const {
    return absl::StrCat(scratch_.root(), "/cnab/app/outputs/", name);
  }
  void Leave(const std::string& name, std::string_view content) const {
    std::ofstream(Place(name)) << content;
  }
  std::string InFolder(const std::string& name) const {
    return absl::StrCat(folder_.path(), "/", name);
  }
  TaskResult Collect(std::string status = "succeeded") {
    TaskResult result = {.status = std::move(status)};
    CollectOutputs(task_, kClaim, scratch_, key_, getenv_, nullptr, &result);
    return result;
  }

  TemporaryFolder folder_ = *TemporaryFolder::Create("collect-test");
  Scratch scratch_ = *Scratch::Create(*Scratch::PathFor(absl::StrCat("collect-test-", NewUlid())));
  StateKey key_{InFolder("deep/er/key")};
  std::map<std::string, std::string, std::less<>> environment_ = {{"DEPS_SECRET_TIMEOUT", "1ms"}};
  Getenv getenv_ = [this](std::string_view name) -> std::optional<std::string> {
    const auto found = environment_.find(name);
    return found == environment_.end() ? std::nullopt : std::optional(found->second);
  };
  PlannedTask task_;
};

TEST_F(CollectTest, ReadsEachTypeAsItIs) {
  const struct {
    std::string name;
    std::string type;
    std::string content;
    std::string expected;  // "" where it is refused.
  } kRows[] = {
      {"a string is text", "string", "3", "\"3\""},
      {"a string may be empty", "string", "", "\"\""},
      {"no type is text", "", "true", "\"true\""},
      {"an integer", "integer", "3", "3"},
      {"an integer with blanks around", "integer", " 3\n", "3"},
      {"a fraction is no integer", "integer", "3.5", ""},
      {"a text is no integer", "integer", "three", ""},
      {"a number", "number", "3.5", "3.5"},
      {"a boolean", "boolean", "false", "false"},
      {"an object", "object", "{\"a\": 1}", "{\"a\":1}"},
      {"an array", "array", "[1, 2]", "[1,2]"},
      {"an array is no object", "object", "[]", ""},
      {"bytes that are no text", "string", "\xff", ""},
  };
  for (const auto& row : kRows) {
    task_.outputs.clear();
    task_.bundle.outputs.clear();
    Output("out", row.type);
    Leave("out", row.content);
    const TaskResult result = Collect();
    if (row.expected.empty()) {
      EXPECT_EQ(result.status + " " + result.reason, "failed output") << row.name;
      EXPECT_TRUE(absl::StrContains(result.message, "output 'out'")) << row.name;
    } else {
      EXPECT_EQ(result.status, "succeeded") << row.name << ": " << result.message;
      ASSERT_EQ(result.outputs.size(), 1u) << row.name;
      EXPECT_EQ(result.outputs[0].value.text, row.expected) << row.name;
    }
  }
}

TEST_F(CollectTest, RefusesWhatIsNoFile) {
  const struct {
    std::string name;
    std::string command;
    std::string expected;
  } kRows[] = {
      {"nothing", "true", "was not written"},
      {"a link", "ln -s /etc/passwd $OUT/out", "symbolic link"},
      {"a link that leads nowhere", "ln -s /nowhere $OUT/out", "symbolic link"},
      {"a folder", "mkdir $OUT/out", "not a regular file"},
      {"a pipe", "mkfifo $OUT/out", "not a regular file"},
      {"too much", "truncate -s 17M $OUT/out", "more than 16777216 bytes"},
  };
  Output("out", "string");
  setenv("OUT", Place("").c_str(), 1);
  for (const auto& row : kRows) {
    ASSERT_EQ(system("rm -rf $OUT/out"), 0);
    ASSERT_EQ(system(row.command.c_str()), 0);
    const TaskResult result = Collect();
    EXPECT_EQ(result.reason, "output") << row.name;
    EXPECT_TRUE(absl::StrContains(result.message, row.expected)) << row.name << result.message;
    EXPECT_TRUE(result.outputs.empty()) << row.name;
  }
  EXPECT_EQ(Collect("canceled").status, "canceled");
  task_.action = "uninstall";
  ASSERT_EQ(system("rm -rf $OUT/out"), 0);
  EXPECT_EQ(Collect().status, "succeeded");
}

TEST_F(CollectTest, TakesDefaultsAndLeavesOutWhatAnotherActionWrites) {
  Output("port", "integer");
  task_.bundle.outputs["port"].default_value = JsonText{"3306"};
  Output("backup", "string");
  task_.bundle.outputs["backup"].apply_to = {"backup"};
  const TaskResult result = Collect();
  EXPECT_EQ(result.status, "succeeded") << result.message;
  EXPECT_EQ(result.outputs, (std::vector<StoredOutput>{{.name = "port", .value = {"3306"}}}));
}

TEST_F(CollectTest, RefusesAPathOutsideOfTheOutputs) {
  for (const std::string path : {"/etc/passwd", "/cnab/app/outputs/../run", "outputs/x"}) {
    Output("out", "string");
    task_.outputs["out"].path = path;
    EXPECT_EQ(Collect().reason, "output") << path;
  }
}

TEST_F(CollectTest, SealsWhatIsSensitive) {
  Output("password", "string", true);
  Leave("password", "sentinel");
  const TaskResult result = Collect();
  ASSERT_EQ(result.status, "succeeded") << result.message;
  ASSERT_EQ(result.outputs.size(), 1u);
  EXPECT_EQ(result.outputs[0].ref, "state:W/root#password");
  EXPECT_FALSE(absl::StrContains(result.outputs[0].box, "sentinel"));
  EXPECT_EQ(key_.Open(result.outputs[0], getenv_)->view(), "sentinel");
  EXPECT_FALSE(AwaitsDelivery(result.outputs));
}

TEST_F(CollectTest, KeepsWhatASinkDoesNotTakeUntilItDoes) {
  std::ofstream(InFolder("file")) << "no folder";
  Output("password", "string", true, absl::StrCat("file:", InFolder("file/password")));
  Output("said", "string");
  Leave("password", "sentinel");
  Leave("said", "hello");
  const TaskResult result = Collect();
  EXPECT_EQ(result.status + " " + result.reason, "failed sink");
  ASSERT_EQ(result.outputs.size(), 2u);
  ASSERT_TRUE(AwaitsDelivery(result.outputs));
  EXPECT_EQ(key_.Open(result.outputs[0], getenv_)->view(), "sentinel");

  TaskResult delivered = DeliverOutputs(task_, result.outputs, key_, getenv_, nullptr);
  EXPECT_EQ(delivered.status + " " + delivered.reason, "failed sink");
  EXPECT_EQ(delivered.outputs, result.outputs);

  ASSERT_EQ(unlink(InFolder("file").c_str()), 0);
  delivered = DeliverOutputs(task_, result.outputs, key_, getenv_, nullptr);
  EXPECT_EQ(delivered.status, "succeeded") << delivered.message;
  EXPECT_EQ(delivered.outputs,
            (std::vector<StoredOutput>{{.name = "password",
                                        .sensitive = true,
                                        .ref = absl::StrCat("file:", InFolder("file/password"))},
                                       {.name = "said", .value = {"\"hello\""}}}));
  EXPECT_FALSE(AwaitsDelivery(delivered.outputs));
}

TEST_F(CollectTest, DeliversNothingOfARunThatFailed) {
  std::ofstream(InFolder("file")) << "no folder";
  Output("password", "string", true, absl::StrCat("file:", InFolder("file/password")));
  Leave("password", "sentinel");
  const TaskResult result = Collect("failed");
  EXPECT_EQ(result.status, "failed");
  ASSERT_EQ(result.outputs.size(), 1u);
  EXPECT_FALSE(AwaitsDelivery(result.outputs));
  EXPECT_EQ(key_.Open(result.outputs[0], getenv_)->view(), "sentinel");
}

TEST_F(CollectTest, CountsWhatARunLeaves) {
  EXPECT_LT(scratch_.LeftBytes(1 << 30), 10000);
  ASSERT_EQ(mkdir(Place("deep").c_str(), 0700), 0);
  Leave("deep/file", std::string(1 << 20, 'x'));
  EXPECT_GE(scratch_.LeftBytes(1 << 30), 1 << 20);
  ASSERT_EQ(symlink("/", Place("link").c_str()), 0);
  EXPECT_LT(scratch_.LeftBytes(1 << 30), 2 << 20);
  // A hole takes nothing.
  ASSERT_EQ(truncate(Place("deep/file").c_str(), 1 << 29), 0);
  EXPECT_LT(scratch_.LeftBytes(1 << 30), 2 << 20);
}

TEST_F(CollectTest, ResolvesSources) {
  Plan plan;
  PlannedTask db;
  db.id = "root/db";
  db.bundle.parameters["size"] = {.type = "integer", .default_value = JsonText{"3"}};
  db.bundle.parameters["hidden"] = {.type = "string", .sensitive = true};
  db.parameters["name"] = {.value = {"\"my db\""}};
  db.parameters["hidden"] = {.value = {"\"x\""}};
  db.credentials["token"] = {.kind = ValueSource::Kind::kSecret, .text = "env:TOKEN"};
  db.action = "install";
  db.installation.name = {"dev", "db"};
  plan.tasks = {db};
  environment_["TOKEN"] = "sentinel";
  const std::unique_ptr<Store> store = *OpenStore(absl::StrCat("sqlite:", InFolder("state.db")));
  ASSERT_EQ(store->Register(ThisProcess(), absl::Seconds(30)), absl::OkStatus());
  ASSERT_EQ(store->CreateWorkflow("W", PlanReader(plan), {}, ThisProcess()), absl::OkStatus());
  const absl::StatusOr<Outline> outline = ReadOutline("W", *store);
  ASSERT_TRUE(outline.ok()) << outline.status();
  const InputResolver inputs("W", outline->secret_variables, *store, key_, getenv_);
  using Kind = ValueSource::Kind;
  const ValueSource name = {.kind = Kind::kParameter, .item = {"root/db", "name"}};
  const ValueSource token = {.kind = Kind::kCredential, .item = {"root/db", "token"}};
  const struct {
    std::string name;
    ValueSource source;
    std::string value;
    bool sensitive;
  } kRows[] = {
      {"a string is its text", {.value = {"\"a b\""}}, "a b", false},
      {"anything else is JSON", {.value = {"{\"a\":[1]}"}}, "{\"a\":[1]}", false},
      {"a parameter", name, "my db", false},
      {"a default", {.kind = Kind::kParameter, .item = {"root/db", "size"}}, "3", false},
      {"a sensitive parameter",
       {.kind = Kind::kParameter, .item = {"root/db", "hidden"}},
       "x",
       true},
      {"a credential", token, "sentinel", true},
      {"a template",
       {.kind = Kind::kTemplate, .text = "${n}@$${", .inputs = {{"n", name}}},
       "",
       false},
      {"a template of both",
       {.kind = Kind::kTemplate, .text = "<${n}:${t}>", .inputs = {{"n", name}, {"t", token}}},
       "<my db:sentinel>",
       true},
      {"a template without its input", {.kind = Kind::kTemplate, .text = "${n}"}, "", false},
      {"a parameter that is not there",
       {.kind = Kind::kParameter, .item = {"root/db", "x"}},
       "",
       false},
      {"a task that is not there", {.kind = Kind::kOutput, .item = {"root/x", "x"}}, "", false},
      {"a secret that is not there", {.kind = Kind::kSecret, .text = "env:NONE"}, "", true},
  };
  for (const auto& row : kRows) {
    const absl::StatusOr<ResolvedValue> value = inputs.Resolve(row.source);
    EXPECT_EQ(value.ok(), !row.value.empty()) << row.name << ": " << value.status();
    if (!value.ok()) continue;
    EXPECT_EQ(value->bytes.view(), row.value) << row.name;
    EXPECT_EQ(value->sensitive, row.sensitive) << row.name;
  }
  EXPECT_TRUE(inputs.secret_variables().contains("TOKEN"));
  // Nobody waits for it any more.
  const std::atomic<int> stop = 1;
  const InputResolver stopped("W", {}, *store, key_, getenv_, &stop);
  EXPECT_FALSE(stopped.Resolve({.kind = Kind::kSecret, .text = "command:sleep 100"}).ok());
}

}  // namespace
}  // namespace deps
