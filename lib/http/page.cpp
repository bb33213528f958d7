// SPDX-License-Identifier: Apache-2.0
#include "parley/http/page.hpp"

#include <algorithm>

#include "http/text.hpp"

namespace parley::http {
namespace {

envelope::error refuse(std::string_view field, std::string message, std::string explanation) {
  return envelope::error(errors::code::validation_error)
      .with_message(std::move(message))
      .with_field(std::string(field), std::move(explanation));
}

std::optional<std::string> decode(std::string_view text) {
  std::string plain(text);
  std::ranges::replace(plain, '+', ' ');
  std::string decoded;
  if (!append_decoded(decoded, plain)) return std::nullopt;
  return decoded;
}

}  // namespace

query_value find_in_query(std::string_view query, std::string_view name) {
  query_value found;
  while (!query.empty()) {
    const std::string_view each = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), each.size() + 1));
    const std::size_t equals = std::min(each.find('='), each.size());
    if (decode(each.substr(0, equals)) != name) continue;
    if (++found.count > 1) continue;
    found.text = decode(each.substr(std::min(each.size(), equals + 1)));
  }
  return found;
}

pager::pager(const cursor::key_ring& ring, pager_options options)
    : ring_(ring), options_(std::move(options)) {
  if (!options_.now) {
    options_.now = [] {
      return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    };
  }
}

result<pager::checked, envelope::error> pager::parameters(const request_view& request) const {
  cursor::page_query query;
  std::optional<std::string> texts[3];
  const std::pair<cursor::page_field, std::optional<std::string_view>*> places[] = {
      {cursor::page_field::limit, &query.limit},
      {cursor::page_field::order, &query.order},
      {cursor::page_field::cursor, &query.cursor}};
  for (std::size_t i = 0; i < std::size(places); ++i) {
    const auto& [field, place] = places[i];
    const std::string_view name = to_string(field);
    query_value found = find_in_query(request.query, name);
    if (found.count == 0) continue;
    if (found.count > 1) {
      return failure{
          refuse(name, std::string(name) + " must be sent once.", "Sent more than once")};
    }
    if (!found.text) {
      return failure{refuse(name, "The query is not valid.", "Malformed percent escape")};
    }
    texts[i] = std::move(found.text);
    *place = *texts[i];
  }
  auto read = cursor::read_page(query, options_.limits);
  if (!read) {
    const std::string_view name = to_string(read.error().field);
    return failure{
        refuse(name, "The " + std::string(name) + " is not valid.", read.error().message)};
  }
  checked made{.limit = read->limit, .order = read->order, .cursor = {}};
  if (read->cursor) made.cursor = std::move(texts[2]);
  return made;
}

envelope::error pager::refusal(cursor::errc why) {
  const std::string message(client_message(why));
  return refuse("cursor", message, message);
}

void pager::tell_read(std::string_view text, std::optional<cursor::errc> refused) const noexcept {
  if (options_.observer == nullptr) return;
  options_.observer->on_cursor(
      {.is_issued = false, .refused = refused, .key_id = cursor::key_id_of(text)});
}

void pager::tell_issued(std::uint8_t key_id) const noexcept {
  if (options_.observer == nullptr) return;
  options_.observer->on_cursor({.is_issued = true, .refused = {}, .key_id = key_id});
}

}  // namespace parley::http
