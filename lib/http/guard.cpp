// SPDX-License-Identifier: Apache-2.0
#include "parley/http/guard.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <span>

#include "http/stored_response.hpp"

namespace parley::http {

using idempotency::begin_op;
using idempotency::begin_status;
using idempotency::claim;
using idempotency::complete_step;
using idempotency::mark_step;
using idempotency::release_step;
using idempotency::store_errc;
using idempotency::store_failure;

namespace {

// The claim has ended, or another mark is being made.
constexpr store_failure not_now = {.why = store_errc::invalid};

attempt::mark_result result_of(const mark_step& step) noexcept {
  if (step.is_done()) return {};
  if (step.status == idempotency::write_status::failed) return failure{step.failure};
  // Superseded, or forgotten by the store: not to be tried again.
  return failure{store_failure{.why = store_errc::spent_nonce}};
}

// A store that refuses for want of room, or finds what it cannot read, is there, and fails closed.
bool is_away(store_errc why) noexcept {
  return why == store_errc::unavailable || why == store_errc::timed_out || why == store_errc::busy;
}

std::span<const std::byte> bytes_of(std::string_view text) noexcept {
  return std::as_bytes(std::span(text));
}

response unrun(const envelope::error& error) {
  response r = to_response(error);
  r.handler_ran = false;
  return r;
}

void add_retry_after(response& r, std::chrono::milliseconds after) {
  const auto seconds =
      std::max(std::chrono::seconds(1), std::chrono::ceil<std::chrono::seconds>(after));
  r.headers.push_back({"Retry-After", std::to_string(seconds.count())});
}

std::string_view explain(idempotency::key_errc why) noexcept {
  using enum idempotency::key_errc;
  switch (why) {
    case empty: return "Expected 1 to 255 bytes";
    case too_long: return "Expected at most 255 bytes";
    case control_character: return "Control characters are not allowed";
    case list: return "Expected one key, without a comma";
    case repeated: return "Sent more than once";
    case quotes: return "Expected quotation marks at both ends or at neither";
  }
  return "Not a key";
}

response refuse_key(envelope::error error, std::string_view message, std::string_view explanation) {
  return unrun(std::move(error)
                   .with_message(std::string(message))
                   .with_field(std::string(idempotency::key_header), std::string(explanation)));
}

}  // namespace

// Under the lock: the handler may mark while its response ends the claim.
class attempt::state {
 public:
  explicit state(std::string_view request_id) : operation_id_(request_id) {}
  /// `held` is left as it is where this throws.
  explicit state(claim&& held)
      : operation_id_(held.operation_id()),
        fence_(held.fence()),
        is_protected_(true),
        held_(std::move(held)) {}

  bool is_protected() const noexcept { return is_protected_; }
  std::string_view operation_id() const noexcept { return operation_id_; }
  std::uint64_t fence() const noexcept { return fence_; }
  bool holds() const noexcept {
    const std::lock_guard lock(mutex_);
    return held_ && held_.holds();
  }

  /// See claim::mark; marked() follows where this gives false, and not before it does.
  bool mark(mark_step& step) noexcept {
    const std::lock_guard lock(mutex_);
    if (!is_protected_) {
      step.status = idempotency::write_status::applied;
      return true;
    }
    if (!held_ || is_marking_) {
      step.failure = not_now;
      return true;
    }
    is_marking_ = !held_.mark(step);
    is_marked_ |= !is_marking_ && step.is_done();
    return !is_marking_;
  }
  void marked(mark_step& step) noexcept {
    const std::lock_guard lock(mutex_);
    is_marking_ = false;
    is_marked_ |= step.is_done();
    if (held_ || !step.is_done()) return;
    // The response overtook it: the key may be free, and the side effect must not begin.
    step.status = idempotency::write_status::failed;
    step.failure = not_now;
  }

  template <class Then>
  static void mark_then(std::shared_ptr<state> of, std::string_view note, Then then) {
    class step final : public mark_step {
     public:
      step(std::shared_ptr<state> of, std::string_view text, Then then)
          : of_(std::move(of)), text_(text), then_(std::move(then)) {
        note = text_;
      }
      void done() noexcept override { meet(); }
      /// Called by done() and by who has started it, in either order; the second goes on. A store
      /// may call done() within the start, which holds the lock of the state.
      void meet() noexcept {
        if (!has_met_.test_and_set()) return;
        of_->marked(*this);
        finish();
      }
      void finish() noexcept {
        const std::unique_ptr<step> ends(this);
        then_(result_of(*this));
      }

     private:
      const std::shared_ptr<state> of_;
      const std::string text_;
      Then then_;
      std::atomic_flag has_met_;
    };
    auto made = std::make_unique<step>(of, note, std::move(then));
    step* const started = made.release();
    if (of->mark(*started)) return started->finish();
    started->meet();
  }

  /// The claim, to end it; after this nothing can be marked. `may_have_begun`: it is marked, or may
  /// yet be.
  claim take(bool& may_have_begun) noexcept {
    const std::lock_guard lock(mutex_);
    may_have_begun = is_marked_ || is_marking_;
    return std::move(held_);
  }

 private:
  const std::string operation_id_;
  const std::uint64_t fence_ = 0;
  const bool is_protected_ = false;
  mutable std::mutex mutex_;
  claim held_;
  bool is_marking_ = false;
  bool is_marked_ = false;
};

attempt::attempt(std::shared_ptr<state> of) noexcept : of_(std::move(of)) {}

bool attempt::is_protected() const noexcept { return of_->is_protected(); }
std::string_view attempt::operation_id() const noexcept { return of_->operation_id(); }
std::uint64_t attempt::fence() const noexcept { return of_->fence(); }
bool attempt::holds() const noexcept { return of_->holds(); }

void attempt::mark(std::string_view note, std::function<void(mark_result)> then) const {
  state::mark_then(of_, note, std::move(then));
}

void attempt::mark_awaiter::await_suspend(std::coroutine_handle<> waiting) {
  // Resumed, the coroutine may destroy *this.
  state::mark_then(of_.of_, note_, [this, waiting](mark_result r) {
    result_ = r;
    waiting.resume();
  });
}

attempt::mark_result attempt::mark(std::string_view note) const {
  class step final : public mark_step {
   public:
    void done() noexcept override {
      const std::lock_guard lock(mutex_);
      is_done_ = true;
      changed_.notify_one();
    }
    void wait() {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return is_done_; });
    }

   private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_done_ = false;
  } marking;
  marking.note = note;
  if (!of_->mark(marking)) {
    marking.wait();
    of_->marked(marking);
  }
  return result_of(marking);
}

class guard_impl : public std::enable_shared_from_this<guard_impl> {
 public:
  // What is the same for all requests of a route.
  struct route {
    guarded_handler run;
    abandoned_policy policy;
    guarded_options options;
  };

  guard_impl(idempotency::engine& engine, idempotency::digester digests, guard_options options)
      : engine_(engine), digests_(std::move(digests)), options_(std::move(options)) {}

  void handle(const std::shared_ptr<const route>& on, const request_view& request,
              responder respond) const;

 private:
  class request;
  class ending;

  envelope::error error(errors::code c, errors::tier t = errors::tier::http) const {
    const errors::row* const row = options_.catalogue.find(c, t);
    return row != nullptr ? envelope::error(*row) : envelope::error(c, t);
  }
  static void run_plain(const route& on, const request_view& request, responder respond) {
    on.run(request, attempt(std::make_shared<attempt::state>(request.request_id)),
           std::move(respond));
  }
  static void run_unprotected(const route& on, const request_view& request, responder respond);
  void run(const std::shared_ptr<const route>& on, const request_view& request, claim held,
           responder respond) const;
  void end(const route& on, attempt::state& of, std::unique_ptr<ending> with, response answer,
           responder respond) const noexcept;
  bool is_stored(const response& r) const noexcept {
    try {
      if (options_.is_stored) return options_.is_stored(r);
    } catch (...) {
      // It did not say.
    }
    return r.status >= 200 && r.status <= 299;
  }
  static abandoned decide(const abandoned_policy& policy, const begin_op& begun) noexcept {
    if (!policy.by_) return policy.always_;
    try {
      return policy.by_(begun.operation_id(), begun.note());
    } catch (...) {
      return abandoned::indeterminate;
    }
  }

  idempotency::engine& engine_;
  const idempotency::digester digests_;
  const guard_options options_;
};

// One request with a key, until it is known what it gets.
class guard_impl::request final : public begin_op {
 public:
  request(std::shared_ptr<const guard_impl> by, std::shared_ptr<const route> on,
          const request_view& view, responder respond)
      : by_(std::move(by)), on_(std::move(on)), view_(view), respond_(std::move(respond)) {
    request_id = view.request_id;
    rerun_marked = !on_->policy.by_ && on_->policy.always_ == abandoned::rerun;
  }
  ~request() {
    if (held) std::move(held).release();  // nothing was run
  }

  static void start(std::unique_ptr<request> self) {
    request* const started = self.release();
    if (started->by_->engine_.begin(*started)) started->done();
  }

  void done() noexcept override {
    std::unique_ptr<request> self(this);
    try {
      answer(std::move(self));
    } catch (...) {
      // No memory, or the handler threw: the responder, wherever it is by now, answers 500.
    }
  }

 private:
  void answer(std::unique_ptr<request> self) {
    switch (status) {
      case begin_status::proceed: return proceed(std::move(self));
      case begin_status::failed:
        // Not where the same request is known to have run a moment ago.
        if (on_->options.fails_open && is_away(failure.why) && !has_waited) {
          return run_unprotected(*on_, view_, std::move(respond_));
        }
        break;
      case begin_status::abandoned:
        if (!rerun_marked && decide(on_->policy, *this) == abandoned::rerun) {
          rerun_marked = true;
          return start(std::move(self));
        }
        break;
      default: break;
    }
    std::move(respond_).send(reply());
  }

  void proceed(std::shared_ptr<request> self) {
    if (!has_waited || !by_->options_.post) return run();
    by_->options_.post([self = std::move(self)] {
      try {
        self->run();
      } catch (...) {
        // As in done().
      }
    });
  }
  void run() { by_->run(on_, view_, std::move(held), std::move(respond_)); }

  http::response reply() const {
    const std::string original(operation_id());
    constexpr const char* names_original = "conflicts_with";
    using enum errors::code;
    switch (status) {
      case begin_status::replay:
        if (auto stored = decode_response(begin_op::response(), by_->options_.catalogue)) {
          stored->headers.push_back({std::string(replay_header), "true"});
          stored->headers.push_back({std::string(original_header), original});
          stored->handler_ran = false;
          return *std::move(stored);
        }
        break;
      case begin_status::tombstone:
        return unrun(by_->error(idempotency_conflict)
                         .with_message("A request with this Idempotency-Key already succeeded, and "
                                       "its response is not kept.")
                         .with_field(names_original, original));
      case begin_status::conflict:
        return unrun(by_->error(idempotency_conflict).with_field(names_original, original));
      case begin_status::abandoned:
        return unrun(by_->error(idempotency_conflict)
                         .with_message("A request with this Idempotency-Key was begun, and its "
                                       "outcome is not known.")
                         .with_field(names_original, original));
      case begin_status::busy: {
        http::response r = unrun(by_->error(idempotency_conflict)
                                     .with_message("A request with this Idempotency-Key is in "
                                                   "progress. Try again later."));
        add_retry_after(r, retry_after);
        return r;
      }
      case begin_status::failed:
        if (failure.why == store_errc::scope_full) {
          // G3: no limit on calls that are placed at once, whatever the route.
          http::response r = unrun(by_->error(rate_limited));
          add_retry_after(r, failure.retry_after);
          return r;
        }
        break;
      case begin_status::proceed: break;
    }
    return unrun(by_->error(internal_error, view_.tier));
  }

  const std::shared_ptr<const guard_impl> by_;
  const std::shared_ptr<const route> on_;
  const request_view& view_;
  responder respond_;
};

void guard_impl::handle(const std::shared_ptr<const route>& on, const request_view& view,
                        responder respond) const {
  const auto answer = [&respond](response r) { std::move(respond).send(std::move(r)); };
  const bool is_safe =
      view.method == method::get || view.method == method::head || view.method == method::options;
  if (is_safe) return run_plain(*on, view, std::move(respond));

  // More than two are as bad as two.
  std::array<std::string_view, 2> values;
  std::size_t found = 0;
  for (const header_view& each : view.headers) {
    if (found < values.size() && equal_ignoring_case(each.name, idempotency::key_header)) {
      values[found++] = each.value;
    }
  }
  const auto key = idempotency::parse_key(std::span(values).first(found));
  if (!key) {
    return answer(refuse_key(error(errors::code::validation_error),
                             "The Idempotency-Key is not valid.", explain(key.error())));
  }
  if (!*key) {
    if (!on->options.is_key_required) return run_plain(*on, view, std::move(respond));
    return answer(refuse_key(error(errors::code::validation_error),
                             "This request needs an Idempotency-Key.", "Missing"));
  }
  // A scope for everybody would show one client's responses to another.
  if (view.scope.empty()) {
    return answer(unrun(error(errors::code::internal_error, view.tier)));
  }

  std::string canonical;
  std::string_view body = view.body;
  if (on->options.canonical_body) {
    try {
      body = canonical = on->options.canonical_body(view);
    } catch (...) {
      return answer(unrun(error(errors::code::internal_error, view.tier)));
    }
  }
  std::string media_types;  // of several headers, which is odd but no reason to drop one
  std::string_view media_type = view.header("Content-Type").value_or("");
  if (view.count("Content-Type") > 1) {
    for (const header_view& each : view.headers) {
      if (!equal_ignoring_case(each.name, "Content-Type")) continue;
      media_types.append(each.value.substr(0, each.value.find(';'))).push_back(',');
    }
    media_type = media_types;
  }
  const idempotency::request_identity identity = {view.method_name, view.path, view.query,
                                                  media_type};
  auto made = std::make_unique<request>(shared_from_this(), on, view, std::move(respond));
  made->scope = digests_.scope({view.scope});
  made->key = digests_.key(made->scope, **key);
  made->fingerprint = digests_.fingerprint(identity, bytes_of(body));
  request::start(std::move(made));
}

void guard_impl::run_unprotected(const route& on, const request_view& view, responder respond) {
  run_plain(on, view, intercept(std::move(respond), [&view](response&& answer, responder outer) {
              // Made here, as the service would make it without the header.
              if (!is_sendable(answer)) {
                answer = to_response(envelope::error(errors::code::internal_error, view.tier));
              }
              answer.headers.push_back({std::string(unprotected_header), "true"});
              std::move(outer).send(std::move(answer));
            }));
}

// The response on its way out, as soon as the claim has ended. Made before the handler runs: after
// that there must be nothing that wants memory.
class guard_impl::ending {
 public:
  ending() : complete_(*this), release_(*this) {}

  /// Both send `answer` to `respond` when the claim has ended.
  static void complete(std::unique_ptr<ending> self, claim held, response answer, responder respond,
                       const guard_options& options) noexcept {
    ending& on = *self.release();
    on.keep(std::move(answer), std::move(respond));
    // What cannot be sent or kept cannot be replayed either, and yet it was done.
    try {
      if (is_sendable(on.answer_)) {
        on.head_ = encode_head(on.answer_, options.unstored_headers, options.catalogue);
      }
    } catch (...) {
      // As of one that cannot be sent: that it was done is kept.
    }
    on.complete_.is_tombstone = !on.head_;
    if (on.head_) {
      on.complete_.head = bytes_of(*on.head_);
      on.complete_.body = bytes_of(on.answer_.body);
    }
    if (std::move(held).complete(on.complete_)) on.send();
  }
  static void release(std::unique_ptr<ending> self, claim held, response answer,
                      responder respond) noexcept {
    ending& on = *self.release();
    on.keep(std::move(answer), std::move(respond));
    if (std::move(held).release(on.release_)) on.send();
  }

 private:
  template <class Step>
  class part final : public Step {
   public:
    explicit part(ending& of) noexcept : of_(of) {}
    void done() noexcept override { of_.send(); }

   private:
    ending& of_;
  };

  void keep(response&& answer, responder&& respond) noexcept {
    answer_ = std::move(answer);
    respond_.emplace(std::move(respond));
  }
  void send() noexcept {
    const std::unique_ptr<ending> ends(this);
    (*std::move(respond_)).send(std::move(answer_));
  }

  part<complete_step> complete_;
  part<release_step> release_;
  response answer_;
  std::optional<responder> respond_;
  std::optional<std::string> head_;
};

void guard_impl::run(const std::shared_ptr<const route>& on, const request_view& view, claim held,
                     responder respond) const {
  std::shared_ptr<attempt::state> state;
  std::optional<responder> inner;
  try {
    auto end_with = std::make_unique<ending>();
    state = std::make_shared<attempt::state>(std::move(held));
    inner = intercept(
        std::move(respond), [by = shared_from_this(), on, state, end_with = std::move(end_with)](
                                response&& answer, responder outer) mutable {
          by->end(*on, *state, std::move(end_with), std::move(answer), std::move(outer));
        });
  } catch (...) {
    // Nothing was run.
    bool ignored = false;
    if (state) held = state->take(ignored);
    if (held) std::move(held).release();
    throw;
  }
  on->run(view, attempt(state), *std::move(inner));
}

void guard_impl::end(const route& on, attempt::state& of, std::unique_ptr<ending> with,
                     response answer, responder respond) const noexcept {
  bool may_have_begun = false;
  claim held = of.take(may_have_begun);
  if (answer.status == no_answer) {
    if (!may_have_begun || on.options.throw_means_not_done) {
      return ending::release(std::move(with), std::move(held), std::move(answer),
                             std::move(respond));
    }
    held.abandon();
    return std::move(respond).send(std::move(answer));
  }
  // E5: of a handler that asked another such server.
  std::erase_if(answer.headers, [](const header& each) {
    return equal_ignoring_case(each.name, replay_header) ||
           equal_ignoring_case(each.name, original_header);
  });
  if (is_stored(answer)) {
    ending::complete(std::move(with), std::move(held), std::move(answer), std::move(respond),
                     options_);
  } else {
    ending::release(std::move(with), std::move(held), std::move(answer), std::move(respond));
  }
}

guard::guard(idempotency::engine& engine, idempotency::digester digests, guard_options options)
    : impl_(std::make_shared<guard_impl>(engine, std::move(digests), std::move(options))) {}

deferred_handler guard::wrap_any(guarded_handler handler, abandoned_policy policy,
                                 guarded_options options) const {
  const auto route = std::make_shared<const guard_impl::route>(
      guard_impl::route{std::move(handler), std::move(policy), std::move(options)});
  return [impl = impl_, route](const request_view& request, responder respond) {
    impl->handle(route, request, std::move(respond));
  };
}

}  // namespace parley::http
