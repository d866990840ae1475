// validate SCHEMA [DOCUMENT]
//
// Exit status 0 where the document (a file, "-" or nothing for standard input)
// is as the schema asks, else 1 and what is wrong on standard error.
#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/printer.h"
#include "lib/io/file.h"
#include "lib/schema/conforms.h"

namespace deps {
namespace {

absl::Status Run(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    return MakeError({.id = DiagnosticId::kUsage, .message = "usage: validate SCHEMA [DOCUMENT]"});
  }
  const std::string file = argc == 3 ? argv[2] : "-";
  DEPS_ASSIGN_OR_RETURN(const Source schema, ReadFile(argv[1]));
  DEPS_ASSIGN_OR_RETURN(const Source document, ReadFile(file == "-" ? "/dev/stdin" : file));
  return ConformsToSchema(schema, document);
}

}  // namespace
}  // namespace deps

int main(int argc, char** argv) {
  const absl::Status status = deps::Run(argc, argv);
  if (status.ok()) return 0;
  std::fputs(deps::FormatStatus(status, {.command = "validate"}).c_str(), stderr);
  return 1;
}
