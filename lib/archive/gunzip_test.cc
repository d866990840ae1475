#include "lib/archive/gunzip.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/archive/bytes_for_tests.h"
#include "lib/archive/deferred_checksum.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"

namespace deps {
namespace {

constexpr int64_t kMost = int64_t{1} << 40;
constexpr std::string_view kHeader("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);

std::string Number(uint32_t number, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes.push_back(static_cast<char>(number >> (8 * i)));
  return bytes;
}

// Puts a gzip file together from blocks of deflate.
class GzipMaker {
 public:
  // As zlib sees fit, with what came before to refer to, up to a byte boundary.
  GzipMaker& Deflate(std::string_view text, int level = 6, int flush = Z_SYNC_FLUSH) {
    z_stream stream = {};
    deflateInit2(&stream, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
    const std::string before =
        plain_.substr(plain_.size() - std::min<size_t>(plain_.size(), 32768));
    deflateSetDictionary(&stream, reinterpret_cast<const Bytef*>(before.data()),
                         static_cast<uInt>(before.size()));
    std::string out(text.size() * 2 + 1000, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, flush);
    out.resize(out.size() - stream.avail_out);
    deflateEnd(&stream);
    bytes_ += out;
    plain_ += text;
    return *this;
  }
  GzipMaker& Store(std::string_view text, bool last = false) {
    const auto size = static_cast<uint32_t>(text.size());
    absl::StrAppend(&bytes_, Number(last ? 1 : 0, 1), Number(size, 2), Number(~size, 2), text);
    plain_ += text;
    return *this;
  }
  std::string Gzip(uint32_t crc_error = 0, uint32_t size_error = 0) const {
    const auto crc = static_cast<uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(plain_.data()), static_cast<uInt>(plain_.size())));
    return absl::StrCat(kHeader, bytes_, Number(crc ^ crc_error, 4),
                        Number(static_cast<uint32_t>(plain_.size()) ^ size_error, 4));
  }
  const std::string& plain() const { return plain_; }

 private:
  std::string bytes_;
  std::string plain_;
};

class GunzipTest : public testing::Test {
 protected:
  GunzipTest() : folder_(*TemporaryFolder::Create("gunzip")), path_(folder_.path() + "/a.gz") {}

  // All of it, or the message of the error, and behind it what came before.
  std::string Inflated(std::string_view gzip, int64_t most = kMost) {
    EXPECT_TRUE(WriteFile(path_, gzip).ok());
    const absl::StatusOr<std::unique_ptr<Gunzip>> gunzip = Gunzip::Open(path_, most);
    if (!gunzip.ok()) return absl::StrCat(DiagnosticsOf(gunzip.status())[0].message, "|");
    std::string all;
    stored_ = 0;
    runs_.clear();
    while (true) {
      const absl::StatusOr<std::string_view> next = (*gunzip)->Next();
      if (!next.ok()) return absl::StrCat(DiagnosticsOf(next.status())[0].message, "|", all);
      if (next->empty()) return all;
      all += *next;
      CheckPlace(gzip, *next, (*gunzip)->place());
    }
  }

  void CheckPlace(std::string_view gzip, std::string_view bytes, const Gunzip::Place& place) {
    if (place.offset < 0) return;
    EXPECT_EQ(gzip.substr(static_cast<size_t>(place.offset), bytes.size()), bytes);
    EXPECT_GE(place.in_block, static_cast<int64_t>(bytes.size()));
    stored_ += bytes.size();
    if (runs_.empty() || runs_.back() != place.run) runs_.push_back(place.run);
  }

  // The same for whoever does not look at what is stored but for the first piece of a
  // run, and not at up to `most` bytes of it at once. What was passed over is taken
  // from `plain`, and noted; `verified` is what is found then.
  std::string InflatedWithout(std::string_view gzip, const std::string& plain, int64_t most,
                              absl::Status* verified) {
    EXPECT_TRUE(WriteFile(path_, gzip).ok());
    const absl::StatusOr<std::unique_ptr<Gunzip>> gunzip = Gunzip::Open(path_, kMost);
    EXPECT_TRUE(gunzip.ok()) << gunzip.status();
    const std::shared_ptr<DeferredChecksum> checksum = (*gunzip)->checksum();
    std::string all;
    std::map<int, std::string> parts;
    passed_over_ = 0;
    while (true) {
      const int64_t run = (*gunzip)->place().run;
      const absl::StatusOr<std::string_view> next = (*gunzip)->Next({.bytes = most, .run = run});
      if (!next.ok()) return absl::StrCat(DiagnosticsOf(next.status())[0].message, "|", all);
      if (next->empty()) break;
      const Gunzip::Place& place = (*gunzip)->place();
      if (place.part < 0) {
        CheckPlace(gzip, *next, place);
        all += *next;
        continue;
      }
      const std::string bytes = plain.substr(all.size(), next->size());
      EXPECT_EQ(gzip.substr(static_cast<size_t>(place.offset), bytes.size()), bytes);
      EXPECT_TRUE(*next == std::string(bytes.size(), '\0'));
      EXPECT_EQ(place.run, run);
      passed_over_ += bytes.size();
      parts[place.part] += bytes;
      all += bytes;
    }
    EXPECT_EQ((*gunzip)->used_bytes() + static_cast<int64_t>(passed_over_),
              static_cast<int64_t>(gzip.size()));
    EXPECT_EQ(checksum->Verify().ok(), parts.empty());
    for (const auto& [part, bytes] : parts) {
      EXPECT_FALSE(checksum->IsNoted(part));
      checksum->Note(part,
                     static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(bytes.data()),
                                                 static_cast<uInt>(bytes.size()))));
    }
    *verified = checksum->Verify();
    return all;
  }

  TemporaryFolder folder_;
  std::string path_;
  size_t passed_over_ = 0;
  size_t stored_ = 0;          // How many bytes lie in the file as they are.
  std::vector<int64_t> runs_;  // Of these.
};

TEST_F(GunzipTest, StoredBlocksAreGivenWithTheirPlaceAndTheRestIsInflatedAroundThem) {
  const std::string layer = RandomBytes(300'000);
  GzipMaker gzip;
  gzip.Deflate(Words(100'000));
  for (size_t at = 0; at < layer.size(); at += 60'000) gzip.Store(layer.substr(at, 60'000));
  // Refers to what was stored.
  gzip.Deflate(layer.substr(layer.size() - 20'000) + Words(50'000));
  gzip.Store(RandomBytes(60'000)).Deflate(Words(10), 6, Z_FINISH);
  EXPECT_TRUE(Inflated(gzip.Gzip()) == gzip.plain());
  EXPECT_EQ(stored_, 360'000);
  EXPECT_EQ(runs_.size(), 2);
}

TEST_F(GunzipTest, OfSmallBlocksOnlyThoseInARunAreGivenWithTheirPlace) {
  GzipMaker gzip;
  gzip.Store("a").Store("").Store(RandomBytes(9000)).Store("b").Store("").Store(RandomBytes(9001));
  gzip.Store("", /*last=*/true);
  EXPECT_TRUE(Inflated(gzip.Gzip()) == gzip.plain());
  EXPECT_EQ(stored_, 18'002);
  EXPECT_EQ(runs_.size(), 1);
}

TEST_F(GunzipTest, WhatFollowsAnEmptyBlockHasNotItsPlace) {
  GzipMaker gzip;
  gzip.Store(RandomBytes(9000))
      .Store("")
      .Deflate(Words(5000))
      .Store("")
      .Deflate("end", 6, Z_FINISH);
  EXPECT_TRUE(Inflated(gzip.Gzip()) == gzip.plain());
  EXPECT_EQ(stored_, 9000);
}

TEST_F(GunzipTest, WhatCompressorsWriteIsInflated) {
  const std::string mixed =
      Words(70'000) + RandomBytes(200'000) + Words(300'000) + RandomBytes(90'000);
  for (int level = 0; level <= 9; ++level) {
    for (const int strategy : {Z_DEFAULT_STRATEGY, Z_FIXED, Z_HUFFMAN_ONLY}) {
      z_stream stream = {};
      deflateInit2(&stream, level, Z_DEFLATED, 31, level % 3 * 4 + 1, strategy);
      std::string out(deflateBound(&stream, mixed.size()), '\0');
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(mixed.data()));
      stream.avail_in = static_cast<uInt>(mixed.size());
      stream.next_out = reinterpret_cast<Bytef*>(out.data());
      stream.avail_out = static_cast<uInt>(out.size());
      ASSERT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
      out.resize(out.size() - stream.avail_out);
      deflateEnd(&stream);
      EXPECT_TRUE(Inflated(out) == mixed) << "level " << level << ", strategy " << strategy;
      // A second file behind it begins anew.
      EXPECT_TRUE(Inflated(out + out) == mixed + mixed);
    }
  }
}

TEST_F(GunzipTest, FilesMayFollowEachOtherAndRunsEndWithThem) {
  GzipMaker first;
  first.Store(RandomBytes(5000)).Store(RandomBytes(6000), /*last=*/true);
  GzipMaker second;
  second.Store(RandomBytes(7000), /*last=*/true);
  EXPECT_TRUE(Inflated(first.Gzip() + second.Gzip()) == first.plain() + second.plain());
  EXPECT_EQ(runs_.size(), 2);
}

TEST_F(GunzipTest, WhatIsWrongIsSaidAfterWhatCameBefore) {
  const std::string random = RandomBytes(50'000);
  const GzipMaker stored = GzipMaker().Store(random, /*last=*/true);
  const GzipMaker words = GzipMaker().Deflate(Words(5000), 6, Z_FINISH);
  const std::string good = stored.Gzip();
  std::string lengths = good;
  lengths[12] ^= 1;
  constexpr char kDamaged[] = "the compressed data is damaged: ";
  const struct {
    const char* name;
    std::string gzip;
    std::string said;
    size_t before;
  } rows[] = {
      {"checksum", stored.Gzip(1), absl::StrCat(kDamaged, "incorrect data check"), 50'000},
      {"length", stored.Gzip(0, 1), absl::StrCat(kDamaged, "incorrect length check"), 50'000},
      {"checksum of words", words.Gzip(1), absl::StrCat(kDamaged, "incorrect data check"), 5000},
      {"length of words", words.Gzip(0, 1), absl::StrCat(kDamaged, "incorrect length check"), 5000},
      {"lengths", lengths, absl::StrCat(kDamaged, "invalid stored block lengths"), 0},
      {"kind", std::string(kHeader) + "\x07", absl::StrCat(kDamaged, "invalid block type"), 0},
      {"garbage behind", good + "garbage", absl::StrCat(kDamaged, "incorrect header check"),
       50'000},
      {"nothing but a header", good.substr(0, 10), "the compressed data ends too early", 0},
      {"cut off in the header", good.substr(0, 6), "the compressed data ends too early", 0},
      {"cut off in lengths", good.substr(0, 13), "the compressed data ends too early", 0},
      {"cut off in a block", good.substr(0, 10'015), "the compressed data ends too early", 10'000},
      {"cut off in the trailer", good.substr(0, good.size() - 1),
       "the compressed data ends too early", 50'000},
  };
  for (const auto& row : rows) {
    const std::string found = Inflated(row.gzip);
    const size_t bar = found.find('|');
    EXPECT_EQ(found.substr(0, bar), row.said) << row.name;
    EXPECT_EQ(found.size() - bar - 1, row.before) << row.name;
  }
}

TEST_F(GunzipTest, WhatNobodyLooksAtIsNotReadAndIsVerifiedByItsNotedChecksum) {
  const std::string layer = RandomBytes(300'000);
  // All blocks but the first one.
  GzipMaker large;
  for (size_t at = 0; at < layer.size(); at += 60'000) large.Store(layer.substr(at, 60'000));
  large.Store("", /*last=*/true);
  // What is compressed refers to what was passed over: in one block and in many.
  GzipMaker before_words = GzipMaker().Deflate(Words(1000));
  for (size_t at = 0; at < layer.size(); at += 60'000) before_words.Store(layer.substr(at, 60'000));
  before_words.Deflate(layer.substr(layer.size() - 32'000) + Words(50'000), 6, Z_FINISH);
  GzipMaker small_blocks = GzipMaker().Store(layer.substr(0, 9000));
  for (size_t at = 9000; at < 100'000; at += 1000) small_blocks.Store(layer.substr(at, 1000));
  small_blocks.Deflate(layer.substr(100'000 - 32'000, 32'000), 6, Z_FINISH);
  // A block is left in the middle, where what comes of it has to be read.
  GzipMaker two_runs =
      GzipMaker().Store(layer.substr(0, 60'000)).Store(layer.substr(60'000, 9'000));
  two_runs.Deflate(Words(100)).Store(layer.substr(0, 50'000)).Store(layer.substr(0, 40'000));
  two_runs.Deflate("end", 6, Z_FINISH);
  const struct {
    const char* name;
    const GzipMaker& gzip;
    size_t least;  // That is passed over.
  } rows[] = {{"large blocks", large, 240'000},
              {"words behind", before_words, 240'000},
              {"small blocks", small_blocks, 91'000},
              {"two runs", two_runs, 49'000}};
  for (const auto& row : rows) {
    const std::string gzip = row.gzip.Gzip();
    absl::Status verified;
    EXPECT_TRUE(InflatedWithout(gzip, row.gzip.plain(), kMost, &verified) == row.gzip.plain())
        << row.name;
    EXPECT_TRUE(verified.ok()) << row.name << ": " << verified;
    EXPECT_GE(passed_over_, row.least) << row.name;
    EXPECT_TRUE(InflatedWithout(gzip, row.gzip.plain(), 7001, &verified) == row.gzip.plain())
        << row.name;
    EXPECT_TRUE(verified.ok()) << row.name << ": " << verified;
    EXPECT_TRUE(InflatedWithout(gzip + gzip, row.gzip.plain() + row.gzip.plain(), kMost,
                                &verified) == row.gzip.plain() + row.gzip.plain())
        << row.name;
    EXPECT_TRUE(verified.ok()) << row.name << ": " << verified;
    InflatedWithout(row.gzip.Gzip(1), row.gzip.plain(), kMost, &verified);
    ASSERT_TRUE(HasId(verified, DiagnosticId::kArchiveInvalid)) << row.name << ": " << verified;
    EXPECT_EQ(DiagnosticsOf(verified)[0].message,
              "the compressed data is damaged: incorrect data check");
  }
}

TEST_F(GunzipTest, WhatIsCutOffIsNotPassedOver) {
  const GzipMaker gzip = GzipMaker()
                             .Store(RandomBytes(50'000))
                             .Store(RandomBytes(60'000))
                             .Store(RandomBytes(40'000), /*last=*/true);
  const std::string whole = gzip.Gzip();
  absl::Status verified;
  for (size_t size = 50'100; size < whole.size(); size += 997) {
    const std::string found =
        InflatedWithout(whole.substr(0, size), gzip.plain(), kMost, &verified);
    EXPECT_EQ(found.substr(0, found.find('|')), "the compressed data ends too early") << size;
  }
}

TEST_F(GunzipTest, TheLimitHoldsForBlocksOfBothKinds) {
  const GzipMaker stored = GzipMaker().Store(RandomBytes(50'000), /*last=*/true);
  const GzipMaker words = GzipMaker().Deflate(Words(50'000), 6, Z_FINISH);
  for (const GzipMaker& gzip : {stored, words}) {
    EXPECT_TRUE(Inflated(gzip.Gzip(), 50'000) == gzip.plain());
    EXPECT_EQ(Inflated(gzip.Gzip(), 49'999), "it holds more than 49999 bytes|");
  }
}

TEST_F(GunzipTest, PipesAreReadToo) {
  const GzipMaker gzip =
      GzipMaker().Deflate(Words(500)).Store(RandomBytes(20'000)).Deflate("end", 6, Z_FINISH);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const std::string bytes = gzip.Gzip();
  ASSERT_EQ(write(ends[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  close(ends[1]);
  const auto gunzip = Gunzip::Open(absl::StrCat("/proc/self/fd/", ends[0]), kMost);
  ASSERT_TRUE(gunzip.ok()) << gunzip.status();
  std::string all;
  while (true) {
    const absl::StatusOr<std::string_view> next = (*gunzip)->Next();
    ASSERT_TRUE(next.ok()) << next.status();
    if (next->empty()) break;
    all += *next;
  }
  close(ends[0]);
  EXPECT_TRUE(all == gzip.plain());
}

}  // namespace
}  // namespace deps
