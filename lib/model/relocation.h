// The document Relocation (oci-relocate), and CNAB's relocation mapping.
#ifndef DEPS_LIB_MODEL_RELOCATION_H_
#define DEPS_LIB_MODEL_RELOCATION_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"

namespace deps {

struct RelocatedBundle {
  std::string source;  // REPO@sha256:A
  std::string target;  // REPO@sha256:B
  std::string tag;     // REPO:TAG
  std::string action;  // "pushed" | "unchanged" | "incomplete" (what verify found)
  bool operator==(const RelocatedBundle&) const = default;
};

struct RelocatedImage {
  std::string source;
  std::string target;
  std::string digest;
  std::string action;  // "pushed" | "mounted" | "unchanged" | "incomplete"
  bool operator==(const RelocatedImage&) const = default;
};

// What a check found: something is not there, or is not what it should be.
struct RelocationDifference {
  std::string kind;     // "missing" | "different"
  std::string subject;  // A reference or a digest.
  std::string message;
  bool operator==(const RelocationDifference&) const = default;
};

// CNAB 103: original reference -> relocated reference.
using RelocationMapping = std::map<std::string, std::string>;

struct Relocation {
  std::vector<RelocatedBundle> bundles;  // Leaves first.
  std::vector<RelocatedImage> images;    // Sorted by source.
  RelocationMapping mapping;
  std::vector<RelocationDifference> differences;  // Of a check; empty where all is well.
  int64_t bytes_uploaded = 0;
  int64_t bytes_reused = 0;
  bool operator==(const Relocation&) const = default;
};

std::string FormatRelocation(const Relocation& relocation,
                             json::Style style = json::Style::kPretty);
absl::StatusOr<Relocation> ParseRelocation(const Source& source);

// relocation-mapping.json: one flat object, compact, keys sorted by bytes, `{}`
// when empty. Reading also takes `null`.
std::string FormatMapping(const RelocationMapping& mapping);
absl::StatusOr<RelocationMapping> ParseMapping(const Source& source);

}  // namespace deps

#endif  // DEPS_LIB_MODEL_RELOCATION_H_
