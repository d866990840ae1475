#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "lib/base/status_macros.h"
#include "lib/base/version.h"
#include "lib/cli/command.h"
#include "lib/cli/describe.h"
#include "lib/text/closest_match.h"

namespace deps {
namespace {

// One use of an option, already checked.
struct Assignment {
  const Option* option;
  std::string value;
};

class Parser {
 public:
  Parser(const CommandSpec& spec, absl::Span<const std::string> args)
      : spec_(spec), args_(args), options_(AllOptions(spec)) {}

  absl::StatusOr<Invocation> Parse();

 private:
  absl::Status UsageError(std::string message, std::string_view suggestion = "") const;
  absl::Status ParseLong(std::string_view arg);
  absl::Status ParseShorts(std::string_view arg);
  absl::Status UnknownOption(std::string_view spelled) const;
  absl::Status Use(const Option& option, std::string_view spelled, std::string_view value);
  // A value that was given, be it empty.
  absl::Status UseValue(const Option& option, std::string_view spelled, std::string_view value);
  absl::Status Empty(std::string_view what) const;
  absl::Status TakeOperands();
  absl::Status CheckCount(std::string_view operands, int min, int max) const;
  std::string Printed(std::string_view long_name) const;

  const CommandSpec& spec_;
  absl::Span<const std::string> args_;
  std::vector<Option> options_;
  size_t next_ = 0;
  std::vector<Assignment> assignments_;
  std::vector<std::string> words_;  // What is no option, in order.
  Invocation invocation_;
};

absl::Status Parser::UsageError(std::string message, std::string_view suggestion) const {
  return MakeError({.id = DiagnosticId::kUsage,
                    .message = std::move(message),
                    .hint = suggestion.empty() ? absl::StrCat("try '", spec_.name, " --help'")
                                               : absl::StrCat("did you mean '", suggestion,
                                                              "'? try '", spec_.name, " --help'")});
}

std::string Parser::Printed(std::string_view long_name) const {
  if (long_name == "help") return FormatHelp(spec_);
  if (long_name == "man") return FormatManPage(spec_);
  if (long_name == "completion") return FormatCompletion(spec_);
  return absl::StrCat(spec_.name, " (cnab-deps) ", kVersion, "\n");
}

void Assign(const Assignment& assignment) {
  struct Visitor {
    const std::string& value;
    void operator()(bool* target) const { *target = true; }
    void operator()(std::string* target) const { *target = value; }
    void operator()(std::optional<std::string>* target) const { *target = value; }
    void operator()(int64_t* target) const { (void)absl::SimpleAtoi(value, target); }
    void operator()(std::vector<std::string>* target) const { target->push_back(value); }
  };
  std::visit(Visitor{assignment.value}, assignment.option->target);
}

// Checks one use of an option and keeps it: targets change only when the whole
// command line is right.
absl::Status Parser::Use(const Option& option, std::string_view spelled, std::string_view value) {
  if (IsFlag(option) && std::get<bool*>(option.target) == nullptr) {
    invocation_.print = Printed(option.long_name);
    return absl::OkStatus();
  }
  if (!option.choices.empty() &&
      std::find(option.choices.begin(), option.choices.end(), value) == option.choices.end()) {
    return UsageError(absl::StrCat("option '", spelled, "': '", value, "' is not one of ",
                                   absl::StrJoin(option.choices, ", ")),
                      ClosestMatch(value, option.choices).value_or(""));
  }
  int64_t number = 0;
  if (std::holds_alternative<int64_t*>(option.target) && !absl::SimpleAtoi(value, &number)) {
    return UsageError(absl::StrCat("option '", spelled, "': '", value, "' is not a whole number"));
  }
  assignments_.push_back({&option, std::string(value)});
  return absl::OkStatus();
}

absl::Status Parser::UnknownOption(std::string_view spelled) const {
  std::vector<std::string> names;
  for (const Option& option : options_) names.push_back("--" + option.long_name);
  return UsageError(
      absl::StrCat("unknown option '", spelled, "'"),
      absl::StartsWith(spelled, "--") ? ClosestMatch(spelled, names).value_or("") : "");
}

absl::Status Parser::ParseLong(std::string_view arg) {
  const size_t equals = arg.find('=');
  const std::string_view spelled = arg.substr(0, equals);
  const auto option = std::find_if(options_.begin(), options_.end(), [&](const Option& each) {
    return each.long_name == spelled.substr(2);
  });
  if (option == options_.end()) return UnknownOption(spelled);
  const bool has_value = equals != std::string_view::npos;
  if (IsFlag(*option) && has_value) {
    return UsageError(absl::StrCat("option '", spelled, "' takes no value"));
  }
  if (has_value) return UseValue(*option, spelled, arg.substr(equals + 1));
  if (IsFlag(*option) || option->value_optional) return Use(*option, spelled, "");
  if (next_ == args_.size()) {
    return UsageError(absl::StrCat("option '", spelled, "' needs a value"));
  }
  return UseValue(*option, spelled, args_[next_++]);
}

// "-qv", "-oFILE", "-qo" "FILE".
absl::Status Parser::ParseShorts(std::string_view arg) {
  for (size_t i = 1; i < arg.size() && !invocation_.print.has_value(); ++i) {
    const std::string spelled = {'-', arg[i]};
    const auto option = std::find_if(options_.begin(), options_.end(),
                                     [&](const Option& each) { return each.short_name == arg[i]; });
    if (option == options_.end()) return UnknownOption(spelled);
    if (IsFlag(*option) || option->value_optional) {
      DEPS_RETURN_IF_ERROR(Use(*option, spelled, ""));
      continue;
    }
    const std::string_view rest = arg.substr(i + 1);
    if (!rest.empty()) return UseValue(*option, spelled, rest);
    if (next_ == args_.size()) {
      return UsageError(absl::StrCat("option '", spelled, "' needs a value"));
    }
    return UseValue(*option, spelled, args_[next_++]);
  }
  return absl::OkStatus();
}

absl::Status Parser::UseValue(const Option& option, std::string_view spelled,
                              std::string_view value) {
  if (value.empty() && !option.may_be_empty) {
    return Empty(absl::StrCat("the value of option '", spelled, "'"));
  }
  return Use(option, spelled, value);
}

absl::Status Parser::Empty(std::string_view what) const {
  return MakeError({.id = DiagnosticId::kUsage,
                    .message = absl::StrCat(what, " is empty"),
                    .hint = "is a variable of the shell not set?"});
}

absl::Status Parser::CheckCount(std::string_view operands, int min, int max) const {
  const size_t given = invocation_.operands.size();
  if (given > static_cast<size_t>(std::max(max, 0))) {
    return UsageError(absl::StrCat("unexpected operand '", invocation_.operands[max], "'"));
  }
  if (given < static_cast<size_t>(std::max(min, 0))) {
    const std::vector<std::string> names = absl::StrSplit(operands, ' ', absl::SkipEmpty());
    return UsageError(absl::StrCat(
        invocation_.verb.empty() ? "" : absl::StrCat("'", invocation_.verb, "': "),
        "missing operand ", given < names.size() ? names[given] : std::string(operands)));
  }
  return absl::OkStatus();
}

absl::Status Parser::TakeOperands() {
  invocation_.operands = std::move(words_);
  if (!spec_.verbs.empty() && !invocation_.operands.empty()) {
    const std::string word = invocation_.operands.front();
    std::vector<std::string> names;
    for (const Verb& verb : spec_.verbs) {
      names.push_back(verb.name);
      if (verb.name != word) continue;
      invocation_.verb = word;
      invocation_.operands.erase(invocation_.operands.begin());
      return CheckCount(verb.operands, verb.min_operands, verb.max_operands);
    }
    const std::string meant = ClosestMatch(word, names).value_or("");
    const bool is_file = invocation_.operands.size() <= static_cast<size_t>(spec_.max_operands);
    if (spec_.verb_required || (!is_file && !meant.empty())) {
      return UsageError(
          absl::StrCat("unknown verb '", word, "', expected one of ", absl::StrJoin(names, ", ")),
          meant);
    }
  }
  if (spec_.verb_required) {
    const auto name = [](std::string* out, const Verb& verb) { out->append(verb.name); };
    return UsageError(
        absl::StrCat("missing verb, expected one of ", absl::StrJoin(spec_.verbs, ", ", name)));
  }
  return CheckCount(spec_.operands, spec_.min_operands, spec_.max_operands);
}

absl::StatusOr<Invocation> Parser::Parse() {
  bool options_ended = false;
  while (next_ < args_.size()) {
    const std::string& arg = args_[next_++];
    if (arg.empty()) return Empty("an operand");
    if (options_ended || arg.size() < 2 || arg[0] != '-') {
      words_.push_back(arg);
    } else if (arg == "--") {
      options_ended = true;
    } else {
      DEPS_RETURN_IF_ERROR(arg[1] == '-' ? ParseLong(arg) : ParseShorts(arg));
    }
    if (invocation_.print.has_value()) return std::move(invocation_);
  }
  DEPS_RETURN_IF_ERROR(TakeOperands());
  for (const Assignment& assignment : assignments_) Assign(assignment);
  return std::move(invocation_);
}

}  // namespace

absl::StatusOr<Invocation> ParseCommandLine(const CommandSpec& spec,
                                            absl::Span<const std::string> args) {
  return Parser(spec, args).Parse();
}

}  // namespace deps
