// What users are told of archives that others made, or damaged. More of them are
// files of tests/cases/relocate-bad-*; here are those that code makes best.
#include <zlib.h>

#include <cstdint>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "lib/archive/archive.h"
#include "lib/cli/env.h"
#include "lib/digest/sha256.h"
#include "lib/io/file.h"
#include "lib/model/relocation.h"
#include "lib/oci/manifest.h"
#include "lib/oci/strict_registry.h"
#include "lib/oci/testing_registry.h"
#include "lib/relocate/family_for_tests.h"
#include "lib/relocate/layout.h"
#include "tools/oci-relocate/command.h"

namespace deps {
namespace {

constexpr char kIndexJson[] = "artifacts/layout/index.json";
constexpr char kMapping[] = "relocation-mapping.json";

// One member of a tar file; `type` and `size` as they stand in its header.
std::string TarMember(std::string_view name, std::string_view content, char type = '0',
                      std::string size = "") {
  if (size.empty()) size = absl::StrFormat("%011o", content.size());
  std::string header(512, '\0');
  header.replace(0, name.size(), name);
  header.replace(100, 8, "0000644");
  header.replace(124, size.size(), size);
  header.replace(136, 11, "00000000000");
  header.replace(148, 8, "        ");
  header[156] = type;
  header.replace(257, 8, std::string_view("ustar\00000", 8));
  int64_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  header.replace(148, 7, absl::StrFormat("%06o", sum) + std::string(1, '\0'));
  header.resize(512);
  std::string padded(content);
  padded.resize((content.size() + 511) / 512 * 512, '\0');
  return header + padded;
}

// The header before a member that has another name than its own says.
std::string PaxName(std::string_view name) {
  const std::string rest = absl::StrCat(" path=", name, "\n");
  const size_t size = rest.size() + (rest.size() + 2 > 99 ? 3 : 2);
  return TarMember("PaxHeader", absl::StrCat(size, rest), 'x');
}

// The same with a name of any length.
std::string LongMember(std::string_view name, std::string_view content) {
  if (name.size() <= 100) return TarMember(name, content);
  return PaxName(name) + TarMember("long", content);
}

void WriteGzip(const std::string& path, std::string_view bytes) {
  const gzFile file = gzopen(path.c_str(), "wb1");
  for (size_t at = 0; at < bytes.size(); at += size_t{1} << 20) {
    const std::string_view piece = bytes.substr(at, size_t{1} << 20);
    ASSERT_GT(gzwrite(file, piece.data(), static_cast<unsigned>(piece.size())), 0);
  }
  ASSERT_EQ(gzclose(file), Z_OK);
}

// A descriptor of a layer, or of a whole image.
std::string DescriptorOf(std::string_view type, const std::string& bytes,
                         std::string_view more = "") {
  return absl::StrCat(R"({"mediaType":")", type, R"(","digest":")", Sha256Digest(bytes),
                      R"(","size":)", bytes.size(), more, "}");
}

// The members of an archive of Porter, by name.
using Members = std::map<std::string, std::string>;

void AddBlob(const std::string& bytes, Members* members) {
  (*members)[absl::StrCat("artifacts/layout/blobs/sha256/", Sha256Hex(bytes))] = bytes;
}

struct Row {
  std::string name;
  std::function<void(Members*)> change;
  std::string behind;   // More of the tar file.
  std::string outcome;  // "0", or exit status, message and hint.
};

class BadArchivesTest : public testing::Test {
 protected:
  std::string Path(std::string_view name) const { return absl::StrCat(folder_.path(), "/", name); }

  // Exit status and what is said; nothing may be written where it fails.
  std::string Publish(const std::string& archive) {
    StrictRegistry registry;
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    const Env env = {.in = &in, .out = &out, .err = &err, .getenv = EmptyEnvironment};
    const int code =
        static_cast<int>(RunOciRelocate({"publish", archive, "--registry", registry.host()}, env));
    notes_ = err.str();
    if (code == 0) return "0";
    for (const std::string& request : registry.requests()) {
      EXPECT_TRUE(absl::StartsWith(request, "HEAD ")) << request;
    }
    const std::string text = absl::StrReplaceAll(
        err.str(),
        {{registry.host(), "REGISTRY"}, {folder_.path() + "/", ""}, {"oci-relocate: ", ""}});
    return absl::StrCat(code, " ",
                        absl::StrJoin(absl::StrSplit(text, '\n', absl::SkipEmpty()), "; "));
  }

  std::string PublishFamily(const FamilyMaker& maker) {
    EXPECT_TRUE(WriteArchiveFile(ArchiveOf(maker.family), Path("a.tgz")).ok());
    return Publish(Path("a.tgz"));
  }

  static std::string Text(const std::string& path) { return ReadFile(path)->text; }

  // As `porter archive` writes it: the bundle's own manifests are not there.
  static Members PorterArchive() {
    FamilyMaker maker;
    maker.Add("example.com/db", "1.0.0");
    const FamilyMember& db = maker.family.members[0];
    const std::string image = Text(maker.family.blobs.at(db.images[0].digest).path);
    Members members = {
        {"bundle.json", db.bundle_json},
        {kMapping, FormatMapping(db.mapping)},
        {"artifacts/layout/oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}"},
        {kIndexJson, absl::StrCat(R"({"schemaVersion":2,"manifests":[)", Entry(db, image), "]}")}};
    AddBlob(image, &members);
    AddBlob("{}", &members);
    AddBlob("layer of db 1.0.0", &members);
    return members;
  }

  static std::string Entry(const FamilyMember& db, const std::string& image) {
    return DescriptorOf(
        db.images[0].media_type, image,
        absl::StrCat(R"(,"annotations":{"org.opencontainers.image.ref.name":"example.com/db@)",
                     db.images[0].digest, "\"}"));
  }

  std::string Archive(const Row& row) {
    Members members = PorterArchive();
    if (row.change) row.change(&members);
    std::string tar;
    for (const auto& [name, content] : members) tar += LongMember("./" + name, content);
    const std::string path = Path("a.tgz");
    WriteGzip(path, tar + row.behind + std::string(1024, '\0'));
    return path;
  }

  TemporaryFolder folder_ = *TemporaryFolder::Create("bad-archives");
  std::string notes_;
};

// Replaces text in one member.
std::function<void(Members*)> In(std::string member, std::string what, std::string by) {
  return [=](Members* members) {
    std::string& text = members->at(member);
    ASSERT_TRUE(absl::StrContains(text, what)) << what;
    text = absl::StrReplaceAll(text, {{what, by}});
  };
}

// The image is an index that lists one that lists one…
void NestIndexes(int levels, Members* members) {
  std::string& bundle = members->at("bundle.json");
  std::string& index = members->at(kIndexJson);
  const size_t at = index.find("\"manifests\":[") + 13;
  const std::string entry = index.substr(at, index.find(",\"annotations\"") - at) + "}";
  std::string below = entry;
  std::string bytes;
  for (int i = 0; i < levels; ++i) {
    bytes = absl::StrCat(R"({"schemaVersion":2,"mediaType":")", kOciIndex, R"(","manifests":[)",
                         below, "]}");
    AddBlob(bytes, members);
    below = DescriptorOf(kOciIndex, bytes);
  }
  const std::string old = index.substr(index.find("sha256:"), 71);
  const std::string now = Sha256Digest(bytes);
  index = absl::StrCat(R"({"schemaVersion":2,"manifests":[)", below, "]}");
  const size_t size = bundle.find("\"size\":") + 7;
  bundle.replace(size, bundle.find_first_of(",}", size) - size, absl::StrCat(bytes.size()));
  bundle = absl::StrReplaceAll(bundle, {{old, now}, {kOciManifest, kOciIndex}});
  members->at(kMapping) = absl::StrReplaceAll(members->at(kMapping), {{old, now}});
}

TEST_F(BadArchivesTest, TheArchiveIsTheArchive) { EXPECT_EQ(Publish(Archive({})), "0"); }

TEST_F(BadArchivesTest, EachEndsWellOrWithAMessage) {
  const std::string image = "example.com/db-installer:v1.0.0";
  const std::string many(200, 'n');
  const std::vector<Row> rows = {
      // Compression and tar.
      {"a long name of GNU",
       {},
       TarMember("././@LongLink", many + std::string(1, '\0'), 'L') + TarMember("n", "note"),
       "0"},
      {"a name of pax", {}, PaxName("notes/" + many) + TarMember("n", "note"), "0"},
      {"a name of pax that leaves the archive",
       {},
       PaxName("../x") + TarMember("n", "note"),
       "3 a.tgz: error: member '../x': its name leaves the archive [archive-invalid]"},
      {"a name of pax that is there already",
       {},
       PaxName("bundle.json") + TarMember("n", "{}"),
       "3 a.tgz: error: member 'bundle.json': the name occurs twice [archive-invalid]"},
      {"a name of pax with NUL",
       {},
       PaxName(std::string_view("bundle.json\0x", 13)) + TarMember("n", "{}"),
       "3 a.tgz: error: member 'bundle.json': the name occurs twice [archive-invalid]"},
      {"a link in place of a folder",
       {},
       TarMember("artifacts", "", '2'),
       "3 a.tgz: error: member 'artifacts': it is neither a regular file nor a folder "
       "[archive-invalid]"},
      {"names that differ in case only", {}, TarMember("BUNDLE.JSON", "{}"), "0"},
      // Blobs.
      {"no config of the image",
       [](Members* members) {
         members->erase(absl::StrCat("artifacts/layout/blobs/sha256/", Sha256Hex("{}")));
       },
       "",
       "3 error: image example.com/db-installer:v1.0.0 of db: blob "
       "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a of "
       "sha256:41005689213f8fdf03a301eb0f09654762404338afd43fbbfdb16c4024bb32f7 is missing "
       "[archive-invalid]"},
      {"a layer that is larger than its descriptor says",
       [](Members* members) {
         Members changed;
         for (auto& [name, text] : *members) {
           const bool manifest = absl::StartsWith(text, "{\"schemaVersion\":2,\"mediaType\"");
           if (!manifest) changed[name] = text;
         }
         const std::string bytes =
             absl::StrCat(R"({"schemaVersion":2,"config":)", DescriptorOf("c", "{}"),
                          R"(,"layers":[{"mediaType":"l","digest":")",
                          Sha256Digest("layer of db 1.0.0"), R"(","size":3}]})");
         const std::string old =
             changed.at(kIndexJson).substr(changed.at(kIndexJson).find("sha256:"), 71);
         AddBlob(bytes, &changed);
         changed[kIndexJson] = absl::StrCat(R"({"schemaVersion":2,"manifests":[)",
                                            DescriptorOf(kOciManifest, bytes), "]}");
         for (const char* const name : {"bundle.json", kMapping}) {
           changed[name] = absl::StrReplaceAll(changed[name], {{old, Sha256Digest(bytes)}});
         }
         std::string& bundle = changed["bundle.json"];
         const size_t size = bundle.find("\"size\":") + 7;
         bundle.replace(size, bundle.find_first_of(",}", size) - size, absl::StrCat(bytes.size()));
         *members = std::move(changed);
       },
       "",
       "3 error: image example.com/db-installer:v1.0.0 of db: blob "
       "sha256:689c8a4655dfc4946913bdd130b8a641c8d70b1596898e7b03b30f5eacaf6610 has 17 bytes, but "
       "sha256:be22dc4da771caddf6e7ac04f51aab43411dd1916b41a436a8f309271126f46a says 3 "
       "[archive-invalid]"},
      {"a blob under sha512 that is another",
       [](Members* members) {
         (*members)["artifacts/layout/blobs/sha512/" + std::string(128, 'a')] = "x";
       },
       "",
       "3 a.tgz: error: member "
       "'./artifacts/layout/blobs/sha512/"
       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa': its content is "
       "sha512:"
       "a4abd4448c49562d828115d13a1fccea927f52b4d5459297f8b43e42da89238bc13626e43dcb38ddb082488927e"
       "c904fb42057443983e88585179d50551afe62 [archive-invalid]"},
      // The layout.
      {"an entry twice",
       [](Members* members) {
         std::string& index = members->at(kIndexJson);
         const size_t at = index.find('[') + 1;
         const std::string entry = index.substr(at, index.size() - at - 2);
         index.insert(at, entry + ",");
       },
       "", "0"},
      {"an entry without a name, whose digest the mapping tells",
       In(kIndexJson, "org.opencontainers.image.ref.name", "another"), "", "0"},
      {"an image that neither mapping nor layout has",
       [=](Members* members) {
         In(kIndexJson, "org.opencontainers.image.ref.name", "another")(members);
         In("bundle.json", "\"contentDigest\"", "\"aDigest\"")(members);
         members->at(kMapping) = "{}";
       },
       "",
       "3 a.tgz: error: image example.com/db-installer:v1.0.0 of bundle db is missing "
       "[archive-invalid]"},
      {"an entry of a type that nobody knows",
       In(kIndexJson, "}]}",
          R"(},{"mediaType":"application/x","digest":"sha256:)" + std::string(64, 'a') +
              R"(","size":1}]})"),
       "", "0"},
      {"an entry for an image that the bundle does not have",
       In(kIndexJson, "[{", absl::StrCat("[", DescriptorOf(kOciManifest, "{}"), ",{")), "", "0"},
      {"URLs in an entry, which nobody asks",
       In(kIndexJson, "\"annotations\"", "\"urls\":[\"http://169.254.169.254/x\"],\"annotations\""),
       "", "0"},
      {"data in a descriptor, which is not what its digest says",
       In(kIndexJson, "\"annotations\"", "\"data\":\"eA==\",\"annotations\""), "", "0"},
      {"indexes eight deep", [](Members* members) { NestIndexes(7, members); }, "", "0"},
      {"indexes too deep", [](Members* members) { NestIndexes(8, members); }, "",
       "3 error: image example.com/db-installer:v1.0.0 of db: manifests are nested more than 8 "
       "deep at sha256:41005689213f8fdf03a301eb0f09654762404338afd43fbbfdb16c4024bb32f7 "
       "[archive-invalid]"},
      // bundle.json.
      {"another digest in bundle.json than in the mapping",
       [](Members* members) {
         std::string& bundle = members->at("bundle.json");
         bundle.replace(bundle.find("sha256:") + 7, 4, "aaaa");
       },
       "",
       "3 a.tgz: error: image example.com/db-installer:v1.0.0 of bundle db is "
       "sha256:41005689213f8fdf03a301eb0f09654762404338afd43fbbfdb16c4024bb32f7 by its mapping, "
       "but sha256:aaaa5689213f8fdf03a301eb0f09654762404338afd43fbbfdb16c4024bb32f7 by bundle.json "
       "[archive-invalid]"},
      {"no digest, size and type in bundle.json",
       [](Members* members) {
         In("bundle.json", "\"contentDigest\"", "\"aDigest\"")(members);
         In("bundle.json", "\"mediaType\"", "\"mType\"")(members);
         In("bundle.json", "\"size\"", "\"zSize\"")(members);
       },
       "", "0"},
      {"no image type", In("bundle.json", "\"oci\"", "\"vm\""), "",
       "3 a.tgz:bundle.json:1:184: /invocationImages/0/imageType: error: images of type 'vm' "
       "cannot be in a registry [bundle-invalid]"},
      {"a mapping to a tag",
       [=](Members* members) {
         members->at(kMapping) = absl::StrCat("{\"", image, "\":\"example.com/db:v1\"}");
         In("bundle.json", "\"contentDigest\"", "\"aDigest\"")(members);
         std::string& index = members->at(kIndexJson);
         index.replace(index.find("example.com/db@"), 86, "example.com/db:v1");
       },
       "", "0"},
      {"a mapping of nothing", [](Members* members) { members->at(kMapping) = "null"; }, "", "0"},
      {"no mapping", [](Members* members) { members->erase(kMapping); }, "", "0"},
      {"a number over 2^53, which becomes what JCS writes",
       In("bundle.json", "\"description\":\"\"",
          "\"custom\":{\"n\":18446744073709551616},\"description\":\"\""),
       "", "0"},
      {"custom that is no object",
       In("bundle.json", "\"description\":\"\"", "\"custom\":[],\"description\":\"\""), "",
       "3 a.tgz:bundle.json:1:11: /custom: error: expected a value of type object, found array "
       "[document-type]"},
      {"requirements that are no object",
       In("bundle.json", "\"description\":\"\"",
          R"("custom":{"io.cnab.dependencies":{"requires":[]}},"description":"")"),
       "",
       "3 a.tgz:bundle.json:1:47: /custom/io.cnab.dependencies/requires: error: expected a value "
       "of type "
       "object, found array [document-type]"},
  };
  for (const Row& row : rows) EXPECT_EQ(Publish(Archive(row)), row.outcome) << row.name;
}

TEST_F(BadArchivesTest, AGzipHeaderMayHoldMore) {
  const std::string path = Archive({});
  std::string bytes = Text(path);
  // FEXTRA and FNAME.
  bytes[3] = 4 | 8;
  bytes.insert(10, std::string_view("\x04\0abcdname\0", 11));
  ASSERT_TRUE(WriteFile(path, bytes).ok());
  EXPECT_EQ(Publish(path), "0");
}

TEST_F(BadArchivesTest, MembersWithoutEndAreRefused) {
  std::string members;
  for (int i = 0; i < 200'001; ++i) members += TarMember("n/", "", '5');
  EXPECT_EQ(
      Publish(Archive({.behind = members})),
      "3 a.tgz: error: member 'n/': the archive has more than 200000 members [archive-invalid]");
}

TEST_F(BadArchivesTest, BytesWithoutEndAreRefused) {
  // Files of gzip behind each other are one.
  constexpr int64_t kPiece = int64_t{64} << 20;
  const std::string path = Path("a.tgz");
  WriteGzip(path, TarMember("zeros", "", '0', absl::StrFormat("%011o", 20 * kPiece)));
  std::string bytes = Text(path);
  WriteGzip(path, std::string(kPiece, '\0'));
  const std::string zeros = Text(path);
  for (int i = 0; i < 20; ++i) bytes += zeros;
  ASSERT_TRUE(WriteFile(path, bytes).ok());
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  const Env env = {.in = &in, .out = &out, .err = &err, .getenv = EmptyEnvironment};
  EXPECT_EQ(RunOciRelocate({"verify", path, "--max-archive-size", "1"}, env), ExitCode::kInput);
  EXPECT_EQ(
      absl::StrReplaceAll(err.str(), {{folder_.path() + "/", ""}}),
      "oci-relocate: a.tgz: error: member 'zeros': it holds more than 1 GiB [archive-invalid]\n"
      "oci-relocate: hint: oci-relocate takes --max-archive-size\n");
}

// What the root is in: nowhere, "./" or one folder.
TEST_F(BadArchivesTest, TheRootMayBeSpelledInEachWay) {
  for (const std::string prefix : {"", "./", "db-1.0.0/", "./db-1.0.0/"}) {
    std::string tar;
    if (!prefix.empty()) tar += TarMember(prefix, "", '5');
    for (const auto& [name, content] : PorterArchive()) tar += LongMember(prefix + name, content);
    WriteGzip(Path("a.tgz"), tar + std::string(1024, '\0'));
    EXPECT_EQ(Publish(Path("a.tgz")), "0") << prefix;
  }
}

// cnab-go keeps bundle.json as it was written, without mapping and digests, and
// names images with docker.io.
TEST_F(BadArchivesTest, AThickBundleOfCnabGoIsPublishedInItsCanonicalForm) {
  Members members = PorterArchive();
  members.erase(kMapping);
  const std::string name = "docker.io/library/db-installer:v1.0.0";
  std::string& index = members.at(kIndexJson);
  index.replace(index.find("example.com/db@"), 86, name);
  members["bundle.json"] =
      "{\n    \"name\": \"db\",\n    \"version\": \"1.0.0\",\n    \"invocationImages\": [\n        "
      "{\"imageType\": \"docker\", \"image\": \"db-installer:v1.0.0\"}\n    ],\n    \"images\": "
      "null\n}\n";
  std::string tar;
  for (const auto& [member, content] : members) tar += LongMember("./" + member, content);
  WriteGzip(Path("a.tgz"), tar + std::string(1024, '\0'));
  EXPECT_EQ(Publish(Path("a.tgz")), "0") << notes_;
  EXPECT_EQ(notes_, "oci-relocate: the bundle.json of db is taken in its canonical form\n");
}

TEST_F(BadArchivesTest, FamiliesEndWellOrWithAMessage) {
  const std::string db1 = "example.com/db:v1.0.0";
  FamilyMaker diamond;
  const std::string shared = diamond.Add("example.com/db", "1.0.0");
  const std::string left =
      diamond.Add("example.com/left", "1.0.0", {{"db", db1}}, {{"db", shared}});
  const std::string right =
      diamond.Add("example.com/right", "1.0.0", {{"db", shared}}, {{"db", shared}});
  diamond.Add("example.com/app", "1.0.0",
              {{"l", "example.com/left:v1.0.0"}, {"r", "example.com/right:v1.0.0"}},
              {{"l", left}, {"r", right}});
  EXPECT_EQ(PublishFamily(diamond), "0");

  FamilyMaker versions;
  const std::string old = versions.Add("example.com/db", "1.0.0");
  const std::string young = versions.Add("example.com/db", "2.0.0");
  versions.Add("example.com/app", "1.0.0", {{"a", db1}, {"b", "example.com/db:v2.0.0"}},
               {{"a", old}, {"b", young}});
  EXPECT_EQ(PublishFamily(versions), "0");

  FamilyMaker names;
  const std::string here = names.Add("a.example/x/db", "1.0.0");
  names.platforms = {"linux/amd64"};
  const std::string there = names.Add("b.example/y/db", "1.0.0");
  names.Add("example.com/app", "1.0.0",
            {{"a", "a.example/x/db:v1.0.0"}, {"b", "b.example/y/db:v1.0.0"}},
            {{"a", here}, {"b", there}});
  EXPECT_EQ(PublishFamily(names),
            absl::StrCat("3 error: ", here, " and ", there,
                         " would both become REGISTRY/db:v1.0.0 [relocate-collision]; hint: "
                         "--keep-path keeps the whole path of each"));

  FamilyMaker chain;
  std::string last = chain.Add("example.com/n0", "1.0.0");
  for (int i = 1; i < 100; ++i) {
    last = chain.Add(absl::StrCat("example.com/n", i), "1.0.0",
                     {{"next", absl::StrCat("example.com/n", i - 1, ":v1.0.0")}}, {{"next", last}});
  }
  EXPECT_EQ(PublishFamily(chain),
            "3 a.tgz: error: bundles require each other more than 64 deep [archive-invalid]");

  // A reference with a tag and a digest is what the digest says.
  FamilyMaker both;
  const std::string leaf = both.Add("example.com/db", "1.0.0");
  both.Add("example.com/app", "1.0.0", {{"db", absl::StrCat(db1, leaf.substr(leaf.find('@')))}},
           {{"db", leaf}});
  EXPECT_EQ(PublishFamily(both), "0");
}

}  // namespace
}  // namespace deps
