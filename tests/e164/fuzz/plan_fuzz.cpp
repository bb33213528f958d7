// SPDX-License-Identifier: Apache-2.0
//
// Whatever stands in a plan, the generator ends with an error or with tables that can be asked.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>

#include "e164/gen/compare.hpp"
#include "e164/gen/compile.hpp"
#include "e164/gen/plan.hpp"
#include "e164/gen/render.hpp"
#include "e164/matcher.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace e164 = parley::e164;

namespace {

// The calling code begins most numbers, so that more than its absence is asked about.
void ask(const e164::gen::compiled& made, const std::string& digits) {
  const std::string text = '+' + digits.substr(0, e164::digits_max);
  const e164::detail::tables tables = made.tables();
  const e164::detail::word said = e164::detail::match(tables, text);
  if (said != e164::detail::match_rest(tables, text)) std::abort();
  const auto found = e164::detail::access::make(said);
  if (!found) return;
  if ((said >> e164::detail::region_at & 0xFF) >= made.regions.size()) std::abort();
  if (!e164::detail::is_calling_code(tables, found.calling_code())) std::abort();
  if (!digits.starts_with(std::to_string(found.calling_code()))) std::abort();
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A larger plan finds nothing that a smaller one does not, and takes longer.
  const std::string_view text(reinterpret_cast<const char*>(data),
                              std::min<std::size_t>(size, 2048));
  const auto plan = e164::gen::read_plan(text);
  if (!plan) {
    if (plan.error().empty()) std::abort();
    return 0;
  }
  const auto made = e164::gen::compile(*plan);
  if (!made) {
    if (made.error().empty()) std::abort();
    return 0;
  }
  if (!e164::gen::compare(*made, *made).empty()) std::abort();
  if (!e164::gen::render(*plan, *made).ends_with("}  // namespace parley::e164::detail\n")) {
    std::abort();
  }
  // The digits of the plan itself hit its patterns better than others do.
  std::string digits;
  std::ranges::copy_if(text, std::back_inserter(digits),
                       [](char c) { return c >= '0' && c <= '9'; });
  for (const e164::gen::code_plan& code : plan->codes) {
    const std::string start = std::to_string(code.code);
    for (std::size_t i = 0; i < std::min<std::size_t>(digits.size(), 64); ++i) {
      ask(*made, start + digits.substr(i, i % 15));
    }
    ask(*made, start);
  }
  return 0;
}
