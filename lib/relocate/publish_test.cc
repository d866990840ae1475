#include "lib/relocate/publish.h"

#include <sys/resource.h>

#include <thread>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "lib/model/relocation.h"
#include "lib/oci/testing_registry.h"
#include "lib/relocate/family_for_tests.h"
#include "lib/relocate/plan.h"

namespace deps {
namespace {

TEST(PublishTest, ARegistryOnThisMachineGoesFirst) {
  TestingRegistry server;
  FamilyMaker maker;
  maker.Add("origin.io/app", "1.0.0");
  const absl::StatusOr<RelocationPlan> plan =
      PlanRelocation(maker.family, {.registry = server.host()});
  ASSERT_TRUE(plan.ok()) << plan.status();
  std::thread([&] {
    const absl::StatusOr<Relocation> pushed = Publish(maker.family, *plan, *server.Client(), {});
    EXPECT_TRUE(pushed.ok()) << pushed.status();
    EXPECT_GE(getpriority(PRIO_PROCESS, 0), 10);
  }).join();
}

}  // namespace
}  // namespace deps
