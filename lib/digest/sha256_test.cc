#include "lib/digest/sha256.h"

#include <string>
#include <string_view>

#include "gtest/gtest.h"

namespace deps {
namespace {

constexpr char kOfAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr char kOfNothing[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

TEST(Sha256Test, HasTheValuesOfFips180) {
  EXPECT_EQ(Sha256Hex("abc"), kOfAbc);
  EXPECT_EQ(Sha256Hex(""), kOfNothing);
  EXPECT_EQ(Sha256Digest("abc"), std::string("sha256:") + kOfAbc);
}

TEST(Sha256Test, PartsHashLikeTheWhole) {
  Sha256 hash;
  hash.Update("a");
  hash.Update("");
  hash.Update("bc");
  EXPECT_EQ(hash.Digest(), std::string("sha256:") + kOfAbc);
  Sha256 nothing;
  EXPECT_EQ(nothing.Digest(), std::string("sha256:") + kOfNothing);
}

TEST(IsValidDigestTest, AllowsOnlyWhatMayBecomePartOfAPath) {
  const std::string hex = kOfAbc;
  EXPECT_TRUE(IsValidDigest("sha256:" + hex));
  EXPECT_TRUE(IsValidDigest("sha512:" + hex + hex));
  const std::string refused[] = {
      "",
      hex,
      "sha256:",
      "sha256:" + hex.substr(1),
      "sha256:" + hex + "0",
      "sha512:" + hex,
      "sha384:" + hex,
      "SHA256:" + hex,
      "sha256:BA" + hex.substr(2),
      "sha256:../" + hex.substr(3),
      "sha256:" + hex.substr(1) + "\n",
      "sha256:" + hex.substr(1) + std::string(1, '\0'),
  };
  for (const std::string& digest : refused) EXPECT_FALSE(IsValidDigest(digest)) << digest;
}

}  // namespace
}  // namespace deps
