// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a UUID: what is read is written as it came, but for the case of its letters.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "parley/cursor/position.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace parley::cursor;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto read = parse_uuid(text);
  if (!read) return 0;
  const auto written = to_text(*read);
  const auto is_same = [](char ours, char theirs) {
    return ours == theirs || (ours >= 'a' && ours <= 'f' && ours - 'a' + 'A' == theirs);
  };
  if (!std::ranges::equal(written, text, is_same)) std::abort();
  if (parse_uuid({written.data(), written.size()}) != *read) std::abort();
  return 0;
}
