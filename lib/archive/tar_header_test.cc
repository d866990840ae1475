#include "lib/archive/tar_header.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/digest/sha256.h"

namespace deps {
namespace {

struct Row {
  std::string name;
  int64_t size;
  size_t bytes;
  std::string sha256;
};

// What Go 1.26 wrote for the same.
TEST(TarHeaderTest, IsThatOfGo) {
  const std::string blob256 = "./artifacts/layout/blobs/sha256/" + std::string(64, 'a');
  const std::string blob512 = "./artifacts/layout/blobs/sha512/" + std::string(128, 'a');
  const std::string bundle = "./dependencies/" + std::string(100, 'd') + "/bundle.json";
  const int64_t large = int64_t{9} << 30;
  for (const Row& row : std::vector<Row>{
           {"./", 0, 512, "926d8225e6e24b8f8bc8524d6f27cb5da96b1b8b6788e16274fbd98bc0a25852"},
           {"./bundle.json", 1596, 512,
            "9cf5923e116282c985adad5b32b5ba79c324a0de07afc546dd9693ad7417e850"},
           {blob256, (int64_t{1} << 33) - 1, 512,
            "b71132d0e98f55f462e06e1b4c85f1612442195ff42dfa58ff0a6b043c15e464"},
           {bundle, 12, 512, "65cd87be067d230d10af30e77332ab86fc800eac6f60c85d70b17ece9508584d"},
           {blob512, 0, 1536, "3fbc30e8f067cac0dd2667559ab5604653bcb2320aabada19ab10d727cea7735"},
           {blob256, large, 1536,
            "5f06a5ccf6d19496a64f43c8c8dc4f8d337cad16a073f0b6bc84ec18da573c5b"},
           {blob512, large, 1536,
            "36f9a2427c934d40f3ef71e9ca02308d2da975d1af048519dc8df5546b34bd14"},
           {bundle, large, 1536,
            "45d2d38b4b861b70989279d2fa6e8672c4fc86c7fd1efe2033362ea66b4e8940"},
           {absl::StrCat("./", std::string(98, 'f'), "/"), 0, 512,
            "f4936b41f6af75f8d4dfcb2325f049e8e2d0206e1506f83d85d88a0930ef3bda"},
           {absl::StrCat("./", std::string(99, 'f'), "/"), 0, 512,
            "bf54cd1ee2b9afd74587f360f117d56c3ee1f30fe8085b610cfc99c81804a907"}}) {
    const std::string header = TarHeader(row.name, absl::EndsWith(row.name, "/"), row.size);
    EXPECT_EQ(header.size(), row.bytes) << row.name;
    EXPECT_EQ(Sha256Hex(header), row.sha256) << row.name << " " << row.size;
  }
}

TEST(TarPaddingTest, EndsTheBlock) {
  EXPECT_EQ(TarPadding(0).size(), 0u);
  EXPECT_EQ(TarPadding(1).size(), 511u);
  EXPECT_EQ(TarPadding(512).size(), 0u);
  EXPECT_EQ(TarPadding(513).size(), 511u);
}

}  // namespace
}  // namespace deps
