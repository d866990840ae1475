#include "lib/archive/archived_blob.h"

#include <unistd.h>
#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/archive/archive.h"
#include "lib/archive/bytes_for_tests.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/sha256.h"
#include "lib/io/file.h"

namespace deps {
namespace {

class ArchivedBlobTest : public testing::Test {
 protected:
  // An archive with these blobs, by their digests, as WriteArchive makes it.
  void Write(const std::map<std::string, std::string>& blobs) {
    BundleArchive content = {.root = {.bundle_json = "{}"}, .index_json = "{}"};
    for (const auto& [digest, bytes] : blobs) {
      const std::string path = absl::StrCat(folder_.path(), "/", content.blobs.size());
      ASSERT_TRUE(WriteFile(path, bytes).ok());
      content.blobs[digest] = {.path = path, .size = static_cast<int64_t>(bytes.size())};
    }
    const absl::Status status = WriteArchiveFile(content, path_);
    ASSERT_TRUE(status.ok()) << status;
  }
  // The same archive, compressed by zlib.
  void CompressAgain(int level) {
    std::string tar;
    const gzFile in = gzopen(path_.c_str(), "rb");
    char buffer[65536];
    for (int count = 0; (count = gzread(in, buffer, sizeof(buffer))) > 0;) {
      tar.append(buffer, static_cast<size_t>(count));
    }
    gzclose(in);
    const gzFile out = gzopen(path_.c_str(), absl::StrCat("wb", level).c_str());
    EXPECT_EQ(gzwrite(out, tar.data(), static_cast<unsigned>(tar.size())),
              static_cast<int>(tar.size()));
    gzclose(out);
  }
  static std::map<std::string, std::string> ByDigest(std::initializer_list<std::string> blobs) {
    std::map<std::string, std::string> by_digest;
    for (const std::string& bytes : blobs) by_digest[Sha256Digest(bytes)] = bytes;
    return by_digest;
  }
  void ExpectSame(const OpenedArchive& opened, const std::map<std::string, std::string>& blobs) {
    ASSERT_EQ(opened.content.blobs.size(), blobs.size());
    for (const auto& [digest, bytes] : blobs) {
      const absl::StatusOr<std::string> read =
          ReadArchivedBlob(opened.content.blobs.at(digest), bytes.size());
      ASSERT_TRUE(read.ok()) << read.status();
      EXPECT_TRUE(*read == bytes) << digest;
    }
  }
  static int64_t BytesIn(const TemporaryFolder& folder) {
    int64_t sum = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      sum += static_cast<int64_t>(entry.file_size());
    }
    return sum;
  }

  const TemporaryFolder folder_ = *TemporaryFolder::Create("archived-blob-test-");
  const std::string path_ = folder_.path() + "/a.tgz";
};

TEST_F(ArchivedBlobTest, WhatLiesUncompressedInAnArchiveStaysThere) {
  const auto blobs =
      ByDigest({RandomBytes(3 << 20), RandomBytes(2 << 20), Words(3 << 20), "small", ""});
  Write(blobs);
  const absl::StatusOr<OpenedArchive> opened = ReadArchive(path_);
  ASSERT_TRUE(opened.ok()) << opened.status();
  ExpectSame(*opened, blobs);
  EXPECT_LE(BytesIn(*opened->folder), (3 << 20) + (1 << 20));
}

TEST_F(ArchivedBlobTest, BlobsMayBePartlyCompressed) {
  const auto blobs =
      ByDigest({Words(200'000) + RandomBytes(1 << 20), RandomBytes(1 << 20) + Words(200'000),
                RandomBytes(300'000) + Words(1 << 20) + RandomBytes(400'000),
                Words(100'000) + RandomBytes(700'000) + Words(100'000) + RandomBytes(900'000)});
  Write(blobs);
  for (int level = -1; level <= 9; ++level) {
    if (level >= 0) CompressAgain(level);
    for (const int64_t leave : {int64_t{1}, int64_t{1} << 20, int64_t{1} << 40}) {
      const absl::StatusOr<OpenedArchive> opened = ReadArchive(path_, {.leave_bytes = leave});
      ASSERT_TRUE(opened.ok()) << opened.status();
      ExpectSame(*opened, blobs);
      if (leave == int64_t{1} << 40) continue;
      EXPECT_LT(BytesIn(*opened->folder), 4 << 20) << level;
    }
  }
}

TEST_F(ArchivedBlobTest, AnyPlaceCanBeReadInAnyOrder) {
  const std::string bytes = Words(100'000) + RandomBytes(1 << 20) + Words(100'000);
  Write({{Sha256Digest(bytes), bytes}});
  const absl::StatusOr<OpenedArchive> opened = ReadArchive(path_, {.leave_bytes = 1});
  ASSERT_TRUE(opened.ok()) << opened.status();
  const BlobFile& blob = opened->content.blobs.begin()->second;
  ASSERT_GT(blob.stored.size, 500'000);
  const auto reader = ArchivedBlob::Open(blob);
  ASSERT_TRUE(reader.ok()) << reader.status();
  std::mt19937 engine(1);
  std::string buffer(150'000, '\0');
  for (int i = 0; i < 2000; ++i) {
    const size_t at = engine() % bytes.size();
    const size_t size = 1 + engine() % (i % 2 == 0 ? buffer.size() : 10);
    const absl::StatusOr<size_t> got =
        (*reader)->Read(static_cast<int64_t>(at), buffer.data(), size);
    ASSERT_TRUE(got.ok()) << got.status();
    ASSERT_GT(*got, 0u);
    ASSERT_TRUE(bytes.compare(at, *got, buffer, 0, *got) == 0) << at;
  }
  EXPECT_EQ(*(*reader)->Read(static_cast<int64_t>(bytes.size()), buffer.data(), 1), 0u);
}

TEST_F(ArchivedBlobTest, TheFileMayBeRemovedAndItsChangeIsNoticed) {
  const auto blobs = ByDigest({RandomBytes(2 << 20)});
  Write(blobs);
  const absl::StatusOr<OpenedArchive> opened = ReadArchive(path_);
  ASSERT_TRUE(opened.ok()) << opened.status();
  const std::string copy = folder_.path() + "/copy";
  std::filesystem::create_hard_link(path_, copy);
  std::filesystem::remove(path_);
  ExpectSame(*opened, blobs);
  const BlobFile& blob = opened->content.blobs.begin()->second;
  ASSERT_EQ(truncate(copy.c_str(), 1 << 20), 0);
  EXPECT_TRUE(HasId(ReadArchivedBlob(blob, 4 << 20).status(), DiagnosticId::kFileRead));
  ASSERT_TRUE(WriteFile(path_, std::string(4 << 20, 'x')).ok());
  ASSERT_EQ(truncate(copy.c_str(), 4 << 20), 0);
  EXPECT_TRUE(HasId(ReadArchivedBlob(blob, 4 << 20).status(), DiagnosticId::kFileRead));
}

TEST_F(ArchivedBlobTest, WhatIsTooLargeIsNotRead) {
  Write(ByDigest({RandomBytes(2 << 20)}));
  const absl::StatusOr<OpenedArchive> opened = ReadArchive(path_);
  ASSERT_TRUE(opened.ok()) << opened.status();
  const absl::Status status =
      ReadArchivedBlob(opened->content.blobs.begin()->second, 1 << 20).status();
  EXPECT_TRUE(HasId(status, DiagnosticId::kInputTooLarge)) << status;
}

TEST_F(ArchivedBlobTest, DigestsOfWhatStaysAreVerifiedToo) {
  const std::string good = RandomBytes(2 << 20);
  const std::string wrong = Sha256Digest("something else");
  Write({{Sha256Digest(good), good}, {wrong, RandomBytes(1 << 20)}});
  const absl::Status status = ReadArchive(path_).status();
  ASSERT_TRUE(HasId(status, DiagnosticId::kArchiveInvalid)) << status;
  EXPECT_EQ(DiagnosticsOf(status)[0].message,
            absl::StrCat("member './artifacts/layout/blobs/sha256/", wrong.substr(7),
                         "': its content is ", Sha256Digest(RandomBytes(1 << 20))));
  const absl::StatusOr<OpenedArchive> opened = ReadArchive(path_, {}, /*keep_going=*/true);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->damaged,
            (std::map<std::string, std::string>{{wrong, Sha256Digest(RandomBytes(1 << 20))}}));
  EXPECT_EQ(opened->content.blobs.size(), 1u);
}

TEST_F(ArchivedBlobTest, DamageAndTruncationAreNoticedInWhatStays) {
  Write(ByDigest({RandomBytes(2 << 20)}));
  const std::string whole = ReadFile(path_)->text;
  for (size_t at = 600'000; at < whole.size(); at += 200'001) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    ASSERT_TRUE(WriteFile(path_, damaged).ok());
    EXPECT_TRUE(HasId(ReadArchive(path_).status(), DiagnosticId::kArchiveInvalid)) << at;
    ASSERT_TRUE(WriteFile(path_, whole.substr(0, at)).ok());
    const absl::Status status = ReadArchive(path_).status();
    ASSERT_TRUE(HasId(status, DiagnosticId::kArchiveInvalid)) << at;
    EXPECT_TRUE(absl::StrContains(DiagnosticsOf(status)[0].message,
                                  "': the compressed data ends too early"))
        << status;
  }
}

TEST_F(ArchivedBlobTest, WhatComesThroughAPipeIsWritten) {
  const auto blobs = ByDigest({RandomBytes(2 << 20)});
  Write(blobs);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::thread writer([&] {
    const std::string whole = ReadFile(path_)->text;
    for (size_t at = 0; at < whole.size();) {
      const ssize_t count = write(ends[1], whole.data() + at, whole.size() - at);
      if (count <= 0) break;
      at += static_cast<size_t>(count);
    }
    close(ends[1]);
  });
  const absl::StatusOr<OpenedArchive> opened = ReadArchive(absl::StrCat("/proc/self/fd/", ends[0]));
  writer.join();
  close(ends[0]);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->content.blobs.begin()->second.stored.size, 0);
  ExpectSame(*opened, blobs);
}

TEST_F(ArchivedBlobTest, AnArchiveCanBeWrittenFromOneThatWasRead) {
  Write(ByDigest({RandomBytes(2 << 20), Words(1 << 20) + RandomBytes(1 << 20)}));
  const absl::StatusOr<OpenedArchive> opened = ReadArchive(path_);
  ASSERT_TRUE(opened.ok()) << opened.status();
  const std::string again = folder_.path() + "/again.tgz";
  ASSERT_TRUE(WriteArchiveFile(opened->content, again).ok());
  EXPECT_TRUE(ReadFile(again)->text == ReadFile(path_)->text);
}

}  // namespace
}  // namespace deps
