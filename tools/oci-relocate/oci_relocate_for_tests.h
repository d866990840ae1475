// What tests of oci-relocate begin with: the command, and bundles to relocate.
#ifndef DEPS_TOOLS_OCI_RELOCATE_OCI_RELOCATE_FOR_TESTS_H_
#define DEPS_TOOLS_OCI_RELOCATE_OCI_RELOCATE_FOR_TESTS_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "lib/cli/command.h"
#include "lib/io/file.h"
#include "lib/model/relocation.h"
#include "lib/oci/registry.h"
#include "lib/oci/strict_registry.h"
#include "lib/oci/testing_registry.h"
#include "lib/relocate/family_for_tests.h"

namespace deps {

struct Result {
  ExitCode code;
  std::string out;
  std::string err;
};

// Runs the command, in an empty environment.
Result Execute(
    const std::vector<std::string>& args,
    std::function<std::optional<std::string>(std::string_view)> getenv = EmptyEnvironment);

// The content of a file that is there.
std::string Text(const std::string& path);

// A registry with bundles team/{app:v3.0.0,web:v2.0.0,db:v1.0.0}: app needs db and
// web, web needs db. And a registry without anything.
class ThreeBundlesTest : public testing::Test {
 protected:
  void SetUp() override;

  std::string Path(std::string_view name) const;
  // To a.tgz.
  void Pack();
  // The document of a command that succeeded in silence.
  Relocation Report(const Result& result);

  TemporaryFolder folder_ = *TemporaryFolder::Create("relocate-test-");
  TestingRegistry source_;
  TestingRegistry target_;
  FamilyMaker maker_;
  std::unique_ptr<Registry> registry_;  // A client of both.
  std::string app_;
};

// An archive of example.com/app:v2.0.0, which needs example.com/db:v1.0.0.
class PublishingTest : public testing::Test {
 protected:
  void SetUp() override;

  // "0", or exit status and what is said on standard error, with REGISTRY for
  // `host` and FOLDER for folder_.
  std::string Outcome(std::vector<std::string> args, const std::string& host);
  std::string Publish(StrictRegistry& registry);

  TemporaryFolder folder_ = *TemporaryFolder::Create("bad-registries-");
  FamilyMaker maker_;
  std::string archive_;
  std::optional<std::string> proxy_;  // For https.
};

}  // namespace deps

#endif  // DEPS_TOOLS_OCI_RELOCATE_OCI_RELOCATE_FOR_TESTS_H_
