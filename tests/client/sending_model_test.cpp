// SPDX-License-Identifier: Apache-2.0
//
// Operations, sends, outcomes, clocks that jump, saves and restores at random, against the rules
// of parley/client/sending.hpp written down a second time: by what a server may have seen, and
// without a look at how a send decides.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "client/client_fixture.hpp"

namespace parley::client {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

/// What the model knows of an outcome without reading it.
struct kind {
  const char* name;
  outcome (*make)(std::string retry_after);
  bool is_success = false;
  bool is_refusal = false;  // a server, or the lack of one, says that nothing happened
  bool is_repeated = false;
  bool is_repeated_with_retry_after = false;
  std::optional<stop> ends = {};
};

std::vector<header> retry_after(std::string value) {
  if (value.empty()) return {};
  return {{"Retry-After", std::move(value)}};
}

template <errors::code Code>
outcome code_of(std::string value) {
  return respond(Code, errors::tier::call, retry_after(std::move(value)));
}
template <std::uint16_t Status>
outcome status_of(std::string value) {
  return respond(Status, "<html>", retry_after(std::move(value)));
}
template <transport_errc Why, bool MayHaveArrived>
outcome failure_of(std::string) {
  return fail(Why, MayHaveArrived);
}

constexpr bool yes = true;
const kind kinds[] = {
    {"200", status_of<200>, yes},
    {"202", status_of<202>, yes},
    {"303", status_of<303>},
    {"400", status_of<400>, false, yes},
    {"404", status_of<404>, false, yes},
    {"409", status_of<409>},
    {"429", status_of<429>, false, yes, yes, yes},
    {"500", status_of<500>, false, false, yes, yes},
    {"501", status_of<501>},
    {"502", status_of<502>, false, false, yes, yes},
    {"504", status_of<504>, false, false, yes, yes},
    {"no_consent", code_of<errors::code::no_consent>, false, yes},
    {"outside_calling_window", code_of<errors::code::outside_calling_window>, false, yes},
    {"rate_limited", code_of<errors::code::rate_limited>, false, yes, yes, yes},
    {"sip_gateway_failed", code_of<errors::code::sip_gateway_failed>, false, false, yes, yes},
    {"conflict", code_of<errors::code::idempotency_conflict>, false, false, false, yes},
    {"not_connected", failure_of<transport_errc::not_connected, false>, false, yes, yes, yes},
    {"lost", failure_of<transport_errc::connection_lost, true>, false, false, yes, yes},
    {"lost_in_time", failure_of<transport_errc::connection_lost, false>, false, yes, yes, yes},
    {"timed_out", failure_of<transport_errc::timed_out, true>, false, false, yes, yes},
    {"cancelled", failure_of<transport_errc::cancelled, true>, false, false, false, false,
     stop::cancelled},
    {"bad_request", failure_of<transport_errc::bad_request, false>, false, yes, false, false,
     stop::not_sendable},
};

/// A world with one server, one budget, and operations that are sent time and again.
class world {
 public:
  explicit world(std::uint64_t seed)
      : random_(seed),
        cost_(static_cast<std::uint32_t>(below(20))),
        capacity_(static_cast<std::uint32_t>(below(100))),
        tokens_(capacity_),
        budget_(capacity_, cost_) {
    options_.attempts_max = static_cast<unsigned>(1 + below(5));
    options_.deadline = pick<milliseconds>({10ms, 2s, 120s, 24h, 100h});
    options_.attempt_timeout = pick<milliseconds>({1ms, 30s, 24h});
    options_.pause_first = pick<milliseconds>({0ms, 500ms, 1h});
    options_.pause_max = pick<milliseconds>({0ms, 8s, 4h});
    options_.retry_after_max = pick<milliseconds>({0ms, 60s, 23h});
    options_.random = [this] { return random_(); };
  }

  void run() {
    for (int i = 0; i < 4; ++i) {
      make();
      for (int sends = 0; sends < 4; ++sends) {
        send();
        if (below(3) == 0) restore();
        pass(pick<milliseconds>({0ms, 1s, 1h, 11h, 12h, 23h}));
        jump();
      }
    }
  }

 private:
  std::uint64_t below(std::uint64_t most) { return random_() % most; }
  template <class Value>
  Value pick(std::vector<Value> from) {
    return from[below(from.size())];
  }

  void pass(milliseconds time) { now_ = {now_.steady + time, now_.wall + time}; }
  void jump() {
    if (below(8) != 0) return;
    now_.wall += pick<milliseconds>({-30h, -6min, -4min, -5min - 1ms, 1h, 22h, 30h});
  }

  void make() {
    const char* const method = pick<const char*>({"POST", "POST", "DELETE", "GET", "LINK"});
    of_ = *operation::make({.method = method, .target = "/"},
                           {.clock = [this] { return now_.wall; }});
    has_key_ = !of_->key().empty();
    is_repeatable_ = std::string_view(method) != "LINK";
    is_uncertain_ = false;
    has_happened_ = false;
    first_wall_.reset();
    first_steady_.reset();
  }

  void restore() {
    // Without a first send its making counts, which was not later.
    first_wall_ = of_->first_sent_at().value_or(of_->made_at());
    first_steady_.reset();
    is_uncertain_ = true;
    of_ = *operation::restore(of_->save());
  }

  // By either clock, and not to be told where the wall clock was set back.
  bool is_within_window() const {
    if (!has_key_ || !first_wall_) return true;
    const milliseconds wall = now_.wall - *first_wall_;
    if (wall < -5min || wall >= 23h) return false;
    return !first_steady_ || now_.steady - *first_steady_ < 23h;
  }

  void send() {
    sending s(*of_, options_, budget_);
    const auto begun = now_.steady;
    unsigned attempts = 0;
    auto next = s.begin(now_);
    std::optional<kind> last;
    bool was_cancelled = false;
    while (next != sending::step::done) {
      if (next == sending::step::pause) {
        ASSERT_GE(s.pause(), 0ms);
        ASSERT_LT(now_.steady + s.pause(), begun + options_.deadline);
        // The retry is paid for before its pause.
        ASSERT_GE(tokens_, cost_);
        tokens_ -= cost_;
        ASSERT_EQ(budget_.tokens(), tokens_);
        if (below(20) == 0) {
          was_cancelled = true;
          next = s.cancel();
          continue;
        }
        pass(s.pause() + pick<milliseconds>({0ms, 0ms, 0ms, 1ms, 5s, 23h}));
        jump();
        next = s.paused(now_);
        continue;
      }

      // Whatever may be sent now is allowed by all rules.
      ++attempts;
      ASSERT_LE(attempts, options_.attempts_max);
      ASSERT_TRUE(is_within_window());
      ASSERT_LT(now_.steady, begun + options_.deadline);
      ASSERT_LE(s.timeout(), options_.attempt_timeout);
      ASSERT_LE(now_.steady + s.timeout(), begun + options_.deadline);
      ASSERT_TRUE(is_repeatable_ || !is_uncertain_) << "done twice";
      ASSERT_EQ(s.wire_request().headers.size(), has_key_ ? 1u : 0u);
      if (!first_wall_) first_wall_ = now_.wall;
      if (!first_steady_) first_steady_ = now_.steady;

      last = kinds[below(std::size(kinds))];
      const std::string wait = pick<std::string>({"", "", "0", "2", "soon", "99999999999999999"});
      pass(pick<milliseconds>({0ms, 1ms, 2s, s.timeout()}));
      jump();
      next = s.attempted(last->make(wait), now_);
      if (last->is_success) has_happened_ = true;
      if (!last->is_refusal) is_uncertain_ = true;

      const bool has_wait = !wait.empty() && wait != "soon";
      const bool may_help = has_wait ? last->is_repeated_with_retry_after : last->is_repeated;
      const bool did_not_arrive = last->is_refusal && last->make("").has_value() == false;
      const bool is_allowed = is_repeatable_ || did_not_arrive;
      if (next == sending::step::pause) {
        ASSERT_TRUE(may_help && is_allowed && attempts < options_.attempts_max) << last->name;
        ASSERT_TRUE(is_within_window());
      } else if (may_help && is_allowed && attempts < options_.attempts_max && !last->ends &&
                 tokens_ >= cost_ && has_no_other_bound(begun)) {
        FAIL() << "nothing forbids another attempt after " << last->name;
      }
    }

    const answer got = s.take_answer();
    ASSERT_EQ(got.attempts, attempts);
    ASSERT_EQ(got.is_success(), last && last->is_success);
    ASSERT_EQ(got.fate == fate::done, got.is_success());
    if (got.is_success()) {
      tokens_ = std::min(capacity_, tokens_ + (attempts > 1 ? cost_ : 1));
    } else {
      // not_done, if and only if nothing that was ever sent may have happened.
      ASSERT_EQ(got.fate == fate::not_done, !is_uncertain_);
      ASSERT_FALSE(got.fate == fate::not_done && has_happened_);
    }
    ASSERT_EQ(budget_.tokens(), tokens_);
    ASSERT_EQ(of_->may_have_happened(), is_uncertain_);
    ASSERT_EQ(of_->first_sent_at(), first_wall_);
    if (was_cancelled) {
      ASSERT_EQ(got.why, stop::cancelled);
    } else if (last && last->ends) {
      ASSERT_EQ(got.why, *last->ends);
    } else if (attempts == 0) {
      const bool is_refused = is_uncertain_ && !is_repeatable_;
      ASSERT_EQ(got.why, is_refused ? stop::unrepeatable : stop::window_over);
      ASSERT_TRUE(is_refused || !is_within_window());
    }
  }

  // With the longest pause there is time enough for another attempt.
  bool has_no_other_bound(std::chrono::steady_clock::time_point begun) const {
    const milliseconds longest =
        std::max({options_.pause_max, options_.pause_first, 8'000ms}) + options_.retry_after_max;
    if (now_.steady + longest >= begun + options_.deadline) return false;
    if (!has_key_) return true;
    if (!is_within_window() || now_.wall + longest - *first_wall_ >= 23h) return false;
    return !first_steady_ || now_.steady + longest - *first_steady_ < 23h;
  }

  std::mt19937_64 random_;
  const std::uint32_t cost_;
  const std::uint32_t capacity_;
  std::uint32_t tokens_;  // of the model
  retry_budget budget_;
  send_options options_;
  instant now_ = both_at(1'000'000h);

  std::optional<operation> of_;
  bool has_key_ = false;
  bool is_repeatable_ = false;
  bool is_uncertain_ = false;
  bool has_happened_ = false;
  std::optional<time_point> first_wall_;
  std::optional<std::chrono::steady_clock::time_point> first_steady_;
};

TEST(SendingModel, HoldsForHistoriesAtRandom) {
  for (std::uint64_t seed = 0; seed < 4'000 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    world(seed).run();
  }
}

}  // namespace
}  // namespace parley::client
