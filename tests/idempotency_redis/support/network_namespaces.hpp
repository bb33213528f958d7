// SPDX-License-Identifier: Apache-2.0
//
// A network that splits when it is told to: hosts that are network namespaces of Linux, each with
// an Ethernet port at a switch, and switches that know nothing of one another.
//
//   const std::string why_not = virtual_network::why_not();
//   if (!why_not.empty()) GTEST_SKIP() << why_not;
//   virtual_network network;
//   const auto a = network.add_host(), b = network.add_host();
//   redis_server server({.address = network.address(a), .network = network.descriptor(a)});
//   network.run_on(b, [&] { ... connect to the server ... });
//   network.split({{a}, {b}});
//
// Nothing of it has a name outside, and the kernel takes it down with the last process in it: no
// test, however it ends, leaves anything behind. Members throw std::runtime_error.

#ifndef PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_NETWORK_NAMESPACES_HPP
#define PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_NETWORK_NAMESPACES_HPP

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace parley::testing_support {

class virtual_network {
 public:
  using host = std::size_t;

  /// Whether one can be made here; else why not, as a sentence.
  static std::string why_not();

  virtual_network();
  virtual_network(const virtual_network&) = delete;
  virtual_network& operator=(const virtual_network&) = delete;
  ~virtual_network();

  host add_host();
  std::string address(host of) const;
  /// Of its namespace.
  int descriptor(host of) const { return hosts_[of]; }
  /// On a thread that lives there, as do the threads that it starts; what it throws is thrown here.
  void run_on(host where, const std::function<void()>& what) const;

  /// Those of a group reach one another, and nobody else. Who is not named is in the first.
  void split(const std::vector<std::vector<host>>& groups);
  void heal() { split({}); }
  /// Whether bytes that were sent there have not arrived, also of connections that were closed.
  bool has_unsent(host where) const;

 private:
  void make_switch();

  int hub_;  // where the switches are
  std::size_t switches_ = 0;
  std::vector<int> hosts_;
};

}  // namespace parley::testing_support

#endif  // PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_NETWORK_NAMESPACES_HPP
