// SPDX-License-Identifier: Apache-2.0
//
// A table with one mistake, chosen by the macro PARLEY_CASE: CMakeLists.txt has what the compiler
// must say of it. Case 0 has none.

#include <array>
#include <string_view>

#include "parley/errors/own_catalogue.hpp"

namespace errors = parley::errors;
using errors::category;
using errors::code;
using errors::own_code;
using errors::retry_hint;
using errors::retryable;

namespace {

constexpr errors::row good =
    errors::http_row(own_code(0), 403, retry_hint::never, "scope_missing", "#own", "A good row.");

constexpr errors::row http(code c, std::uint16_t status, std::string_view name) {
  return errors::http_row(c, status, retry_hint::never, name, "#own", "A row.");
}
constexpr errors::row call(category bucket, std::uint16_t status, retryable again,
                           std::string_view name) {
  return errors::call_row(own_code(1), bucket, status, again, retry_hint::never, name, "#own",
                          "A row.");
}
constexpr errors::row with(errors::row r, errors::delivery d) {
  r.delivery = d;
  return r;
}
constexpr errors::row linked(std::string_view anchor, std::string_view message) {
  return errors::http_row(own_code(1), 403, retry_hint::never, "plain_key", anchor, message);
}

#if PARLEY_CASE < 20
constexpr errors::row second =
#if PARLEY_CASE == 0
    http(own_code(1), 403, "demo_key");
#elif PARLEY_CASE == 1
    http(own_code(1), 403, "scope_missing");
#elif PARLEY_CASE == 2
    http(own_code(0), 403, "scope_missing");
#elif PARLEY_CASE == 3
    http(own_code(1), 0, "no_status");
#elif PARLEY_CASE == 4
    with(call(category::unreachable, 503, retryable::no, "late_status"), errors::delivery::async);
#elif PARLEY_CASE == 5
    http(own_code(1), 403, "notSnakeCase");
#elif PARLEY_CASE == 6
    http(own_code(1), 403, "");
#elif PARLEY_CASE == 7
    http(own_code(1), 403, "a_name_of_sixty_five_bytes_is_one_more_than_a_catalogue_will_take");
#elif PARLEY_CASE == 8
    http(code::unknown, 403, "of_unknown");
#elif PARLEY_CASE == 9
    http(code{500}, 403, "of_reserved");
#elif PARLEY_CASE == 10
    http(code::not_found, 404, "no_such_thing");
#elif PARLEY_CASE == 11
    http(own_code(1), 404, "not_found");
#elif PARLEY_CASE == 12
    call(category::none, 403, retryable::no, "no_bucket");
#elif PARLEY_CASE == 13
    errors::row{
        own_code(1),       errors::tier::http,     category::voicemail, 403,    retryable::unstated,
        retry_hint::never, errors::delivery::sync, "has_bucket",        "#own", "A row."};
#elif PARLEY_CASE == 14
    call(category::account_limit, 403, retryable::yes, "never_again");
#elif PARLEY_CASE == 15
    linked("own", "A row.");
#elif PARLEY_CASE == 16
    linked("#own", "");
#elif PARLEY_CASE == 17
    call(category::account_limit, 403, retryable::no, "other_name");
#elif PARLEY_CASE == 18
    with(http(own_code(1), 0, "late_http"), errors::delivery::async);
#elif PARLEY_CASE == 19
    call(category{9}, 403, retryable::no, "ninth_category");
#endif
#endif

#if PARLEY_CASE == 17
constexpr std::array rows = {http(own_code(1), 403, "one_name"), second};
#elif PARLEY_CASE == 20
constexpr auto rows = errors::merge(errors::built_in_rows, errors::built_in_rows);
#elif PARLEY_CASE == 21
constexpr std::array<errors::row, 0> rows{};
#else
constexpr std::array rows = {good, second};
#endif

constexpr errors::catalogue_view made = errors::catalogue<rows>();

}  // namespace

int main() { return made.size() == rows.size() ? 0 : 1; }
