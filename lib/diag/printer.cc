#include "lib/diag/printer.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "lib/text/utf8.h"

namespace deps {
namespace {

std::string_view SeverityColor(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "\033[1;31m";
    case Severity::kWarning:
      return "\033[1;33m";
    case Severity::kNote:
      return "\033[1;36m";
  }
  return "";
}

// What is not UTF-8 is shown in hexadecimal.
std::string WellFormed(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t good = Utf8Prefix(text);
    absl::StrAppend(&out, text.substr(0, good));
    text.remove_prefix(good);
    if (text.empty()) break;
    absl::StrAppend(&out, "\\x", absl::BytesToHexString(text.substr(0, 1)));
    text.remove_prefix(1);
  }
  return out;
}

std::string Printable(std::string_view text) {
  std::string out;
  for (const char c : WellFormed(text)) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      absl::StrAppend(&out, "\\x", absl::BytesToHexString(std::string_view(&c, 1)));
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string FormatText(const Diagnostic& d, const PrinterOptions& options) {
  std::string out = absl::StrCat(options.command, ": ");
  if (!d.location.file.empty()) {
    absl::StrAppend(&out, Printable(d.location.file), ":");
    if (d.location.line > 0) {
      absl::StrAppend(&out, d.location.line, ":", d.location.column, ":");
    }
    out.push_back(' ');
  }
  if (!d.location.pointer.empty()) absl::StrAppend(&out, Printable(d.location.pointer), ": ");
  const std::string_view name = SeverityName(d.severity);
  if (options.color) {
    absl::StrAppend(&out, SeverityColor(d.severity), name, ":\033[0m ");
  } else {
    absl::StrAppend(&out, name, ": ");
  }
  absl::StrAppend(&out, Printable(d.message), " [", InfoOf(d.id).name, "]\n");
  for (const std::string& line : d.details) absl::StrAppend(&out, "  ", Printable(line), "\n");
  if (!d.hint.empty()) {
    absl::StrAppend(&out, options.command, ": hint: ", Printable(d.hint), "\n");
  }
  return out;
}

std::string EscapeGithubData(std::string_view text) {
  return absl::StrReplaceAll(WellFormed(text), {{"%", "%25"}, {"\r", "%0D"}, {"\n", "%0A"}});
}

std::string EscapeGithubProperty(std::string_view text) {
  return absl::StrReplaceAll(EscapeGithubData(text), {{":", "%3A"}, {",", "%2C"}});
}

std::string FormatGithub(const Diagnostic& d) {
  const std::string_view command =
      d.severity == Severity::kNote ? "notice" : SeverityName(d.severity);
  std::string out = absl::StrCat("::", command, " ");
  if (!d.location.file.empty()) {
    absl::StrAppend(&out, "file=", EscapeGithubProperty(d.location.file), ",");
  }
  if (d.location.line > 0) {
    absl::StrAppend(&out, "line=", d.location.line, ",col=", d.location.column, ",");
  }
  absl::StrAppend(&out, "title=", EscapeGithubProperty(InfoOf(d.id).name), "::");
  if (!d.location.pointer.empty()) {
    absl::StrAppend(&out, EscapeGithubData(d.location.pointer), ": ");
  }
  absl::StrAppend(&out, EscapeGithubData(d.message));
  for (const std::string& line : d.details) {
    absl::StrAppend(&out, "%0A  ", EscapeGithubData(line));
  }
  if (!d.hint.empty()) absl::StrAppend(&out, "%0Ahint: ", EscapeGithubData(d.hint));
  return out + "\n";
}

// A JSON string. The JSON library is a layer above this one, and the escapes
// that JSON needs are these.
std::string JsonString(std::string_view text) {
  std::string out = "\"";
  for (const char c : WellFormed(text)) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppend(&out, "\\u00", absl::BytesToHexString(std::string_view(&c, 1)));
    } else {
      out.push_back(c);
    }
  }
  return out + "\"";
}

std::string FormatJson(const Diagnostic& d, const PrinterOptions& options) {
  std::string out = absl::StrCat("{\"command\":", JsonString(options.command),
                                 ",\"severity\":", JsonString(SeverityName(d.severity)),
                                 ",\"id\":", JsonString(InfoOf(d.id).name),
                                 ",\"message\":", JsonString(d.message));
  if (!d.location.file.empty()) absl::StrAppend(&out, ",\"file\":", JsonString(d.location.file));
  if (d.location.line > 0) {
    absl::StrAppend(&out, ",\"line\":", d.location.line, ",\"column\":", d.location.column);
  }
  if (!d.location.pointer.empty()) {
    absl::StrAppend(&out, ",\"pointer\":", JsonString(d.location.pointer));
  }
  for (const std::string& line : d.details) {
    absl::StrAppend(&out, &line == &d.details.front() ? ",\"details\":[" : ",", JsonString(line),
                    &line == &d.details.back() ? "]" : "");
  }
  if (!d.hint.empty()) absl::StrAppend(&out, ",\"hint\":", JsonString(d.hint));
  return out + "}\n";
}

}  // namespace

std::string FormatDiagnostic(const Diagnostic& diagnostic, const PrinterOptions& options) {
  switch (options.format) {
    case DiagnosticFormat::kText:
      return FormatText(diagnostic, options);
    case DiagnosticFormat::kGithub:
      return FormatGithub(diagnostic);
    case DiagnosticFormat::kJson:
      return FormatJson(diagnostic, options);
  }
  return "";
}

std::string FormatStatus(const absl::Status& status, const PrinterOptions& options) {
  const std::vector<Diagnostic> diagnostics = DiagnosticsOf(status);
  std::string out;
  int count = 0;
  for (const Diagnostic& d : diagnostics) {
    if (++count > options.limit) break;
    out += FormatDiagnostic(d, options);
  }
  if (const int rest = static_cast<int>(diagnostics.size()) - options.limit; rest > 0) {
    if (options.format == DiagnosticFormat::kText) {
      absl::StrAppend(&out, options.command, ": note: ", rest, " more not shown\n");
    }
  }
  return out;
}

}  // namespace deps
