// SPDX-License-Identifier: Apache-2.0
//
// Any body is what the grammar of RFC 8259 makes of it: refused as not JSON, refused as no
// envelope, or an error that can be written and read again unchanged. Mending keeps that verdict,
// and leaves what Boost.JSON's own parser accepts.

#include <cstddef>
#include <cstdint>

#include <boost/json/parse.hpp>

#include "envelope/fuzz/require.hpp"
#include "envelope/json_grammar.hpp"
#include "envelope/mend.hpp"
#include "parley/envelope/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace envelope = parley::envelope;
using envelope::errc;
using envelope::verdict;

verdict of_boost_json(std::string_view body) {
  boost::json::error_code refused;
  boost::json::parse(boost::json::string_view(body.data(), body.size()), refused);
  if (!refused) return verdict::json;
  return refused == boost::json::error::too_deep ? verdict::too_deep : verdict::not_json;
}

verdict of_ours(std::string_view body) {
  const auto read = envelope::parse(body);
  if (read) return verdict::json;
  require(read.error().offset <= body.size());
  require((read.error().reason == errc::empty_body) == body.empty());
  if (read.error().reason == errc::not_envelope) return verdict::json;
  if (read.error().reason == errc::too_deep) return verdict::too_deep;
  require(read.error().reason == errc::not_json || body.empty());
  return verdict::not_json;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const verdict expected = envelope::judge(body);
  require(of_ours(body) == expected);

  const std::string mended = envelope::detail::mend(body);
  require(mended.size() == body.size());
  require(envelope::judge(mended) == expected);
  require(of_boost_json(mended) == expected);
  require(envelope::detail::mend(mended) == mended);
  if (of_boost_json(body) == verdict::json) require(expected == verdict::json);

  const auto read = envelope::parse(body);
  if (!read) return 0;
  require(*envelope::parse(mended) == *read);
  const std::string json = envelope::to_json(*read);
  const auto again = envelope::parse(json, {.body_bytes_max = json.size()});
  require(again && *again == *read && envelope::to_json(*again) == json);
  return 0;
}
