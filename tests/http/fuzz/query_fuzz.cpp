// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a query: a parameter is found as often as it stands there with the name spelt out or
// escaped, and a value that is encoded again is read as it was.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "parley/http/page.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::string escaped(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string made;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    made += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace parley::http;
  const std::string query(reinterpret_cast<const char*>(data), size);
  for (const std::string_view name : {"limit", "order", "cursor"}) {
    const query_value found = find_in_query(query, name);
    require(found.count > 0 || !found.text);
    if (found.text) {
      const std::string alone = escaped(name) + '=' + escaped(*found.text);
      const query_value again = find_in_query(alone, name);
      require(again.count == 1 && again.text == found.text);
    }
    const query_value more = find_in_query(query + '&' + escaped(name) + "=1", name);
    require(more.count == found.count + 1);
    require(found.count == 0 ? more.text == "1" : more.text == found.text);
  }
  return 0;
}
