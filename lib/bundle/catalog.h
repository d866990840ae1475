// Where bundles are looked up: Index documents, archives and layouts first, then
// registries, through a relocation mapping. The one place that turns a reference
// into a bundle.
#ifndef DEPS_LIB_BUNDLE_CATALOG_H_
#define DEPS_LIB_BUNDLE_CATALOG_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/cli/command.h"
#include "lib/diag/diagnostic.h"
#include "lib/model/bundle.h"
#include "lib/oci/reference.h"
#include "lib/oci/registry.h"

namespace deps {

class LayoutShelf;

struct CatalogOptions {
  AccessOptions access;              // lib/oci
  std::vector<std::string> indexes;  // --index FILE
  std::string mapping;               // --mapping FILE
  bool no_cache = false;             // --no-cache
};

// Declares --index and --mapping and the registry options.
void AddCatalogOptions(CommandSpec* spec, CatalogOptions* options);

class Catalog {
 public:
  // Reads the indexes and the mapping. What an index names may also be an archive
  // (.tgz) or a layout (oci:FOLDER). Errors: those of the files.
  static absl::StatusOr<std::unique_ptr<Catalog>> Open(const CatalogOptions& options,
                                                       const Env& env);
  ~Catalog();

  // The bundle behind `reference` (with neither tag nor digest: "latest").
  // `bundle.reference` is the reference as asked for, `bundle.digest` that of
  // its index. Every answer is kept for the life of the catalog. Thread-safe.
  //
  // What has a digest comes from the cache of former runs where it is there,
  // also with --offline; of a tag, which may have moved, only the content.
  //
  // Errors: reference-invalid; registry-not-found where it is certainly not
  // there; registry-unreachable, registry-auth, registry-protocol, offline
  // where that could not be found out; those of ReadBundleJson.
  absl::StatusOr<std::shared_ptr<const BundleDefinition>> Get(const std::string& reference);

  // The digest alone: of a registry's tag with one request, and never from the
  // cache. Errors: as Get, but those of ReadBundleJson.
  absl::StatusOr<std::string> Digest(const std::string& reference);

  // The tags of a repository (HOST/PATH or its familiar form), sorted by bytes.
  // An unknown repository has none. Errors: as Get.
  absl::StatusOr<std::vector<std::string>> Tags(const std::string& repository);

  // References of the bundles in the indexes that say that they provide the
  // interface `id` (`provides.interface.id`); with "" of all bundles there. By
  // repository in byte order, of each the best version first, then what has no
  // version. Each is one that Get takes. Registries cannot be asked this.
  //
  // Errors: those of ReadBundleJson, of bundles that mention `provides`.
  // Time: O(size of the indexes), each time.
  absl::StatusOr<std::vector<std::string>> Providers(const std::string& id);

  // Puts a layout beside the indexes; not while others use the catalog.
  void Add(std::unique_ptr<LayoutShelf> layout);

  // Whether an answer about this reference would come from a network: then it
  // may be worth asking for before it is needed (Prefetch). Malformed ones do not.
  bool IsRemote(const std::string& reference) const;

 private:
  struct State;
  explicit Catalog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// A bundle as a user names it on the command line (contract section 4): a
// porter.yaml, a bundle.json, a folder with either, an archive (.tgz), a layout
// (oci:FOLDER[:TAG]), or a registry reference; "-" reads a bundle.json from
// standard input. What exists as a file or folder is one. The catalog learns
// what else is in an archive or layout.
//
// `mistakes` gets those of a porter.yaml that can be read in spite of them.
//
// Errors: file-not-found, file-read; those of ReadBundleJson, ReadPorterYaml,
// ReadArchive, LayoutShelf and Catalog::Get.
absl::StatusOr<std::shared_ptr<const BundleDefinition>> OpenBundle(
    const std::string& operand, Catalog& catalog, const Env& env,
    std::vector<Diagnostic>* mistakes);

}  // namespace deps

#endif  // DEPS_LIB_BUNDLE_CATALOG_H_
