#include "lib/run/supervisor.h"

#include <sys/stat.h>

#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

class SupervisorTest : public testing::Test {
 protected:
  SupervisorTest()
      : control_(absl::StrCat(testing::TempDir(), "/",
                              testing::UnitTest::GetInstance()->current_test_info()->name())) {
    mkdir(control_.c_str(), 0700);
    absl::StatusOr<std::unique_ptr<Supervisor>> supervisor = Supervisor::Start();
    EXPECT_TRUE(supervisor.ok()) << supervisor.status();
    supervisor_ = *std::move(supervisor);
  }

  absl::StatusOr<RunEnd> Run(std::string script) {
    return supervisor_->Run({.argv = {"/bin/sh", "-c", std::move(script)},
                             .environment = {},
                             .redacted = {},
                             .control = control_},
                            {});
  }
  std::string Path(std::string_view name) const { return absl::StrCat(control_, "/", name); }
  std::string Text(std::string_view name) const {
    std::ifstream file(Path(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const std::string control_;
  std::unique_ptr<Supervisor> supervisor_;
};

TEST_F(SupervisorTest, WhoeverComesAfterwardsFindsHowItEnded) {
  const absl::StatusOr<RunEnd> end = Run("exit 7");
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(end->exit_code, 7);
  EXPECT_EQ(Text("exit"), "7\n");
  const absl::StatusOr<std::optional<RunEnd>> found = AttachSupervised(control_, {});
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->exit_code, 7);
}

TEST_F(SupervisorTest, WhatWasGivenUpBeforeItBeganNeverBegins) {
  const absl::StatusOr<std::optional<RunEnd>> found = AttachSupervised(control_, {});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_FALSE(found->has_value());
  // The request of before comes late.
  const absl::StatusOr<RunEnd> end = Run(absl::StrCat("echo ran >", Path("ran")));
  EXPECT_TRUE(HasId(end.status(), DiagnosticId::kRunDriver)) << end.status();
  EXPECT_EQ(Text("ran"), "");
  const absl::StatusOr<std::optional<RunEnd>> again = AttachSupervised(control_, {});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_FALSE(again->has_value());
}

TEST_F(SupervisorTest, FilesAreThereAsAWhole) {
  const absl::StatusOr<RunEnd> end = Run(
      absl::StrCat("cat ", Path("pid"), " >", Path("copy"), "; ls ", control_, " >", Path("list")));
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(Text("copy"), Text("pid"));
  EXPECT_EQ(Text("copy").back(), '\n');
  EXPECT_EQ(Text("list"), "copy\nlist\npid\n");
}

}  // namespace
}  // namespace deps
