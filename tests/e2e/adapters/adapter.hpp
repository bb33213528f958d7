// SPDX-License-Identifier: Apache-2.0
//
// What the conformance suite knows of an adapter: how to start a server with it, and what it is
// excepted from.

#ifndef PARLEY_TESTS_E2E_ADAPTERS_ADAPTER_HPP
#define PARLEY_TESTS_E2E_ADAPTERS_ADAPTER_HPP

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "parley/http/service.hpp"

namespace parley::adapters {

class running_server {
 public:
  running_server() = default;
  running_server(const running_server&) = delete;
  running_server& operator=(const running_server&) = delete;
  virtual ~running_server() = default;

  virtual std::uint16_t port() const = 0;
  /// Stops listening, lets requests under way be answered, and returns when all is over.
  virtual void drain() = 0;
};

/// Something that a framework does not let its adapter do. The suite has for each name what must
/// hold instead.
struct exception {
  std::string_view name;
  std::string_view reason;
};

struct adapter {
  std::string_view name;
  /// On 127.0.0.1, any port. The service outlives it.
  std::unique_ptr<running_server> (*start)(const http::service& api);
  std::vector<exception> exceptions = {};
};

adapter beast_adapter();
adapter httplib_adapter();

}  // namespace parley::adapters

#endif  // PARLEY_TESTS_E2E_ADAPTERS_ADAPTER_HPP
