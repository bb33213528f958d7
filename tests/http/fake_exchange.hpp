// SPDX-License-Identifier: Apache-2.0
//
// What an adapter does, without a socket: keeps the request and notes the answers.

#ifndef PARLEY_TESTS_HTTP_FAKE_EXCHANGE_HPP
#define PARLEY_TESTS_HTTP_FAKE_EXCHANGE_HPP

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/http/exchange.hpp"
#include "parley/http/message.hpp"

namespace parley::http {

class fake_exchange final : public exchange {
 public:
  /// `target`: a path, and with a question mark a query.
  fake_exchange(method m, std::string target, std::vector<header> own = {}, std::string body = {})
      : target_(std::move(target)), own_(std::move(own)), body_(std::move(body)) {
    for (const header& each : own_) views_.push_back({each.name, each.value});
    const std::string_view whole = target_;
    const std::size_t end = whole.find('?');
    request().method = m;
    request().method_name = to_string(m);
    request().path = whole.substr(0, end);
    if (end != std::string_view::npos) request().query = whole.substr(end + 1);
    request().headers = views_;
    request().body = body_;
  }

  std::vector<response> answers;
  std::function<void()> on_answer;  // after it was noted

 private:
  void send(response&& r) noexcept override {
    answers.push_back(std::move(r));
    if (on_answer) on_answer();
  }

  std::string target_;
  std::vector<header> own_;
  std::string body_;
  std::vector<header_view> views_;
};

}  // namespace parley::http

#endif  // PARLEY_TESTS_HTTP_FAKE_EXCHANGE_HPP
