#include "lib/archive/deferred_checksum.h"

#include <zlib.h>

#include <cstddef>

#include "lib/diag/diagnostic.h"

namespace deps {

void DeferredChecksum::AddRead(uint32_t crc, int64_t size) {
  parts_.push_back({.size = size, .crc = crc});
}

int DeferredChecksum::AddLater(int64_t size) {
  if (parts_.empty() || parts_.back().crc.has_value()) parts_.emplace_back();
  parts_.back().size += size;
  return static_cast<int>(parts_.size()) - 1;
}

void DeferredChecksum::EndMember(uint32_t crc) {
  parts_.push_back({.crc = 0, .ends_member = true, .expected = crc});
}

void DeferredChecksum::Note(int part, uint32_t crc) {
  const std::lock_guard<std::mutex> lock(mutex_);
  parts_[static_cast<size_t>(part)].crc = crc;
}

bool DeferredChecksum::IsNoted(int part) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return parts_[static_cast<size_t>(part)].crc.has_value();
}

absl::Status DeferredChecksum::Verify() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  uLong crc = 0;
  for (const Part& part : parts_) {
    if (!part.crc.has_value()) {
      return MakeError({.id = DiagnosticId::kInternal,
                        .message = "a part of the archive was never read to be verified"});
    }
    crc = crc32_combine(crc, *part.crc, part.size);
    if (!part.ends_member) continue;
    if (crc != part.expected) {
      return MakeError({.id = DiagnosticId::kArchiveInvalid,
                        .message = "the compressed data is damaged: incorrect data check"});
    }
    crc = 0;
  }
  return absl::OkStatus();
}

}  // namespace deps
