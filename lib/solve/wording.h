// How packages, candidates and requirements are called in sentences.
#ifndef DEPS_LIB_SOLVE_WORDING_H_
#define DEPS_LIB_SOLVE_WORDING_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "lib/solve/package_space.h"
#include "lib/solve/solver.h"

namespace deps {

// "a", "a and b", "a, b and c"; of very many the first, "and 984 more".
std::string JoinWords(const std::vector<std::string>& words, const std::string& last = "and");

class Wording {
 public:
  // `packages` are those that will be spoken of: names are as short as they can
  // be without being mistaken.
  Wording(const PackageSpace& space, const std::set<PackageId>& packages);

  // "db", "example.com/db", "db (root/web/db)".
  const std::string& Name(PackageId package) const { return names_.at(package); }
  // "2.1.0 and 2.0.0"; eight or more in a row as "1.0.0 to 1.9.0 (10 versions)".
  std::string List(PackageId package, const CandidateSet& candidates,
                   const std::string& last = "and") const;
  // "web 1.0.0", "web 1.1.0 and 1.0.0", "no version of web" where there is none.
  std::string Some(PackageId package, const CandidateSet& candidates,
                   const std::string& last = "and") const;
  bool IsOne(PackageId package, const CandidateSet& candidates) const;
  // What is asked for: "db ^2", "db v1.0.0".
  std::string Demand(int requirement) const;
  // What the requirement's package has: "db has 1.0.0 and 1.1.0".
  std::string Stock(PackageId package) const;

 private:
  std::string ShortName(PackageId package) const;
  std::string Label(PackageId package, size_t candidate) const;
  std::vector<std::string> Labels(PackageId package, const CandidateSet& candidates) const;

  const PackageSpace& space_;
  std::map<PackageId, std::string> names_;
};

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_WORDING_H_
