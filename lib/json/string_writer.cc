#include "lib/json/string_writer.h"

#include <cstddef>

#include "absl/strings/str_cat.h"

namespace deps {
namespace json {
namespace {

bool IsContinuation(std::string_view text, size_t i, unsigned char low, unsigned char high) {
  if (i >= text.size()) return false;
  const auto byte = static_cast<unsigned char>(text[i]);
  return byte >= low && byte <= high;
}

// The length of the character at `i`, or 0 where it is not UTF-8 (Unicode 15,
// table 3-7).
size_t Utf8Length(std::string_view text, size_t i) {
  const auto lead = static_cast<unsigned char>(text[i]);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (!IsContinuation(text, i + 1, low, high)) return 0;
  if (lead < 0xE0) return 2;
  if (!IsContinuation(text, i + 2, 0x80, 0xBF)) return 0;
  if (lead < 0xF0) return 3;
  return IsContinuation(text, i + 3, 0x80, 0xBF) ? 4 : 0;
}

void AppendHexEscape(unsigned char byte, std::string* out) {
  absl::StrAppend(out, "\\u", absl::Hex(byte, absl::kZeroPad4));
}

void AppendAscii(char c, Escapes escapes, std::string* out) {
  switch (c) {
    case '"':
    case '\\':
      out->push_back('\\');
      out->push_back(c);
      return;
    case '\b':
      out->append("\\b");
      return;
    case '\f':
      out->append("\\f");
      return;
    case '\n':
      out->append("\\n");
      return;
    case '\r':
      out->append("\\r");
      return;
    case '\t':
      out->append("\\t");
      return;
    case '<':
    case '>':
    case '&':
      if (escapes == Escapes::kGo) return AppendHexEscape(static_cast<unsigned char>(c), out);
      break;
    default:
      if (static_cast<unsigned char>(c) < 0x20) {
        return AppendHexEscape(static_cast<unsigned char>(c), out);
      }
  }
  out->push_back(c);
}

}  // namespace

void AppendString(std::string_view text, Escapes escapes, std::string* out) {
  out->push_back('"');
  for (size_t i = 0; i < text.size();) {
    const size_t length = Utf8Length(text, i);
    const std::string_view character = text.substr(i, length);
    if (length == 0) {
      // As Go does it: an escape; elsewhere the character itself.
      out->append(escapes == Escapes::kGo ? "\\ufffd" : "\xEF\xBF\xBD");
      ++i;
      continue;
    }
    if (length == 1) {
      AppendAscii(text[i], escapes, out);
    } else if (escapes == Escapes::kGo && character == "\xE2\x80\xA8") {
      out->append("\\u2028");
    } else if (escapes == Escapes::kGo && character == "\xE2\x80\xA9") {
      out->append("\\u2029");
    } else {
      out->append(character);
    }
    i += length;
  }
  out->push_back('"');
}

}  // namespace json
}  // namespace deps
