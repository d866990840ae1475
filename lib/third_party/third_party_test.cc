// Each outside library compiles, links and answers: a broken set-up shows here first.

#include <archive.h>
#include <archive_entry.h>
#include <curl/curl.h>
#include <openssl/evp.h>
#include <re2/re2.h>
#include <sqlite3.h>
#include <yaml-cpp/yaml.h>
#include <zlib.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace {

using ::testing::HasSubstr;

// Debian's packaged Abseil has a string_view of its own; ours must not.
static_assert(std::is_same_v<absl::string_view, std::string_view>);

TEST(ThirdParty, Abseil) {
  const absl::Status status = absl::NotFoundError(absl::StrCat("bundle ", 7));
  EXPECT_EQ(status.ToString(), "NOT_FOUND: bundle 7");
}

TEST(ThirdParty, Re2) {
  const re2::RE2 pattern("([a-z]+)@(\\d+)");
  const std::string_view text = "stable@15";
  std::string name;
  int version = 0;
  ASSERT_TRUE(re2::RE2::FullMatch(text, pattern, &name, &version));
  EXPECT_EQ(name, "stable");
  EXPECT_EQ(version, 15);
}

TEST(ThirdParty, NlohmannJson) {
  EXPECT_EQ(nlohmann::json::parse(R"({"a": [1, 2]})").at("a").at(1), 2);
}

TEST(ThirdParty, Valijson) {
  const auto description = nlohmann::json::parse(R"({"type": "object", "required": ["name"]})");
  valijson::Schema schema;
  valijson::SchemaParser().populateSchema(valijson::adapters::NlohmannJsonAdapter(description),
                                          schema);
  const auto good = nlohmann::json::parse(R"({"name": "x"})");
  const auto bad = nlohmann::json::parse("{}");
  valijson::Validator validator;
  EXPECT_TRUE(validator.validate(schema, valijson::adapters::NlohmannJsonAdapter(good), nullptr));
  EXPECT_FALSE(validator.validate(schema, valijson::adapters::NlohmannJsonAdapter(bad), nullptr));
}

TEST(ThirdParty, YamlCpp) {
  const YAML::Node node = YAML::Load("a: [1, two]");
  EXPECT_EQ(node["a"][1].as<std::string>(), "two");
  EXPECT_THROW(YAML::Load("a: [1"), YAML::ParserException);
}

TEST(ThirdParty, Sqlite) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(":memory:", &database), SQLITE_OK);
  sqlite3_stmt* statement = nullptr;
  ASSERT_EQ(sqlite3_prepare_v2(database, "SELECT 6 * 7", -1, &statement, nullptr), SQLITE_OK);
  ASSERT_EQ(sqlite3_step(statement), SQLITE_ROW);
  EXPECT_EQ(sqlite3_column_int(statement, 0), 42);
  sqlite3_finalize(statement);
  sqlite3_close(database);
}

TEST(ThirdParty, LibarchiveWritesAndReadsTarGz) {
  const std::string content = "hello";
  std::array<char, 20480> buffer;
  size_t used = 0;

  archive* writer = archive_write_new();
  archive_write_add_filter_gzip(writer);
  archive_write_set_format_pax_restricted(writer);
  ASSERT_EQ(archive_write_open_memory(writer, buffer.data(), buffer.size(), &used), ARCHIVE_OK);
  archive_entry* entry = archive_entry_new();
  archive_entry_set_pathname(entry, "dir/file");
  archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_entry_set_perm(entry, 0644);
  ASSERT_EQ(archive_write_header(writer, entry), ARCHIVE_OK) << archive_error_string(writer);
  archive_write_data(writer, content.data(), content.size());
  archive_entry_free(entry);
  ASSERT_EQ(archive_write_free(writer), ARCHIVE_OK);
  EXPECT_EQ(std::string_view(buffer.data(), 2), "\x1f\x8b");

  archive* reader = archive_read_new();
  archive_read_support_filter_gzip(reader);
  archive_read_support_format_tar(reader);
  ASSERT_EQ(archive_read_open_memory(reader, buffer.data(), used), ARCHIVE_OK);
  ASSERT_EQ(archive_read_next_header(reader, &entry), ARCHIVE_OK) << archive_error_string(reader);
  EXPECT_STREQ(archive_entry_pathname(entry), "dir/file");
  std::array<char, 16> read;
  const la_ssize_t count = archive_read_data(reader, read.data(), read.size());
  ASSERT_EQ(count, static_cast<la_ssize_t>(content.size()));
  EXPECT_EQ(std::string_view(read.data(), content.size()), content);
  archive_read_free(reader);
}

TEST(ThirdParty, Zlib) { EXPECT_EQ(crc32(0, reinterpret_cast<const Bytef*>("a"), 1), 0xe8b7be43); }

TEST(ThirdParty, CurlHasBoringSslAndOnlyHttp) {
  EXPECT_THAT(curl_version(), HasSubstr("BoringSSL"));
  std::string protocols;
  const curl_version_info_data* info = curl_version_info(CURLVERSION_NOW);
  for (const char* const* protocol = info->protocols; *protocol != nullptr; ++protocol) {
    absl::StrAppend(&protocols, *protocol, " ");
  }
  EXPECT_EQ(protocols, "http https ");
}

TEST(ThirdParty, Sha256) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  ASSERT_EQ(EVP_Digest("abc", 3, digest.data(), &size, EVP_sha256(), nullptr), 1);
  const std::string_view bytes(reinterpret_cast<const char*>(digest.data()), size);
  EXPECT_EQ(absl::BytesToHexString(bytes),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
