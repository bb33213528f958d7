// SPDX-License-Identifier: Apache-2.0
#include "idempotency/nonces.hpp"

#include <atomic>
#include <cstdint>
#include <cstring>

#include <pthread.h>

#include "parley/idempotency/key.hpp"

namespace parley::idempotency {
namespace {

// Counts the forks that lead to this process: a child that went on with its parent's nonces would
// take the parent's claims for its own.
std::atomic<std::uint32_t> forks = 1;
const int watches_forks =
    pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });

struct source {
  nonce last;
  std::uint32_t drawn_at = 0;
};
thread_local constinit source own;

}  // namespace

std::optional<nonce> next_nonce() noexcept {
  const std::uint32_t now = forks.load(std::memory_order_relaxed);
  if (own.drawn_at != now) {
    if (watches_forks != 0) return std::nullopt;
    const auto drawn = random_nonce();
    if (!drawn) return std::nullopt;
    own = {*drawn, now};
  }
  std::uint64_t count = 0;
  std::memcpy(&count, own.last.bytes.data(), sizeof(count));
  ++count;
  std::memcpy(own.last.bytes.data(), &count, sizeof(count));
  return own.last;
}

}  // namespace parley::idempotency
