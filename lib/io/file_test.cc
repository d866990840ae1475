#include "lib/io/file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

class FileTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return folder_->path() + "/" + name; }
  // Names in the folder: whether a write left something beside the file.
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_->path())) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  absl::StatusOr<TemporaryFolder> folder_ = TemporaryFolder::Create("file-test-");
};

int ModeOf(const std::string& path) {
  struct stat info = {};
  return stat(path.c_str(), &info) == 0 ? static_cast<int>(info.st_mode & 07777) : -1;
}

TEST_F(FileTest, WhatIsWrittenIsRead) {
  const std::string content = std::string("a\0\r\n\xff", 5) + std::string(200000, 'x');
  ASSERT_TRUE(WriteFile(Path("a"), content).ok());
  const absl::StatusOr<Source> source = ReadFile(Path("a"));
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ(source->name, Path("a"));
  EXPECT_EQ(source->text, content);
  EXPECT_EQ(Names(), std::vector<std::string>{"a"});
}

TEST_F(FileTest, WhatComesInPiecesIsWrittenAsAWholeOrNotAtAll) {
  ASSERT_TRUE(WriteFile(Path("a"), "old").ok());
  const auto pieces = [](absl::Status end) {
    return [end](TextSink sink) {
      sink("ne");
      sink("w");
      return end;
    };
  };
  EXPECT_EQ(WriteFileInPieces(Path("a"), pieces(absl::AbortedError("no more"))),
            absl::AbortedError("no more"));
  EXPECT_EQ(ReadFile(Path("a"))->text, "old");
  EXPECT_EQ(WriteFileInPieces(Path("a"), pieces(absl::OkStatus())), absl::OkStatus());
  EXPECT_EQ(ReadFile(Path("a"))->text, "new");
  EXPECT_EQ(Names(), std::vector<std::string>{"a"});
  EXPECT_TRUE(
      HasId(WriteFileInPieces("/dev/full", pieces(absl::OkStatus())), DiagnosticId::kFileWrite));
}

TEST_F(FileTest, AMissingFileIsNotFound) {
  const absl::Status status = ReadFile(Path("none")).status();
  EXPECT_EQ(DiagnosticsOf(status), (std::vector<Diagnostic>{{.id = DiagnosticId::kFileNotFound,
                                                             .message = "there is no such file",
                                                             .location = {.file = Path("none")}}}));
}

TEST_F(FileTest, AFolderCannotBeRead) {
  const absl::Status status = ReadFile(folder_->path()).status();
  EXPECT_TRUE(HasId(status, DiagnosticId::kFileRead)) << status;
  EXPECT_EQ(status.message(), "cannot be read: Is a directory");
}

TEST_F(FileTest, AFileOfExactlyTheLimitIsReadAndOneByteMoreIsRefused) {
  ASSERT_TRUE(WriteFile(Path("a"), "12345").ok());
  EXPECT_TRUE(ReadFile(Path("a"), 5).ok());
  const absl::Status status = ReadFile(Path("a"), 4).status();
  EXPECT_TRUE(HasId(status, DiagnosticId::kInputTooLarge)) << status;
  EXPECT_EQ(status.message(), "is larger than 4 bytes");
}

TEST_F(FileTest, AnEndlessFileIsRefusedAtTheLimit) {
  EXPECT_TRUE(HasId(ReadFile("/dev/zero", 1 << 20).status(), DiagnosticId::kInputTooLarge));
}

TEST_F(FileTest, AReplacedFileKeepsItsPermissions) {
  ASSERT_TRUE(WriteFile(Path("a"), "old").ok());
  ASSERT_EQ(chmod(Path("a").c_str(), 0640), 0);
  ASSERT_TRUE(WriteFile(Path("a"), "new").ok());
  EXPECT_EQ(ReadFile(Path("a"))->text, "new");
  EXPECT_EQ(ModeOf(Path("a")), 0640);
}

TEST_F(FileTest, APrivateFileIsPrivateEvenWhereItReplacesAPublicOne) {
  ASSERT_TRUE(WriteFile(Path("a"), "old").ok());
  ASSERT_TRUE(WriteFile(Path("a"), "new", 0600).ok());
  EXPECT_EQ(ModeOf(Path("a")), 0600);
}

TEST_F(FileTest, ASymbolicLinkStaysAndItsTargetIsReplaced) {
  ASSERT_TRUE(WriteFile(Path("target"), "old").ok());
  ASSERT_EQ(symlink("target", Path("link").c_str()), 0);
  ASSERT_TRUE(WriteFile(Path("link"), "new").ok());
  EXPECT_TRUE(std::filesystem::is_symlink(Path("link")));
  EXPECT_EQ(ReadFile(Path("target"))->text, "new");
}

TEST_F(FileTest, ALinkToNothingMakesItsTarget) {
  ASSERT_EQ(symlink("target", Path("link").c_str()), 0);
  ASSERT_TRUE(WriteFile(Path("link"), "new").ok());
  EXPECT_TRUE(std::filesystem::is_symlink(Path("link")));
  EXPECT_EQ(ReadFile(Path("target"))->text, "new");
}

TEST_F(FileTest, AFolderCannotBeReplaced) {
  ASSERT_TRUE(std::filesystem::create_directory(Path("folder")));
  const absl::Status status = WriteFile(Path("folder"), "x");
  EXPECT_TRUE(HasId(status, DiagnosticId::kFileWrite)) << status;
  EXPECT_EQ(Names(), std::vector<std::string>{"folder"});
}

TEST_F(FileTest, AFileInAMissingFolderCannotBeWritten) {
  const absl::Status status = WriteFile(Path("none/a"), "x");
  EXPECT_TRUE(HasId(status, DiagnosticId::kFileWrite)) << status;
  EXPECT_EQ(status.message(), "cannot be written: No such file or directory");
}

TEST_F(FileTest, AFullDeviceIsAnError) {
  const absl::Status status = WriteFile("/dev/full", "x");
  EXPECT_TRUE(HasId(status, DiagnosticId::kFileWrite)) << status;
  EXPECT_EQ(status.message(), "cannot be written: No space left on device");
}

TEST(TemporaryFolderTest, IsPrivateAndGoesWithAllItHolds) {
  std::string path;
  {
    absl::StatusOr<TemporaryFolder> folder = TemporaryFolder::Create("folder-");
    ASSERT_TRUE(folder.ok()) << folder.status();
    path = folder->path();
    EXPECT_EQ(ModeOf(path), 0700);
    std::filesystem::create_directories(path + "/a/b");
    ASSERT_TRUE(WriteFile(path + "/a/b/c", "x").ok());
    const TemporaryFolder moved = *std::move(folder);
    EXPECT_EQ(moved.path(), path);
    EXPECT_TRUE(std::filesystem::exists(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(TemporaryFolderTest, SaysWhereItCannotBeMade) {
  const char* before = std::getenv("TMPDIR");
  const std::string kept = before == nullptr ? "" : before;
  setenv("TMPDIR", "/nonexistent", 1);
  const absl::Status status = TemporaryFolder::Create("x").status();
  if (before == nullptr) {
    unsetenv("TMPDIR");
  } else {
    setenv("TMPDIR", kept.c_str(), 1);
  }
  EXPECT_TRUE(HasId(status, DiagnosticId::kFileWrite)) << status;
}

}  // namespace
}  // namespace deps
