// SPDX-License-Identifier: Apache-2.0
//
// The webhooks of the sandbox: who wants them, and their way there. When what is sent is decided in
// deliveries.hpp; here are the endpoints, the timer and the sockets.

#ifndef PARLEY_LIB_SANDBOX_WEBHOOKS_HPP
#define PARLEY_LIB_SANDBOX_WEBHOOKS_HPP

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parley/core/result.hpp"
#include "parley/envelope/error.hpp"
#include "sandbox/clock.hpp"
#include "sandbox/deliveries.hpp"

namespace parley::sandbox {

/// Of all API keys together.
inline constexpr std::size_t webhooks_max = 1'000;
inline constexpr std::size_t webhook_url_bytes_max = 2'048;
/// For the receiver's answer.
inline constexpr std::chrono::seconds webhook_timeout{10};

struct webhook_endpoint {
  std::string url;
  std::string secret;  ///< "whsec_..", as text: the sandbox shows it
};

/// An endpoint without its secret.
struct webhook_summary {
  std::string scope;
  std::string url;
  std::string last_attempt;  ///< its status, or why there is none; empty: there was no attempt
};

struct webhook_status {
  std::size_t endpoints = 0;
  delivery_counts deliveries = {};
  std::vector<webhook_summary> listed = {};  ///< in the order of the scopes
};

/// Thread-safe. Sends on a thread of its own, from the first endpoint on.
class webhooks {
 public:
  /// The body of an event about a call that has ended by `now`, which may be past: a reset sets the
  /// clock back. std::nullopt: the call is forgotten, and the event too. Called on the sending
  /// thread.
  using make_body = std::function<std::optional<std::string>(const delivery_queue::attempt& what,
                                                             time_point now)>;

  /// `clock` outlives it.
  webhooks(const manual_clock& clock, make_body body);
  webhooks(const webhooks&) = delete;
  webhooks& operator=(const webhooks&) = delete;
  ~webhooks();

  /// Events of calls that the scope places from now on go there, signed with `secret` or, where
  /// that is empty, with the one it has, or a new one. What is still to be sent goes there, too; an
  /// attempt that is on its way ends where it was sent.
  result<webhook_endpoint, envelope::error> set(std::string_view scope, std::string url,
                                                std::string secret);
  std::optional<webhook_endpoint> find(std::string_view scope) const;
  /// What is still to be sent is not. False: there was none.
  bool remove(std::string_view scope);

  bool is_wanted(std::string_view scope) const { return find(scope).has_value(); }
  /// Of a call that was placed, and will have ended at that time.
  void add(std::string scope, std::string call_id, time_point ended_at,
           const delivery_fault& fault);
  /// The call has ended sooner.
  void hasten(std::string_view call_id, time_point ended_at);
  /// The clock was moved.
  void look();

  webhook_status status(std::size_t listed_max) const;
  /// Forgets all.
  void clear();

 private:
  class impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace parley::sandbox

#endif  // PARLEY_LIB_SANDBOX_WEBHOOKS_HPP
