// SPDX-License-Identifier: Apache-2.0
//
// Says of each argument (or of a few texts of its own) whether a service would call it: whose
// number it is and of which kind, or what is wrong with it and what may have been meant.

#include <iomanip>
#include <iostream>
#include <string_view>
#include <vector>

#include "parley/e164/number.hpp"
#include "parley/e164/policy.hpp"

namespace e164 = parley::e164;

namespace {

void explain(std::string_view text, const e164::classification& found) {
  std::cout << found.status();
  if (found.status() == e164::status::not_e164 || found.status() == e164::status::too_long) {
    std::cout << " at byte " << found.offset();
  }
  if (const auto meant = e164::without_trunk_zero(text)) std::cout << ", is it " << *meant << '?';
}

void check(std::string_view text) {
  std::cout << std::left << std::setw(18) << text << ' ';
  const auto number = e164::parse(text);
  if (number) {
    std::cout << number->region() << ' ' << number->type() << ": "
              << to_string(e164::dialable.check(*number));
  } else {
    explain(text, number.error());
  }
  std::cout << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string_view> texts(argv + 1, argv + argc);
  if (texts.empty()) {
    texts = {
        "+14155550123",   "+442079460958", "+4402079460958",     "+447400123456", "+390612345678",
        "+18005550123",   "+449098790000", "+881612345678",      "+44999",        "+1415555012",
        "+14151550123",   "+999123456789", "+12345678901234567", "+1415555x123",  "14155550123",
        "+1 415 555 0123"};
  }
  for (const std::string_view text : texts) check(text);
}
