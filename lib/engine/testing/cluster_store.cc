#include "lib/engine/testing/cluster_store.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "lib/diag/source.h"
#include "lib/io/file.h"

namespace deps {
namespace {

using json::Value;

constexpr size_t kMostChanges = 2000;

[[noreturn]] void Abort(std::string_view what) {
  std::fprintf(stderr, "testing cluster: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

ObjectKey KeyOf(const std::filesystem::path& file) {
  return {.kind = file.parent_path().parent_path().filename(),
          .name_space = file.parent_path().filename(),
          .name = file.filename()};
}

}  // namespace

ClusterStore::ClusterStore(std::string folder) : folder_(std::move(folder)) {
  std::filesystem::create_directories(folder_);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
    if (!entry.is_regular_file()) continue;
    const absl::StatusOr<Source> source = ReadFile(entry.path());
    if (!source.ok()) Abort("cannot read its folder");
    const absl::StatusOr<Value> object = json::Parse(*source);
    if (!object.ok()) Abort("an object is damaged");
    int64_t version = 0;
    if (!absl::SimpleAtoi(TextAt(*object, {"metadata", "resourceVersion"}), &version)) {
      Abort("an object has no version");
    }
    version_ = std::max(version_, version);
    objects_[KeyOf(entry.path())] = *object;
  }
  version_ += 100;  // No version that was deleted comes again.
  oldest_ = version_;
}

std::string ClusterStore::PathOf(const ObjectKey& key) const {
  return absl::StrCat(folder_, "/", key.kind, "/", key.name_space, "/", key.name);
}

void ClusterStore::Record(std::string type, const ObjectKey& key, Value* object) {
  Member(*object, {"metadata"}).Set("resourceVersion", Value::String(absl::StrCat(++version_)));
  const std::string path = PathOf(key);
  std::error_code error;
  if (type == "DELETED") {
    std::filesystem::remove(path, error);
    objects_.erase(key);
  } else {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
    if (!WriteFile(path, json::Format(*object, json::Style::kCompact)).ok()) {
      Abort("cannot write an object");
    }
    objects_[key] = *object;
  }
  changes_.push_back({.version = version_, .type = std::move(type), .key = key, .object = *object});
  while (changes_.size() > kMostChanges) {
    oldest_ = changes_.front().version;
    changes_.pop_front();
  }
  changed_.notify_all();
}

StoreResult ClusterStore::Create(const ObjectKey& key, Value object, Value* stored) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (objects_.contains(key)) return StoreResult::kExists;
  Value& metadata = Member(object, {"metadata"});
  metadata.Set("name", Value::String(key.name));
  metadata.Set("namespace", Value::String(key.name_space));
  metadata.Set("uid", Value::String(RandomUid()));
  metadata.Set("creationTimestamp", Value::String(TimeText(absl::Now())));
  metadata.Set("generation", Value::Integer(1));
  Record("ADDED", key, &object);
  *stored = std::move(object);
  return StoreResult::kDone;
}

std::optional<Value> ClusterStore::Get(const ObjectKey& key) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = objects_.find(key);
  return found == objects_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Value> ClusterStore::List(const std::string& kind, const std::string& name_space,
                                      int64_t* version) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (version != nullptr) *version = version_;
  std::vector<Value> list;
  for (const auto& [key, object] : objects_) {
    if (key.kind == kind && (name_space.empty() || key.name_space == name_space)) {
      list.push_back(object);
    }
  }
  return list;
}

StoreResult ClusterStore::Update(const ObjectKey& key, const std::string& expected,
                                 const std::function<bool(Value*)>& change, Value* stored) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = objects_.find(key);
  if (found == objects_.end()) return StoreResult::kAbsent;
  const std::string version = TextAt(found->second, {"metadata", "resourceVersion"});
  if (!expected.empty() && expected != version) return StoreResult::kConflict;
  Value object = found->second;
  if (!change(&object)) {
    *stored = found->second;
    return StoreResult::kDone;
  }
  Value& metadata = Member(object, {"metadata"});
  for (const char* const fixed : {"name", "namespace", "uid", "creationTimestamp"}) {
    metadata.Set(fixed, *found->second.Find("metadata")->Find(fixed));
  }
  metadata.Set("resourceVersion", Value::String(version));
  if (json::Canonical(object) != json::Canonical(found->second)) {
    Record("MODIFIED", key, &object);
  }
  *stored = std::move(object);
  return StoreResult::kDone;
}

StoreResult ClusterStore::Delete(const ObjectKey& key, Value* last) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = objects_.find(key);
  if (found == objects_.end()) return StoreResult::kAbsent;
  *last = found->second;
  Record("DELETED", key, last);
  return StoreResult::kDone;
}

std::optional<std::vector<ObjectChange>> ClusterStore::Changes(const std::string& kind,
                                                               int64_t* version,
                                                               absl::Duration patience) const {
  std::unique_lock<std::mutex> lock(mutex_);
  const int64_t since = *version;
  changed_.wait_for(lock, absl::ToChronoMilliseconds(patience),
                    [&] { return version_ > since || since < oldest_; });
  if (since < oldest_) return std::nullopt;
  std::vector<ObjectChange> changes;
  for (const ObjectChange& change : changes_) {
    if (change.version > since && change.key.kind == kind) changes.push_back(change);
  }
  *version = std::max(since, version_);
  return changes;
}

void ClusterStore::Compact() {
  const std::lock_guard<std::mutex> lock(mutex_);
  // One more, so that also who has seen all is behind.
  oldest_ = ++version_;
  changes_.clear();
  changed_.notify_all();
}

int64_t ClusterStore::version() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return version_;
}

Value& Member(Value& object, const std::vector<std::string_view>& path) {
  Value* place = &object;
  for (const std::string_view step : path) {
    if (!place->IsObject()) *place = Value::Object();
    if (place->Find(step) == nullptr) place->Set(step, Value::Object());
    place = place->Find(step);
  }
  return *place;
}

std::string TextAt(const Value& object, const std::vector<std::string_view>& path) {
  const Value* place = &object;
  for (const std::string_view step : path) {
    place = place->Find(step);
    if (place == nullptr) return "";
  }
  return place->text;
}

const std::vector<Value>& ItemsOf(const Value* value, std::string_view key) {
  static const auto* const none = new std::vector<Value>();
  const Value* const member = value == nullptr ? nullptr : value->Find(key);
  return member == nullptr ? *none : member->items;
}

void MergePatch(Value* target, const Value& patch) {
  if (!patch.IsObject()) {
    *target = patch;
    return;
  }
  if (!target->IsObject()) *target = Value::Object();
  for (const auto& [key, value] : patch.members) {
    if (value.kind == json::Kind::kNull) {
      // Clang captures no structured binding.
      const std::string& gone = key;
      std::erase_if(target->members,
                    [&](const json::Member& member) { return member.first == gone; });
      continue;
    }
    if (target->Find(key) == nullptr) target->Set(key, Value::Null());
    MergePatch(target->Find(key), value);
  }
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::string RandomUid() {
  absl::BitGen bits;
  return absl::StrFormat("%08x-%04x-4%03x-a%03x-%012x", absl::Uniform<uint32_t>(bits),
                         absl::Uniform<uint16_t>(bits), absl::Uniform<uint16_t>(bits) & 0xfff,
                         absl::Uniform<uint16_t>(bits) & 0xfff,
                         absl::Uniform<uint64_t>(bits) & 0xffffffffffff);
}

}  // namespace deps
