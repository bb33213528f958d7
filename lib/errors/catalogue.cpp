// SPDX-License-Identifier: Apache-2.0
#include "parley/errors/catalogue.hpp"

#include <algorithm>
#include <cstring>

#include "errors/rows.hpp"

namespace parley::errors {
namespace {

using detail::rows;
using detail::rows_count;

static_assert(sizeof(row) == 64);

// The table is checked below by functions that give the index of the first row that breaks a rule,
// or rows_count: the compiler's message then names the row.

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

consteval std::size_t first_duplicate() {
  for (std::size_t i = 0; i < rows_count; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (rows[i].tier == rows[j].tier &&
          (rows[i].name == rows[j].name || rows[i].code == rows[j].code)) {
        return i;
      }
      if ((rows[i].name == rows[j].name) != (rows[i].code == rows[j].code)) return i;
    }
  }
  return rows_count;
}
static_assert(first_duplicate() == rows_count, "two rows of a tier share a name or a code");

consteval std::size_t first_with_wrong_status() {
  for (std::size_t i = 0; i < rows_count; ++i) {
    const bool error_status = rows[i].http_status >= 400 && rows[i].http_status <= 599;
    const bool no_status = rows[i].http_status == 0;
    if (rows[i].delivery == delivery::sync ? !error_status : !no_status) return i;
  }
  return rows_count;
}
static_assert(first_with_wrong_status() == rows_count,
              "a synchronous code needs a status from 400 to 599, an asynchronous one has none");

consteval std::size_t first_with_wrong_tier() {
  for (std::size_t i = 0; i < rows_count; ++i) {
    const bool in_call_tier = rows[i].tier == tier::call;
    if ((rows[i].category != category::none) != in_call_tier) return i;
    if ((rows[i].retryable != retryable::unstated) != in_call_tier) return i;
    // What must not be retried has no hint to do so, and the other way round (G8).
    if (in_call_tier && (rows[i].retryable == retryable::no) != (rows[i].hint == retry_hint::never))
      return i;
  }
  return rows_count;
}
static_assert(first_with_wrong_tier() == rows_count,
              "category and retryable belong to the call tier, and the hint follows the latter");

consteval bool is_snake_case(std::string_view name) {
  char before = '_';
  for (const char c : name) {
    const bool letter = c >= 'a' && c <= 'z';
    const bool digit = c >= '0' && c <= '9';
    if (!letter && !digit && c != '_') return false;
    if (before == '_' && !letter) return false;
    before = c;
  }
  return before != '_';
}
static_assert(is_snake_case("a_b2") && !is_snake_case("") && !is_snake_case("_a") &&
              !is_snake_case("a_") && !is_snake_case("a__b") && !is_snake_case("aB"));

consteval std::size_t first_with_wrong_text() {
  for (std::size_t i = 0; i < rows_count; ++i) {
    if (!is_snake_case(rows[i].name)) return i;
    if (!rows[i].doc_anchor.starts_with('#')) return i;
    if (!rows[i].message.ends_with('.')) return i;
  }
  return rows_count;
}
static_assert(first_with_wrong_text() == rows_count,
              "a name is snake_case, an anchor begins with #, a message ends with a full stop");

// Name -> row: a perfect hash over the length, one character from the front and one from the end.
// The compiler looks for the two places and the multiplier that keep all names apart.

constexpr std::size_t name_size_min =
    std::ranges::min(rows, {}, [](const row& r) { return r.name.size(); }).name.size();
constexpr std::size_t name_size_max =
    std::ranges::max(rows, {}, [](const row& r) { return r.name.size(); }).name.size();

constexpr unsigned slot_bits = 7;

struct name_hash {
  std::size_t from_front = 0;
  std::size_t from_end = 0;
  std::uint32_t multiplier = 0;

  constexpr std::size_t operator()(std::string_view name) const noexcept {
    const auto front = static_cast<unsigned char>(name[from_front]);
    const auto end = static_cast<unsigned char>(name[name.size() - 1 - from_end]);
    const std::uint32_t key = static_cast<std::uint32_t>(name.size()) |
                              static_cast<std::uint32_t>(front) << 8 |
                              static_cast<std::uint32_t>(end) << 16;
    return (key * multiplier) >> (32 - slot_bits);
  }

  constexpr bool keeps_names_apart() const noexcept {
    std::array<bool, std::size_t{1} << slot_bits> taken{};
    for (std::size_t i = 0; i < rows_count; ++i) {
      if (!is_first_of_code(i)) continue;
      bool& slot = taken[(*this)(rows[i].name)];
      if (slot) return false;
      slot = true;
    }
    return true;
  }
};

consteval name_hash find_name_hash() {
  // Odd multiples of 2^32 divided by the golden ratio: spread, and the same in every build.
  name_hash hash{0, 0, 0x9E3779B1u};
  for (int round = 0; round < 64; ++round, hash.multiplier *= 0x9E3779B1u) {
    for (hash.from_front = 0; hash.from_front < name_size_min; ++hash.from_front) {
      for (hash.from_end = 0; hash.from_end < name_size_min; ++hash.from_end) {
        if (hash.keeps_names_apart()) return hash;
      }
    }
  }
  return {};
}
constexpr name_hash hash_name = find_name_hash();
static_assert(hash_name.multiplier != 0, "no perfect hash was found: raise slot_bits");

// An empty slot holds row 0: the comparison that follows refuses it like any other wrong name.
consteval std::array<std::uint8_t, std::size_t{1} << slot_bits> fill_slots() {
  std::array<std::uint8_t, std::size_t{1} << slot_bits> slots{};
  for (std::size_t i = 0; i < rows_count; ++i) {
    if (is_first_of_code(i)) slots[hash_name(rows[i].name)] = static_cast<std::uint8_t>(i);
  }
  return slots;
}
constexpr auto slots = fill_slots();

// The names once more, each in a block that can be read as three words whatever a candidate's size
// is, so that a lookup has no branch that depends on which name it is: which one comes next is what
// a branch predictor cannot know.
struct name_block {
  std::array<char, 24> text{};
  std::uint8_t size = 0;
  errors::code code = code::unknown;
};
static_assert(name_size_min >= 4 && name_size_max <= 24);

consteval std::array<name_block, rows_count> fill_blocks() {
  std::array<name_block, rows_count> blocks;
  for (std::size_t i = 0; i < rows_count; ++i) {
    std::ranges::copy(rows[i].name, blocks[i].text.begin());
    blocks[i].size = static_cast<std::uint8_t>(rows[i].name.size());
    blocks[i].code = rows[i].code;
  }
  return blocks;
}
constexpr auto blocks = fill_blocks();

template <class Word>
Word load(const char* from) noexcept {
  Word loaded;
  std::memcpy(&loaded, from, sizeof loaded);
  return loaded;
}

// Zero where the first `size` bytes are the same: overlapping words cover name_size_min to
// name_size_max of them.
std::uint64_t difference(const char* a, const char* b, std::size_t size) noexcept {
  if (size < 8) {
    return (load<std::uint32_t>(a) ^ load<std::uint32_t>(b)) |
           (load<std::uint32_t>(a + size - 4) ^ load<std::uint32_t>(b + size - 4));
  }
  const std::size_t last = size - 8;
  const std::size_t middle = std::min<std::size_t>(last, 8);
  return (load<std::uint64_t>(a) ^ load<std::uint64_t>(b)) |
         (load<std::uint64_t>(a + middle) ^ load<std::uint64_t>(b + middle)) |
         (load<std::uint64_t>(a + last) ^ load<std::uint64_t>(b + last));
}

constexpr std::array<category, 6> categories = {
    category::invalid_request, category::compliance_blocked, category::account_limit,
    category::unreachable,     category::voicemail,          category::provider_error,
};

}  // namespace

std::span<const row> catalogue() noexcept { return rows; }

const row& row_of(code c, tier wanted) noexcept { return rows[detail::index_of(c, wanted)]; }

code find_code(std::string_view name) noexcept {
  if (name.size() < name_size_min || name.size() > name_size_max) return code::unknown;
  const name_block& candidate = blocks[slots[hash_name(name)]];
  const std::uint64_t differs =
      (candidate.size ^ name.size()) | difference(candidate.text.data(), name.data(), name.size());
  return differs == 0 ? candidate.code : code::unknown;
}

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
