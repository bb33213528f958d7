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
  return 0;
}
