// SPDX-License-Identifier: Apache-2.0
//
// A queue that keeps its memory: in the steady state nothing is allocated.

#ifndef PARLEY_LIB_IDEMPOTENCY_REDIS_RING_HPP
#define PARLEY_LIB_IDEMPOTENCY_REDIS_RING_HPP

#include <cassert>
#include <cstddef>
#include <utility>
#include <vector>

namespace parley::idempotency_redis {

template <class T>
class ring {
 public:
  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  T& front() noexcept {
    assert(!empty());
    return cells_[begin_];
  }
  const T& front() const noexcept {
    assert(!empty());
    return cells_[begin_];
  }
  void pop_front() noexcept {
    begin_ = (begin_ + 1) & (cells_.size() - 1);
    --size_;
  }
  /// Makes room for one more or two, so that pushing them does not throw.
  void reserve(std::size_t more) {
    if (size_ + more <= cells_.size()) return;
    std::vector<T> grown(cells_.empty() ? 64 : 2 * cells_.size());
    for (std::size_t i = 0; i < size_; ++i) {
      grown[i] = std::move(cells_[(begin_ + i) & (cells_.size() - 1)]);
    }
    cells_ = std::move(grown);
    begin_ = 0;
  }
  void push_back(T value) {
    reserve(1);
    cells_[(begin_ + size_++) & (cells_.size() - 1)] = std::move(value);
  }

 private:
  std::vector<T> cells_;  // a power of two of them
  std::size_t begin_ = 0;
  std::size_t size_ = 0;
};

}  // namespace parley::idempotency_redis

#endif  // PARLEY_LIB_IDEMPOTENCY_REDIS_RING_HPP
