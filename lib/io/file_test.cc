#include "lib/io/file.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
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
  // What `work` answers in a process of its own; _exit ends it as if it was killed.
  static int InProcess(const std::function<int()>& work) {
    const pid_t child = fork();
    if (child == 0) _exit(work());
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  absl::StatusOr<TemporaryFolder> folder_ = TemporaryFolder::Create("file-test");
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

TEST_F(FileTest, AWriterThatIsKilledLeavesNothing) {
  const int probe = open(folder_->path().c_str(), O_TMPFILE | O_WRONLY, 0600);
  if (probe < 0) GTEST_SKIP() << "this file system knows no files without a name";
  close(probe);
  ASSERT_TRUE(WriteFile(Path("a"), "old").ok());
  EXPECT_EQ(InProcess([this] {
              static_cast<void>(ReplaceFile(Path("a"), [](ByteSink sink) {
                if (sink("new").ok()) _exit(7);
                return absl::OkStatus();
              }));
              return 0;
            }),
            7);
  EXPECT_EQ(Names(), std::vector<std::string>{"a"});
  EXPECT_EQ(ReadFile(Path("a"))->text, "old");
}

// Files without a name get theirs by way of /proc.
TEST_F(FileTest, WithoutProcFilesAreReplacedAllTheSame) {
  ASSERT_TRUE(WriteFile(Path("a"), "old").ok());
  constexpr int kNoNamespace = 9;
  const int status = InProcess([this] {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 ||
        mount("none", "/proc", "tmpfs", 0, nullptr) != 0) {
      return kNoNamespace;
    }
    const absl::Status ended = ReplaceFile(Path("a"), [this](ByteSink sink) {
      const absl::Status written = sink("lost");
      return Names().size() == 2 && written.ok() ? absl::AbortedError("no more") : written;
    });
    if (ended != absl::AbortedError("no more") || Names().size() != 1) return 1;
    return WriteFile(Path("a"), "new").ok() ? 0 : 2;
  });
  if (status == kNoNamespace) GTEST_SKIP() << "namespaces cannot be made here";
  EXPECT_EQ(status, 0);
  EXPECT_EQ(ReadFile(Path("a"))->text, "new");
  EXPECT_EQ(Names(), std::vector<std::string>{"a"});
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
    absl::StatusOr<TemporaryFolder> folder = TemporaryFolder::Create("folder");
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

class LeftFoldersTest : public FileTest {
 protected:
  LeftFoldersTest() { setenv("TMPDIR", folder_->path().c_str(), 1); }
  ~LeftFoldersTest() override {
    if (before_ == nullptr) {
      unsetenv("TMPDIR");
    } else {
      setenv("TMPDIR", kept_.c_str(), 1);
    }
  }
  static int Leave() {
    const absl::StatusOr<TemporaryFolder> folder = TemporaryFolder::Create("left");
    _exit(folder.ok() && WriteFile(folder->path() + "/a", "x").ok() ? 0 : 1);
  }

 private:
  const char* const before_ = std::getenv("TMPDIR");
  const std::string kept_ = before_ == nullptr ? "" : before_;
};

TEST_F(LeftFoldersTest, TheNextProcessRemovesThem) {
  ASSERT_EQ(InProcess(Leave), 0);
  ASSERT_EQ(Names().size(), 1u);
  EXPECT_TRUE(absl::StartsWith(Names()[0], "cnab-deps.left-"));
  EXPECT_TRUE(TemporaryFolder::Create("next").ok());
  EXPECT_EQ(Names(), std::vector<std::string>{});
}

TEST_F(LeftFoldersTest, AFolderThatCannotBeOpenedDoesNotStay) {
  EXPECT_EQ(InProcess([] {
              const int next = dup(0);
              close(next);
              const rlimit files = {static_cast<rlim_t>(next), static_cast<rlim_t>(next)};
              if (setrlimit(RLIMIT_NOFILE, &files) != 0) return 1;
              return HasId(TemporaryFolder::Create("x").status(), DiagnosticId::kFileWrite) ? 0 : 2;
            }),
            0);
  EXPECT_EQ(Names(), std::vector<std::string>{});
}

TEST_F(LeftFoldersTest, WhatIsUsedOrSomebodyElsesStays) {
  const absl::StatusOr<TemporaryFolder> used = TemporaryFolder::Create("used");
  ASSERT_TRUE(used.ok()) << used.status();
  const std::vector<std::string> names = {"cnab-deps.file", "cnab-deps.link", "cnab-deps.open-x",
                                          "cnab-deps-run", "other"};
  ASSERT_TRUE(WriteFile(Path("cnab-deps.file"), "x").ok());
  std::filesystem::create_directories(Path("cnab-deps-run"));
  std::filesystem::create_directories(Path("other"));
  std::filesystem::create_directory_symlink(Path("other"), Path("cnab-deps.link"));
  std::filesystem::create_directories(Path("cnab-deps.open-x"));
  for (const char* name : {"cnab-deps-run", "other"}) {
    ASSERT_EQ(chmod(Path(name).c_str(), 0700), 0);
  }
  ASSERT_EQ(chmod(Path("cnab-deps.open-x").c_str(), 0755), 0);
  const auto make = [] { return TemporaryFolder::Create("next").ok() ? 0 : 1; };
  ASSERT_TRUE(make() == 0 && InProcess(make) == 0);
  for (const std::string& name : names) EXPECT_TRUE(std::filesystem::exists(Path(name))) << name;
  EXPECT_TRUE(std::filesystem::exists(used->path()));
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
