#include "lib/io/program.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

Program Shell(std::string script) {
  return {.argv = {"/bin/sh", "-c", std::move(script)}, .timeout = absl::Seconds(20)};
}

struct EndCase {
  std::string_view name;
  std::string_view script;
  ProgramEnd::Kind kind;
  int exit_code;
  std::string_view output;
  std::string_view errors;
};

TEST(Program, EndsAsItsTableSays) {
  using Kind = ProgramEnd::Kind;
  const EndCase cases[] = {
      {"text in, text out", "cat; echo done >&2", Kind::kExited, 0, "the input", "done\n"},
      {"input that nobody reads", "exit 3", Kind::kExited, 3, "", ""},
      {"a signal", "kill -TERM $$", Kind::kExited, 143, "", ""},
      {"closed outputs, still running", "exec >&- 2>&-; sleep 0.2; exit 4", Kind::kExited, 4, "",
       ""},
      {"something left running with our channels", "sleep 5 & echo early", Kind::kExited, 0,
       "early\n", ""},
      {"too much output", "yes", Kind::kTooMuchOutput, 137, "", ""},
  };
  for (const EndCase& row : cases) {
    SCOPED_TRACE(row.name);
    Program program = Shell(std::string(row.script));
    program.input = "the input";
    program.max_output = 1000;
    const absl::StatusOr<ProgramEnd> end = RunProgram(program);
    ASSERT_TRUE(end.ok()) << end.status();
    EXPECT_EQ(end->kind, row.kind);
    EXPECT_EQ(end->exit_code, row.exit_code);
    EXPECT_EQ(end->errors, row.errors);
    if (row.kind == Kind::kExited) {
      EXPECT_EQ(end->output, row.output);
    }
  }
}

TEST(Program, IsStoppedWithAllThatItStarted) {
  Program program = Shell("sleep 30 & sleep 30");
  program.timeout = absl::Milliseconds(200);
  const absl::Time start = absl::Now();
  absl::StatusOr<ProgramEnd> end = RunProgram(program);
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->kind, ProgramEnd::Kind::kTimedOut);

  program.timeout = absl::Seconds(20);
  program.stop = [] { return true; };
  end = RunProgram(program);
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->kind, ProgramEnd::Kind::kStopped);
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
}

TEST(Program, GivesOutputAsItComes) {
  Program program = Shell("echo one; sleep 0.1; echo two; sleep 30");
  std::string seen;
  program.output = [&](std::string_view bytes) {
    seen += bytes;
    return seen == "one\ntwo\n" ? absl::AbortedError("enough") : absl::OkStatus();
  };
  EXPECT_EQ(RunProgram(program).status(), absl::AbortedError("enough"));
  EXPECT_EQ(seen, "one\ntwo\n");
}

TEST(Program, TakesALargeInputAndItsOwnEnvironment) {
  Program program = Shell("echo $NAME; wc -c");
  program.environment = std::vector<std::string>{"NAME=value", "PATH=/usr/bin:/bin"};
  program.input = std::string(5'000'000, 'x');
  const absl::StatusOr<ProgramEnd> end = RunProgram(program);
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->output, "value\n5000000\n");
}

TEST(Program, ThatIsNotThereIsAnError) {
  EXPECT_TRUE(
      HasId(RunProgram({.argv = {"/no/such/program"}}).status(), DiagnosticId::kFileNotFound));
  EXPECT_TRUE(HasId(RunProgram({.argv = {"/etc/passwd"}}).status(), DiagnosticId::kFileRead));
}

TEST(Program, IsAFileThatMayBeRun) {
  EXPECT_TRUE(IsProgram("/bin/sh"));
  EXPECT_FALSE(IsProgram("/bin")) << "a folder";
  EXPECT_FALSE(IsProgram("/etc/passwd")) << "a file that may not be run";
  EXPECT_FALSE(IsProgram("/nowhere/sh"));
}

}  // namespace
}  // namespace deps
