// SPDX-License-Identifier: Apache-2.0
#include "parley/envelope/error.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "envelope/constant.hpp"

namespace parley::envelope {
namespace {

using detail::constant;
using detail::constants;

std::string doc_url_of(std::string_view anchor) {
  const std::string_view base = anchor.starts_with('#') ? errors::doc_base_url : "";
  std::string url;
  url.reserve(base.size() + anchor.size());
  url += base;
  url += anchor;
  return url;
}

}  // namespace

error::error(errors::code c, errors::tier t) noexcept
    : row_(static_cast<std::uint8_t>(errors::detail::index_of(c, t))) {
  const errors::row& row = errors::detail::rows[row_];
  code_ = row.code;
  category_ = row.category;
  http_status_ = row.http_status;
  anchor_ = row.doc_anchor;
}

// Keeps what the built-in row of the code does not say: all of it where there is none.
error::error(const errors::row& row) : error(row.code, row.tier) {
  const errors::row& built_in = errors::detail::rows[row_];
  code_ = row.code;
  category_ = row.category;
  http_status_ = row.http_status;
  anchor_ = row.doc_anchor;
  if (!errors::is_built_in(code_)) code_text_ = row.name;
  if (row.message != built_in.message) with_message(std::string(row.message));
  if (row.tier != built_in.tier || row.doc_anchor != built_in.doc_anchor) {
    with_doc_url(row.tier == errors::tier::call ? doc_url_of(anchor_) : std::string());  // G14
  }
}

error& error::with_message(std::string text) & {
  message_ = std::move(text);
  own_message_ = true;
  return *this;
}
error&& error::with_message(std::string text) && {
  return std::move(with_message(std::move(text)));
}

error& error::with_field(std::string name, std::string explanation) & {
  const auto found = std::ranges::find(fields_, name, &field::name);
  if (found != fields_.end()) {
    found->explanation = std::move(explanation);
  } else {
    fields_.push_back({std::move(name), std::move(explanation)});
  }
  return *this;
}
error&& error::with_field(std::string name, std::string explanation) && {
  return std::move(with_field(std::move(name), std::move(explanation)));
}

error& error::with_doc_url() & { return with_doc_url(doc_url_of(anchor_)); }
error&& error::with_doc_url() && { return std::move(with_doc_url()); }

error& error::with_doc_url(std::string url) & {
  doc_url_ = std::move(url);
  own_doc_url_ = true;
  return *this;
}
error&& error::with_doc_url(std::string url) && { return std::move(with_doc_url(std::move(url))); }

error& error::with_http_status(std::uint16_t status) & {
  assert(status >= 100 && status <= 999);
  http_status_ = status;
  return *this;
}
error&& error::with_http_status(std::uint16_t status) && {
  return std::move(with_http_status(status));
}

// What is not our own comes from the table of constants, where the writer knows it again.

std::string_view error::code_name() const noexcept {
  if (!errors::is_built_in(code_)) return code_text_;
  const constant& from = constants.rows[row_];
  return from.text(from.code);
}

std::string_view error::category_name() const noexcept {
  if (category_ == errors::category::none) return category_text_;
  if (category_ != errors::detail::rows[row_].category) return errors::to_string(category_);
  const constant& from = constants.rows[row_];
  return from.text(from.category);
}

std::string_view error::message() const noexcept {
  if (own_message_) return message_;
  const constant& from = constants.rows[row_];
  return from.text(from.message);
}

std::string_view error::doc_url() const noexcept {
  if (own_doc_url_) return doc_url_;
  const constant& from = constants.rows[row_];
  return from.text(from.doc_url);
}

bool operator==(const error& a, const error& b) noexcept {
  return a.http_status() == b.http_status() && a.code_name() == b.code_name() &&
         a.category_name() == b.category_name() && a.message() == b.message() &&
         a.doc_url() == b.doc_url() && a.fields() == b.fields();
}

error_view view_of(const errors::row& row) noexcept {
  if (!errors::is_built_in(row.code)) {
    const bool is_linked = row.tier == errors::tier::call && !row.doc_anchor.starts_with('#');
    return {row.name,
            errors::to_string(row.category),
            row.message,
            is_linked ? row.doc_anchor : "",
            {}};
  }
  return constants.rows[errors::detail::index_of(row.code, row.tier)].view();
}

std::string_view to_string(errc e) noexcept {
  switch (e) {
    case errc::empty_body: return "empty_body";
    case errc::too_large: return "too_large";
    case errc::not_json: return "not_json";
    case errc::too_deep: return "too_deep";
    case errc::not_envelope: return "not_envelope";
  }
  return "unknown";  // a value from a newer or a corrupt peer
}

}  // namespace parley::envelope
