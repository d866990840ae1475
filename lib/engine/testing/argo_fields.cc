#include "lib/engine/testing/argo_fields.h"

#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace deps {
namespace {

using json::Kind;
using json::Value;

// "KIND FIELD:TYPE…", a "!" behind what is required. Types: s text, b truth, i
// number, * anything, and other kinds; [T] a list, {T} a map. Argo's schema
// spells numbers that may be templates ("IntOrString") as texts.
constexpr std::string_view kKinds = R"(
Workflow apiVersion:s! kind:s! metadata:ObjectMeta! spec:WorkflowSpec! status:*
Lease apiVersion:s! kind:s! metadata:ObjectMeta! spec:LeaseSpec
LeaseSpec acquireTime:s holderIdentity:s leaseDurationSeconds:i leaseTransitions:i renewTime:s preferredHolder:s strategy:s
ObjectMeta annotations:{s} creationTimestamp:s deletionGracePeriodSeconds:i deletionTimestamp:s finalizers:[s] generateName:s generation:i labels:{s} managedFields:* name:s namespace:s ownerReferences:[OwnerReference] resourceVersion:s selfLink:s uid:s
OwnerReference apiVersion:s! blockOwnerDeletion:b controller:b kind:s! name:s! uid:s!
WorkflowSpec activeDeadlineSeconds:i affinity:* archiveLogs:b arguments:Arguments artifactGC:* artifactRepositoryRef:* automountServiceAccountToken:b dnsConfig:* dnsPolicy:s entrypoint:s executor:ExecutorConfig executorPlugins:* hooks:* hostAliases:* hostNetwork:b imagePullSecrets:[LocalObjectReference] metrics:* nodeSelector:{s} onExit:s parallelism:i podDisruptionBudget:* podGC:PodGC podMetadata:Metadata podPriorityClassName:s podResources:* podSpecPatch:s priority:i resourceClaims:* retryStrategy:RetryStrategy schedulerName:s securityContext:PodSecurityContext serviceAccountName:s shutdown:s suspend:b synchronization:Synchronization templateDefaults:Template templates:[Template] tolerations:[Toleration] ttlStrategy:TTLStrategy volumeClaimGC:* volumeClaimTemplates:* volumes:[Volume] workflowMetadata:* workflowTemplateRef:*
Arguments artifacts:[Artifact] parameters:[Parameter]
Artifact archive:* archiveLogs:b artifactGC:* artifactory:* azure:* deleted:b from:s fromExpression:s gcs:* git:* globalName:s hdfs:* http:* mode:i name:s! optional:b oss:* path:s plugin:* raw:RawArtifact recurseMode:b s3:* subPath:s
RawArtifact data:s!
Parameter default:s description:s enum:[s] globalName:s name:s! value:s valueFrom:ValueFrom
ValueFrom configMapKeyRef:* default:s event:s expression:s jqFilter:s jsonPath:s parameter:s path:s supplied:*
ExecutorConfig serviceAccountName:s
LocalObjectReference name:s
PodGC deleteDelayDuration:s labelSelector:* strategy:s
Metadata annotations:{s} labels:{s}
RetryStrategy affinity:* backoff:Backoff expression:s limit:s retryPolicy:s
Backoff cap:s duration:s factor:s maxDuration:s
Synchronization mutexes:[Mutex] semaphores:*
Mutex database:b name:s namespace:s
TTLStrategy secondsAfterCompletion:i secondsAfterFailure:i secondsAfterSuccess:i
Toleration effect:s key:s operator:s tolerationSeconds:i value:s
Template activeDeadlineSeconds:s affinity:* annotations:{s} archiveLocation:* automountServiceAccountToken:b container:Container containerSet:* daemon:b dag:DAGTemplate data:* executor:ExecutorConfig failFast:b hostAliases:* http:* initContainers:[UserContainer] inputs:Inputs memoize:* metadata:Metadata metrics:* name:s nodeSelector:{s} outputs:Outputs parallelism:i pendingTimeout:s plugin:* podResources:* podSpecPatch:s priorityClassName:s resource:* resourceClaims:* retryStrategy:RetryStrategy schedulerName:s script:* securityContext:PodSecurityContext serviceAccountName:s sidecars:[UserContainer] steps:* suspend:* synchronization:Synchronization timeout:s tolerations:[Toleration] volumes:[Volume]
DAGTemplate failFast:b target:s tasks:[DAGTask]!
DAGTask arguments:Arguments continueOn:* dependencies:[s] depends:s hooks:* inline:Template name:s! onExit:s template:s templateRef:* when:s withItems:* withParam:s withSequence:*
Inputs artifacts:[Artifact] parameters:[Parameter]
Outputs artifacts:[Artifact] exitCode:s parameters:[Parameter] result:s
Container args:[s] command:[s] env:[EnvVar] envFrom:* image:s! imagePullPolicy:s lifecycle:* livenessProbe:* name:s ports:* readinessProbe:* resizePolicy:* resources:Resources restartPolicy:s restartPolicyRules:* securityContext:SecurityContext startupProbe:* stdin:b stdinOnce:b terminationMessagePath:s terminationMessagePolicy:s tty:b volumeDevices:* volumeMounts:[VolumeMount] workingDir:s
UserContainer args:[s] command:[s] env:[EnvVar] envFrom:* image:s imagePullPolicy:s lifecycle:* livenessProbe:* mirrorVolumeMounts:b name:s! ports:* readinessProbe:* resizePolicy:* resources:Resources restartPolicy:s restartPolicyRules:* securityContext:SecurityContext startupProbe:* stdin:b stdinOnce:b terminationMessagePath:s terminationMessagePolicy:s tty:b volumeDevices:* volumeMounts:[VolumeMount] workingDir:s
Resources claims:* limits:{s} requests:{s}
EnvVar name:s! value:s valueFrom:EnvVarSource
EnvVarSource configMapKeyRef:* fieldRef:FieldRef fileKeyRef:* resourceFieldRef:* secretKeyRef:KeyRef
FieldRef apiVersion:s fieldPath:s!
KeyRef key:s! name:s optional:b
SecurityContext allowPrivilegeEscalation:b appArmorProfile:* capabilities:Capabilities privileged:b procMount:s readOnlyRootFilesystem:b runAsGroup:i runAsNonRoot:b runAsUser:i seLinuxOptions:* seccompProfile:SeccompProfile windowsOptions:*
PodSecurityContext appArmorProfile:* fsGroup:i fsGroupChangePolicy:s runAsGroup:i runAsNonRoot:b runAsUser:i seLinuxChangePolicy:s seLinuxOptions:* seccompProfile:SeccompProfile supplementalGroups:[i] supplementalGroupsPolicy:s sysctls:* windowsOptions:*
Capabilities add:[s] drop:[s]
SeccompProfile localhostProfile:s type:s!
VolumeMount mountPath:s! mountPropagation:s name:s! readOnly:b recursiveReadOnly:s subPath:s subPathExpr:s
Volume configMap:* csi:* downwardAPI:* emptyDir:EmptyDir ephemeral:* hostPath:HostPath image:* name:s! nfs:* persistentVolumeClaim:* projected:Projected secret:SecretVolume
EmptyDir medium:s sizeLimit:s
HostPath path:s! type:s
SecretVolume defaultMode:i items:[KeyToPath] optional:b secretName:s
KeyToPath key:s! mode:i path:s!
Projected defaultMode:i sources:[Projection]
Projection clusterTrustBundle:* configMap:ItemsOf downwardAPI:DownwardAPI podCertificate:* secret:ItemsOf serviceAccountToken:TokenProjection
TokenProjection audience:s expirationSeconds:i path:s!
ItemsOf items:[KeyToPath] name:s optional:b
DownwardAPI items:[DownwardAPIFile]
DownwardAPIFile fieldRef:FieldRef mode:i path:s! resourceFieldRef:*
)";

struct Field {
  std::string type;
  bool required = false;
};
using Fields = std::map<std::string, Field, std::less<>>;

const std::map<std::string, Fields, std::less<>>& Kinds() {
  static const auto* const kinds = [] {
    auto* const read = new std::map<std::string, Fields, std::less<>>();
    for (const std::string_view line : absl::StrSplit(kKinds, '\n', absl::SkipEmpty())) {
      const std::vector<std::string> words = absl::StrSplit(line, ' ');
      Fields& fields = (*read)[words[0]];
      for (size_t i = 1; i < words.size(); ++i) {
        const size_t colon = words[i].find(':');
        Field field = {.type = words[i].substr(colon + 1)};
        field.required = absl::EndsWith(field.type, "!");
        if (field.required) field.type.pop_back();
        fields.emplace(words[i].substr(0, colon), field);
      }
    }
    return read;
  }();
  return *kinds;
}

class Checker {
 public:
  void Check(const Value& value, std::string_view type, const std::string& path) {
    if (type == "*") return;
    const std::string_view inner = type.substr(1, type.size() - std::min<size_t>(2, type.size()));
    if (type[0] == '[') {
      if (!Is(value, Kind::kArray, path)) return;
      for (size_t i = 0; i < value.items.size(); ++i) {
        Check(value.items[i], inner, absl::StrCat(path, "[", i, "]"));
      }
    } else if (type[0] == '{') {
      if (!Is(value, Kind::kObject, path)) return;
      for (const auto& [key, item] : value.members)
        Check(item, inner, absl::StrCat(path, ".", key));
    } else if (type == "s") {
      Is(value, Kind::kString, path);
    } else if (type == "b") {
      Is(value, Kind::kBoolean, path);
    } else if (type == "i") {
      Is(value, Kind::kNumber, path);
    } else {
      CheckFields(value, Kinds().find(type)->second, path);
    }
  }
  std::vector<std::string> errors() && { return std::move(errors_); }

 private:
  bool Is(const Value& value, Kind kind, const std::string& path) {
    if (value.kind == kind) return true;
    errors_.push_back(absl::StrCat(path, ": Invalid value: must be of type ", KindName(kind)));
    return false;
  }

  void CheckFields(const Value& value, const Fields& fields, const std::string& path) {
    if (!Is(value, Kind::kObject, path)) return;
    const std::string front = path.empty() ? "" : absl::StrCat(path, ".");
    for (const auto& [key, item] : value.members) {
      const auto field = fields.find(key);
      if (field == fields.end()) {
        errors_.push_back(absl::StrCat("unknown field \"", front, key, "\""));
      } else {
        Check(item, field->second.type, absl::StrCat(front, key));
      }
    }
    for (const auto& [key, field] : fields) {
      if (field.required && value.Find(key) == nullptr) {
        errors_.push_back(absl::StrCat(front, key, ": Required value"));
      }
    }
  }

  std::vector<std::string> errors_;
};

}  // namespace

std::vector<std::string> FieldErrors(const Value& value, std::string_view kind) {
  Checker checker;
  checker.Check(value, kind, "");
  return std::move(checker).errors();
}

}  // namespace deps
