#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/json/json.h"
#include "lib/model/relocation.h"
#include "lib/oci/reference.h"
#include "lib/relocate/annotations.h"
#include "lib/relocate/layout.h"

namespace deps {
namespace {

constexpr size_t kMaxFolder = 60;  // Leaves room in the 100 characters of a ustar name.

std::string PlainFolder(const FamilyMember& member) {
  std::string folder = absl::StrCat(member.name, "-", member.version);
  for (char& c : folder) {
    if (!absl::ascii_isalnum(c) && c != '.' && c != '_' && c != '+' && c != '-') c = '-';
  }
  if (folder.front() == '.') folder.front() = '-';
  return folder.substr(0, kMaxFolder);
}

// By member; "." for the root.
std::vector<std::string> FoldersOf(const Family& family) {
  std::vector<std::string> folders;
  std::map<std::string, int> uses;
  for (const FamilyMember& member : family.members) {
    folders.push_back(PlainFolder(member));
    if (&member != &family.members.back()) ++uses[folders.back()];
  }
  for (size_t i = 0; i < folders.size(); ++i) {
    if (uses[folders[i]] < 2) continue;
    const std::string& digest = family.members[i].source_digest;
    absl::StrAppend(&folders[i], "-", digest.substr(digest.find(':') + 1, 12));
  }
  folders.back() = ".";
  return folders;
}

std::string FullName(const std::string& reference) {
  const absl::StatusOr<Reference> parsed = Reference::Parse(reference);
  return parsed.ok() ? parsed->Full() : reference;
}

// In the order of fields of Go's layout package.
json::Value Entry(std::string_view media_type, int64_t size, std::string_view digest,
                  const std::map<std::string, std::string>& annotations) {
  json::Value entry = json::Value::Object();
  entry.Set("mediaType", json::Value::String(media_type));
  entry.Set("size", json::Value::Integer(size));
  entry.Set("digest", json::Value::String(digest));
  entry.Set("annotations", json::Value::StringMap(annotations));
  return entry;
}

json::Value BundleEntry(const FamilyMember& member, const std::string& folder) {
  std::map<std::string, std::string> annotations = {
      {std::string(kRefName), FullName(member.Source())},
      {std::string(kFolder), folder},
      {std::string(kReferences), json::Canonical(json::Value::Strings(member.references))},
      {std::string(kRequires), json::Canonical(json::Value::StringMap(member.requirements))},
  };
  if (!member.tag.empty()) annotations.emplace(kTag, member.tag);
  if (!member.platform.empty()) annotations.emplace(kPlatform, member.platform);
  return Entry(member.index.media_type, static_cast<int64_t>(member.index.bytes.size()),
               member.index.digest, annotations);
}

json::Value AttachmentEntry(const FamilyMember& member, const Attachment& attachment) {
  const OciManifest& manifest = attachment.manifest;
  const std::string name = attachment.tag.empty() ? absl::StrCat("@", manifest.digest)
                                                  : absl::StrCat(":", attachment.tag);
  std::map<std::string, std::string> annotations = {
      {std::string(kRefName), FullName(member.repository + name)},
      {std::string(kAttachedTo), member.Source()},
      {std::string(kSubject), attachment.subject},
  };
  if (!attachment.tag.empty()) annotations.emplace(kTag, attachment.tag);
  if (!attachment.artifact_type.empty()) {
    annotations.emplace(kArtifactType, attachment.artifact_type);
  }
  return Entry(manifest.media_type, static_cast<int64_t>(manifest.bytes.size()), manifest.digest,
               annotations);
}

// Porter finds an image by the full form of what the mapping says; the images
// come sorted by key, the invocation image last.
void AddImages(const FamilyMember& member, std::set<std::string>* seen,
               std::vector<json::Value>* entries) {
  std::vector<BundleImage> images = member.images;
  std::stable_partition(images.begin(), images.end(),
                        [](const BundleImage& image) { return !image.name.empty(); });
  for (const BundleImage& image : images) {
    const std::string name = FullName(absl::StrCat(member.repository, "@", image.digest));
    if (!seen->insert(name).second) continue;
    entries->push_back(
        Entry(image.media_type, image.size, image.digest, {{std::string(kRefName), name}}));
  }
}

// Three spaces a level and no newline at the end, as Go's layout package.
std::string FormatIndex(const json::Value& index) {
  const std::string pretty = json::Format(index, json::Style::kPretty);
  std::string text;
  for (const std::string_view line : absl::StrSplit(absl::StripSuffix(pretty, "\n"), '\n')) {
    const size_t indent = std::min(line.find_first_not_of(' '), line.size());
    absl::StrAppend(&text, text.empty() ? "" : "\n", std::string(indent / 2 * 3, ' '),
                    line.substr(indent));
  }
  return text;
}

std::string IndexOf(const Family& family, const std::vector<std::string>& folders) {
  std::vector<json::Value> entries;
  std::set<std::string> seen;
  for (size_t i = family.members.size(); i-- > 0;) {
    const FamilyMember& member = family.members[i];
    AddImages(member, &seen, &entries);
    entries.push_back(BundleEntry(member, folders[i]));
    for (const Attachment& attachment : member.attachments) {
      entries.push_back(AttachmentEntry(member, attachment));
    }
    if (member.tag.empty()) continue;
    const std::string tagged = FullName(absl::StrCat(member.repository, ":", member.tag));
    if (!seen.insert(tagged).second) continue;
    entries.push_back(Entry(member.index.media_type,
                            static_cast<int64_t>(member.index.bytes.size()), member.index.digest,
                            {{std::string(kRefName), tagged}}));
  }
  json::Value index = json::Value::Object();
  index.Set("schemaVersion", json::Value::Integer(2));
  index.Set("mediaType", json::Value::String(kOciIndex));
  index.Set("manifests", json::Value::Array(std::move(entries)));
  return FormatIndex(index);
}

}  // namespace

BundleArchive ArchiveOf(const Family& family) {
  const std::vector<std::string> folders = FoldersOf(family);
  BundleArchive archive = {.index_json = IndexOf(family, folders), .blobs = family.blobs};
  for (size_t i = 0; i < folders.size(); ++i) {
    const FamilyMember& member = family.members[i];
    ArchivedBundle& bundle = folders[i] == "." ? archive.root : archive.dependencies[folders[i]];
    bundle = {.bundle_json = member.bundle_json, .mapping_json = FormatMapping(member.mapping)};
  }
  return archive;
}

}  // namespace deps
