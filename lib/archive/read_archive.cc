#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "lib/archive/archive.h"
#include "lib/archive/blob_spool.h"
#include "lib/archive/deferred_checksum.h"
#include "lib/archive/gunzip.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/sha256.h"
#include "lib/io/file.h"

namespace deps {
namespace {

constexpr size_t kMaxName = 1024;
// libarchive reads ahead by one block at most, or else by a long header.
constexpr size_t kMostSupplied = 64;

absl::Status NoArchive(std::string_view reason) {
  return MakeError(
      {.id = DiagnosticId::kArchiveInvalid,
       .message = std::string(reason),
       .hint = "archives of bundles are what oci-relocate pack and porter archive write"});
}

// Reads one archive into one OpenedArchive.
class Reader {
 public:
  Reader(Gunzip* gunzip, const std::string& path, const ArchiveLimits& limits, bool keep_going,
         OpenedArchive* opened)
      : gunzip_(gunzip),
        limits_(limits),
        keep_going_(keep_going),
        opened_(opened),
        spool_(opened->folder->path(), FileOf(*gunzip, path), limits) {}

  absl::Status Read();

 private:
  // What was supplied to libarchive and lies in the file as it is: a part of the
  // tar file.
  struct Supplied {
    int64_t begin = 0;
    int64_t end = 0;
    Gunzip::Place place;
  };

  static la_ssize_t Supply(archive* tar, void* reader, const void** bytes);
  static std::shared_ptr<const ArchiveFile> FileOf(const Gunzip& gunzip, const std::string& path);
  Gunzip::Unneeded Unneeded() const;
  absl::StatusOr<std::string_view> NextBytes(const Gunzip::Unneeded& unneeded);

  absl::Status Invalid(std::string_view reason) const {
    return MakeError({.id = DiagnosticId::kArchiveInvalid,
                      .message = member_.empty()
                                     ? std::string(reason)
                                     : absl::StrCat("member '", member_, "': ", reason)});
  }
  // What libarchive, or Supply, says; `where` is where in the archive.
  absl::Status TarError(archive* tar, std::string_view where) const;
  std::string WithinMember() const { return absl::StrCat("member '", member_, "'"); }
  absl::Status ReadMembers();
  absl::Status CheckWhole() const;
  absl::Status CheckEntry(archive_entry* entry);
  absl::Status ReadFile(archive* tar);
  absl::Status ReadDocument(archive* tar, std::string* text);
  absl::Status ReadBlob(archive* tar, std::string_view name);
  absl::Status ReadData(archive* tar, const std::function<absl::Status(std::string_view)>& use);
  absl::Status Drain();
  void AddToBlob(std::string_view bytes);
  std::string* DocumentOf(std::string_view name);
  std::string* DocumentIn(std::string_view name, BundleArchive* content);
  void TakeFolder();

  Gunzip* const gunzip_;
  const ArchiveLimits& limits_;
  const bool keep_going_;
  OpenedArchive* const opened_;
  int64_t told_ = 0;
  int64_t supplied_bytes_ = 0;
  std::deque<Supplied> supplied_;  // What may still come as data, in its order.
  absl::Status supply_status_;
  std::string member_;  // As the archive spells it, for messages.
  std::string name_;    // Without "./" and trailing "/".
  bool is_folder_ = false;
  int64_t size_ = 0;
  // Of the blob that is read: how much of the tar file has come, and where it ends.
  int64_t data_at_ = 0;
  int64_t data_end_ = 0;
  std::string layout_version_;
  // What stands below one folder, which is the root where the root has no bundle.
  std::string folder_;
  BundleArchive below_;
  std::set<std::string> seen_;
  std::set<std::string> blobs_;
  BlobSpool spool_;
};

la_ssize_t Reader::Supply(archive* tar, void* reader, const void** bytes) {
  Reader& self = *static_cast<Reader*>(reader);
  const absl::StatusOr<std::string_view> next = self.NextBytes(self.Unneeded());
  if (!next.ok()) {
    self.supply_status_ = next.status();
    archive_set_error(tar, EIO, "unreadable");
    return ARCHIVE_FATAL;
  }
  const auto size = static_cast<int64_t>(next->size());
  if (self.gunzip_->place().offset >= 0) {
    if (self.supplied_.size() == kMostSupplied) self.supplied_.pop_front();
    self.supplied_.push_back(
        {self.supplied_bytes_, self.supplied_bytes_ + size, self.gunzip_->place()});
  }
  self.supplied_bytes_ += size;
  *bytes = next->data();
  return size;
}

absl::StatusOr<std::string_view> Reader::NextBytes(const Gunzip::Unneeded& unneeded) {
  absl::StatusOr<std::string_view> next = gunzip_->Next(unneeded);
  if (limits_.on_read) limits_.on_read(gunzip_->used_bytes() - told_);
  told_ = gunzip_->used_bytes();
  return next;
}

// Only a regular file can be read again.
std::shared_ptr<const ArchiveFile> Reader::FileOf(const Gunzip& gunzip, const std::string& path) {
  struct stat info = {};
  if (fstat(gunzip.file(), &info) != 0 || !S_ISREG(info.st_mode)) return nullptr;
  const int file = fcntl(gunzip.file(), F_DUPFD_CLOEXEC, 0);
  return file < 0 ? nullptr : std::make_shared<const ArchiveFile>(path, file, gunzip.checksum());
}

// libarchive does not look at data. It hands on all that it has before it asks for
// more; where it should not, nothing is passed over.
Gunzip::Unneeded Reader::Unneeded() const {
  if (data_at_ == data_end_ || data_at_ != supplied_bytes_) return {};
  return {.bytes = data_end_ - data_at_, .run = spool_.RunToPassOver()};
}

absl::Status Reader::TarError(archive* tar, std::string_view where) const {
  const char* const error = archive_error_string(tar);
  const std::string_view text = error != nullptr ? error : "it cannot be read";
  absl::Status status = supply_status_;
  if (status.ok() && text == "Unrecognized archive format") {
    status = NoArchive("what is compressed in it is no tar file, or its beginning is damaged");
  } else if (status.ok()) {
    status = MakeError({.id = DiagnosticId::kArchiveInvalid,
                        .message = absl::StrCat("the tar file in it is damaged: ", text)});
  }
  return where.empty() ? status : WithContext(status, where);
}

absl::Status Reader::CheckEntry(archive_entry* entry) {
  const char* const pathname = archive_entry_pathname(entry);
  if (pathname == nullptr) return Invalid("after it comes a member whose name is no text");
  member_ = pathname;
  const mode_t type = archive_entry_filetype(entry);
  if (archive_entry_hardlink(entry) != nullptr || (type != AE_IFREG && type != AE_IFDIR)) {
    return Invalid("it is neither a regular file nor a folder");
  }
  if (archive_entry_sparse_count(entry) > 0) return Invalid("it is a sparse file");
  if (member_.size() > kMaxName) return Invalid("its name is too long");
  is_folder_ = type == AE_IFDIR;
  size_ = archive_entry_size(entry);
  std::string_view name = member_;
  if (absl::StartsWith(name, "/")) return Invalid("its name leaves the archive");
  while (absl::ConsumePrefix(&name, "./")) {
  }
  while (is_folder_ && absl::ConsumeSuffix(&name, "/")) {
  }
  name_ = name == "." ? "" : std::string(name);
  if (name_.empty()) return is_folder_ ? absl::OkStatus() : Invalid("it has no name");
  for (const std::string_view element : absl::StrSplit(name_, '/')) {
    if (element == "..") return Invalid("its name leaves the archive");
    if (element.empty() || element == ".") return Invalid("its name is not in its shortest form");
  }
  if (!seen_.insert(name_).second && !is_folder_) return Invalid("the name occurs twice");
  return absl::OkStatus();
}

absl::Status Reader::Read() {
  const absl::Status status = ReadMembers();
  // What is wrong with a blob comes before what is wrong behind it.
  DEPS_RETURN_IF_ERROR(spool_.Finish(status.ok(), &opened_->content.blobs,
                                     keep_going_ ? &opened_->damaged : nullptr));
  DEPS_RETURN_IF_ERROR(status);
  if (!limits_.defer) DEPS_RETURN_IF_ERROR(gunzip_->checksum()->Verify());
  TakeFolder();
  return CheckWhole();
}

absl::Status Reader::ReadMembers() {
  archive* const tar = archive_read_new();
  const absl::Cleanup free_tar = [tar] { archive_read_free(tar); };
  archive_read_support_filter_none(tar);
  archive_read_support_format_tar(tar);
  archive_read_support_format_empty(tar);
  if (archive_read_open(tar, this, nullptr, &Reader::Supply, nullptr) != ARCHIVE_OK) {
    return TarError(tar, "");
  }
  archive_entry* entry = nullptr;
  int64_t members = 0;
  while (true) {
    const int result = archive_read_next_header(tar, &entry);
    if (result == ARCHIVE_EOF) break;
    if (result != ARCHIVE_OK) {
      return TarError(tar, members == 0 ? "" : absl::StrCat("after ", WithinMember()));
    }
    if (++members > limits_.members) {
      return Invalid(absl::StrCat("the archive has more than ", limits_.members, " members"));
    }
    DEPS_RETURN_IF_ERROR(CheckEntry(entry));
    DEPS_RETURN_IF_ERROR(ReadFile(tar));
  }
  member_.clear();
  return Drain();
}

void Reader::TakeFolder() {
  if (!opened_->content.root.bundle_json.empty() || below_.root.bundle_json.empty()) return;
  below_.blobs = std::move(opened_->content.blobs);
  opened_->content = std::move(below_);
}

absl::Status Reader::CheckWhole() const {
  if (opened_->content.root.bundle_json.empty()) return NoArchive("it has no bundle.json");
  if (opened_->content.index_json.empty()) {
    return NoArchive("it has no artifacts/layout/index.json");
  }
  for (const auto& [folder, bundle] : opened_->content.dependencies) {
    if (bundle.bundle_json.empty()) {
      return Invalid(absl::StrCat("it has no dependencies/", folder, "/bundle.json"));
    }
  }
  return absl::OkStatus();
}

// What follows the end of the tar data is part of what the checksum covers.
absl::Status Reader::Drain() {
  while (true) {
    DEPS_ASSIGN_OR_RETURN(const std::string_view bytes, NextBytes({}));
    if (bytes.empty()) return absl::OkStatus();
  }
}

std::string* Reader::DocumentOf(std::string_view name) {
  if (std::string* const document = DocumentIn(name, &opened_->content)) return document;
  const size_t slash = name.find('/');
  const std::string_view folder = name.substr(0, slash);
  if (slash == std::string_view::npos || (!folder_.empty() && folder != folder_)) return nullptr;
  std::string* const document = DocumentIn(name.substr(slash + 1), &below_);
  if (document != nullptr) folder_ = folder;
  return document;
}

std::string* Reader::DocumentIn(std::string_view name, BundleArchive* content) {
  ArchivedBundle* bundle = &content->root;
  if (name == "artifacts/layout/index.json") return &content->index_json;
  if (name == "artifacts/layout/oci-layout") return &layout_version_;
  if (absl::ConsumePrefix(&name, "dependencies/")) {
    const size_t slash = name.find('/');
    if (slash == std::string_view::npos || !IsDependencyFolder(name.substr(0, slash))) {
      return nullptr;
    }
    const std::string_view file = name.substr(slash + 1);
    if (file != "bundle.json" && file != "relocation-mapping.json") return nullptr;
    bundle = &content->dependencies[std::string(name.substr(0, slash))];
    name = file;
  }
  if (name == "bundle.json") return &bundle->bundle_json;
  if (name == "relocation-mapping.json") return &bundle->mapping_json;
  return nullptr;
}

absl::Status Reader::ReadFile(archive* tar) {
  std::string_view name = name_;
  if (is_folder_) {
    const bool is_document = name == "bundle.json" || name == "relocation-mapping.json" ||
                             name == "artifacts/layout/index.json" ||
                             name == "artifacts/layout/oci-layout";
    return is_document ? Invalid("it is a folder and should be a file") : absl::OkStatus();
  }
  if (absl::ConsumePrefix(&name, "artifacts/layout/blobs/")) return ReadBlob(tar, name);
  // A dependency may bring a layout of its own.
  constexpr std::string_view kBlobs = "/artifacts/layout/blobs/";
  const size_t blobs = name.find(kBlobs);
  const std::string_view above = name.substr(0, blobs);
  if (blobs != std::string_view::npos && std::count(above.begin(), above.end(), '/') < 3) {
    return ReadBlob(tar, name.substr(blobs + kBlobs.size()));
  }
  if (std::string* const document = DocumentOf(name); document != nullptr) {
    return ReadDocument(tar, document);
  }
  return ReadData(tar, [](std::string_view) { return absl::OkStatus(); });
}

absl::Status Reader::ReadDocument(archive* tar, std::string* text) {
  DEPS_RETURN_IF_ERROR(ReadData(tar, [&](std::string_view bytes) {
    if (text->size() + bytes.size() > limits_.document_bytes) {
      return Invalid(absl::StrCat("it is larger than ", limits_.document_bytes, " bytes"));
    }
    text->append(bytes);
    return absl::OkStatus();
  }));
  return text->empty() ? Invalid("it is empty") : absl::OkStatus();
}

absl::Status Reader::ReadBlob(archive* tar, std::string_view name) {
  std::string digest(name);
  std::replace(digest.begin(), digest.end(), '/', ':');
  if (!IsValidDigest(digest)) return Invalid("its name is no digest");
  // Of several layouts with the same blob the first one counts.
  if (!blobs_.insert(digest).second) {
    return ReadData(tar, [](std::string_view) { return absl::OkStatus(); });
  }
  spool_.Begin(digest, member_, size_);
  // The data of a member follow its header without a gap.
  data_at_ = archive_filter_bytes(tar, 0);
  data_end_ = data_at_ + size_;
  const absl::Status status = ReadData(tar, [this](std::string_view bytes) {
    AddToBlob(bytes);
    return absl::OkStatus();
  });
  data_end_ = data_at_;
  return status;
}

void Reader::AddToBlob(std::string_view bytes) {
  while (!bytes.empty()) {
    while (!supplied_.empty() && supplied_.front().end <= data_at_) supplied_.pop_front();
    const auto size = static_cast<int64_t>(bytes.size());
    Gunzip::Place place;
    int64_t end = data_at_ + size;
    if (!supplied_.empty() && supplied_.front().begin <= data_at_) {
      const int64_t into = data_at_ - supplied_.front().begin;
      place = supplied_.front().place;
      place.offset += into;
      place.in_block -= into;
      end = std::min(end, supplied_.front().end);
    } else if (!supplied_.empty()) {
      end = std::min(end, supplied_.front().begin);
    }
    spool_.Add(bytes.substr(0, static_cast<size_t>(end - data_at_)), place);
    bytes.remove_prefix(static_cast<size_t>(end - data_at_));
    data_at_ = end;
  }
}

absl::Status Reader::ReadData(archive* tar,
                              const std::function<absl::Status(std::string_view)>& use) {
  const void* bytes = nullptr;
  size_t count = 0;
  la_int64_t offset = 0;
  la_int64_t expected = 0;
  while (true) {
    const int result = archive_read_data_block(tar, &bytes, &count, &offset);
    if (result == ARCHIVE_EOF) return absl::OkStatus();
    if (result != ARCHIVE_OK) return TarError(tar, WithinMember());
    if (limits_.stop != nullptr && *limits_.stop != 0) {
      return MakeError({.id = DiagnosticId::kInterrupted, .message = "a signal ended it"});
    }
    if (offset != expected) return Invalid("it is a sparse file");
    expected += static_cast<la_int64_t>(count);
    DEPS_RETURN_IF_ERROR(use(std::string_view(static_cast<const char*>(bytes), count)));
  }
}

}  // namespace

bool IsDependencyFolder(std::string_view name) {
  return !name.empty() && name.size() <= 128 && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '+' || c == '-';
         });
}

absl::StatusOr<OpenedArchive> ReadArchive(const std::string& path, const ArchiveLimits& limits,
                                          bool keep_going) {
  absl::StatusOr<std::unique_ptr<Gunzip>> gunzip = Gunzip::Open(path, limits.inflated_bytes);
  if (!gunzip.ok()) return WithFile(gunzip.status(), path);
  DEPS_ASSIGN_OR_RETURN(TemporaryFolder folder, TemporaryFolder::Create("archive"));
  OpenedArchive opened;
  opened.folder = std::make_unique<TemporaryFolder>(std::move(folder));
  const absl::Status status = Reader(gunzip->get(), path, limits, keep_going, &opened).Read();
  if (!status.ok()) return WithFile(status, path);
  return opened;
}

}  // namespace deps
