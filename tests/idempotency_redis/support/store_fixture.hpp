// SPDX-License-Identifier: Apache-2.0
//
// What the tests of this room share: stores, what they tell their observer, and what lies in Redis.

#ifndef PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_STORE_FIXTURE_HPP
#define PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_STORE_FIXTURE_HPP

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "idempotency/ops.hpp"
#include "idempotency_redis/record.hpp"
#include "idempotency_redis/support/redis_server.hpp"
#include "parley/idempotency_redis/store.hpp"

namespace parley::testing_support {

/// Polls until it holds; false: not in time.
template <class Condition>
bool eventually(Condition holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::yield();
  }
  return true;
}

/// What an observer was told, in order.
class told final : public idempotency_redis::observer {
 public:
  struct event {
    std::string what;  ///< "connected", "silence", "evicts", "outcome_unknown", "NOPERM"
    idempotency_redis::on_finding action = idempotency_redis::on_finding::ignore;
    std::string text = {};
    std::string server = {};
  };

  void connected(std::string_view server) noexcept override {
    add({"connected", {}, {}, std::string(server)});
  }
  void disconnected(std::string_view server, idempotency_redis::disconnect_reason why,
                    std::string_view text) noexcept override {
    add({std::string(to_string(why)), {}, std::string(text), std::string(server)});
  }
  void found(std::string_view server, idempotency_redis::finding what,
             idempotency_redis::on_finding action) noexcept override {
    add({std::string(to_string(what)), action, {}, std::string(server)});
  }
  void lookup_failed(std::string_view server, std::string_view text) noexcept override {
    add({"lookup_failed", {}, std::string(text), std::string(server)});
  }
  void outcome_unknown() noexcept override { add({"outcome_unknown"}); }
  void refused(std::string_view code) noexcept override { add({std::string(code)}); }

  /// Waits for it, `count` times in all. False: it did not come.
  bool wait_for(std::string_view what, std::size_t count = 1) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20),
                             [&] { return count_locked(what) >= count; });
  }
  std::size_t count(std::string_view what) const {
    const std::lock_guard lock(mutex_);
    return count_locked(what);
  }
  std::vector<event> events() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  bool has(std::string_view what, idempotency_redis::on_finding action) const {
    const std::lock_guard lock(mutex_);
    return std::ranges::any_of(
        events_, [&](const event& each) { return each.what == what && each.action == action; });
  }

 private:
  void add(event added) noexcept {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(added));
    changed_.notify_all();
  }
  std::size_t count_locked(std::string_view what) const {
    return static_cast<std::size_t>(
        std::ranges::count(events_, what, [](const event& each) { return each.what; }));
  }

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<event> events_;
};

/// A store and what it tells. Operations have as long as a slow machine needs, where a test does
/// not say otherwise. Throws where the options are refused.
class observed_store {
 public:
  explicit observed_store(idempotency_redis::redis_store_options options) {
    options.observer = &told_;
    auto made = make_redis_store(std::move(options));
    if (!made) throw std::runtime_error(made.error());
    store_ = std::move(*made);
  }

  idempotency_redis::redis_store& operator*() const { return *store_; }
  idempotency_redis::redis_store* operator->() const { return store_.get(); }
  const testing_support::told& told() const { return told_; }
  /// False: it never was connected.
  bool wait_until_ready() const { return told_.wait_for("connected"); }

 private:
  testing_support::told told_;
  std::unique_ptr<idempotency_redis::redis_store> store_;
};

/// For stores on servers that answer: nothing may time out because the machine is slow.
inline idempotency_redis::redis_store_options patient(std::string url) {
  return {.url = std::move(url),
          .operation_timeout = std::chrono::seconds(20),
          .offline_timeout = std::chrono::seconds(20),
          .connect_timeout = std::chrono::seconds(20),
          .reconnect_min = std::chrono::milliseconds(2),
          .reconnect_max = std::chrono::milliseconds(20)};
}

/// For stores on servers that do not.
inline idempotency_redis::redis_store_options hasty(std::string url) {
  return {.url = std::move(url),
          .operation_timeout = std::chrono::milliseconds(120),
          .offline_timeout = std::chrono::milliseconds(60),
          .connect_timeout = std::chrono::milliseconds(250),
          .reconnect_min = std::chrono::milliseconds(2),
          .reconnect_max = std::chrono::milliseconds(20),
          .wait_timeout = std::chrono::milliseconds(60)};
}

inline std::string key_name(std::uint64_t key, std::string_view prefix = "parley:") {
  std::string made(prefix);
  idempotency_redis::append_hex(idempotency::ops::named<idempotency::digest>(key), made);
  return made;
}

inline std::string encoded(const idempotency_redis::record& from) {
  std::string made;
  encode(from, made);
  return made;
}

}  // namespace parley::testing_support

#endif  // PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_STORE_FIXTURE_HPP
