// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as the URL of a server: what is read can be connected to and put into Host, is read the
// same from its own parts, and an error repeats nothing of the URL.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "beast/client_url.hpp"
#include "http/text.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace parley;
  const std::string_view url(reinterpret_cast<const char*>(data), size);
  const auto read = beast::parse_base_url(url);
  if (!read) {
    require(read.error().starts_with("url: "));
    return 0;
  }
  require(!read->host.empty() && read->port != 0);
  require(http::is_field_value(read->authority));
  require(std::ranges::none_of(read->host, [](char c) { return c >= 'A' && c <= 'Z'; }));
  require(read->host.find_first_of("/?#@[] ") == std::string::npos);

  const std::string scheme = read->is_tls ? "https://" : "http://";
  const auto again = beast::parse_base_url(scheme + read->authority);
  require(again && again->is_tls == read->is_tls && again->is_address == read->is_address);
  require(again->host == read->host && again->port == read->port);
  require(again->authority == read->authority);
  return 0;
}
