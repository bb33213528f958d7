// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as the URL of a webhook: its parts are all of it, in one order; the target can be sent,
// and reading the parts again gives the same.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sandbox/webhook_url.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace parley::sandbox;
  const std::string_view url(reinterpret_cast<const char*>(data), size);
  const auto read = parse_webhook_url(url);
  if (!read) return 0;
  require(url == read->base + read->target || url == read->base + read->target.substr(1));

  // The base ends where the host does.
  const std::size_t host = read->base.find("://") + 3;
  require(host >= 3 && host <= read->base.size());
  require(read->base.find_first_of("/?#", host) == std::string::npos);

  // A line of a request: nothing in it ends it (RFC 9112, 3).
  require(read->target.starts_with('/'));
  require(
      std::ranges::all_of(read->target, [](char c) { return c > ' ' && c <= '~' && c != '#'; }));

  const auto again = parse_webhook_url(read->base + read->target);
  require(again && again->base == read->base && again->target == read->target);
  return 0;
}
