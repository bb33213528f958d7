// SPDX-License-Identifier: Apache-2.0
//
// check_syntax() and is_syntax_ok() against the rule one byte at a time.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "e164/reference.hpp"
#include "parley/e164/syntax.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace e164 = parley::e164;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const e164::syntax checked = e164::check_syntax(text);
  if (checked != e164::check_by_the_book(text)) std::abort();
  if (e164::is_syntax_ok(text) != static_cast<bool>(checked)) std::abort();
  return 0;
}
