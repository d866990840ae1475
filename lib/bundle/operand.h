// What a file's name on the command line says of its kind.
#ifndef DEPS_LIB_BUNDLE_OPERAND_H_
#define DEPS_LIB_BUNDLE_OPERAND_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "lib/bundle/layout_shelf.h"
#include "lib/model/bundle.h"

namespace deps {

// FILE.tgz or FILE.tar.gz.
bool IsArchiveName(std::string_view operand);
// oci:FOLDER[:TAG].
bool IsLayoutOperand(std::string_view operand);

struct OpenedLayout {
  std::unique_ptr<LayoutShelf> shelf;
  std::string tag;  // Of oci:FOLDER:TAG.
  // An archive's own bundle, where its layout does not have it (Porter's).
  std::optional<BundleDefinition> root;
};

// Errors: those of ReadArchive, ReadBundleJson and LayoutShelf.
absl::StatusOr<OpenedLayout> OpenLayout(const std::string& operand);

}  // namespace deps

#endif  // DEPS_LIB_BUNDLE_OPERAND_H_
