#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "lib/digest/sha256.h"
#include "lib/engine/argo/render.h"

namespace deps {
namespace {

constexpr size_t kLongest = 120;
// A name begins with a letter or digit: this one, where an escape would.
constexpr char kFirst = 'X';

std::string Hashed(const std::string& id) {
  return absl::StrCat("t-", Sha256Digest(id).substr(7, 40));
}

bool IsPlain(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }

}  // namespace

std::string ArgoName(const std::string& id) {
  std::string name;
  for (size_t i = 0; i < id.size(); ++i) {
    const char c = id[i];
    // A hyphen before "X" would look like an escape.
    const bool hyphen = c == '-' && i > 0 && IsPlain(id[i - 1]) && i + 1 < id.size() &&
                        IsPlain(id[i + 1]) && id[i + 1] != 'X';
    if ((IsPlain(c) && !(i == 0 && c == kFirst)) || hyphen) {
      name += c;
    } else if (c == '/' && i > 0) {
      name += "--";
    } else {
      if (i == 0) name += kFirst;
      absl::StrAppend(&name, "-X", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  return name.size() <= kLongest ? name : Hashed(id);
}

std::string ArgoTemplateName(const std::string& id) {
  std::string name = ArgoName(id);
  return name == absl::AsciiStrToLower(name) ? name : Hashed(id);
}

std::string IdOfArgoName(const std::string& name) {
  std::string id;
  std::string_view rest = name;
  if (!rest.empty() && rest[0] == kFirst) rest.remove_prefix(1);
  while (!rest.empty()) {
    if (rest.substr(0, 2) == "--") {
      id += '/';
      rest.remove_prefix(2);
    } else if (rest.substr(0, 2) == "-X") {
      uint32_t byte = 0;
      if (!absl::SimpleHexAtoi(rest.substr(2, 2), &byte) || rest.size() < 4) return "";
      id += static_cast<char>(byte);
      rest.remove_prefix(4);
    } else {
      id += rest[0];
      rest.remove_prefix(1);
    }
  }
  return ArgoName(id) == name ? id : "";
}

}  // namespace deps
