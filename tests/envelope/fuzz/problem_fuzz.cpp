// SPDX-License-Identifier: Apache-2.0
//
// Any body either is refused, for the reason that the grammar of RFC 8259 gives, or gives an error
// that reads back equal once it was written, under the same options. The first byte chooses these.

#include <cstddef>
#include <cstdint>
#include <string>

#include "envelope/fuzz/input.hpp"
#include "envelope/fuzz/require.hpp"
#include "envelope/json_grammar.hpp"
#include "parley/envelope/problem.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace envelope = parley::envelope;
  using envelope::errc;
  using envelope::verdict;

  envelope::input from(data, size);
  const std::uint8_t choice = from.byte();
  envelope::problem_options options;
  if ((choice & 1) != 0) options.type_base = "https://a.example/";
  if ((choice & 2) != 0) options.instance = "urn:a\"\xFF";
  const std::string_view body = from.rest();

  const auto read = envelope::parse_problem(body, options);
  const verdict expected = envelope::judge(body);
  if (!read) {
    const envelope::parse_failure why = read.error();
    require(why.offset <= body.size());
    switch (expected) {
      case verdict::json: require(why.reason == errc::not_envelope); break;
      case verdict::too_deep: require(why.reason == errc::too_deep); break;
      case verdict::not_json:
        require(why.reason == (body.empty() ? errc::empty_body : errc::not_json));
        break;
    }
    return 0;
  }
  require(expected == verdict::json);
  const std::uint16_t status = read->http_status();
  require(status == 0 || (status >= 100 && status <= 999));

  const std::string json = to_problem(*read, options);
  require(envelope::judge(json) == verdict::json);
  const auto again = envelope::parse_problem(json, options, {.body_bytes_max = json.size()});
  require(again && *again == *read && to_problem(*again, options) == json);
  return 0;
}
