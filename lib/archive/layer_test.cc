#include "lib/archive/layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"

namespace deps {
namespace {

using Filter = int (*)(archive*);
constexpr Filter kFilters[] = {nullptr, archive_write_add_filter_gzip,
                               archive_write_add_filter_zstd};

struct Member {
  std::string name;
  mode_t type = AE_IFREG;
  std::string content = {};  // Of a file; a symbolic link's target.
  std::string hardlink = {};
  mode_t mode = 0644;
  std::string attribute = {};  // The value of user.color.
};

void WriteLayer(const std::string& path, const std::vector<Member>& members, Filter filter) {
  archive* const tar = archive_write_new();
  archive_write_set_format_pax_restricted(tar);
  if (filter != nullptr) {
    ASSERT_EQ(filter(tar), ARCHIVE_OK);
  }
  ASSERT_EQ(archive_write_open_filename(tar, path.c_str()), ARCHIVE_OK);
  for (const Member& member : members) {
    archive_entry* const entry = archive_entry_new();
    archive_entry_set_pathname(entry, member.name.c_str());
    archive_entry_set_filetype(entry, member.type);
    archive_entry_set_perm(entry, member.mode);
    archive_entry_set_mtime(entry, 86400, 0);
    archive_entry_set_uid(entry, getuid());
    archive_entry_set_gid(entry, getgid());
    if (!member.hardlink.empty()) {
      archive_entry_set_hardlink(entry, member.hardlink.c_str());
    } else if (member.type == AE_IFLNK) {
      archive_entry_set_symlink(entry, member.content.c_str());
    } else if (member.type == AE_IFREG) {
      archive_entry_set_size(entry, static_cast<la_int64_t>(member.content.size()));
    }
    if (!member.attribute.empty()) {
      archive_entry_xattr_add_entry(entry, "user.color", member.attribute.data(),
                                    member.attribute.size());
      archive_entry_xattr_add_entry(entry, "trusted.other", "x", 1);
    }
    ASSERT_EQ(archive_write_header(tar, entry), ARCHIVE_OK) << archive_error_string(tar);
    if (member.type == AE_IFREG && member.hardlink.empty()) {
      archive_write_data(tar, member.content.data(), member.content.size());
    }
    archive_entry_free(entry);
  }
  archive_write_close(tar);
  archive_write_free(tar);
}

// All that is below a folder: "NAME" or "NAME=CONTENT" or "NAME->TARGET", sorted.
std::vector<std::string> Listing(const std::string& root) {
  std::vector<std::string> lines;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    std::string line = entry.path().lexically_relative(root).string();
    if (entry.is_symlink()) {
      line = absl::StrCat(line, "->", std::filesystem::read_symlink(entry.path()).string());
    } else if (entry.is_regular_file()) {
      std::ostringstream content;
      content << std::ifstream(entry.path()).rdbuf();
      line = absl::StrCat(line, "=", content.str());
    }
    lines.push_back(line);
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

class LayerTest : public testing::Test {
 protected:
  LayerTest() {
    std::filesystem::create_directory(root());
    std::filesystem::create_directory(outside());
    std::ofstream(absl::StrCat(outside(), "/file")) << "outside";
  }
  std::string root() const { return absl::StrCat(folder_.path(), "/root"); }
  std::string outside() const { return absl::StrCat(folder_.path(), "/outside"); }
  absl::Status Unpack(const std::vector<Member>& members,
                      Filter filter = archive_write_add_filter_gzip,
                      const LayerLimits& limits = {}) const {
    const std::string path = absl::StrCat(folder_.path(), "/layer");
    WriteLayer(path, members, filter);
    return UnpackLayer(path, root(), limits);
  }
  void ExpectNothingOutside() const {
    EXPECT_EQ(Listing(outside()), (std::vector<std::string>{"file=outside"}));
  }

 private:
  TemporaryFolder folder_ = *TemporaryFolder::Create("layer-test");
};

TEST_F(LayerTest, UnpacksFilesFoldersAndLinks) {
  for (const Filter filter : kFilters) {
    const absl::Status status = Unpack({{"./", AE_IFDIR, "", "", 0755},
                                        {"bin/", AE_IFDIR, "", "", 0755},
                                        {"bin/busybox", AE_IFREG, "code", "", 04755},
                                        {"bin/sh", AE_IFREG, "", "bin/busybox"},
                                        {"etc/deep/er", AE_IFREG, "x"},
                                        {"lib", AE_IFLNK, "usr/lib"},
                                        {"absolute", AE_IFLNK, "/etc"}},
                                       filter);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(Listing(root()),
              (std::vector<std::string>{"absolute->/etc", "bin", "bin/busybox=code", "bin/sh=code",
                                        "etc", "etc/deep", "etc/deep/er=x", "lib->usr/lib"}));
    struct stat info = {};
    ASSERT_EQ(stat(absl::StrCat(root(), "/bin/sh").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 04755u);
    EXPECT_EQ(info.st_mtime, 86400);
  }
}

TEST_F(LayerTest, SetsTheAttributesOfUsers) {
  const std::string probe = absl::StrCat(root(), "/probe");
  std::ofstream(probe) << "x";
  const bool possible = setxattr(probe.c_str(), "user.color", "x", 1, 0) == 0;
  const absl::Status status = Unpack(
      {{"file", AE_IFREG, "x", "", 0444, "blue"}, {"folder", AE_IFDIR, "", "", 0755, "red"}});
  ASSERT_TRUE(status.ok()) << status;
  for (const auto& [name, value] : {std::pair("file", "blue"), std::pair("folder", "red")}) {
    const std::string path = absl::StrCat(root(), "/", name);
    std::array<char, 16> found = {};
    const ssize_t size = getxattr(path.c_str(), "user.color", found.data(), found.size());
    EXPECT_EQ(std::string(found.data(), size < 0 ? 0 : static_cast<size_t>(size)),
              possible ? value : "");
    EXPECT_LT(getxattr(path.c_str(), "trusted.other", found.data(), found.size()), 0);
  }
}

TEST_F(LayerTest, AppliesWhiteoutsAndReplacesWhatIsBelow) {
  ASSERT_TRUE(Unpack({{"a/one", AE_IFREG, "1"},
                      {"a/two", AE_IFREG, "2"},
                      {"b/one", AE_IFREG, "1"},
                      {"b/keep/x", AE_IFREG, "lower"},
                      {"c", AE_IFREG, "file"},
                      {"d/deep/file", AE_IFREG, "x"}})
                  .ok());
  const absl::Status status = Unpack({{"a/.wh.one", AE_IFREG},
                                      {"a/.wh.absent", AE_IFREG},
                                      {"b/new", AE_IFREG, "new"},
                                      {"b/.wh..wh..opq", AE_IFREG},
                                      {"c", AE_IFDIR, "", "", 0755},
                                      {"d", AE_IFLNK, "a"}});
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(Listing(root()),
            (std::vector<std::string>{"a", "a/two=2", "b", "b/new=new", "c", "d->a"}));
}

TEST_F(LayerTest, StaysWithinTheRootWhateverALayerHolds) {
  const std::vector<std::vector<Member>> kLayers = {
      {{"../outside/file", AE_IFREG, "no"}},
      {{"a/../../outside/file", AE_IFREG, "no"}},
      {{"link", AE_IFLNK, outside()}, {"link/file", AE_IFREG, "no"}},
      {{"up", AE_IFLNK, "../outside"}, {"up/file", AE_IFREG, "no"}},
      {{"up", AE_IFLNK, "../outside"}, {"up/.wh.file", AE_IFREG}},
      {{"up", AE_IFLNK, "../outside"}, {"up/.wh..wh..opq", AE_IFREG}},
      {{"file", AE_IFLNK, absl::StrCat(outside(), "/file")}, {"file", AE_IFREG, "no"}},
      {{"hard", AE_IFREG, "", absl::StrCat(outside(), "/file")}},
      {{"hard", AE_IFREG, "", "../outside/file"}, {"hard", AE_IFREG, "no"}},
      {{"up", AE_IFLNK, "../outside"}, {"hard", AE_IFREG, "", "up/file"}},
      {{".wh...", AE_IFREG}},
      {{".wh..", AE_IFREG}},
      {{"up", AE_IFLNK, "../outside"}, {"up", AE_IFDIR, "", "", 0700}},
  };
  for (size_t i = 0; i < kLayers.size(); ++i) {
    SCOPED_TRACE(i);
    std::filesystem::remove_all(root());
    std::filesystem::create_directory(root());
    // Refused or placed within: both are right.
    const absl::Status status = Unpack(kLayers[i]);
    EXPECT_TRUE(status.ok() || HasId(status, DiagnosticId::kArchiveInvalid) ||
                HasId(status, DiagnosticId::kFileWrite))
        << status;
    ExpectNothingOutside();
    for (const std::string& line : Listing(root())) {
      EXPECT_EQ(line.find("=outside"), std::string::npos) << line;
    }
  }
}

TEST_F(LayerTest, RefusesWhatIsTooLargeOrDamaged) {
  const std::vector<Member> members = {{"a", AE_IFREG, std::string(100000, 'a')}, {"b"}};
  EXPECT_TRUE(HasId(Unpack(members, nullptr, {.members = 1}), DiagnosticId::kArchiveInvalid));
  for (const Filter filter : kFilters) {
    EXPECT_TRUE(
        HasId(Unpack(members, filter, {.inflated_bytes = 5000}), DiagnosticId::kArchiveInvalid));
  }
  const std::string path = absl::StrCat(outside(), "/damaged");
  std::ofstream(path) << "\x28\xb5\x2f\xfd no zstd";
  EXPECT_TRUE(HasId(UnpackLayer(path, root()), DiagnosticId::kArchiveInvalid));
  std::ofstream(path) << "\x1f\x8b no gzip";
  EXPECT_TRUE(HasId(UnpackLayer(path, root()), DiagnosticId::kArchiveInvalid));
  std::ofstream(path) << std::string(2048, 'x');
  EXPECT_TRUE(HasId(UnpackLayer(path, root()), DiagnosticId::kArchiveInvalid));
  EXPECT_TRUE(HasId(UnpackLayer(path + ".absent", root()), DiagnosticId::kFileNotFound));
}

}  // namespace
}  // namespace deps
