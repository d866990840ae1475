#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/explain.h"
#include "lib/json/json.h"
#include "lib/json/part.h"
#include "lib/json/scanner.h"

namespace deps {
namespace json {
namespace {

// Objects and arrays mostly have a few members.
constexpr size_t kFirstMembers = 4;

// Makes values, down to a depth.
class Builder {
 public:
  // `base` is where the scanner's text begins in the source.
  Builder(Scanner& scanner, int depth, std::vector<std::string_view>* skipped, size_t base = 0)
      : scanner_(scanner), room_(depth), skipped_(skipped), base_(base) {}

  bool Build(Value* out) {
    out->offset = base_ + scanner_.Offset();
    out->kind = scanner_.Next();
    switch (out->kind) {
      case Kind::kNull:
        return scanner_.Null();
      case Kind::kBoolean:
        return scanner_.Boolean(&out->boolean);
      case Kind::kNumber: {
        std::string_view spelling;
        if (!scanner_.Number(&spelling)) return false;
        out->text.assign(spelling);
        return true;
      }
      case Kind::kString:
        return scanner_.String(&out->text);
      case Kind::kArray:
      case Kind::kObject:
        if (room_ == 0) return scanner_.Skip(&skipped_->emplace_back());
        --room_;
        if (out->kind == Kind::kArray ? !BuildArray(out) : !BuildObject(out)) return false;
        ++room_;
        return true;
    }
    return false;
  }

 private:
  bool BuildArray(Value* out) {
    return scanner_.Array([&] {
      if (out->items.empty()) out->items.reserve(kFirstMembers);
      return Build(&out->items.emplace_back());
    });
  }
  bool BuildObject(Value* out) {
    return scanner_.Object([&](std::string_view key) {
      if (out->members.empty()) out->members.reserve(kFirstMembers);
      return Build(&out->members.emplace_back(std::string(key), Value()).second);
    });
  }

  Scanner& scanner_;
  int room_;
  std::vector<std::string_view>* skipped_;
  const size_t base_;
};

}  // namespace

absl::StatusOr<Value> Parse(const Source& source, const ParseLimits& limits) {
  std::vector<std::string_view> skipped;
  return ParseOutline(source, limits.depth, &skipped, limits);
}

absl::StatusOr<Value> ParseOutline(const Source& source, int depth,
                                   std::vector<std::string_view>* skipped,
                                   const ParseLimits& limits) {
  if (source.text.size() > limits.bytes) {
    return MakeError({.id = DiagnosticId::kInputTooLarge,
                      .message = absl::StrCat("more than ", limits.bytes, " bytes of JSON"),
                      .location = {.file = source.name}});
  }
  Scanner scanner(source.text, limits.depth);
  Builder builder(scanner, depth, skipped);
  Value value;
  if (!builder.Build(&value) || !scanner.AtEnd()) return Explain(source, limits);
  return value;
}

Value WholeOf(const Source& source, const Value& outline) {
  const int depth = ParseLimits().depth;
  std::vector<std::string_view> skipped;
  Scanner scanner(std::string_view(source.text).substr(outline.offset), depth);
  Value value;
  // It was read once, so it can be read again.
  Builder(scanner, depth, &skipped, outline.offset).Build(&value);
  return value;
}

}  // namespace json
}  // namespace deps
