// SPDX-License-Identifier: Apache-2.0
//
// Says of each argument (or of a few texts of its own) whether it is E.164, and if not, where not.

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "parley/e164/syntax.hpp"

namespace e164 = parley::e164;

int main(int argc, char** argv) {
  std::vector<std::string_view> texts(argv + 1, argv + argc);
  if (texts.empty()) {
    texts = {"+14155550123", "+1415555x123",     "14155550123",      "+1 415 555 0123",
             "+0155550123",  "+123456789012345", "+1234567890123456"};
  }
  for (const std::string_view text : texts) {
    const e164::syntax checked = e164::check_syntax(text);
    const std::string status(to_string(checked.status));
    std::printf("%-18.*s %s", static_cast<int>(text.size()), text.data(), status.c_str());
    if (!checked) std::printf(" at byte %zu", checked.offset);
    std::printf("\n");
  }
}
