#include "lib/oci/reference.h"

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

constexpr char kDigest[] =
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

struct Good {
  std::string text, full, familiar, host, path, tag, digest, name;
};

TEST(ReferenceTest, IsReadAsDockerReadsIt) {
  const std::string at = std::string("@") + kDigest;
  const std::vector<Good> rows = {
      {"mysql", "docker.io/library/mysql", "mysql", "docker.io", "library/mysql", "", "", "mysql"},
      {"mysql:8", "docker.io/library/mysql:8", "mysql:8", "docker.io", "library/mysql", "8", "",
       "mysql"},
      {"getporter/mysql:v0.1.0", "docker.io/getporter/mysql:v0.1.0", "getporter/mysql:v0.1.0",
       "docker.io", "getporter/mysql", "v0.1.0", "", "mysql"},
      {"index.docker.io/mysql", "docker.io/library/mysql", "mysql", "docker.io", "library/mysql",
       "", "", "mysql"},
      {"docker.io/library/a/b", "docker.io/library/a/b", "library/a/b", "docker.io", "library/a/b",
       "", "", "b"},
      {"localhost/a", "localhost/a", "localhost/a", "localhost", "a", "", "", "a"},
      {"docker.io/localhost/a", "docker.io/localhost/a", "docker.io/localhost/a", "docker.io",
       "localhost/a", "", "", "a"},
      {"localhost:5000/a/b_c/d--e:x" + at, "localhost:5000/a/b_c/d--e:x" + at,
       "localhost:5000/a/b_c/d--e:x" + at, "localhost:5000", "a/b_c/d--e", "x", kDigest, "d--e"},
      {"[::1]:5000/a" + at, "[::1]:5000/a" + at, "[::1]:5000/a" + at, "[::1]:5000", "a", "",
       kDigest, "a"},
      {"Reg/a", "Reg/a", "Reg/a", "Reg", "a", "", "", "a"},
      {"a:5000", "docker.io/library/a:5000", "a:5000", "docker.io", "library/a", "5000", "", "a"},
      {"reg.example/a.b__c", "reg.example/a.b__c", "reg.example/a.b__c", "reg.example", "a.b__c",
       "", "", "a.b__c"},
  };
  for (const Good& row : rows) {
    const absl::StatusOr<Reference> reference = Reference::Parse(row.text);
    ASSERT_TRUE(reference.ok()) << row.text << ": " << reference.status();
    const Good got = {
        row.text,          reference->Full(), reference->Familiar(), reference->host(),
        reference->path(), reference->tag(),  reference->digest(),   reference->Name()};
    EXPECT_EQ(got.full, row.full);
    EXPECT_EQ(got.familiar, row.familiar);
    EXPECT_EQ(got.host, row.host);
    EXPECT_EQ(got.path, row.path);
    EXPECT_EQ(got.tag, row.tag);
    EXPECT_EQ(got.digest, row.digest);
    EXPECT_EQ(got.name, row.name);
    EXPECT_EQ(*Reference::Parse(reference->Full()), *reference) << row.text;
    EXPECT_EQ(*Reference::Parse(reference->Familiar()), *reference) << row.text;
  }
}

TEST(ReferenceTest, MalformedTextIsRefused) {
  const std::vector<std::string> rows = {
      "",
      ":tag",
      "/a",
      "a/",
      "a//b",
      "MySQL",
      "reg.example/A",
      "a:",
      "a:.x",
      "a:" + std::string(129, 'x'),
      "a b",
      "a___b",
      "-a",
      "a-",
      "a.-b",
      "reg_x.y/a",
      "-reg.x/a",
      "reg..x/a",
      "reg.x:/a",
      "reg.x:port/a",
      "[::1/a",
      "[]:1/a",
      "[::1]x/a",
      "https://reg.x/a",
      "a\n",
      "reg.x/../a",
      "reg.x/" + std::string(256, 'a'),
      std::string(248, 'a'),  // With "library/" in front.
      std::string(64, 'a'),
      "../a",
  };
  for (const std::string& text : rows) {
    const absl::StatusOr<Reference> reference = Reference::Parse(text);
    ASSERT_FALSE(reference.ok()) << text;
    EXPECT_TRUE(HasId(reference.status(), DiagnosticId::kReferenceInvalid)) << text;
  }
}

TEST(ReferenceTest, MalformedDigestIsRefused) {
  for (const std::string text : {"a@", "a@sha256:12", "a@x", "a:b@md5:1234"}) {
    const absl::StatusOr<Reference> reference = Reference::Parse(text);
    ASSERT_FALSE(reference.ok()) << text;
    EXPECT_TRUE(HasId(reference.status(), DiagnosticId::kDigestInvalid)) << text;
  }
}

TEST(ReferenceTest, TagAndDigestReplaceEachOther) {
  const Reference reference = *Reference::Parse(std::string("reg.x/a:v1@") + kDigest);
  EXPECT_EQ(reference.WithTag("v2").Full(), "reg.x/a:v2");
  EXPECT_EQ(reference.WithDigest(kDigest).Full(), std::string("reg.x/a@") + kDigest);
  EXPECT_EQ(reference.Repository(), "reg.x/a");
}

TEST(WithoutPortTest, ColonsOfAnAddressArePartOfIt) {
  EXPECT_EQ(WithoutPort("localhost:5000"), "localhost");
  EXPECT_EQ(WithoutPort("docker.io"), "docker.io");
  EXPECT_EQ(WithoutPort("[::1]:5000"), "[::1]");
  EXPECT_EQ(WithoutPort("[::1]"), "[::1]");
}

}  // namespace
}  // namespace deps
