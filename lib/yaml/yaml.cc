#include "lib/yaml/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "lib/diag/diagnostic.h"
#include "lib/text/utf8.h"

namespace deps::yaml {
namespace {

using json::Kind;
using json::Value;

constexpr std::string_view kMergeKey = "<<";

// The grammar of a number in JSON.
bool IsJsonNumber(std::string_view text) {
  size_t i = 0;
  const auto digits = [&] {
    const size_t start = i;
    while (i < text.size() && absl::ascii_isdigit(text[i])) ++i;
    return i > start;
  };
  if (i < text.size() && text[i] == '-') ++i;
  if (i < text.size() && text[i] == '0') {
    ++i;
  } else if (!digits()) {
    return false;
  }
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (!digits()) return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (!digits()) return false;
  }
  return i == text.size();
}

Value ScalarOf(const std::string& tag, const std::string& text) {
  Value value{.kind = Kind::kString, .text = text};
  const bool plain = tag == "?" || tag.empty();
  if (!plain) return value;
  if (text == "true" || text == "false") {
    value.kind = Kind::kBoolean;
    value.boolean = text == "true";
  } else if (text == "null" || text == "~" || text.empty()) {
    value.kind = Kind::kNull;
  } else if (IsJsonNumber(text)) {
    value.kind = Kind::kNumber;
  }
  return value;
}

// YAML may be in UTF-16 and UTF-32, which the parser tells by its first bytes.
bool IsInOtherEncoding(std::string_view text) {
  const std::string_view head = text.substr(0, 2);
  return head == "\xff\xfe" || head == "\xfe\xff" || head.find('\0') != std::string_view::npos;
}

size_t CountNodes(const Value& value) {
  size_t count = 1;
  for (const Value& item : value.items) count += CountNodes(item);
  for (const auto& [key, member] : value.members) count += CountNodes(member);
  return count;
}

// Builds a value from the events of one document. After the first error the
// rest of the document passes by.
class Builder : public YAML::EventHandler {
 public:
  Builder(const Source& source, const ParseLimits& limits) : source_(source), limits_(limits) {}

  absl::Status status() const { return status_; }
  bool has_document() const { return has_document_; }
  Value TakeRoot() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override { has_document_ = true; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Value value;
    value.offset = OffsetOf(mark);
    Finish(std::move(value), anchor, mark);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    Value value = ScalarOf(tag, text);
    value.offset = OffsetOf(mark);
    Finish(std::move(value), anchor, mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(Kind::kArray, mark, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(Kind::kObject, mark, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapEnd() override { Close(); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (!status_.ok()) return;
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      return Fail(DiagnosticId::kYamlSyntax, "an alias within what it stands for", mark);
    }
    const Anchored& anchored = found->second;
    if (frames_.size() + anchored.depth > static_cast<size_t>(limits_.depth))
      return FailDepth(mark);
    if (!Count(anchored.nodes, mark)) return;
    Attach(anchored.value, mark);
  }

 private:
  struct Frame {
    Value value;
    YAML::anchor_t anchor = 0;
    YAML::Mark mark;
    size_t deepest = 1;              // Levels from here on down.
    std::optional<std::string> key;  // Read, and its value is not.
    absl::flat_hash_set<std::string> keys;
  };
  struct Anchored {
    Value value;
    size_t nodes = 0;
    size_t depth = 0;
  };

  size_t OffsetOf(const YAML::Mark& mark) const {
    return std::min(source_.text.size(), static_cast<size_t>(std::max(mark.pos, 0)));
  }

  void Fail(DiagnosticId id, std::string message, const YAML::Mark& mark) {
    if (!status_.ok()) return;
    std::string pointer;
    for (const Frame& frame : frames_) {
      if (frame.value.kind == Kind::kArray) {
        pointer += json::PointerStep(frame.value.items.size());
      } else if (frame.key) {
        pointer += json::PointerStep(*frame.key);
      }
    }
    status_ = MakeError(
        {.id = id, .message = std::move(message), .location = source_.At(OffsetOf(mark), pointer)});
  }

  void FailDepth(const YAML::Mark& mark) {
    Fail(DiagnosticId::kJsonDepth, absl::StrCat("nested more than ", limits_.depth, " deep"), mark);
  }

  bool Count(size_t nodes, const YAML::Mark& mark) {
    nodes_ += nodes;
    if (nodes_ <= limits_.nodes) return true;
    Fail(DiagnosticId::kYamlSyntax, absl::StrCat("more than ", limits_.nodes, " values"), mark);
    return false;
  }

  void Open(Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (!status_.ok()) return;
    if (frames_.size() >= static_cast<size_t>(limits_.depth)) return FailDepth(mark);
    if (ExpectsKey()) return Fail(DiagnosticId::kYamlSyntax, "a key that is no text", mark);
    Frame frame{.anchor = anchor, .mark = mark};
    frame.value.kind = kind;
    frame.value.offset = OffsetOf(mark);
    frames_.push_back(std::move(frame));
  }

  void Close() {
    if (!status_.ok()) return;
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (!frames_.empty()) {
      frames_.back().deepest = std::max(frames_.back().deepest, frame.deepest + 1);
    }
    if (frame.keys.contains(kMergeKey) && !Merge(&frame)) return;
    Finish(std::move(frame.value), frame.anchor, frame.mark, frame.deepest);
  }

  void Finish(Value value, YAML::anchor_t anchor, const YAML::Mark& mark, size_t depth = 0) {
    if (!status_.ok() || !Count(1, mark)) return;
    if (anchor != 0) {
      const size_t nodes = CountNodes(value);
      // Anchors are copies: they count too.
      if (!Count(nodes, mark)) return;
      anchors_.insert_or_assign(anchor, Anchored{value, nodes, depth});
    }
    Attach(std::move(value), mark);
  }

  bool ExpectsKey() const {
    return !frames_.empty() && frames_.back().value.kind == Kind::kObject && !frames_.back().key;
  }

  void Attach(Value value, const YAML::Mark& mark) {
    if (frames_.empty()) {
      root_ = std::move(value);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.value.kind == Kind::kArray) {
      frame.value.items.push_back(std::move(value));
    } else if (frame.key) {
      frame.value.members.emplace_back(*std::move(frame.key), std::move(value));
      frame.key.reset();
    } else if (value.IsArray() || value.IsObject()) {
      Fail(DiagnosticId::kYamlSyntax, "a key that is no text", mark);
    } else {
      frame.key = value.text;
      if (!frame.keys.insert(value.text).second) {
        Fail(DiagnosticId::kYamlDuplicateKey, absl::StrCat("duplicate key '", value.text, "'"),
             mark);
      }
    }
  }

  // Replaces the merge key by the members that the mapping does not have itself.
  bool Merge(Frame* frame) {
    std::vector<json::Member>& members = frame->value.members;
    const auto merge = std::find_if(members.begin(), members.end(),
                                    [](const auto& member) { return member.first == kMergeKey; });
    const Value merged = std::move(merge->second);
    members.erase(merge);
    const std::vector<Value> sources = merged.IsArray() ? merged.items : std::vector<Value>{merged};
    for (const Value& source : sources) {
      if (!source.IsObject()) {
        Fail(DiagnosticId::kYamlSyntax, "what is merged with '<<' is no mapping", frame->mark);
        return false;
      }
      for (const json::Member& member : source.members) {
        if (frame->keys.insert(member.first).second) members.push_back(member);
      }
    }
    return true;
  }

  const Source& source_;
  const ParseLimits& limits_;
  absl::Status status_;
  bool has_document_ = false;
  size_t nodes_ = 0;
  std::vector<Frame> frames_;
  absl::flat_hash_map<YAML::anchor_t, Anchored> anchors_;
  Value root_;
};

absl::Status SyntaxError(const Source& source, const YAML::Exception& exception) {
  const size_t offset =
      exception.mark.is_null()
          ? 0
          : std::min(source.text.size(), static_cast<size_t>(std::max(exception.mark.pos, 0)));
  return MakeError(
      {.id = DiagnosticId::kYamlSyntax, .message = exception.msg, .location = source.At(offset)});
}

}  // namespace

absl::StatusOr<Value> Parse(const Source& source, const ParseLimits& limits) {
  if (source.text.size() > limits.bytes) {
    return MakeError({.id = DiagnosticId::kInputTooLarge,
                      .message = absl::StrCat("larger than ", limits.bytes, " bytes"),
                      .location = {.file = source.name}});
  }
  if (const size_t good = Utf8Prefix(source.text);
      good < source.text.size() && !IsInOtherEncoding(source.text)) {
    return MakeError({.id = DiagnosticId::kYamlSyntax,
                      .message = "ill-formed UTF-8",
                      .location = source.At(good, "")});
  }
  Builder builder(source, limits);
  try {
    std::istringstream stream(source.text);
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    if (!builder.status().ok()) return builder.status();
    Builder second(source, limits);
    if (builder.has_document() && parser.HandleNextDocument(second)) {
      return MakeError({.id = DiagnosticId::kYamlSyntax,
                        .message = "a second document",
                        .location = {.file = source.name}});
    }
  } catch (const YAML::Exception& exception) {
    if (!builder.status().ok()) return builder.status();
    return SyntaxError(source, exception);
  }
  return builder.TakeRoot();
}

std::optional<std::string> TextOf(const Value& value) {
  switch (value.kind) {
    case Kind::kString:
    case Kind::kNumber:
    case Kind::kBoolean:
      return value.text;
    default:
      return std::nullopt;
  }
}

}  // namespace deps::yaml
