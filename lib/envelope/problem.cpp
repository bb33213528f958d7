// SPDX-License-Identifier: Apache-2.0
#include "parley/envelope/problem.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "envelope/sink.hpp"

namespace parley::envelope {
namespace {

using detail::append_escaped;
using detail::sink;

// RFC 9457, 4.2.1: the phrases of errors in RFC 9110, section 15, and RFC 6585.
std::string_view phrase_of(std::uint16_t status) noexcept {
  switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 407: return "Proxy Authentication Required";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 511: return "Network Authentication Required";
    default: return "";
  }
}

// RFC 3986, 2.3
constexpr bool is_unreserved(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

void append_percent_encoded(sink& to, std::string_view text) noexcept {
  constexpr std::string_view digits = "0123456789ABCDEF";
  while (!text.empty()) {
    const auto end = std::ranges::find_if_not(text, is_unreserved);
    const auto plain = static_cast<std::size_t>(end - text.begin());
    to.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) return;
    const auto byte = static_cast<unsigned char>(text.front());
    const std::array<char, 3> encoded = {'%', digits[byte >> 4], digits[byte & 15]};
    to.append({encoded.data(), encoded.size()});
    text.remove_prefix(1);
  }
}

class members {
 public:
  explicit members(std::span<char> out) noexcept : to_(out) {}

  /// Begins a member: name, colon and what opens its value.
  sink& begin(std::string_view name, std::string_view opening) noexcept {
    to_.append(before_);
    to_.append(name);
    to_.append(opening);
    before_ = R"(,")";
    return to_;
  }
  void text(std::string_view name, std::string_view value) noexcept {
    append_escaped(begin(name, R"(":")"), value);
    to_.append(R"(")");
  }
  void optional(std::string_view name, std::string_view value) noexcept {
    if (!value.empty()) text(name, value);
  }
  std::size_t end() noexcept {
    to_.append("}");
    return to_.size();
  }

 private:
  sink to_;
  std::string_view before_ = R"({")";  // `code` is always there
};

std::string_view title_of(const error& e, bool has_type,
                          errors::catalogue_view catalogue) noexcept {
  if (!has_type) return phrase_of(e.http_status());
  const errors::tier tier =
      e.category_name().empty() ? errors::tier::http : errors::tier::call;  // A4, A5
  const errors::row* const row = catalogue.find(e.code(), tier);
  return row != nullptr ? row->message : std::string_view();
}

}  // namespace

std::size_t write_problem(const error& e, std::span<char> out,
                          const problem_options& options) noexcept {
  members to(out);
  const bool has_own_type = !options.type_base.empty();
  // As a type "about:blank" means that there is none, so that such a doc_url is no type.
  const bool is_linked = !has_own_type && !e.doc_url().empty() && e.doc_url() != "about:blank";
  if (has_own_type) {
    sink& type = to.begin("type", R"(":")");
    append_escaped(type, options.type_base);
    append_percent_encoded(type, e.code_name());
    type.append(R"(")");
  } else if (is_linked) {
    to.text("type", e.doc_url());
  }
  const std::string_view title = title_of(e, has_own_type || is_linked, options.catalogue);
  to.optional("title", title);
  if (e.http_status() >= 100 && e.http_status() <= 999) {
    std::array<char, 3> digits;
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), e.http_status()).ptr;
    to.begin("status", R"(":)")
        .append({digits.data(), static_cast<std::size_t>(end - digits.data())});
  }
  if (e.message() != title) to.text("detail", e.message());
  to.optional("instance", options.instance);
  to.text("code", e.code_name());
  to.optional("category", e.category_name());
  if (!is_linked) to.optional("doc_url", e.doc_url());
  if (!e.fields().empty()) {
    std::string_view before = R"(":{")";
    sink& fields = to.begin("fields", "");
    for (const field& each : e.fields()) {
      fields.append(before);
      append_escaped(fields, each.name);
      fields.append(R"(":")");
      append_escaped(fields, each.explanation);
      before = R"(",")";
    }
    fields.append(R"("})");
  }
  return to.end();
}

std::string to_problem(const error& e, const problem_options& options) {
  return detail::make_string([&](std::span<char> out) { return write_problem(e, out, options); });
}

}  // namespace parley::envelope
