// SPDX-License-Identifier: Apache-2.0
//
// Any body either is refused or is split into the elements that Boost.JSON finds in it, and a walk
// over it can be interrupted behind any of them.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <boost/json/parse.hpp>

#include "parley/client/pages.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace client = parley::client;
  namespace json = boost::json;
  const std::string body(reinterpret_cast<const char*>(data), size);
  if (const auto resumed = client::page_walk::resume(body)) {
    require(client::page_walk::resume(resumed->checkpoint())->checkpoint() ==
            resumed->checkpoint());
  }
  const auto read = client::parse_page(body);
  if (!read) return 0;

  json::parse_options deep;
  deep.max_depth = 64;
  json::error_code refused;
  const json::value whole = json::parse(body, refused, {}, deep);
  require(!refused);
  const json::array& items = whole.at("data").as_array();
  require(items.size() == read->size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string_view text = (*read)[i];
    require(json::parse({text.data(), text.size()}, refused, {}, deep) == items[i] && !refused);
  }

  client::page_walk walk("/v1/calls");
  const auto answered = [&body] {
    client::answer made;
    made.response = client::response{.status = 200, .body = body};
    return made;
  };
  require(walk.take(answered()).has_value());
  for (std::size_t i = 0; i < items.size(); ++i) {
    walk.handled(i);
    auto resumed = client::page_walk::resume(walk.checkpoint());
    require(resumed.has_value());
    if (i + 1 < items.size() || walk.is_done()) {
      const auto rest = resumed->take(answered());
      // Behind the item, or behind the first one with its id.
      require(rest.has_value() && rest->size() >= items.size() - i - 1);
    }
  }
  return 0;
}
