// SPDX-License-Identifier: Apache-2.0
#include "e164/numbers.hpp"

#include <regex>
#include <unordered_set>

#ifdef PARLEY_BENCH_RE2
#include <re2/re2.h>
#endif

#include "parley/e164/syntax.hpp"

namespace parley::bench {
namespace {

[[gnu::noinline]] bool scalar_loop(std::string_view text) {
  if (text.size() < 2 || text.size() > 16 || text[0] != '+' || text[1] == '0') return false;
  for (const char c : text.substr(1)) {
    if (c < '0' || c > '9') return false;
  }
  return true;
}

bool std_regex(std::string_view text) {
  static const std::regex pattern("\\+[1-9][0-9]{0,14}", std::regex::optimize);
  return std::regex_match(text.begin(), text.end(), pattern);
}

#ifdef PARLEY_BENCH_RE2
bool re2(std::string_view text) {
  static const RE2 pattern("\\+[1-9][0-9]{0,14}");
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), pattern);
}
#endif

}  // namespace

numbers::numbers(maker make) {
  std::mt19937_64 random(1);
  std::unordered_set<std::string> seen;
  std::vector<std::size_t> sizes;
  while (sizes.size() < count) {
    const auto [made, is_new] = seen.insert(make(random));
    if (!is_new) continue;
    sizes.push_back(made->size());
    text_ += *made;
  }
  std::size_t begin = 0;
  for (const std::size_t size : sizes) {
    views_.push_back(std::string_view(text_).substr(begin, size));
    begin += size;
  }
}

std::string make_number(std::mt19937_64& random, std::string_view begin, std::size_t digits) {
  std::string number = "+";
  number += begin;
  while (number.size() <= digits) number += static_cast<char>('0' + random() % 10);
  return number;
}

void time_syntax(const std::string& which, const numbers& (*texts)()) {
  const std::string name = "e164/is_syntax_ok/" + which;
  time_all(name, texts, [](std::string_view text) { return e164::is_syntax_ok(text); });
  time_all(name + "/scalar_loop", texts, scalar_loop);
  time_all(name + "/std_regex", texts, std_regex);
#ifdef PARLEY_BENCH_RE2
  time_all(name + "/re2", texts, re2);
#endif
}

}  // namespace parley::bench
