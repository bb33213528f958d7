// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a key file: keys that work, or a sentence of ours with nothing of the file in it.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "parley/cursor/codec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace parley::cursor;
  const auto keys = parse_key_file({reinterpret_cast<const char*>(data), size});
  if (keys) {
    using numbers = codec<std::int64_t, std::int64_t>;
    const seconds_time now(std::chrono::seconds(1));
    const auto text = numbers::issue(*keys, {}, {1, 2}, now);
    if (key_id_of(text.view()) != keys->active_id()) std::abort();
    if (!numbers::verify(*keys, {}, text.view(), now, order::descending)) std::abort();
    return 0;
  }
  // Numbers are those of the line, the key and sizes.
  std::string message = keys.error();
  std::erase_if(message, [](char c) { return c >= '0' && c <= '9'; });
  constexpr std::string_view sentences[] = {
      "line : the key id is not a number from  to ",
      "line : the state is not active, verify_only or retired",
      "line : there is something behind the secret",
      "line : the secret is not base",
      "line : the secret has  bytes, not  to ",
      "line : the key id is given twice",
      " keys are active, and one must be",
  };
  if (std::ranges::find(sentences, message) == std::end(sentences)) std::abort();
  return 0;
}
