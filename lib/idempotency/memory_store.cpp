// SPDX-License-Identifier: Apache-2.0
#include "parley/idempotency/memory_store.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

#include "idempotency/memory_shard.hpp"

namespace parley::idempotency {
namespace {

using detail::leftovers;
using detail::no_place;
using detail::record;
using detail::scope_directory;
using detail::shard;
using detail::shortage;
using detail::text_block;
using detail::text_ptr;
using std::chrono::milliseconds;

constexpr std::size_t entries_limit = std::size_t{1} << 31;
constexpr std::size_t bytes_limit = std::numeric_limits<std::size_t>::max() / 2;
constexpr unsigned shards_limit = 1u << detail::hash_shard_bits;
// Of each shard: its first chunk, table and heap, and some responses.
constexpr std::size_t shard_bytes_min = std::size_t{16} * 1024;
// The index has 22 bits for a place: twice this, as shards do not fill evenly.
constexpr std::size_t shard_entries_max = std::size_t{1} << 21;
constexpr std::size_t scope_bytes_min = 4096;

// Of the time that is spent on records that have ended: by an operation as it comes by, and for
// each shard by one that finds no room.
constexpr unsigned reclaims_per_operation = 2;
constexpr unsigned reclaims_per_round = 16;
constexpr int rounds_max = 64;

std::string check(const memory_store_options& options) {
  if (options.entries_max < 1 || options.entries_max > entries_limit) {
    return "memory_store: entries_max is not from 1 to 2^31";
  }
  if (options.bytes_max < (std::size_t{1} << 20) || options.bytes_max > bytes_limit) {
    return "memory_store: bytes_max is not from 1 MiB to half of the address space";
  }
  if (options.shards > shards_limit || !std::has_single_bit(options.shards)) {
    return "memory_store: shards is not a power of two from 1 to 1,024";
  }
  if (options.bytes_max / options.shards < shard_bytes_min) {
    return "memory_store: bytes_max leaves less than 16 KiB for each of the shards";
  }
  if (options.entries_max > shard_entries_max * options.shards) {
    return "memory_store: entries_max is above 2^21 for each of the shards";
  }
  if (options.scope_share < 1 || options.bytes_max / options.scope_share < scope_bytes_min) {
    return "memory_store: scope_share is 0, or leaves less than 4 KiB of bytes_max for a scope";
  }
  return {};
}

constexpr std::int64_t plus(std::int64_t now, milliseconds span) noexcept {
  const std::int64_t nanoseconds = span.count() * 1'000'000;
  return now > detail::never - nanoseconds ? detail::never : now + nanoseconds;
}

// Upwards: who comes again after it comes late enough.
constexpr milliseconds until(std::int64_t then, std::int64_t now) noexcept {
  return std::max(milliseconds(1),
                  milliseconds((then - now) / 1'000'000 + ((then - now) % 1'000'000 != 0 ? 1 : 0)));
}

bool finish(claim_op& op, claim_status status) noexcept {
  op.status = status;
  return true;
}
bool finish(write_op& op, write_status status) noexcept {
  op.status = status;
  return true;
}
bool fail(claim_op& op, const store_failure& failure) noexcept {
  op.failure = failure;
  return finish(op, claim_status::failed);
}
bool fail(write_op& op, const store_failure& failure) noexcept {
  op.failure = failure;
  return finish(op, write_status::failed);
}

record_view view_of(const record& found, std::int64_t now) noexcept {
  const bool is_attempt =
      found.state == record_state::running || found.state == record_state::marked;
  return {.state = found.state,
          .fingerprint = found.fingerprint,
          .owner = found.owner,
          .fence = found.fence,
          .lease_over = is_attempt && found.lease_end <= now};
}

// The shards stand side by side and never move.
class shard_array {
 public:
  shard_array(unsigned size, detail::budget& whole, scope_directory* scopes, unsigned place_bits)
      : size_(size), shards_(std::allocator<shard>().allocate(size)) {
    for (unsigned i = 0; i < size; ++i) new (shards_ + i) shard(whole, scopes, place_bits);
  }
  ~shard_array() {
    std::destroy_n(shards_, size_);
    std::allocator<shard>().deallocate(shards_, size_);
  }
  shard_array(const shard_array&) = delete;
  shard_array& operator=(const shard_array&) = delete;

  // Bit by bit, as the highest bits of a hash: size_ is a power of two, and may be 1.
  shard& of(std::uint64_t hash) const noexcept {
    return shards_[(hash >> (64 - detail::hash_shard_bits)) & (size_ - 1)];
  }
  shard* begin() const noexcept { return shards_; }
  shard* end() const noexcept { return shards_ + size_; }

 private:
  const unsigned size_;
  shard* const shards_;
};

class sharded_store final : public memory_store {
 public:
  explicit sharded_store(memory_store_options&& options)
      : clock_(std::move(options.clock)),
        fixed_bytes_(sizeof(sharded_store) + options.shards * sizeof(shard)),
        whole_({to_signed(options.entries_max), to_signed(options.bytes_max - fixed_bytes_)},
               options.shards),
        scopes_(whole_,
                {to_signed(part_of(options.entries_max, options.scope_share)),
                 to_signed(part_of(options.bytes_max, options.scope_share))},
                options.shards),
        shards_(options.shards, whole_, options.scope_share > 1 ? &scopes_ : nullptr,
                place_bits(options)) {}

  memory_store_stats stats() const noexcept override {
    memory_store_stats sum;
    std::int64_t bytes = to_signed(fixed_bytes_) + scopes_.bytes();
    for (shard& each : shards_) {
      const std::lock_guard lock(each.mutex);
      sum.entries += static_cast<std::size_t>(each.used().entries);
      bytes += each.used().bytes;
    }
    sum.bytes = static_cast<std::size_t>(bytes);
    sum.refused_full = refused_full_.load(std::memory_order_relaxed);
    sum.refused_scope_full = refused_scope_full_.load(std::memory_order_relaxed);
    return sum;
  }

  void clear() noexcept override {
    for (shard& each : shards_) {
      detail::slab<record> gone = [&each] {
        const std::lock_guard lock(each.mutex);
        return each.clear();
      }();
      shard::destroy_all(gone);
    }
  }

 private:
  // One run of an operation, under the lock of its shard.
  struct visit {
    shard& in;
    const std::uint64_t hash;
    const std::int64_t now;
    leftovers& out;

    std::uint32_t find(const digest& key) const noexcept { return in.find(hash, key, now, out); }
  };

  static std::int64_t to_signed(std::size_t n) noexcept { return static_cast<std::int64_t>(n); }
  // Rounded up, so that a scope may have something.
  static std::size_t part_of(std::size_t whole, unsigned share) noexcept {
    return whole / share + (whole % share != 0 ? 1 : 0);
  }
  static unsigned place_bits(const memory_store_options& options) noexcept {
    const std::size_t even = options.entries_max / options.shards;
    return std::clamp(static_cast<unsigned>(std::bit_width(2 * even)), 15u, 22u);
  }

  std::int64_t now() const noexcept {
    const auto at = clock_ ? clock_() : std::chrono::steady_clock::now();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
  }

  bool do_claim(claim_op& op) noexcept override {
    op.response = {};
    op.note.assign({});
    return run(op, [&op](const visit& at) { return claim_at(at, op); });
  }
  bool do_complete(complete_op& op) noexcept override {
    // What can never fit is told apart, so that nobody tries it again until its lease is over.
    const std::int64_t bytes = shard::record_bytes + detail::response_bytes(op.response);
    const bool can_fit = bytes <= whole_.cap().bytes && bytes <= scopes_.quota().bytes;
    return run(op, [&op, can_fit](const visit& at) { return complete_at(at, op, can_fit); });
  }
  bool do_release(release_op& op) noexcept override {
    return run(op, [&op](const visit& at) { return release_at(at, op); });
  }
  bool do_renew(renew_op& op) noexcept override {
    return run(op, [&op](const visit& at) { return renew_at(at, op); });
  }
  bool do_mark(mark_op& op) noexcept override {
    return run(op, [&op](const visit& at) { return mark_at(at, op); });
  }
  void do_cancel(op_base&) noexcept override {}  // nothing is ever pending
  void do_shutdown() noexcept override { is_shut_down_.store(true, std::memory_order_release); }

  // Runs `step` in the shard of the key, again for as long as it lacks room and some can be made.
  template <class Op, class Step>
  bool run(Op& op, Step step) noexcept {
    if (is_shut_down_.load(std::memory_order_acquire)) {
      return fail(op, {.why = store_errc::shut_down, .is_outcome_known = true});
    }
    const std::uint64_t hash = detail::hash_of(op.key);
    shard& in = shards_.of(hash);
    const std::int64_t at = now();
    for (int round = 1;; ++round) {
      shortage lack = shortage::none;
      shard::full_scope full;
      {
        leftovers out;
        const std::lock_guard lock(in.mutex);
        in.prefetch(hash);
        if constexpr (std::is_same_v<Op, claim_op>) in.prefetch_scope(op.scope);
        in.reclaim(at, reclaims_per_operation, out);
        lack = step(visit{in, hash, at, out});
        if (lack == shortage::full) full.are_returns_due = whole_.tighten();
        if (lack == shortage::scope_full) full = in.last_full_scope();
        in.finish();
      }
      if (lack == shortage::none) return true;
      const bool may_help = lack == shortage::full || lack == shortage::scope_full;
      if (!may_help || round == rounds_max ||
          !make_room(at, full.are_returns_due,
                     lack == shortage::scope_full ? &full.scope : nullptr)) {
        return refuse(op, lack, at);
      }
    }
  }

  // Collects what shards hold of a budget that has become tight (of the scope or, null, of the
  // whole), and forgets records that have ended. False: nothing was gained; or another thread is
  // still collecting, and a refusal comes a few microseconds too early.
  bool make_room(std::int64_t at, bool are_returns_due, const digest* scope) noexcept {
    bool is_gain = are_returns_due;
    for (shard& each : shards_) {
      if (!are_returns_due && each.earliest.load(std::memory_order_relaxed) > at) continue;
      leftovers out;
      const std::lock_guard lock(each.mutex);
      if (are_returns_due && scope != nullptr) each.return_purse(*scope);
      if (are_returns_due && scope == nullptr) each.return_purse();
      if (each.reclaim(at, reclaims_per_round, out) != 0) is_gain = true;
      each.finish();
    }
    return is_gain;
  }

  template <class Op>
  bool refuse(Op& op, shortage lack, std::int64_t at) noexcept {
    store_failure failure = {.why = store_errc::full, .is_retryable = true};
    switch (lack) {
      case shortage::out_of_memory: failure.why = store_errc::out_of_memory; break;
      case shortage::too_large: failure.is_retryable = false; break;
      case shortage::scope_full:
        failure.why = store_errc::scope_full;
        // The first record to end is likely another's.
        failure.retry_after = std::chrono::seconds(1);
        refused_scope_full_.fetch_add(1, std::memory_order_relaxed);
        break;
      case shortage::full:
      case shortage::none:
        failure.retry_after = first_end(at);
        refused_full_.fetch_add(1, std::memory_order_relaxed);
        break;
    }
    return fail(op, failure);
  }

  milliseconds first_end(std::int64_t at) const noexcept {
    std::int64_t first = detail::never;
    for (const shard& each : shards_) {
      first = std::min(first, each.earliest.load(std::memory_order_relaxed));
    }
    return first == detail::never ? std::chrono::seconds(1) : until(first, at);
  }

  // What an attempt writes over `to`, which is filed or is to be.
  static void begin_attempt(record& to, const claim_op& op, std::uint64_t fence,
                            std::int64_t now) noexcept {
    to.fingerprint = op.fingerprint;
    to.owner = op.nonce;
    to.fence = fence;
    to.state = record_state::running;
    to.lease_end = plus(now, op.lease);
    to.retention_ms = static_cast<std::uint32_t>(op.retention.count());
  }

  static void answer_claimed(claim_op& op, const record& found) noexcept {
    op.fence = found.fence;
    op.operation_id.assign(found.id());
    finish(op, claim_status::claimed);
  }

  // A block for an id that is too long for the record. Null where none is needed.
  static shortage make_id_block(std::string_view id, text_ptr& block) noexcept {
    if (id.size() <= record::inline_id_max) return shortage::none;
    block = text_block::make(id, {});
    return block == nullptr ? shortage::out_of_memory : shortage::none;
  }
  static void set_id(record& to, std::string_view id, text_ptr block) noexcept {
    if (block != nullptr) {
      to.set_text(std::move(block));
    } else {
      to.set_id(id);
    }
  }
  static std::int64_t bytes_of(const text_ptr& block) noexcept {
    return block == nullptr ? 0 : block->bytes();
  }

  static shortage claim_at(const visit& at, claim_op& op) noexcept {
    std::uint32_t place = at.find(op.key);
    if (place == no_place) return take_new(at, op);
    record& found = at.in[place];
    const record_view view = view_of(found, at.now);
    switch (judge_claim(&view, op.fingerprint, op.nonce, op.rerun_marked)) {
      case claim_verdict::take: return take_released(at, place, next_fence(&view, op.unix_ms), op);
      case claim_verdict::take_over: {
        if (const shortage lack = at.in.make_order_room(); lack != shortage::none) return lack;
        begin_attempt(found, op, next_fence(&view, op.unix_ms), at.now);
        at.in.refile(place, plus(at.now, op.retention), op.retention.count());
        answer_claimed(op, found);
        break;
      }
      case claim_verdict::resume: answer_claimed(op, found); break;
      case claim_verdict::replay:
        op.response = found.response;
        op.operation_id.assign(found.id());
        finish(op, claim_status::completed);
        break;
      case claim_verdict::conflict:
        op.operation_id.assign(found.id());
        finish(op, claim_status::conflict);
        break;
      case claim_verdict::running:
        op.operation_id.assign(found.id());
        op.lease_left = until(found.lease_end, at.now);
        finish(op, claim_status::running);
        break;
      case claim_verdict::abandoned:
        op.operation_id.assign(found.id());
        op.note.assign(found.note());
        finish(op, claim_status::abandoned);
        break;
      case claim_verdict::spent: fail(op, {.why = store_errc::spent_nonce}); break;
    }
    return shortage::none;
  }

  static shortage take_new(const visit& at, claim_op& op) noexcept {
    text_ptr block;
    shortage lack = make_id_block(op.request_id, block);
    if (lack != shortage::none) return lack;
    std::uint32_t place = no_place;
    lack = at.in.insert(at.hash, op.key, op.scope, bytes_of(block), place);
    if (lack != shortage::none) return lack;
    record& made = at.in[place];
    begin_attempt(made, op, next_fence(nullptr, op.unix_ms), at.now);
    set_id(made, op.request_id, std::move(block));
    at.in.file(place, plus(at.now, op.retention), op.retention.count());
    answer_claimed(op, made);
    return shortage::none;
  }

  // The record stays with the scope that it was charged to.
  static shortage take_released(const visit& at, std::uint32_t place, std::uint64_t fence,
                                claim_op& op) noexcept {
    record& found = at.in[place];
    text_ptr block;
    shortage lack = make_id_block(op.request_id, block);
    if (lack == shortage::none) lack = at.in.make_order_room();
    if (lack == shortage::none) lack = at.in.charge(found, bytes_of(block));
    if (lack != shortage::none) return lack;
    begin_attempt(found, op, fence, at.now);
    set_id(found, op.request_id, std::move(block));
    at.in.refile(place, plus(at.now, op.retention), op.retention.count());
    answer_claimed(op, found);
    return shortage::none;
  }

  // Translates what the four operations of a holder have in common. True: it is to be applied.
  static bool is_to_apply(write_verdict verdict, write_op& op) noexcept {
    switch (verdict) {
      case write_verdict::apply: return finish(op, write_status::applied);
      case write_verdict::already: finish(op, write_status::already_applied); break;
      case write_verdict::lost: finish(op, write_status::lost); break;
      case write_verdict::gone: finish(op, write_status::gone); break;
    }
    return false;
  }

  static shortage complete_at(const visit& at, complete_op& op, bool can_fit) noexcept {
    const std::uint32_t place = at.find(op.key);
    if (place == no_place) {
      if (!is_to_apply(judge_complete(nullptr, op.nonce, op.lease_holds), op)) {
        return shortage::none;
      }
      return can_fit ? complete_new(at, op) : shortage::too_large;
    }
    record& found = at.in[place];
    const record_view view = view_of(found, at.now);
    if (!is_to_apply(judge_complete(&view, op.nonce, op.lease_holds), op)) return shortage::none;
    if (!can_fit) return shortage::too_large;

    // A note has done its duty: its block goes, if the id can stand without.
    const bool drops_block = found.id().size() <= record::inline_id_max;
    const std::int64_t dropped = drops_block ? found.text_bytes() : 0;
    shortage lack = at.in.make_order_room();
    if (lack == shortage::none) {
      lack = at.in.charge(found, detail::response_bytes(op.response) - dropped);
    }
    if (lack != shortage::none) return lack;
    if (dropped != 0) found.set_id(found.id());
    found.set_completed(op.response);
    at.in.refile(place, plus(at.now, op.retention), op.retention.count());
    return shortage::none;
  }

  static shortage complete_new(const visit& at, const complete_op& op) noexcept {
    text_ptr block;
    shortage lack = make_id_block(op.operation_id, block);
    if (lack != shortage::none) return lack;
    std::uint32_t place = no_place;
    lack = at.in.insert(at.hash, op.key, op.scope,
                        bytes_of(block) + detail::response_bytes(op.response), place);
    if (lack != shortage::none) return lack;
    record& made = at.in[place];
    made.fingerprint = op.fingerprint;
    made.owner = op.nonce;
    set_id(made, op.operation_id, std::move(block));
    made.set_completed(op.response);
    at.in.file(place, plus(at.now, op.retention), op.retention.count());
    return shortage::none;
  }

  static shortage release_at(const visit& at, release_op& op) noexcept {
    std::uint32_t place = at.find(op.key);
    const std::int64_t expires = plus(at.now, released_retention);
    if (place == no_place) {
      if (!is_to_apply(judge_release(nullptr, op.nonce), op)) return shortage::none;
      const shortage lack = at.in.insert(at.hash, op.key, op.scope, 0, place);
      if (lack != shortage::none) return lack;
      record& made = at.in[place];
      made.owner = op.nonce;
      made.fence = op.fence;
      made.state = record_state::released;
      at.in.file(place, expires, released_retention.count());
      return shortage::none;
    }
    record& found = at.in[place];
    const record_view view = view_of(found, at.now);
    if (!is_to_apply(judge_release(&view, op.nonce), op)) return shortage::none;
    if (const shortage lack = at.in.make_order_room(); lack != shortage::none) return lack;
    at.in.charge(found, -found.text_bytes());
    found.drop_text();
    found.state = record_state::released;
    at.in.refile(place, expires, released_retention.count());
    return shortage::none;
  }

  static shortage renew_at(const visit& at, renew_op& op) noexcept {
    const std::uint32_t place = at.find(op.key);
    if (place == no_place) {
      is_to_apply(judge_renew(nullptr, op.nonce), op);
      return shortage::none;
    }
    record& found = at.in[place];
    const record_view view = view_of(found, at.now);
    if (!is_to_apply(judge_renew(&view, op.nonce), op)) return shortage::none;
    if (const shortage lack = at.in.make_order_room(); lack != shortage::none) return lack;
    found.lease_end = plus(at.now, op.lease);
    // The record outlives its lease, so that a conflict can still name it.
    const milliseconds retention =
        std::max(milliseconds(found.retention_ms), op.lease + retention_margin);
    at.in.refile(place, plus(at.now, retention), retention.count());
    return shortage::none;
  }

  static shortage mark_at(const visit& at, mark_op& op) noexcept {
    const std::uint32_t place = at.find(op.key);
    if (place == no_place) {
      is_to_apply(judge_mark(nullptr, op.nonce), op);
      return shortage::none;
    }
    record& found = at.in[place];
    const record_view view = view_of(found, at.now);
    if (!is_to_apply(judge_mark(&view, op.nonce), op)) return shortage::none;
    if (!op.note.empty() || !found.note().empty()) {
      text_ptr block = text_block::make(found.id(), op.note);
      if (block == nullptr) return shortage::out_of_memory;
      const shortage lack = at.in.charge(found, block->bytes() - found.text_bytes());
      if (lack != shortage::none) return lack;
      found.set_text(std::move(block));
    }
    found.state = record_state::marked;
    return shortage::none;
  }

  const std::function<std::chrono::steady_clock::time_point()> clock_;
  const std::size_t fixed_bytes_;
  detail::budget whole_;
  mutable scope_directory scopes_;
  const shard_array shards_;
  std::atomic<bool> is_shut_down_ = false;
  std::atomic<std::uint64_t> refused_full_ = 0;
  std::atomic<std::uint64_t> refused_scope_full_ = 0;
};

}  // namespace

result<std::unique_ptr<memory_store>, std::string> make_memory_store(memory_store_options options) {
  if (std::string reason = check(options); !reason.empty()) return failure{std::move(reason)};
  return std::unique_ptr<memory_store>(std::make_unique<sharded_store>(std::move(options)));
}

}  // namespace parley::idempotency
