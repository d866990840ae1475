#include "lib/oci/challenge.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"

namespace deps {
namespace {

constexpr size_t kMaxChallenges = 16;
constexpr size_t kMaxParams = 32;

class Scanner {
 public:
  explicit Scanner(std::string_view rest) : rest_(rest) {}

  void SkipSpace() { rest_ = absl::StripLeadingAsciiWhitespace(rest_); }
  void SkipSpaceAndCommas() {
    while (!rest_.empty() && (absl::ascii_isspace(rest_[0]) || rest_[0] == ',')) {
      rest_.remove_prefix(1);
    }
  }
  bool Take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool AtEnd() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  void Rewind(std::string_view rest) { rest_ = rest; }

  std::string_view Token() {
    size_t size = 0;
    while (size < rest_.size() && IsTokenByte(rest_[size])) ++size;
    const std::string_view token = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return token;
  }

  // A token, or a quoted string without its quotes.
  std::optional<std::string> Word() {
    if (!Take('"')) {
      // More than RFC 9110 allows: registries leave out the quotes around URLs.
      size_t size = 0;
      while (size < rest_.size() && rest_[size] != ',' && !absl::ascii_isspace(rest_[size])) ++size;
      std::string word(rest_.substr(0, size));
      rest_.remove_prefix(size);
      return word;
    }
    std::string word;
    while (!rest_.empty()) {
      char c = rest_[0];
      rest_.remove_prefix(1);
      if (c == '"') return word;
      if (c == '\\') {
        if (rest_.empty()) break;
        c = rest_[0];
        rest_.remove_prefix(1);
      }
      word.push_back(c);
    }
    return std::nullopt;  // No closing quote.
  }

 private:
  static bool IsTokenByte(char c) {
    return absl::ascii_isalnum(c) ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  }
  std::string_view rest_;
};

// Parameters up to the next challenge. False where the rest is malformed.
bool TakeParams(Scanner& scanner, Challenge* challenge) {
  while (challenge->params.size() < kMaxParams) {
    scanner.SkipSpaceAndCommas();
    const std::string_view before = scanner.rest();
    const std::string_view name = scanner.Token();
    scanner.SkipSpace();
    if (name.empty() || !scanner.Take('=')) {
      scanner.Rewind(before);  // The next challenge's scheme, or the end.
      return true;
    }
    scanner.SkipSpace();
    std::optional<std::string> word = scanner.Word();
    if (!word) return false;
    challenge->params.emplace(absl::AsciiStrToLower(name), *std::move(word));
  }
  return false;
}

}  // namespace

std::vector<Challenge> ParseChallenges(std::string_view header) {
  std::vector<Challenge> challenges;
  Scanner scanner(header);
  while (challenges.size() < kMaxChallenges) {
    scanner.SkipSpaceAndCommas();
    Challenge challenge = {.scheme = absl::AsciiStrToLower(scanner.Token())};
    if (challenge.scheme.empty()) break;
    const bool whole = TakeParams(scanner, &challenge);
    challenges.push_back(std::move(challenge));
    if (!whole) break;
  }
  return challenges;
}

}  // namespace deps
