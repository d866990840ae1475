// Documents, written a value at a time.
#ifndef DEPS_LIB_JSON_TEXT_WRITER_H_
#define DEPS_LIB_JSON_TEXT_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/json/json.h"

namespace deps {
namespace json {

// Writes one value: the same text as Format or Canonical of it, without ever
// having it as a Value.
//
//   TextWriter writer(TextWriter::Form::kCanonical);
//   writer.BeginObject();
//   writer.Key("id");
//   writer.String("root");
//   writer.EndObject();
//
// In the canonical form members may come in any order; those that come sorted
// are written once.
class TextWriter {
 public:
  enum class Form { kPretty, kCompact, kCanonical };

  explicit TextWriter(Form form) : form_(form) {}
  explicit TextWriter(Style style)
      : TextWriter(style == Style::kPretty ? Form::kPretty : Form::kCompact) {}

  void BeginObject() { Begin('{'); }
  // Comes before each value of an object. Keys of one object must differ, and
  // outlive it.
  void Key(std::string_view key);
  void EndObject();
  void BeginArray() { Begin('['); }
  void EndArray() { End(']'); }

  void String(std::string_view text);
  void Strings(const std::vector<std::string>& items);
  void Integer(int64_t number);
  void Boolean(bool boolean);
  void Json(const JsonText& json);
  void Write(const Value& value);

  // What is written so far. Without a newline at the end.
  const std::string& text() const { return out_; }
  // Forgets the text, not where in the value the writer is: what follows goes on.
  // In the canonical form only where no object is open.
  void Clear();
  // The text as Format has it; the writer is done.
  std::string Finish();

 private:
  // A member of an object that is open.
  struct OpenMember {
    std::string_view key;
    size_t begin = 0;  // In the text.
    size_t size = 0;   // Known when the object is closed.
  };
  struct OpenObject {
    size_t first = 0;  // In members_.
    bool is_sorted = true;
  };

  void BeforeValue();
  void NewLine();
  void Begin(char bracket);
  void End(char bracket);
  void SortMembers(size_t first);

  const Form form_;
  size_t depth_ = 0;
  bool is_first_ = true;
  bool has_key_ = false;
  std::string out_;
  std::string sorted_;
  // Of the canonical form.
  std::vector<OpenObject> objects_;
  std::vector<OpenMember> members_;
};

}  // namespace json
}  // namespace deps

#endif  // DEPS_LIB_JSON_TEXT_WRITER_H_
