// SPDX-License-Identifier: Apache-2.0
//
// Makes a handler idempotent: of all requests with one Idempotency-Key it runs for one, and the
// others get that one's response.
//
//   http::guard guard(engine, std::move(digests));
//   routes.post("/v1/calls",
//               guard.wrap(
//                   [](const http::request_view& request, http::attempt attempt) {
//                     const auto order = parse(request.body);
//                     if (!order) return http::to_response(order.error());  // frees the key
//                     if (!attempt.mark("dialling")) return unavailable();
//                     return http::json_response(202, dial(*order, attempt.operation_id()));
//                   },
//                   http::abandoned::indeterminate));
//
// Wrapped handlers may be called from any thread. They run on the thread that lets them: the
// adapter's, the store's, or the timer's where they had to wait. So they must not block there (see
// offload, and guard_options::post): a timer that is held up renews no claim.

#ifndef PARLEY_HTTP_GUARD_HPP
#define PARLEY_HTTP_GUARD_HPP

#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "parley/core/result.hpp"
#include "parley/http/coroutine.hpp"
#include "parley/http/exchange.hpp"
#include "parley/http/export.hpp"
#include "parley/http/message.hpp"
#include "parley/http/routes.hpp"
#include "parley/idempotency/engine.hpp"
#include "parley/idempotency/key.hpp"

namespace parley::http {

/// "true" in the response to a request whose handler did not run: it is that of an earlier one.
inline constexpr std::string_view replay_header = "Idempotency-Replay";
/// Beside it: the X-Request-Id of the first request under the key (not of the attempt that took
/// over from it, where one did).
inline constexpr std::string_view original_header = "Original-Request-Id";
/// "true" where a route that fails open ran a handler without protection.
inline constexpr std::string_view unprotected_header = "Idempotency-Unprotected";

/// One run of a handler under a key. A handle: copies are of the same run, which ends with the
/// handler's response. Thread-safe.
class PARLEY_HTTP_EXPORT attempt {
 public:
  using mark_result = result<void, idempotency::store_failure>;

  /// False: the request has no key (or the store is away, and the route fails open). To mark is
  /// then to do nothing.
  bool is_protected() const noexcept;
  /// The request id of the first attempt under the key: hand it downstream as the idempotency key.
  /// Lives as long as any copy of *this.
  std::string_view operation_id() const noexcept;
  /// Rises with every attempt under the key; 0 where unprotected.
  std::uint64_t fence() const noexcept;
  /// False: the lease may be over, and another attempt may run.
  bool holds() const noexcept;

  /// Says that the side effect may begin; `note` is for whoever finds the attempt abandoned, at
  /// most idempotency::note_bytes_max bytes. Where it fails, do not begin: `invalid` (the note is
  /// too long, another mark is being made, or the response was given), `spent_nonce` (another
  /// attempt took over, or the store forgot this one), or what the store says. Waits for the store:
  /// not on a thread that the store needs.
  mark_result mark(std::string_view note) const;
  /// The same without waiting: `then` is called once, from any thread, possibly before this
  /// returns. Must not throw.
  void mark(std::string_view note, std::function<void(mark_result)> then) const;

  class mark_awaiter;
  /// The same for coroutines: co_await attempt.async_mark("dialling").
  [[nodiscard]] mark_awaiter async_mark(std::string_view note) const;

 private:
  friend class guard_impl;
  class PARLEY_HTTP_NO_EXPORT state;
  explicit attempt(std::shared_ptr<state> of) noexcept;
  std::shared_ptr<state> of_;
};

class attempt::mark_awaiter {
 public:
  mark_awaiter(attempt of, std::string_view note) : of_(std::move(of)), note_(note) {}
  bool await_ready() const noexcept { return false; }
  PARLEY_HTTP_EXPORT void await_suspend(std::coroutine_handle<> waiting);
  mark_result await_resume() { return *std::move(result_); }

 private:
  attempt of_;
  std::string note_;
  std::optional<mark_result> result_;
};

inline attempt::mark_awaiter attempt::async_mark(std::string_view note) const {
  return {*this, note};
}

/// What a retry gets where an attempt was marked and then lost, so that nobody knows what happened.
enum class abandoned : std::uint8_t {
  indeterminate = 1,  ///< 409 that names the original request, until the record's retention ends
  rerun,              ///< another run: for what may happen twice, or is refused twice downstream
};

/// One of these, or who decides it by the operation's id and the note of its mark.
class abandoned_policy {
 public:
  using decide = std::function<abandoned(std::string_view operation_id, std::string_view note)>;
  abandoned_policy(abandoned always) : always_(always) {}
  /// Called from any thread. Where it throws: indeterminate.
  template <class F>
  requires std::is_invocable_r_v<abandoned, F&, std::string_view, std::string_view>
  abandoned_policy(F by) : by_(std::move(by)) {}

 private:
  friend class guard_impl;
  abandoned always_ = abandoned::indeterminate;
  decide by_;
};

struct guard_options {
  /// Whether a response is kept and replayed; any other frees the key. Called from any thread.
  /// Empty, and where it throws: those with a status of 2xx.
  std::function<bool(const response&)> is_stored = {};
  /// Runs the handler of a request that had to wait, where its thread must not be held up: called
  /// on the thread that ended the wait. Work that it drops is a request that gets 500, and frees
  /// the key. Needed where handlers block and are not offloaded. Empty: it runs on that thread.
  std::function<void(std::function<void()> work)> post = {};
  /// Headers that are not replayed, beside Set-Cookie, Date, those of one connection and
  /// authentication challenges.
  std::vector<std::string> unstored_headers = {};
  /// The codes that handlers answer with, beside the built-in ones: with them a replay keeps its
  /// response::error_code, and what the guard says itself is what the catalogue's row says, where
  /// it has one. All that share a store should know the same: a code that is not known is replayed
  /// as `unknown`, and its body as it was.
  errors::catalogue_view catalogue = {};
};

struct guarded_options {
  /// A request without a key gets 400.
  bool is_key_required = false;
  /// Runs the handler without protection where the store does not answer (`unavailable`,
  /// `timed_out`, `busy`); the response then says so. Else, and where the store refuses, such a
  /// request gets 500, and nothing was run.
  bool fails_open = false;
  /// A handler that throws has done nothing, marked or not.
  bool throw_means_not_done = false;
  /// The body as requests are told apart by, where two spellings of it shall be one request. Called
  /// before anything is run; where it throws, the request gets 500. Empty: the bytes as they are.
  std::function<std::string(const request_view&)> canonical_body = {};
};

using guarded_handler = std::function<void(const request_view&, attempt, responder)>;

/// A guarded_handler of any of the forms that guard::wrap takes.
template <class Handler>
guarded_handler make_guarded(Handler handler) {
  using request = const request_view&;
  using run = const Handler&;
  if constexpr (std::is_invocable_r_v<response, run, request, attempt>) {
    return [handler = std::move(handler)](request r, attempt a, responder respond) {
      std::move(respond).send(handler(r, std::move(a)));
    };
  } else if constexpr (std::is_invocable_r_v<handler_task, run, request, attempt>) {
    return [handler = std::move(handler)](request r, attempt a, responder respond) {
      handler(r, std::move(a)).start(std::move(respond));
    };
  } else if constexpr (std::is_invocable_v<run, request, attempt, responder>) {
    return handler;
  } else {
    return [handler = make_deferred(std::move(handler))](
               request r, const attempt&, responder respond) { handler(r, std::move(respond)); };
  }
}

class guard_impl;

class PARLEY_HTTP_EXPORT guard {
 public:
  /// `engine` outlives every request to a wrapped handler. The scope of a key is that of the
  /// request (see authenticator): on a public route, which has none, a key gets 500.
  guard(idempotency::engine& engine, idempotency::digester digests, guard_options options = {});

  /// A handler for routes. `handler` is called as one of these, or with an attempt after the
  /// request:
  ///
  /// - `response(const request_view&)`
  /// - `handler_task(const request_view&)`
  /// - `void(const request_view&, responder)`
  ///
  /// It runs plainly for GET, HEAD and OPTIONS, and where there is no key.
  template <class Handler>
  deferred_handler wrap(Handler handler, abandoned_policy policy,
                        guarded_options options = {}) const {
    return wrap_any(make_guarded(std::move(handler)), std::move(policy), std::move(options));
  }

 private:
  deferred_handler wrap_any(guarded_handler handler, abandoned_policy policy,
                            guarded_options options) const;
  std::shared_ptr<const guard_impl> impl_;
};

}  // namespace parley::http

#endif  // PARLEY_HTTP_GUARD_HPP
