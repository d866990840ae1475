// What may stand for one package, best first.
#ifndef DEPS_LIB_SOLVE_CANDIDATE_LIST_H_
#define DEPS_LIB_SOLVE_CANDIDATE_LIST_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "lib/semver/semver.h"
#include "lib/solve/contender.h"

namespace deps {

// The tags of one repository that are versions, best first.
using VersionTags = std::shared_ptr<const std::vector<VersionTag>>;

// Tags are shared with other lists and made into contenders when they are
// asked for: a million of them cost each list nothing.
class CandidateList {
 public:
  void Add(Contender candidate);
  void AddTags(const std::string& repository, VersionTags tags, const std::string& by);
  void Append(const CandidateList& other);

  size_t size() const { return size_; }
  Contender At(size_t number) const;
  // Each once, in their order.
  std::vector<std::string> Repositories() const;

 private:
  struct Part {
    size_t begin = 0;
    std::vector<Contender> listed;  // Or:
    VersionTags tags;
    std::string repository;
    std::string by;
  };
  size_t size_ = 0;
  std::vector<Part> parts_;
};

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_CANDIDATE_LIST_H_
