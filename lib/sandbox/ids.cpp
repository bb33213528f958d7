// SPDX-License-Identifier: Apache-2.0
#include "sandbox/ids.hpp"

namespace parley::sandbox {
namespace {

constexpr std::string_view call_prefix = "call_";
constexpr std::string_view digits = "0123456789abcdef";
constexpr std::size_t number_digits = 16;

void append_hex(std::string& to, std::uint64_t number) {
  for (int shift = 60; shift >= 0; shift -= 4) {
    to.push_back(digits[(number >> shift) & 15]);
  }
}

}  // namespace

std::uint64_t splitmix64(std::uint64_t seed, std::uint64_t n) noexcept {
  std::uint64_t x = seed + (n + 1) * 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

std::string format_call_id(std::uint64_t number) {
  std::string id(call_prefix);
  append_hex(id, number);
  return id;
}

std::optional<std::uint64_t> parse_call_id(std::string_view id) noexcept {
  if (!id.starts_with(call_prefix)) return std::nullopt;
  id.remove_prefix(call_prefix.size());
  if (id.size() != number_digits) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : id) {
    const std::size_t value = digits.find(c);
    if (value == digits.npos) return std::nullopt;
    number = number << 4 | value;
  }
  return number;
}

std::string seeded_request_id(std::uint64_t seed, std::uint64_t n) {
  std::string id = "req_";
  append_hex(id, splitmix64(seed, 0));
  append_hex(id, splitmix64(~seed, n));
  return id;
}

std::uint64_t seeded_call_number(std::uint64_t seed, std::uint64_t n, std::uint64_t last) noexcept {
  const std::uint64_t drawn = splitmix64(seed, n);
  // The first below 2^52, so that no number of calls reaches the end.
  return n == 0 ? 1 + (drawn >> 12) : last + 1 + (drawn & 0xffff);
}

}  // namespace parley::sandbox
