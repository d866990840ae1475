#include "lib/engine/argo/pod_volumes.h"

#include <string_view>
#include <utility>
#include <vector>

namespace deps {
namespace {

using json::Value;

Value Text(std::string_view text) { return Value::String(text); }
Value Members(std::vector<json::Member> members) { return Value::Object(std::move(members)); }
Value List(std::vector<Value> items) { return Value::Array(std::move(items)); }

Value MemoryVolume(std::string_view name, std::string_view limit) {
  return Members({{"name", Text(name)},
                  {"emptyDir", Members({{"medium", Text("Memory")}, {"sizeLimit", Text(limit)}})}});
}

// What a pod's account has where Kubernetes itself would put it.
Value Account() {
  const Value name_space =
      Members({{"path", Text("namespace")},
               {"fieldRef", Members({{"fieldPath", Text("metadata.namespace")}})}});
  return List(
      {Members({{"serviceAccountToken",
                 Members({{"expirationSeconds", Value::Integer(3600)}, {"path", Text("token")}})}}),
       Members({{"configMap", Members({{"name", Text("kube-root-ca.crt")},
                                       {"items", List({Members({{"key", Text("ca.crt")},
                                                                {"path", Text("ca.crt")}})})}})}}),
       Members({{"downwardAPI", Members({{"items", List({name_space})}})}})});
}

}  // namespace

Value PodVolumes(const std::string& audience) {
  const Value token =
      Members({{"serviceAccountToken", Members({{"audience", Text(audience)},
                                                {"expirationSeconds", Value::Integer(900)},
                                                {"path", Text("token")}})}});
  return List({Members({{"name", Text("deps-bin")}, {"emptyDir", Value::Object()}}),
               MemoryVolume("deps-secrets", "8Mi"), MemoryVolume("deps-public", "16Mi"),
               MemoryVolume("cnab-outputs", "16Mi"),
               Members({{"name", Text("deps-identity")},
                        {"projected", Members({{"sources", List({token})}})}}),
               Members({{"name", Text("deps-account")},
                        {"projected", Members({{"sources", Account()}})}})});
}

}  // namespace deps
