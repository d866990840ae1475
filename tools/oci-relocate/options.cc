#include "tools/oci-relocate/options.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/relocate/platform.h"

namespace deps {
namespace {

constexpr int64_t kMostGib = int64_t{1} << 20;

absl::Status Usage(std::string message) {
  return MakeError({.id = DiagnosticId::kUsage, .message = std::move(message)});
}

bool IsArchiveName(std::string_view operand) {
  return absl::EndsWith(operand, ".tgz") || absl::EndsWith(operand, ".tar.gz");
}

bool IsFile(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && !S_ISDIR(info.st_mode);
}

// What would be passed over in silence is refused: somebody has meant something by it.
absl::Status CheckVerb(const RelocateOptions& options, const std::string& verb) {
  struct Row {
    std::string_view option;
    bool given;
    std::vector<std::string_view> verbs;
  };
  for (const Row& row :
       std::vector<Row>{{"force", options.force, {"publish", "copy"}},
                        {"keep-path", options.target.keep_path, {"publish", "copy", "verify"}},
                        {"image-tags", options.image_tags != "none", {"publish", "copy"}},
                        {"attach-mapping", options.attach_mapping, {"publish", "copy"}},
                        {"source-mapping", !options.source_mapping.empty(), {"copy"}},
                        {"dependencies", options.dependencies != "all", {"pack", "copy", "verify"}},
                        {"referrers", options.referrers != "all", {"pack", "copy"}},
                        {"include-foreign", options.include_foreign, {"pack", "copy", "verify"}},
                        {"platform", !options.platform.empty(), {"pack"}}}) {
    if (!row.given || absl::c_linear_search(row.verbs, verb)) continue;
    return Usage(absl::StrCat("--", row.option, " goes with ", absl::StrJoin(row.verbs, ", "),
                              " and not with ", verb));
  }
  return absl::OkStatus();
}

}  // namespace

CommandSpec MakeSpec(RelocateOptions* options) {
  CommandSpec spec = {
      .name = "oci-relocate",
      .summary = "take bundles with their dependencies to another registry",
      .description =
          "Packs a bundle, its images and all its dependencies into one archive, and publishes "
          "such archives, so that bundles work where the registries that they come from cannot be "
          "reached.\n\n"
          "A bundle goes to REGISTRY/NAME:TAG. Its images go into its own repository and keep "
          "their digests. What required a bundle names it by digest then, and the mapping says "
          "where that digest is now. A bundle without dependencies keeps its digest. Publishing "
          "looks at all targets before the first write, sends dependencies before what needs them "
          "and the root's index last, and asks no other registry. Each layer is verified while it "
          "is sent, and all of the archive before any bundle can be seen at its target; verify "
          "finds out before anything is sent.\n\n"
          "Registries are spoken to in HTTP/1.1, over up to --jobs connections: uploads are faster "
          "so than within one connection of HTTP/2. A server that speaks HTTP/2 alone cannot be "
          "reached. A registry on this machine goes first: who sends to it does so with a nice "
          "value of 10.",
      .verbs = {{"pack", "[REFERENCE|SOLUTION]",
                 "Write a bundle and its dependencies as an archive.", 0, 1},
                {"publish", "FILE.tgz", "Send an archive to a registry; - is standard input.", 1,
                 1},
                {"copy", "REFERENCE", "Send a bundle from one registry to another.", 1, 1},
                {"verify", "FILE.tgz|REFERENCE",
                 "Read all content and check it; with --registry or --reference that of the "
                 "archive at its target.",
                 1, 1}},
      .verb_required = true,
      .reads = "a Solution document, an archive or a registry",
      .writes = "an archive (pack) or a Relocation document",
      .exit_one = "Nothing satisfies a dependency, or verify found differences.",
      .examples = {{"deps-graph REG/app:v1 | deps-solve | oci-relocate pack -o app.tgz",
                    "Pack what was solved."},
                   {"oci-relocate publish app.tgz --registry localhost:5000 --mapping map.json",
                    "Publish it behind the air gap."}},
      .environment = {"CI  not empty: progress as lines, also without a terminal",
                      "TMPDIR  where the blobs of archives are kept meanwhile"},
      .see_also = {"deps-graph(1)", "deps-solve(1)"},
  };
  spec.options = {
      Value("registry", "HOST[:PORT][/NAMESPACE]", &options->target.registry,
            "Where bundles go; with publish, copy, and verify of an archive."),
      Value("reference", "REFERENCE", &options->target.reference,
            "What the root becomes; dependencies go beside it."),
      Value("mapping", "FILE", &options->mapping,
            "Write the relocation mapping (relocation-mapping.json) to FILE. With pack and verify "
            "the mapping in FILE is read, and references are looked up there first."),
      Value(
          "source-mapping", "FILE", &options->source_mapping,
          "With copy: look references up in FILE first, the relocation mapping of where the bundle "
          "is now. A bundle that was relocated finds its dependencies with it."),
      Flag("force", &options->force,
           "Replace targets that have other content, and ask for every blob of images that are "
           "there already."),
      Flag("dry-run", &options->dry_run, "Say what would be done, and write nothing."),
      Value("jobs", "N", &options->jobs, "Transfers at the same time, 1 to 64."),
      Flag("keep-path", &options->target.keep_path,
           "Keep the whole path of each repository instead of its last element."),
      Choice("dependencies", {"none", "all"}, &options->dependencies,
             "Which dependencies pack and copy take along."),
      Choice("referrers", {"all", "none"}, &options->referrers,
             "Whether pack and copy take along what is attached to bundles and images: cosign's "
             "signatures, attestations and SBOMs, and all that names them as its subject. What is "
             "about a bundle stays behind where the bundle gets a new digest."),
      Flag("include-foreign", &options->include_foreign,
           "Take along layers that are said to be kept elsewhere, where the registry has them; "
           "their URLs are never asked. Without it they are left out, and named."),
      Choice("image-tags", {"none", "porter"}, &options->image_tags,
             "Whether publish and copy also give images the tags that Porter gives them "
             "(porter-MD5), for registries that drop what has no tag. The digests stay what "
             "counts."),
      Value(
          "max-archive-size", "GIB", &options->max_archive_size,
          "Read no archive that holds more than so many GiB: what inflates without end is stopped "
          "there."),
      Flag("attach-mapping", &options->attach_mapping,
           "Attach the mapping to the root at the target, as an OCI artifact whose subject is the "
           "bundle's index."),
      Value("platform", "OS/ARCH[/VARIANT]", &options->platform,
            "Pack of images for many platforms this one alone. Bundles with such images get new "
            "digests."),
  };
  AddRegistryOptions(&spec, &options->access);
  AddCommonOptions(&spec, &options->common);
  return spec;
}

// No reference begins with "." or "/".
bool LooksLikeFile(const std::string& operand) {
  return operand.empty() || operand == "-" || operand.front() == '.' || operand.front() == '/' ||
         IsArchiveName(operand) || absl::EndsWith(operand, ".json") || IsFile(operand);
}

// A result that cannot be written shall be known before anything is sent.
absl::Status CheckWritable(const std::string& path) {
  if (path.empty() || path == "-") return absl::OkStatus();
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  struct stat info;
  const bool exists = stat(path.c_str(), &info) == 0;
  if (exists && S_ISDIR(info.st_mode)) errno = EISDIR;
  const bool in_place = exists && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
  const bool writable = exists && S_ISDIR(info.st_mode) ? false
                        : in_place                      ? access(path.c_str(), W_OK) == 0
                                                        : access(folder.c_str(), W_OK | X_OK) == 0;
  if (writable) return absl::OkStatus();
  return MakeError({.id = DiagnosticId::kFileWrite,
                    .message = std::strerror(errno),
                    .location = {.file = path}});
}

absl::Status CheckOptions(const RelocateOptions& options, const std::string& verb,
                          const std::string& operand) {
  if (options.jobs < 1 || options.jobs > 64) return Usage("--jobs takes a number from 1 to 64");
  const bool has_target = !options.target.registry.empty() || !options.target.reference.empty();
  const bool wants_target = verb == "publish" || verb == "copy";
  if (wants_target && !has_target) {
    return Usage(absl::StrCat(verb, " needs --registry or --reference"));
  }
  if (verb == "pack" && has_target) {
    return Usage("--registry and --reference do not go with pack");
  }
  if (verb == "copy" && LooksLikeFile(operand)) {
    return Usage("copy takes a reference; publish takes an archive");
  }
  if (verb == "pack" && IsArchiveName(operand)) {
    return Usage(
        absl::StrCat("pack takes a reference or a Solution, and '", operand, "' is an archive"));
  }
  if (verb == "verify" && has_target && !LooksLikeFile(operand)) {
    return Usage("verify takes --registry and --reference with an archive only");
  }
  if (options.max_archive_size < 1 || options.max_archive_size > kMostGib) {
    return Usage(absl::StrCat("--max-archive-size takes a number from 1 to ", kMostGib));
  }
  DEPS_RETURN_IF_ERROR(CheckVerb(options, verb));
  if (!options.platform.empty() && !IsPlatform(options.platform)) {
    return Usage("--platform takes OS/ARCHITECTURE[/VARIANT]");
  }
  if (wants_target) DEPS_RETURN_IF_ERROR(CheckWritable(options.mapping));
  return CheckWritable(options.common.output);
}

}  // namespace deps
