#include "lib/engine/argo/testing_argo.h"

#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_join.h"
#include "lib/engine/argo/argo.h"
#include "lib/engine/argo/render.h"
#include "lib/json/json.h"

namespace deps {

using json::Value;

Plan OneTask(const std::string& word) {
  Plan plan{.action = "install", .installation = {.name_space = "dev", .name = "shop"}};
  PlannedTask root{.id = "root", .action = "install", .installation = {.name = {"dev", "shop"}}};
  root.bundle.invocation_images = {{.image = "example.com/shop:1"}};
  root.parameters["word"] = {.value = json::ToText(Value::String(word))};
  plan.tasks = {root};
  plan.stages = {{"root"}};
  plan.digest = PlanDigest(plan);
  return plan;
}

std::string Resource(const std::string& phase, const std::string& node_phase,
                     const std::string& version, const std::string& shutdown,
                     const std::string& created) {
  const absl::StatusOr<JsonText> text =
      RenderArgo(OneTask(), {.name = "deps-01abc", .id = "01ABC", .revision = 1});
  EXPECT_TRUE(text.ok()) << text.status();
  Value resource = Value::Of(*text);
  resource.Find("metadata")->Set("resourceVersion", Value::String(version));
  resource.Find("metadata")->Set("creationTimestamp", Value::String(created));
  if (!shutdown.empty()) resource.Find("spec")->Set("shutdown", Value::String(shutdown));
  Value nodes = Value::Object();
  if (!node_phase.empty()) {
    nodes.Set("deps-01abc-7", Value::Object({{"id", Value::String("deps-01abc-7")},
                                             {"name", Value::String("deps-01abc.root")},
                                             {"templateName", Value::String("root")},
                                             {"type", Value::String("Pod")},
                                             {"phase", Value::String(node_phase)}}));
  }
  resource.Set("status", Value::Object({{"phase", Value::String(phase)}, {"nodes", nodes}}));
  return json::Canonical(resource);
}

std::string Event(const std::string& type, const std::string& object) {
  return absl::StrCat(R"({"type":")", type, R"(","object":)", object, "}");
}

std::string Ok(const std::string& body) { return Answer("200 OK", {}, body); }

std::string Kind(const std::string& status, const std::string& message) {
  return Answer(status, {}, absl::StrCat(R"({"kind":"Status","message":")", message, "\"}"));
}

std::string Pod(const std::string& name, const std::string& node, const std::string& phase) {
  const Value annotations =
      Value::Object({{"workflows.argoproj.io/node-name", Value::String(node)}});
  return json::Canonical(Value::Object(
      {{"metadata", Value::Object({{"name", Value::String(name)}, {"annotations", annotations}})},
       {"status", Value::Object({{"phase", Value::String(phase)}})}}));
}

std::string Pods(const std::vector<std::string>& pods) {
  return Ok(absl::StrCat(R"({"items":[)", absl::StrJoin(pods, ","), "]}"));
}

ArgoTest::ArgoTest()
    : folder_(*TemporaryFolder::Create("argo-test")), server_([this](const std::string& request) {
        requests_.push_back(request.substr(0, request.find(" HTTP/1.1")));
        bodies_.push_back(request.substr(request.find("\r\n\r\n") + 4));
        heads_.push_back(request.substr(0, request.find("\r\n\r\n")));
        if (answers_.empty()) return Kind("404 Not Found", "nothing is prepared");
        std::string answer = answers_.front();
        if (answers_.size() > 1 || !repeat_) answers_.pop_front();
        return answer;
      }) {
  environment_["KUBECONFIG"] = folder_.path() + "/config";
  EXPECT_TRUE(
      WriteFile(environment_["KUBECONFIG"],
                absl::StrCat("current-context: here\ncontexts:\n- name: here\n  context: "
                             "{cluster: c, user: u, namespace: dev}\nclusters:\n- name: "
                             "c\n  cluster: {server: '",
                             server_.url(), "'}\nusers:\n- name: u\n  user: {token: kube-token}\n"))
          .ok());
}

std::unique_ptr<Engine> ArgoTest::NewEngine(const std::string& config) {
  const absl::StatusOr<ArgoConfig> argo = ParseArgoConfig({config}, folder_.path());
  EXPECT_TRUE(argo.ok()) << argo.status();
  return MakeArgoEngine(
      *argo,
      [this](std::string_view name) -> std::optional<std::string> {
        const auto found = environment_.find(std::string(name));
        if (found == environment_.end()) return std::nullopt;
        return found->second;
      },
      [this](absl::Duration duration) { slept_ += duration; });
}

}  // namespace deps
