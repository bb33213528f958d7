// SPDX-License-Identifier: Apache-2.0
//
// A transport of the client on libcurl, for client_over_curl.cpp and for you to take. Connections
// are kept and used again; one exchange is bounded in time, in its headers and in its body.

#ifndef PARLEY_DOCS_EXAMPLES_CURL_TRANSPORT_HPP
#define PARLEY_DOCS_EXAMPLES_CURL_TRANSPORT_HPP

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/client/message.hpp"

namespace curl_example {

namespace client = parley::client;
using client::transport_errc;
using std::chrono::milliseconds;

struct curl_options {
  milliseconds connect_timeout{5'000};
  std::size_t headers_max = 64 * 1024;
  std::size_t body_max = 8 * 1024 * 1024;
};

// May be used from any thread. Before the second thread begins, call curl_global_init().
class curl_transport final : public client::transport {
 public:
  // `base`: "https://api.example.com", without a slash at the end.
  explicit curl_transport(std::string base, curl_options options = {})
      : base_(std::move(base)), options_(options) {}

  parley::result<client::response, client::transport_failure> exchange(
      const client::request& what, milliseconds timeout, std::stop_token stop) override {
    if (!is_writable(what)) return refuse(transport_errc::bad_request, "a line break in a header");
    handle used = take();
    auto got = run(used.get(), what, timeout, stop);
    // Without its options, which refer to what is gone; with its connections.
    curl_easy_reset(used.get());
    give_back(std::move(used));
    return got;
  }

 private:
  template <auto Free>
  struct freed {
    template <class Object>
    void operator()(Object* o) const noexcept {
      Free(o);
    }
  };
  using handle = std::unique_ptr<CURL, freed<curl_easy_cleanup>>;
  using list = std::unique_ptr<curl_slist, freed<curl_slist_free_all>>;

  struct exchange_state {
    const curl_options& options;
    std::stop_token stop;
    client::response got = {};
    std::size_t header_bytes = 0;
    bool is_in_head = false;
    bool is_too_large = false;
  };

  static parley::failure<client::transport_failure> refuse(transport_errc why, std::string text) {
    return parley::failure{
        client::transport_failure{.why = why, .may_have_arrived = false, .what = std::move(text)}};
  }

  // libcurl writes headers as they are.
  static bool is_writable(const client::request& r) {
    return std::ranges::all_of(r.headers, [](const client::header& each) {
      return (each.name + each.value).find_first_of(std::string_view("\r\n\0", 3)) ==
             std::string::npos;
    });
  }

  static list headers_of(const client::request& r) {
    list made;
    const auto add = [&made](const std::string& line) {
      curl_slist* const longer = curl_slist_append(made.get(), line.c_str());
      if (longer == nullptr) throw std::bad_alloc();
      static_cast<void>(made.release());
      made.reset(longer);
    };
    bool has_type = false;
    for (const client::header& each : r.headers) {
      add(each.value.empty() ? each.name + ';' : each.name + ": " + each.value);
      has_type = has_type || curl_strequal(each.name.c_str(), "Content-Type") != 0;
    }
    if (!has_type) add("Content-Type:");  // else libcurl says that a body is a form
    add("Expect:");                       // no pause before a large body
    return made;
  }

  parley::result<client::response, client::transport_failure> run(CURL* curl,
                                                                  const client::request& what,
                                                                  milliseconds timeout,
                                                                  const std::stop_token& stop) {
    exchange_state state{.options = options_, .stop = stop};
    const std::string url = base_ + what.target;
    const list headers = headers_of(what);
    std::array<char, CURL_ERROR_SIZE> text{};
    const auto at_least_one = [](milliseconds time) {  // to libcurl 0 is without end
      return static_cast<long>(std::max(time, milliseconds(1)).count());
    };
    const auto set = [curl](CURLoption option, auto value) {
      curl_easy_setopt(curl, option, value);
    };
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_ERRORBUFFER, text.data());
    set(CURLOPT_TIMEOUT_MS, at_least_one(timeout));
    set(CURLOPT_CONNECTTIMEOUT_MS, at_least_one(std::min(timeout, options_.connect_timeout)));
    if (!what.body.empty() || what.method == "POST" || what.method == "PUT") {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(what.body.size()));
      set(CURLOPT_POSTFIELDS, what.body.c_str());
    }
    if (what.method == "HEAD") set(CURLOPT_NOBODY, 1L);
    set(CURLOPT_CUSTOMREQUEST, what.method.c_str());
    set(CURLOPT_HTTPHEADER, headers.get());
    set(CURLOPT_HEADERFUNCTION, &on_header);
    set(CURLOPT_HEADERDATA, &state);
    set(CURLOPT_WRITEFUNCTION, &on_body);
    set(CURLOPT_WRITEDATA, &state);
    set(CURLOPT_XFERINFOFUNCTION, &on_progress);
    set(CURLOPT_XFERINFODATA, &state);
    set(CURLOPT_NOPROGRESS, 0L);
    // A kept connection that turns out to be closed makes libcurl send the request once more by
    // itself. Under a key that is harmless, and without one only for the methods that are
    // idempotent.
    if (!is_repeatable(what)) set(CURLOPT_FRESH_CONNECT, 1L);

    const CURLcode code = curl_easy_perform(curl);
    // To libcurl a head that breaks off is a whole one.
    if (code == CURLE_OK && !state.is_in_head) {
      long status = 0;
      curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
      state.got.status = static_cast<std::uint16_t>(status);
      return std::move(state.got);
    }
    // Time passes between the end of the connection's setup and the first byte of the request, so
    // that without the former there was none of the latter.
    curl_off_t begun = 0;
    curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &begun);
    return parley::failure{
        client::transport_failure{.why = reason(code, begun > 0, state),
                                  .may_have_arrived = begun > 0,
                                  .what = code == CURLE_OK  ? "the head of the response breaks off"
                                          : text[0] != '\0' ? text.data()
                                                            : curl_easy_strerror(code)}};
  }

  static bool is_repeatable(const client::request& r) {
    constexpr std::array<std::string_view, 6> idempotent = {"GET",   "HEAD", "OPTIONS",
                                                            "TRACE", "PUT",  "DELETE"};
    return std::ranges::find(idempotent, r.method) != idempotent.end() ||
           std::ranges::any_of(r.headers, [](const client::header& each) {
             return curl_strequal(each.name.c_str(), "Idempotency-Key") != 0;
           });
  }

  static transport_errc reason(CURLcode code, bool has_begun, const exchange_state& state) {
    if (state.is_too_large) return transport_errc::too_large;
    switch (code) {
      case CURLE_OPERATION_TIMEDOUT: return transport_errc::timed_out;
      case CURLE_ABORTED_BY_CALLBACK: return transport_errc::cancelled;
      case CURLE_URL_MALFORMAT: return transport_errc::bad_request;
      case CURLE_OK:
      case CURLE_SEND_ERROR:
      case CURLE_RECV_ERROR:
      case CURLE_GOT_NOTHING:
      case CURLE_PARTIAL_FILE: return transport_errc::connection_lost;
      default: break;
    }
    return has_begun ? transport_errc::bad_response : transport_errc::not_connected;
  }

  // The callbacks end an exchange by a size other than they were given.
  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* to) noexcept {
    exchange_state& state = *static_cast<exchange_state*>(to);
    std::string_view line(data, size);
    state.header_bytes += size;
    if (state.header_bytes > state.options.headers_max) {
      state.is_too_large = true;
      return 0;
    }
    line = line.substr(0, line.find_last_not_of("\r\n") + 1);
    try {
      if (line.starts_with("HTTP/")) {  // an informational head may come before
        state.got.headers.clear();
        state.is_in_head = true;
      } else if (line.empty()) {
        state.is_in_head = false;
      } else if (const auto colon = line.find(':'); state.is_in_head && colon != line.npos) {
        const auto first = std::min(line.find_first_not_of(" \t", colon + 1), line.size());
        const auto last = line.find_last_not_of(" \t");
        state.got.headers.push_back(
            {std::string(line.substr(0, colon)),
             std::string(line.substr(first, first < line.size() ? last + 1 - first : 0))});
      }
    } catch (const std::bad_alloc&) {
      return 0;
    }
    return size;
  }

  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* to) noexcept {
    exchange_state& state = *static_cast<exchange_state*>(to);
    if (size > state.options.body_max - state.got.body.size()) {
      state.is_too_large = true;
      return 0;
    }
    try {
      state.got.body.append(data, size);
    } catch (const std::bad_alloc&) {
      return 0;
    }
    return size;
  }

  // Called at least once a second.
  static int on_progress(void* with, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
    return static_cast<exchange_state*>(with)->stop.stop_requested() ? 1 : 0;
  }

  handle take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) {
      handle made(curl_easy_init());
      if (!made) throw std::bad_alloc();
      return made;
    }
    handle taken = std::move(idle_.back());
    idle_.pop_back();
    return taken;
  }
  void give_back(handle used) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(used));
  }

  const std::string base_;
  const curl_options options_;
  std::mutex mutex_;
  std::vector<handle> idle_;  // as many as were in use at once
};

}  // namespace curl_example

#endif  // PARLEY_DOCS_EXAMPLES_CURL_TRANSPORT_HPP
