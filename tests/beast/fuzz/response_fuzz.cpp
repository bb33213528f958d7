// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a response, the first of them saying to what: in one piece and byte by byte the
// same, within the bounds, and where we see a whole response Beast's parser sees the same one.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "beast/client_response.hpp"

namespace {

using parley::beast::response_reader;
namespace bhttp = boost::beast::http;

constexpr response_reader::limits bounds = {
    .head_bytes_max = 512, .headers_max = 8, .body_bytes_max = 64};

void require(bool holds) {
  if (!holds) std::abort();
}

// What Beast makes of it, of which `text` is no byte too much.
void compare(std::string_view text, bool is_to_head, bool ends,
             const parley::client::response& got) {
  for (;;) {
    bhttp::response_parser<bhttp::string_body> parser;
    parser.eager(true);
    parser.skip(is_to_head);
    boost::system::error_code error;
    const std::size_t used = parser.put(boost::asio::buffer(text.data(), text.size()), error);
    // It wants the blank behind the status, even without a reason.
    if (error == bhttp::error::bad_status || error == bhttp::error::bad_reason) return;
    if (error == bhttp::error::need_more) return;  // in the midst of the framing; ours goes on
    if (error) return;                             // it may be stricter
    if (parser.is_header_done() && parser.get().result_int() < 200) {
      const std::size_t end = text.find("\r\n\r\n");
      text.remove_prefix(end + 4);
      continue;
    }
    if (ends) parser.put_eof(error);
    require(parser.is_header_done() && parser.get().result_int() == got.status);
    if (parser.is_done()) {
      require(used == text.size());
      require(parser.get().body() == got.body);
    }
    // It puts fields of one name together, and those of a trailer behind.
    for (const parley::client::header& own : got.headers) {
      const auto range = parser.get().equal_range(own.name);
      require(std::any_of(range.first, range.second, [&](const auto& each) {
        return std::string_view(each.value().data(), each.value().size()) == own.value;
      }));
    }
    return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool is_to_head = (data[0] & 1) != 0;
  const bool ends = (data[0] & 2) != 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);

  response_reader whole(is_to_head, bounds);
  const std::size_t used = whole.feed(text);
  response_reader stepwise(is_to_head, bounds);
  std::size_t steps = 0;
  while (steps < text.size() && stepwise.state_now() == response_reader::state::more) {
    steps += stepwise.feed(text.substr(steps, 1));
  }
  const bool is_open = whole.state_now() == response_reader::state::more;
  if (ends) {
    whole.end_of_input();
    stepwise.end_of_input();
  }
  require(whole.state_now() == stepwise.state_now());
  require(!is_open || used == text.size());
  if (whole.state_now() != response_reader::state::done) return 0;

  require(used == steps && whole.can_keep_alive() == stepwise.can_keep_alive());
  require(!is_open || !whole.can_keep_alive());
  const parley::client::response got = whole.take();
  const parley::client::response same = stepwise.take();
  require(got.status == same.status && got.headers == same.headers && got.body == same.body);
  require(got.status >= 200 && got.status <= 999);
  require(got.headers.size() <= bounds.headers_max && got.body.size() <= bounds.body_bytes_max);
  compare(text.substr(0, used), is_to_head, ends, got);
  return 0;
}
