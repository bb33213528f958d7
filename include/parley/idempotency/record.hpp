// SPDX-License-Identifier: Apache-2.0
//
// What a store keeps for a key, and what each operation does to it. Every store decides by these
// functions: in memory they run as they are, in a database as a script that says the same.
//
// Pure: the same record, operation and clock give the same verdict.

#ifndef PARLEY_IDEMPOTENCY_RECORD_HPP
#define PARLEY_IDEMPOTENCY_RECORD_HPP

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>

namespace parley::idempotency {

/// 128 bits of a keyed hash: of a key, a fingerprint or a scope (see digester).
struct digest {
  std::array<std::byte, 16> bytes{};
  friend bool operator==(const digest&, const digest&) = default;
  friend auto operator<=>(const digest&, const digest&) = default;
};

/// 128 random bits that the claimer makes for one attempt. A claim whose answer was lost is sent
/// again under the same nonce, and is then recognised.
struct nonce {
  std::array<std::byte, 16> bytes{};
  friend bool operator==(const nonce&, const nonce&) = default;
};

/// A record that is past its retention does not exist; one in any of these states does.
enum class record_state : std::uint8_t {
  running = 1,  ///< an attempt holds the claim
  marked,       ///< and has said that its side effect may have begun
  completed,    ///< the response is stored
  released,     ///< the attempt ended, and certainly nothing happened
};

/// What a store found under a key.
struct record_view {
  record_state state = record_state::running;
  digest fingerprint;
  nonce owner;              ///< of the attempt that wrote the record last
  std::uint64_t fence = 0;  ///< of that attempt
  bool lease_over = false;  ///< of a running or marked one, by the store's own clock
};

/// What a claim meets.
enum class claim_verdict : std::uint8_t {
  take = 1,   ///< write a fresh record: there was none, or a released one
  take_over,  ///< write a new attempt over one whose lease is over, keeping its operation id
  resume,     ///< our own claim, sent again: claimed, with the fence that was found
  replay,     ///< completed, the same request
  conflict,   ///< another request lives under this key
  running,    ///< the same request is running
  abandoned,  ///< the same request was marked, and its lease is over: nobody knows what happened
  spent,      ///< our own nonce, released: a late duplicate of a claim that is over
};

/// `found`: null where nothing lives under the key. `rerun_marked`: the route's policy allows to
/// run an abandoned attempt again.
constexpr claim_verdict judge_claim(const record_view* found, const digest& fingerprint,
                                    const nonce& claimer, bool rerun_marked) noexcept {
  if (found == nullptr) return claim_verdict::take;
  // Before the fingerprints: a nonce belongs to one request.
  if (found->owner == claimer) {
    switch (found->state) {
      case record_state::running:
      case record_state::marked: return claim_verdict::resume;
      case record_state::completed: return claim_verdict::replay;
      case record_state::released: return claim_verdict::spent;
    }
  }
  if (found->state == record_state::released) return claim_verdict::take;
  if (found->fingerprint != fingerprint) return claim_verdict::conflict;
  switch (found->state) {
    case record_state::completed: return claim_verdict::replay;
    case record_state::running:
      return found->lease_over ? claim_verdict::take_over : claim_verdict::running;
    case record_state::marked:
      if (!found->lease_over) return claim_verdict::running;
      return rerun_marked ? claim_verdict::take_over : claim_verdict::abandoned;
    case record_state::released: break;
  }
  return claim_verdict::conflict;
}

/// What an operation of a holder meets.
enum class write_verdict : std::uint8_t {
  apply = 1,  ///< do it
  already,    ///< it was done before, under this nonce: success
  lost,       ///< another attempt has the record, or ours has ended in another way
  gone,       ///< there is no record
};

/// `lease_holds`: the holder's own deadline has not passed. A completion that finds nothing then
/// was forgotten by the store, not superseded, and is stored.
constexpr write_verdict judge_complete(const record_view* found, const nonce& holder,
                                       bool lease_holds) noexcept {
  if (found == nullptr) return lease_holds ? write_verdict::apply : write_verdict::gone;
  if (found->owner != holder) return write_verdict::lost;
  switch (found->state) {
    case record_state::running:
    case record_state::marked: return write_verdict::apply;
    case record_state::completed: return write_verdict::already;
    case record_state::released: break;
  }
  return write_verdict::lost;
}

/// A release that finds nothing is applied: its record keeps a late duplicate of the claim from
/// taking the key for an attempt that is over.
constexpr write_verdict judge_release(const record_view* found, const nonce& holder) noexcept {
  if (found == nullptr) return write_verdict::apply;
  if (found->owner != holder) return write_verdict::lost;
  switch (found->state) {
    case record_state::running:
    case record_state::marked: return write_verdict::apply;
    case record_state::released: return write_verdict::already;
    case record_state::completed: break;
  }
  return write_verdict::lost;
}

constexpr write_verdict judge_renew(const record_view* found, const nonce& holder) noexcept {
  if (found == nullptr) return write_verdict::gone;
  const bool is_ours = found->owner == holder && (found->state == record_state::running ||
                                                  found->state == record_state::marked);
  return is_ours ? write_verdict::apply : write_verdict::lost;
}

constexpr write_verdict judge_mark(const record_view* found, const nonce& holder) noexcept {
  if (found == nullptr) return write_verdict::gone;
  if (found->owner != holder) return write_verdict::lost;
  switch (found->state) {
    case record_state::running: return write_verdict::apply;
    case record_state::marked: return write_verdict::already;
    case record_state::completed:
    case record_state::released: break;
  }
  return write_verdict::lost;
}

/// Of a new attempt: above that of every attempt found, and, as keys are forgotten, not below the
/// claimer's time in milliseconds since 1970.
constexpr std::uint64_t next_fence(const record_view* found, std::uint64_t unix_ms) noexcept {
  return found == nullptr ? unix_ms : std::max(found->fence + 1, unix_ms);
}

}  // namespace parley::idempotency

#endif  // PARLEY_IDEMPOTENCY_RECORD_HPP
