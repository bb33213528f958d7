// SPDX-License-Identifier: Apache-2.0
//
// Any body either is refused or gives an error that can be written and read again unchanged. What
// is accepted is JSON for Boost.JSON's own parser, too.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <boost/json/parse.hpp>

#include "parley/envelope/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace envelope = parley::envelope;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto read = envelope::parse(body);

  boost::json::error_code refused;
  const boost::json::value value =
      boost::json::parse(boost::json::string_view(body.data(), body.size()), refused);
  if (!read) {
    const envelope::parse_failure why = read.error();
    if (why.offset > size) std::abort();
    if (size == 0) {
      if (why.reason != envelope::errc::empty_body) std::abort();
    } else if (why.reason == envelope::errc::not_envelope) {
      if (refused) std::abort();
    } else if (!refused) {
      std::abort();
    }
    return 0;
  }
  if (refused) std::abort();

  const std::string json = envelope::to_json(*read);
  const auto again = envelope::parse(json, {.body_bytes_max = json.size()});
  if (!again || *again != *read || envelope::to_json(*again) != json) std::abort();
  return 0;
}
