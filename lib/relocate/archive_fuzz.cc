// Archives come from others. The input is the tar inside, which is compressed
// here as it is, so that no checksum stands in the way. It makes no difference when
// it is verified, and whatever is read survives being written and read again.
#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

#include "lib/archive/archive.h"
#include "lib/io/file.h"
#include "lib/relocate/family.h"
#include "lib/relocate/layout.h"
#include "lib/relocate/plan.h"
#include "lib/relocate/verify.h"

namespace {

void WriteGzip(const std::string& path, const uint8_t* data, size_t size) {
  const gzFile file = gzopen(path.c_str(), "wb0");
  if (file == nullptr) __builtin_trap();
  if (size > 0 && gzwrite(file, data, static_cast<unsigned>(size)) == 0) __builtin_trap();
  if (gzclose(file) != Z_OK) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const deps::TemporaryFolder* const folder =
      new deps::TemporaryFolder(*deps::TemporaryFolder::Create("archive-fuzz"));
  const std::string path = folder->path() + "/a.tgz";
  WriteGzip(path, data, size);
  deps::ArchiveLimits limits = {.members = 1000, .inflated_bytes = 1 << 24, .leave_bytes = 1};
  auto archive = deps::ReadArchive(path, limits);
  limits.defer = true;
  const auto deferred = deps::ReadArchive(path, limits);
  const bool is_good = deferred.ok() && deps::VerifyUnread(deferred->content.blobs).ok();
  if (is_good != archive.ok()) __builtin_trap();
  if (!archive.ok()) return 0;
  const auto family = deps::FamilyOf(*std::move(archive), "a.tgz");
  if (!family.ok() || !deps::CheckFamily(*family).ok()) return 0;
  if (!deps::PlanRelocation(*family, {.registry = "localhost:5000"}).ok()) return 0;
  if (!deps::WriteArchiveFile(deps::ArchiveOf(*family), path).ok()) __builtin_trap();
  if (!deps::ReadArchive(path).ok()) __builtin_trap();
  return 0;
}
