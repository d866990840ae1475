#include "lib/oci/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"
#include "lib/oci/challenge.h"

namespace deps {
namespace {

using ::testing::HasSubstr;

TEST(ParseCredentialFileTest, ReadsWhatDockerAndPodmanWrite) {
  const auto file = ParseCredentialFile(
      {.name = "config.json",
       .text = R"({"auths":{"https://index.docker.io/v1/":{"auth":"YWRhOnNlY3JldA=="},)"
               R"("quay.io/org":{"auth":"YWRhOmE6Yg=="},"ghcr.io":{},)"
               R"("acr.example":{"auth":"MDowAA==","identitytoken":"t"}},)"
               R"("credsStore":"desktop","credHelpers":{"gcr.io":"gcloud"},"psFormat":"x"})"});
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(*file,
            (CredentialFile{.name = "config.json",
                            .auths = {{"docker.io", {.username = "ada", .password = "secret"}},
                                      {"quay.io/org", {.username = "ada", .password = "a:b"}},
                                      {"acr.example",
                                       {.username = "0", .password = "0", .identity_token = "t"}}},
                            .helpers = {{"gcr.io", "gcloud"}},
                            .store = "desktop"}));
}

TEST(ParseCredentialFileTest, RefusesWhatIsNone) {
  for (const auto& [text, id] : std::vector<std::pair<std::string, DiagnosticId>>{
           {"", DiagnosticId::kJsonSyntax},
           {"[]", DiagnosticId::kDocumentType},
           {R"({"auths":[]})", DiagnosticId::kDocumentType},
           {R"({"auths":{"a":{"auth":"!"}}})", DiagnosticId::kDocumentValue},
           {R"({"auths":{"a":{"auth":"YWRh"}}})", DiagnosticId::kDocumentValue}}) {
    const absl::Status status = ParseCredentialFile({.text = text}).status();
    EXPECT_TRUE(HasId(status, id)) << text << ": " << status;
  }
}

class CredentialsTest : public testing::Test {
 protected:
  std::string Write(std::string_view name, std::string_view text, int mode = 0600) {
    const std::string path = absl::StrCat(folder_->path(), "/", name);
    EXPECT_TRUE(WriteFile(path, text, mode).ok());
    return path;
  }
  void MakeFolder(std::string_view name) {
    mkdir(absl::StrCat(folder_->path(), "/", name).c_str(), 0700);
  }
  // A credential helper that runs `script`.
  void WriteHelper(std::string_view name, std::string_view script) {
    Write(absl::StrCat("docker-credential-", name), absl::StrCat("#!/bin/sh\n", script, "\n"),
          0700);
  }
  std::unique_ptr<Credentials> Load(const std::string& config = "") {
    auto credentials = Credentials::Load(config, [this](std::string_view name) {
      const auto found = environment_.find(std::string(name));
      return found == environment_.end() ? std::nullopt : std::optional(found->second);
    });
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    return credentials.ok() ? *std::move(credentials) : nullptr;
  }
  static std::string UserOf(Credentials& credentials, std::string_view host,
                            std::string_view path = "x") {
    const absl::StatusOr<std::optional<Credential>> found = credentials.Find(host, path);
    if (!found.ok()) return std::string(found.status().message());
    return found->has_value() ? (*found)->username : "none";
  }

  absl::StatusOr<TemporaryFolder> folder_ = TemporaryFolder::Create("credentials");
  std::map<std::string, std::string> environment_ = {
      {"PATH", absl::StrCat(folder_->path(), ":/bin:/usr/bin")}};
};

constexpr char kPodman[] =
    R"({"auths":{"quay.io":{"auth":"aG9zdDp4"},"quay.io/org":{"auth":"b3JnOng="},)"
    R"("quay.io/org/app":{"auth":"YXBwOng="}}})";

TEST_F(CredentialsTest, PrefersTheLongestPrefix) {
  const auto credentials = Load(Write("auth.json", kPodman));
  EXPECT_EQ(UserOf(*credentials, "quay.io", "org/app"), "app");
  EXPECT_EQ(UserOf(*credentials, "quay.io", "org/apple"), "org");
  EXPECT_EQ(UserOf(*credentials, "quay.io", "other/app"), "host");
  EXPECT_EQ(UserOf(*credentials, "example.com", "org/app"), "none");
}

TEST_F(CredentialsTest, LooksWhereDockerAndPodmanKeepThem) {
  MakeFolder(".docker");
  MakeFolder("run");
  MakeFolder("run/containers");
  Write(".docker/config.json", R"({"auths":{"a.example":{"auth":"ZG9ja2VyOng="}}})");
  Write("run/containers/auth.json",
        R"({"auths":{"a.example":{"auth":"cG9kbWFuOng="},"b.example":{"auth":"cG9kbWFuOng="}}})");
  environment_["HOME"] = folder_->path();
  environment_["XDG_RUNTIME_DIR"] = absl::StrCat(folder_->path(), "/run");
  const auto credentials = Load();
  EXPECT_EQ(UserOf(*credentials, "a.example"), "docker");
  EXPECT_EQ(UserOf(*credentials, "b.example"), "podman");
  EXPECT_EQ(credentials->trouble(), "");
}

TEST_F(CredentialsTest, TellsOfABrokenFileOfTheUsersOwnOnlyLater) {
  Write("config.json", "{");
  environment_["DOCKER_CONFIG"] = folder_->path();
  EXPECT_THAT(Load()->trouble(), HasSubstr("/config.json is not read: "));
}

TEST_F(CredentialsTest, GoesOnWithoutAStoreThatIsNotThere) {
  const auto credentials = Load(
      Write("c.json", R"({"credsStore":"desktop","auths":{"a.example":{"auth":"YWRhOng="}}})"));
  EXPECT_EQ(UserOf(*credentials, "a.example"), "ada");
  EXPECT_EQ(UserOf(*credentials, "b.example"), "none");
  EXPECT_THAT(credentials->trouble(), HasSubstr("the store desktop, which is not on PATH"));
}

TEST_F(CredentialsTest, ReturnsTheErrorOfAFileThatWasNamed) {
  const auto nothing = [](std::string_view) { return std::optional<std::string>(); };
  EXPECT_TRUE(
      HasId(Credentials::Load("/nonexistent", nothing).status(), DiagnosticId::kFileNotFound));
  EXPECT_TRUE(HasId(Credentials::Load(Write("bad.json", "{"), nothing).status(),
                    DiagnosticId::kJsonSyntax));
}

TEST_F(CredentialsTest, AsksTheHelperOfAHostOnce) {
  const std::string count = absl::StrCat(folder_->path(), "/count");
  WriteHelper("mine", absl::StrCat("echo x >>", count,
                                   "; read server; [ \"$1\" = get ] && echo "
                                   "\"{\\\"ServerURL\\\":\\\"$server\\\",\\\"Username\\\":"
                                   "\\\"$server\\\",\\\"Secret\\\":\\\"s\\\"}\""));
  const auto credentials =
      Load(Write("c.json", R"({"credHelpers":{"a.example":"mine"},"credsStore":"mine"})"));
  EXPECT_EQ(UserOf(*credentials, "a.example"), "a.example");
  EXPECT_EQ(UserOf(*credentials, "a.example", "y"), "a.example");
  EXPECT_EQ(UserOf(*credentials, "docker.io"), "https://index.docker.io/v1/");
  const auto asked = ReadFile(count);
  ASSERT_TRUE(asked.ok());
  EXPECT_EQ(asked->text, "x\nx\n");
}

struct HelperRow {
  std::string name;
  std::string script;
  std::string answer;  // The user, "none", or part of the error.
};

TEST_F(CredentialsTest, BelievesNoHelperTooMuch) {
  for (const HelperRow& row : std::vector<HelperRow>{
           {"unknown", "echo 'credentials not found in native keychain'; exit 1", "none"},
           {"token", R"(echo '{"Username":"<token>","Secret":"refresh"}')", ""},
           {"fails", "echo locked; exit 3", "docker-credential-fails fails: locked"},
           {"garbage", "echo hello", "answers with what is not JSON"},
           {"partial", R"(echo '{"Username":"x"}')", "answers without Username and Secret"},
           {"endless", "yes", "with too much"},
           {"lingering", R"(echo '{"Username":"ada","Secret":"s"}'; exec >&-; sleep 600)",
            "has answered and does not end"},
           {"deaf", R"(exec <&-; echo '{"Username":"ada","Secret":"s"}')", "ada"}}) {
    WriteHelper(row.name, row.script);
    const auto credentials =
        Load(Write("c.json", absl::StrCat(R"({"credHelpers":{"a.example":")", row.name, R"("}})")));
    EXPECT_THAT(UserOf(*credentials, "a.example"), HasSubstr(row.answer)) << row.name;
  }
}

TEST_F(CredentialsTest, RunsNothingButAHelper) {
  for (const auto& [name, says] :
       std::vector<std::pair<std::string, std::string>>{{"../x", "not allowed"},
                                                        {"a;b", "not allowed"},
                                                        {"", "not allowed"},
                                                        {"absent", "is not on PATH"}}) {
    const absl::Status status =
        AskCredentialHelper(name, "a.example", environment_["PATH"]).status();
    EXPECT_TRUE(HasId(status, DiagnosticId::kRegistryAuth)) << name;
    EXPECT_THAT(status.message(), HasSubstr(says)) << name;
  }
}

struct ChallengeRow {
  std::string header;
  std::vector<Challenge> challenges;
};

TEST(ParseChallengesTest, ReadsListsOfChallenges) {
  for (const ChallengeRow& row : std::vector<ChallengeRow>{
           {"", {}},
           {"Basic realm=\"x\"", {{"basic", {{"realm", "x"}}}}},
           {"Negotiate, Basic realm=\"a, b\"", {{"negotiate", {}}, {"basic", {{"realm", "a, b"}}}}},
           {"Bearer realm=\"https://r/t\",service=\"s\" , Scope=\"repository:a:pull,push\"",
            {{"bearer",
              {{"realm", "https://r/t"}, {"scope", "repository:a:pull,push"}, {"service", "s"}}}}},
           {"Bearer realm=https://r/t,service=s",
            {{"bearer", {{"realm", "https://r/t"}, {"service", "s"}}}}},
           {R"(Basic realm="a\"b")", {{"basic", {{"realm", "a\"b"}}}}},
           {"Basic realm=\"open", {{"basic", {}}}},
           {"Basic realm=\"a\", realm=\"b\"", {{"basic", {{"realm", "a"}}}}},
           {"=;\"", {}}}) {
    EXPECT_EQ(ParseChallenges(row.header), row.challenges) << row.header;
  }
}

}  // namespace
}  // namespace deps
