// SPDX-License-Identifier: Apache-2.0
//
// Replies as a server sends them, and the tree that comes of one.
//
//   const reply_tree tree = tree_of(array({array({integer(0), integer(100)}), bulk("a"), nil()}));

#ifndef PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_REPLY_TEXT_HPP
#define PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_REPLY_TEXT_HPP

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "idempotency_redis/reply_tree.hpp"
#include "idempotency_redis/resp.hpp"

namespace parley::testing_support {

inline std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}
inline std::string integer(std::int64_t number) { return ":" + std::to_string(number) + "\r\n"; }
inline std::string nil() { return "$-1\r\n"; }
inline std::string array(const std::vector<std::string>& of) {
  std::string made = "*" + std::to_string(of.size()) + "\r\n";
  for (const std::string& each : of) made += each;
  return made;
}
inline std::string bulks(std::initializer_list<std::string_view> of) {
  std::string made = "*" + std::to_string(of.size()) + "\r\n";
  for (const std::string_view each : of) made += bulk(each);
  return made;
}

/// What is not a whole reply gives a tree that is not whole.
inline idempotency_redis::reply_tree tree_of(std::string_view text) {
  struct sink final : idempotency_redis::reply_sink {
    void on_reply(const idempotency_redis::reply& r) noexcept override { tree.add(r); }
    void on_part(const idempotency_redis::reply& r) noexcept override { tree.add(r); }
    idempotency_redis::reply_tree tree;
  } made;
  idempotency_redis::reply_reader reader(made, std::size_t{64} << 20);
  reader.feed(text);
  return made.tree;
}

}  // namespace parley::testing_support

#endif  // PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_REPLY_TEXT_HPP
