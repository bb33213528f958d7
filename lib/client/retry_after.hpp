// SPDX-License-Identifier: Apache-2.0
//
// Retry-After (RFC 9110, 10.2.3) and the dates of HTTP (5.6.7).

#ifndef PARLEY_LIB_CLIENT_RETRY_AFTER_HPP
#define PARLEY_LIB_CLIENT_RETRY_AFTER_HPP

#include <chrono>
#include <optional>
#include <string_view>

namespace parley::client {

/// A date in any of the three forms; `now` decides the century of a year of two digits. Weekdays
/// are not compared with the date.
std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text,
                                                        std::chrono::sys_seconds now) noexcept;

/// How long from `now` on, from nothing to `most`; std::nullopt: neither seconds nor a date.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view text,
                                                           std::chrono::sys_seconds now,
                                                           std::chrono::milliseconds most) noexcept;

}  // namespace parley::client

#endif  // PARLEY_LIB_CLIENT_RETRY_AFTER_HPP
