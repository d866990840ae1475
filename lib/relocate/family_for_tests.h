// A family of made-up bundles whose blobs are in a private folder.
#ifndef DEPS_LIB_RELOCATE_FAMILY_FOR_TESTS_H_
#define DEPS_LIB_RELOCATE_FAMILY_FOR_TESTS_H_

#include <map>
#include <string>
#include <vector>

#include "lib/relocate/family.h"

namespace deps {

class FamilyMaker {
 public:
  FamilyMaker();

  // Adds a bundle REPOSITORY:vVERSION with one invocation image of one layer,
  // whose v2 requirements are `references` (alias -> as written, with "|RANGE"
  // behind it where there is a range) and are met by
  // the members with the same alias in `members` (alias -> Source()). Returns
  // its Source().
  std::string Add(const std::string& repository, const std::string& version,
                  const std::map<std::string, std::string>& references = {},
                  const std::map<std::string, std::string>& members = {});

  // Adds a blob of any content; returns its digest.
  std::string AddBlob(const std::string& bytes);

  Family family;
  // "linux/amd64", …: images of bundles added later are indexes of such
  // manifests; else each is one manifest.
  std::vector<std::string> platforms;
  // And each such index is the only one in another, so many times.
  int indexes_above = 0;
  // Descriptors, in JSON, of what images of bundles added later have besides their layer.
  std::vector<std::string> more_layers;

 private:
  struct Image {
    std::string bytes;
    std::string media_type;
  };
  std::string AddManifest(const std::string& layer);
  Image AddImage(const std::string& layer);
};

}  // namespace deps

#endif  // DEPS_LIB_RELOCATE_FAMILY_FOR_TESTS_H_
