#include "lib/draw/measure.h"

#include <vector>

#include "absl/strings/str_cat.h"

namespace deps {
namespace {

bool Continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// In parts of the font's size.
double LetterWidth(unsigned char c) {
  if (c >= 0xE1) return 1.0;  // From U+1000 on: ideographs and pictures.
  if (c >= 0x80) return 0.65;
  constexpr std::string_view kNarrow = "ijl.,:;'|!I` ";
  constexpr std::string_view kSlim = "ft()[]{}/\\r-\"*";
  constexpr std::string_view kWide = "mwMW@%";
  if (kNarrow.find(c) != std::string_view::npos) return 0.3;
  if (kSlim.find(c) != std::string_view::npos) return 0.4;
  if (kWide.find(c) != std::string_view::npos) return 0.88;
  return c >= 'A' && c <= 'Z' ? 0.7 : 0.58;
}

}  // namespace

double TextWidth(std::string_view text, double size) {
  double width = 0;
  for (const char c : text) {
    if (!Continues(c)) width += LetterWidth(static_cast<unsigned char>(c));
  }
  return width * size;
}

std::string Shortened(std::string_view text, size_t limit) {
  std::vector<size_t> starts;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!Continues(text[i])) starts.push_back(i);
  }
  if (starts.size() <= limit) return std::string(text);
  const size_t tail = limit / 3;
  const size_t head = limit - 1 - tail;
  return absl::StrCat(text.substr(0, starts[head]), "…", text.substr(starts[starts.size() - tail]));
}

}  // namespace deps
