// SPDX-License-Identifier: Apache-2.0
//
// gperf_input <table> <file>: the names of a table of find_code_bench.cpp as gperf reads them.

#include <fstream>
#include <string_view>

#include "errors/made_rows.hpp"
#include "parley/errors/own_catalogue.hpp"

namespace errors = parley::errors;

namespace {

constexpr auto made_with_built_in = errors::merge(errors::built_in_rows, errors::made_rows<1000>);

bool write(const char* path, std::string_view title, errors::catalogue_view catalogue) {
  std::ofstream out(path);
  out << "%language=C++\n%compare-lengths\n%readonly-tables\n%struct-type\n"
      << "%define class-name gperf_" << title << "\n%define lookup-function-name find\n"
      << "struct " << title << "_word { const char* name; unsigned short value; };\n%%\n";
  for (const errors::row& row : catalogue) {
    if (catalogue.find(row.code, errors::tier::call) != &row) continue;  // once for both tiers
    out << row.name << ", " << static_cast<unsigned>(row.code) << '\n';
  }
  return !out.flush().fail();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 1;
  const std::string_view title = argv[1];
  bool written = false;
  if (title == "built_in") written = write(argv[2], title, errors::catalogue());
  if (title == "own_300") {
    written = write(argv[2], title, errors::catalogue<errors::made_rows<300>>());
  }
  if (title == "merged_1031") {
    written = write(argv[2], title, errors::catalogue<made_with_built_in>());
  }
  return written ? 0 : 1;
}
