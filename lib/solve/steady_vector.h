// A growing array whose elements keep their addresses.
#ifndef DEPS_LIB_SOLVE_STEADY_VECTOR_H_
#define DEPS_LIB_SOLVE_STEADY_VECTOR_H_

#include <cstddef>
#include <memory>
#include <vector>

namespace deps {

// Like std::deque, with pieces large enough that access and growth cost next
// to nothing for elements of a hundred bytes.
template <typename T>
class SteadyVector {
 public:
  size_t size() const { return size_; }
  T& operator[](size_t index) { return pieces_[index / kPiece][index % kPiece]; }
  const T& operator[](size_t index) const { return pieces_[index / kPiece][index % kPiece]; }
  T& back() { return (*this)[size_ - 1]; }

  // Elements are T(), or what they were before it shrank.
  void GrowTo(size_t size) {
    while (pieces_.size() * kPiece < size) pieces_.push_back(std::make_unique<T[]>(kPiece));
    if (size > size_) size_ = size;
  }
  T& Append() {
    GrowTo(size_ + 1);
    return back();
  }
  void ShrinkTo(size_t size) { size_ = size; }

 private:
  static constexpr size_t kPiece = 32;

  std::vector<std::unique_ptr<T[]>> pieces_;
  size_t size_ = 0;
};

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_STEADY_VECTOR_H_
