// SPDX-License-Identifier: Apache-2.0
#include <functional>

#include "envelope/constant.hpp"
#include "envelope/sink.hpp"
#include "parley/envelope/error.hpp"

namespace parley::envelope {
namespace {

using detail::append_escaped;
using detail::constant;
using detail::constants;
using detail::sink;

bool is_same(std::string_view a, std::string_view b) noexcept {
  return a.data() == b.data() && a.size() == b.size();
}

// The constant that `code` is a part of, or none. Addresses are compared as std::less does: those
// of unrelated objects are in order, too.
const constant* find_constant(std::string_view code) noexcept {
  const char* const table = constants.rows.front().bytes.data();
  const char* const table_end = table + sizeof(constants.rows);
  if (std::less<>{}(code.data(), table) || !std::less<>{}(code.data(), table_end)) return nullptr;
  const auto index = static_cast<std::size_t>(code.data() - table) / sizeof(constant);
  const constant& found = constants.rows[index];
  return is_same(code, found.text(found.code)) ? &found : nullptr;
}

// `Fields` holds field_view or field.
template <class Fields>
std::size_t write(const error_view& e, const Fields& fields, std::span<char> out) noexcept {
  sink to(out);
  const constant* const from = find_constant(e.code);
  const bool same_category = from != nullptr && is_same(e.category, from->text(from->category));
  const bool same_message = from != nullptr && is_same(e.message, from->text(from->message));
  const bool same_doc_url = from != nullptr && is_same(e.doc_url, from->text(from->doc_url));
  if (same_category && same_message && same_doc_url && fields.empty()) {
    to.append_constant(from->json());
    return to.size();
  }

  if (same_category) {
    to.append_constant(from->json().substr(0, from->message.begin));
  } else {
    to.append(detail::before_code);
    append_escaped(to, e.code);
    if (!e.category.empty()) {
      to.append(detail::before_category);
      append_escaped(to, e.category);
    }
    to.append(detail::before_message);
  }
  if (same_message) {
    to.append_constant(e.message);
  } else {
    append_escaped(to, e.message);
  }
  if (!e.doc_url.empty()) {
    to.append(detail::before_doc_url);
    if (same_doc_url) {
      to.append_constant(e.doc_url);
    } else {
      append_escaped(to, e.doc_url);
    }
  }
  if (fields.empty()) {
    to.append(detail::after_error);
    return to.size();
  }
  std::string_view before = R"(","fields":{")";
  for (const auto& each : fields) {
    to.append(before);
    append_escaped(to, each.name);
    to.append(R"(":")");
    append_escaped(to, each.explanation);
    before = R"(",")";
  }
  to.append(R"("}}})");
  return to.size();
}

}  // namespace

std::size_t write_json(const error_view& e, std::span<char> out) noexcept {
  return write(e, e.fields, out);
}

std::size_t write_json(const error& e, std::span<char> out) noexcept {
  return write({e.code_name(), e.category_name(), e.message(), e.doc_url(), {}}, e.fields(), out);
}

std::string to_json(const error_view& e) {
  return detail::make_string([&e](std::span<char> out) { return write_json(e, out); });
}
std::string to_json(const error& e) {
  return detail::make_string([&e](std::span<char> out) { return write_json(e, out); });
}

}  // namespace parley::envelope
