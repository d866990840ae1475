// Volumes of pods, and what Kubernetes puts into them.
#include <algorithm>
#include <filesystem>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/engine/testing/kubelet.h"
#include "lib/engine/testing/node_files.h"

namespace deps {

using json::Value;

std::string Kubelet::VolumeFolder(const Value& pod, const Value& volume) const {
  const std::string name = TextAt(volume, {"name"});
  if (const Value* const host = volume.Find("hostPath")) return TextAt(*host, {"path"});
  const bool memory =
      TextAt(volume, {"emptyDir", "medium"}) == "Memory" || volume.Find("emptyDir") == nullptr;
  return absl::StrCat(memory ? options_.memory : options_.folder, "/",
                      TextAt(pod, {"metadata", "uid"}), "/volumes/", name);
}

bool Kubelet::SecretsAreThere(const ObjectKey& key, const Value& pod) {
  for (const Value& volume : ItemsOf(pod.Find("spec"), "volumes")) {
    const std::string secret = TextAt(volume, {"secret", "secretName"});
    if (secret.empty() || TextAt(volume, {"secret", "optional"}) == "true" ||
        store_.Get({"secrets", key.name_space, secret})) {
      continue;
    }
    Hold(key, "containerStatuses", ItemsOf(pod.Find("spec"), "containers")[0], "ContainerCreating",
         absl::StrCat("MountVolume.SetUp failed for volume \"", TextAt(volume, {"name"}),
                      "\" : secret \"", secret, "\" not found"));
    return false;
  }
  return true;
}

void Kubelet::MakeVolumes(const Value& pod) {
  const std::string folder = FolderOf(pod);
  if (std::filesystem::exists(folder)) return;
  std::filesystem::create_directories(folder);
  const Value* const spec = pod.Find("spec");
  for (const Value& volume : ItemsOf(spec, "volumes")) {
    const std::string place = VolumeFolder(pod, volume);
    std::filesystem::create_directories(place);
    if (volume.Find("emptyDir") != nullptr) {
      std::filesystem::permissions(place, std::filesystem::perms::all);
    }
    if (const Value* const projected = volume.Find("projected")) {
      Project(pod, *projected, place);
    } else if (const Value* const secret = volume.Find("secret")) {
      const auto object = store_.Get(
          {"secrets", TextAt(pod, {"metadata", "namespace"}), TextAt(*secret, {"secretName"})});
      for (const auto& [key, value] : object ? object->Find("data")->members : Value().members) {
        std::string plain;
        if (absl::Base64Unescape(value.text, &plain)) Put(absl::StrCat(place, "/", key), plain);
      }
    }
  }
  // What Argo's own init container puts into place.
  for (const Value& artifact : ItemsOf(spec, "artifacts")) {
    Put(absl::StrCat(folder, "/artifacts", TextAt(artifact, {"path"})),
        TextAt(artifact, {"raw", "data"}));
  }
}

void Kubelet::Project(const Value& pod, const Value& projected, const std::string& folder) {
  for (const Value& source : ItemsOf(&projected, "sources")) {
    if (const Value* const token = source.Find("serviceAccountToken")) {
      Put(absl::StrCat(folder, "/", TextAt(*token, {"path"})),
          TokenFor(pod, TextAt(*token, {"audience"})));
    }
    if (const Value* const map = source.Find("configMap");
        map != nullptr && TextAt(*map, {"name"}) == "kube-root-ca.crt") {
      Put(absl::StrCat(folder, "/ca.crt"), ContentOf(options_.ca_file).value_or(""));
    }
    for (const Value& item : ItemsOf(source.Find("downwardAPI"), "items")) {
      Put(absl::StrCat(folder, "/", TextAt(item, {"path"})),
          FieldOf(pod, TextAt(item, {"fieldRef", "fieldPath"})));
    }
  }
}

std::string Kubelet::TokenFor(const Value& pod, const std::string& audience) {
  const std::string token = absl::StrCat("account-", RandomUid());
  Value stored;
  store_.Create({"tokens", "-", token},
                Value::Object({{"account", Value::String(FieldOf(pod, "spec.serviceAccountName"))},
                               {"namespace", Value::String(TextAt(pod, {"metadata", "namespace"}))},
                               {"pod", Value::String(TextAt(pod, {"metadata", "uid"}))},
                               {"audience", Value::String(audience)}}),
                &stored);
  return token;
}

std::string Kubelet::FieldOf(const Value& pod, const std::string& path) const {
  if (path == "spec.serviceAccountName") {
    const std::string account = TextAt(pod, {"spec", "serviceAccountName"});
    return account.empty() ? "default" : account;
  }
  if (absl::StartsWith(path, "metadata.annotations['")) {
    return TextAt(pod, {"metadata", "annotations", path.substr(22, path.size() - 24)});
  }
  if (absl::StartsWith(path, "metadata.labels['")) {
    return TextAt(pod, {"metadata", "labels", path.substr(17, path.size() - 19)});
  }
  const size_t dot = path.find('.');
  return TextAt(pod, {path.substr(0, dot), path.substr(dot + 1)});
}

// Path in the container -> path here.
std::vector<std::pair<std::string, std::string>> Kubelet::MountsOf(const Value& pod,
                                                                   const Value& container) const {
  std::vector<std::pair<std::string, std::string>> mounts;
  const Value* const spec = pod.Find("spec");
  for (const Value& mount : ItemsOf(&container, "volumeMounts")) {
    for (const Value& volume : ItemsOf(spec, "volumes")) {
      if (TextAt(volume, {"name"}) != TextAt(mount, {"name"})) continue;
      std::string from = VolumeFolder(pod, volume);
      if (const std::string sub = TextAt(mount, {"subPath"}); !sub.empty()) {
        from = absl::StrCat(from, "/", sub);
      }
      mounts.emplace_back(TextAt(mount, {"mountPath"}), from);
    }
  }
  if (TextAt(container, {"name"}) == "main") {
    for (const Value& artifact : ItemsOf(spec, "artifacts")) {
      const std::string path = TextAt(artifact, {"path"});
      mounts.emplace_back(path, absl::StrCat(FolderOf(pod), "/artifacts", path));
    }
  }
  for (const std::string& shared : options_.shared) mounts.emplace_back(shared, shared);
  // An outer mount first, so that it hides no inner one.
  std::sort(mounts.begin(), mounts.end());
  return mounts;
}

}  // namespace deps
