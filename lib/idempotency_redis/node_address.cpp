// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/node_address.hpp"

#include <algorithm>
#include <charconv>

namespace parley::idempotency_redis {

bool is_host(std::string_view text) noexcept {
  const auto is_allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == '_' || c == ':' || c == '%';
  };
  return !text.empty() && text.size() <= host_bytes_max && std::ranges::all_of(text, is_allowed);
}

std::optional<std::uint16_t> read_port(std::string_view text) noexcept {
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc() || stop != end || port == 0) return std::nullopt;
  return port;
}

}  // namespace parley::idempotency_redis
