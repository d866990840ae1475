#include "lib/json/decimal.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace deps {
namespace json {
namespace {

constexpr int64_t kMaxInteger = (int64_t{1} << 53) - 1;

// A number as (-1)^negative x digits x 10^exponent.
struct Decimal {
  bool negative = false;
  std::string digits;  // Without zeros at either end; "" is zero.
  int64_t exponent = 0;
};

// An exponent that fits no int64_t is as good as one of this size.
int64_t ExponentOf(std::string_view text) {
  constexpr int64_t kHuge = 1'000'000'000'000;
  if (text.front() == '+') text.remove_prefix(1);
  int64_t exponent = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), exponent).ec != std::errc()) {
    return text.front() == '-' ? -kHuge : kHuge;
  }
  return exponent > kHuge ? kHuge : exponent < -kHuge ? -kHuge : exponent;
}

Decimal DecimalOf(std::string_view spelling) {
  Decimal decimal;
  decimal.negative = spelling.front() == '-';
  if (decimal.negative) spelling.remove_prefix(1);
  if (const size_t e = spelling.find_first_of("eE"); e != std::string_view::npos) {
    decimal.exponent = ExponentOf(spelling.substr(e + 1));
    spelling = spelling.substr(0, e);
  }
  const size_t point = spelling.find('.');
  decimal.digits = std::string(spelling.substr(0, point));
  if (point != std::string_view::npos) {
    decimal.digits.append(spelling.substr(point + 1));
    decimal.exponent -= static_cast<int64_t>(spelling.size() - point - 1);
  }
  const size_t last = decimal.digits.find_last_not_of('0');
  decimal.exponent += static_cast<int64_t>(decimal.digits.size() - (last + 1));
  decimal.digits.resize(last + 1);  // npos + 1 is 0.
  decimal.digits.erase(0, decimal.digits.find_first_not_of('0'));
  return decimal;
}

// Most numbers are: a double holds them, and they are written as they are.
bool IsShortInteger(std::string_view spelling) {
  return spelling.size() <= 15 && (spelling[0] != '0' || spelling.size() == 1) &&
         std::all_of(spelling.begin(), spelling.end(), absl::ascii_isdigit);
}

// Lays `digits`, which read 0.DIGITS x 10^point, out as ECMA-262's
// Number::toString does.
std::string LayOut(std::string_view digits, int point) {
  const int size = static_cast<int>(digits.size());
  if (size <= point && point <= 21) {
    return absl::StrCat(digits, std::string(point - size, '0'));
  }
  if (0 < point && point <= 21) {
    return absl::StrCat(digits.substr(0, point), ".", digits.substr(point));
  }
  if (-6 < point && point <= 0) return absl::StrCat("0.", std::string(-point, '0'), digits);
  const int exponent = point - 1;
  return absl::StrCat(digits.substr(0, 1), size > 1 ? "." : "", digits.substr(1), "e",
                      exponent < 0 ? "" : "+", exponent);
}

}  // namespace

std::optional<int64_t> IntegerOf(std::string_view spelling) {
  const Decimal decimal = DecimalOf(spelling);
  if (decimal.digits.empty()) return 0;
  if (decimal.exponent < 0 || decimal.exponent > 16) return std::nullopt;
  const std::string digits = absl::StrCat(decimal.digits, std::string(decimal.exponent, '0'));
  int64_t number = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (result.ec != std::errc() || number > kMaxInteger) return std::nullopt;
  return decimal.negative ? -number : number;
}

std::string EcmaScriptNumber(std::string_view spelling) {
  if (IsShortInteger(spelling)) return std::string(spelling);
  double number = 0;
  std::from_chars(spelling.data(), spelling.data() + spelling.size(), number);
  if (number == 0) return "0";
  char buffer[64];
  const auto result =
      std::to_chars(buffer, buffer + sizeof(buffer), number, std::chars_format::scientific);
  const std::string_view shortest(buffer, static_cast<size_t>(result.ptr - buffer));
  const Decimal decimal = DecimalOf(shortest);
  const int point = static_cast<int>(decimal.exponent) + static_cast<int>(decimal.digits.size());
  return absl::StrCat(decimal.negative ? "-" : "", LayOut(decimal.digits, point));
}

}  // namespace json
}  // namespace deps
