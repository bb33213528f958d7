// SPDX-License-Identifier: Apache-2.0
//
// What the server says of itself and of what went wrong, read.

#ifndef PARLEY_LIB_IDEMPOTENCY_REDIS_SERVER_HPP
#define PARLEY_LIB_IDEMPOTENCY_REDIS_SERVER_HPP

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "parley/idempotency/store.hpp"
#include "parley/idempotency_redis/store.hpp"

namespace parley::idempotency_redis {

/// What INFO tells; none where it does not.
struct server_info {
  std::optional<unsigned> major_version;
  std::optional<bool> evicts;  ///< maxmemory is set, and the policy is not noeviction
  std::optional<bool> is_append_only;
  std::optional<bool> is_replica;
  std::optional<unsigned> replicas;
};

server_info parse_info(std::string_view text) noexcept;

struct judged_finding {
  finding what;
  on_finding action;
};
/// Those that are not ignored.
std::vector<judged_finding> judge(const server_info& info, const redis_store_options& options);

/// What to do about an error reply.
enum class error_action : std::uint8_t {
  fail = 1,   ///< the operation ends with `failure`
  use_eval,   ///< NOSCRIPT: send the script itself
  reconnect,  ///< this server will not do: READONLY
  read_only,  ///< writing is refused; a record that is there can still be read
};
struct judged_error {
  error_action action;
  idempotency::store_failure failure;
  bool is_expected = true;  ///< false: somebody should look at it
};
/// `text`: the error reply, its code first.
judged_error judge_error(std::string_view text) noexcept;

/// The first word.
std::string_view error_word(std::string_view text) noexcept;

}  // namespace parley::idempotency_redis

#endif  // PARLEY_LIB_IDEMPOTENCY_REDIS_SERVER_HPP
