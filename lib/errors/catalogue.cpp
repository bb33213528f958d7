// SPDX-License-Identifier: Apache-2.0
#include "parley/errors/catalogue.hpp"

#include <array>

#include "errors/rows.hpp"
#include "parley/errors/detail/name_hash.hpp"
#include "parley/errors/own_catalogue.hpp"

namespace parley::errors {
namespace {

using detail::rows;
using detail::rows_count;

static_assert(sizeof(row) == 64);

// Whether row i is where its code stands first: two codes are in both tiers.
constexpr bool is_first_of_code(std::size_t i) {
  return detail::index_of(rows[i].code, tier::call) == i;
}

consteval std::size_t first_out_of_order() {
  for (std::size_t i = 0; i < rows_count; ++i) {
    const bool in_call_tier = i < detail::call_rows_count;
    if ((rows[i].tier == tier::call) != in_call_tier) return i;
    const bool after_same_tier = i > 0 && rows[i - 1].tier == rows[i].tier;
    if (after_same_tier && is_first_of_code(i) && rows[i].code <= rows[i - 1].code) return i;
  }
  return rows_count;
}
static_assert(first_out_of_order() == rows_count, "a row is out of the contract's order");

consteval std::size_t first_code_without_row() {
  for (std::size_t value = 1; value <= codes_count; ++value) {
    const std::size_t place = detail::index_of(static_cast<code>(value), tier::call);
    if (static_cast<std::size_t>(rows[place].code) != value) return value;
  }
  return 0;
}
static_assert(first_code_without_row() == 0, "a code of the enum has no row");

// What the contract's rows have beyond those of any catalogue: where G15 and A11 say so.
consteval std::size_t first_with_wrong_text() {
  for (std::size_t i = 0; i < rows_count; ++i) {
    if (!rows[i].doc_anchor.starts_with('#') || !rows[i].message.ends_with('.')) return i;
    if ((rows[i].retryable == retryable::unstated) != (rows[i].tier == tier::http)) return i;
  }
  return rows_count;
}
static_assert(first_with_wrong_text() == rows_count,
              "an anchor begins with #, a message ends with a full stop, and only the HTTP tier "
              "does not state retryable");

constexpr const detail::catalogue_index& built_in = detail::make_index<built_in_rows>();

constexpr std::array<category, 6> categories = {
    category::invalid_request, category::compliance_blocked, category::account_limit,
    category::unreachable,     category::voicemail,          category::provider_error,
};

// Null where the catalogue does not hold the code: place 0 is that of no code.
const detail::code_place* find_place(const detail::catalogue_index& in, code c) noexcept {
  const std::size_t index = detail::place_index(c);
  if (index >= in.places_count) return nullptr;
  const detail::code_place& place = in.places[index];
  return place.call_row == detail::none_placed ? nullptr : &place;
}

}  // namespace

constinit const detail::catalogue_index detail::built_in_index = built_in;

catalogue_view catalogue() noexcept { return {}; }

std::span<const row> catalogue_view::rows() const noexcept {
  return {index_->rows, index_->rows_count};
}

const row* catalogue_view::find(std::string_view name, tier wanted) const noexcept {
  const detail::name_entry& found = detail::find_name(*index_, name);
  if (found.code == code::unknown) return nullptr;
  return index_->rows + (wanted == tier::http ? found.http_row : found.call_row);
}

const row* catalogue_view::find(code c, tier wanted) const noexcept {
  const detail::code_place* const place = find_place(*index_, c);
  if (place == nullptr) return nullptr;
  return index_->rows + (wanted == tier::http ? place->http_row : place->call_row);
}

code catalogue_view::find_code(std::string_view name) const noexcept {
  return detail::find_name(*index_, name).code;
}

const row& catalogue_view::row_of(code c, tier wanted) const noexcept {
  const row* const found = find(c, wanted);
  return found == nullptr ? errors::row_of(code::unknown) : *found;
}

std::string_view catalogue_view::name_of(code c) const noexcept {
  const row* const found = find(c);
  return found == nullptr ? "unknown" : found->name;
}

const row& row_of(code c, tier wanted) noexcept { return rows[detail::index_of(c, wanted)]; }

code find_code(std::string_view name) noexcept { return detail::find_name(built_in, name).code; }

category find_category(std::string_view name) noexcept {
  for (const category each : categories) {
    if (to_string(each) == name) return each;
  }
  return category::none;
}

std::string_view to_string(code c) noexcept {
  const auto value = static_cast<std::size_t>(c);
  if (value == 0 || value > codes_count) return "unknown";
  return rows[detail::index_of(c, tier::call)].name;
}

std::string_view to_string(category c) noexcept { return detail::name_of(c); }

std::string_view to_string(tier t) noexcept {
  switch (t) {
    case tier::call: return "call";
    case tier::http: return "http";
  }
  return "unknown";
}

std::string_view to_string(delivery d) noexcept {
  switch (d) {
    case delivery::sync: return "sync";
    case delivery::async: return "async";
  }
  return "unknown";
}

std::string_view to_string(retryable r) noexcept {
  switch (r) {
    case retryable::no: return "no";
    case retryable::yes: return "yes";
    case retryable::unstated: return "unstated";
  }
  return "unknown";
}

std::string_view to_string(retry_hint h) noexcept {
  switch (h) {
    case retry_hint::never: return "never";
    case retry_hint::backoff: return "backoff";
    case retry_hint::later: return "later";
    case retry_hint::new_operation: return "new_operation";
  }
  return "unknown";
}

}  // namespace parley::errors
