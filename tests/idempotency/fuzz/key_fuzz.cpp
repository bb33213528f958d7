// SPDX-License-Identifier: Apache-2.0
//
// Any lines as the Idempotency-Key headers of a request: a key lies in its header, is within the
// limit and has no byte that is refused, and quoted it is the same key.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "parley/idempotency/key.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace parley::idempotency;
  std::vector<std::string_view> values;
  for (std::string_view rest(reinterpret_cast<const char*>(data), size); !rest.empty();) {
    values.push_back(rest.substr(0, rest.find('\n')));
    rest.remove_prefix(std::min(rest.size(), values.back().size() + 1));
  }
  const auto read = parse_key(values);
  if (!read) {
    require(to_string(read.error()) != "unknown");
    require((read.error() == key_errc::repeated) == (values.size() > 1));
    return 0;
  }
  require(read->has_value() == !values.empty());
  if (!*read) return 0;

  const std::string_view key = **read;
  const std::string_view value = values.front();
  require(key.data() >= value.data() && key.data() + key.size() <= value.data() + value.size());
  require(!key.empty() && key.size() <= key_bytes_max);
  require(key.find_first_of(",\"") == std::string_view::npos);
  require(std::ranges::none_of(
      key, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
  if (key.find('\\') != std::string_view::npos) return 0;
  const std::string quoted = '"' + std::string(key) + '"';
  const std::string_view again[] = {quoted};
  const auto same = parse_key(again);
  require(same && *same && **same == key);
  return 0;
}
