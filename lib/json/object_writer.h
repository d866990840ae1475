// Large documents, written a part at a time.
#ifndef DEPS_LIB_JSON_OBJECT_WRITER_H_
#define DEPS_LIB_JSON_OBJECT_WRITER_H_

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "lib/json/json.h"

namespace deps {
namespace json {

// Writes one object: the same text as Format of the whole value, without ever
// having the whole value. Keys must differ.
class ObjectWriter {
 public:
  explicit ObjectWriter(Style style) : style_(style) {}

  void Member(std::string_view key, const Value& value);
  // An array of `count` items, each made when it is written.
  void List(std::string_view key, size_t count, const std::function<Value(size_t)>& item);

  // The text; the writer is done.
  std::string Finish();

 private:
  void Key(std::string_view key);
  void NewLine(size_t depth);

  const Style style_;
  bool is_empty_ = true;
  std::string out_ = "{";
};

}  // namespace json
}  // namespace deps

#endif  // DEPS_LIB_JSON_OBJECT_WRITER_H_
