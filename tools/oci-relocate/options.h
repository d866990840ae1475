// What oci-relocate can be told, and what of it makes no sense.
#ifndef DEPS_TOOLS_OCI_RELOCATE_OPTIONS_H_
#define DEPS_TOOLS_OCI_RELOCATE_OPTIONS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "lib/cli/command.h"
#include "lib/oci/registry_options.h"
#include "lib/relocate/plan.h"

namespace deps {

struct RelocateOptions {
  CommonOptions common;
  AccessOptions access;
  TargetOptions target;
  std::string mapping;
  std::string source_mapping;
  std::string dependencies = "all";
  std::string platform;
  bool force = false;
  bool dry_run = false;
  bool attach_mapping = false;
  bool include_foreign = false;
  std::string referrers = "all";
  std::string image_tags = "none";
  int64_t jobs = 6;
  int64_t max_archive_size = 64;
};

// The command line, read into `options`.
CommandSpec MakeSpec(RelocateOptions* options);

// Errors: usage; file-write where --mapping or --output cannot be written, so
// that it is known before anything is sent.
absl::Status CheckOptions(const RelocateOptions& options, const std::string& verb,
                          const std::string& operand);

// Whether an operand is a file, not a reference.
bool LooksLikeFile(const std::string& operand);

// Errors: file-write.
absl::Status CheckWritable(const std::string& path);

}  // namespace deps

#endif  // DEPS_TOOLS_OCI_RELOCATE_OPTIONS_H_
