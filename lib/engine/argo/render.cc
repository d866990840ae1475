#include "lib/engine/argo/render.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "lib/agent/bundle_files.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/engine/argo/pod_volumes.h"
#include "lib/engine/argo/task_step.h"
#include "lib/yaml/write.h"

namespace deps {
namespace {

using json::Value;

Value Text(std::string_view text) { return Value::String(text); }
Value Members(std::vector<json::Member> members) { return Value::Object(std::move(members)); }
Value List(std::vector<Value> items) { return Value::Array(std::move(items)); }

// Argo expands {{ }} wherever text stands; this expands to itself.
std::string Inert(std::string_view text) {
  return absl::StrReplaceAll(text, {{"{{", "{{='{{'}}"}});
}

// How Argo calls an output, as a parameter of the workflow or of a template.
std::string ParameterName(const TaskItem& item) {
  return absl::StrCat(ArgoName(item.task), "-Xout-", ArgoName(item.name));
}

Value Mount(std::string_view volume, std::string_view path) {
  return Members({{"name", Text(volume)}, {"mountPath", Text(path)}});
}

Value Variable(std::string_view name, std::string_view value) {
  return Members({{"name", Text(name)}, {"value", Text(value)}});
}

// A variable that has a field of the pod.
Value Field(std::string_view name, std::string_view path) {
  return Members({{"name", Text(name)},
                  {"valueFrom", Members({{"fieldRef", Members({{"fieldPath", Text(path)}})}})}});
}

class Renderer {
 public:
  Renderer(const Plan& plan, const ArgoOptions& options)
      : plan_(plan), options_(options), steps_(plan) {}

  absl::StatusOr<Value> Run() {
    Value tasks = List({});
    Value templates = List({Value::Null()});
    for (const PlannedTask& task : plan_.tasks) {
      if (task.action == "skip") continue;
      absl::StatusOr<TaskStep> step = steps_.Make(task);
      if (!step.ok()) {
        Add(step.status());
        continue;
      }
      Check(*step);
      if (!errors_.empty()) continue;
      tasks.items.push_back(DagTask(*step));
      templates.items.push_back(Template(*step));
    }
    if (!errors_.empty()) return MakeErrors(std::move(errors_));
    templates.items[0] = Members(
        {{"name", Text("main")},
         {"dag", Members({{"failFast", Value::Boolean(options_.fail_fast)}, {"tasks", tasks}})},
         {"outputs", Members({{"parameters", PlanOutputs()}})}});
    return Workflow(std::move(templates));
  }

 private:
  void Add(const absl::Status& status) {
    const std::vector<Diagnostic> found = DiagnosticsOf(status);
    errors_.insert(errors_.end(), found.begin(), found.end());
  }

  void Fail(DiagnosticId id, std::string message, std::string hint) {
    errors_.push_back({.id = id, .message = std::move(message), .hint = std::move(hint)});
  }

  void Check(const TaskStep& step) {
    const PlannedTask& task = step.task;
    for (const auto* sources : {&task.parameters, &task.credentials}) {
      for (const auto& [name, source] : *sources) CheckSecrets(task.id, name, source);
    }
    for (const auto& [name, output] : task.outputs) {
      if (!output.sensitive || !output.sink.empty()) continue;
      Fail(DiagnosticId::kPlanSink,
           absl::StrCat("the output \"", name, "\" of ", task.id,
                        " is sensitive and has no sink; a pod has no state that could keep it"),
           "name a provider that keeps values with --sink, as vault:kv/deps");
    }
    if (task.bundle.invocation_images.empty()) {
      Fail(DiagnosticId::kDocumentValue, absl::StrCat(task.id, " has no image to run"), "");
    }
  }

  void CheckSecrets(const std::string& task, const std::string& name, const ValueSource& source) {
    for (const auto& [inner, input] : source.inputs) CheckSecrets(task, name, input);
    if (source.kind != ValueSource::Kind::kSecret) return;
    for (const std::string_view provider : {"env:", "fd:", "command:"}) {
      if (!absl::StartsWith(source.text, provider)) continue;
      Fail(DiagnosticId::kSecretReference,
           absl::StrCat(task, "#", name, ": the secret ", source.text,
                        " is of the machine that deps-run runs on, and a pod is another"),
           "name it where a pod can fetch it, as vault:kv/app#token or kubernetes:app/token");
    }
  }

  // What has to be done before, behind what is skipped.
  const std::set<std::string>& NeedsOf(const PlannedTask& task) {
    const auto [found, fresh] = needs_.try_emplace(task.id);
    if (!fresh) return found->second;
    std::set<std::string> needs;
    for (const std::string& id : task.needs) {
      const PlannedTask* const need = steps_.Find(id);
      if (need == nullptr) continue;
      if (need->action != "skip") {
        needs.insert(id);
      } else {
        const std::set<std::string>& behind = NeedsOf(*need);
        needs.insert(behind.begin(), behind.end());
      }
    }
    return needs_[task.id] = std::move(needs);
  }

  bool IsSkipped(const std::string& id) const {
    const PlannedTask* const task = steps_.Find(id);
    return task == nullptr || task->action == "skip";
  }

  Value DagTask(const TaskStep& step) {
    Value task = Members({{"name", Text(ArgoName(step.task.id))},
                          {"template", Text(ArgoTemplateName(step.task.id))}});
    const std::set<std::string>& needs = NeedsOf(step.task);
    if (!needs.empty()) {
      task.Set("depends",
               Text(absl::StrJoin(needs, " && ", [](std::string* out, const std::string& need) {
                 absl::StrAppend(out, ArgoName(need), ".Succeeded");
               })));
    }
    Value parameters = List({});
    for (const TaskItem& item : step.inputs) {
      const std::string input = ParameterName(item);
      const bool given = IsSkipped(item.task);
      if (given) given_.insert(input);
      parameters.items.push_back(Members(
          {{"name", Text(input)},
           {"value",
            Text(given ? absl::StrCat("{{workflow.parameters.", input, "}}")
                       : absl::StrCat("{{tasks.", ArgoName(item.task), ".outputs.parameters.",
                                      ArgoName(item.name), "}}"))}}));
    }
    if (!step.inputs.empty()) task.Set("arguments", Members({{"parameters", parameters}}));
    return task;
  }

  // The files that the agent makes for the task, but where it is no mount.
  static std::vector<std::string> FilesOf(const PlannedTask& task, const Value& dependencies) {
    std::vector<std::string> aliases;
    for (const auto& [alias, bundle] : dependencies.members) aliases.push_back(alias);
    return FilesOfTask(task, aliases);
  }

  // Porter's: the bundle.json of each dependency, by alias.
  Value DependenciesOf(const PlannedTask& task) const {
    Value dependencies = Members({});
    for (const auto& [alias, bundle] : task.dependencies) {
      dependencies.Set(alias, Text(BundleFile(bundle)));
    }
    for (const std::string& need : task.needs) {
      std::string_view alias = need;
      const PlannedTask* const dependency = steps_.Find(need);
      if (dependency == nullptr || !absl::ConsumePrefix(&alias, absl::StrCat(task.id, "/")) ||
          absl::StrContains(alias, "/")) {
        continue;
      }
      dependencies.Set(alias, Text(BundleFile(dependency->bundle)));
    }
    return dependencies;
  }

  // The agent's document: the task, and which variable has which output.
  std::string StepDocument(const TaskStep& step) const {
    Plan alone{.action = plan_.action,
               .installation = plan_.installation,
               .digest = plan_.digest,
               .tasks = {step.task}};
    alone.tasks[0].dependencies.clear();  // The document has them as files.
    const Value document = Value::Of({FormatPlan(alone, json::Style::kCompact)});
    Value inputs = List({});
    for (const TaskItem& item : step.inputs) {
      inputs.items.push_back(
          Members({{"task", Text(item.task)},
                   {"name", Text(item.name)},
                   {"variable", Text(absl::StrCat("DEPS_INPUT_", inputs.items.size()))}}));
    }
    Value outputs = Members({});
    for (const auto& [name, output] : step.task.outputs) {
      if (!output.sensitive) outputs.Set(name, Text(FileOf(name)));
    }
    return json::Canonical(Members({{"apiVersion", Text("cnab-deps/v1")},
                                    {"kind", Text("Step")},
                                    {"plan", Text(plan_.digest)},
                                    {"task", document.Find("tasks")->items[0]},
                                    {"dependencies", DependenciesOf(step.task)},
                                    {"inputs", inputs},
                                    {"outputs", std::move(outputs)}}));
  }

  // Where Argo looks for an output.
  static std::string FileOf(const std::string& output) {
    return absl::StrCat("/deps/public/", ArgoName(output));
  }

  // Whether the bundle says that its action writes it.
  static bool HasOutput(const PlannedTask& task, const std::string& name) {
    const auto output = task.bundle.outputs.find(name);
    if (output == task.bundle.outputs.end() || output->second.apply_to.empty()) return true;
    const std::vector<std::string>& actions = output->second.apply_to;
    return std::find(actions.begin(), actions.end(), task.action) != actions.end();
  }

  static std::string ImageOf(const Bundle& bundle) {
    const Image& image = bundle.invocation_images.front();
    if (image.content_digest.empty() || absl::StrContains(image.image, "@")) return image.image;
    return absl::StrCat(image.image, "@", image.content_digest);
  }

  // Brings the agent, makes the files that are mounted in the bundle's container,
  // and notes in the cluster that the attempt has begun.
  static Value Installer(size_t files) {
    Value container = Members({{"name", Text("deps-agent")},
                               {"image", Text("{{workflow.parameters.agent-image}}")},
                               {"command", Value::Strings({"/deps-agent", "install", "/deps/bin",
                                                           absl::StrCat("--files=", files)})}});
    container.Set(
        "env",
        List({RunVariable(), SecretFolder(), Variable("DEPS_WORKFLOW", "{{workflow.name}}"),
              Field("DEPS_POD_NAME", "metadata.name"), Field("DEPS_POD_UID", "metadata.uid")}));
    container.Set("volumeMounts",
                  List({Mount("deps-bin", "/deps/bin"), SecretMount(), AccountMount()}));
    return container;
  }

  static Value SecretFolder() { return Variable("DEPS_SECRET_FOLDER", "/deps/secrets"); }

  static Value SecretMount() { return Mount("deps-secrets", "/deps/secrets"); }

  // File by file, as other drivers do it: the image may have more in those folders,
  // and its user may not be one who may write there.
  static Value FileMount(size_t number, const std::string& path) {
    Value mount = Mount("deps-secrets", Inert(path));
    mount.Set("subPath", Text(absl::StrCat(number)));
    return mount;
  }

  static Value RunVariable() {
    return Variable("DEPS_RUN", "{{workflow.uid}} {{workflow.creationTimestamp.s}}");
  }

  static Value AccountMount() {
    return Mount("deps-account", "/var/run/secrets/kubernetes.io/serviceaccount");
  }

  // Of the task's references to secrets.
  static std::set<std::string_view> ProvidersOf(const PlannedTask& task) {
    std::set<std::string_view> providers;
    const std::function<void(const ValueSource&)> add = [&](const ValueSource& source) {
      if (source.kind == ValueSource::Kind::kSecret) providers.insert(ProviderOf(source.text));
      for (const auto& [name, input] : source.inputs) add(input);
    };
    for (const auto* sources : {&task.parameters, &task.credentials}) {
      for (const auto& [name, source] : *sources) add(source);
    }
    for (const auto& [name, output] : task.outputs) {
      if (!output.sink.empty()) providers.insert(ProviderOf(output.sink));
    }
    return providers;
  }

  static std::string_view ProviderOf(std::string_view reference) {
    return reference.substr(0, reference.find(':'));
  }

  Value Template(const TaskStep& step) const {
    const PlannedTask& task = step.task;
    const InstallationName& installation = task.installation.name;
    Value inputs = Members({});
    Value env = List({RunVariable(), SecretFolder()});
    Value parameters = List({});
    for (size_t i = 0; i < step.inputs.size(); ++i) {
      const std::string name = ParameterName(step.inputs[i]);
      parameters.items.push_back(Members({{"name", Text(name)}}));
      env.items.push_back(Variable(absl::StrCat("DEPS_INPUT_", i),
                                   absl::StrCat("{{inputs.parameters.", name, "}}")));
    }
    if (!step.inputs.empty()) inputs.Set("parameters", parameters);
    inputs.Set("artifacts",
               List({Members(
                   {{"name", Text("step")},
                    {"path", Text("/deps/step.base64")},
                    {"raw", Members({{"data", Text(absl::Base64Escape(StepDocument(step)))}})}})}));
    Value outputs = List({});
    for (const auto& [name, output] : task.outputs) {
      if (output.sensitive || !HasOutput(task, name)) continue;
      Value from = Members({{"path", Text(FileOf(name))}});
      // It may leave them out, and Argo would start it again for want of them.
      if (task.action == "uninstall") from.Set("default", Text(""));
      outputs.items.push_back(Members({{"name", Text(ArgoName(name))}, {"valueFrom", from}}));
    }
    Value container =
        Members({{"image", Text(Inert(ImageOf(task.bundle)))},
                 {"command", Value::Strings({"/deps/bin/deps-agent", "exec",
                                             "--step=/deps/step.base64", "--", "/cnab/app/run"})}});
    container.Set("env", env);
    Value mounts =
        List({Mount("deps-bin", "/deps/bin"), SecretMount(), Mount("deps-public", "/deps/public"),
              Mount("cnab-outputs", "/cnab/app/outputs")});
    const std::vector<std::string> files = FilesOf(task, DependenciesOf(task));
    for (size_t i = 0; i < files.size(); ++i) mounts.items.push_back(FileMount(i, files[i]));
    // What the bundle could take for itself is there only where the task needs it.
    std::set<std::string_view> providers = ProvidersOf(task);
    if (providers.erase("kubernetes") > 0) mounts.items.push_back(AccountMount());
    providers.erase("file");
    if (!providers.empty()) mounts.items.push_back(Mount("deps-identity", "/deps/identity"));
    container.Set("volumeMounts", std::move(mounts));
    Value shown = Members(
        {{"name", Text(ArgoTemplateName(task.id))},
         {"retryStrategy", Retries()},
         {"metadata",
          Members({{"annotations", Members({{"cnab-deps/task", Text(Inert(task.id))},
                                            {"cnab-deps/installation",
                                             Text(Inert(absl::StrCat(installation.name_space, "/",
                                                                     installation.name)))}})}})},
         {"synchronization",
          Members({{"mutexes",
                    List({Members(
                        {{"name", Text(absl::StrCat(
                                      "deps-", ArgoName(absl::StrCat(installation.name_space, "/",
                                                                     installation.name))))}})})}})},
         {"inputs", inputs},
         {"initContainers", List({Installer(files.size())})},
         {"container", container}});
    if (options_.timeout_seconds > 0) {
      shown.Set("activeDeadlineSeconds", Text(absl::StrCat(options_.timeout_seconds)));
    }
    if (!outputs.items.empty()) shown.Set("outputs", Members({{"parameters", outputs}}));
    return shown;
  }

  // Those of the plan's outputs that are one plain output of a task that runs.
  Value PlanOutputs() const {
    Value outputs = List({});
    for (const auto& [name, source] : plan_.outputs) {
      if (source.kind != ValueSource::Kind::kOutput || IsSkipped(source.item.task)) continue;
      const PlannedTask& task = *steps_.Find(source.item.task);
      const auto output = task.outputs.find(source.item.name);
      if (output == task.outputs.end() || output->second.sensitive) continue;
      const std::string value = absl::StrCat("{{tasks.", ArgoName(task.id), ".outputs.parameters.",
                                             ArgoName(source.item.name), "}}");
      outputs.items.push_back(Members(
          {{"name", Text(ArgoName(name))}, {"valueFrom", Members({{"parameter", Text(value)}})}}));
    }
    return outputs;
  }

  Value Retries() const {
    const bool any = options_.retries > 0;
    return Members({{"limit", Text(any ? absl::StrCat(options_.retries) : "2")},
                    {"retryPolicy", Text(any ? "Always" : "OnError")},
                    {"backoff", Members({{"duration", Text("10s")},
                                         {"factor", Text("2")},
                                         {"maxDuration", Text("15m")}})}});
  }

  Value Metadata() const {
    Value metadata = Members(
        {{"name", Text(options_.name.empty() ? absl::StrCat("deps-", plan_.digest.substr(7, 12))
                                             : options_.name)}});
    if (!options_.name_space.empty()) metadata.Set("namespace", Text(options_.name_space));
    metadata.Set("labels", Labels());
    Value annotations = Members({{"cnab-deps/plan-digest", Text(plan_.digest)}});
    if (!options_.id.empty()) {
      annotations.Set("cnab-deps/workflow", Text(options_.id));
      annotations.Set("cnab-deps/revision", Text(absl::StrCat(options_.revision)));
    }
    metadata.Set("annotations", std::move(annotations));
    return metadata;
  }

  static Value Labels() { return Members({{"app.kubernetes.io/managed-by", Text("deps-run")}}); }

  Value Workflow(Value templates) const {
    Value parameters = List(
        {Members({{"name", Text("agent-image")}, {"value", Text(Inert(options_.agent_image))}})});
    for (const std::string& name : given_) {
      parameters.items.push_back(Members({{"name", Text(name)}}));
    }
    Value spec =
        Members({{"entrypoint", Text("main")},
                 {"arguments", Members({{"parameters", parameters}})},
                 {"serviceAccountName", Text(options_.service_account)},
                 {"automountServiceAccountToken", Value::Boolean(false)},
                 {"executor", Members({{"serviceAccountName", Text(options_.executor_account)}})},
                 {"podMetadata", Members({{"labels", Labels()}})},
                 {"archiveLogs", Value::Boolean(false)},
                 {"volumes", PodVolumes(options_.audience)}});
    if (!options_.keep_pods) {
      spec.Set("podGC", Members({{"strategy", Text("OnWorkflowSuccess")}}));
    }
    if (options_.jobs > 0) spec.Set("parallelism", Value::Integer(options_.jobs));
    spec.Set("templates", std::move(templates));
    return Members({{"apiVersion", Text("argoproj.io/v1alpha1")},
                    {"kind", Text("Workflow")},
                    {"metadata", Metadata()},
                    {"spec", std::move(spec)}});
  }

  const Plan& plan_;
  const ArgoOptions& options_;
  const StepMaker steps_;
  std::map<std::string, std::set<std::string>> needs_;
  std::set<std::string> given_;
  std::vector<Diagnostic> errors_;
};

absl::StatusOr<Value> Rendered(const Plan& plan, const ArgoOptions& options, std::string* text) {
  DEPS_ASSIGN_OR_RETURN(Value workflow, Renderer(plan, options).Run());
  *text = json::Format(workflow, json::Style::kCompact);
  if (text->size() <= options.max_bytes) return workflow;
  return MakeError(
      {.id = DiagnosticId::kPlanTooLarge,
       .message = absl::StrCat("the workflow has ", text->size(), " bytes, and Argo keeps ",
                               options.max_bytes, " in one resource"),
       .hint = "install dependencies by plans of their own, and reuse them"});
}

}  // namespace

absl::StatusOr<JsonText> RenderArgo(const Plan& plan, const ArgoOptions& options) {
  std::string text;
  DEPS_ASSIGN_OR_RETURN(const Value workflow, Rendered(plan, options, &text));
  return JsonText{std::move(text)};
}

absl::StatusOr<std::string> FormatArgo(const Plan& plan, const ArgoOptions& options) {
  std::string text;
  DEPS_ASSIGN_OR_RETURN(const Value workflow, Rendered(plan, options, &text));
  return absl::StrCat("# The plan ", plan.digest, " for Argo Workflows.\n",
                      "# Needs the service accounts ", options.service_account,
                      " (which may read the secrets) and ", options.executor_account,
                      " (which may write workflowtaskresults).\n", yaml::Format(workflow));
}

}  // namespace deps
