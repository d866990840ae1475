#include "lib/io/large_text.h"

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"

namespace deps {
namespace {

constexpr size_t kMebibyte = size_t{1} << 20;

// Megabytes of which no two pages are the same.
std::string Numbers(size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += std::to_string(i) + "\n";
  text.resize(size);
  return text;
}

LargeText Collected(const std::string& text) {
  LargeText large("plan.json");
  for (size_t at = 0; at < text.size(); at += 60000) {
    EXPECT_EQ(large.Append(std::string_view(text).substr(at, 60000)), absl::OkStatus());
  }
  EXPECT_EQ(large.Seal(), absl::OkStatus());
  return large;
}

TEST(LargeTextTest, ShowsWhatItTookWhateverItsSize) {
  for (const size_t size :
       {size_t{0}, size_t{1}, 4 * kMebibyte, 4 * kMebibyte + 1, 9 * kMebibyte + 123}) {
    const std::string text = Numbers(size);
    LargeText large = Collected(text);
    EXPECT_TRUE(large.view() == text) << size;
    const LargeText moved = std::move(large);
    EXPECT_TRUE(moved.view() == text) << size;
    EXPECT_EQ(moved.name(), "plan.json");
  }
}

TEST(LargeTextTest, WhatWasLetGoCanBeReadAgain) {
  const std::string text = Numbers(9 * kMebibyte);
  const LargeText large = Collected(text);
  EXPECT_TRUE(large.view() == text);
  large.LetGo(text.size());
  EXPECT_TRUE(large.view() == text);
  large.LetGo(0);
  EXPECT_TRUE(large.view() == text);
}

TEST(LargeTextTest, LeavesNoFileBehindAndSaysWhereThereIsNoRoom) {
  const absl::StatusOr<TemporaryFolder> folder = TemporaryFolder::Create("large-text-test");
  ASSERT_TRUE(folder.ok()) << folder.status();
  const std::string before = TemporaryParent();
  setenv("TMPDIR", folder->path().c_str(), 1);
  const LargeText large = Collected(Numbers(5 * kMebibyte));
  EXPECT_TRUE(std::filesystem::is_empty(folder->path()));
  const std::string missing = folder->path() + "/missing";
  setenv("TMPDIR", missing.c_str(), 1);
  LargeText homeless("plan.json");
  const absl::Status status = homeless.Append(Numbers(5 * kMebibyte));
  setenv("TMPDIR", before.c_str(), 1);
  ASSERT_TRUE(HasId(status, DiagnosticId::kFileWrite)) << status;
  EXPECT_EQ(DiagnosticsOf(status)[0].location.file, missing);
}

}  // namespace
}  // namespace deps
