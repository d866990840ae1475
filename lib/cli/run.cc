#include <cerrno>
#include <cstring>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/cli/command.h"
#include "lib/io/file.h"

namespace deps {
namespace {

constexpr std::string_view kStandardInput = "<stdin>";
constexpr std::string_view kStandardOutput = "<stdout>";

bool IsStream(std::string_view name) { return name.empty() || name == "-"; }

absl::Status PrintAll(TextSource text, const Env& env) {
  errno = 0;
  const absl::Status status = text([&](std::string_view piece) {
    env.out->write(piece.data(), static_cast<std::streamsize>(piece.size()));
  });
  DEPS_RETURN_IF_ERROR(status);
  env.out->flush();
  if (env.out->good()) return absl::OkStatus();
  return MakeError({.id = DiagnosticId::kFileWrite,
                    .message = errno == 0
                                   ? "cannot be written"
                                   : absl::StrCat("cannot be written: ", std::strerror(errno)),
                    .location = {.file = std::string(kStandardOutput)}});
}

absl::Status ReadStandardInput(const Env& env, size_t max_bytes,
                               absl::FunctionRef<absl::Status(std::string_view piece)> take) {
  const Location location = {.file = std::string(kStandardInput)};
  if (env.in_is_terminal) {
    *env.err << "reading standard input from the terminal; Ctrl-D ends it\n" << std::flush;
  }
  std::string chunk(size_t{64} << 10, '\0');
  size_t room = max_bytes;
  while (env.in->good()) {
    errno = 0;
    env.in->read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    const auto got = static_cast<size_t>(env.in->gcount());
    if (got > room) {
      return MakeError({.id = DiagnosticId::kInputTooLarge,
                        .message = absl::StrCat("is larger than ", max_bytes, " bytes"),
                        .location = location});
    }
    room -= got;
    DEPS_RETURN_IF_ERROR(take(std::string_view(chunk).substr(0, got)));
  }
  if (!env.in->bad()) return absl::OkStatus();
  return MakeError({.id = DiagnosticId::kFileRead,
                    .message = errno == 0 ? "cannot be read"
                                          : absl::StrCat("cannot be read: ", std::strerror(errno)),
                    .location = location});
}

absl::StatusOr<ExitCode> Run(const absl::StatusOr<Invocation>& invocation, const Env& env,
                             Terminal& terminal, const CommandBody& body) {
  DEPS_RETURN_IF_ERROR(invocation.status());
  if (!invocation->print.has_value()) return body(*invocation, env, terminal);
  DEPS_RETURN_IF_ERROR(WriteResult("-", *invocation->print, env));
  return ExitCode::kOk;
}

}  // namespace

ExitCode RunCommand(const CommandSpec& spec, const CommonOptions& common,
                    absl::Span<const std::string> args, const Env& env, const CommandBody& body) {
  const absl::StatusOr<Invocation> invocation = ParseCommandLine(spec, args);
  Terminal terminal(env, spec.name, common);
  const absl::StatusOr<ExitCode> code = Run(invocation, env, terminal, body);
  if (code.ok()) return *code;
  terminal.Report(code.status());
  return ExitCodeOf(code.status());
}

absl::StatusOr<Source> ReadOperand(std::string_view operand, const Env& env, size_t max_bytes) {
  if (!IsStream(operand)) return ReadFile(std::string(operand), max_bytes);
  Source source = {.name = std::string(kStandardInput)};
  DEPS_RETURN_IF_ERROR(ReadStandardInput(env, max_bytes, [&](std::string_view piece) {
    source.text.append(piece);
    return absl::OkStatus();
  }));
  return source;
}

absl::StatusOr<LargeText> ReadLargeOperand(std::string_view operand, const Env& env) {
  const bool is_stream = IsStream(operand);
  LargeText text(std::string(is_stream ? kStandardInput : operand));
  const auto take = [&](std::string_view piece) { return text.Append(piece); };
  DEPS_RETURN_IF_ERROR(is_stream ? ReadStandardInput(env, kMostInput, take)
                                 : ReadFileInPieces(text.name(), kMostInput, take));
  DEPS_RETURN_IF_ERROR(text.Seal());
  return text;
}

absl::Status WriteResult(std::string_view output, std::string_view text, const Env& env) {
  return WriteLargeResult(
      output,
      [&](TextSink sink) {
        sink(text);
        return absl::OkStatus();
      },
      env);
}

absl::Status WriteLargeResult(std::string_view output, TextSource text, const Env& env) {
  return IsStream(output) ? PrintAll(text, env) : WriteFileInPieces(std::string(output), text);
}

}  // namespace deps
