#include "lib/secrets/reference.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "lib/base/steady_clock.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

absl::Status Malformed(std::string_view reference, std::string_view why) {
  return MakeError({.id = DiagnosticId::kSecretReference,
                    .message = absl::StrCat("reference to a secret '", reference, "': ", why),
                    .hint = "references are PROVIDER:LOCATOR, for example env:TOKEN"});
}

// Whether all behind the colon is one thing.
bool TakesAll(std::string_view provider) {
  return provider == "env" || provider == "file" || provider == "command" || provider == "fd";
}

// Splits "LOCATOR#FIELD?version=N".
absl::Status SplitLocator(std::string_view text, SecretReference* reference) {
  std::string& locator = reference->locator;
  if (const size_t at = locator.rfind("?version="); at != std::string::npos) {
    if (!absl::SimpleAtoi(locator.substr(at + 9), &reference->version) || reference->version < 1) {
      return Malformed(text, "a version is a number from 1 on");
    }
    locator.resize(at);
  }
  if (const size_t at = locator.find('#'); at != std::string::npos) {
    reference->field = locator.substr(at + 1);
    locator.resize(at);
    if (reference->field.empty()) return Malformed(text, "there is no field behind '#'");
  }
  if (locator.find('?') != std::string::npos) return Malformed(text, "'?' goes with version alone");
  return absl::OkStatus();
}

}  // namespace

bool Patience::IsOver() const {
  return SteadyNow() >= deadline || (stop != nullptr && stop->load() != 0);
}

absl::Status SecretUnavailable(std::string_view reference, std::string_view why) {
  return MakeError({.id = DiagnosticId::kSecretUnavailable,
                    .message = absl::StrCat("secret '", reference, "': ", why)});
}

absl::StatusOr<SecretReference> ParseSecretReference(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) {
    return Malformed(text, "there is no provider");
  }
  SecretReference reference = {.provider = std::string(text.substr(0, colon)),
                               .locator = std::string(text.substr(colon + 1))};
  for (const char c : reference.provider) {
    if (!absl::ascii_islower(c) && !absl::ascii_isdigit(c) && c != '-') {
      return Malformed(text, "a provider's name has a-z, 0-9 and - only");
    }
  }
  if (text.find('\0') != std::string_view::npos) return Malformed(text, "a NUL byte");
  if (!TakesAll(reference.provider)) {
    if (const absl::Status status = SplitLocator(text, &reference); !status.ok()) return status;
  }
  if (reference.locator.empty()) return Malformed(text, "there is no locator");
  if (reference.provider == "env" && reference.locator.find_first_of("=#?") != std::string::npos) {
    return Malformed(text, "not the name of an environment variable");
  }
  int fd = -1;
  if (reference.provider == "fd" && (!absl::SimpleAtoi(reference.locator, &fd) || fd < 3)) {
    return Malformed(text, "a descriptor is a number from 3 on");
  }
  return reference;
}

absl::StatusOr<std::vector<std::string>> SplitWords(std::string_view text) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == 0 && absl::ascii_isspace(c)) {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      words.back() += text[++i];
    } else if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else {
      words.back() += c;
    }
  }
  if (quote != 0) return Malformed(absl::StrCat("command:", text), "a quote is not closed");
  if (words.empty()) return Malformed(absl::StrCat("command:", text), "there is no command");
  return words;
}

}  // namespace deps
