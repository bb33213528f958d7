// SPDX-License-Identifier: Apache-2.0
//
// The two functions that make an adapter, for those who run a Boost.Beast server of their own:
// Beast's request to ours, our response to Beast's.
//
//   struct my_exchange : http::exchange {
//     beast::request_message message;
//     std::vector<http::header_view> headers;
//     void send(http::response&& r) noexcept override;  // writes to_message(std::move(r), ...)
//   };
//   read_header(parser);
//   e->request() = beast::to_request_view(parser.get(), e->headers);
//   read_body(parser);
//   e->message = parser.release();  // its strings stay where they are
//   e->request().body = e->message.body();
//   service.handle(e);
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

/// The view of a request but for its body. It looks at `header` and `headers`: keep both as they
/// are while the view is in use (to move the message is harmless). A target in absolute form gives
/// its path (RFC 9112, 3.2.2). Call it before the body is read: Beast adds the fields of a trailer
/// to the headers, and only what stands there now is seen.
PARLEY_BEAST_EXPORT http::request_view to_request_view(
    const boost::beast::http::request_header<>& header, std::vector<http::header_view>& headers);

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
