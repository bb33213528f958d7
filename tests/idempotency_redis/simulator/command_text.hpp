// SPDX-License-Identifier: Apache-2.0
//
// Commands as a client writes them, taken apart again.

#ifndef PARLEY_TESTS_IDEMPOTENCY_REDIS_SIMULATOR_COMMAND_TEXT_HPP
#define PARLEY_TESTS_IDEMPOTENCY_REDIS_SIMULATOR_COMMAND_TEXT_HPP

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <vector>

namespace parley::testing_support::simulator {

inline std::int64_t number_of(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// The command that begins at `at`, in words; `at` is then behind it. False: it is not whole.
inline bool take_command(std::string_view text, std::size_t& at,
                         std::vector<std::string_view>& words) {
  std::size_t next = at;
  const auto number = [&](char mark) -> std::optional<std::size_t> {
    const std::size_t end = text.find('\n', next);
    if (end == std::string_view::npos) return std::nullopt;
    if (text[next] != mark) std::abort();  // we send nothing else
    const auto found = static_cast<std::size_t>(number_of(text.substr(next + 1, end - next - 2)));
    next = end + 1;
    return found;
  };
  const auto count = number('*');
  if (!count) return false;
  words.clear();
  for (std::size_t i = 0; i < *count; ++i) {
    const auto size = number('$');
    if (!size || text.size() < next + *size + 2) return false;
    words.push_back(text.substr(next, *size));
    next += *size + 2;
  }
  at = next;
  return true;
}

/// Of a command of an operation: SET, GET, EVAL or EVALSHA. Empty: it is another.
inline std::string_view key_of(const std::vector<std::string_view>& words) {
  if (words[0] == "SET" || words[0] == "GET") return words[1];
  return words[0].starts_with("EVAL") ? words[3] : std::string_view();
}

}  // namespace parley::testing_support::simulator

#endif  // PARLEY_TESTS_IDEMPOTENCY_REDIS_SIMULATOR_COMMAND_TEXT_HPP
