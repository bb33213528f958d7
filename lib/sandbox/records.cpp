// SPDX-License-Identifier: Apache-2.0
#include "sandbox/records.hpp"

#include <algorithm>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "parley/idempotency/memory_store.hpp"
#include "parley/idempotency_redis/inspect.hpp"
#include "parley/idempotency_redis/store.hpp"

namespace parley::sandbox {
namespace {

constexpr std::size_t record_bytes_max = std::size_t{512} << 20;

// It guards nothing but a sandbox's records, and is here for everybody to read.
constexpr std::string_view published_digest_key = "parley-sandbox: this key is no secret";

// Records end by the manual clock, requests wait by the real one.
result<void, std::string> make_memory_records(const manual_clock& clock, idempotency_parts& into) {
  auto records = idempotency::make_memory_store(
      {.bytes_max = record_bytes_max, .scope_share = 1, .clock = [&clock] {
         return std::chrono::steady_clock::time_point(clock.now().time_since_epoch());
       }});
  if (!records) return failure{std::move(records).error()};
  into.clear = [memory = records->get()] {
    memory->clear();
    return true;
  };
  into.held = [memory = records->get()] {
    const auto stats = memory->stats();
    return records_held{stats.entries, stats.bytes};
  };
  into.records = *std::move(records);
  return {};
}

result<void, std::string> make_redis_records(const std::string& url, idempotency_parts& into) {
  idempotency_redis::redis_store_options chosen;
  chosen.url = url;
  chosen.key_prefix = store_key_prefix;
  // What a server for development is set to: nobody misses a sandbox's record.
  chosen.when_evicts = idempotency_redis::on_finding::ignore;
  chosen.when_no_append_only = idempotency_redis::on_finding::ignore;
  chosen.when_unknown = idempotency_redis::on_finding::ignore;
  auto records = idempotency_redis::make_redis_store(chosen);
  if (!records) return failure{std::move(records).error()};
  auto inspector = idempotency_redis::make_inspector(chosen);
  if (!inspector) return failure{std::move(inspector).error()};
  struct shared_inspector {
    std::mutex mutex;
    std::unique_ptr<idempotency_redis::inspector> records;
  };
  auto shared = std::make_shared<shared_inspector>();
  shared->records = *std::move(inspector);
  into.clear = [shared] {
    const std::lock_guard lock(shared->mutex);
    return shared->records->clear().has_value();
  };
  into.records = *std::move(records);
  return {};
}

}  // namespace

void record_counter::on_event(const idempotency::event& e) noexcept {
  using idempotency::event_kind;
  switch (e.kind) {
    case event_kind::claimed:
    case event_kind::taken_over: ++running_; break;
    case event_kind::stored:
      ++completed_;
      --running_;
      break;
    case event_kind::released:
    case event_kind::left:
    case event_kind::outcome_lost: --running_; break;
    case event_kind::replayed: ++replayed_; break;
    case event_kind::conflict: ++conflicts_; break;
    case event_kind::waited:
    case event_kind::busy:
    case event_kind::abandoned:
    case event_kind::refused:
    case event_kind::lease_lost:
    case event_kind::store_failure: break;
  }
}

record_counts record_counter::read() const noexcept {
  return {static_cast<std::uint64_t>(std::max<std::int64_t>(0, running_)), completed_, replayed_,
          conflicts_};
}

bool is_in_memory(const options& chosen) { return chosen.store == "memory"; }

result<idempotency::digester, beast::start_failure> make_digester(const options& chosen) {
  std::string_view key = chosen.digest_key;
  if (key.empty() && !is_in_memory(chosen)) key = published_digest_key;
  auto made =
      key.empty()
          ? idempotency::digester::random()
          : idempotency::digester::from_key(std::as_bytes(std::span(key.data(), key.size())));
  return std::move(made).map_error([](idempotency::digester_errc why) {
    return beast::start_failure{why == idempotency::digester_errc::key_too_short
                                    ? "the digest key has less than 32 bytes"
                                    : "there are no random bytes"};
  });
}

result<idempotency_parts, beast::start_failure> make_idempotency(const options& chosen,
                                                                 const manual_clock& clock) {
  const auto fail = [](std::string why) {
    return failure{beast::start_failure{"cannot keep idempotency records: " + std::move(why)}};
  };
  idempotency_parts made;
  auto stored = is_in_memory(chosen) ? make_memory_records(clock, made)
                                     : make_redis_records(chosen.store, made);
  if (!stored) return fail(std::move(stored).error());
  auto timer = idempotency::make_thread_timer();
  if (!timer) return fail("no thread for the timer");
  made.timer = *std::move(timer);
  made.counter = std::make_unique<record_counter>();
  auto engine =
      idempotency::make_engine(*made.records, *made.timer, {.observer = made.counter.get()});
  if (!engine) return fail(engine.error());
  made.engine = *std::move(engine);
  return made;
}

}  // namespace parley::sandbox
