#include "lib/draw/markup.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace deps {

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += absl::ascii_iscntrl(static_cast<unsigned char>(c)) && c != '\n' ? '?' : c;
    }
  }
  return escaped;
}

std::string Pixels(double length) {
  const long long hundredths = std::llround(length * 100);
  const long long whole = hundredths / 100;
  const long long rest = std::llabs(hundredths % 100);
  std::string text = whole == 0 && hundredths < 0 ? "-0" : absl::StrCat(whole);
  if (rest == 0) return hundredths == 0 ? "0" : text;
  absl::StrAppend(&text, ".", rest < 10 ? "0" : "", rest % 10 == 0 ? rest / 10 : rest);
  return text;
}

}  // namespace deps
