#include "lib/solve/solver_families.h"

#include <algorithm>
#include <random>

namespace deps {
namespace {

// A root that needs any version of these packages, which are added afterwards.
Universe WithRoot(uint32_t count, uint32_t versions) {
  Universe universe;
  universe.AddPackage();
  std::vector<Need> needs;
  for (uint32_t i = 1; i <= count; ++i) needs.push_back({static_cast<PackageId>(i), 0, versions});
  universe.AddVersion(needs);
  return universe;
}

}  // namespace

absl::StatusOr<std::vector<PackageRequirement>> UniverseProblem::Requirements(PackageId package,
                                                                              size_t candidate) {
  ++asked;
  std::vector<PackageRequirement> requirements;
  requirements.reserve(universe_.NeedsEnd(package, candidate) -
                       universe_.NeedsBegin(package, candidate));
  const Need* end = universe_.NeedsEnd(package, candidate);
  for (const Need* need = universe_.NeedsBegin(package, candidate); need != end; ++need) {
    const size_t versions = universe_.VersionsOf(need->package);
    requirements.push_back({need->package, CandidateSet::Range(versions, need->begin, need->end)});
  }
  return requirements;
}

Universe Chain(uint32_t length) {
  Universe universe = WithRoot(1, 1);
  for (uint32_t i = 1; i <= length; ++i) {
    universe.AddPackage();
    std::vector<Need> needs;
    if (i < length) needs.push_back({static_cast<PackageId>(i + 1), 0, 1});
    universe.AddVersion(needs);
  }
  return universe;
}

Universe Layered(uint32_t packages, uint32_t versions, uint32_t needs) {
  std::mt19937 random(packages);
  Universe universe = WithRoot(std::min(packages, 5U), versions);
  for (uint32_t package = 1; package <= packages; ++package) {
    universe.AddPackage();
    for (uint32_t version = 0; version < versions; ++version) {
      std::vector<Need> some;
      for (uint32_t i = 0; i < needs && package < packages; ++i) {
        const uint32_t reach = std::min(packages - package, packages / 10 + 5);
        some.push_back({static_cast<PackageId>(package + 1 + random() % reach), 0,
                        1 + static_cast<uint32_t>(random() % versions)});
      }
      universe.AddVersion(some);
    }
  }
  return universe;
}

Universe WrongBacktracking(uint32_t versions) {
  Universe universe = WithRoot(2, versions);
  universe.AddPackage();
  universe.AddVersion({});
  universe.AddVersion({});
  universe.AddPackage();
  for (uint32_t version = 0; version < versions; ++version) {
    universe.AddVersion(version + 1 < versions ? std::vector<Need>{{1, 1, 2}}
                                               : std::vector<Need>());
  }
  return universe;
}

Universe ExactWindows(uint32_t length, uint32_t versions) {
  Universe universe = WithRoot(1, versions);
  for (uint32_t package = 1; package <= length; ++package) {
    universe.AddPackage();
    for (uint32_t version = 0; version < versions; ++version) {
      const PackageId next = static_cast<PackageId>(package + 1);
      const bool last = package == length;
      universe.AddVersion(!last                    ? std::vector<Need>{{next, version, version + 1}}
                          : version + 1 < versions ? std::vector<Need>{{next, 0, 1}}
                                                   : std::vector<Need>());
    }
  }
  universe.AddPackage();  // Has no versions.
  return universe;
}

Universe Pigeonhole(uint32_t holes) {
  Universe universe = WithRoot(holes + 1, holes);
  for (uint32_t pigeon = 0; pigeon <= holes; ++pigeon) {
    universe.AddPackage();
    for (uint32_t hole = 0; hole < holes; ++hole) {
      universe.AddVersion({{static_cast<PackageId>(holes + 2 + hole), pigeon, pigeon + 1}});
    }
  }
  for (uint32_t hole = 0; hole < holes; ++hole) {
    universe.AddPackage();
    for (uint32_t pigeon = 0; pigeon <= holes; ++pigeon) universe.AddVersion({});
  }
  return universe;
}

Universe Overconstrained(uint32_t packages, uint32_t versions, uint32_t seed) {
  std::mt19937 random(seed);
  Universe universe = WithRoot(8, versions);
  for (uint32_t package = 1; package <= packages; ++package) {
    universe.AddPackage();
    for (uint32_t version = 0; version < versions; ++version) {
      std::vector<Need> needs;
      for (uint32_t i = 0; i < 4; ++i) {
        const PackageId other = static_cast<PackageId>(1 + random() % packages);
        if (other == static_cast<PackageId>(package)) continue;
        const uint32_t begin = static_cast<uint32_t>(random() % versions);
        needs.push_back({other, begin, std::min(versions, begin + 1 + versions / 4)});
      }
      universe.AddVersion(needs);
    }
  }
  return universe;
}

Universe BrokenVersions(uint32_t versions) {
  Universe universe = WithRoot(1, versions);
  universe.AddPackage();
  for (uint32_t version = 0; version < versions; ++version) universe.AddVersion({{2, 0, 1}});
  universe.AddPackage();  // Has no versions.
  return universe;
}

Universe Pairs(uint32_t pairs) {
  Universe universe = WithRoot(2 * pairs, 4);
  for (uint32_t i = 0; i < pairs; ++i) {
    universe.AddPackage();
    for (uint32_t version = 0; version < 4; ++version) universe.AddVersion({});
  }
  for (uint32_t i = 1; i <= pairs; ++i) {
    universe.AddPackage();
    for (uint32_t version = 0; version < 4; ++version) {
      universe.AddVersion({{static_cast<PackageId>(i), 1, 4}});
    }
  }
  return universe;
}

Universe Hub(uint32_t packages, uint32_t versions) {
  std::mt19937 random(packages);
  Universe universe = WithRoot(packages, 1);
  for (uint32_t i = 0; i < packages; ++i) {
    universe.AddPackage();
    const uint32_t begin = static_cast<uint32_t>(random() % (versions / 2));
    universe.AddVersion({{static_cast<PackageId>(packages + 1), begin, versions}});
  }
  universe.AddPackage();
  for (uint32_t version = 0; version < versions; ++version) universe.AddVersion({});
  return universe;
}

}  // namespace deps
