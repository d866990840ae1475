#include "lib/archive/gzip_writer.h"

#include <zlib.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

constexpr size_t kPiece = size_t{512} << 10;
constexpr size_t kProbe = size_t{32} << 10;
constexpr size_t kStored = 65535;  // The most that one stored block holds.
constexpr int kMostThreads = 8;
constexpr int kLevel = 6;
constexpr int kProbeLevel = 1;

// No name, no time; the unknown system, as Go writes it.
constexpr std::string_view kHeader("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
constexpr std::string_view kLastBlock("\x01\0\0\xff\xff", 5);

void AppendNumber(uint32_t number, int bytes, std::string* out) {
  for (int i = 0; i < bytes; ++i) out->push_back(static_cast<char>(number >> (8 * i) & 0xff));
}

// One deflate stream without an end, up to a byte boundary. "" where zlib fails.
std::string Deflate(std::string_view bytes, int level) {
  z_stream stream = {};
  if (deflateInit2(&stream, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) return "";
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool good = deflate(&stream, Z_SYNC_FLUSH) == Z_OK && stream.avail_in == 0;
  out.resize(good ? out.size() - stream.avail_out : 0);
  deflateEnd(&stream);
  return out;
}

std::string Store(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + bytes.size() / kStored * 5 + 5);
  while (!bytes.empty()) {
    const auto size = static_cast<uint32_t>(std::min(bytes.size(), kStored));
    out.push_back('\0');
    AppendNumber(size, 2, &out);
    AppendNumber(~size, 2, &out);
    out.append(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return out;
}

// Most of an archive is layers, which are compressed already: a look at the
// beginning tells, so that they cost no more than a copy.
std::string Compress(std::string_view bytes) {
  const std::string_view probe = bytes.substr(0, kProbe);
  const std::string probed = Deflate(probe, kProbeLevel);
  if (probed.empty() || probed.size() > probe.size() - probe.size() / 32) return Store(bytes);
  std::string out = Deflate(bytes, kLevel);
  return out.empty() || out.size() > bytes.size() ? Store(bytes) : out;
}

}  // namespace

struct GzipWriter::Piece {
  std::string in;
  std::string out;
  uint32_t crc = 0;
  bool done = false;
};

GzipWriter::GzipWriter(std::function<absl::Status(std::string_view)> sink, int threads)
    : sink_(std::move(sink)) {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  const int count = std::clamp(threads > 0 ? threads : cores, 1, kMostThreads);
  for (int i = 0; i < count; ++i) threads_.emplace_back([this] { Work(); });
}

GzipWriter::~GzipWriter() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
}

void GzipWriter::Work() {
  while (true) {
    std::shared_ptr<Piece> piece;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [this] { return done_ || taken_ < pieces_.size(); });
      if (done_) return;
      piece = pieces_[taken_++];
    }
    std::string out = Compress(piece->in);
    const uLong crc = crc32(0, reinterpret_cast<const Bytef*>(piece->in.data()),
                            static_cast<uInt>(piece->in.size()));
    const std::lock_guard<std::mutex> lock(mutex_);
    piece->out = std::move(out);
    piece->crc = static_cast<uint32_t>(crc);
    piece->done = true;
    changed_.notify_all();
  }
}

absl::Status GzipWriter::EmitFirst() {
  std::shared_ptr<Piece> piece;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return pieces_.front()->done; });
    piece = std::move(pieces_.front());
    pieces_.pop_front();
    --taken_;
  }
  if (size_ == 0) DEPS_RETURN_IF_ERROR(sink_(kHeader));
  size_ += piece->in.size();
  crc_ = static_cast<uint32_t>(
      crc32_combine(crc_, piece->crc, static_cast<z_off_t>(piece->in.size())));
  return sink_(piece->out);
}

absl::Status GzipWriter::Dispatch() {
  auto piece = std::make_shared<Piece>();
  piece->in = std::exchange(pending_, {});
  size_t waiting = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    pieces_.push_back(std::move(piece));
    waiting = pieces_.size();
    changed_.notify_all();
  }
  return waiting > 2 * threads_.size() ? EmitFirst() : absl::OkStatus();
}

absl::Status GzipWriter::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, kPiece - pending_.size());
    pending_.append(part);
    bytes.remove_prefix(part.size());
    if (pending_.size() == kPiece) DEPS_RETURN_IF_ERROR(Dispatch());
  }
  return absl::OkStatus();
}

absl::Status GzipWriter::Close() {
  if (!pending_.empty()) DEPS_RETURN_IF_ERROR(Dispatch());
  while (!pieces_.empty()) DEPS_RETURN_IF_ERROR(EmitFirst());
  std::string end(size_ == 0 ? kHeader : "");
  end.append(kLastBlock);
  AppendNumber(crc_, 4, &end);
  AppendNumber(static_cast<uint32_t>(size_), 4, &end);
  return sink_(end);
}

}  // namespace deps
