// Whether an installation is in the way of one that a plan would make.
#ifndef DEPS_LIB_MODEL_INSTALLATION_CLASH_H_
#define DEPS_LIB_MODEL_INSTALLATION_CLASH_H_

#include <string>

#include "lib/model/bundle.h"
#include "lib/model/installation.h"
#include "lib/model/plan.h"

namespace deps {

// Why `existing`, which has the name of `planned`, is not what the plan would
// install, as the end of a sentence about it: "belongs to dev/other". "" where
// it is not installed, or is the very thing: for the same parent or in the same
// sharing group, of the same repository and, where shared, of the same digest.
std::string ClashOf(const PlannedInstallation& planned, const Bundle& bundle,
                    const Installation& existing);

}  // namespace deps

#endif  // DEPS_LIB_MODEL_INSTALLATION_CLASH_H_
