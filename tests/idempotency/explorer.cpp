// SPDX-License-Identifier: Apache-2.0
#include "idempotency/explorer.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <type_traits>
#include <unordered_set>
#include <utility>

#include "idempotency/attempt_machine.hpp"
#include "parley/idempotency/record.hpp"

namespace parley::idempotency::explorer {
namespace {

using std::chrono::milliseconds;

// ---- the state: everything that what follows depends on, monitors included ----

constexpr std::size_t late_max = 6;
constexpr std::uint32_t unix_start = 1'000'000;

// Of a request: what it carries beside its kind and its nonce.
enum request_flag : std::uint8_t { lease_holds = 1, sent_superseded = 2, is_tombstone = 4 };

struct message {
  std::uint8_t kind = 0;  // request_kind, or 0: none
  std::uint8_t nonce = 0;
  std::uint8_t client = 0;
  std::uint8_t flags = 0;
  std::uint32_t number = 0;  // the time of a claim, the fence of a completion or release
  friend auto operator<=>(const message&, const message&) = default;
};

enum class refusal : std::uint8_t { none, unknown, busy, full, spent };

struct answer {
  std::uint8_t status = 0;  // claim_status or write_status
  refusal why = refusal::none;
  std::uint8_t response = 0;
  std::uint8_t unused = 0;
  std::uint32_t fence = 0;
  // The monitor's masks when a claim was granted: see `history`.
  std::uint16_t taken_over = 0;
  std::uint16_t rerun = 0;
};

// Times are the store's, in ms. Where the lease of a record is over its end is 0, and one that has
// expired is all zero: equal futures have equal states.
struct stored {
  std::uint8_t state = 0;  // record_state, or 0: no record
  std::uint8_t fingerprint = 0;
  std::uint8_t owner = 0;
  std::uint8_t response = 0;
  std::uint32_t lease_end = 0;
  std::uint32_t expires = 0;
  std::uint32_t fence = 0;
  friend bool operator==(const stored&, const stored&) = default;
};

// What the monitors remember. `record` is what there should be, by what was asked and answered.
struct history {
  stored record;
  std::uint32_t kept_until = 0;      // end of the retention of a completion that a client knows of
  std::uint32_t fence_answered = 0;  // the highest
  std::uint16_t last_granted = 0;    // a nonce
  // A bit for each nonce.
  std::uint16_t effects = 0;         // of handlers that gave a response
  std::uint16_t marked_effects = 0;  // of handlers that were told that their mark is stored
  std::uint16_t taken_over = 0;      // its lease was over when another was granted
  std::uint16_t rerun = 0;           // so, and that one's claim said rerun_marked
  std::uint16_t unused[3] = {};
};

enum class phase : std::uint8_t {
  idle,
  claiming,
  waiting,     // was answered `running`
  running,     // the handler runs
  completing,  // the handler has ended, in one of these ways
  releasing,
  abandoning,
  surrendering,
  crashed,
};
enum class flight : std::uint8_t { none, sent, carried_out };

using machine_image = std::array<std::uint64_t, sizeof(attempt_machine) / 8>;
static_assert(std::is_trivially_copyable_v<attempt_machine>);
// Without padding its bytes are its state.
static_assert(std::has_unique_object_representations_v<attempt_machine>);

struct client {
  phase at = phase::idle;
  flight in = flight::none;
  std::uint8_t nonce = 0;
  std::uint8_t nonces = 0;
  std::uint8_t attempts_left = 0;
  std::uint8_t polls_left = 0;
  std::uint8_t unknown_tries = 0;
  std::uint8_t marks : 4 = 0;
  std::uint8_t mark_is_awaited : 4 = 0;
  message op{};
  answer got{};
  std::uint32_t first_sent = 0;
  std::uint32_t claim_number = 0;
  std::uint32_t fence = 0;
  std::uint32_t fence_floor = 0;
  std::uint32_t unused = 0;
  machine_image machine{};  // zero where there is none
};

enum : std::size_t { left_time = 0, left_losses = 4, left_copies, left_crashes, left_refusals };

struct world {
  std::uint32_t now = 0;
  std::uint8_t clients = 0;
  std::array<std::uint8_t, 8> left{};
  std::array<std::uint8_t, 3> unused{};
  stored record;
  history past;
  std::array<message, late_max> late{};  // sorted; none first
  std::array<client, clients_max> client_of{};
};
static_assert(std::is_trivially_copyable_v<world>);
static_assert(std::has_unique_object_representations_v<world>);

constexpr std::array<std::uint32_t, 4> time_steps = {
    static_cast<std::uint32_t>(tick.count()), static_cast<std::uint32_t>(lease.count()),
    static_cast<std::uint32_t>(retention.count()),
    static_cast<std::uint32_t>(released_retention.count())};
constexpr auto lease_ms = static_cast<std::uint32_t>(lease.count());
constexpr auto retention_ms = static_cast<std::uint32_t>(retention.count());
constexpr std::uint32_t released_ms = time_steps[3];

constexpr std::uint16_t bit_of(std::uint8_t nonce) {
  return static_cast<std::uint16_t>(1u << nonce);
}
constexpr std::uint8_t byte_of(auto value) { return static_cast<std::uint8_t>(value); }

constexpr bool is(const stored& record, record_state state) {
  return record.state == byte_of(state);
}
constexpr bool is_held(const stored& record) {
  return is(record, record_state::running) || is(record, record_state::marked);
}

void settle(stored& record, std::uint32_t now) {
  if (record.expires <= now) {
    record = {};
  } else if (record.lease_end <= now) {
    record.lease_end = 0;
  }
}

attempt_machine machine_of(const client& c) { return std::bit_cast<attempt_machine>(c.machine); }

steady_time time_of(const config& of, std::size_t who, std::uint32_t now) {
  return steady_time(milliseconds(std::uint64_t{now} * of.clients[who].clock_percent / 100));
}

store_failure failure_of(refusal why) {
  switch (why) {
    case refusal::none: break;
    case refusal::unknown:
      return {.why = store_errc::timed_out, .is_retryable = true, .is_outcome_known = false};
    case refusal::busy: return {.why = store_errc::busy, .is_retryable = true};
    case refusal::full: return {.why = store_errc::full};
    case refusal::spent: return {.why = store_errc::spent_nonce};
  }
  return {};
}

// ---- the store ----

constexpr digest digest_of(std::uint8_t number) { return {{std::byte{number}}}; }
constexpr nonce nonce_of(std::uint8_t number) { return {{std::byte{number}}}; }

record_view view_of(const stored& record) {
  return {.state = static_cast<record_state>(record.state),
          .fingerprint = digest_of(record.fingerprint),
          .owner = nonce_of(record.owner),
          .fence = record.fence,
          .lease_over = record.lease_end == 0};
}

claim_verdict judge(const config& of, const stored& record, const message& op) {
  const client_options& by = of.clients[op.client];
  const bool lives = record.state != 0;
  const record_view view = view_of(record);
  const digest mine = digest_of(by.fingerprint);
  const claim_verdict verdict =
      judge_claim(lives ? &view : nullptr, mine, nonce_of(op.nonce), by.rerun_marked);
  const bool is_own = lives && record.owner == op.nonce;
  switch (of.mistake) {
    case fault::claim_retry_without_nonce:
      if (is_own) return judge_claim(&view, mine, nonce_of(0xff), by.rerun_marked);
      break;
    case fault::takeover_ignores_the_lease:
      if (verdict == claim_verdict::running) return claim_verdict::take_over;
      break;
    case fault::fingerprint_is_ignored_after_the_lease:
      if (!is_held(record) || !view.lease_over) break;
      [[fallthrough]];
    case fault::fingerprint_is_ignored:
      if (verdict == claim_verdict::conflict) {
        return judge_claim(&view, view.fingerprint, nonce_of(op.nonce), by.rerun_marked);
      }
      break;
    case fault::abandoned_reruns_unasked:
      if (verdict == claim_verdict::abandoned) return claim_verdict::take_over;
      break;
    case fault::abandoned_never_reruns:
      if (is(record, record_state::marked) && verdict == claim_verdict::take_over) {
        return claim_verdict::abandoned;
      }
      break;
    case fault::completion_runs_again_for_its_owner:
      if (is_own && verdict == claim_verdict::replay) return claim_verdict::take;
      break;
    case fault::lease_never_ends:
      if (verdict == claim_verdict::take_over) return claim_verdict::running;
      break;
    default: break;
  }
  return verdict;
}

answer claim(const config& of, stored& record, std::uint32_t now, const message& op) {
  const claim_verdict verdict = judge(of, record, op);
  const auto said = [&](claim_status status) {
    return answer{.status = byte_of(status), .fence = record.fence};
  };
  switch (verdict) {
    case claim_verdict::take:
    case claim_verdict::take_over: {
      const record_view view = view_of(record);
      const std::uint64_t fence = next_fence(record.state == 0 ? nullptr : &view, op.number);
      const bool is_over = verdict == claim_verdict::take_over;
      const bool keeps_fence = of.mistake == fault::fence_is_not_raised && record.state != 0;
      record = {.state = byte_of(record_state::running),
                .fingerprint = is_over ? record.fingerprint : of.clients[op.client].fingerprint,
                .owner = op.nonce,
                .lease_end = now + lease_ms,
                .expires = now + retention_ms,
                .fence = keeps_fence ? record.fence : static_cast<std::uint32_t>(fence)};
      return said(claim_status::claimed);
    }
    case claim_verdict::resume:
      if (of.mistake == fault::fence_of_a_retry_is_raised) ++record.fence;
      if (of.mistake == fault::resumption_shortens_the_lease && record.lease_end > now) {
        record.lease_end = std::min(record.lease_end, now + lease_ms / 4);
      }
      return said(claim_status::claimed);
    case claim_verdict::replay: {
      answer replayed = said(claim_status::completed);
      replayed.response = record.response;
      return replayed;
    }
    case claim_verdict::conflict: return said(claim_status::conflict);
    case claim_verdict::running: return said(claim_status::running);
    case claim_verdict::abandoned: return said(claim_status::abandoned);
    case claim_verdict::spent: break;
  }
  return {.status = byte_of(claim_status::failed), .why = refusal::spent};
}

answer answer_of(write_verdict verdict) {
  switch (verdict) {
    case write_verdict::apply: return {.status = byte_of(write_status::applied)};
    case write_verdict::already: return {.status = byte_of(write_status::already_applied)};
    case write_verdict::lost: return {.status = byte_of(write_status::lost)};
    case write_verdict::gone: break;
  }
  return {.status = byte_of(write_status::gone)};
}

std::uint8_t response_of(const message& op) {
  return byte_of(op.nonce | (op.flags & is_tombstone ? 0x80 : 0));
}

answer write(const config& of, stored& record, std::uint32_t now, const message& op) {
  const bool lives = record.state != 0;
  const auto kind = static_cast<request_kind>(op.kind);
  record_view view = view_of(record);
  if (lives && ((kind == request_kind::complete && of.mistake == fault::complete_without_compare) ||
                (kind == request_kind::release && of.mistake == fault::release_without_compare) ||
                (kind == request_kind::renew && of.mistake == fault::renew_without_compare) ||
                (kind == request_kind::mark && of.mistake == fault::mark_without_compare))) {
    view.owner = nonce_of(op.nonce);
  }
  const record_view* found = lives ? &view : nullptr;
  write_verdict verdict = write_verdict::lost;
  switch (kind) {
    case request_kind::claim: break;
    case request_kind::complete:
      verdict = judge_complete(found, nonce_of(op.nonce),
                               (op.flags & lease_holds) != 0 ||
                                   of.mistake == fault::completion_of_nothing_always_stores);
      if (of.mistake == fault::completion_is_overwritten && verdict == write_verdict::already) {
        verdict = write_verdict::apply;
      }
      if (verdict != write_verdict::apply) break;
      if (!lives) {
        record = {.fingerprint = of.clients[op.client].fingerprint,
                  .owner = op.nonce,
                  .fence = op.number};
      }
      record.state = byte_of(record_state::completed);
      record.response = response_of(op);
      record.expires =
          now + (of.mistake == fault::completion_dies_with_the_lease ? lease_ms : retention_ms);
      record.lease_end = 0;
      break;
    case request_kind::release:
      verdict = judge_release(found, nonce_of(op.nonce));
      if (verdict != write_verdict::apply) break;
      if (of.mistake == fault::release_deletes ||
          (!lives && of.mistake == fault::release_of_nothing_is_forgotten)) {
        record = {};
        break;
      }
      if (!lives) record = {.owner = op.nonce, .fence = op.number};
      record.state = byte_of(record_state::released);
      record.expires = now + released_ms;
      record.lease_end = 0;
      break;
    case request_kind::renew:
      verdict = judge_renew(found, nonce_of(op.nonce));
      if (verdict != write_verdict::apply || of.mistake == fault::renewal_is_forgotten) break;
      record.lease_end = now + lease_ms;
      record.expires =
          now +
          std::max(retention_ms, lease_ms + static_cast<std::uint32_t>(retention_margin.count()));
      break;
    case request_kind::mark:
      verdict = judge_mark(found, nonce_of(op.nonce));
      if (verdict == write_verdict::apply && of.mistake != fault::mark_is_forgotten) {
        record.state = byte_of(record_state::marked);
      }
      break;
  }
  return answer_of(verdict);
}

answer carry_out(const config& of, stored& record, std::uint32_t now, const message& op) {
  return op.kind == byte_of(request_kind::claim) ? claim(of, record, now, op)
                                                 : write(of, record, now, op);
}

// ---- the monitors of what the store does ----

bool is_success(const answer& said) {
  return said.status == byte_of(write_status::applied) ||
         said.status == byte_of(write_status::already_applied);
}

bool is_same_answer(const message& op, const answer& a, const answer& b) {
  if (op.kind == byte_of(request_kind::claim)) {
    return a.status == b.status && a.why == b.why && a.response == b.response && a.fence == b.fence;
  }
  return a.status == b.status || (is_success(a) && is_success(b));
}

// The properties that a step breaks, as bits.
struct verdicts {
  unsigned broken = 0;
  void expect(bool holds, property p) {
    if (!holds) broken |= bit(p);
  }
};

void watch_claim(const config& of, history& past, std::uint32_t now, const message& op,
                 const answer& said, verdicts& v) {
  stored& should = past.record;
  const auto status = static_cast<claim_status>(said.status);
  const client_options& by = of.clients[op.client];
  const bool lives = should.state != 0;
  const bool is_own = lives && should.owner == op.nonce;
  const bool is_granted = status == claim_status::claimed;

  if (now < past.kept_until) {
    v.expect(status == claim_status::completed || status == claim_status::conflict,
             property::completion_is_kept);
  }
  if (status == claim_status::completed) {
    v.expect(is(should, record_state::completed) && said.response == should.response,
             property::replays_are_one);
  }
  if (lives && !is(should, record_state::released) && should.fingerprint != by.fingerprint) {
    v.expect(status == claim_status::conflict, property::others_are_refused);
  } else if (is_held(should) && should.lease_end == 0 && !is_own) {
    const bool may_run = is(should, record_state::running) || by.rerun_marked;
    v.expect(status == (may_run ? claim_status::claimed : claim_status::abandoned),
             property::crashed_is_replaced);
  }
  if (is(should, record_state::released) && is_own) {
    v.expect(!is_granted, property::superseded_is_inert);
  }
  if (!is_granted || (is_own && is_held(should))) return;

  // A new grant.
  const std::uint16_t mine = bit_of(op.nonce);
  if (is_held(should) && should.lease_end == 0) {
    past.taken_over |= bit_of(should.owner);
    if (by.rerun_marked) past.rerun |= bit_of(should.owner);
  }
  past.taken_over &= static_cast<std::uint16_t>(~mine);
  past.rerun &= static_cast<std::uint16_t>(~mine);
  past.last_granted = op.nonce;
  should = {.state = byte_of(record_state::running),
            .fingerprint = by.fingerprint,
            .owner = op.nonce,
            .lease_end = now + lease_ms,
            .expires = now + retention_ms,
            .fence = said.fence};
}

void watch_write(const config& of, history& past, std::uint32_t now, const message& op,
                 const answer& said, bool is_changed, verdicts& v) {
  stored& should = past.record;
  const auto kind = static_cast<request_kind>(op.kind);
  const bool lives = should.state != 0;
  const bool is_ended = lives && !is_held(should);
  const bool is_repeated = is_ended && should.owner == op.nonce &&
                           kind == (is(should, record_state::completed) ? request_kind::complete
                                                                        : request_kind::release);
  if (lives && (should.owner != op.nonce || (is_ended && !is_repeated))) {
    v.expect(!is_changed && !is_success(said), property::superseded_is_inert);
    return;
  }
  const bool is_applied = said.status == byte_of(write_status::applied);
  if (kind == request_kind::complete && is_applied) {
    v.expect(lives || (op.flags & sent_superseded) == 0, property::superseded_is_inert);
    v.expect(!is(should, record_state::completed), property::replays_are_one);
  }
  if (!is_applied || is_repeated) return;
  switch (kind) {
    case request_kind::claim: break;
    case request_kind::complete:
      if (!lives) should = {.fingerprint = of.clients[op.client].fingerprint, .owner = op.nonce};
      should.state = byte_of(record_state::completed);
      should.response = response_of(op);
      should.lease_end = 0;
      should.expires = now + retention_ms;
      break;
    case request_kind::release:
      if (!lives) should = {.owner = op.nonce};
      should.state = byte_of(record_state::released);
      should.lease_end = 0;
      should.expires = now + released_ms;
      break;
    case request_kind::renew:
      should.lease_end = now + lease_ms;
      should.expires = now + retention_ms;
      break;
    case request_kind::mark: should.state = byte_of(record_state::marked); break;
  }
}

// ---- the moves ----

enum class move_kind : std::uint8_t {
  pass_time,
  start,
  poll,
  stop_waiting,
  carry_out,
  lose_request,
  refuse_busy,
  refuse_full,
  copy,
  answer,
  lose_answer,
  mark,
  complete,
  release,
  abandon,
  wake,
  crash,
  carry_out_late,
};

struct move {
  move_kind kind;
  std::uint8_t who;  // a client, a size of time or a late request
};

class move_list {
 public:
  void add(move_kind kind, std::size_t who) { moves_[size_++] = {kind, byte_of(who)}; }
  std::size_t size() const { return size_; }
  move operator[](std::size_t i) const { return moves_[i]; }

 private:
  std::array<move, 64> moves_;
  std::size_t size_ = 0;
};

bool is_done(const client& c) {
  return c.at == phase::crashed || (c.at == phase::idle && c.attempts_left == 0);
}
bool has_machine(const client& c) { return c.at >= phase::running && c.at <= phase::surrendering; }

void add_moves_of(const config& of, const world& w, std::size_t who, move_list& to) {
  const client& c = w.client_of[who];
  const auto add = [&](move_kind kind) { to.add(kind, who); };
  if (is_done(c)) return;
  switch (c.at) {
    case phase::idle: add(move_kind::start); return;
    case phase::waiting:
      add(move_kind::poll);
      add(move_kind::stop_waiting);
      break;
    case phase::running: {
      const bool is_free = c.mark_is_awaited == 0;
      const bool is_marked = machine_of(c).is_marked();
      const bool may_complete =
          c.marks == 0 || is_marked || of.mistake == fault::effect_before_the_mark_is_stored;
      if (is_free && may_complete) add(move_kind::complete);
      if (is_free) add(move_kind::release);
      if (is_free && !is_marked && c.marks < of.clients[who].marks) add(move_kind::mark);
      if (w.left[left_crashes] > 0) add(move_kind::abandon);
      break;
    }
    default: break;
  }
  if (has_machine(c) && c.in == flight::none && machine_of(c).wake() <= time_of(of, who, w.now)) {
    add(move_kind::wake);
  }
  if (c.in == flight::sent) {
    add(move_kind::carry_out);
    if (w.left[left_copies] > 0) add(move_kind::copy);
    if (w.left[left_losses] > 0) add(move_kind::lose_request);
    if (w.left[left_refusals] > 0) {
      add(move_kind::refuse_busy);
      add(move_kind::refuse_full);
    }
  } else if (c.in == flight::carried_out) {
    add(move_kind::answer);
    if (w.left[left_losses] > 0) add(move_kind::lose_answer);
  }
  if (w.left[left_crashes] > 0) add(move_kind::crash);
}

move_list moves_of(const config& of, const world& w) {
  move_list all;
  bool is_over = true;
  bool is_untouched = w.record.state == 0 && w.past.record.state == 0;
  for (std::size_t who = 0; who < w.clients; ++who) {
    add_moves_of(of, w, who, all);
    const client& c = w.client_of[who];
    is_over = is_over && is_done(c);
    is_untouched = is_untouched && c.at == phase::idle;
  }
  for (std::size_t i = 0; i < late_max; ++i) {
    if (w.late[i].kind == 0 || (i > 0 && w.late[i] == w.late[i - 1])) continue;
    all.add(move_kind::carry_out_late, i);
    is_over = is_untouched = false;
  }
  // Where nothing is under way time changes nothing.
  if (is_over || is_untouched) return all;
  for (std::size_t i = 0; i < time_steps.size(); ++i) {
    if (w.left[left_time + i] > 0) all.add(move_kind::pass_time, i);
  }
  return all;
}

// ---- carrying out a move ----

constexpr const char* request_names[] = {"nothing", "claim", "complete",
                                         "release", "renew", "mark"};
constexpr const char* claim_names[] = {"?",       "claimed",   "completed", "conflict",
                                       "running", "abandoned", "failed"};
constexpr const char* write_names[] = {"?", "applied", "already applied", "lost", "gone", "failed"};
constexpr const char* refusal_names[] = {"", " (outcome unknown)", " (busy)", " (full)",
                                         " (spent nonce)"};

class stepper {
 public:
  stepper(const config& of, world& w, coverage& reached, observer* beside = nullptr,
          std::string* log = nullptr)
      : of_(of), w_(w), reached_(reached), beside_(beside), log_(log) {}

  // Gives the properties that it breaks.
  unsigned run(const move& m) {
    switch (m.kind) {
      case move_kind::pass_time: pass_time(m.who); break;
      case move_kind::carry_out_late: carry_out_late(m.who); break;
      default: run_client(m.kind, m.who); break;
    }
    watch_holders();
    return v_.broken & of_.checked;
  }

 private:
  static std::string name_of(std::size_t who) { return {static_cast<char>('A' + who)}; }

  template <class... Parts>
  void say(const Parts&... parts) {
    if (log_ == nullptr) return;
    const auto add = [&](const auto& part) {
      if constexpr (std::is_integral_v<std::decay_t<decltype(part)>>) {
        *log_ += std::to_string(part);
      } else {
        *log_ += part;
      }
    };
    (add(parts), ...);
  }
  void say_request(const message& op) {
    say(request_names[op.kind], " of attempt ", static_cast<unsigned>(op.nonce));
    if (op.kind == byte_of(request_kind::complete)) {
      say(op.flags & is_tombstone ? ", a tombstone" : "",
          op.flags & lease_holds ? ", lease_holds" : "");
    }
  }
  void say_answer(const message& op, const answer& said) {
    if (log_ == nullptr) return;
    const bool is_claim = op.kind == byte_of(request_kind::claim);
    say(is_claim ? claim_names[said.status] : write_names[said.status],
        refusal_names[byte_of(said.why)]);
    if (is_claim && said.status == byte_of(claim_status::claimed)) say(", fence ", said.fence);
    if (said.response != 0) say(", response ", static_cast<unsigned>(said.response));
  }

  steady_time now_of(std::size_t who) const { return time_of(of_, who, w_.now); }

  void pass_time(std::size_t size) {
    --w_.left[left_time + size];
    w_.now += time_steps[size];
    say("time passes: ", time_steps[size], " ms, now ", w_.now);
    settle(w_.record, w_.now);
    if (w_.past.kept_until <= w_.now) w_.past.kept_until = 0;
    if (w_.past.record.state != 0) {
      settle(w_.past.record, w_.now);
      // What is forgotten may run again.
      if (w_.past.record.state == 0) forget();
    }
    if (beside_ != nullptr) beside_->advanced(milliseconds(time_steps[size]));
    for (std::size_t who = 0; who < w_.clients; ++who) {
      const client& c = w_.client_of[who];
      if (!has_machine(c) || c.in != flight::none) continue;
      attempt_machine early = machine_of(c);
      if (early.wake() <= now_of(who)) continue;
      v_.expect(early.next(now_of(who)) == holder_step::none && !early.is_over(),
                property::everything_ends);
    }
  }

  // What is forgotten may run again, and a claim that was on its way has the fence of a time
  // before.
  void forget() {
    w_.past.effects = w_.past.marked_effects = 0;
    w_.past.taken_over = w_.past.rerun = 0xffff;
    for (client& c : w_.client_of) c.fence_floor = 0;
  }

  void carry_out_late(std::size_t i) {
    const message op = w_.late[i];
    say("a late copy is carried out: ");
    w_.late[i] = {};
    std::sort(w_.late.begin(), w_.late.end());
    at_the_store(op);
  }

  void keep_late(const message& op) {
    w_.late[0] = op;  // the first is always free: there are more places than copies and crashes
    std::sort(w_.late.begin(), w_.late.end());
  }

  answer at_the_store(const message& op) {
    say_request(op);
    const stored before = w_.record;
    answer said = carry_out(of_, w_.record, w_.now, op);
    say(": ");
    say_answer(op, said);

    stored twice = w_.record;
    const answer repeated = carry_out(of_, twice, w_.now, op);
    v_.expect(is_same_answer(op, said, repeated) && twice == w_.record, property::retries_are_safe);
    if (op.kind == byte_of(request_kind::claim)) {
      watch_claim(of_, w_.past, w_.now, op, said, v_);
      if (said.status == byte_of(claim_status::claimed)) {
        said.taken_over = w_.past.taken_over;
        said.rerun = w_.past.rerun;
      }
      reached_.claims |= std::uint64_t{1} << said.status;
    } else {
      watch_write(of_, w_.past, w_.now, op, said, !(before == w_.record), v_);
      reached_.writes[op.kind - 2] |= std::uint64_t{1} << said.status;
    }
    if (beside_ != nullptr) tell(op, said);
    return said;
  }

  void tell(const message& op, const answer& said) {
    const client_options& by = of_.clients[op.client];
    const bool is_claim = op.kind == byte_of(request_kind::claim);
    reply told = {.why = failure_of(said.why).why, .response = said.response, .fence = said.fence};
    if (is_claim) {
      told.claim = static_cast<claim_status>(said.status);
    } else {
      told.write = static_cast<write_status>(said.status);
    }
    beside_->carried_out({.kind = static_cast<request_kind>(op.kind),
                          .nonce = op.nonce,
                          .response = response_of(op),
                          .lease_holds = (op.flags & lease_holds) != 0,
                          .rerun_marked = by.rerun_marked,
                          .fingerprint = by.fingerprint,
                          .unix_ms = is_claim ? op.number : 0,
                          .fence = is_claim ? 0 : op.number},
                         told);
  }

  void run_client(move_kind kind, std::size_t who) {
    client& c = w_.client_of[who];
    say(name_of(who), ": ");
    switch (kind) {
      case move_kind::start:
        --c.attempts_left;
        take_nonce(who);
        return send_claim(who);
      case move_kind::poll:
        if (of_.mistake != fault::polls_are_no_fewer) --c.polls_left;
        if (!of_.poll_keeps_nonce) take_nonce(who);
        return send_claim(who);
      case move_kind::stop_waiting: say("stops waiting"); return end_attempt(c);
      case move_kind::carry_out:
        c.got = at_the_store(c.op);
        c.in = flight::carried_out;
        // When a release is acknowledged matters to nobody.
        if (c.at >= phase::releasing && c.attempts_left == 0 && w_.left[left_losses] == 0) {
          say("; ");
          answered(who, c.got);
        }
        return;
      case move_kind::lose_request:
        --w_.left[left_losses];
        say("the request is lost: ");
        return answered(who, failed(c, refusal::unknown));
      case move_kind::lose_answer:
        --w_.left[left_losses];
        say("the answer is lost: ");
        return answered(who, failed(c, refusal::unknown));
      case move_kind::refuse_busy: return refuse(c, refusal::busy);
      case move_kind::refuse_full: return refuse(c, refusal::full);
      case move_kind::copy:
        --w_.left[left_copies];
        say("the network copies ");
        say_request(c.op);
        return keep_late(c.op);
      case move_kind::answer:
        if (of_.mistake == fault::answer_is_dropped && has_machine(c)) return drop(who);
        return answered(who, c.got);
      case move_kind::mark: {
        attempt_machine machine = machine_of(c);
        say("the handler marks");
        ++c.marks;
        c.mark_is_awaited = 1;
        if (of_.mistake == fault::effect_before_the_mark_is_stored) {
          w_.past.marked_effects |= bit_of(c.nonce);
          c.mark_is_awaited = 0;
        }
        machine.want_mark();
        return pump(who, machine);
      }
      case move_kind::complete: {
        attempt_machine machine = machine_of(c);
        say("the handler gives its response");
        w_.past.effects |= bit_of(c.nonce);
        c.at = phase::completing;
        machine.want_complete(now_of(who));
        return pump(who, machine);
      }
      case move_kind::release: {
        attempt_machine machine = machine_of(c);
        say("the handler did nothing");
        const auto others = static_cast<std::uint16_t>(~bit_of(c.nonce));
        if (of_.mistake == fault::release_after_the_effect) {
          w_.past.effects |= bit_of(c.nonce);
        } else {
          w_.past.effects &= others;
          w_.past.marked_effects &= others;
        }
        c.at = phase::releasing;
        machine.want_release(now_of(who));
        return pump(who, machine);
      }
      case move_kind::abandon: {
        attempt_machine machine = machine_of(c);
        --w_.left[left_crashes];
        say("the handler throws");
        c.at = phase::abandoning;
        machine.want_abandon();
        return pump(who, machine);
      }
      case move_kind::wake: {
        attempt_machine machine = machine_of(c);
        say("wakes");
        return pump(who, machine);
      }
      case move_kind::crash:
        --w_.left[left_crashes];
        say("crashes");
        if (c.in == flight::sent) keep_late(c.op);
        c = {.at = phase::crashed};
        return;
      case move_kind::pass_time:
      case move_kind::carry_out_late: return;
    }
  }

  void take_nonce(std::size_t who) {
    client& c = w_.client_of[who];
    c.nonce = byte_of(1 + who * nonces_max + c.nonces++);
    c.first_sent = w_.now;
    c.claim_number =
        unix_start + w_.now + static_cast<std::uint32_t>(of_.clients[who].wall_skew_ms);
    c.fence_floor = w_.past.fence_answered;
    c.unknown_tries = 0;
  }

  void send_claim(std::size_t who) {
    client& c = w_.client_of[who];
    if (of_.mistake == fault::deadline_from_the_last_send) c.first_sent = w_.now;
    c.at = phase::claiming;
    send(who, request_kind::claim, 0, c.claim_number);
  }

  void send(std::size_t who, request_kind kind, std::uint8_t flags, std::uint32_t number) {
    client& c = w_.client_of[who];
    if (w_.past.last_granted != c.nonce) flags |= sent_superseded;
    c.op = {byte_of(kind), c.nonce, byte_of(who), flags, number};
    c.in = flight::sent;
    say("sends ");
    say_request(c.op);
  }

  static answer failed(const client& c, refusal why) {
    const bool is_claim = c.op.kind == byte_of(request_kind::claim);
    return {.status = is_claim ? byte_of(claim_status::failed) : byte_of(write_status::failed),
            .why = why};
  }

  void refuse(client& c, refusal why) {
    --w_.left[left_refusals];
    const stored before = w_.record;
    if (of_.mistake == fault::refusal_forgets) w_.record = {};
    v_.expect(before == w_.record, property::refusals_are_harmless);
    c.got = failed(c, why);
    c.in = flight::carried_out;
    say("the store refuses ");
    say_request(c.op);
    say(refusal_names[byte_of(why)]);
  }

  void drop(std::size_t who) {
    client& c = w_.client_of[who];
    say("is not told what became of ");
    say_request(c.op);
    c.op = {};
    c.got = {};
    c.in = flight::none;
    attempt_machine machine = machine_of(c);
    pump(who, machine);
  }

  void answered(std::size_t who, answer got) {
    client& c = w_.client_of[who];
    const message op = std::exchange(c.op, {});
    c.in = flight::none;
    c.got = {};
    say("is answered ");
    say_answer(op, got);
    if (c.at == phase::claiming) return claim_answered(who, got);

    attempt_machine machine = machine_of(c);
    const auto status = static_cast<write_status>(got.status);
    machine.answered(status, failure_of(got.why), now_of(who));
    if (op.kind == byte_of(request_kind::mark)) {
      c.mark_is_awaited = 0;
      if (is_success(got) && c.at == phase::running) w_.past.marked_effects |= bit_of(c.nonce);
    }
    const stored& should = w_.past.record;
    if (op.kind == byte_of(request_kind::complete) && is_success(got) &&
        is(should, record_state::completed) && should.owner == c.nonce) {
      w_.past.kept_until = should.expires;
    }
    pump(who, machine);
  }

  void claim_answered(std::size_t who, const answer& got) {
    client& c = w_.client_of[who];
    const auto status = static_cast<claim_status>(got.status);
    const store_failure failure = failure_of(got.why);
    if (status == claim_status::failed && !failure.is_outcome_known) ++c.unknown_tries;
    const bool is_late = of_.mistake == fault::deadline_from_the_answer;
    attempt_machine machine(lease, margin, time_of(of_, who, is_late ? w_.now : c.first_sent));
    const bool holds = machine.holds(now_of(who));
    if (status == claim_status::claimed) {
      v_.expect(got.fence > c.fence_floor, property::fences_rise);
      w_.past.fence_answered = std::max(w_.past.fence_answered, got.fence);
      if (!holds) ++reached_.late_answers;
    }
    claim_next next = after_claim(status, failure, c.unknown_tries,
                                  holds || of_.mistake == fault::start_after_the_deadline);
    reached_.nexts |= std::uint64_t{1} << byte_of(next);
    if (next == claim_next::surrender && of_.mistake == fault::surrender_is_forgotten) {
      next = claim_next::answer;
    }
    if (next == claim_next::answer || next == claim_next::wait) {
      const stored& should = w_.past.record;
      v_.expect(!is_held(should) || (should.owner - 1u) / nonces_max != who,
                property::nothing_is_left_behind);
    }
    switch (next) {
      case claim_next::proceed: return proceed(who, machine, got);
      case claim_next::answer: return end_attempt(c);
      case claim_next::wait:
        if (c.polls_left == 0) return end_attempt(c);
        c.at = phase::waiting;
        return;
      case claim_next::again:
        if (of_.mistake == fault::retry_under_another_nonce) take_nonce(who);
        say("; ");
        return send_claim(who);
      case claim_next::surrender:
        return surrender(who, machine,
                         status == claim_status::claimed ? got.fence : c.claim_number);
    }
  }

  void surrender(std::size_t who, attempt_machine& machine, std::uint32_t fence) {
    client& c = w_.client_of[who];
    say(", surrenders");
    c.fence = fence;
    c.first_sent = c.claim_number = c.fence_floor = c.unknown_tries = 0;
    c.at = phase::surrendering;
    machine.want_release(now_of(who));
    pump(who, machine);
  }

  void proceed(std::size_t who, attempt_machine& machine, const answer& got) {
    client& c = w_.client_of[who];
    const unsigned others = 0xffffu & ~unsigned{bit_of(c.nonce)};
    const unsigned repeated =
        (w_.past.effects & ~unsigned{w_.past.taken_over} & ~unsigned{got.taken_over}) |
        (w_.past.marked_effects & ~unsigned{w_.past.rerun} & ~unsigned{got.rerun});
    v_.expect((repeated & others) == 0, property::effects_are_not_repeated);
    c.fence = got.fence;
    c.first_sent = c.claim_number = c.fence_floor = c.unknown_tries = 0;
    c.at = phase::running;
    pump(who, machine);
  }

  // What the engine does after everything that happens: sends what there is to send.
  void pump(std::size_t who, attempt_machine& machine) {
    client& c = w_.client_of[who];
    const steady_time now = now_of(who);
    if (c.in != flight::none) {
      const holder_step out = machine.sent();
      v_.expect(machine.next(now) == holder_step::none && machine.sent() == out,
                property::everything_ends);
    } else {
      const holder_step step = machine.next(now);
      reached_.steps |= std::uint64_t{1} << byte_of(step);
      const bool holds = machine.holds(now) || of_.mistake == fault::completion_always_holds;
      const std::uint8_t flags = holds ? lease_holds : 0;
      if (log_ != nullptr && step != holder_step::none) say("; ");
      switch (step) {
        case holder_step::none: break;
        case holder_step::mark: send(who, request_kind::mark, 0, 0); break;
        case holder_step::renew: send(who, request_kind::renew, 0, 0); break;
        case holder_step::complete: send(who, request_kind::complete, flags, c.fence); break;
        case holder_step::bury:
          send(who, request_kind::complete, flags | is_tombstone, c.fence);
          break;
        case holder_step::release: send(who, request_kind::release, 0, c.fence); break;
      }
      if (step == holder_step::none && !machine.is_over()) {
        v_.expect(machine.wake() > now, property::everything_ends);
        v_.expect(c.at == phase::running || machine.wake() != steady_time::max(),
                  property::everything_ends);
      }
    }
    if (machine.is_over()) {
      reached_.ends |= std::uint64_t{1} << byte_of(machine.end());
      say("; the attempt is over");
      return end_attempt(c);
    }
    c.machine = std::bit_cast<machine_image>(machine);
  }

  void end_attempt(client& c) {
    history& past = w_.past;
    // An effect that is excused, and an excuse without an effect, say nothing more: without them
    // more states are equal.
    const unsigned mine = bit_of(c.nonce);
    if ((past.taken_over & mine) != 0) past.effects &= static_cast<std::uint16_t>(~mine);
    if ((past.rerun & mine) != 0) past.marked_effects &= static_cast<std::uint16_t>(~mine);
    if (((past.effects | past.marked_effects) & mine) == 0) {
      past.taken_over &= static_cast<std::uint16_t>(~mine);
      past.rerun &= static_cast<std::uint16_t>(~mine);
    }
    c = {.nonces = c.nonces, .attempts_left = c.attempts_left, .polls_left = c.polls_left};
    if (c.attempts_left == 0) c.nonces = c.polls_left = 0;
  }

  void watch_holders() {
    unsigned holders = 0;
    for (std::size_t who = 0; who < w_.clients; ++who) {
      const client& c = w_.client_of[who];
      if (c.at != phase::running && c.at != phase::completing) continue;
      if (machine_of(c).holds(now_of(who))) ++holders;
    }
    v_.expect(holders < 2, property::holders_are_alone);
  }

  const config& of_;
  world& w_;
  coverage& reached_;
  observer* beside_;
  std::string* log_;
  verdicts v_;
};

world start_of(const config& of) {
  world w;
  w.clients = byte_of(of.clients.size());
  const budgets& b = of.budget;
  w.left = {b.ticks,  b.leases, b.retentions, b.eternities,
            b.losses, b.copies, b.crashes,    b.refusals};
  for (std::size_t who = 0; who < of.clients.size(); ++who) {
    w.client_of[who].attempts_left = of.clients[who].attempts;
    w.client_of[who].polls_left = of.clients[who].polls;
  }
  return w;
}

// ---- the search ----

// Two states of one print are taken for one: among 10^8 states with odds below 10^-22.
struct print {
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  friend bool operator==(const print&, const print&) = default;
};

print print_of(const world& w) {
  const std::size_t bytes =
      sizeof(world) - (clients_max - w.clients) * sizeof(client);  // clients stand last
  const auto* at = reinterpret_cast<const unsigned char*>(&w);
  print made{0x243f6a8885a308d3, 0x13198a2e03707344};
  for (std::size_t i = 0; i < bytes; i += 8) {
    std::uint64_t word;
    std::memcpy(&word, at + i, 8);
    made.a = (made.a ^ word) * 0x9e3779b97f4a7c15;
    made.a ^= made.a >> 29;
    made.b = (made.b + word) * 0xd1342543de82ef95;
    made.b ^= (made.b >> 31) ^ (made.a << 17);
  }
  if (made.a == 0) made.a = 1;
  return made;
}

// From print to the number of schedules that begin there.
class print_table {
 public:
  static constexpr double open = -1;

  // Null where it was there; `at` is then its place.
  bool insert(const print& key, std::size_t& at) {
    if ((size_ + 1) * 3 > slots_.size() * 2) grow();
    at = place_of(key);
    if (slots_[at].key == key) return false;
    slots_[at] = {key, open};
    ++size_;
    return true;
  }
  double value(std::size_t at) const { return slots_[at].value; }
  void set(const print& key, double value) { slots_[place_of(key)].value = value; }
  std::size_t size() const { return size_; }

 private:
  struct slot {
    print key;
    double value = 0;
  };
  std::size_t place_of(const print& key) const {
    std::size_t at = key.a & (slots_.size() - 1);
    while (slots_[at].key.a != 0 && !(slots_[at].key == key)) at = (at + 1) & (slots_.size() - 1);
    return at;
  }
  void grow() {
    std::vector<slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const slot& each : old) {
      if (each.key.a != 0) slots_[place_of(each.key)] = each;
    }
  }
  std::vector<slot> slots_ = std::vector<slot>(1024);
  std::size_t size_ = 0;
};

class depth_first {
 public:
  explicit depth_first(const config& of) : of_(of) {}

  // The number of schedules from `from` on.
  double visit(const world& from) {
    const print key = print_of(from);
    std::size_t at = 0;
    if (!seen_.insert(key, at)) {
      const double known = seen_.value(at);
      // A state that is its own successor: clients could go on so for ever.
      if (known == print_table::open) is_broken = true;
      return known;
    }
    const move_list moves = moves_of(of_, from);
    double schedules = moves.size() == 0 ? 1 : 0;
    for (std::size_t i = 0; i < moves.size() && !is_broken; ++i) {
      world to = from;
      ++transitions;
      if (stepper(of_, to, reached).run(moves[i]) != 0) {
        is_broken = true;
        break;
      }
      schedules += visit(to);
    }
    seen_.set(key, schedules);
    return schedules;
  }
  std::uint64_t states() const { return seen_.size(); }

  std::uint64_t transitions = 0;
  coverage reached;
  bool is_broken = false;

 private:
  const config& of_;
  print_table seen_;
};

finding told(const config& of, const std::vector<std::uint8_t>& choices, unsigned broken) {
  finding made;
  made.broken = static_cast<property>(std::countr_zero(broken));
  world w = start_of(of);
  coverage reached;
  for (const std::uint8_t choice : choices) {
    std::string line;
    stepper(of, w, reached, nullptr, &line).run(moves_of(of, w)[choice]);
    made.steps.push_back(std::move(line));
    if (!made.schedule.empty()) made.schedule += '.';
    made.schedule += std::to_string(static_cast<unsigned>(choice));
  }
  return made;
}

}  // namespace

std::string_view to_string(property p) {
  switch (p) {
    case property::holders_are_alone: return "1: certain holding intervals never overlap";
    case property::completion_is_kept: return "2: an acknowledged completion is kept";
    case property::replays_are_one: return "3: all replays are one response";
    case property::fences_rise: return "4: fences rise";
    case property::superseded_is_inert: return "5: a superseded claim changes nothing";
    case property::others_are_refused: return "6: another fingerprint never runs nor replays";
    case property::crashed_is_replaced: return "7: a crashed holder is replaced, by policy";
    case property::retries_are_safe: return "8: operations can be retried";
    case property::everything_ends: return "9: everything ends";
    case property::refusals_are_harmless: return "10: refusing breaks nothing";
    case property::effects_are_not_repeated: return "11: effects are not repeated";
    case property::nothing_is_left_behind: return "12: nothing is left behind";
  }
  return "unknown";
}

std::string to_text(const finding& found) {
  std::string text = "breaks " + std::string(to_string(found.broken)) + "\n";
  for (std::size_t i = 0; i < found.steps.size(); ++i) {
    text += "  " + std::to_string(i + 1) + ". " + found.steps[i] + "\n";
  }
  return text + "replay \"" + found.schedule + "\"\n";
}

void coverage::operator|=(const coverage& other) {
  claims |= other.claims;
  nexts |= other.nexts;
  steps |= other.steps;
  ends |= other.ends;
  for (std::size_t i = 0; i < std::size(writes); ++i) writes[i] |= other.writes[i];
  late_answers += other.late_answers;
}

outcome explore(const config& of) {
  depth_first search(of);
  outcome made;
  made.schedules = search.visit(start_of(of));
  made.states = search.states();
  made.transitions = search.transitions;
  made.reached = search.reached;
  if (search.is_broken) {
    made.found = find_shortest(of);
    // Nothing broken step by step: a circle, which breadth first does not see.
    if (!made.found) made.found = finding{property::everything_ends, "", {"a circle"}};
  }
  return made;
}

std::optional<finding> find_shortest(const config& of) {
  struct node {
    std::uint32_t from;
    std::uint8_t choice;
  };
  struct open_state {
    world w;
    std::uint32_t at;
  };
  print_table seen;
  coverage reached;
  std::vector<node> nodes = {{0, 0}};
  std::vector<open_state> now = {{start_of(of), 0}};
  std::vector<open_state> then;
  while (!now.empty()) {
    for (const open_state& each : now) {
      const move_list moves = moves_of(of, each.w);
      for (std::size_t i = 0; i < moves.size(); ++i) {
        world to = each.w;
        const unsigned broken = stepper(of, to, reached).run(moves[i]);
        if (broken != 0) {
          std::vector<std::uint8_t> choices = {byte_of(i)};
          for (std::uint32_t at = each.at; at != 0; at = nodes[at].from) {
            choices.push_back(nodes[at].choice);
          }
          std::reverse(choices.begin(), choices.end());
          return told(of, choices, broken);
        }
        std::size_t place = 0;
        if (!seen.insert(print_of(to), place)) continue;
        nodes.push_back({each.at, byte_of(i)});
        then.push_back({to, static_cast<std::uint32_t>(nodes.size() - 1)});
      }
    }
    now.swap(then);
    then.clear();
  }
  return std::nullopt;
}

std::optional<finding> replay(const config& of, std::string_view schedule) {
  world w = start_of(of);
  coverage reached;
  std::vector<std::uint8_t> choices;
  while (!schedule.empty()) {
    std::uint8_t choice = 0;
    const auto [end, error] =
        std::from_chars(schedule.data(), schedule.data() + schedule.size(), choice);
    if (error != std::errc()) return std::nullopt;
    schedule.remove_prefix(static_cast<std::size_t>(end - schedule.data()));
    if (schedule.starts_with('.')) schedule.remove_prefix(1);
    const move_list moves = moves_of(of, w);
    if (choice >= moves.size()) return std::nullopt;
    choices.push_back(choice);
    if (const unsigned broken = stepper(of, w, reached).run(moves[choice]); broken != 0) {
      return told(of, choices, broken);
    }
  }
  return std::nullopt;
}

std::optional<finding> walk(const config& of, std::uint64_t seed, observer* beside) {
  world w = start_of(of);
  coverage reached;
  std::vector<std::uint8_t> choices;
  std::uint64_t state = seed;
  while (true) {
    const move_list moves = moves_of(of, w);
    if (moves.size() == 0) return std::nullopt;
    // SplitMix64: https://prng.di.unimi.it/splitmix64.c
    std::uint64_t drawn = (state += 0x9e3779b97f4a7c15);
    drawn = (drawn ^ (drawn >> 30)) * 0xbf58476d1ce4e5b9;
    drawn = (drawn ^ (drawn >> 27)) * 0x94d049bb133111eb;
    drawn ^= drawn >> 31;
    choices.push_back(byte_of(drawn % moves.size()));
    const unsigned broken = stepper(of, w, reached, beside).run(moves[choices.back()]);
    if (broken != 0) return told(of, choices, broken);
  }
}

}  // namespace parley::idempotency::explorer
