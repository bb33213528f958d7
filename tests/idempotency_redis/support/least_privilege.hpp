// SPDX-License-Identifier: Apache-2.0
//
// The least that a store needs to be allowed.

#ifndef PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_LEAST_PRIVILEGE_HPP
#define PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_LEAST_PRIVILEGE_HPP

#include <string>

namespace parley::testing_support {

/// A line of redis.conf. Commands that scripts call need the same right as those that come from
/// clients. SELECT only where the URL has a database, WAIT only for wait_replicas; without INFO a
/// store works and tells unknown_setting.
inline std::string least_privilege(const std::string& user, const std::string& password) {
  return "user " + user + " on >" + password +
         " resetkeys ~parley:* resetchannels -@all"
         " +set +get +evalsha +eval +exists +getrange +setrange +pttl +pexpire +info +select +wait";
}

/// The same, of every server of a cluster.
inline std::string least_privilege_in_cluster(const std::string& user,
                                              const std::string& password) {
  return least_privilege(user, password) + " +cluster|slots +asking";
}

/// The same, of every sentinel.
inline std::string least_privilege_at_sentinel(const std::string& user,
                                               const std::string& password) {
  return "user " + user + " on >" + password +
         " resetchannels &+switch-master -@all +subscribe +ping"
         " +sentinel|get-master-addr-by-name +sentinel|master";
}

}  // namespace parley::testing_support

#endif  // PARLEY_TESTS_IDEMPOTENCY_REDIS_SUPPORT_LEAST_PRIVILEGE_HPP
