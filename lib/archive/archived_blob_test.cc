#include "lib/archive/archived_blob.h"

#include <unistd.h>
#include <zlib.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "absl/status/status.h"
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

  const TemporaryFolder folder_ = *TemporaryFolder::Create("archived-blob-test");
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

// What ReadArchive passes over is verified by whoever reads it.
class DeferredBlobTest : public ArchivedBlobTest {
 protected:
  OpenedArchive Open() {
    absl::StatusOr<OpenedArchive> opened = ReadArchive(path_, {.defer = true});
    EXPECT_TRUE(opened.ok()) << opened.status();
    return *std::move(opened);
  }
  // Flips a bit of what lies in the archive at `place` of the blob.
  void Damage(const std::string& bytes, size_t place) {
    std::string whole = ReadFile(path_)->text;
    const size_t at = whole.find(bytes.substr(place, 20));
    ASSERT_NE(at, std::string::npos);
    whole[at] = static_cast<char>(whole[at] ^ 1);
    ASSERT_TRUE(WriteFile(path_, whole).ok());
  }
  // How many bytes come before an error, and the error.
  static std::pair<size_t, absl::Status> ReadInPieces(const BlobFile& blob, size_t piece) {
    const auto reader = ArchivedBlob::Open(blob);
    std::string buffer(piece, '\0');
    size_t all = 0;
    while (true) {
      const absl::StatusOr<size_t> got =
          (*reader)->Read(static_cast<int64_t>(all), buffer.data(), buffer.size());
      if (!got.ok() || *got == 0) return {all, got.status()};
      all += *got;
    }
  }

  const std::string large_ = RandomBytes(3 << 20);
  const std::string mixed_ = Words(200'000) + RandomBytes(2 << 20) + Words(200'000);
};

TEST_F(DeferredBlobTest, BlobsAreVerifiedByWhoReadsThemOrElseAtTheEnd) {
  const auto blobs = ByDigest({large_, mixed_, Words(2 << 20), "small"});
  Write(blobs);
  for (int level = -1; level <= 9; level += 5) {
    if (level >= 0) CompressAgain(level);
    const OpenedArchive all_unread = Open();
    const int64_t unread = BytesUnread(all_unread.content.blobs);
    EXPECT_GT(unread, 4 << 20);
    int64_t told = 0;
    const auto tell = [&](int64_t bytes) { told += bytes; };
    EXPECT_EQ(VerifyUnread(all_unread.content.blobs, nullptr, tell), absl::OkStatus());
    EXPECT_EQ(told, unread);
    EXPECT_EQ(BytesUnread(all_unread.content.blobs), 0);

    const OpenedArchive one_read = Open();
    EXPECT_TRUE(*ReadArchivedBlob(one_read.content.blobs.at(Sha256Digest(large_)), 4 << 20) ==
                large_);
    EXPECT_LT(BytesUnread(one_read.content.blobs), unread - (2 << 20));
    EXPECT_EQ(VerifyUnread(one_read.content.blobs), absl::OkStatus());

    const OpenedArchive all_read = Open();
    ExpectSame(all_read, blobs);
    EXPECT_EQ(BytesUnread(all_read.content.blobs), 0);
    EXPECT_EQ(VerifyUnread(all_read.content.blobs), absl::OkStatus());
  }
}

TEST_F(DeferredBlobTest, WhatIsSkippedOrReadAgainIsVerifiedAllTheSame) {
  Write(ByDigest({mixed_}));
  const OpenedArchive opened = Open();
  const auto reader = ArchivedBlob::Open(opened.content.blobs.begin()->second);
  std::string buffer(300'000, '\0');
  for (const size_t at : {0, 100'000, 1'500'000, 40'000, 1'200'000, 0}) {
    const absl::StatusOr<size_t> got =
        (*reader)->Read(static_cast<int64_t>(at), buffer.data(), buffer.size());
    ASSERT_TRUE(got.ok()) << got.status();
    ASSERT_TRUE(mixed_.compare(at, *got, buffer, 0, *got) == 0) << at;
  }
  EXPECT_GT(BytesUnread(opened.content.blobs), 0);
  ASSERT_TRUE((*reader)->Read(static_cast<int64_t>(mixed_.size()) - 1, buffer.data(), 1).ok());
  EXPECT_EQ(BytesUnread(opened.content.blobs), 0);
  EXPECT_EQ(VerifyUnread(opened.content.blobs), absl::OkStatus());
}

TEST_F(DeferredBlobTest, NobodyGetsTheLastBytesOfAWrongBlob) {
  Write(ByDigest({large_, mixed_}));
  Damage(large_, 1 << 20);
  const std::string digest = Sha256Digest(large_);
  std::string wrong = large_;
  wrong[1 << 20] = static_cast<char>(wrong[1 << 20] ^ 1);
  const std::string message =
      absl::StrCat("blob ", digest, ": its content is ", Sha256Digest(wrong));
  for (const size_t piece : {size_t{1000}, size_t{65536}, size_t{1} << 20}) {
    const OpenedArchive opened = Open();
    const auto& [came, status] = ReadInPieces(opened.content.blobs.at(digest), piece);
    EXPECT_LT(came, large_.size()) << piece;
    EXPECT_GE(came + piece, large_.size()) << piece;
    ASSERT_TRUE(HasId(status, DiagnosticId::kArchiveInvalid)) << status;
    EXPECT_EQ(DiagnosticsOf(status)[0].message, message);
    EXPECT_EQ(DiagnosticsOf(status)[0].location.file, path_);
    EXPECT_TRUE(HasId(ReadArchivedBlob(opened.content.blobs.at(digest), 4 << 20).status(),
                      DiagnosticId::kArchiveInvalid));
    EXPECT_TRUE(HasId(VerifyUnread(opened.content.blobs), DiagnosticId::kArchiveInvalid));
  }
  const absl::Status status = VerifyUnread(Open().content.blobs);
  ASSERT_TRUE(HasId(status, DiagnosticId::kArchiveInvalid)) << status;
  EXPECT_EQ(DiagnosticsOf(status)[0].message, message);
}

TEST_F(DeferredBlobTest, WhatIsNoBlobIsVerifiedByTheChecksum) {
  const auto blobs = ByDigest({large_, "small"});
  Write(blobs);
  CompressAgain(0);
  std::string whole = ReadFile(path_)->text;
  // The bundle.json of Write.
  whole[whole.rfind("{}")] = '[';
  ASSERT_TRUE(WriteFile(path_, whole).ok());
  const OpenedArchive opened = Open();
  ExpectSame(opened, blobs);
  const absl::Status status = VerifyUnread(opened.content.blobs);
  ASSERT_TRUE(HasId(status, DiagnosticId::kArchiveInvalid)) << status;
  EXPECT_EQ(DiagnosticsOf(status)[0].message,
            "the compressed data is damaged: incorrect data check");
  EXPECT_EQ(DiagnosticsOf(status)[0].location.file, path_);
}

TEST_F(DeferredBlobTest, VerifyingCanBeStopped) {
  Write(ByDigest({large_}));
  const OpenedArchive opened = Open();
  const std::atomic<int> stop = 15;
  EXPECT_TRUE(HasId(VerifyUnread(opened.content.blobs, &stop), DiagnosticId::kInterrupted));
  EXPECT_GT(BytesUnread(opened.content.blobs), 0);
  EXPECT_EQ(VerifyUnread(opened.content.blobs), absl::OkStatus());
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
