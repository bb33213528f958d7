// SPDX-License-Identifier: Apache-2.0
#include "idempotency_testing/context.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <utility>

namespace parley::idempotency_testing::detail {
namespace {

// A claimer's time in milliseconds since 1970; any will do.
constexpr std::uint64_t first_unix_ms = 1'800'000'000'000;

// Outlasts a case whose clock is the world's.
constexpr milliseconds long_lease = std::chrono::minutes(10);

// Spreads consecutive numbers over all 64 bits (the finalizer of MurmurHash3, a bijection).
constexpr std::uint64_t spread(std::uint64_t x) noexcept {
  x ^= x >> 33;
  x *= 0xff51'afd7'ed55'8ccd;
  x ^= x >> 33;
  x *= 0xc4ce'b9fe'1a85'ec53;
  x ^= x >> 33;
  return x;
}

std::array<std::byte, 16> bytes_of_number(std::uint64_t number) noexcept {
  const std::uint64_t words[2] = {spread(number), spread(~number)};
  std::array<std::byte, 16> bytes;
  std::memcpy(bytes.data(), words, sizeof words);
  return bytes;
}

}  // namespace

std::string describe(claim_status status) {
  switch (status) {
    case claim_status::claimed: return "claimed";
    case claim_status::completed: return "completed";
    case claim_status::conflict: return "conflict";
    case claim_status::running: return "running";
    case claim_status::abandoned: return "abandoned";
    case claim_status::failed: return "failed";
  }
  return "status " + std::to_string(static_cast<unsigned>(status));
}

std::string describe(write_status status) {
  switch (status) {
    case write_status::applied: return "applied";
    case write_status::already_applied: return "already_applied";
    case write_status::lost: return "lost";
    case write_status::gone: return "gone";
    case write_status::failed: return "failed";
  }
  return "status " + std::to_string(static_cast<unsigned>(status));
}

std::string describe(store_errc why) { return std::string(to_string(why)); }

std::string describe(std::string_view text) {
  constexpr std::size_t shown_max = 48;
  std::string shown = "\"";
  for (const char each : text.substr(0, shown_max)) {
    if (each >= ' ' && each <= '~' && each != '"' && each != '\\') {
      shown += each;
    } else {
      char hex[5];
      std::snprintf(hex, sizeof hex, "\\x%02x", static_cast<unsigned>(each) & 0xff);
      shown += hex;
    }
  }
  shown += '"';
  if (text.size() > shown_max) shown += "...";
  return shown + " of " + std::to_string(text.size()) + " bytes";
}

std::string describe(std::uint64_t number) { return std::to_string(number); }
std::string describe(milliseconds time) { return std::to_string(time.count()) + " ms"; }
std::string describe(bool yes) { return yes ? "true" : "false"; }

std::span<const std::byte> bytes_of(std::string_view text) noexcept {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string text_of(const response_ref& response) {
  const std::span<const std::byte> bytes = response.bytes();
  std::string text(bytes.size(), '\0');
  if (!bytes.empty()) std::memcpy(text.data(), bytes.data(), bytes.size());
  return text;
}

context::context(const conformance_case& which, std::unique_ptr<store_harness> harness,
                 const conformance_options& options)
    : need_(which.need),
      options_(options),
      harness_(std::move(harness)),
      clock_(harness_->clock()),
      unix_ms_(first_unix_ms) {}

std::uint64_t context::next_number() noexcept {
  return numbers_.fetch_add(1, std::memory_order_relaxed) + 1;
}

digest context::fresh_digest() noexcept { return {bytes_of_number(next_number())}; }
idempotency::nonce context::fresh_nonce() noexcept { return {bytes_of_number(next_number())}; }

attempt context::on_fresh_key() {
  attempt made;
  made.key = fresh_digest();
  made.fingerprint = fresh_digest();
  made.nonce = fresh_nonce();
  made.request_id = "request-" + std::to_string(next_number());
  made.retention = day;
  made.unix_ms = unix_ms_;
  if (clock_ == clock_kind::manual) {
    made.lease = std::chrono::seconds(30);
  } else {
    made.lease = need_ == case_need::clock ? harness_->short_lease() : long_lease;
  }
  return made;
}

attempt context::retry_of(const attempt& first) {
  attempt made = on_fresh_key();
  made.key = first.key;
  made.fingerprint = first.fingerprint;
  made.scope = first.scope;
  if (clock_ != clock_kind::manual) made.lease = long_lease;
  return made;
}

attempt context::other_request(const attempt& first) {
  attempt made = retry_of(first);
  made.fingerprint = fresh_digest();
  return made;
}

claim_answer context::answer_of(const kept_op<claim_op>& op) const {
  return {op.status,
          op.fence,
          std::string(op.operation_id.view()),
          std::string(op.note.view()),
          op.response,
          op.lease_left,
          op.failure};
}

claim_answer context::claim(attempt& by) {
  auto& op = make<claim_op>("claim", by, by.request_id);
  op.fingerprint = by.fingerprint;
  op.scope = by.scope;
  op.request_id = op.views;
  op.lease = by.lease;
  op.retention = by.retention;
  op.unix_ms = by.unix_ms;
  op.rerun_marked = by.rerun_marked;
  run(op);
  claim_answer answer = answer_of(op);
  if (answer.status == claim_status::claimed) {
    by.fence = answer.fence;
    by.operation_id = answer.operation_id;
  }
  return answer;
}

write_answer context::complete(const attempt& by, std::string_view bytes, bool lease_holds) {
  auto& op =
      make<complete_op>("complete", by, by.operation_id.empty() ? by.request_id : by.operation_id);
  op.fingerprint = by.fingerprint;
  op.scope = by.scope;
  op.operation_id = op.views;
  op.fence = by.fence;
  op.lease_holds = lease_holds;
  op.response = response_ref::copy_of(bytes_of(bytes));
  op.retention = by.retention;
  run(op);
  return answer_of(op);
}

write_answer context::complete_for(const attempt& by, std::string_view bytes,
                                   milliseconds retention) {
  attempt changed = by;
  changed.retention = retention;
  return complete(changed, bytes);
}

write_answer context::release(const attempt& by) {
  auto& op = make<release_op>("release", by);
  op.scope = by.scope;
  op.fence = by.fence;
  run(op);
  return answer_of(op);
}

write_answer context::renew(const attempt& by, milliseconds lease) {
  auto& op = make<renew_op>("renew", by);
  op.lease = lease;
  run(op);
  return answer_of(op);
}

write_answer context::mark(const attempt& by, std::string_view note) {
  auto& op = make<mark_op>("mark", by, std::string(note));
  op.note = op.views;
  run(op);
  return answer_of(op);
}

void context::wait(kept_state& op) {
  if (op.finished_at_once) return;
  const bool may_pump = std::this_thread::get_id() == owner_;
  const auto wait_until_done = [&] {
    const auto deadline = std::chrono::steady_clock::now() + options_.operation_timeout;
    std::unique_lock lock(op.mutex);
    while (op.done_calls == 0) {
      if (std::chrono::steady_clock::now() >= deadline) return false;
      if (!may_pump) {
        op.changed.wait_until(lock, deadline);
        continue;
      }
      lock.unlock();
      const bool pumped = harness_->pump();
      lock.lock();
      if (!pumped) op.changed.wait_for(lock, milliseconds(1), [&] { return op.done_calls != 0; });
    }
    return true;
  };
  if (wait_until_done()) return;
  fail(std::string(op.what) + ": not done after " + describe(options_.operation_timeout));
  records().shutdown();
  if (!wait_until_done()) {
    fail(std::string(op.what) + ": not even shutdown() made it end");
    is_stuck_ = true;
  }
  throw give_up{};
}

void context::advance(milliseconds by) {
  harness_->advance(by);
  unix_ms_ += static_cast<std::uint64_t>(by.count());
}

void context::reopen() {
  if (harness_->reopen()) return;
  fail("the harness could not reopen the store");
  throw give_up{};
}

void context::run_threads(std::size_t count, const std::function<void(std::size_t)>& body) {
  std::atomic<std::size_t> ready{0};
  std::atomic<std::size_t> running{count};
  std::atomic<bool> gave_up{false};
  std::vector<std::thread> threads;
  threads.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      ready.fetch_add(1);
      while (ready.load() != count) std::this_thread::yield();
      try {
        body(i);
      } catch (const give_up&) {
        gave_up = true;
      }
      running.fetch_sub(1);
    });
  }
  while (running.load() != 0) {
    if (!harness_->pump()) std::this_thread::yield();
  }
  for (std::thread& each : threads) each.join();
  if (gave_up) throw give_up{};
}

void context::fail(std::string finding) {
  const std::lock_guard lock(mutex_);
  findings_.push_back(std::move(finding));
}

void context::expect_above(std::string_view where, std::uint64_t got, std::uint64_t least) {
  if (got > least) return;
  fail(std::string(where) + ": got " + describe(got) + ", expected more than " + describe(least));
}

void context::claims(std::string_view where, attempt& by) {
  const claim_answer answer = claim(by);
  if (answer.status == claim_status::failed) {
    fail(std::string(where) + ": failed with " + describe(answer.failure.why));
    throw give_up{};
  }
  if (!expect(where, answer.status, claim_status::claimed)) throw give_up{};
}

void context::replays(std::string_view where, attempt by, std::string_view bytes,
                      std::string_view operation_id) {
  const claim_answer answer = claim(by);
  if (!expect(where, answer.status, claim_status::completed)) return;
  expect(std::string(where) + ", operation_id", std::string_view(answer.operation_id),
         operation_id);
  expect(std::string(where) + ", that there is a response", bool(answer.response), true);
  const std::string got = text_of(answer.response);
  expect(std::string(where) + ", response", std::string_view(got), bytes);
}

void context::conflicts(std::string_view where, attempt by, std::string_view operation_id) {
  const claim_answer answer = claim(by);
  if (!expect(where, answer.status, claim_status::conflict)) return;
  expect(std::string(where) + ", operation_id", std::string_view(answer.operation_id),
         operation_id);
}

void context::finds_running(std::string_view where, attempt by, std::string_view operation_id) {
  const claim_answer answer = claim(by);
  if (!expect(where, answer.status, claim_status::running)) return;
  expect(std::string(where) + ", operation_id", std::string_view(answer.operation_id),
         operation_id);
  expect_true(std::string(where) + ": lease_left is above 0", answer.lease_left.count() > 0);
}

void context::finds_abandoned(std::string_view where, attempt by, std::string_view operation_id,
                              std::string_view note) {
  const claim_answer answer = claim(by);
  if (!expect(where, answer.status, claim_status::abandoned)) return;
  expect(std::string(where) + ", operation_id", std::string_view(answer.operation_id),
         operation_id);
  expect(std::string(where) + ", note", std::string_view(answer.note), note);
}

void context::is_spent(std::string_view where, attempt by) {
  const claim_answer answer = claim(by);
  if (!expect(where, answer.status, claim_status::failed)) return;
  expect(where, answer.failure.why, store_errc::spent_nonce);
}

void context::answers(std::string_view where, const write_answer& got, write_status expected) {
  if (got.status == write_status::failed && expected != write_status::failed) {
    fail(std::string(where) + ": failed with " + describe(got.failure.why) + ", expected " +
         describe(expected));
    return;
  }
  expect(where, got.status, expected);
}

void context::is_invalid(std::string_view where, const store_failure& failure, bool failed) {
  if (!expect(std::string(where) + ", that it fails", failed, true)) return;
  expect(where, failure.why, store_errc::invalid);
}

void context::check_ends() {
  for (const auto& each : kept_) {
    const std::lock_guard lock(each->mutex);
    const int expected = each->finished_at_once ? 0 : 1;
    if (each->done_calls == expected) continue;
    findings_.push_back(std::string(each->what) + ": its start gave " +
                        describe(each->finished_at_once) + ", and done() ran " +
                        std::to_string(each->done_calls) + " times");
    return;  // one shows it; a store that does it does it everywhere
  }
}

void context::close() {
  if (is_stuck_) {
    // They may still be used by the store.
    harness_.release();
    for (auto& each : kept_) each.release();
    kept_.clear();
    return;
  }
  harness_.reset();
  check_ends();
}

std::vector<std::string> context::take_findings() {
  const std::lock_guard lock(mutex_);
  return std::exchange(findings_, {});
}

}  // namespace parley::idempotency_testing::detail
