// SPDX-License-Identifier: Apache-2.0
#include "parley/cursor/key_ring.hpp"

#include <cassert>
#include <utility>

#include "cursor/key_set.hpp"

namespace parley::cursor {
namespace {

constexpr std::string_view info = "parley/cursor/v1";

std::atomic<std::uint64_t> last_ring_id = 0;

struct held {
  std::uint64_t ring = 0;
  std::uint64_t version = 0;
  std::shared_ptr<const key_set> keys;
};

// A ring that is a static object ends after the thread-local ones of the thread that ends it. This
// one has no destructor, and may still be read then.
thread_local bool has_ended = false;

// What this thread was given last.
struct last_held {
  held last;
  ~last_held() { has_ended = true; }
};
thread_local last_held own;

void forget(std::uint64_t ring) noexcept {
  if (!has_ended && own.last.ring == ring) own.last = {};
}

}  // namespace

std::string_view to_string(key_state s) noexcept {
  switch (s) {
    case key_state::active: return "active";
    case key_state::verify_only: return "verify_only";
    case key_state::retired: return "retired";
  }
  return "unknown";
}

key_set::key_set(std::unique_ptr<impl> made) noexcept : impl_(std::move(made)) {}
key_set::key_set(key_set&&) noexcept = default;
key_set& key_set::operator=(key_set&&) noexcept = default;
key_set::~key_set() = default;

std::uint8_t key_set::active_id() const noexcept { return impl_->active().id; }

result<key_set, std::string> key_set::make(std::span<const key_entry> keys) {
  auto made = std::make_unique<impl>();
  std::size_t active = 0;
  for (const key_entry& each : keys) {
    const std::string name = "key " + std::to_string(each.id);
    impl::key added{.id = each.id, .state = each.state};
    switch (each.state) {
      case key_state::active: ++active; break;
      case key_state::verify_only:
      case key_state::retired: break;
      default: return failure{name + " has no known state"};
    }
    if (each.state != key_state::retired) {
      if (each.secret.size() < secret_bytes_min || each.secret.size() > secret_bytes_max) {
        return failure{name + " has a secret of " + std::to_string(each.secret.size()) +
                       " bytes, not " + std::to_string(secret_bytes_min) + " to " +
                       std::to_string(secret_bytes_max)};
      }
      crypto::secret_bytes derived(crypto::digest_bytes);
      if (!crypto::hkdf_sha256({}, each.secret, std::as_bytes(std::span(info)), derived.bytes())) {
        return failure{name + " cannot be derived"};
      }
      added.mac.emplace(std::as_const(derived).bytes());
    }
    if (!made->add(std::move(added))) return failure{name + " is given twice"};
  }
  if (active != 1) {
    return failure{std::to_string(active) + " keys are active, and one must be"};
  }
  return key_set(std::move(made));
}

key_ring::key_ring(key_set keys)
    : id_(last_ring_id.fetch_add(1, std::memory_order_relaxed) + 1),
      keys_(std::make_shared<const key_set>(std::move(keys))) {}

key_ring::~key_ring() { forget(id_); }

void key_ring::publish(key_set keys) {
  auto next = std::make_shared<const key_set>(std::move(keys));
  {
    const std::lock_guard lock(mutex_);
    keys_.swap(next);
    version_.fetch_add(1, std::memory_order_release);
  }
  forget(id_);
}

const key_set& key_ring::current() const {
  assert(!has_ended);
  held& last = own.last;
  if (last.ring != id_ || last.version != version_.load(std::memory_order_acquire)) {
    const std::lock_guard lock(mutex_);
    last = {id_, version_.load(std::memory_order_relaxed), keys_};
  }
  return *last.keys;
}

std::shared_ptr<const key_set> key_ring::snapshot() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

}  // namespace parley::cursor
