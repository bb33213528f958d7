// SPDX-License-Identifier: Apache-2.0
#include "parley/client/sending.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "client/reserved_header.hpp"
#include "client/retry_after.hpp"
#include "core/http_text.hpp"
#include "crypto/sha256.hpp"
#include "parley/envelope/problem.hpp"

namespace parley::client {
namespace {

using http_text::equal_ignoring_case;
using std::chrono::milliseconds;

// A wall clock that stands so far before the first send was set: how much of the window is left is
// then not known.
constexpr std::chrono::minutes clock_slack{5};

bool is_success_status(std::uint16_t status) noexcept { return status >= 200 && status <= 299; }

// What is known of the error's code; null: nothing.
const errors::row* find_row(const answer& of, errors::catalogue_view known) noexcept {
  const bool has_category = of.category() != errors::category::none;
  return known.find(of.code(), has_category ? errors::tier::call : errors::tier::http);
}

bool is_client_error(std::uint16_t status) noexcept { return status >= 400 && status <= 499; }

// Certainly not carried out. What is behind a 5xx nobody knows, a 303 says that it was. Where code
// and status contradict each other, nobody knows either. A conflict may come from the very
// operation that is still running, or has done its work: idempotency_conflict (G10), or whatever
// another server calls it.
bool is_refusal(std::uint16_t status, const errors::row* row) noexcept {
  if (!is_client_error(status)) return false;
  if (row != nullptr && row->code == errors::code::idempotency_conflict) return false;
  return row != nullptr ? is_client_error(row->http_status) : status != 409;
}

std::string_view media_type_of(const response& r) noexcept {
  const std::string_view value = r.header("Content-Type").value_or("");
  return http_text::trim_blanks(value.substr(0, value.find(';')));
}

result<envelope::error, envelope::parse_failure> read_error(const response& r,
                                                            errors::catalogue_view catalogue) {
  const envelope::parse_options options{.catalogue = catalogue};
  auto read = equal_ignoring_case(media_type_of(r), envelope::problem_media_type)
                  ? envelope::parse_problem(r.body, {}, options)
                  : envelope::parse(r.body, options);
  if (read && r.status >= 100 && r.status <= 999) read->with_http_status(r.status);
  return read;
}

std::uint64_t system_random() noexcept {
  std::array<std::byte, sizeof(std::uint64_t)> bytes;
  // Without entropy the longest pause.
  if (!crypto::random_bytes(bytes)) return std::numeric_limits<std::uint64_t>::max();
  std::uint64_t value = 0;
  for (const std::byte each : bytes) value = value << 8 | std::to_integer<std::uint64_t>(each);
  return value;
}

// Options are any numbers: between these bounds nothing below overflows.
milliseconds bounded(milliseconds option) noexcept {
  return std::clamp(option, milliseconds(0), milliseconds(option_max));
}

// From nothing to all of `most`, which is bounded(); `random` is uniform.
milliseconds part_of(milliseconds most, std::uint64_t random) noexcept {
  const auto steps = static_cast<std::uint64_t>(most.count());
  return milliseconds(static_cast<std::int64_t>(((random >> 32) * (steps + 1)) >> 32));
}

milliseconds doubled(milliseconds first, unsigned times, milliseconds most) noexcept {
  for (; times > 0 && first < most && first.count() > 0; --times) first *= 2;
  return std::min(first, most);
}

// A saved time, and a clock, may be anything.
time_point later(time_point than, milliseconds by) noexcept {
  return than > time_point::max() - by ? time_point::max() : than + by;
}

}  // namespace

instant now() noexcept {
  return {std::chrono::steady_clock::now(),
          std::chrono::floor<milliseconds>(std::chrono::system_clock::now())};
}

bool retry_budget::take() noexcept {
  std::uint32_t left = tokens_.load(std::memory_order_relaxed);
  do {
    if (left < cost_) return false;
  } while (!tokens_.compare_exchange_weak(left, left - cost_, std::memory_order_relaxed));
  return true;
}

void retry_budget::succeeded(bool after_retry) noexcept {
  const std::uint32_t back = after_retry ? cost_ : 1;
  std::uint32_t left = tokens_.load(std::memory_order_relaxed);
  std::uint32_t filled = 0;
  do {
    filled = left + std::min(back, capacity_ - left);
    if (filled == left) return;
  } while (!tokens_.compare_exchange_weak(left, filled, std::memory_order_relaxed));
}

bool answer::is_success() const noexcept { return response && is_success_status(response->status); }

std::string_view answer::body() const noexcept {
  return response ? std::string_view(response->body) : std::string_view();
}

errors::code answer::code() const noexcept {
  return error && *error ? (*error)->code() : errors::code::unknown;
}

std::string_view answer::code_name() const noexcept {
  return error && *error ? (*error)->code_name() : std::string_view();
}

errors::category answer::category() const noexcept {
  return error && *error ? (*error)->category() : errors::category::none;
}

std::string_view answer::request_id() const noexcept {
  return response ? response->header("X-Request-Id").value_or("") : std::string_view();
}

bool answer::is_replay() const noexcept {
  return response && response->header("Idempotency-Replay") == "true";
}

observer::~observer() = default;

sending::sending(operation& of, const send_options& options, retry_budget& budget)
    : of_(of), options_(options), budget_(budget), wire_(of.what()) {
  for (const header& each : options.headers) {
    const bool is_own = std::ranges::any_of(of.what().headers, [&each](const header& own) {
      return equal_ignoring_case(own.name, each.name);
    });
    // One key for all operations would make one call of them.
    if (!is_own && !is_reserved_header(each.name)) wire_.headers.push_back(each);
  }
  if (!of.key().empty()) wire_.headers.push_back({"Idempotency-Key", std::string(of.key())});
}

sending::step sending::begin(instant now) {
  deadline_ = now.steady + bounded(options_.deadline);
  if (of_.may_have_happened_ && !of_.is_repeatable()) return end(stop::unrepeatable);
  if (is_window_over(now)) return end(stop::window_over);
  return attempt(now);
}

sending::step sending::attempt(instant now) {
  const auto left = std::chrono::ceil<milliseconds>(deadline_ - now.steady);
  if (left.count() <= 0) return end(stop::deadline);
  timeout_ = std::min(bounded(options_.attempt_timeout), left);
  was_uncertain_ = of_.may_have_happened_;
  of_.may_have_happened_ = true;
  if (!of_.first_sent_at_) of_.first_sent_at_ = now.wall;
  if (!of_.first_sent_here_) of_.first_sent_here_ = now.steady;
  ++answer_.attempts;
  answer_.response.reset();
  answer_.failure.reset();
  answer_.error.reset();
  answer_.retry_after.reset();
  return step::attempt;
}

sending::step sending::attempted(result<response, transport_failure> outcome, instant now) {
  if (outcome) {
    const response& got = *outcome;
    if (!is_success_status(got.status)) answer_.error = read_error(got, options_.catalogue);
    if (is_refusal(got.status, find_row(answer_, options_.catalogue))) {
      of_.may_have_happened_ = was_uncertain_;
    }
    if (const auto wait = got.header("Retry-After")) {
      const auto wall = std::chrono::floor<std::chrono::seconds>(now.wall);
      // Beside the server's own clock, where it tells.
      const auto date = parse_http_date(got.header("Date").value_or(""), wall);
      answer_.retry_after =
          parse_retry_after(*wait, date.value_or(wall), bounded(options_.retry_after_max));
    }
  } else if (!outcome.error().may_have_arrived) {
    of_.may_have_happened_ = was_uncertain_;
  }

  const std::optional<stop> stop = reason_to_stop(outcome, now);
  if (options_.observer != nullptr) {
    options_.observer->attempted({.of = of_,
                                  .attempt = answer_.attempts,
                                  .outcome = outcome,
                                  .code = answer_.code(),
                                  .pause = stop ? std::nullopt : std::optional(pause_),
                                  .budget_left = budget_.tokens()});
  }
  if (outcome) {
    answer_.response = *std::move(outcome);
  } else {
    answer_.failure = std::move(outcome).error();
  }
  return stop ? end(*stop) : step::pause;
}

sending::step sending::paused(instant now) {
  // Again: a pause may have been longer than was asked for, by days where the machine slept.
  if (is_window_over(now)) return end(stop::window_over);
  return attempt(now);
}

sending::step sending::cancel() { return end(stop::cancelled); }

sending::step sending::end(stop why) {
  answer_.why = why;
  if (answer_.is_success()) {
    answer_.fate = fate::done;
    budget_.succeeded(answer_.attempts > 1);
  } else {
    answer_.fate = of_.may_have_happened_ ? fate::unknown : fate::not_done;
  }
  return step::done;
}

bool sending::is_window_over(instant then) const noexcept {
  if (of_.key_.empty() || !of_.first_sent_at_) return false;
  // The steady clock knows no other process, but nobody sets it back.
  if (of_.first_sent_here_ && then.steady - *of_.first_sent_here_ >= send_window) return true;
  return then.wall >= later(*of_.first_sent_at_, send_window) ||
         later(then.wall, clock_slack) < *of_.first_sent_at_;
}

std::optional<stop> sending::reason_to_stop(const result<response, transport_failure>& outcome,
                                            instant now) {
  std::uint16_t status = 0;
  if (outcome) {
    status = outcome->status;
    if (is_success_status(status)) return stop::answered;
    const errors::row* const row = find_row(answer_, options_.catalogue);
    bool may_help = false;
    if (row != nullptr && row->code == errors::code::idempotency_conflict) {
      may_help = answer_.retry_after.has_value();  // G10
    } else if (row != nullptr) {
      may_help = row->hint == errors::retry_hint::backoff;  // G8
    } else {                                                // G25
      may_help = status == 429 || status == 500 || (status >= 502 && status <= 504);
    }
    if (!may_help) return stop::answered;
    if (!of_.is_repeatable()) return stop::unrepeatable;
  } else {
    const transport_failure& why = outcome.error();
    if (why.why == transport_errc::cancelled) return stop::cancelled;
    if (why.why == transport_errc::bad_request) return stop::not_sendable;
    if (why.may_have_arrived && !of_.is_repeatable()) return stop::unrepeatable;
  }

  if (answer_.attempts >= options_.attempts_max) return stop::attempts_used_up;
  const milliseconds first = status == 429 ? options_.pause_first_limited : options_.pause_first;
  const milliseconds most =
      doubled(bounded(first), answer_.attempts - 1, bounded(options_.pause_max));
  const std::uint64_t random = options_.random ? options_.random() : system_random();
  pause_ = part_of(most, random) + answer_.retry_after.value_or(milliseconds(0));
  if (now.steady + pause_ >= deadline_) return stop::deadline;
  if (is_window_over(now) || is_window_over({now.steady + pause_, later(now.wall, pause_)})) {
    return stop::window_over;
  }
  if (!budget_.take()) return stop::budget_used_up;
  return std::nullopt;
}

std::string_view to_string(stop s) noexcept {
  switch (s) {
    case stop::answered: return "answered";
    case stop::unrepeatable: return "unrepeatable";
    case stop::attempts_used_up: return "attempts_used_up";
    case stop::budget_used_up: return "budget_used_up";
    case stop::deadline: return "deadline";
    case stop::window_over: return "window_over";
    case stop::cancelled: return "cancelled";
    case stop::not_sendable: return "not_sendable";
  }
  return "unknown";
}

std::string_view to_string(fate f) noexcept {
  switch (f) {
    case fate::done: return "done";
    case fate::not_done: return "not_done";
    case fate::unknown: return "unknown";
  }
  return "unknown";
}

}  // namespace parley::client
