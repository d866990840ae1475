// The tag under which Porter pushes an image before it knows its digest.
//
// Source: Porter, CalculateTemporaryImageTag.
#ifndef DEPS_LIB_RELOCATE_PORTER_TAG_H_
#define DEPS_LIB_RELOCATE_PORTER_TAG_H_

#include <string>
#include <string_view>

namespace deps {

// "porter-" and the MD5 of the image's reference as people write it, with its
// tag or digest: of "mysql:8.0", not of "docker.io/library/mysql:8.0".
std::string PorterTag(std::string_view image);

}  // namespace deps

#endif  // DEPS_LIB_RELOCATE_PORTER_TAG_H_
