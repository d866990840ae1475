// A server of Workflow resources that answers what a test has prepared, and an
// engine that asks it.
#ifndef DEPS_LIB_ENGINE_ARGO_TESTING_ARGO_H_
#define DEPS_LIB_ENGINE_ARGO_TESTING_ARGO_H_

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "lib/engine/engine.h"
#include "lib/http/testing_server.h"
#include "lib/io/file.h"
#include "lib/model/plan.h"

namespace deps {

inline constexpr char kWorkflows[] = "/apis/argoproj.io/v1alpha1/namespaces/dev/workflows";
inline constexpr char kRun[] = "dev/deps-01abc";
inline constexpr char kLongAgo[] = "2026-01-02T03:04:05Z";

Plan OneTask(const std::string& word = "one");

// The resource of OneTask as a server has it.
std::string Resource(const std::string& phase, const std::string& node_phase = "",
                     const std::string& version = "5", const std::string& shutdown = "",
                     const std::string& created = absl::FormatTime(absl::Now()));

// Answers of a server, and parts of them.
std::string Event(const std::string& type, const std::string& object);
std::string Ok(const std::string& body);
std::string Kind(const std::string& status, const std::string& message);
std::string Pod(const std::string& name, const std::string& node, const std::string& phase);
std::string Pods(const std::vector<std::string>& pods);

class ArgoTest : public testing::Test {
 protected:
  ArgoTest();

  std::unique_ptr<Engine> NewEngine(const std::string& config = "{}");
  std::unique_ptr<Engine> NewServerEngine() {
    return NewEngine(absl::StrCat(R"({"server":")", server_.url(), R"("})"));
  }

  static EngineRun Run() { return {.id = "01ABC", .plan = OneTask()}; }

  TemporaryFolder folder_;
  std::deque<std::string> answers_;
  bool repeat_ = false;  // The last answer is given again and again.
  std::vector<std::string> requests_;
  std::vector<std::string> bodies_;
  std::vector<std::string> heads_;
  absl::Duration slept_;
  std::map<std::string, std::string> environment_;
  TestingServer server_;
};

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_ARGO_TESTING_ARGO_H_
