// SPDX-License-Identifier: Apache-2.0
#include "parley/beast/adapter.hpp"

#include <utility>

namespace parley::beast {
namespace {

namespace bhttp = boost::beast::http;

// Of either family of string_view: Boost has one of its own.
template <class Text>
std::string_view to_std(const Text& text) noexcept {
  return {text.data(), text.size()};
}

// RFC 9112, 3.2.2: a server must accept the absolute form, and then the authority in it is the
// host. We have one host for all, so the path is what counts.
std::string_view to_origin_form(std::string_view target) noexcept {
  if (target.starts_with('/')) return target;
  const std::size_t authority = target.find("://");
  if (authority == std::string_view::npos) return target;
  const std::size_t end = target.find_first_of("/?", authority + 3);
  if (end == std::string_view::npos) return "/";
  return target.substr(end);
}

bool must_have_no_body(unsigned status) noexcept { return status == 204 || status == 304; }

}  // namespace

http::request_view to_request_view(const bhttp::request_header<>& header,
                                   std::vector<http::header_view>& headers) {
  headers.clear();
  for (const auto& each : header) {
    headers.push_back({to_std(each.name_string()), to_std(each.value())});
  }
  http::request_view view;
  view.method_name = to_std(header.method_string());
  view.method = http::parse_method(view.method_name);
  const std::string_view target = to_origin_form(to_std(header.target()));
  const std::size_t question = target.find('?');
  view.path = target.substr(0, question);
  if (view.path.empty()) view.path = "/";
  if (question != std::string_view::npos) view.query = target.substr(question + 1);
  view.headers = headers;
  return view;
}

response_message to_message(http::response&& r, const message_options& options) {
  response_message message;
  message.version(options.version);
  message.result(r.status);
  for (const http::header& each : r.headers) message.insert(each.name, each.value);
  if (!options.date.empty()) {
    message.set(bhttp::field::date, {options.date.data(), options.date.size()});
  }
  message.keep_alive(options.keep_alive);
  if (must_have_no_body(r.status)) return message;
  message.content_length(r.body.size());
  if (!options.is_head) message.body() = std::move(r.body);
  return message;
}

}  // namespace parley::beast
