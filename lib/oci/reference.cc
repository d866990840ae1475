#include "lib/oci/reference.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/sha256.h"

namespace deps {
namespace {

constexpr std::string_view kDefaultHost = "docker.io";
constexpr std::string_view kDefaultNamespace = "library/";
constexpr size_t kMaxPath = 255;
constexpr size_t kMaxHost = 255;

bool IsWord(char c) { return absl::ascii_isalnum(c) || c == '_'; }
bool IsPathCharacter(char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c); }

template <typename Predicate>
bool AllOf(std::string_view text, Predicate predicate) {
  return std::all_of(text.begin(), text.end(), predicate);
}

// What may stand between letters and digits of a path: ".", "_", "__", or any
// number of "-".
bool IsSeparator(std::string_view text) {
  return text == "." || text == "_" || text == "__" ||
         (!text.empty() && AllOf(text, [](char c) { return c == '-'; }));
}

bool IsPathElement(std::string_view element) {
  if (element.empty() || !IsPathCharacter(element.front()) || !IsPathCharacter(element.back())) {
    return false;
  }
  for (size_t i = 0; i < element.size();) {
    size_t end = i;
    const bool plain = IsPathCharacter(element[i]);
    while (end < element.size() && IsPathCharacter(element[end]) == plain) ++end;
    if (!plain && !IsSeparator(element.substr(i, end - i))) return false;
    i = end;
  }
  return true;
}

bool IsHostName(std::string_view name) {
  for (const std::string_view part : absl::StrSplit(name, '.')) {
    if (part.empty() || part.front() == '-' || part.back() == '-' ||
        !AllOf(part, [](char c) { return absl::ascii_isalnum(c) || c == '-'; })) {
      return false;
    }
  }
  return true;
}

bool IsHost(std::string_view host) {
  if (host.empty() || host.size() > kMaxHost) return false;
  std::string_view port;
  bool has_port = false;
  if (host.front() == '[') {
    const size_t close = host.find(']');
    if (close == std::string_view::npos || close == 1) return false;
    const std::string_view address = host.substr(1, close - 1);
    if (!AllOf(address, [](char c) { return absl::ascii_isxdigit(c) || c == ':'; })) return false;
    const std::string_view rest = host.substr(close + 1);
    has_port = !rest.empty();
    if (has_port && rest.front() != ':') return false;
    if (has_port) port = rest.substr(1);
  } else {
    const size_t colon = host.find(':');
    has_port = colon != std::string_view::npos;
    if (has_port) port = host.substr(colon + 1);
    if (!IsHostName(host.substr(0, colon))) return false;
  }
  return !has_port || (!port.empty() && port.size() <= 5 &&
                       AllOf(port, [](char c) { return absl::ascii_isdigit(c); }));
}

absl::Status Malformed(std::string_view text, std::string_view reason, std::string_view hint = "") {
  return MakeError({.id = DiagnosticId::kReferenceInvalid,
                    .message = absl::StrCat("malformed reference '", text, "': ", reason),
                    .hint = std::string(hint)});
}

struct Parts {
  std::string_view name;
  std::string_view tag;
  std::string_view digest;
};

absl::StatusOr<Parts> Split(std::string_view text) {
  Parts parts = {.name = text};
  if (const size_t at = text.find('@'); at != std::string_view::npos) {
    parts.name = text.substr(0, at);
    parts.digest = text.substr(at + 1);
    if (!IsValidDigest(parts.digest)) {
      return MakeError(
          {.id = DiagnosticId::kDigestInvalid,
           .message = absl::StrCat("malformed digest '", parts.digest, "' in '", text, "'")});
    }
  }
  const size_t slash = parts.name.rfind('/');
  const size_t colon = parts.name.rfind(':');
  if (colon == std::string_view::npos || (slash != std::string_view::npos && colon < slash)) {
    return parts;
  }
  parts.tag = parts.name.substr(colon + 1);
  parts.name = parts.name.substr(0, colon);
  if (!IsValidTag(parts.tag)) {
    return Malformed(text, absl::StrCat("'", parts.tag, "' is no tag"));
  }
  return parts;
}

// Whether the element before the first slash is a host and not of the path.
bool NamesHost(std::string_view first) {
  return first.find_first_of(".:") != std::string_view::npos || first == "localhost" ||
         absl::AsciiStrToLower(first) != first;
}

absl::Status CheckPath(std::string_view text, std::string_view path) {
  if (path.size() > kMaxPath) return Malformed(text, "the path has more than 255 characters");
  for (const std::string_view element : absl::StrSplit(path, '/')) {
    if (IsPathElement(element)) continue;
    const std::string lower = absl::AsciiStrToLower(element);
    if (IsPathElement(lower)) {
      return Malformed(text, absl::StrCat("'", element, "' has upper-case letters"),
                       absl::StrCat("write '", lower, "'"));
    }
    return Malformed(text, absl::StrCat("'", element, "' is no part of a repository's name"));
  }
  return absl::OkStatus();
}

}  // namespace

bool IsValidTag(std::string_view tag) {
  return !tag.empty() && tag.size() <= 128 && IsWord(tag.front()) &&
         AllOf(tag, [](char c) { return IsWord(c) || c == '.' || c == '-'; });
}

absl::StatusOr<Reference> Reference::Parse(std::string_view text) {
  DEPS_ASSIGN_OR_RETURN(const Parts parts, Split(text));
  if (parts.name.empty()) return Malformed(text, "it names no repository");
  if (parts.name.size() == 64 &&
      AllOf(parts.name, [](char c) { return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f'); })) {
    return Malformed(text, "64 hexadecimal digits are an image id, not a repository");
  }
  Reference reference;
  const size_t slash = parts.name.find('/');
  if (slash != std::string_view::npos && NamesHost(parts.name.substr(0, slash))) {
    reference.host_ = parts.name.substr(0, slash);
    reference.path_ = parts.name.substr(slash + 1);
  } else {
    reference.host_ = kDefaultHost;
    reference.path_ = parts.name;
  }
  if (reference.host_ == "index.docker.io") reference.host_ = kDefaultHost;
  if (!IsHost(reference.host_)) {
    return Malformed(text, absl::StrCat("'", reference.host_, "' is no host"),
                     absl::StrContains(text, "://") ? "leave out what is before the host" : "");
  }
  if (reference.host_ == kDefaultHost && reference.path_.find('/') == std::string::npos) {
    reference.path_.insert(0, kDefaultNamespace);
  }
  DEPS_RETURN_IF_ERROR(CheckPath(text, reference.path_));
  reference.tag_ = parts.tag;
  reference.digest_ = parts.digest;
  return reference;
}

std::string Reference::Repository() const { return absl::StrCat(host_, "/", path_); }

std::string Reference::FamiliarRepository() const {
  if (host_ != kDefaultHost) return Repository();
  std::string_view path = path_;
  if (path.substr(0, kDefaultNamespace.size()) == kDefaultNamespace &&
      path.find('/', kDefaultNamespace.size()) == std::string_view::npos) {
    path.remove_prefix(kDefaultNamespace.size());
  }
  // "localhost/app" would be read as a host.
  const size_t slash = path.find('/');
  if (slash != std::string_view::npos && NamesHost(path.substr(0, slash))) return Repository();
  return std::string(path);
}

std::string Reference::Name() const { return path_.substr(path_.rfind('/') + 1); }

std::string Reference::Full() const {
  return absl::StrCat(Repository(), tag_.empty() ? "" : ":", tag_, digest_.empty() ? "" : "@",
                      digest_);
}

std::string Reference::Familiar() const {
  return absl::StrCat(FamiliarRepository(), tag_.empty() ? "" : ":", tag_,
                      digest_.empty() ? "" : "@", digest_);
}

Reference Reference::WithTag(std::string_view tag) const {
  Reference reference = *this;
  reference.tag_ = tag;
  reference.digest_.clear();
  return reference;
}

Reference Reference::WithDigest(std::string_view digest) const {
  Reference reference = *this;
  reference.tag_.clear();
  reference.digest_ = digest;
  return reference;
}

std::string_view WithoutPort(std::string_view host) {
  const size_t bracket = host.rfind(']');
  const size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  return host.substr(0, colon);
}

}  // namespace deps
