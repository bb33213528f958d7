// SPDX-License-Identifier: Apache-2.0
#include "parley/sandbox/sandbox.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
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
#include "parley/idempotency/key.hpp"
#include "sandbox/calls.hpp"
#include "sandbox/clock.hpp"
#include "sandbox/door.hpp"
#include "sandbox/faults.hpp"
#include "sandbox/foreign.hpp"
#include "sandbox/ids.hpp"
#include "sandbox/journal.hpp"
#include "sandbox/json.hpp"
#include "sandbox/magic.hpp"
#include "sandbox/openapi.hpp"
#include "sandbox/records.hpp"
#include "sandbox/route_table.hpp"
#include "sandbox/status_page.hpp"
#include "sandbox/webhooks.hpp"

namespace parley::sandbox {
namespace {

constexpr std::size_t token_bytes_max = 255;

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
  return std::move(keys).map_error(
      [](std::string why) { return beast::start_failure{std::move(why)}; });
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

envelope::error refuse_rule(std::vector<envelope::field> wrong) {
  envelope::error made =
      envelope::error(errors::code::validation_error).with_message("This is no fault rule.");
  for (envelope::field& each : wrong) {
    made.with_field(std::move(each.name), std::move(each.explanation));
  }
  return made;
}

http::service_options service_options_of(const options& chosen, http::observer& observer,
                                         seeded_request_ids& ids) {
  http::service_options made{.limits = chosen.limits, .observer = &observer};
  if (chosen.seed) made.request_ids = [&ids] { return ids.next(); };
  return made;
}

// Responses that carry a fault leave as it says; about the others the user's own hook is asked.
beast::server_options server_options_of(beast::server_options chosen) {
  chosen.deliver = [others = std::move(chosen.deliver)](const http::request_view& request,
                                                        const http::response& r) {
    if (!r.header(fault_header)) return others ? others(request, r) : beast::delivery();
    return delivery_of(r);
  };
  return chosen;
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
        guard_(*idempotency_.engine, std::move(digests),
               {.unstored_headers = {std::string(fault_header)}}),
        journal_(*clock_),
        calls_({.at_once_max = options.calls_at_once, .seed = options.seed}),
        webhooks_(*clock_,
                  [this](const delivery_queue::attempt& what, time_point now) {
                    const auto found = calls_.find(what.scope, what.call_id);
                    return found ? std::optional(format_event(what.id, *found, now)) : std::nullopt;
                  }),
        latency_(options.latency),
        door_(*clock_, {.rate_limit = options.rate_limit, .latency = options.latency}),
        ids_(options.seed.value_or(0)),
        is_on_loopback_(is_loopback(options.server.address)),
        service_(make_routes(), authenticate, service_options_of(options, journal_, ids_)),
        address_(options.server.address),
        server_(service_, server_options_of(std::move(options.server))) {
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
  bool advance(std::chrono::seconds by) {
    if (!clock_->advance(by)) return false;
    webhooks_.look();
    return true;
  }
  std::uint64_t calls_placed() const { return calls_.placed(); }
  fault_book& faults() noexcept { return door_.rules(); }
  std::string url() const {
    const bool is_ipv6 = address_.find(':') != std::string::npos;
    return "http://" + (is_ipv6 ? "[" + address_ + "]" : address_) + ":" + std::to_string(port());
  }
  bool reset() {
    // The clock first: a call placed meanwhile is either forgotten or has the new time.
    clock_->reset();
    door_.reset();
    webhooks_.clear();
    calls_.clear();
    const bool is_cleared = idempotency_.clear();
    idempotency_.counter->clear();
    journal_.clear();
    ids_.reset();
    return is_cleared;
  }

 private:
  using request = http::request_view;
  using reply = http::response;

  http::routes make_routes();
  http::deferred_handler handler_of(const route_row& route);

  http::handler_task place(const request& r, http::attempt attempt, const route_row& route,
                           const dial_names& names) {
    auto dial = parse_dial(r.body, names);
    if (!dial) co_return http::to_response(dial.error());
    const auto forced = forced_fault(r);
    if (!forced) co_return http::to_response(forced.error());
    fault_hit asked{*forced ? *forced : magic_fault(dial->to_number), std::nullopt};
    if (auto instead = door_.replacement(asked, r, dial->names.destination, dial->to_number)) {
      co_return *std::move(instead);
    }
    if (!asked.what) asked = door_.rules().ask_outcome(route).value_or(fault_hit{});
    const errors::row* outcome =
        asked.what.is_outcome() ? &asked.what.row(errors::tier::call) : nullptr;
    const auto marked = co_await attempt.async_mark("placing a call");
    if (!marked) co_return http::to_response(envelope::error(errors::code::internal_error, r.tier));
    const auto id =
        calls_.place(std::string(r.scope), std::move(dial->from_number), std::move(dial->to_number),
                     outcome, [this] { return clock_->now(); });
    if (!id) {
      co_return with_retry_after(
          http::to_response(envelope::error(errors::code::rate_limited, errors::tier::call)),
          std::chrono::seconds(1));
    }
    if (webhooks_.is_wanted(r.scope)) {
      webhooks_.add(std::string(r.scope), *id, clock_->now() + ended_after,
                    door_.rules().ask_webhook(latency_));
    }
    reply made = http::json_response(202, format_placed(*id));
    door_.mark_kept(made, asked);
    co_return made;
  }

  http::deferred_handler placing(const route_row& route, const dial_names& names) {
    return guard_.wrap(
        [this, &route, &names](const request& r, http::attempt attempt) {
          return place(r, std::move(attempt), route, names);
        },
        http::abandoned::indeterminate);
  }

  // What happens to a call that is patched or canceled twice is the same as once.
  http::deferred_handler guarded(door::plain_handler handler) {
    return guard_.wrap(door_.or_forced(std::move(handler)), http::abandoned::rerun);
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

  reply cancel(const request& r) {
    const time_point now = clock_->now();
    const auto found = calls_.cancel(r.scope, r.parameter("id"), now);
    if (found) webhooks_.hasten(found->id, now);
    return show(found);
  }

  http::deferred_handler not_for_foreign(http::deferred_handler handler) const {
    return [handler = std::move(handler), on_loopback = is_on_loopback_](const request& r,
                                                                         http::responder respond) {
      const auto why = refuse_foreign(r, on_loopback);
      if (!why) return handler(r, std::move(respond));
      reply made = http::to_response(*why);
      made.handler_ran = false;
      std::move(respond).send(std::move(made));
    };
  }

  reply set_webhook(const request& r) {
    auto wanted = parse_webhook(r.body);
    if (!wanted) return http::to_response(wanted.error());
    const auto made = webhooks_.set(r.scope, std::move(wanted->url), std::move(wanted->secret));
    if (!made) return http::to_response(made.error());
    return http::json_response(200, format_webhook(*made));
  }
  reply show_webhook(const request& r) {
    const auto found = webhooks_.find(r.scope);
    if (!found) return http::to_response(envelope::error(errors::code::not_found));
    return http::json_response(200, format_webhook(*found));
  }

  reply advance_clock(const request& r) {
    const auto by = parse_advance(r.body);
    if (!by) return http::to_response(by.error());
    if (!advance(*by)) {
      return http::to_response(envelope::error(errors::code::validation_error)
                                   .with_message("The clock goes at most ten years ahead.")
                                   .with_field("seconds", "Too large"));
    }
    return http::json_response(200, format_clock(clock_->now(), clock_->offset()));
  }

  reply add_fault(const request& r) {
    auto rule = parse_fault_rule(r.body);
    if (!rule) return http::to_response(rule.error());
    auto added = door_.rules().add(*std::move(rule));
    if (!added) return http::to_response(refuse_rule(std::move(added).error()));
    return http::json_response(201, format_fault_rule(*added));
  }

  reply reset_all() {
    if (reset()) return {.status = 204};
    return http::to_response(envelope::error(errors::code::internal_error, errors::tier::http)
                                 .with_message("The records in Redis could not be cleared."));
  }

  reply show_status() const {
    const auto held = idempotency_.held;
    return {.status = 200,
            .headers = {{"Content-Type", "text/html; charset=utf-8"},
                        {"Content-Security-Policy", std::string(page_policy)},
                        {"X-Content-Type-Options", "nosniff"},
                        {"Referrer-Policy", "no-referrer"},
                        {"Cache-Control", "no-store"}},
            .body = render_status_page({.url = url(),
                                        .now = clock_->now(),
                                        .offset = clock_->offset(),
                                        .newest_calls = calls_.newest(page_rows_max),
                                        .calls_placed = calls_.placed(),
                                        .requests = journal_.read(page_rows_max),
                                        .records = idempotency_.counter->read(),
                                        .held = held ? std::optional(held()) : std::nullopt,
                                        .rules = door_.rules().read(),
                                        .webhooks = webhooks_.status(page_rows_max)})};
  }

  const std::unique_ptr<manual_clock> clock_;  // the records look at it
  const cursor::key_ring cursor_keys_;
  const http::pager pager_;
  const idempotency_parts idempotency_;
  const http::guard guard_;
  journal journal_;
  call_book calls_;
  webhooks webhooks_;  // ends before the calls, as it looks at them
  const std::chrono::milliseconds latency_;
  door door_;
  seeded_request_ids ids_;
  const bool is_on_loopback_;
  http::service service_;
  // For what waits for Redis; none where nothing does. Ends before the service, as it answers.
  std::optional<boost::asio::thread_pool> blocking_;
  std::string address_;
  beast::server server_;
};

http::routes server::impl::make_routes() {
  http::routes routes;
  for (const route_row& each : route_table) {
    http::route_options chosen{.is_public = !each.is_api()};
    if (each.places_calls()) chosen.tier = errors::tier::call;
    if (each.places_calls() || each.id == route_id::patch || each.id == route_id::set_webhook) {
      chosen.media_type = "application/json";
    }
    auto handler = handler_of(each);
    if (each.is_api()) handler = door_.stand_before(each, std::move(handler));
    if (each.is_guarded()) handler = not_for_foreign(std::move(handler));
    routes.add(each.method, each.path, std::move(handler), chosen);
  }
  return routes;
}

http::deferred_handler server::impl::handler_of(const route_row& route) {
  const auto plain = [](auto handler) { return http::make_deferred(std::move(handler)); };
  switch (route.id) {
    case route_id::dial: return placing(route, dial_route_names);
    case route_id::place: return placing(route, calls_route_names);
    case route_id::list:
      return plain(door_.or_forced([this](const request& r) { return list(r); }));
    case route_id::show:
      return plain(door_.or_forced(
          [this](const request& r) { return show(calls_.find(r.scope, r.parameter("id"))); }));
    case route_id::patch: return guarded([this](const request& r) { return patch(r); });
    case route_id::cancel: return guarded([this](const request& r) { return cancel(r); });
    case route_id::set_webhook: return guarded([this](const request& r) { return set_webhook(r); });
    case route_id::webhook:
      return plain(door_.or_forced([this](const request& r) { return show_webhook(r); }));
    case route_id::remove_webhook:
      return guarded([this](const request& r) -> reply {
        if (webhooks_.remove(r.scope)) return {.status = 204};
        return http::to_response(envelope::error(errors::code::not_found));
      });
    case route_id::status_page: return plain([this](const request&) { return show_status(); });
    case route_id::openapi:
      return plain(
          [](const request&) { return http::json_response(200, std::string(openapi_document)); });
    case route_id::magic:
      return plain([](const request&) { return http::json_response(200, format_magic()); });
    case route_id::requests:
      return plain([this](const request&) {
        return http::json_response(200, format_journal(journal_.read()));
      });
    case route_id::advance_clock:
      return plain([this](const request& r) { return advance_clock(r); });
    case route_id::reset:
      return http::offload(
          [this](std::function<void()> work) {
            if (blocking_) {
              boost::asio::post(*blocking_, std::move(work));
            } else {
              work();
            }
          },
          [this](const request&) { return reset_all(); });
    case route_id::add_fault: return plain([this](const request& r) { return add_fault(r); });
    case route_id::faults:
      return plain([this](const request&) {
        return http::json_response(200, format_fault_rules(door_.rules().read()));
      });
    case route_id::clear_faults:
      return plain([this](const request&) -> reply {
        door_.rules().clear();
        return {.status = 204};
      });
  }
  return {};
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
void server::clear_faults() { impl_->faults().clear(); }
bool server::drain(std::chrono::milliseconds deadline) { return impl_->drain(deadline); }

result<std::uint64_t, std::string> server::add_fault(fault_rule rule) {
  const auto added = impl_->faults().add(std::move(rule));
  if (added) return added->number;
  const envelope::field& wrong = added.error().front();
  return failure{wrong.name + ": " + wrong.explanation};
}

result<server, beast::start_failure> start(options options) {
  if (options.rate_limit > rate_limit_max) {
    return failure{beast::start_failure{"the rate limit is at most 1000000 requests a second"}};
  }
  if (options.latency < options.latency.zero() || options.latency > fault_delay_max) {
    return failure{beast::start_failure{"the latency is 0 to 600000 ms"}};
  }
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
