// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as the id of a call: what is read is written the same, and a call is found, canceled
// and patched by its own id alone, and by its own API key.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sandbox/calls.hpp"
#include "sandbox/ids.hpp"

namespace {

using namespace parley::sandbox;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto number = parse_call_id(text);
  require(!number || format_call_id(*number) == text);

  call_book book({.seed = 42});
  const auto id =
      book.place("key", "+14155551234", "+14155556789", nullptr, [] { return time_point(); });
  require(id && *id == "call_000bdd732262feb7");  // which is in the corpus
  require(book.find("key", *id).has_value() && !book.find("other", *id));
  const bool is_it = text == *id;
  require(book.find("key", text).has_value() == is_it);
  require(!book.find("other", text));
  require(book.patch("key", text, {}).has_value() == is_it);
  require(!book.cancel("other", text, time_point()));
  require(book.cancel("key", text, time_point()).has_value() == is_it);
  return 0;
}
