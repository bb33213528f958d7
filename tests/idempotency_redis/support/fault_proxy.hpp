// SPDX-License-Identifier: Apache-2.0
//
// A network that fails when it is told to: a TCP proxy between a store and its server.
//
//   fault_proxy network(server.port());
//   auto records = make_redis_store({.url = network.url()});
//   network.cut_after(way::to_client, 17);  // in the middle of a reply
//
// Members may be called from any thread, and hold from then on, for connections that are there,
// too.

#ifndef PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_FAULT_PROXY_HPP
#define PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_FAULT_PROXY_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace parley::testing_support {

enum class way : std::uint8_t { to_server = 0, to_client = 1 };
enum class cut : std::uint8_t { finish, reset };

/// What was done to connections, since the start.
struct fault_counts {
  std::size_t refusals = 0;    ///< times that it began to refuse
  std::size_t resets = 0;      ///< connections
  std::size_t cuts = 0;        ///< connections
  std::size_t delays = 0;      ///< pieces that were held back
  std::size_t swallowed = 0;   ///< pieces
  std::size_t blackholes = 0;  ///< times that it began to pass nothing
  std::size_t all() const { return refusals + resets + cuts + delays + swallowed + blackholes; }
};

class fault_proxy {
 public:
  explicit fault_proxy(std::uint16_t server_port);
  fault_proxy(const fault_proxy&) = delete;
  fault_proxy& operator=(const fault_proxy&) = delete;
  ~fault_proxy();

  std::uint16_t port() const;
  std::string url() const;

  /// Connections are refused, as where nobody listens. Those that are there stay.
  void refuse(bool is_on);
  void reset_all();
  void delay(way to, std::chrono::milliseconds by);
  /// Bytes come and are lost. When it ends, so do the connections that have lost some: TCP leaves
  /// no hole.
  void swallow(way to, bool is_on);
  /// Nothing passes, and nothing is lost.
  void blackhole(bool is_on);
  /// Ends the connection that carries the byte after the next `bytes` of this way, of all
  /// connections together, in its stead. Once.
  void cut_after(way to, std::uint64_t bytes, cut how = cut::finish);
  /// Takes everything back; returns when nothing is held any more.
  void calm();

  std::uint64_t forwarded(way to) const;
  fault_counts counts() const;

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace parley::testing_support

#endif  // PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_FAULT_PROXY_HPP
