// A value that does not change, and that its copies share.
#ifndef DEPS_LIB_BASE_SHARED_H_
#define DEPS_LIB_BASE_SHARED_H_

#include <memory>
#include <utility>

namespace deps {

// Like std::optional<const T>, but a copy costs the same whatever the size of T.
template <typename T>
class Shared {
 public:
  Shared() = default;
  // Implicit, so that a Shared<T> is given as a T is.
  Shared(T value) : value_(std::make_shared<T>(std::move(value))), is_own_(true) {}
  Shared(std::shared_ptr<const T> value) : value_(std::move(value)) {}

  explicit operator bool() const { return value_ != nullptr; }
  bool has_value() const { return value_ != nullptr; }
  const T& operator*() const { return *value_; }
  const T* operator->() const { return value_.get(); }
  void reset() { value_.reset(); }

  // The value, which must be there and is gone then. Moved where no copy has it.
  T Take() {
    const std::shared_ptr<const T> value = std::move(value_);
    // It was not made const, and nobody else can see it.
    if (is_own_ && value.use_count() == 1) return std::move(const_cast<T&>(*value));
    return *value;
  }

  // Lets `change` change a copy, which stands here from then on. There must be
  // a value.
  template <typename Change>
  void Edit(Change change) {
    T copy = *value_;
    change(copy);
    *this = Shared(std::move(copy));
  }

  // Compares the values.
  friend bool operator==(const Shared& a, const Shared& b) {
    return a.value_ == b.value_ || (a && b && *a == *b);
  }

 private:
  std::shared_ptr<const T> value_;
  bool is_own_ = false;  // Made here.
};

}  // namespace deps

#endif  // DEPS_LIB_BASE_SHARED_H_
