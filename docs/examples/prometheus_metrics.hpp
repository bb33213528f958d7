// SPDX-License-Identifier: Apache-2.0
//
// Counts what the observers of all rooms are told, and writes it in the text format of Prometheus
// (version 0.0.4). To take: it needs nothing but the library.
//
//   prometheus_metrics metrics;
//   http::service service(std::move(routes), authenticate, {.observer = &metrics.of_http});
//   make_engine(**records, **timer, {.observer = &metrics.of_idempotency});
//   metrics.text();   // the body of GET /metrics
//
// No label holds what a client sent: routes are their templates, and all else are names of enums.
// So the number of series is bounded. Members may be called from any thread.

#ifndef PARLEY_DOCS_EXAMPLES_PROMETHEUS_METRICS_HPP
#define PARLEY_DOCS_EXAMPLES_PROMETHEUS_METRICS_HPP

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "parley/client/sending.hpp"
#include "parley/cursor/codec.hpp"
#include "parley/errors/catalogue.hpp"
#include "parley/http/guard.hpp"
#include "parley/http/service.hpp"
#include "parley/idempotency/engine.hpp"
#include "parley/idempotency_redis/store.hpp"

namespace prometheus_example {

using count = std::atomic<std::uint64_t>;

inline void add_one(count& to) noexcept { to.fetch_add(1, std::memory_order_relaxed); }

// A count for each enumerator. They are shown from the start, so that a first event is a step.
template <class Enum>
class counts_of {
 public:
  void add(Enum e) noexcept { add_one(counts_.at(static_cast<std::size_t>(e) % counts_.size())); }

  // The room calls a value behind its last one "unknown".
  template <class Line>
  void each(Line line) const {
    for (std::size_t i = 1; i < counts_.size(); ++i) {
      const std::string_view name = to_string(static_cast<Enum>(i));
      if (name == "unknown") return;
      line(name, counts_[i].load(std::memory_order_relaxed));
    }
  }

 private:
  std::array<count, 32> counts_{};
};

class prometheus_metrics {
 public:
  struct http_counts final : parley::http::observer {
    void responded(const parley::http::response_event& e) noexcept override {
      const bool is_unprotected = e.response->header(parley::http::unprotected_header).has_value();
      if (is_unprotected) add_one(unprotected);
      // There are as many as routes, statuses and codes, and no more.
      try {
        const std::lock_guard lock(mutex);
        ++responses[{std::string(e.route), e.response->status, e.response->error_code}];
      } catch (...) {
        add_one(dropped);  // no memory: the response goes out all the same
      }
    }

    struct key {
      std::string route;
      std::uint16_t status;
      parley::errors::code code;
      auto operator<=>(const key&) const = default;
    };
    std::mutex mutex;
    std::map<key, std::uint64_t> responses;
    count unprotected{0};
    count dropped{0};
  };

  struct idempotency_counts final : parley::idempotency::observer {
    void on_event(const parley::idempotency::event& e) noexcept override {
      events.add(e.kind);
      waited_ms.fetch_add(static_cast<std::uint64_t>(e.waited.count()), std::memory_order_relaxed);
    }

    counts_of<parley::idempotency::event_kind> events;
    count waited_ms{0};
  };

  struct redis_counts final : parley::idempotency_redis::observer {
    void connected(std::string_view) noexcept override { add_one(connections); }
    void disconnected(std::string_view, parley::idempotency_redis::disconnect_reason why,
                      std::string_view) noexcept override {
      disconnections.add(why);
    }
    void found(std::string_view, parley::idempotency_redis::finding what,
               parley::idempotency_redis::on_finding) noexcept override {
      findings.add(what);
    }
    void lookup_failed(std::string_view, std::string_view) noexcept override {
      add_one(lookups_failed);
    }
    void outcome_unknown() noexcept override { add_one(unknown); }
    void refused(std::string_view) noexcept override { add_one(refusals); }

    count connections{0};
    counts_of<parley::idempotency_redis::disconnect_reason> disconnections;
    counts_of<parley::idempotency_redis::finding> findings;
    count lookups_failed{0};
    count unknown{0};
    count refusals{0};
  };

  struct cursor_counts final : parley::cursor::observer {
    void on_cursor(const parley::cursor::cursor_event& e) noexcept override {
      if (e.refused) {
        refused.add(*e.refused);
      } else if (e.key_id) {
        add_one((e.is_issued ? issued : taken).at(*e.key_id));
      }
    }

    // By key. The key of what is refused is whatever its sender wrote, so it is no label.
    std::array<count, 256> issued{};
    std::array<count, 256> taken{};
    counts_of<parley::cursor::errc> refused;
  };

  struct client_counts final : parley::client::observer {
    void attempted(const parley::client::attempt_event& e) noexcept override {
      if (e.outcome) {
        add_one(responses.at(e.outcome->status / 100U % responses.size()));
      } else {
        failures.add(e.outcome.error().why);
      }
      if (e.pause) add_one(retries);
      budget.store(e.budget_left, std::memory_order_relaxed);
    }

    std::array<count, 10> responses{};  // by the first digit of the status
    counts_of<parley::client::transport_errc> failures;
    count retries{0};
    count budget{parley::client::retry_budget::default_capacity};
  };

  http_counts of_http;
  idempotency_counts of_idempotency;
  redis_counts of_redis;
  cursor_counts of_cursor;
  client_counts of_client;

  // `redis`: the store's, where there is one.
  std::string text(const parley::idempotency_redis::redis_store* redis = nullptr) {
    std::string out;
    family(out, "parley_http_responses_total", "counter", "Responses, by route, status and code.");
    {
      const std::lock_guard lock(of_http.mutex);
      for (const auto& [of, n] : of_http.responses) {
        const std::string_view code = of.code == parley::errors::code::unknown
                                          ? std::string_view()
                                          : parley::errors::to_string(of.code);
        line(out, "parley_http_responses_total",
             {{"route", of.route}, {"status", std::to_string(of.status)}, {"code", code}}, n);
      }
    }
    one(out, "parley_http_unprotected_total", "counter",
        "Requests that ran without protection, the store being away.", of_http.unprotected);
    one(out, "parley_http_uncounted_total", "counter",
        "Responses that are not counted above for want of memory.", of_http.dropped);

    each(out, "parley_idempotency_events_total", "What became of requests and attempts.", "event",
         of_idempotency.events);
    one(out, "parley_idempotency_waited_milliseconds_total", "counter",
        "Time that requests waited for the same request.", of_idempotency.waited_ms);

    keys(out, "parley_cursor_issued_total", "Cursors issued, by key.", of_cursor.issued);
    keys(out, "parley_cursor_taken_total", "Cursors taken, by key.", of_cursor.taken);
    each(out, "parley_cursor_refused_total", "Cursors refused, by reason.", "reason",
         of_cursor.refused);

    family(out, "parley_client_responses_total", "counter", "Responses, by class of the status.");
    for (std::size_t i = 2; i < 6; ++i) {
      line(out, "parley_client_responses_total", {{"status", std::to_string(i) + "xx"}},
           of_client.responses[i]);
    }
    each(out, "parley_client_failures_total", "Attempts without a response, by reason.", "reason",
         of_client.failures);
    one(out, "parley_client_retries_total", "counter", "Attempts that another one followed.",
        of_client.retries);
    one(out, "parley_client_budget_tokens", "gauge", "What the last attempt left for retries.",
        of_client.budget);

    one(out, "parley_redis_connections_total", "counter", "Connections made.",
        of_redis.connections);
    each(out, "parley_redis_disconnections_total", "Connections that ended or were not made.",
         "reason", of_redis.disconnections);
    each(out, "parley_redis_findings_total", "Settings of a server that are not as they should be.",
         "finding", of_redis.findings);
    one(out, "parley_redis_lookups_failed_total", "counter",
        "Sentinels and nodes that could not name the masters.", of_redis.lookups_failed);
    one(out, "parley_redis_unknown_outcomes_total", "counter",
        "Operations of which nobody knows whether they were carried out.", of_redis.unknown);
    one(out, "parley_redis_refusals_total", "counter", "Errors that the store does not expect.",
        of_redis.refusals);
    if (redis != nullptr) {
      one(out, "parley_redis_ready", "gauge", "1: the store can be used.", redis->ready() ? 1 : 0);
      one(out, "parley_redis_pending", "gauge", "Operations that have not ended.",
          redis->stats().pending);
    }
    return out;
  }

 private:
  using label = std::pair<std::string_view, std::string_view>;

  static void family(std::string& out, std::string_view name, std::string_view type,
                     std::string_view help) {
    out.append("# HELP ").append(name).append(" ").append(help);
    out.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
  }

  static void line(std::string& out, std::string_view name, std::initializer_list<label> labels,
                   std::uint64_t value) {
    out.append(name);
    char before = '{';
    for (const auto& [key, text] : labels) {
      (out += before).append(key).append("=\"");
      for (const char c : text) {
        if (c == '\\' || c == '"') out += '\\';
        out += c;
      }
      out += '"';
      before = ',';
    }
    if (labels.size() != 0) out += '}';
    out.append(" ").append(std::to_string(value)).append("\n");
  }

  static void one(std::string& out, std::string_view name, std::string_view type,
                  std::string_view help, std::uint64_t value) {
    family(out, name, type, help);
    line(out, name, {}, value);
  }

  template <class Enum>
  static void each(std::string& out, std::string_view name, std::string_view help,
                   std::string_view label_name, const counts_of<Enum>& of) {
    family(out, name, "counter", help);
    of.each([&](std::string_view value, std::uint64_t n) {
      line(out, name, {{label_name, value}}, n);
    });
  }

  static void keys(std::string& out, std::string_view name, std::string_view help,
                   const std::array<count, 256>& of) {
    family(out, name, "counter", help);
    for (std::size_t id = 0; id < of.size(); ++id) {
      if (of[id] != 0) line(out, name, {{"key", std::to_string(id)}}, of[id]);
    }
  }
};

}  // namespace prometheus_example

#endif  // PARLEY_DOCS_EXAMPLES_PROMETHEUS_METRICS_HPP
