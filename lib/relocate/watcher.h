// Who watches transfers: for progress.
#ifndef DEPS_LIB_RELOCATE_WATCHER_H_
#define DEPS_LIB_RELOCATE_WATCHER_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace deps {

// Any number of threads may call it at once. What it is told has no influence on
// what happens.
class Watcher {
 public:
  virtual ~Watcher() = default;
  // A step, for people.
  virtual void Say(std::string_view) {}
  // So many more bytes may have to be transferred.
  virtual void Expect(int64_t) {}
  // So many of them need not.
  virtual void Skip(int64_t) {}
  // A transfer begins; `name` is unique among those that go on.
  virtual void Begin(const std::string& /*name*/, int64_t /*size*/) {}
  virtual void Advance(const std::string& /*name*/, int64_t /*bytes*/) {}
  virtual void End(const std::string&) {}
};

// One that does nothing.
Watcher& Nobody();

}  // namespace deps

#endif  // DEPS_LIB_RELOCATE_WATCHER_H_
