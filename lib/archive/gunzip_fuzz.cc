// Compressed data come from others. The input is a gzip file; what is passed over in
// it, and read where it lies, makes no difference.
#include <unistd.h>
#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "lib/archive/deferred_checksum.h"
#include "lib/archive/gunzip.h"
#include "lib/io/file.h"

namespace {

constexpr int64_t kMost = int64_t{1} << 22;

struct Inflated {
  std::string bytes;
  bool is_good = false;
};

// Of a stored run all but the first piece of up to `unneeded` bytes is passed over.
Inflated Inflate(const std::string& path, int64_t unneeded) {
  Inflated inflated;
  const auto gunzip = deps::Gunzip::Open(path, kMost);
  if (!gunzip.ok()) return inflated;
  const std::shared_ptr<deps::DeferredChecksum> checksum = (*gunzip)->checksum();
  uLong crc = 0;
  int part = -1;
  while (true) {
    const auto next = (*gunzip)->Next({.bytes = unneeded, .run = (*gunzip)->place().run});
    if (!next.ok()) return inflated;
    const deps::Gunzip::Place& place = (*gunzip)->place();
    if (part >= 0 && place.part != part) checksum->Note(part, static_cast<uint32_t>(crc));
    if (next->empty()) break;
    std::string bytes(*next);
    if (place.part >= 0) {
      const ssize_t got = pread((*gunzip)->file(), bytes.data(), bytes.size(), place.offset);
      if (got != static_cast<ssize_t>(bytes.size())) __builtin_trap();
      crc = crc32(place.part == part ? crc : 0, reinterpret_cast<const Bytef*>(bytes.data()),
                  static_cast<uInt>(bytes.size()));
    }
    part = place.part;
    inflated.bytes += bytes;
  }
  inflated.is_good = checksum->Verify().ok();
  return inflated;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const deps::TemporaryFolder* const folder =
      new deps::TemporaryFolder(*deps::TemporaryFolder::Create("gunzip-fuzz"));
  const std::string path = folder->path() + "/a.gz";
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (!deps::WriteFile(path, bytes).ok()) __builtin_trap();
  const Inflated whole = Inflate(path, 0);
  for (const int64_t unneeded : {kMost, int64_t{1000}}) {
    const Inflated passed_over = Inflate(path, unneeded);
    // A wrong checksum of what was passed over is found later: there may be more.
    if (passed_over.is_good != whole.is_good) __builtin_trap();
    if (passed_over.bytes.substr(0, whole.bytes.size()) != whole.bytes) __builtin_trap();
    if (whole.is_good && passed_over.bytes != whole.bytes) __builtin_trap();
  }
  return 0;
}
