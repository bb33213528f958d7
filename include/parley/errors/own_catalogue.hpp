// SPDX-License-Identifier: Apache-2.0
//
// A catalogue of a user's own: a table of rows that the compiler checks and lays out for lookup.
//
//   enum class reason : std::uint16_t { scope_missing, demo_key };   // numbers are forever
//   inline constexpr std::array own_rows = {
//       errors::http_row(errors::own_code(reason::scope_missing), 403, errors::retry_hint::never,
//                        "scope_missing", "#authentication", "The API key lacks a scope."),
//       errors::http_row(errors::own_code(reason::demo_key), 403, errors::retry_hint::never,
//                        "demo_key", "#authentication", "A demo key cannot place calls."),
//   };
//   inline constexpr auto rows = errors::merge(errors::built_in_rows, own_rows);
//
//   constexpr errors::catalogue_view all = errors::catalogue<rows>();
//   all.find("scope_missing")->http_status;   // 403
//
// A mistake in the table is a compile error that names the row. Up to 1,000 own codes compile under
// the default limits of the compilers. Everything is constant data: no start-up work, nothing
// allocates, every thread may read.

#ifndef PARLEY_ERRORS_OWN_CATALOGUE_HPP
#define PARLEY_ERRORS_OWN_CATALOGUE_HPP

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "parley/errors/catalogue.hpp"
#include "parley/errors/detail/name_hash.hpp"
#include "parley/errors/rows.hpp"

namespace parley::errors {
namespace detail {

/// What a table can have wrong; the texts are those of checked_row.
enum class rule : std::uint8_t {
  none,
  name_empty,
  name_too_long,
  name_not_snake_case,
  value_outside_enum,
  code_unknown,
  code_reserved,
  code_of_another_name,
  name_of_another_code,
  code_twice_in_tier,
  code_with_two_names,
  sync_without_status,
  async_with_status,
  async_in_http_tier,
  call_tier_without_category,
  http_tier_with_category,
  hint_against_retryable,
  anchor_not_a_link,
  message_empty,
};

struct finding {
  rule broken = rule::none;
  std::size_t index = 0;
};

constexpr bool is_snake_case(std::string_view name) noexcept {
  char before = '_';
  for (const char c : name) {
    const bool is_letter = c >= 'a' && c <= 'z';
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_letter && (before == '_' || (!is_digit && c != '_'))) return false;
    before = c;
  }
  return before != '_';
}

/// What is wrong with a row by itself.
constexpr rule broken_rule(const row& r) noexcept {
  if (r.name.empty()) return rule::name_empty;
  if (r.name.size() > name_bytes_max) return rule::name_too_long;
  if (!is_snake_case(r.name)) return rule::name_not_snake_case;
  if ((r.tier != tier::call && r.tier != tier::http) || r.category > category::provider_error ||
      (r.delivery != delivery::sync && r.delivery != delivery::async) ||
      r.retryable < retryable::no || r.retryable > retryable::unstated ||
      r.hint < retry_hint::never || r.hint > retry_hint::new_operation) {
    return rule::value_outside_enum;
  }
  if (r.code == code::unknown) return rule::code_unknown;
  if (!is_built_in(r.code) && !is_own(r.code)) return rule::code_reserved;
  if (r.delivery == delivery::sync && (r.http_status < 400 || r.http_status > 599)) {
    return rule::sync_without_status;
  }
  if (r.delivery == delivery::async && r.http_status != 0) return rule::async_with_status;
  if (r.delivery == delivery::async && r.tier == tier::http) return rule::async_in_http_tier;
  if (r.tier == tier::call && r.category == category::none) return rule::call_tier_without_category;
  if (r.tier == tier::http && r.category != category::none) return rule::http_tier_with_category;
  // What must not be retried has no hint to do so, and the other way round (G8).
  if (r.retryable != retryable::unstated &&
      (r.retryable == retryable::no) != (r.hint == retry_hint::never)) {
    return rule::hint_against_retryable;
  }
  if (!r.doc_anchor.starts_with('#') && !r.doc_anchor.starts_with("https://")) {
    return rule::anchor_not_a_link;
  }
  if (r.message.empty()) return rule::message_empty;
  return rule::none;
}

template <const auto& Rows>
consteval finding first_broken_row() {
  for (std::size_t i = 0; i < std::size(Rows); ++i) {
    if (const rule broken = broken_rule(Rows[i]); broken != rule::none) return {broken, i};
  }
  return {};
}

template <std::size_t PlacesCount>
struct placed_rows {
  finding found;
  std::size_t codes_count = 0;
  std::array<code_place, PlacesCount> places{};
};

/// Where each code stands. A code of a single tier answers in both, with the row that it has.
template <const auto& Rows, std::size_t PlacesCount>
consteval placed_rows<PlacesCount> place_rows() {
  placed_rows<PlacesCount> placed;
  for (code_place& each : placed.places) each = {none_placed, none_placed};
  for (std::size_t i = 0; i < std::size(Rows); ++i) {
    code_place& place = placed.places[place_index(Rows[i].code)];
    std::uint16_t& row_of_tier = Rows[i].tier == tier::call ? place.call_row : place.http_row;
    const std::uint16_t other = Rows[i].tier == tier::call ? place.http_row : place.call_row;
    if (row_of_tier != none_placed) {
      placed.found = {rule::code_twice_in_tier, i};
      return placed;
    }
    if (other != none_placed && Rows[other].name != Rows[i].name) {
      placed.found = {rule::code_with_two_names, i};
      return placed;
    }
    placed.codes_count += other == none_placed;
    row_of_tier = static_cast<std::uint16_t>(i);
  }
  for (code_place& each : placed.places) {
    if (each.call_row == none_placed) each.call_row = each.http_row;
    if (each.http_row == none_placed) each.http_row = each.call_row;
  }
  return placed;
}

template <const auto& Rows>
consteval std::size_t count_places() {
  std::size_t count = codes_count + 1;
  for (const row& each : Rows) {
    if (place_index(each.code) >= count) count = place_index(each.code) + 1;
  }
  return count;
}

/// The names, one entry for each code.
template <const auto& Rows, const auto& Places, std::size_t Count>
consteval std::array<name_entry, Count> make_entries() {
  std::array<name_entry, Count> entries{};
  std::size_t made = 0;
  for (const code_place& place : Places) {
    if (place.call_row == none_placed) continue;
    const row& first = Rows[place.call_row];
    entries[made++] = {read_words(first.name), static_cast<std::uint16_t>(first.name.size()),
                       first.code, place.call_row, place.http_row};
  }
  return entries;
}

template <std::size_t Count>
struct name_table {
  static constexpr std::size_t slots_count = std::bit_ceil(2 * Count);
  static constexpr std::size_t buckets_count = std::bit_ceil(Count < 4 ? 2 : Count / 2);
  static constexpr unsigned slot_shift = 32u - std::bit_width(slots_count - 1);
  static constexpr unsigned bucket_shift = 64u - std::bit_width(buckets_count - 1);

  std::uint64_t seed = 0;
  bool is_perfect = false;
  std::size_t same_name = 0;  // an entry with the name of one before it; 0: there is none
  std::array<std::uint16_t, slots_count> slots{};
  std::array<std::uint32_t, buckets_count> multipliers{};
};

/// The members of each bucket, side by side: those of bucket b begin at begins[b].
template <std::size_t Count>
struct bucket_list {
  std::array<std::uint64_t, Count> hashes{};
  std::array<std::uint16_t, Count> members{};
  std::array<std::uint16_t, name_table<Count>::buckets_count + 1> begins{};
};

template <std::size_t Count>
constexpr bucket_list<Count> fill_buckets(const std::array<name_entry, Count>& entries,
                                          std::uint64_t seed) noexcept {
  constexpr unsigned shift = name_table<Count>::bucket_shift;
  bucket_list<Count> filled;
  for (std::size_t i = 0; i < Count; ++i) {
    filled.hashes[i] = hash_name(entries[i].words, entries[i].size, seed);
    ++filled.begins[(filled.hashes[i] >> shift) + 1];
  }
  for (std::size_t b = 1; b < filled.begins.size(); ++b) filled.begins[b] += filled.begins[b - 1];
  auto next = filled.begins;
  for (std::size_t i = 0; i < Count; ++i) {
    filled.members[next[filled.hashes[i] >> shift]++] = static_cast<std::uint16_t>(i);
  }
  return filled;
}

/// Gives bucket `b` the first multiplier that sends its members to free slots of their own.
template <std::size_t Count>
constexpr bool settle_bucket(const bucket_list<Count>& buckets, std::size_t b,
                             std::array<bool, name_table<Count>::slots_count>& is_taken,
                             name_table<Count>& table) noexcept {
  const std::size_t begin = buckets.begins[b];
  const std::size_t end = buckets.begins[b + 1];
  std::uint32_t multiplier = 0x9E3779B1u;
  for (int attempt = 0; attempt < 1'000; ++attempt, multiplier *= 0x9E3779B1u) {
    std::size_t at = begin;
    for (; at < end; ++at) {
      const std::size_t slot =
          slot_of(buckets.hashes[buckets.members[at]], multiplier, table.slot_shift);
      if (is_taken[slot]) break;
      is_taken[slot] = true;
      table.slots[slot] = buckets.members[at];
    }
    if (at == end) {
      table.multipliers[b] = multiplier;
      return true;
    }
    while (at-- > begin) {
      const std::size_t slot =
          slot_of(buckets.hashes[buckets.members[at]], multiplier, table.slot_shift);
      is_taken[slot] = false;
      table.slots[slot] = 0;
    }
  }
  return false;
}

/// Hash and displace: the fullest buckets choose first, while there is room. A seed fails only
/// where two names have one hash, or the lower half of one in a bucket: then the next one is tried.
template <const auto& Rows, std::size_t Count>
consteval name_table<Count> make_table(const std::array<name_entry, Count>& entries) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const bucket_list<Count> buckets = fill_buckets(entries, seed);
    name_table<Count> table;
    table.seed = seed;
    std::array<bool, name_table<Count>::slots_count> is_taken{};
    std::size_t fullest = 0;
    for (std::size_t b = 0; b < table.buckets_count; ++b) {
      const std::size_t begin = buckets.begins[b];
      const std::size_t end = buckets.begins[b + 1];
      if (end - begin > fullest) fullest = end - begin;
      // Equal names are in one bucket; the later entry is the one to name.
      for (std::size_t i = begin; i < end; ++i) {
        for (std::size_t j = begin; j < i; ++j) {
          const std::size_t one = buckets.members[j];
          const std::size_t other = buckets.members[i];
          if (buckets.hashes[one] == buckets.hashes[other] &&
              Rows[entries[one].call_row].name == Rows[entries[other].call_row].name) {
            table.same_name = other;
            return table;
          }
        }
      }
    }
    table.is_perfect = true;
    for (std::size_t size = fullest; size > 0 && table.is_perfect; --size) {
      for (std::size_t b = 0; b < table.buckets_count && table.is_perfect; ++b) {
        if (static_cast<std::size_t>(buckets.begins[b + 1] - buckets.begins[b]) == size) {
          table.is_perfect = settle_bucket(buckets, b, is_taken, table);
        }
      }
    }
    if (table.is_perfect) return table;
  }
  return {};
}

/// A row's name where compilers show it: g++ in the arguments of a template, clang in those of a
/// call that cannot be evaluated.
template <std::size_t Size>
struct shown_name {
  char text[Size + 1]{};
};
template <std::size_t Size>
consteval shown_name<Size> show_name(std::string_view name) {
  shown_name<Size> shown;
  for (std::size_t i = 0; i < Size; ++i) shown.text[i] = name[i];
  return shown;
}
void the_row_breaks_a_rule();
constexpr bool check_row_named([[maybe_unused]] std::string_view name, rule broken) {
  if (broken != rule::none) the_row_breaks_a_rule();
  return true;
}

template <rule Broken, std::size_t Index, shown_name Name>
struct checked_row {
  static_assert(Broken != rule::name_empty, "a row has no name");
  static_assert(Broken != rule::name_too_long, "a row's name has more than 64 bytes");
  static_assert(Broken != rule::name_not_snake_case, "a row's name is not snake_case");
  static_assert(Broken != rule::value_outside_enum,
                "a row's tier, category, delivery, retryable or hint is no enumerator");
  static_assert(Broken != rule::code_unknown, "a row is for the code `unknown`");
  static_assert(Broken != rule::code_reserved,
                "a row's code is neither built in nor made by own_code()");
  static_assert(Broken != rule::code_of_another_name,
                "a row gives a built-in code another name, or a built-in name another code");
  static_assert(Broken != rule::name_of_another_code, "two codes have this name");
  static_assert(Broken != rule::code_twice_in_tier, "two rows of one tier are for this code");
  static_assert(Broken != rule::code_with_two_names, "the two rows of a code differ in its name");
  static_assert(Broken != rule::sync_without_status,
                "a synchronous code needs an HTTP status from 400 to 599");
  static_assert(Broken != rule::async_with_status, "an asynchronous code has no HTTP status");
  static_assert(Broken != rule::async_in_http_tier, "a code of the HTTP tier is synchronous");
  static_assert(Broken != rule::call_tier_without_category,
                "a row of the call tier needs a category");
  static_assert(Broken != rule::http_tier_with_category, "a row of the HTTP tier has no category");
  static_assert(Broken != rule::hint_against_retryable,
                "retryable::no and retry_hint::never go together");
  static_assert(Broken != rule::anchor_not_a_link,
                "a row's doc_anchor begins with neither # nor https://");
  static_assert(Broken != rule::message_empty, "a row has no message");
  static constexpr bool is_right = Broken == rule::none;
};

template <const auto& Rows, finding Found>
consteval bool check_finding() {
  if constexpr (Found.broken == rule::none) {
    return true;
  } else {
    constexpr std::string_view name = Rows[Found.index].name;
    static_assert(check_row_named(name, Found.broken));
    return checked_row<Found.broken, Found.index, show_name<name.size()>(name)>::is_right;
  }
}

template <const auto& Rows>
struct placed {
  static constexpr auto value = place_rows<Rows, count_places<Rows>()>();
};

template <const auto& Rows>
struct indexed {
  static constexpr const auto& places = placed<Rows>::value.places;
  static constexpr auto entries = make_entries<Rows, places, placed<Rows>::value.codes_count>();
  static constexpr auto table = make_table<Rows>(entries);
  static constexpr finding found =
      table.same_name == 0 ? finding{}
                           : finding{rule::name_of_another_code, entries[table.same_name].call_row};
  static_assert(table.is_perfect || table.same_name != 0, "no perfect hash was found");
  static constexpr catalogue_index index = {
      std::data(Rows),          std::size(Rows), entries.data(), table.slots.data(),
      table.multipliers.data(), places.data(),   places.size(),  table.seed,
      table.bucket_shift,       table.slot_shift};
};

/// A built-in code has its built-in name, and no other code has it.
template <const auto& Rows>
consteval finding first_against_built_in() {
  for (std::size_t i = 0; i < std::size(Rows); ++i) {
    const code of_name = find_name(indexed<built_in_rows>::index, Rows[i].name).code;
    if (of_name != (is_built_in(Rows[i].code) ? Rows[i].code : code::unknown)) {
      return {rule::code_of_another_name, i};
    }
  }
  return {};
}

/// The steps, each a constant of its own: compilers limit the work for one. A step is taken where
/// the one before found nothing; else a static_assert has failed, and what is given is anything.
template <const auto& Rows>
consteval const catalogue_index& make_index() {
  static_assert(std::size(Rows) > 0, "a catalogue has a row");
  if constexpr (check_finding<Rows, first_broken_row<Rows>()>()) {
    if constexpr (check_finding<Rows, placed<Rows>::value.found>()) {
      if constexpr (check_finding<Rows, indexed<Rows>::found>()) {
        if constexpr (check_finding<Rows, first_against_built_in<Rows>()>()) {
          return indexed<Rows>::index;
        }
      }
    }
  }
  return indexed<built_in_rows>::index;
}

}  // namespace detail

/// The catalogue of a table: a constexpr array of rows in static storage. `merge` puts a user's
/// rows beside the built-in ones; without it the catalogue holds the user's alone. Does not compile
/// where a row breaks a rule:
///   - a name is snake_case and has at most 64 bytes; one code has it, in one row a tier;
///   - a code is built in, under its own name, or made by own_code();
///   - a synchronous code has a status from 400 to 599, an asynchronous one has none;
///   - the call tier has a category, the HTTP tier has none and is synchronous;
///   - retryable::no and retry_hint::never go together;
///   - an anchor begins with # or is an address, and there is a message.
template <const auto& Rows>
constexpr catalogue_view catalogue() noexcept {
  return catalogue_view(detail::make_index<Rows>());
}

}  // namespace parley::errors

#endif  // PARLEY_ERRORS_OWN_CATALOGUE_HPP
