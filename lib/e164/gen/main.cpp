// SPDX-License-Identifier: Apache-2.0
//
// e164_tables: from plan.txt to the tables.

#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

#include "e164/gen/compare.hpp"
#include "e164/gen/render.hpp"

namespace gen = parley::e164::gen;

namespace {

constexpr std::string_view usage =
    "Usage: e164_tables write PLAN          print shipped_tables.cpp made from plan.txt\n"
    "       e164_tables changes OLD NEW     print the numbers that differ between two plans\n";

std::optional<gen::plan> read(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) {
    std::cerr << "e164_tables: cannot read " << file << '\n';
    return {};
  }
  auto plan = gen::read_plan(text.str());
  if (!plan) {
    std::cerr << "e164_tables: " << file << ": " << plan.error() << '\n';
    return {};
  }
  return std::move(*plan);
}

std::optional<gen::compiled> make_tables(const gen::plan& plan) {
  auto made = gen::compile(plan);
  if (!made) {
    std::cerr << "e164_tables: " << made.error() << '\n';
    return {};
  }
  return std::move(*made);
}

int write(const std::string& file) {
  const auto plan = read(file);
  if (!plan) return 1;
  const auto made = make_tables(*plan);
  if (!made) return 1;
  std::cout << gen::render(*plan, *made);
  const std::size_t rows = (made->root.size() - parley::e164::detail::root_size) / 10;
  std::cerr << "e164_tables: " << plan->version << ": " << rows << " rows, " << made->leaves.size()
            << " leaves, " << made->bytes() << " bytes\n";
  return 0;
}

int changes(const std::string& old_file, const std::string& new_file) {
  const auto old_plan = read(old_file);
  const auto new_plan = read(new_file);
  if (!old_plan || !new_plan) return 1;
  const auto old_made = make_tables(*old_plan);
  const auto new_made = make_tables(*new_plan);
  if (!old_made || !new_made) return 1;
  std::cout << "# from " << old_plan->version << " to " << new_plan->version << '\n';
  for (const gen::change& found : gen::compare(*old_made, *new_made))
    std::cout << found.text() << '\n';
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "write" && argc == 3) return write(argv[2]);
  if (what == "changes" && argc == 4) return changes(argv[2], argv[3]);
  std::cerr << usage;
  return 2;
}
