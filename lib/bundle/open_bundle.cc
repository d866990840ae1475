#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/bundle/catalog.h"
#include "lib/bundle/layout_shelf.h"
#include "lib/bundle/operand.h"
#include "lib/bundle/read.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/io/file.h"
#include "lib/oci/reference.h"

namespace deps {
namespace {

bool IsYamlName(std::string_view path) {
  return absl::EndsWith(path, ".yaml") || absl::EndsWith(path, ".yml");
}

bool IsFolder(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

bool Exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

// Whether someone who writes this means a file, there or not.
bool LooksLikeFile(std::string_view operand) {
  return IsYamlName(operand) || IsArchiveName(operand) || absl::EndsWith(operand, ".json") ||
         absl::StartsWith(operand, "/") || absl::StartsWith(operand, "./") ||
         absl::StartsWith(operand, "../");
}

absl::StatusOr<std::string> FileIn(const std::string& folder) {
  for (const std::string_view name : {"porter.yaml", "bundle.json"}) {
    std::string path = (std::filesystem::path(folder) / name).string();
    if (Exists(path)) return path;
  }
  return MakeError({.id = DiagnosticId::kFileNotFound,
                    .message = "the folder has neither a porter.yaml nor a bundle.json",
                    .location = {.file = folder}});
}

absl::StatusOr<std::shared_ptr<const BundleDefinition>> ToShared(
    absl::StatusOr<BundleDefinition> definition) {
  DEPS_RETURN_IF_ERROR(definition.status());
  return std::make_shared<const BundleDefinition>(*std::move(definition));
}

// The bundle that an archive or layout is there for; the catalog gets the rest.
absl::StatusOr<std::shared_ptr<const BundleDefinition>> MainOf(const std::string& operand,
                                                               Catalog& catalog) {
  DEPS_ASSIGN_OR_RETURN(OpenedLayout opened, OpenLayout(operand));
  // The layout of Porter's archives has images only.
  absl::StatusOr<BundleDefinition> main = opened.root && !opened.shelf->HasRoot()
                                              ? *std::move(opened.root)
                                              : opened.shelf->Main(opened.tag);
  catalog.Add(std::move(opened.shelf));
  return ToShared(std::move(main));
}

absl::StatusOr<std::shared_ptr<const BundleDefinition>> GetNamed(const std::string& operand,
                                                                 Catalog& catalog) {
  absl::StatusOr<std::shared_ptr<const BundleDefinition>> found = catalog.Get(operand);
  if (!HasId(found.status(), DiagnosticId::kRegistryNotFound)) return found;
  const absl::StatusOr<Reference> reference = Reference::Parse(operand);
  if (!reference.ok() || !reference->tag().empty() || !reference->digest().empty()) return found;
  Diagnostic diagnostic = DiagnosticsOf(found.status()).front();
  diagnostic.hint =
      absl::StrCat("without a tag latest is asked for; name one, as ", operand, ":v1.0.0");
  return MakeError(std::move(diagnostic));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const BundleDefinition>> OpenBundle(
    const std::string& operand, Catalog& catalog, const Env& env,
    std::vector<Diagnostic>* mistakes) {
  if (operand.empty() || operand == "-") {
    DEPS_ASSIGN_OR_RETURN(const Source source, ReadOperand(operand, env));
    return ToShared(ReadBundleJson(source));
  }
  if (IsLayoutOperand(operand) && !Exists(operand)) return MainOf(operand, catalog);
  if (!Exists(operand) && !LooksLikeFile(operand)) return GetNamed(operand, catalog);
  std::string path = operand;
  if (IsFolder(path)) {
    DEPS_ASSIGN_OR_RETURN(path, FileIn(path));
  }
  if (IsArchiveName(path)) return MainOf(path, catalog);
  DEPS_ASSIGN_OR_RETURN(const Source source, ReadFile(path));
  return ToShared(IsYamlName(path) ? ReadPorterYaml(source, mistakes) : ReadBundleJson(source));
}

}  // namespace deps
