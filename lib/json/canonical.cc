#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "lib/json/decimal.h"
#include "lib/json/json.h"
#include "lib/json/member_order.h"
#include "lib/json/string_writer.h"

namespace deps {
namespace json {
namespace {

// UTF-8 sorts as UTF-16 does, but for U+E000 to U+FFFF, which UTF-16 puts after
// the characters beyond U+FFFF (they begin with a surrogate, D800 to DBFF).
int Rank(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == 0xEE || byte == 0xEF ? byte + 0x10 : byte;
}

}  // namespace

bool LessInUtf16(std::string_view a, std::string_view b) {
  const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (x == a.end() || y == b.end()) return a.size() < b.size();
  return Rank(*x) < Rank(*y);
}

namespace {

void AppendCanonical(const Value& value, std::string* out);

void AppendObject(const Value& value, std::string* out) {
  std::vector<const Member*> members;
  members.reserve(value.members.size());
  for (const Member& member : value.members) members.push_back(&member);
  std::sort(members.begin(), members.end(),
            [](const Member* a, const Member* b) { return LessInUtf16(a->first, b->first); });
  char separator = '{';
  for (const Member* member : members) {
    out->push_back(separator);
    separator = ',';
    AppendString(member->first, Escapes::kFewest, out);
    out->push_back(':');
    AppendCanonical(member->second, out);
  }
  out->append(members.empty() ? "{}" : "}");
}

void AppendArray(const Value& value, std::string* out) {
  char separator = '[';
  for (const Value& item : value.items) {
    out->push_back(separator);
    separator = ',';
    AppendCanonical(item, out);
  }
  out->append(value.items.empty() ? "[]" : "]");
}

void AppendCanonical(const Value& value, std::string* out) {
  switch (value.kind) {
    case Kind::kNull:
      out->append("null");
      return;
    case Kind::kBoolean:
      out->append(value.boolean ? "true" : "false");
      return;
    case Kind::kNumber:
      out->append(EcmaScriptNumber(value.text));
      return;
    case Kind::kString:
      return AppendString(value.text, Escapes::kFewest, out);
    case Kind::kArray:
      return AppendArray(value, out);
    case Kind::kObject:
      return AppendObject(value, out);
  }
}

}  // namespace

std::string Canonical(const Value& value) {
  std::string out;
  AppendCanonical(value, &out);
  return out;
}

JsonText ToText(const Value& value) { return {.text = Canonical(value)}; }

}  // namespace json
}  // namespace deps
