#include "lib/engine/argo/nodes.h"

#include <zlib.h>

#include <cstddef>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/escaping.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"

namespace deps {
namespace {

// Argo packs what etcd would not take, one megabyte; it shrinks some twentyfold.
constexpr size_t kMaxNodes = size_t{64} << 20;

absl::Status Broken() {
  return MakeError({.id = DiagnosticId::kEngineRefused,
                    .message = "the workflow's compressedNodes are no gzip of nodes in base64"});
}

}  // namespace

absl::StatusOr<json::Value> UnpackArgoNodes(const std::string& packed) {
  std::string bytes;
  if (!absl::Base64Unescape(packed, &bytes)) return Broken();
  z_stream stream = {};
  constexpr int kGzip = 16 + MAX_WBITS;
  if (inflateInit2(&stream, kGzip) != Z_OK) return Broken();
  const absl::Cleanup end = [&] { inflateEnd(&stream); };
  stream.next_in = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string text;
  char buffer[64 << 10];
  for (int result = Z_OK; result != Z_STREAM_END;) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof(buffer);
    result = inflate(&stream, Z_NO_FLUSH);
    const size_t got = sizeof(buffer) - stream.avail_out;
    if ((result != Z_OK && result != Z_STREAM_END) || text.size() + got > kMaxNodes) {
      return Broken();
    }
    text.append(buffer, got);
  }
  absl::StatusOr<json::Value> nodes = json::Parse({"", std::move(text)});
  if (!nodes.ok() || !nodes->IsObject()) return Broken();
  return nodes;
}

}  // namespace deps
