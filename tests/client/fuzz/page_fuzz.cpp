// SPDX-License-Identifier: Apache-2.0
//
// Any body either is refused or is split into the elements that Boost.JSON finds in it, and a walk
// over it can be interrupted behind any of them.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "parley/client/pages.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// Boost.JSON reads the same digits as another number at another place of its input, and 0e9999999
// as one that is not equal to itself.
boost::json::value without_fractions(boost::json::value of) {
  if (of.is_double()) return nullptr;
  if (auto* const array = of.if_array()) {
    for (auto& each : *array) each = without_fractions(each);
  } else if (auto* const object = of.if_object()) {
    for (auto& each : *object) each.value() = without_fractions(each.value());
  }
  return of;
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
    const json::value item = json::parse({text.data(), text.size()}, refused, {}, deep);
    require(!refused && without_fractions(item) == without_fractions(items[i]));
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
