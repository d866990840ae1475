#include "lib/relocate/porter_tag.h"

#include <openssl/md5.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "lib/oci/reference.h"

namespace deps {

std::string PorterTag(std::string_view image) {
  const absl::StatusOr<Reference> reference = Reference::Parse(image);
  const std::string name = reference.ok() ? reference->Familiar() : std::string(image);
  uint8_t digest[MD5_DIGEST_LENGTH];
  MD5(reinterpret_cast<const uint8_t*>(name.data()), name.size(), digest);
  return absl::StrCat("porter-", absl::BytesToHexString(std::string_view(
                                     reinterpret_cast<const char*>(digest), sizeof(digest))));
}

}  // namespace deps
