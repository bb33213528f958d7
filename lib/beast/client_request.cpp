// SPDX-License-Identifier: Apache-2.0
#include "beast/client_request.hpp"

#include <algorithm>

#include "http/text.hpp"

namespace parley::beast {
namespace {

bool is_target(std::string_view target) noexcept {
  return target.starts_with('/') &&
         std::ranges::all_of(target, [](char c) { return c > 0x20 && c < 0x7f && c != '#'; });
}

bool has_content_by_nature(std::string_view method) noexcept {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

}  // namespace

result<std::string, std::string> write_head(const client::request& what,
                                            std::string_view authority) {
  const auto bad = [](std::string why) { return failure{std::move(why)}; };
  // CONNECT has a target of another form, and what follows its response is no HTTP.
  if (!http::is_token(what.method) || what.method == "CONNECT") {
    return bad("the method is none that can be sent");
  }
  if (!is_target(what.target)) {
    return bad("the target is no path, or has a fragment or what is not visible ASCII");
  }
  std::size_t size = what.method.size() + what.target.size() + authority.size() + 64;
  for (const client::header& each : what.headers) {
    if (!http::is_token(each.name)) return bad("the name of a header is no token");
    if (http::is_of_connection(each.name)) {
      return bad("the header " + each.name + " is the transport's");
    }
    if (!http::is_field_value(each.value)) {
      return bad("the header " + each.name + " has a control character or a blank at an end");
    }
    size += each.name.size() + each.value.size() + 4;
  }

  std::string head;
  head.reserve(size);
  const auto add = [&head](auto... parts) { (head.append(parts), ...); };
  add(std::string_view(what.method), " ", std::string_view(what.target),
      " HTTP/1.1\r\nHost: ", authority, "\r\n");
  for (const client::header& each : what.headers) {
    add(std::string_view(each.name), ": ", std::string_view(each.value), "\r\n");
  }
  // RFC 9110, 8.6: of no body too, where the method leads one to expect one.
  if (!what.body.empty() || has_content_by_nature(what.method)) {
    add("Content-Length: ", std::string_view(std::to_string(what.body.size())), "\r\n");
  }
  head += "\r\n";
  return head;
}

}  // namespace parley::beast
