// SPDX-License-Identifier: Apache-2.0
//
// data/sample.tsv: 20,000 numbers and what Google's JavaScript libphonenumber 9.0.40 says of them
// (oracle/oracle.mjs), where the metadata that is shipped has not changed since. A row is
//   number<TAB>status<TAB>calling code<TAB>region<TAB>type<TAB>possible (0 or 1)
// with "-" for what there is not, and types named as that library names them.

#include <algorithm>
#include <cctype>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "e164/files.hpp"
#include "parley/e164/number.hpp"

namespace parley::e164 {
namespace {

std::string row_of(std::string_view text) {
  const classification found = classify(text);
  std::string type(to_string(found.type()));
  std::ranges::transform(type, type.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::string row(text);
  row += '\t';
  row += to_string(found.status());
  row += '\t' + (found.calling_code() == 0 ? "-" : std::to_string(found.calling_code())) + '\t';
  row += found.region().empty() ? "-" : found.region();
  row += '\t' + (found.type() == number_type::none ? "-" : type);
  return row + (found.is_possible() ? "\t1" : "\t0");
}

TEST(Sample, IsWhatLibphonenumberSays) {
  const std::string text = read_file(PARLEY_E164_SAMPLE);
  const auto rows = split(text, '\n');
  ASSERT_EQ(rows.size(), 20'000u);
  std::map<status, int> seen;
  for (const std::string_view row : rows) {
    const std::string_view number = row.substr(0, row.find('\t'));
    ASSERT_EQ(row_of(number), row);
    ++seen[classify(number).status()];
  }
  // A sample of one kind would show little.
  for (const status each : {status::ok, status::unknown_calling_code, status::invalid_length,
                            status::invalid, status::blocked}) {
    EXPECT_GE(seen[each], 10) << each;
  }
  EXPECT_GE(seen[status::ok], 10'000);
}

}  // namespace
}  // namespace parley::e164
