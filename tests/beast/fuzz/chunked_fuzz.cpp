// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a chunked body: in one piece and byte by byte the same, and within the bounds.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "beast/chunked.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using parley::beast::chunked_decoder;
  constexpr chunked_decoder::limits limits = {.body_bytes_max = 64, .trailer_fields_max = 2};
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  chunked_decoder whole(limits);
  std::string body;
  const std::size_t used = whole.feed(text, body);
  chunked_decoder stepwise(limits);
  std::string stepped;
  std::size_t steps = 0;
  while (steps < size && stepwise.state_now() == chunked_decoder::state::more) {
    steps += stepwise.feed(text.substr(steps, 1), stepped);
  }
  if (whole.state_now() != stepwise.state_now() || used != steps || body != stepped) std::abort();
  if (body.size() > limits.body_bytes_max) std::abort();
  if (whole.state_now() == chunked_decoder::state::more && used != size) std::abort();
  return 0;
}
