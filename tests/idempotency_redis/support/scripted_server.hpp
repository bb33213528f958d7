// SPDX-License-Identifier: Apache-2.0
//
// A server that says what the test tells it to, Redis or not.
//
//   scripted_server server([](const auto& words) { return "-LOADING come later\r\n"; });
//
// Unless it is told otherwise it answers AUTH, SELECT and INFO as a server that is in order.

#ifndef PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_SCRIPTED_SERVER_HPP
#define PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_SCRIPTED_SERVER_HPP

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace parley::testing_support {

/// What INFO of a server has for a store, that is in order but for what is given.
struct scripted_info {
  std::string version = "7.0.15";
  std::string role = "master";
  std::string maxmemory = "0";
  std::string maxmemory_policy = "noeviction";
  std::string aof_enabled = "1";
  std::string connected_slaves = "0";
};
/// As a reply.
std::string to_reply(const scripted_info& info);
std::string bulk_reply(const std::string& text);

class scripted_server {
 public:
  /// Gives the bytes to answer a command with; called on one thread. No bytes: no answer.
  using answer = std::function<std::string(const std::vector<std::string>& words)>;

  explicit scripted_server(answer to_operations, std::string greeting = {});
  scripted_server(const scripted_server&) = delete;
  scripted_server& operator=(const scripted_server&) = delete;
  ~scripted_server();

  /// Before the first connection.
  void answer_info(std::string reply);

  std::string url() const;
  std::size_t connections() const;
  /// Commands but those of a connection's start.
  std::size_t operations() const;

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace parley::testing_support

#endif  // PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_SCRIPTED_SERVER_HPP
