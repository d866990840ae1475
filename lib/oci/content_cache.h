// What registries said, kept in a folder between runs: content by its digest,
// and lists of tags with the mark by which a registry knows whether they are
// still so.
//
//   FOLDER/content/sha256/AB/ABCD…    a media type, a line feed, the bytes
//   FOLDER/tags/ABCD…                 of the SHA-256 of HOST/PATH: JSON
//
// Nothing depends on it: what is damaged or cannot be read is as if it were not
// there and is replaced, and what cannot be written is not kept. Content is
// verified when it is read, so nobody can slip in another one.
#ifndef DEPS_LIB_OCI_CONTENT_CACHE_H_
#define DEPS_LIB_OCI_CONTENT_CACHE_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/oci/manifest.h"

namespace deps {

// Any number of threads and processes may use one folder at once.
class ContentCache {
 public:
  // Makes `folder`, with those above it, at the first write, for its owner
  // alone. "": nothing is kept.
  explicit ContentCache(std::string folder, int64_t max_bytes = int64_t{256} << 20);
  // Where something was written and more than `max_bytes` are there, removes
  // what was not used for longest.
  ~ContentCache();
  ContentCache(const ContentCache&) = delete;
  ContentCache& operator=(const ContentCache&) = delete;

  // Content of the digest, verified. What is larger than kMaxCachedBytes is not
  // kept.
  std::optional<OciManifest> Get(std::string_view digest) const;
  void Put(const OciManifest& content);

  struct Tags {
    std::string mark;  // The registry's ETag.
    std::vector<std::string> tags;
  };
  // `repository` is HOST/PATH.
  std::optional<Tags> GetTags(const std::string& repository) const;
  void PutTags(const std::string& repository, const Tags& tags);

 private:
  std::string ContentPath(std::string_view digest) const;
  std::string TagsPath(const std::string& repository) const;
  void Write(const std::string& path, std::string_view head, std::string_view bytes);
  void Shrink() const;

  const std::string folder_;
  const int64_t max_bytes_;
  std::atomic<bool> has_written_ = false;
};

inline constexpr size_t kMaxCachedBytes = size_t{32} << 20;

}  // namespace deps

#endif  // DEPS_LIB_OCI_CONTENT_CACHE_H_
