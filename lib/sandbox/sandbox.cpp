// SPDX-License-Identifier: Apache-2.0
#include "parley/sandbox/sandbox.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include "parley/cursor/codec.hpp"
#include "parley/cursor/key_ring.hpp"
#include "parley/cursor/page.hpp"
#include "parley/http/guard.hpp"
#include "parley/http/offload.hpp"
#include "parley/http/page.hpp"
#include "parley/http/service.hpp"
#include "parley/idempotency/engine.hpp"
#include "parley/idempotency/key.hpp"
#include "parley/idempotency/memory_store.hpp"
#include "parley/idempotency/timer.hpp"
#include "parley/idempotency_redis/inspect.hpp"
#include "parley/idempotency_redis/store.hpp"
#include "sandbox/calls.hpp"
#include "sandbox/json.hpp"
#include "sandbox/magic.hpp"

namespace parley::sandbox {
namespace {

constexpr std::size_t token_bytes_max = 255;
constexpr std::size_t journal_text_max = 256;
constexpr std::size_t record_bytes_max = std::size_t{512} << 20;
constexpr std::chrono::seconds offset_max = std::chrono::days(3653);

// The system's time at the start, carried on by the steady clock: a step of the system's clock must
// not move the calls.
std::function<time_point()> steady_system_clock() {
  const auto system =
      std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  const auto steady = std::chrono::steady_clock::now();
  return [system, steady] {
    return system +
           std::chrono::floor<std::chrono::microseconds>(std::chrono::steady_clock::now() - steady);
  };
}

class manual_clock {
 public:
  explicit manual_clock(std::function<time_point()> real)
      : real_(real ? std::move(real) : steady_system_clock()) {}

  time_point now() const {
    return real_() + offset();  // without the lock, as real_ is the user's
  }
  std::chrono::seconds offset() const {
    const std::lock_guard lock(mutex_);
    return offset_;
  }
  bool advance(std::chrono::seconds by) {
    const std::lock_guard lock(mutex_);
    if (by < by.zero() || by > offset_max - offset_) return false;
    offset_ += by;
    return true;
  }
  void reset() {
    const std::lock_guard lock(mutex_);
    offset_ = {};
  }

 private:
  const std::function<time_point()> real_;
  mutable std::mutex mutex_;
  std::chrono::seconds offset_{};
};

// Every request but those to the control routes.
class journal final : public http::observer {
 public:
  explicit journal(const manual_clock& clock) : clock_(clock) {}

  void responded(const http::response_event& event) noexcept override {
    if (event.route.starts_with("/sandbox/")) return;
    try {
      add(event);
    } catch (...) {
      // No memory for the entry: the response goes out without one.
    }
  }

  journal_page read() const {
    const std::lock_guard lock(mutex_);
    return {{entries_.begin(), entries_.end()}, total_, handler_runs_};
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    entries_.clear();
    total_ = handler_runs_ = 0;
  }

 private:
  // What a stranger chose, cut to a length and to ASCII.
  static std::string shown(std::string_view text) {
    std::string made(text.substr(0, journal_text_max));
    std::ranges::replace_if(
        made, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
    return made;
  }

  void add(const http::response_event& event) {
    journal_entry entry{.request_id = std::string(event.request_id),
                        .at = clock_.now(),
                        .method = {},
                        .path = {},
                        .status = event.response->status,
                        .code = {},
                        .handler_ran = event.handler_ran};
    if (event.request != nullptr) {
      entry.method = shown(event.request->method_name);
      entry.path = shown(event.request->path);
    }
    if (event.response->error_code != errors::code::unknown) {
      entry.code = errors::to_string(event.response->error_code);
    }
    const std::lock_guard lock(mutex_);
    ++total_;
    if (event.handler_ran) ++handler_runs_;
    entries_.push_front(std::move(entry));
    if (entries_.size() > journal_max) entries_.pop_back();
  }

  const manual_clock& clock_;
  mutable std::mutex mutex_;
  std::deque<journal_entry> entries_;
  std::uint64_t total_ = 0;
  std::uint64_t handler_runs_ = 0;
};

// Calls in the order of their numbers, which is that of their creation.
using calls_cursor = cursor::codec<cursor::null, std::uint64_t>;
constexpr std::string_view list_route = "GET /v1/calls";

// A key for the cursors of this process.
result<cursor::key_set, beast::start_failure> make_cursor_keys() {
  std::array<std::byte, cursor::secret_bytes_min> secret;
  for (std::size_t done = 0; done < secret.size();) {
    const auto drawn = idempotency::random_nonce();
    if (!drawn) return failure{beast::start_failure{"there are no random bytes"}};
    std::ranges::copy(drawn->bytes, secret.begin() + static_cast<std::ptrdiff_t>(done));
    done += drawn->bytes.size();
  }
  auto keys =
      cursor::key_set::make({{.id = 1, .state = cursor::key_state::active, .secret = secret}});
  return std::move(keys).map_error([](std::string why) { return beast::start_failure{why}; });
}

http::authentication authenticate(const http::request_view& request) {
  const auto token = http::bearer_token(request);
  if (!token) return failure{token.error()};
  if (*token == "test_forbidden") return failure{envelope::error(errors::code::forbidden)};
  if (*token == "test_limited") {
    return failure{envelope::error(errors::code::rate_limited, errors::tier::http)};
  }
  const bool is_valid = *token == "test_valid" || token->starts_with("test_valid_");
  if (!is_valid || token->size() > token_bytes_max) {
    return failure{envelope::error(errors::code::unauthorized)};
  }
  return std::string(*token);
}

// It guards nothing but a sandbox's records, and is here for everybody to read.
constexpr std::string_view published_digest_key = "parley-sandbox: this key is no secret";

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

// What a start makes and hands to the server.
struct idempotency_parts {
  std::unique_ptr<idempotency::store> records;
  std::function<bool()> clear;
  std::unique_ptr<idempotency::timer> timer;
  std::unique_ptr<idempotency::engine> engine;
};

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
  auto engine = idempotency::make_engine(*made.records, *made.timer);
  if (!engine) return fail(engine.error());
  made.engine = *std::move(engine);
  return made;
}

}  // namespace

class server::impl {
 public:
  impl(options options, std::unique_ptr<manual_clock> clock, idempotency_parts idempotency,
       idempotency::digester digests, cursor::key_set cursor_keys)
      : clock_(std::move(clock)),
        cursor_keys_(std::move(cursor_keys)),
        pager_(cursor_keys_,
               {.now = [this] { return std::chrono::floor<std::chrono::seconds>(clock_->now()); }}),
        idempotency_(std::move(idempotency)),
        guard_(*idempotency_.engine, std::move(digests)),
        journal_(*clock_),
        service_(make_routes(), authenticate, {.limits = options.limits, .observer = &journal_}),
        address_(options.server.address),
        server_(service_, std::move(options.server)) {
    if (!is_in_memory(options)) blocking_.emplace(1);
  }

  result<void, beast::start_failure> start() { return server_.start(); }
  bool drain(std::chrono::milliseconds deadline) {
    const auto until = std::chrono::steady_clock::now() +
                       std::min<std::chrono::milliseconds>(deadline, std::chrono::hours(24));
    const bool is_answered = server_.drain(deadline);
    const auto left =
        std::chrono::floor<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    const bool is_stored = idempotency_.engine->drain(std::max(left, std::chrono::milliseconds(0)));
    return is_answered && is_stored;
  }
  std::uint16_t port() const noexcept { return server_.port(); }
  bool advance(std::chrono::seconds by) { return clock_->advance(by); }
  std::uint64_t calls_placed() const { return calls_.placed(); }
  std::string url() const {
    const bool is_ipv6 = address_.find(':') != std::string::npos;
    return "http://" + (is_ipv6 ? "[" + address_ + "]" : address_) + ":" + std::to_string(port());
  }
  bool reset() {
    // The clock first: a call placed meanwhile is either forgotten or has the new time.
    clock_->reset();
    calls_.clear();
    const bool is_cleared = idempotency_.clear();
    journal_.clear();
    return is_cleared;
  }

 private:
  using request = http::request_view;
  using reply = http::response;

  http::routes make_routes();

  http::handler_task place(const request& r, http::attempt attempt, const dial_names& names) {
    auto dial = parse_dial(r.body, names);
    if (!dial) co_return http::to_response(dial.error());
    const auto forced = forced_row(r);
    if (!forced) co_return http::to_response(forced.error());
    const errors::row* row = *forced != nullptr ? *forced : magic_row(dial->to_number);
    if (row != nullptr && row->delivery == errors::delivery::sync) {
      co_return http::to_response(magic_error(*row, dial->names.destination));
    }
    const auto marked = co_await attempt.async_mark("placing a call");
    if (!marked) co_return http::to_response(envelope::error(errors::code::internal_error, r.tier));
    const std::string id =
        calls_.place(std::string(r.scope), std::move(dial->from_number), std::move(dial->to_number),
                     row, [this] { return clock_->now(); });
    co_return http::json_response(202, format_placed(id));
  }

  http::deferred_handler placing(const dial_names& names) {
    return guard_.wrap([this, &names](const request& r,
                                      http::attempt attempt) { return place(r, attempt, names); },
                       http::abandoned::indeterminate);
  }

  // X-Sandbox-Force on the routes that place no call.
  template <class Handler>
  auto or_forced(Handler handler) {
    return [handler](const request& r) -> reply {
      const auto forced = forced_row(r);
      if (!forced) return http::to_response(forced.error());
      if (*forced != nullptr) return http::to_response(magic_error(**forced, force_header));
      return handler(r);
    };
  }

  reply show(const std::optional<call>& found) {
    if (!found) return http::to_response(envelope::error(errors::code::not_found));
    return http::json_response(200, format_call(*found, clock_->now()));
  }

  reply list(const request& r) {
    const auto page = pager_.read<calls_cursor>(r, list_route);
    if (!page) return http::to_response(page.error());
    auto found =
        calls_.list(r.scope, page->order == cursor::order::ascending,
                    page->after ? std::optional(page->after->id) : std::nullopt, page->limit + 1);
    cursor::page_meta meta{.total_results = found.total, .page_size = page->limit};
    cursor::cursor_text next;
    if (cursor::cut_page(found.calls, page->limit, page->direction())) {
      next = pager_.next(*page, {.id = found.calls.back().number});
      meta.next = next.view();
    }
    return http::json_response(200, format_calls(found.calls, meta, clock_->now()));
  }

  reply patch(const request& r) {
    const auto changes = parse_metadata_patch(r.body);
    if (!changes) return http::to_response(changes.error());
    const auto patched = calls_.patch(r.scope, r.parameter("id"), *changes);
    if (patched) return show(*patched);
    if (patched.error() == call_book::patch_errc::not_found) return show(std::nullopt);
    return http::to_response(envelope::error(errors::code::validation_error)
                                 .with_message("A call has at most 50 metadata keys.")
                                 .with_field("metadata", "Expected at most 50 keys"));
  }

  reply advance_clock(const request& r) {
    const auto by = parse_advance(r.body);
    if (!by) return http::to_response(by.error());
    if (!clock_->advance(*by)) {
      return http::to_response(envelope::error(errors::code::validation_error)
                                   .with_message("The clock goes at most ten years ahead.")
                                   .with_field("seconds", "Too large"));
    }
    return http::json_response(200, format_clock(clock_->now(), clock_->offset()));
  }

  reply reset_all() {
    if (reset()) return {.status = 204};
    return http::to_response(envelope::error(errors::code::internal_error, errors::tier::http)
                                 .with_message("The records in Redis could not be cleared."));
  }

  const std::unique_ptr<manual_clock> clock_;  // the records look at it
  const cursor::key_ring cursor_keys_;
  const http::pager pager_;
  const idempotency_parts idempotency_;
  const http::guard guard_;
  journal journal_;
  call_book calls_;
  http::service service_;
  // For what waits for Redis; none where nothing does. Ends before the service, as it answers.
  std::optional<boost::asio::thread_pool> blocking_;
  std::string address_;
  beast::server server_;
};

http::routes server::impl::make_routes() {
  http::routes routes;
  const http::route_options json = {.media_type = "application/json"};
  const http::route_options call = {.media_type = "application/json", .tier = errors::tier::call};
  const http::route_options control = {.is_public = true};

  // What happens to a call that is patched or canceled twice is the same as once.
  const auto guarded = [this](auto handler) {
    return guard_.wrap(std::move(handler), http::abandoned::rerun);
  };

  routes.post("/v1/calls/dial", placing(dial_route_names), call);
  routes.post("/v1/calls", placing(calls_route_names), call);
  routes.get("/v1/calls", or_forced([this](const request& r) { return list(r); }));
  routes.get("/v1/calls/{id}", or_forced([this](const request& r) {
               return show(calls_.find(r.scope, r.parameter("id")));
             }));
  routes.patch("/v1/calls/{id}", guarded(or_forced([this](const request& r) { return patch(r); })),
               json);
  routes.delete_("/v1/calls/{id}", guarded(or_forced([this](const request& r) {
                   return show(calls_.cancel(r.scope, r.parameter("id"), clock_->now()));
                 })));

  routes.get(
      "/sandbox/magic", [](const request&) { return http::json_response(200, format_magic()); },
      control);
  routes.get(
      "/sandbox/requests",
      [this](const request&) { return http::json_response(200, format_journal(journal_.read())); },
      control);
  routes.post(
      "/sandbox/clock/advance", [this](const request& r) { return advance_clock(r); }, control);
  routes.post("/sandbox/reset",
              http::offload(
                  [this](std::function<void()> work) {
                    if (blocking_) {
                      boost::asio::post(*blocking_, std::move(work));
                    } else {
                      work();
                    }
                  },
                  [this](const request&) { return reset_all(); }),
              control);
  return routes;
}

server::server(std::unique_ptr<impl> made) noexcept : impl_(std::move(made)) {}
server::server(server&&) noexcept = default;
server& server::operator=(server&&) noexcept = default;
server::~server() = default;

std::string server::url() const { return impl_->url(); }
std::uint16_t server::port() const noexcept { return impl_->port(); }
bool server::advance(std::chrono::seconds by) { return impl_->advance(by); }
bool server::reset() { return impl_->reset(); }
std::uint64_t server::calls_placed() const { return impl_->calls_placed(); }
bool server::drain(std::chrono::milliseconds deadline) { return impl_->drain(deadline); }

result<server, beast::start_failure> start(options options) {
  auto clock = std::make_unique<manual_clock>(std::move(options.clock));
  auto digests = make_digester(options);
  if (!digests) return failure{std::move(digests).error()};
  auto records = make_idempotency(options, *clock);
  if (!records) return failure{std::move(records).error()};
  auto cursor_keys = make_cursor_keys();
  if (!cursor_keys) return failure{std::move(cursor_keys).error()};
  auto made =
      std::make_unique<server::impl>(std::move(options), std::move(clock), *std::move(records),
                                     *std::move(digests), *std::move(cursor_keys));
  if (auto started = made->start(); !started) return failure{std::move(started).error()};
  return server(std::move(made));
}

}  // namespace parley::sandbox
