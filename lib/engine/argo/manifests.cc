#include "lib/engine/argo/manifests.h"

#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/json/json.h"
#include "lib/yaml/write.h"

namespace deps {
namespace {

using json::Value;

Value Quoted(std::string_view text) { return Value::String(text); }
Value Members(std::vector<json::Member> members) { return Value::Object(std::move(members)); }
Value List(std::vector<Value> items) { return Value::Array(std::move(items)); }

class Manifests {
 public:
  explicit Manifests(const ArgoOptions& options) : options_(options) {}

  std::string Text() const {
    std::string text =
        "# What a namespace needs once for workflows of deps-run: kubectl apply -f FILE\n"
        "# Whoever may create workflows here may use every service account here: give what\n"
        "# must be apart a namespace of its own.\n";
    Add("The identity under which tasks read secrets. Bind roles of the secret store to\n"
        "# this account, this namespace and the audience " +
            options_.audience +
            ". In Kubernetes it needs leases, by\n"
            "# which no attempt is started twice; and for kubernetes: references get of the\n"
            "# Secrets that they name.",
        Account(options_.service_account), &text);
    Add("",
        Role(options_.service_account, {{"coordination.k8s.io", {"leases"}, {"create", "get"}}}),
        &text);
    Add("", Binding(options_.service_account), &text);
    Add("Under this one Argo's executor reports results.", Account(options_.executor_account),
        &text);
    Add("",
        Role(options_.executor_account,
             {{"argoproj.io", {"workflowtaskresults"}, {"create", "patch"}}}),
        &text);
    Add("", Binding(options_.executor_account), &text);
    Add("Argo mounts the token of that account by this name into each pod's executor, and\n"
        "# Kubernetes makes none by itself.",
        Token(options_.executor_account), &text);
    Add("For those who submit: bind it to users, groups or service accounts.",
        Role("deps-submitter",
             {{"argoproj.io", {"workflows"}, {"create", "get", "list", "watch", "patch", "delete"}},
              {"", {"pods"}, {"get", "list"}},
              {"", {"pods/log"}, {"get"}}}),
        &text);
    Add("Nobody connects to a task. Tasks reach what bundles need, but not the metadata\n"
        "# service of a cloud, which would give them the identity of the node.",
        Network(), &text);
    return text;
  }

 private:
  struct Rule {
    std::string_view group;
    std::vector<std::string> resources;
    std::vector<std::string> verbs;
  };

  static void Add(std::string_view comment, const Value& document, std::string* text) {
    absl::StrAppend(text, "---\n");
    if (!comment.empty()) absl::StrAppend(text, "# ", comment, "\n");
    absl::StrAppend(text, yaml::Format(document));
  }

  Value Metadata(std::string_view name) const {
    Value metadata = Members({{"name", Quoted(name)}});
    if (!options_.name_space.empty()) metadata.Set("namespace", Quoted(options_.name_space));
    return metadata;
  }

  Value Account(std::string_view name) const {
    return Members({{"apiVersion", Quoted("v1")},
                    {"kind", Quoted("ServiceAccount")},
                    {"metadata", Metadata(name)},
                    {"automountServiceAccountToken", Value::Boolean(false)}});
  }

  // For the account `name`; Kubernetes fills it.
  Value Token(std::string_view name) const {
    Value metadata = Metadata(absl::StrCat(name, ".service-account-token"));
    metadata.Set("annotations", Members({{"kubernetes.io/service-account.name", Quoted(name)}}));
    return Members({{"apiVersion", Quoted("v1")},
                    {"kind", Quoted("Secret")},
                    {"metadata", std::move(metadata)},
                    {"type", Quoted("kubernetes.io/service-account-token")}});
  }

  Value Role(std::string_view name, const std::vector<Rule>& rules) const {
    Value list = List({});
    for (const Rule& rule : rules) {
      list.items.push_back(Members({{"apiGroups", List({Quoted(rule.group)})},
                                    {"resources", Value::Strings(rule.resources)},
                                    {"verbs", Value::Strings(rule.verbs)}}));
    }
    return Members({{"apiVersion", Quoted("rbac.authorization.k8s.io/v1")},
                    {"kind", Quoted("Role")},
                    {"metadata", Metadata(name)},
                    {"rules", list}});
  }

  // Gives the account `name` the role of the same name.
  Value Binding(std::string_view name) const {
    Value account = Members({{"kind", Quoted("ServiceAccount")}, {"name", Quoted(name)}});
    if (!options_.name_space.empty()) account.Set("namespace", Quoted(options_.name_space));
    return Members({{"apiVersion", Quoted("rbac.authorization.k8s.io/v1")},
                    {"kind", Quoted("RoleBinding")},
                    {"metadata", Metadata(name)},
                    {"roleRef", Members({{"apiGroup", Quoted("rbac.authorization.k8s.io")},
                                         {"kind", Quoted("Role")},
                                         {"name", Quoted(name)}})},
                    {"subjects", List({std::move(account)})}});
  }

  static Value Reach(std::string_view block, std::string_view except) {
    return Members(
        {{"ipBlock", Members({{"cidr", Quoted(block)}, {"except", List({Quoted(except)})}})}});
  }

  Value Network() const {
    return Members(
        {{"apiVersion", Quoted("networking.k8s.io/v1")},
         {"kind", Quoted("NetworkPolicy")},
         {"metadata", Metadata("deps-tasks")},
         {"spec",
          Members(
              {{"podSelector", Members({{"matchLabels", Members({{"app.kubernetes.io/managed-by",
                                                                  Quoted("deps-run")}})}})},
               {"policyTypes", Value::Strings({"Ingress", "Egress"})},
               {"ingress", List({})},
               {"egress", List({Members({{"to", List({Reach("0.0.0.0/0", "169.254.0.0/16"),
                                                      Reach("::/0", "fd00:ec2::/64")})}})})}})}});
  }

  const ArgoOptions& options_;
};

}  // namespace

std::string ArgoManifests(const ArgoOptions& options) { return Manifests(options).Text(); }

}  // namespace deps
