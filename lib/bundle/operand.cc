#include "lib/bundle/operand.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/archive/archive.h"
#include "lib/base/status_macros.h"
#include "lib/bundle/read.h"
#include "lib/oci/reference.h"

namespace deps {
namespace {

constexpr std::string_view kLayoutPrefix = "oci:";

bool IsFolder(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

// The folder and the tag of FOLDER[:TAG]. A folder may have a colon in its name.
std::pair<std::string, std::string> SplitTag(std::string_view rest) {
  const size_t colon = rest.rfind(':');
  const bool has_tag = colon != std::string_view::npos && !IsFolder(std::string(rest)) &&
                       IsValidTag(rest.substr(colon + 1));
  if (!has_tag) return {std::string(rest), ""};
  return {std::string(rest.substr(0, colon)), std::string(rest.substr(colon + 1))};
}

absl::StatusOr<OpenedLayout> OpenArchive(const std::string& path) {
  DEPS_ASSIGN_OR_RETURN(OpenedArchive archive, ReadArchive(path));
  const std::string text = archive.content.root.bundle_json;
  OpenedLayout opened;
  DEPS_ASSIGN_OR_RETURN(opened.root, ReadBundleJson({.name = path + "/bundle.json", .text = text}));
  DEPS_ASSIGN_OR_RETURN(opened.shelf, LayoutShelf::OfArchive(std::move(archive), path));
  return opened;
}

}  // namespace

bool IsArchiveName(std::string_view operand) {
  return absl::EndsWith(operand, ".tgz") || absl::EndsWith(operand, ".tar.gz");
}

bool IsLayoutOperand(std::string_view operand) { return absl::StartsWith(operand, kLayoutPrefix); }

absl::StatusOr<OpenedLayout> OpenLayout(const std::string& operand) {
  if (!IsLayoutOperand(operand)) return OpenArchive(operand);
  const auto [folder, tag] = SplitTag(absl::StripPrefix(operand, kLayoutPrefix));
  OpenedLayout opened = {.tag = tag};
  DEPS_ASSIGN_OR_RETURN(opened.shelf, LayoutShelf::OfFolder(folder));
  return opened;
}

}  // namespace deps
