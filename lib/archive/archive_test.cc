#include "lib/archive/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <zlib.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/digest_hasher.h"
#include "lib/digest/sha256.h"
#include "lib/io/file.h"

namespace deps {
namespace {

constexpr char kBlobs[] = "artifacts/layout/blobs/sha256/";

std::string Write(const std::string& folder, std::string_view name, std::string_view bytes) {
  const std::string path = absl::StrCat(folder, "/", name);
  EXPECT_TRUE(WriteFile(path, bytes).ok());
  return path;
}

std::string Text(const std::string& path) { return ReadFile(path)->text; }

struct Member {
  std::string name;
  std::string content;
  mode_t type = AE_IFREG;
  std::string link = {};  // A hard link where `type` is AE_IFREG.
};

std::string Tar(const std::vector<Member>& members) {
  std::string bytes(1 << 20, '\0');
  size_t used = 0;
  archive* const tar = archive_write_new();
  archive_write_set_format_pax_restricted(tar);
  archive_write_set_bytes_in_last_block(tar, 1);
  archive_write_open_memory(tar, bytes.data(), bytes.size(), &used);
  for (const Member& member : members) {
    archive_entry* const entry = archive_entry_new();
    archive_entry_set_pathname(entry, member.name.c_str());
    archive_entry_set_filetype(entry, member.type);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, static_cast<int64_t>(member.content.size()));
    if (!member.link.empty() && member.type == AE_IFREG) {
      archive_entry_set_hardlink(entry, member.link.c_str());
    } else if (!member.link.empty()) {
      archive_entry_set_symlink(entry, member.link.c_str());
    }
    archive_write_header(tar, entry);
    archive_write_data(tar, member.content.data(), member.content.size());
    archive_entry_free(entry);
  }
  archive_write_close(tar);
  archive_write_free(tar);
  bytes.resize(used);
  return bytes;
}

std::string Gzip(std::string_view bytes) {
  z_stream stream = {};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::vector<Member> Good() {
  return {{"bundle.json", "{}"},
          {"relocation-mapping.json", "null"},
          {"artifacts/layout/oci-layout", "{}"},
          {"artifacts/layout/index.json", "{\"manifests\":[]}"},
          {kBlobs + Sha256Hex("abc"), "abc"}};
}

class ArchiveTest : public testing::Test {
 protected:
  // Also with all that can stay in the archive left there, which must not matter.
  absl::StatusOr<OpenedArchive> Read(std::string_view bytes, ArchiveLimits limits = {}) {
    const std::string path = Write(folder_.path(), "a.tgz", bytes);
    absl::StatusOr<OpenedArchive> opened = ReadArchive(path, limits);
    limits.leave_bytes = 0;
    EXPECT_EQ(ReadArchive(path, limits).status(), opened.status());
    limits.defer = true;
    const absl::StatusOr<OpenedArchive> deferred = ReadArchive(path, limits);
    const absl::Status later =
        deferred.ok() ? VerifyUnread(deferred->content.blobs) : deferred.status();
    EXPECT_EQ(later.ok(), opened.ok()) << later;
    return opened;
  }
  absl::StatusOr<OpenedArchive> ReadWith(std::vector<Member> more) {
    std::vector<Member> members = Good();
    members.insert(members.end(), more.begin(), more.end());
    return Read(Gzip(Tar(members)));
  }
  static void ExpectRefused(const absl::StatusOr<OpenedArchive>& opened, std::string_view message) {
    ASSERT_FALSE(opened.ok()) << message;
    EXPECT_TRUE(HasId(opened.status(), DiagnosticId::kArchiveInvalid)) << opened.status();
    const Diagnostic diagnostic = DiagnosticsOf(opened.status()).front();
    EXPECT_TRUE(absl::StrContains(diagnostic.message, message)) << diagnostic.message;
    EXPECT_TRUE(absl::EndsWith(diagnostic.location.file, "a.tgz")) << diagnostic.location.file;
  }

  TemporaryFolder folder_ = *TemporaryFolder::Create("archive-test");
};

BundleArchive Example(const std::string& folder) {
  const std::string blob = Write(folder, "blob", "abc");
  return {
      .root = {.bundle_json = "{\"name\":\"root\"}", .mapping_json = "{}"},
      .dependencies = {{"mysql-0.1.0",
                        {.bundle_json = "{\"name\":\"mysql\"}", .mapping_json = "{\"a\":\"b\"}"}}},
      .index_json = "{\"manifests\":[]}",
      .blobs = {{Sha256Digest("abc"), {.path = blob, .size = 3}}}};
}

TEST_F(ArchiveTest, WhatIsWrittenIsRead) {
  const BundleArchive content = Example(folder_.path());
  const std::string path = folder_.path() + "/out.tgz";
  ASSERT_TRUE(WriteArchiveFile(content, path).ok());
  int64_t told = 0;
  const absl::StatusOr<OpenedArchive> opened =
      ReadArchive(path, {.on_read = [&](int64_t bytes) { told += bytes; }});
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(told, static_cast<int64_t>(Text(path).size()));
  EXPECT_EQ(opened->content.root, content.root);
  EXPECT_EQ(opened->content.dependencies, content.dependencies);
  EXPECT_EQ(opened->content.index_json, content.index_json);
  ASSERT_EQ(opened->content.blobs.size(), 1u);
  EXPECT_EQ(Text(opened->content.blobs.at(Sha256Digest("abc")).path), "abc");
}

TEST_F(ArchiveTest, WritingTellsOfBlobsAndCanBeStopped) {
  const BundleArchive content = Example(folder_.path());
  const std::string path = folder_.path() + "/out.tgz";
  std::atomic<int> stop = 0;
  int64_t told = 0;
  const ArchiveWriting writing = {.stop = &stop,
                                  .on_packed = [&](int64_t bytes) { told += bytes; }};
  ASSERT_TRUE(WriteArchiveFile(content, path, writing).ok());
  EXPECT_EQ(told, 3);
  stop = 2;
  const std::string other = folder_.path() + "/other.tgz";
  EXPECT_TRUE(HasId(WriteArchiveFile(content, other, writing), DiagnosticId::kInterrupted));
  EXPECT_TRUE(HasId(ReadFile(other).status(), DiagnosticId::kFileNotFound));
}

TEST_F(ArchiveTest, BlobsUnderSha512AreWrittenToo) {
  BundleArchive content = Example(folder_.path());
  const std::string digest = DigestLike("sha512:", "abc");
  content.blobs[digest] = content.blobs.begin()->second;
  const std::string path = folder_.path() + "/out.tgz";
  ASSERT_TRUE(WriteArchiveFile(content, path).ok());
  const absl::StatusOr<OpenedArchive> opened = ReadArchive(path);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(Text(opened->content.blobs.at(digest).path), "abc");
}

TEST_F(ArchiveTest, EqualContentGivesEqualBytesWithoutTimesAndNames) {
  const BundleArchive content = Example(folder_.path());
  std::string first;
  std::string second;
  const auto append = [](std::string* to) {
    return [to](std::string_view bytes) {
      to->append(bytes);
      return absl::OkStatus();
    };
  };
  ASSERT_TRUE(WriteArchive(content, append(&first)).ok());
  ASSERT_TRUE(WriteArchive(content, append(&second)).ok());
  EXPECT_EQ(first, second);
  // Flags and time of the gzip header: no name, no time.
  EXPECT_EQ(first.substr(0, 8), std::string("\x1f\x8b\x08\0\0\0\0\0", 8));
}

TEST_F(ArchiveTest, MembersComeInTheOrderOfPortersWalk) {
  const std::string path = folder_.path() + "/out.tgz";
  ASSERT_TRUE(WriteArchiveFile(Example(folder_.path()), path).ok());
  archive* const tar = archive_read_new();
  archive_read_support_filter_gzip(tar);
  archive_read_support_format_tar(tar);
  ASSERT_EQ(archive_read_open_filename(tar, path.c_str(), 10240), ARCHIVE_OK);
  std::vector<std::string> names;
  archive_entry* entry = nullptr;
  while (archive_read_next_header(tar, &entry) == ARCHIVE_OK) {
    const bool folder = archive_entry_filetype(entry) == AE_IFDIR;
    names.push_back(archive_entry_pathname(entry));
    EXPECT_EQ(archive_entry_mtime(entry), 0);
    EXPECT_EQ(archive_entry_uid(entry), 0);
    EXPECT_EQ(archive_entry_perm(entry), folder ? 0755u : 0644u);
  }
  archive_read_free(tar);
  const std::vector<std::string> expected = {
      "./",
      "./artifacts/",
      "./artifacts/layout/",
      "./artifacts/layout/blobs/",
      "./artifacts/layout/blobs/sha256/",
      "./artifacts/layout/blobs/sha256/" + Sha256Hex("abc"),
      "./artifacts/layout/index.json",
      "./artifacts/layout/oci-layout",
      "./bundle.json",
      "./dependencies/",
      "./dependencies/mysql-0.1.0/",
      "./dependencies/mysql-0.1.0/bundle.json",
      "./dependencies/mysql-0.1.0/relocation-mapping.json",
      "./relocation-mapping.json",
  };
  EXPECT_EQ(names, expected);
}

TEST_F(ArchiveTest, NamesWithAndWithoutDotAreReadAndOthersPassedOver) {
  EXPECT_TRUE(ReadWith({{"./dependencies/a/bundle.json", "{}"},
                        {"dependencies/", "", AE_IFDIR},
                        {"notes/readme.txt", "hello"}})
                  .ok());
}

TEST_F(ArchiveTest, UnsafeMembersAreRefused) {
  ExpectRefused(ReadWith({{"../x", "y"}}), "member '../x': its name leaves the archive");
  ExpectRefused(ReadWith({{"./a/../../x", "y"}}), "its name leaves the archive");
  ExpectRefused(ReadWith({{"/etc/x", "y"}}), "its name leaves the archive");
  ExpectRefused(ReadWith({{"artifacts//x", "y"}}), "its name is not in its shortest form");
  ExpectRefused(ReadWith({{"x", "", AE_IFLNK, "/tmp"}}), "neither a regular file nor a folder");
  ExpectRefused(ReadWith({{"x", "", AE_IFREG, "bundle.json"}}),
                "neither a regular file nor a folder");
  ExpectRefused(ReadWith({{"x", "", AE_IFIFO}}), "neither a regular file nor a folder");
  ExpectRefused(ReadWith({{"x", "", AE_IFCHR}}), "neither a regular file nor a folder");
  ExpectRefused(ReadWith({{"./bundle.json", "{}"}}), "the name occurs twice");
  ExpectRefused(ReadWith({{"bundle.json", "", AE_IFDIR}}), "it is a folder");
}

TEST_F(ArchiveTest, BlobsAreWhatTheirNamesSay) {
  const std::string hex = Sha256Hex("x");
  ExpectRefused(ReadWith({{kBlobs + hex, "y"}}), "its content is sha256:");
  ExpectRefused(ReadWith({{kBlobs + hex, ""}}), "its content is sha256:");
  ExpectRefused(ReadWith({{kBlobs + hex.substr(1), "x"}}), "its name is no digest");
  ExpectRefused(ReadWith({{std::string(kBlobs) + "A" + hex.substr(1), "x"}}),
                "its name is no digest");
  ExpectRefused(ReadWith({{"artifacts/layout/blobs/sha512/" + hex + hex, "x"}}),
                "its content is sha512:");
}

TEST_F(ArchiveTest, IncompleteArchivesAreRefused) {
  ExpectRefused(Read(Gzip(Tar({{"bundle.json", "{}"}}))), "it has no artifacts/layout/index.json");
  ExpectRefused(Read(Gzip(Tar({{"x", "{}"}}))), "it has no bundle.json");
  ExpectRefused(ReadWith({{"dependencies/a/relocation-mapping.json", "{}"}}),
                "it has no dependencies/a/bundle.json");
  ExpectRefused(ReadWith({{"dependencies/a/bundle.json", ""}}), "it is empty");
  ExpectRefused(Read(""), "the file is empty");
  ExpectRefused(Read(Tar(Good())), "a tar file without compression");
  ExpectRefused(Read(Gzip("hello")), "");
}

TEST_F(ArchiveTest, EveryTruncationIsNoticed) {
  const std::string whole = Gzip(Tar(Good()));
  ASSERT_TRUE(Read(whole).ok());
  for (size_t size = 0; size < whole.size(); ++size) {
    const absl::StatusOr<OpenedArchive> opened = Read(whole.substr(0, size));
    ASSERT_FALSE(opened.ok()) << size;
    EXPECT_TRUE(HasId(opened.status(), DiagnosticId::kArchiveInvalid)) << size;
  }
  const std::string tar = Tar(Good());
  for (size_t size = 0; size + 1024 < tar.size(); size += 256) {
    // Between two members nothing is cut off: a missing blob is for the reader of the layout.
    if (size >= 4096 && size % 1024 == 0) continue;
    EXPECT_FALSE(Read(Gzip(tar.substr(0, size))).ok()) << size;
  }
}

TEST_F(ArchiveTest, TheMemberThatIsCutOffIsNamed) {
  std::string noise;  // Incompressible enough to fill several blocks.
  for (int i = 0; i < 4000; ++i) absl::StrAppend(&noise, Sha256Hex(std::to_string(i)));
  const std::string name = kBlobs + Sha256Hex(noise);
  std::vector<Member> members = Good();
  members.push_back({name, noise});
  const std::string whole = Gzip(Tar(members));
  ExpectRefused(Read(whole.substr(0, whole.size() - 9000)),
                "member '" + name + "': the compressed data ends too early");
}

TEST_F(ArchiveTest, EveryDamagedByteIsNoticed) {
  const std::string whole = Gzip(Tar(Good()));
  // Bytes 4 to 9 are time, level and system: they carry nothing.
  for (size_t i = 10; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    const absl::StatusOr<OpenedArchive> opened = Read(damaged);
    // Some bits of deflate only say where equal bytes are copied from.
    if (opened.ok()) {
      EXPECT_EQ(opened->content.root, Read(whole)->content.root) << i;
    }
  }
  ExpectRefused(Read(whole + "garbage"), "the compressed data is damaged");
}

TEST_F(ArchiveTest, GzipFilesMayFollowEachOther) {
  const std::string tar = Tar(Good());
  EXPECT_TRUE(Read(Gzip(tar.substr(0, 700)) + Gzip(tar.substr(700))).ok());
}

TEST_F(ArchiveTest, LimitsHold) {
  const std::string whole = Gzip(Tar(Good()));
  ExpectRefused(Read(whole, {.members = 4}), "more than 4 members");
  ExpectRefused(Read(whole, {.inflated_bytes = 2000}), "more than 2000 bytes");
  ExpectRefused(Read(whole, {.document_bytes = 1}), "it is larger than 1 bytes");
}

TEST_F(ArchiveTest, FileErrorsAreToldAsSuch) {
  EXPECT_TRUE(HasId(ReadArchive(folder_.path() + "/none").status(), DiagnosticId::kFileNotFound));
  EXPECT_TRUE(HasId(WriteArchiveFile(Example(folder_.path()), folder_.path() + "/none/a.tgz"),
                    DiagnosticId::kFileWrite));
  BundleArchive content = Example(folder_.path());
  content.blobs.begin()->second.path = folder_.path() + "/none";
  const std::string path = folder_.path() + "/out.tgz";
  EXPECT_TRUE(HasId(WriteArchiveFile(content, path), DiagnosticId::kFileRead));
  EXPECT_FALSE(ReadFile(path).ok());
  EXPECT_TRUE(
      HasId(WriteArchiveFile(Example(folder_.path()), "/dev/full"), DiagnosticId::kFileWrite));
}

}  // namespace
}  // namespace deps
