// SPDX-License-Identifier: Apache-2.0
//
// A pairing heap of timed_nodes (Fredman, Sedgewick, Sleator, Tarjan 1986): to push is one
// comparison, and nothing allocates. For one thread at a time.

#ifndef PARLEY_LIB_IDEMPOTENCY_TIMED_HEAP_HPP
#define PARLEY_LIB_IDEMPOTENCY_TIMED_HEAP_HPP

#include <utility>

#include "parley/idempotency/timer.hpp"

namespace parley::idempotency {

class timed_heap {
 public:
  /// The node that is due first; null: none.
  timed_node* top() const noexcept { return root_; }

  void push(timed_node& node, steady_time when) noexcept {
    node = {.when = when, .is_queued = true};
    root_ = root_ == nullptr ? &node : meld(*root_, node);
  }

  /// `node` may be in the heap or in none.
  void remove(timed_node& node) noexcept {
    if (!node.is_queued) return;
    timed_node* const rest = meld_all(node.child);
    if (&node == root_) {
      root_ = rest;
    } else {
      unlink(node);
      if (rest != nullptr) root_ = meld(*root_, *rest);
    }
    node = {.when = node.when};
  }

 private:
  static timed_node* meld(timed_node& a, timed_node& b) noexcept {
    timed_node* first = &a;
    timed_node* second = &b;
    if (second->when < first->when) std::swap(first, second);
    second->prev = first;
    second->next = first->child;
    if (first->child != nullptr) first->child->prev = second;
    first->child = second;
    return first;
  }

  // In pairs from the left, then all from the right.
  static timed_node* meld_all(timed_node* children) noexcept {
    timed_node* pairs = nullptr;
    while (children != nullptr) {
      timed_node* const a = children;
      timed_node* const b = a->next;
      children = b == nullptr ? nullptr : b->next;
      a->next = a->prev = nullptr;
      timed_node* melded = a;
      if (b != nullptr) {
        b->next = b->prev = nullptr;
        melded = meld(*a, *b);
      }
      melded->next = pairs;
      pairs = melded;
    }
    timed_node* root = nullptr;
    while (pairs != nullptr) {
      timed_node* const each = std::exchange(pairs, pairs->next);
      each->next = nullptr;
      root = root == nullptr ? each : meld(*root, *each);
    }
    return root;
  }

  static void unlink(timed_node& node) noexcept {
    if (node.prev->child == &node) {
      node.prev->child = node.next;
    } else {
      node.prev->next = node.next;
    }
    if (node.next != nullptr) node.next->prev = node.prev;
  }

  timed_node* root_ = nullptr;
};

}  // namespace parley::idempotency

#endif  // PARLEY_LIB_IDEMPOTENCY_TIMED_HEAP_HPP
