#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/secrets/provider.h"
#include "lib/secrets/redactor.h"
#include "lib/secrets/seal.h"
#include "lib/secrets/secret_buffer.h"

namespace deps {
namespace {

std::optional<std::string> TestEnv(std::string_view name) {
  if (name == "TOKEN") return "s3cr3t-value";
  return std::nullopt;
}

std::string NewFile(const std::string& name, std::string_view content) {
  const std::string path = absl::StrCat(testing::TempDir(), "/", name, ".", getpid());
  std::ofstream(path) << content;
  return path;
}

TEST(ResolveSecretTest, ReadsEachProvider) {
  const std::string file = NewFile("secret", "from a file\n");
  const struct {
    std::string reference;
    std::string value;
  } kRows[] = {
      {"env:TOKEN", "s3cr3t-value"},
      {absl::StrCat("file:", file), "from a file\n"},
      {"command:printf '%s\\n\\n' \"two words\"", "two words\n"},
      {"command:echo $HOME;ls", "$HOME;ls"},
  };
  for (const auto& row : kRows) {
    const absl::StatusOr<SecretBuffer> value = ResolveSecret(row.reference, TestEnv);
    ASSERT_TRUE(value.ok()) << row.reference << ": " << value.status();
    EXPECT_EQ(value->view(), row.value) << row.reference;
  }
}

TEST(ResolveSecretTest, NamesTheReferenceAndNoValueInErrors) {
  const struct {
    std::string reference;
    DiagnosticId id;
  } kRows[] = {
      {"TOKEN", DiagnosticId::kSecretReference},
      {":TOKEN", DiagnosticId::kSecretReference},
      {"env:", DiagnosticId::kSecretReference},
      {"env:A=B", DiagnosticId::kSecretReference},
      {"En v:A", DiagnosticId::kSecretReference},
      {"command:echo 'open", DiagnosticId::kSecretReference},
      {"command: ", DiagnosticId::kSecretReference},
      {"env:ABSENT", DiagnosticId::kSecretUnavailable},
      {"file:/nonexistent/file", DiagnosticId::kSecretUnavailable},
      {"file:/", DiagnosticId::kSecretUnavailable},
      {"command:sh -c 'echo s3cr3t-value; exit 3'", DiagnosticId::kSecretUnavailable},
      {"command:/nonexistent/program", DiagnosticId::kSecretUnavailable},
      {"command:head -c 2000000 /dev/zero", DiagnosticId::kSecretUnavailable},
      {"vault:kv/db", DiagnosticId::kSecretUnavailable},
  };
  for (const auto& row : kRows) {
    const absl::StatusOr<SecretBuffer> value = ResolveSecret(row.reference, TestEnv);
    ASSERT_FALSE(value.ok()) << row.reference;
    EXPECT_TRUE(HasId(value.status(), row.id)) << row.reference << ": " << value.status();
    EXPECT_TRUE(absl::StrContains(DiagnosticsOf(value.status())[0].message, row.reference));
  }
}

TEST(SplitWordsTest, KnowsQuotesAndNoShell) {
  const absl::StatusOr<std::vector<std::string>> words =
      SplitWords(R"(a  'b c' "d \" e" f\ g '' $(h) )");
  ASSERT_TRUE(words.ok());
  EXPECT_EQ(*words, (std::vector<std::string>{"a", "b c", "d \" e", "f g", "", "$(h)"}));
}

TEST(SealKeyTest, OpensOnlyWithTheSameKeyContextAndBytes) {
  const std::string path = absl::StrCat(testing::TempDir(), "/seal.", getpid());
  const absl::StatusOr<SealKey> key = SealKey::ReadOrCreate(path);
  ASSERT_TRUE(key.ok()) << key.status();
  struct stat info = {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  const absl::StatusOr<SealKey> again = SealKey::ReadOrCreate(path);
  ASSERT_TRUE(again.ok());

  const absl::StatusOr<std::string> box = key->Seal("a sentinel value", "w/t#o");
  ASSERT_TRUE(box.ok());
  EXPECT_FALSE(absl::StrContains(*box, "sentinel"));
  EXPECT_NE(*box, *key->Seal("a sentinel value", "w/t#o"));
  const absl::StatusOr<SecretBuffer> value = again->Open(*box, "w/t#o");
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(value->view(), "a sentinel value");
  EXPECT_EQ(again->Open(*key->Seal("", "x"), "x")->view(), "");

  EXPECT_FALSE(key->Open(*box, "w/t#other").ok());
  EXPECT_FALSE(key->Open("", "w/t#o").ok());
  for (size_t i = 0; i < box->size(); ++i) {
    std::string changed = *box;
    changed[i] ^= 1;
    EXPECT_FALSE(key->Open(changed, "w/t#o").ok()) << i;
  }
  const absl::StatusOr<SealKey> other = SealKey::ReadOrCreate(path + ".other");
  EXPECT_FALSE(other->Open(*box, "w/t#o").ok());
}

TEST(SealKeyTest, RefusesAFileThatOthersMayReadOrThatIsNoKey) {
  const std::string open = NewFile("open-key", std::string(32, 'k'));
  chmod(open.c_str(), 0644);
  EXPECT_TRUE(HasId(SealKey::Read(open).status(), DiagnosticId::kSecretUnavailable));
  const std::string shorter = NewFile("short-key", "k");
  chmod(shorter.c_str(), 0600);
  EXPECT_TRUE(HasId(SealKey::Read(shorter).status(), DiagnosticId::kSecretUnavailable));
}

TEST(RedactorTest, GivesTheSameForEveryWayToSplitTheWrites) {
  const struct {
    std::vector<std::string> values;
    std::string text;
    std::string expected;
  } kRows[] = {
      {{"secret"}, "a secret, secretsecret secre", "a [redacted], [redacted][redacted] secre"},
      {{"abc"}, "too short: abc", "too short: abc"},
      {{"line one\nline two\n"}, "x line one y\nline two", "x [redacted] y\n[redacted]"},
      {{"aaaab", "aaab"}, "aaaaab aaab aaa", "a[redacted] [redacted] aaa"},
      {{"secret", "secret-longer"}, "secret-long secret-longer", "[redacted]-long [redacted]"},
      {{}, "nothing to hide", "nothing to hide"},
      {{"sentinel"}, "c2VudGluZWw= eHNlbnRpbmVseQ", "[redacted] eH[redacted]eQ"},
      {{"a b/c\"?"}, "a%20b%2Fc%22%3f a\\ba b/c\\\"?", "a%20b%2Fc%22%3f a\\b[redacted]"},
      {{"a b/c\"?"}, "q=a%20b%2Fc%22%3F&r=a%20b/c%22%3F", "q=[redacted]&r=[redacted]"},
      {{"a b/c\"?"}, "6120622f63223f", "[redacted]"},
  };
  for (const auto& row : kRows) {
    for (size_t first = 0; first <= row.text.size(); ++first) {
      for (size_t second = first; second <= row.text.size(); ++second) {
        Redactor redactor;
        for (const std::string& value : row.values) redactor.Add(value);
        std::string out = redactor.Write(row.text.substr(0, first));
        out += redactor.Write(row.text.substr(first, second - first));
        out += redactor.Write(row.text.substr(second));
        out += redactor.Finish();
        ASSERT_EQ(out, row.expected) << first << " " << second;
      }
    }
  }
}

TEST(SecretBufferTest, MovesCopiesAndShortens) {
  std::string text = "value";
  SecretBuffer a = SecretBuffer::Take(&text);
  EXPECT_EQ(text, "");
  a.Append("-and-more");
  SecretBuffer b = std::move(a);
  EXPECT_EQ(b.view(), "value-and-more");
  const SecretBuffer c = b.Copy();
  b.Truncate(5);
  EXPECT_EQ(b.view(), "value");
  EXPECT_EQ(c.view(), "value-and-more");
}

}  // namespace
}  // namespace deps
