// References to bundles and images: [HOST[:PORT]/]PATH[:TAG][@DIGEST].
//
// Source: distribution/reference. A first element without '.', ':' and
// upper-case letters that is not "localhost" belongs to the path, and the host
// is docker.io; one-element paths there get "library/". "index.docker.io" is
// docker.io.
#ifndef DEPS_LIB_OCI_REFERENCE_H_
#define DEPS_LIB_OCI_REFERENCE_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace deps {

class Reference {
 public:
  // Errors: reference-invalid; digest-invalid.
  static absl::StatusOr<Reference> Parse(std::string_view text);

  const std::string& host() const { return host_; }  // "docker.io", "localhost:5000", "[::1]:5000"
  const std::string& path() const { return path_; }  // "library/mysql"
  const std::string& tag() const { return tag_; }    // "" where there is none.
  const std::string& digest() const { return digest_; }

  // HOST/PATH, always with the host.
  std::string Repository() const;
  // The repository as people write it: without "docker.io/" and "library/".
  std::string FamiliarRepository() const;
  // The last element of the path: "mysql".
  std::string Name() const;
  // The whole reference with the host; and as people write it.
  std::string Full() const;
  std::string Familiar() const;

  // The same repository with this tag or digest and nothing else.
  Reference WithTag(std::string_view tag) const;
  Reference WithDigest(std::string_view digest) const;

  bool operator==(const Reference&) const = default;

 private:
  std::string host_;
  std::string path_;
  std::string tag_;
  std::string digest_;
};

// "localhost:5000" -> "localhost"; "[::1]:5000" -> "[::1]".
std::string_view WithoutPort(std::string_view host);

// Whether `tag` is [\w][\w.-]{0,127}.
bool IsValidTag(std::string_view tag);

}  // namespace deps

#endif  // DEPS_LIB_OCI_REFERENCE_H_
