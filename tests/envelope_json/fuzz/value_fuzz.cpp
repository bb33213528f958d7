// SPDX-License-Identifier: Apache-2.0
//
// Any value reads as its text does, and an error that was read gives a value that reads back equal.

#include <cstddef>
#include <cstdint>
#include <string>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "envelope/fuzz/require.hpp"
#include "parley/envelope_json/value.hpp"

namespace {

// What Boost.JSON read as infinite it writes as a word that is not JSON.
void drop_doubles(boost::json::value& in) {
  if (in.is_double()) in = nullptr;
  if (auto* const elements = in.if_array()) {
    for (boost::json::value& each : *elements) drop_doubles(each);
  } else if (auto* const members = in.if_object()) {
    for (boost::json::key_value_pair& each : *members) drop_doubles(each.value());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace envelope = parley::envelope;
  namespace envelope_json = parley::envelope_json;
  namespace json = boost::json;

  const std::string_view body(reinterpret_cast<const char*>(data), size);
  json::error_code refused;
  json::value value = json::parse(json::string_view(body.data(), body.size()), refused);
  if (refused) return 0;
  drop_doubles(value);

  const auto read = envelope_json::from_value(value);
  const auto converted = json::try_value_to<envelope::error>(value);
  require(converted.has_value() == read.has_value());
  // Not of the body itself: there a member may be given twice, of which a value keeps the last.
  const auto parsed = envelope::parse(json::serialize(value));
  require(parsed.has_value() == read.has_value());
  if (!read) {
    require(parsed.error().reason == envelope::errc::not_envelope);
    return 0;
  }
  require(*parsed == *read && *converted == *read);
  const json::value made = envelope_json::to_value(*read);
  require(json::value_from(*read) == made);
  const auto again = envelope_json::from_value(made);
  require(again && *again == *read);
  return 0;
}
