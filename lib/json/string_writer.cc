#include "lib/json/string_writer.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "lib/json/characters.h"
#include "lib/text/utf8.h"

namespace deps {
namespace json {
namespace {

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
  if (escapes == Escapes::kFewest && IsPlain(text)) {
    out->append(text);
    text = {};
  }
  while (!text.empty()) {
    // Go escapes some plain characters too.
    const size_t plain =
        escapes == Escapes::kGo
            ? 0
            : static_cast<size_t>(PlainEnd(text.data(), text.data() + text.size()) - text.data());
    out->append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const size_t length = Utf8Length(text);
    const std::string_view character = text.substr(0, length);
    if (length == 0) {
      // As Go does it: an escape; elsewhere the character itself.
      out->append(escapes == Escapes::kGo ? "\\ufffd" : "\xEF\xBF\xBD");
    } else if (length == 1) {
      AppendAscii(text[0], escapes, out);
    } else if (escapes == Escapes::kGo && character == "\xE2\x80\xA8") {
      out->append("\\u2028");
    } else if (escapes == Escapes::kGo && character == "\xE2\x80\xA9") {
      out->append("\\u2029");
    } else {
      out->append(character);
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  out->push_back('"');
}

}  // namespace json
}  // namespace deps
