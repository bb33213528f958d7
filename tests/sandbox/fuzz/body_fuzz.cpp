// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as the body of each route: no crash, and what is accepted is within the bounds.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "parley/e164/syntax.hpp"
#include "sandbox/json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace parley;
  using namespace parley::sandbox;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const dial_names& route : {dial_route_names, calls_route_names}) {
    if (const auto dial = parse_dial(body, route)) {
      if (!e164::is_syntax_ok(dial->from_number) || !e164::is_syntax_ok(dial->to_number)) {
        std::abort();
      }
    } else if (!envelope::parse(envelope::to_json(dial.error())) || dial.error().fields().empty()) {
      std::abort();
    }
  }
  if (const auto changes = parse_metadata_patch(body)) {
    for (const auto& [key, value] : *changes) {
      if (key.empty() || key.size() > metadata_key_bytes_max) std::abort();
      if (value && value->size() > metadata_value_bytes_max) std::abort();
    }
  }
  if (const auto by = parse_advance(body); by && by->count() < 0) std::abort();
  if (const auto rule = parse_fault_rule(body)) {
    if (const auto wrong = check_rule(*rule); wrong.empty()) {
      fault_book book;
      if (!book.add(*rule)) std::abort();
      for (const route_row& each : route_table) book.ask(each);
      const auto read = book.read();
      if (read.size() != 1 || read[0].hits > read[0].seen) std::abort();
      if (read[0].rule.times && read[0].hits > *read[0].rule.times) std::abort();
      if (format_fault_rules(read).empty()) std::abort();
    }
  } else if (!envelope::parse(envelope::to_json(rule.error())) || rule.error().fields().empty()) {
    std::abort();
  }
  return 0;
}
