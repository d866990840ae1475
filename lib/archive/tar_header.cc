#include "lib/archive/tar_header.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace deps {
namespace {

constexpr size_t kNameBytes = 100;
constexpr size_t kPrefixBytes = 155;
constexpr int64_t kMostInOctal = (int64_t{1} << 33) - 1;

// Where a header has what.
struct Field {
  size_t offset;
  size_t bytes;
};
constexpr Field kName = {0, kNameBytes};
constexpr Field kMode = {100, 8};
constexpr Field kUser = {108, 8};
constexpr Field kGroup = {116, 8};
constexpr Field kSize = {124, 12};
constexpr Field kTime = {136, 12};
constexpr Field kChecksum = {148, 8};
constexpr Field kType = {156, 1};
constexpr Field kMagic = {257, 8};
constexpr Field kDeviceMajor = {329, 8};
constexpr Field kDeviceMinor = {337, 8};
constexpr Field kPrefix = {345, kPrefixBytes};

class Block {
 public:
  void Set(Field field, std::string_view text) {
    text = text.substr(0, field.bytes);
    bytes_.replace(field.offset, text.size(), text);
  }
  // With leading zeros, and NUL at the end.
  void SetOctal(Field field, int64_t number) {
    Set(field, absl::StrFormat("%0*o", static_cast<int>(field.bytes) - 1, number));
  }
  std::string Finish() {
    Set(kMagic, std::string_view("ustar\00000", 8));
    Set(kChecksum, "        ");
    int64_t sum = 0;
    for (const char c : bytes_) sum += static_cast<unsigned char>(c);
    Set(kChecksum, absl::StrFormat("%06o", sum) + std::string("\0 ", 2));
    return bytes_;
  }

 private:
  std::string bytes_ = std::string(kTarBlock, '\0');
};

// Where a name may be parted at a slash; 0 where it may not.
size_t PartOf(std::string_view name) {
  size_t most = std::min(name.size(), kPrefixBytes + 1);
  if (most == name.size() && absl::EndsWith(name, "/")) --most;
  const size_t slash = name.substr(0, most).rfind('/');
  if (slash == std::string_view::npos || slash == 0 || slash > kPrefixBytes) return 0;
  const size_t rest = name.size() - slash - 1;
  return rest == 0 || rest > kNameBytes ? 0 : slash;
}

// "SIZE KEY=VALUE\n", where SIZE counts itself.
std::string PaxRecord(std::string_view key, std::string_view value) {
  const std::string rest = absl::StrCat(" ", key, "=", value, "\n");
  size_t size = rest.size() + absl::StrCat(rest.size()).size();
  if (absl::StrCat(size).size() + rest.size() != size) ++size;
  return absl::StrCat(size, rest);
}

// "a/b" -> "a/PaxHeaders.0/b", without what Go's path.Join drops.
std::string PaxName(std::string_view name) {
  while (absl::ConsumePrefix(&name, "./")) {
  }
  const size_t slash = name.rfind('/');
  const size_t base = slash == std::string_view::npos ? 0 : slash + 1;
  std::string joined =
      absl::StrCat(name.substr(0, base), "PaxHeaders.0/", name.substr(base)).substr(0, kNameBytes);
  while (absl::EndsWith(joined, "/")) joined.pop_back();
  return joined;
}

std::string PaxHeader(std::string_view name, const std::string& records) {
  Block block;
  block.Set(kName, PaxName(name));
  for (const Field field : {kMode, kUser, kGroup, kTime}) block.SetOctal(field, 0);
  block.SetOctal(kSize, static_cast<int64_t>(records.size()));
  block.Set(kType, "x");
  return absl::StrCat(block.Finish(), records, TarPadding(static_cast<int64_t>(records.size())));
}

}  // namespace

std::string TarHeader(std::string_view name, bool is_folder, int64_t size) {
  const size_t part = name.size() > kNameBytes ? PartOf(name) : 0;
  const bool long_name = name.size() > kNameBytes && part == 0;
  const bool large = size > kMostInOctal;
  std::string records;
  if (long_name) records = PaxRecord("path", name);
  if (large) records += PaxRecord("size", absl::StrCat(size));
  Block block;
  // With pax for the size, names are not parted either.
  const bool parted = part > 0 && !large;
  if (large && part > 0) records = PaxRecord("path", name) + records;
  block.Set(kName, parted ? name.substr(part + 1) : name);
  if (parted) block.Set(kPrefix, name.substr(0, part));
  block.SetOctal(kMode, is_folder ? 0755 : 0644);
  for (const Field field : {kUser, kGroup, kTime, kDeviceMajor, kDeviceMinor}) {
    block.SetOctal(field, 0);
  }
  block.SetOctal(kSize, large ? 0 : size);
  block.Set(kType, is_folder ? "5" : "0");
  return absl::StrCat(records.empty() ? "" : PaxHeader(name, records), block.Finish());
}

std::string TarPadding(int64_t size) {
  return std::string(static_cast<size_t>((kTarBlock - size % kTarBlock) % kTarBlock), '\0');
}

}  // namespace deps
