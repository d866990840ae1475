// What an API server keeps: objects with versions, and their changes for those
// who watch. Everything but the changes outlives the process.
#ifndef DEPS_LIB_ENGINE_TESTING_CLUSTER_STORE_H_
#define DEPS_LIB_ENGINE_TESTING_CLUSTER_STORE_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "lib/json/json.h"

namespace deps {

struct ObjectKey {
  std::string kind;  // "workflows", "pods", "leases", "secrets"
  std::string name_space;
  std::string name;
  auto operator<=>(const ObjectKey&) const = default;
};

struct ObjectChange {
  int64_t version = 0;
  std::string type;  // "ADDED", "MODIFIED", "DELETED"
  ObjectKey key;
  json::Value object;
};

enum class StoreResult { kDone, kExists, kAbsent, kConflict };

// For several threads.
class ClusterStore {
 public:
  // Objects are files below `folder`, which is made where it is absent.
  explicit ClusterStore(std::string folder);

  // Sets uid, creationTimestamp, generation and resourceVersion.
  StoreResult Create(const ObjectKey& key, json::Value object, json::Value* stored);
  std::optional<json::Value> Get(const ObjectKey& key) const;
  // All of a kind, in the order of their names; "" for all namespaces. `version`
  // is what a watch goes on from.
  std::vector<json::Value> List(const std::string& kind, const std::string& name_space,
                                int64_t* version) const;
  // `change` gets the object and says whether it is to be kept; a resourceVersion
  // in `expected` must be the object's. Nothing is written where nothing changed.
  StoreResult Update(const ObjectKey& key, const std::string& expected,
                     const std::function<bool(json::Value*)>& change, json::Value* stored);
  StoreResult Delete(const ObjectKey& key, json::Value* last);

  // The changes of a kind after `version`, or absent where they are no longer
  // known; waits for one up to `patience`. `version` moves on.
  std::optional<std::vector<ObjectChange>> Changes(const std::string& kind, int64_t* version,
                                                   absl::Duration patience) const;
  // Forgets all changes so far.
  void Compact();
  int64_t version() const;

 private:
  std::string PathOf(const ObjectKey& key) const;
  void Record(std::string type, const ObjectKey& key, json::Value* object);

  const std::string folder_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::map<ObjectKey, json::Value> objects_;
  std::deque<ObjectChange> changes_;
  int64_t version_ = 0;
  int64_t oldest_ = 0;  // Changes after this one are known.
};

// The member at `path`, made as objects where it is absent.
json::Value& Member(json::Value& object, const std::vector<std::string_view>& path);
// The text at `path`, "" where there is none.
std::string TextAt(const json::Value& object, const std::vector<std::string_view>& path);

// The items of a member that is a list; none where it is absent, or `value` nullptr.
const std::vector<json::Value>& ItemsOf(const json::Value* value, std::string_view key);

// RFC 7396.
void MergePatch(json::Value* target, const json::Value& patch);

// "2026-01-02T03:04:05Z"
std::string TimeText(absl::Time time);
std::string RandomUid();

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_TESTING_CLUSTER_STORE_H_
