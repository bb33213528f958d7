// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a stored response: what is read from them can be sent, and what is kept of it is
// read again as it was.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "http/stored_response.hpp"
#include "parley/http/message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace parley::http;
  const auto found = decode_response(std::as_bytes(std::span(data, size)));
  if (!found) return 0;
  if (!is_sendable(*found)) std::abort();

  const auto head = encode_head(*found, {});
  if (!head) std::abort();
  const std::string stored = *head + found->body;
  const auto again = decode_response(std::as_bytes(std::span(stored)));
  if (!again || again->status != found->status || again->body != found->body ||
      again->error_code != found->error_code) {
    std::abort();
  }
  auto kept = again->headers.begin();
  for (const header& each : found->headers) {
    if (is_of_one_response(each.name)) continue;
    if (kept == again->headers.end() || *kept++ != each) std::abort();
  }
  if (kept != again->headers.end()) std::abort();
  return 0;
}
