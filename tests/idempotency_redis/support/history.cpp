// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/support/history.hpp"

#include <algorithm>
#include <cstring>
#include <iomanip>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "parley/idempotency/record.hpp"

namespace parley::testing_support {
namespace {

using idempotency::claim_status;
using idempotency::claim_verdict;
using idempotency::record_state;
using idempotency::store_errc;
using idempotency::write_status;
using idempotency::write_verdict;
using std::chrono::milliseconds;

constexpr history_time later(history_time time, history_time by) {
  return time >= never - by ? never : time + by;
}

bool is_claim(const recorded& op) { return op.type == operation_type::claim; }
bool is_failed(const recorded& op) {
  return is_claim(op) ? op.claim == claim_status::failed : op.write == write_status::failed;
}
bool is_spent(const recorded& op) {
  return is_claim(op) && is_failed(op) && op.is_outcome_known && op.why == store_errc::spent_nonce;
}
/// It certainly changed nothing.
bool is_refused(const recorded& op) { return is_failed(op) && op.is_outcome_known; }
bool is_unknown(const recorded& op) { return is_failed(op) && !op.is_outcome_known; }
bool is_granted(const recorded& op) { return is_claim(op) && op.claim == claim_status::claimed; }
bool is_replay(const recorded& op) { return is_claim(op) && op.claim == claim_status::completed; }
bool is_success(const recorded& op) {
  return !is_claim(op) &&
         (op.write == write_status::applied || op.write == write_status::already_applied);
}
/// Some time it may have been, or may yet be, granted.
bool may_be_granted(const recorded& op) {
  return is_granted(op) || (is_claim(op) && is_unknown(op));
}

bool is_refusing(const recorded& op) {
  if (!is_claim(op)) return op.write == write_status::lost || op.write == write_status::gone;
  return is_spent(op) || op.claim == claim_status::running || op.claim == claim_status::conflict ||
         op.claim == claim_status::abandoned;
}

const char* name_of(const recorded& op) {
  switch (op.type) {
    case operation_type::claim: return "claim";
    case operation_type::complete: return "complete";
    case operation_type::release: return "release";
    case operation_type::renew: return "renew";
    case operation_type::mark: return "mark";
  }
  return "?";
}

const char* answer_of(const recorded& op) {
  if (is_failed(op)) {
    return is_spent(op) ? "spent" : op.is_outcome_known ? "refused" : "unknown";
  }
  if (!is_claim(op)) {
    constexpr const char* names[] = {"?", "applied", "already applied", "lost", "gone"};
    return names[static_cast<std::size_t>(op.write)];
  }
  constexpr const char* names[] = {"?", "claimed", "completed", "conflict", "running", "abandoned"};
  return names[static_cast<std::size_t>(op.claim)];
}

std::string text_of(const recorded& op) {
  std::ostringstream to;
  to << name_of(op) << " of attempt " << op.nonce << " for request "
     << static_cast<unsigned>(op.fingerprint) << " at " << op.invoked.count() << " us, "
     << answer_of(op);
  if (op.answered != never) to << " at " << op.answered.count();
  if (is_granted(op)) to << ", fence " << op.fence << ", operation " << op.operation_id;
  if (is_replay(op)) to << ", response " << op.response << ", operation " << op.operation_id;
  return to.str();
}

/// An attempt, from its first claim.
struct attempt {
  std::uint32_t nonce = 0;
  std::uint8_t fingerprint = 0;
  milliseconds lease{0};
  milliseconds retention{0};
  history_time claimed_first = never;    // the first claim was sent
  history_time granted = never;          // its holder was told, for the first time
  std::uint64_t fence = 0;               // then
  std::uint64_t fence_max = 0;           // a claim that comes after the release may be a new grant
  history_time completed_first = never;  // a completion was sent
  history_time completed = never;        // somebody was told of it
  milliseconds completed_for{0};
  history_time released_first = never;
  history_time released = never;
  history_time marked = never;
};

/// The rules, for one key.
class rules {
 public:
  rules(const history& of, std::vector<const recorded*> operations, verdict& to)
      : history_(of), all_(std::move(operations)), to_(to) {
    for (const recorded* op : all_) add(*op);
  }

  void run() {
    check_ends();
    check_holders();
    check_completions();
    check_fences();
    check_superseded();
    check_others();
    check_crashed();
    check_retries();
    check_refusals();
  }

 private:
  void add(const recorded& op) {
    attempt& by = attempts_[op.nonce];
    by.nonce = op.nonce;
    const auto first = [](history_time& at, history_time time) { at = std::min(at, time); };
    switch (op.type) {
      case operation_type::claim:
        by.fingerprint = op.fingerprint;
        by.lease = op.lease;
        by.retention = op.retention;
        first(by.claimed_first, op.invoked);
        if (is_granted(op)) {
          if (op.answered < by.granted) by.fence = op.fence;
          first(by.granted, op.answered);
          by.fence_max = std::max(by.fence_max, op.fence);
        }
        break;
      case operation_type::complete:
        by.completed_for = op.retention;
        first(by.completed_first, op.invoked);
        if (is_success(op)) first(by.completed, op.answered);
        break;
      case operation_type::release:
        first(by.released_first, op.invoked);
        if (is_success(op)) first(by.released, op.answered);
        break;
      case operation_type::mark:
        if (is_success(op)) first(by.marked, op.answered);
        break;
      case operation_type::renew: break;
    }
  }

  void report(property p, const recorded& op, const std::string& what) {
    to_.violations.push_back({p, op.key, text_of(op) + ": " + what});
  }

  history_time margin(milliseconds life) const { return margin_of(life) + history_.clock_skew; }
  history_time end_of(history_time first, milliseconds life) const {
    return later(first, life - margin(life));
  }
  history_time completion_end(const attempt& by) const {
    return end_of(by.completed_first, by.completed_for);
  }

  // From the time that it was granted to here there is a record: of `by`, whatever became of it, or
  // of another attempt that followed.
  history_time record_end(const attempt& by) const {
    history_time end = never;
    for (const auto& [nonce, each] : attempts_) {
      end = std::min({end, end_of(std::max(by.claimed_first, each.claimed_first), each.retention),
                      end_of(std::max(by.claimed_first, each.completed_first), each.completed_for),
                      end_of(std::max(by.claimed_first, each.released_first),
                             idempotency::released_retention)});
    }
    return end;
  }

  // Whether any operation but those of `besides` is one that `matches`.
  template <class Matches>
  bool has_other(std::uint32_t besides, Matches matches) const {
    return std::ranges::any_of(
        all_, [&](const recorded* op) { return op->nonce != besides && matches(*op); });
  }
  template <class Matches>
  bool has(Matches matches) const {
    return std::ranges::any_of(all_, [&](const recorded* op) { return matches(*op); });
  }
  // Whether others may have taken the key at some time between the two.
  bool has_other_grant(std::uint32_t besides, history_time from, history_time to) const {
    return has_other(besides, [&](const recorded& op) {
      const history_time end = is_granted(op) && !history_.may_repeat ? op.answered : never;
      // A claim that was answered in another way may be one that was carried out twice.
      const bool may =
          may_be_granted(op) || (history_.may_repeat && is_claim(op) && !is_refused(op));
      return may && end >= from && op.invoked <= to;
    });
  }
  bool has_release(history_time from, history_time to) const {
    return has([&](const recorded& op) {
      return op.type == operation_type::release && !is_refused(op) && op.invoked >= from &&
             op.invoked <= to;
    });
  }

  void check_ends() {
    for (const recorded* op : all_) {
      if (op->ends != 1) {
        report(property::everything_ends, *op, "ended " + std::to_string(op->ends) + " times");
      } else if (op->answered - op->invoked > history_.time_max) {
        report(property::everything_ends, *op, "ended too late");
      }
    }
  }

  void check_holders() {
    struct interval {
      history_time from, to;
      const attempt* who;
    };
    std::vector<interval> held;
    for (const auto& [nonce, by] : attempts_) {
      if (by.granted == never) continue;
      history_time end = by.claimed_first + by.lease - margin(by.lease);
      std::vector<const recorded*> renewals;
      for (const recorded* op : all_) {
        if (op->nonce == nonce && op->type == operation_type::renew && is_success(*op)) {
          renewals.push_back(op);
        }
      }
      std::ranges::sort(renewals, {}, &recorded::answered);
      for (const recorded* op : renewals) {
        if (op->answered >= end) break;
        end = std::max(end, op->invoked + op->lease - margin(op->lease));
      }
      end = std::min({end, by.completed_first, by.released_first});
      if (by.granted < end) held.push_back({by.granted, end, &by});
    }
    std::ranges::sort(held, {}, &interval::from);
    for (std::size_t i = 1; i < held.size(); ++i) {
      const interval& last = *std::ranges::max_element(
          held.begin(), held.begin() + static_cast<std::ptrdiff_t>(i), {}, &interval::to);
      if (held[i].from >= last.to) continue;
      to_.violations.push_back({property::holders_are_alone, all_.front()->key,
                                "attempt " + std::to_string(held[i].who->nonce) + " holds from " +
                                    std::to_string(held[i].from.count()) + " us, attempt " +
                                    std::to_string(last.who->nonce) + " until " +
                                    std::to_string(last.to.count())});
    }
  }

  void check_completions() {
    for (const recorded* op : all_) {
      if (!is_replay(*op)) continue;
      const auto found = attempts_.find(op->response);
      if (found == attempts_.end() || found->second.completed_first > op->answered) {
        report(property::replays_are_one, *op, "nobody sent this response");
        continue;
      }
      attempt& by = found->second;
      by.completed = std::min(by.completed, op->answered);
      if (by.fingerprint != op->fingerprint) {
        report(property::others_are_refused, *op, "it is the response to another request");
      }
    }
    for (const auto& [nonce, by] : attempts_) {
      if (by.completed == never) continue;
      const std::size_t before = to_.violations.size();
      for (const recorded* op : all_) {
        if (!is_claim(*op) || is_failed(*op) || op->invoked < by.completed ||
            op->answered > completion_end(by)) {
          continue;
        }
        const std::string what = "attempt " + std::to_string(nonce) + " was completed";
        if (op->claim == claim_status::completed) {
          if (op->response != nonce) report(property::replays_are_one, *op, what);
        } else if (op->claim != claim_status::conflict || op->fingerprint == by.fingerprint) {
          report(property::completion_is_kept, *op, what);
        }
      }
      if (to_.violations.size() > before) ++to_.contradicted;
    }
  }

  void check_fences() {
    for (const auto& [nonce, by] : attempts_) {
      for (const auto& [other_nonce, other] : attempts_) {
        if (by.granted >= other.claimed_first || other.granted == never) continue;
        if (other.fence > by.fence) continue;
        to_.violations.push_back({property::fences_rise, all_.front()->key,
                                  "attempt " + std::to_string(other_nonce) + " has fence " +
                                      std::to_string(other.fence) + " after attempt " +
                                      std::to_string(nonce) + " with " + std::to_string(by.fence)});
      }
    }
  }

  void check_superseded() {
    for (const recorded* op : all_) {
      const attempt& by = attempts_.at(op->nonce);
      if (is_success(*op) && by.granted != never) {
        for (const auto& [nonce, other] : attempts_) {
          if (other.granted == never || other.fence <= by.fence_max) continue;
          if (op->invoked >= other.granted && op->answered <= record_end(other)) {
            report(property::superseded_is_inert, *op,
                   "attempt " + std::to_string(nonce) + " has taken the key");
          }
        }
      }
      if (is_granted(*op) && op->invoked >= by.released &&
          op->answered <= release_is_known_until(by)) {
        report(property::superseded_is_inert, *op, "it was released");
      }
    }
  }

  // Another may take the key of a released attempt, and be released itself or reach its end.
  history_time release_is_known_until(const attempt& by) const {
    history_time end = end_of(by.released_first, idempotency::released_retention);
    for (const auto& [nonce, other] : attempts_) {
      if (nonce == by.nonce) continue;
      end = std::min({end, other.released_first, end_of(by.released_first, other.retention)});
      if (other.completed_first != never) {
        end = std::min(end, end_of(by.released_first, other.completed_for));
      }
    }
    return end;
  }

  void check_others() {
    for (const auto& [nonce, by] : attempts_) {
      if (by.granted == never) continue;
      for (const recorded* op : all_) {
        if (!is_claim(*op) || is_failed(*op) || op->fingerprint == by.fingerprint ||
            op->claim == claim_status::conflict || op->invoked < by.granted ||
            op->answered > record_end(by) || has_release(by.claimed_first, op->answered)) {
          continue;
        }
        report(property::others_are_refused, *op,
               "attempt " + std::to_string(nonce) + " at another request has a record");
      }
    }
  }

  // The latest time at which it may have been carried out.
  history_time carried_out_by(const recorded& op) const {
    if (op.answered == never || is_unknown(op) || history_.may_repeat) {
      return op.answered == never ? std::max(op.invoked, history_.settled)
                                  : std::max(op.answered, history_.settled);
    }
    return op.answered;
  }

  void check_crashed() {
    for (const recorded* op : all_) {
      if (!is_claim(*op)) continue;
      if (op->claim == claim_status::running) {
        const bool may_run = has_other(op->nonce, [&](const recorded& other) {
          return (is_claim(other) || other.type == operation_type::renew) && !is_refused(other) &&
                 later(carried_out_by(other), other.lease + margin(other.lease)) >= op->invoked;
        });
        if (!may_run) report(property::crashed_is_replaced, *op, "every lease was over");
      }
      if (op->claim == claim_status::abandoned) {
        const bool may_be_marked = has_other(op->nonce, [&](const recorded& other) {
          return other.type == operation_type::mark && !is_refused(other) &&
                 other.invoked <= op->answered;
        });
        if (!may_be_marked) report(property::crashed_is_replaced, *op, "nobody marked it");
        if (op->rerun_marked) report(property::crashed_is_replaced, *op, "it may be run again");
      }
      if (is_granted(*op) && !op->rerun_marked) check_marked(*op);
    }
  }

  void check_marked(const recorded& op) {
    for (const auto& [nonce, by] : attempts_) {
      if (by.nonce == op.nonce || by.marked == never || by.granted == never ||
          by.fence >= op.fence || by.marked > op.invoked || op.answered > record_end(by) ||
          has_release(by.claimed_first, op.answered)) {
        continue;
      }
      // One that may take a marked one over leaves a record that is not marked.
      const bool was_rerun = has_other(nonce, [&](const recorded& other) {
        return is_claim(other) && other.rerun_marked && !is_refused(other) &&
               other.invoked <= op.answered;
      });
      if (!was_rerun) {
        report(property::crashed_is_replaced, op,
               "attempt " + std::to_string(nonce) + " is marked");
      }
    }
  }

  void check_retries() {
    for (const recorded* op : all_) {
      const attempt& by = attempts_.at(op->nonce);
      // A claim that comes when another has had the key is a new one.
      if (is_granted(*op) && op->fence != by.fence && op->answered < by.released_first &&
          op->answered <= record_end(by) &&
          !has_other_grant(op->nonce, by.claimed_first, op->answered)) {
        report(property::retries_are_safe, *op, "it had another fence before");
      }
      if (is_claim(*op) || is_failed(*op) || op->write == write_status::already_applied) continue;
      if (op->type == operation_type::complete && op->invoked >= by.completed &&
          op->answered <= completion_end(by)) {
        report(property::retries_are_safe, *op, "it was completed");
      }
      if (op->type == operation_type::release && op->invoked >= by.released &&
          op->answered <= later(by.released_first, idempotency::released_retention) &&
          !has_other_grant(op->nonce, by.released_first, op->answered)) {
        report(property::retries_are_safe, *op, "it was released");
      }
      if (op->type == operation_type::mark && op->invoked >= by.marked &&
          op->answered <= record_end(by) && by.completed_first > op->answered &&
          by.released_first > op->answered &&
          !has_other_grant(op->nonce, by.claimed_first, op->answered)) {
        report(property::retries_are_safe, *op, "it was marked");
      }
    }
  }

  void check_refusals() {
    for (const recorded* op : all_) {
      if (!is_claim(*op) || is_failed(*op)) continue;
      const auto is_by = [&](operation_type type, std::uint32_t nonce) {
        return has([&](const recorded& other) {
          return other.type == type && other.nonce == nonce && !is_refused(other) &&
                 other.invoked <= op->answered;
        });
      };
      if (is_replay(*op) && attempts_.contains(op->response) &&
          attempts_.at(op->response).completed_first <= op->answered &&
          !is_by(operation_type::complete, op->response)) {
        report(property::refusals_are_harmless, *op, "that completion was refused");
      }
      const bool is_known = has([&](const recorded& other) {
        return other.type == operation_type::complete &&
               other.sent_operation_id == op->operation_id && !is_refused(other) &&
               other.invoked <= op->answered;
      });
      if (!is_known && !is_by(operation_type::claim, op->operation_id)) {
        report(property::refusals_are_harmless, *op,
               attempts_.contains(op->operation_id) ? "the claim that this names was refused"
                                                    : "nobody made the claim that this names");
      }
    }
  }

  const history& history_;
  std::vector<const recorded*> all_;
  std::map<std::uint32_t, attempt> attempts_;
  verdict& to_;
};

// ---- The search for an order.

/// A record, and when its lease and its life end, as far as the times of the history tell.
struct state {
  std::uint8_t what = 0;  // record_state, or 0: none
  std::uint8_t fingerprint = 0;
  std::uint32_t owner = 0;
  std::uint32_t operation_id = 0;
  std::uint64_t fence = 0;
  history_time lease_from{0}, lease_to{0};
  history_time end_from{0}, end_to{0};
  milliseconds retention{0};
  friend bool operator==(const state&, const state&) = default;

  bool is(record_state s) const { return what == static_cast<std::uint8_t>(s); }
};

std::uint64_t mix(std::uint64_t x) {  // the finalizer of MurmurHash3
  x ^= x >> 33;
  x *= 0xff51'afd7'ed55'8ccd;
  x ^= x >> 33;
  x *= 0xc4ce'b9fe'1a85'ec53;
  return x ^ (x >> 33);
}

std::uint64_t hash_of(const state& of) {
  std::uint64_t h = 0;
  for (const std::uint64_t part : {std::uint64_t{of.what} << 8 | of.fingerprint,
                                   std::uint64_t{of.owner} << 32 | of.operation_id, of.fence,
                                   static_cast<std::uint64_t>(of.lease_from.count()),
                                   static_cast<std::uint64_t>(of.lease_to.count()),
                                   static_cast<std::uint64_t>(of.end_from.count()),
                                   static_cast<std::uint64_t>(of.end_to.count())}) {
    h = mix(h + part + 0x9e37'79b9'7f4a'7c15);
  }
  return h;
}

template <class T>
T named(std::uint32_t number) {
  T made;
  std::memcpy(made.bytes.data(), &number, sizeof number);
  return made;
}

class search {
 public:
  search(const history& of, const std::vector<const recorded*>& operations, std::size_t steps_max)
      : history_(of), steps_left_(steps_max) {
    for (const recorded* op : operations) {
      if (is_refused(*op) && !is_spent(*op)) continue;
      const bool must = !is_unknown(*op) && op->answered != never;
      if (must) {
        moves_.push_back({op, op->answered, true});
        ++left_;
      }
      if (!must || of.may_repeat) {
        const history_time end = must || op->answered != never ? op->answered : op->invoked;
        moves_.push_back({op, std::max(end, of.settled), false});
      }
    }
    std::ranges::sort(moves_, {}, [](const move& m) { return std::tuple(m.end, m.op, !m.must); });
    for (std::size_t i = 0; i < moves_.size(); ++i) moves_[i].hash = mix(i + 1);
  }

  /// None: given up.
  std::optional<bool> run() {
    least_left_ = left_;
    if (step({}, history_time(0), 0)) return true;
    if (steps_left_ == 0) return std::nullopt;
    return false;
  }
  /// The operation that came to no place in the longest order.
  const recorded* stuck_at() const { return stuck_; }

 private:
  struct move {
    const recorded* op;
    history_time end;  // the latest time at which it takes place
    bool must;
    bool is_made = false;
    std::uint64_t hash = 0;
  };

  bool step(const state& now, history_time time, std::uint64_t made) {
    if (left_ == 0) return true;
    if (steps_left_ == 0) return false;
    --steps_left_;
    if (!seen_.insert(made ^ hash_of(now)).second) return false;
    // Sorted by their ends: the first that must and is not made is the next deadline.
    const auto next =
        std::ranges::find_if(moves_, [](const move& m) { return m.must && !m.is_made; });
    if (left_ < least_left_ || stuck_ == nullptr) {
      least_left_ = left_;
      stuck_ = next->op;
    }
    const history_time deadline = next->end;
    for (const bool must : {true, false}) {
      for (move& m : moves_) {
        if (m.must != must || m.is_made || m.op->invoked > deadline || m.end < time) continue;
        if (make(m, now, time, deadline, made)) return true;
      }
    }
    return false;
  }

  bool make(move& m, const state& now, history_time time, history_time deadline,
            std::uint64_t made) {
    const recorded& op = *m.op;
    const history_time from = std::max(time, op.invoked);
    const history_time to = std::min(m.end, deadline);
    m.is_made = true;
    if (m.must) --left_;
    bool has_found = false;
    const auto go_on = [&](const state& then, bool fits) {
      if (has_found) return;
      if (m.must ? fits : then != now) has_found = step(then, from, made ^ m.hash);
    };
    const bool may_live = now.what != 0 && from <= now.end_to;
    const bool may_be_gone = now.what == 0 || to >= now.end_from;
    if (may_live) carry_out(op, now, true, from, to, go_on);
    if (may_be_gone && !has_found) carry_out(op, {}, false, from, to, go_on);
    m.is_made = false;
    if (m.must) ++left_;
    return has_found;
  }

  // Between `from` and `to`. Tells each way in which it can go.
  template <class GoOn>
  void carry_out(const recorded& op, const state& now, bool lives, history_time from,
                 history_time to, GoOn go_on) {
    if (!is_claim(op)) {
      write(op, now, lives, from, to, go_on);
      return;
    }
    const bool is_held = now.is(record_state::running) || now.is(record_state::marked);
    if (!lives || !is_held) {
      claim(op, now, lives, false, from, to, go_on);
      return;
    }
    if (from <= now.lease_to) claim(op, now, true, false, from, to, go_on);
    if (to >= now.lease_from) claim(op, now, true, true, from, to, go_on);
  }

  static idempotency::record_view view_of(const state& now, bool lease_over) {
    return {static_cast<record_state>(now.what), named<idempotency::digest>(now.fingerprint),
            named<idempotency::nonce>(now.owner), now.fence, lease_over};
  }

  history_time margin(milliseconds life) const { return margin_of(life) + history_.clock_skew; }
  void set_lease(state& of, milliseconds lease, history_time from, history_time to) const {
    of.lease_from = from + lease - margin(lease);
    of.lease_to = later(to, lease + margin(lease));
  }
  void set_end(state& of, milliseconds retention, history_time from, history_time to) const {
    of.retention = retention;
    of.end_from = from + retention - margin(retention);
    of.end_to = later(to, retention + margin(retention));
  }

  template <class GoOn>
  void claim(const recorded& op, const state& now, bool lives, bool lease_over, history_time from,
             history_time to, GoOn go_on) {
    const idempotency::record_view view = view_of(now, lease_over);
    const auto* const found = lives ? &view : nullptr;
    const claim_verdict judged = judge_claim(found, named<idempotency::digest>(op.fingerprint),
                                             named<idempotency::nonce>(op.nonce), op.rerun_marked);
    state then = now;
    const auto is = [&](claim_status status) {
      return op.claim == status && op.operation_id == then.operation_id;
    };
    switch (judged) {
      case claim_verdict::take:
      case claim_verdict::take_over:
        then.what = static_cast<std::uint8_t>(record_state::running);
        then.owner = op.nonce;
        then.fingerprint = op.fingerprint;
        then.fence = next_fence(found, op.unix_ms);
        if (judged == claim_verdict::take) then.operation_id = op.nonce;
        set_lease(then, op.lease, from, to);
        set_end(then, op.retention, from, to);
        go_on(then, is(claim_status::claimed) && op.fence == then.fence);
        return;
      case claim_verdict::resume:
        go_on(then, is(claim_status::claimed) && op.fence == then.fence);
        return;
      case claim_verdict::replay:
        go_on(then, is(claim_status::completed) && op.response == then.owner);
        return;
      case claim_verdict::conflict: go_on(then, is(claim_status::conflict)); return;
      case claim_verdict::running: go_on(then, is(claim_status::running)); return;
      case claim_verdict::abandoned: go_on(then, is(claim_status::abandoned)); return;
      case claim_verdict::spent: go_on(then, is_spent(op)); return;
    }
  }

  template <class GoOn>
  void write(const recorded& op, const state& now, bool lives, history_time from, history_time to,
             GoOn go_on) {
    const idempotency::record_view view = view_of(now, false);
    const auto* const found = lives ? &view : nullptr;
    const auto nonce = named<idempotency::nonce>(op.nonce);
    state then = now;
    write_verdict judged = write_verdict::lost;
    switch (op.type) {
      case operation_type::claim: return;
      case operation_type::complete:
        judged = judge_complete(found, nonce, op.lease_holds);
        if (judged != write_verdict::apply) break;
        then = {.what = static_cast<std::uint8_t>(record_state::completed),
                .fingerprint = op.fingerprint,
                .owner = op.nonce,
                .operation_id = op.sent_operation_id,
                .fence = op.fence};
        set_end(then, op.retention, from, to);
        break;
      case operation_type::release:
        judged = judge_release(found, nonce);
        if (judged != write_verdict::apply) break;
        then = {.what = static_cast<std::uint8_t>(record_state::released),
                .owner = op.nonce,
                .fence = op.fence};
        set_end(then, idempotency::released_retention, from, to);
        break;
      case operation_type::renew:
        judged = judge_renew(found, nonce);
        if (judged != write_verdict::apply) break;
        set_lease(then, op.lease, from, to);
        set_end(then, now.retention, from, to);
        break;
      case operation_type::mark:
        judged = judge_mark(found, nonce);
        if (judged == write_verdict::apply) {
          then.what = static_cast<std::uint8_t>(record_state::marked);
        }
        break;
    }
    constexpr write_status answers[] = {write_status::failed, write_status::applied,
                                        write_status::already_applied, write_status::lost,
                                        write_status::gone};
    const bool is_repeated = history_.may_repeat && judged == write_verdict::apply &&
                             op.write == write_status::already_applied;
    go_on(then, is_repeated || op.write == answers[static_cast<std::size_t>(judged)]);
  }

  const history& history_;
  std::vector<move> moves_;
  std::size_t left_ = 0;
  std::size_t least_left_ = 0;
  std::size_t steps_left_;
  const recorded* stuck_ = nullptr;
  std::unordered_set<std::uint64_t> seen_;
};

bool has_order_but_for_refusals(const history& of, std::vector<const recorded*> operations,
                                std::size_t steps_max) {
  if (!of.may_undo_refusals) return false;
  std::erase_if(operations, [](const recorded* op) { return is_refusing(*op); });
  return search(of, operations, steps_max).run().value_or(false);
}

}  // namespace

std::string_view to_string(property p) {
  switch (p) {
    case property::holders_are_alone: return "holders_are_alone";
    case property::completion_is_kept: return "completion_is_kept";
    case property::replays_are_one: return "replays_are_one";
    case property::fences_rise: return "fences_rise";
    case property::superseded_is_inert: return "superseded_is_inert";
    case property::others_are_refused: return "others_are_refused";
    case property::crashed_is_replaced: return "crashed_is_replaced";
    case property::retries_are_safe: return "retries_are_safe";
    case property::everything_ends: return "everything_ends";
    case property::refusals_are_harmless: return "refusals_are_harmless";
    case property::has_an_order: return "has_an_order";
  }
  return "unknown";
}

std::size_t verdict::count(property p) const {
  return static_cast<std::size_t>(
      std::ranges::count(violations, p, [](const violation& each) { return each.broken; }));
}

verdict check(const history& what, std::size_t steps_max) {
  verdict made;
  std::map<std::uint32_t, std::vector<const recorded*>> keys;
  for (const recorded& op : what.operations) {
    keys[op.key].push_back(&op);
    ++made.operations;
    if (is_unknown(op)) ++made.unknown;
    if (is_refused(op)) ++made.refused;
    if (is_granted(op)) ++made.grants;
    if (is_granted(op) && op.operation_id != op.nonce) ++made.takeovers;
    if (op.type == operation_type::complete && is_success(op)) ++made.acknowledged;
    if (is_replay(op)) ++made.replays;
  }
  made.keys = keys.size();
  for (auto& [key, operations] : keys) {
    std::ranges::sort(operations, {},
                      [](const recorded* op) { return std::pair(op->invoked, op); });
    rules(what, operations, made).run();
    search order(what, operations, steps_max);
    const auto found = order.run();
    if (!found) {
      ++made.undecided;
    } else if (!*found && has_order_but_for_refusals(what, operations, steps_max)) {
      ++made.hasty;
    } else if (!*found) {
      made.violations.push_back(
          {property::has_an_order, key, text_of(*order.stuck_at()) + ": has no place"});
    }
  }
  return made;
}

std::string to_table(std::string_view name, const verdict& of, std::size_t faults) {
  std::ostringstream to;
  const auto row = [&](std::string_view what, std::size_t count) {
    to << "  " << std::left << std::setw(24) << what << std::right << std::setw(8) << count << '\n';
  };
  to << name << '\n';
  row("faults", faults);
  row("operations", of.operations);
  row("unknown", of.unknown);
  row("refused", of.refused);
  row("keys", of.keys);
  row("grants", of.grants);
  row("takeovers", of.takeovers);
  row("acknowledged", of.acknowledged);
  row("contradicted", of.contradicted);
  row("replays", of.replays);
  row("undecided keys", of.undecided);
  if (of.hasty > 0) row("hasty refusals", of.hasty);
  row("violations", of.violations.size());
  for (std::size_t i = 1; i <= property_count; ++i) {
    const auto each = static_cast<property>(i);
    if (of.count(each) > 0) row(to_string(each), of.count(each));
  }
  for (std::size_t i = 0; i < std::min<std::size_t>(of.violations.size(), 10); ++i) {
    const violation& each = of.violations[i];
    to << "  key " << each.key << ", " << to_string(each.broken) << ": " << each.text << '\n';
  }
  return to.str();
}

std::string to_text(const history& of, std::uint32_t key) {
  std::vector<const recorded*> operations;
  for (const recorded& op : of.operations) {
    if (op.key == key) operations.push_back(&op);
  }
  std::ranges::sort(operations, {}, [](const recorded* op) { return std::pair(op->invoked, op); });
  std::ostringstream to;
  to << "key " << key << ", settled at " << of.settled.count() << " us\n";
  for (const recorded* op : operations) to << "  " << text_of(*op) << '\n';
  return to.str();
}

}  // namespace parley::testing_support
