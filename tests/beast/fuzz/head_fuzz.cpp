// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a head: the scanner gives the same in one piece and byte by byte, and a head that
// passes our check passes Beast's parser with the same idea of the body, or is refused by it; never
// the other way round.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "beast/head.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace parley::beast;
  namespace bhttp = boost::beast::http;
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  head_scanner whole;
  const auto found = whole.scan(text);
  head_scanner stepwise;
  auto stepped = head_scanner::state::more;
  for (std::size_t i = 1; i <= size && stepped == head_scanner::state::more; ++i) {
    stepped = stepwise.scan(text.substr(0, i));
  }
  if (stepped != found) std::abort();
  if (found != head_scanner::state::complete) return 0;
  if (whole.size() != stepwise.size()) std::abort();

  const std::string_view head = text.substr(0, whole.size());
  const head_facts facts = check_head(head, {.headers_max = 100, .body_bytes_max = 1 << 20});
  if (facts.error != head_errc::none) return 0;

  bhttp::request_parser<bhttp::string_body> parser;
  parser.header_limit(1 << 24);
  boost::system::error_code error;
  const std::size_t parsed = parser.put(boost::asio::buffer(head.data(), head.size()), error);
  if (error) return 0;
  if (parsed != head.size() || !parser.is_header_done()) std::abort();
  if (parser.chunked() != facts.chunked) std::abort();
  if (parser.is_done() == facts.has_body) std::abort();
  return 0;
}
