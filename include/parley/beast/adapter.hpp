// SPDX-License-Identifier: Apache-2.0
//
// The two functions that make an adapter, for those who run a Boost.Beast server of their own:
// Beast's request to ours, our response to Beast's.
//
//   std::vector<http::header_view> headers;
//   exchange->request() = beast::to_request_view(parser.get(), headers);
//   ...
//   auto message = beast::to_message(std::move(response), {.keep_alive =
//   parser.get().keep_alive()});
//
// Beast's parser lets pass what a server must refuse (see the guide, "What the adapter refuses");
// parley::beast::server looks for it, these two functions cannot. Callable from any thread.

#ifndef PARLEY_BEAST_ADAPTER_HPP
#define PARLEY_BEAST_ADAPTER_HPP

#include <string_view>
#include <vector>

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "parley/beast/export.hpp"
#include "parley/http/message.hpp"

namespace parley::beast {

using request_message = boost::beast::http::request<boost::beast::http::string_body>;
using response_message = boost::beast::http::response<boost::beast::http::string_body>;

/// Looks at `message` through `headers`: keep both unchanged while the view is in use. A target in
/// absolute form gives its path (RFC 9112, 3.2.2). Only what stands in the message now is seen:
/// call it before the body is read, and headers that a trailer adds stay out.
PARLEY_BEAST_EXPORT http::request_view to_request_view(const request_message& message,
                                                       std::vector<http::header_view>& headers);

struct message_options {
  unsigned version = 11;  ///< 10 or 11, as Beast counts
  bool keep_alive = true;
  bool is_head = false;        ///< the response to a HEAD: headers as for GET, no body
  std::string_view date = {};  ///< of the Date header (RFC 9110, 6.6.1); empty: none
};

/// `r` is sendable (http::is_sendable). Content-Length is set, except where there must be none (204
/// and 304).
PARLEY_BEAST_EXPORT response_message to_message(http::response&& r,
                                                const message_options& options = {});

}  // namespace parley::beast

#endif  // PARLEY_BEAST_ADAPTER_HPP
