#include "lib/relocate/porter_tag.h"

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace deps {
namespace {

TEST(PorterTagTest, IsThatOfPorter) {
  for (const auto& [image, tag] : std::vector<std::pair<std::string, std::string>>{
           {"localhost:5000/myorg/apache-installer", "porter-83e8daf2fa98c1232fd8477a16eb8d0c"},
           {"myorg/apache-installer", "porter-05885277937850e552535b74f7fc28a5"},
           {"apache", "porter-b6efd606d118d0f62066e31419ff04cc"},
           {"example.com/mybuns:v1.0.0", "porter-a3ffa80326b2e3a64e9ed3f377204ab2"},
           {"example.com/mysql:v1.2.3", "porter-ddf8faddc6d11520ff4603be746eb2ef"},
           {"mysql:8.0", "porter-82fc732bc4af9efd7e4d62db7a9c2938"},
           {"docker.io/library/mysql:8.0", "porter-82fc732bc4af9efd7e4d62db7a9c2938"}}) {
    EXPECT_EQ(PorterTag(image), tag) << image;
  }
}

}  // namespace
}  // namespace deps
