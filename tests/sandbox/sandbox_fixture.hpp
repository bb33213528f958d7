// SPDX-License-Identifier: Apache-2.0
//
// A sandbox on a free port, with a clock that stands still until a test moves it.

#ifndef PARLEY_TESTS_SANDBOX_SANDBOX_FIXTURE_HPP
#define PARLEY_TESTS_SANDBOX_SANDBOX_FIXTURE_HPP

#include <atomic>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "parley/sandbox/sandbox.hpp"
#include "support/raw_client.hpp"

namespace parley::sandbox {

class SandboxTest : public testing::Test {
 protected:
  using raw_client = testing_support::raw_client;
  using raw_response = testing_support::raw_response;

  explicit SandboxTest(options chosen = {}) {
    chosen.clock = [this] { return time_point(std::chrono::microseconds(now_us_.load())); };
    auto started = start(std::move(chosen));
    if (!started) throw std::runtime_error(started.error().what);
    api_.emplace(*std::move(started));
  }

  server& api() { return *api_; }
  raw_client connect() { return raw_client(api_->port()); }

  /// Moves the clock to `since_start` after where it stood at first.
  void set_time(std::chrono::microseconds since_start) { now_us_ = start_us + since_start.count(); }

  raw_response send(std::string_view method, std::string_view path, std::string_view headers = "",
                    std::string_view body = "") {
    std::string request =
        std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n";
    if (headers.find("Authorization") == std::string_view::npos) {
      request += "Authorization: Bearer test_valid\r\n";
    }
    if (!body.empty()) {
      request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
      if (headers.find("Content-Type") == std::string_view::npos) {
        request += "Content-Type: application/json\r\n";
      }
    }
    raw_client client = connect();
    auto response = client.roundtrip(request + std::string(headers) + "\r\n" + std::string(body));
    EXPECT_TRUE(response.has_value()) << method << ' ' << path;
    return response.value_or(raw_response{});
  }
  raw_response get(std::string_view path, std::string_view headers = "") {
    return send("GET", path, headers);
  }
  raw_response dial(std::string_view destination, std::string_view headers = "") {
    return send(
        "POST", "/v1/calls/dial", headers,
        R"({"from_number":"+14155551234","to_number":")" + std::string(destination) + "\"}");
  }
  std::string place() { return data_of(dial("+14155556789")).at("call_id").as_string().c_str(); }

  /// A string as a JSON value, to compare with one.
  static boost::json::value json_text(std::string_view text) {
    return boost::json::value(boost::json::string_view(text.data(), text.size()));
  }
  static boost::json::object json_of(const raw_response& response) {
    return boost::json::parse(response.body).as_object();
  }
  static boost::json::object data_of(const raw_response& response) {
    return json_of(response).at("data").as_object();
  }
  static std::string code_of(const raw_response& response) {
    return json_of(response).at("error").at("code").as_string().c_str();
  }

 private:
  static constexpr std::int64_t start_us = 1'800'000'000'000'000;
  std::atomic<std::int64_t> now_us_ = start_us;
  std::optional<server> api_;
};

}  // namespace parley::sandbox

#endif  // PARLEY_TESTS_SANDBOX_SANDBOX_FIXTURE_HPP
