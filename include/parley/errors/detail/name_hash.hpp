// SPDX-License-Identifier: Apache-2.0
//
// How a wire name becomes a place in a table: the same at compile time, where the table is made,
// and at run time, where it is read. Not for users: it may change with any release.

#ifndef PARLEY_ERRORS_DETAIL_NAME_HASH_HPP
#define PARLEY_ERRORS_DETAIL_NAME_HASH_HPP

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "parley/errors/catalogue.hpp"

namespace parley::errors::detail {

/// The longest wire name of a catalogue.
inline constexpr std::size_t name_bytes_max = 64;

/// Names up to here are their words and their size; of longer ones the words are a digest.
inline constexpr std::size_t exact_bytes_max = 24;

/// Of `Word` as a load from memory gives it, also where the compiler evaluates.
template <class Word>
constexpr Word load(const char* from) noexcept {
  Word loaded = 0;
  if (std::is_constant_evaluated()) {
    for (std::size_t i = 0; i < sizeof(Word); ++i) {
      const std::size_t place =
          std::endian::native == std::endian::little ? i : sizeof(Word) - 1 - i;
      loaded |= static_cast<Word>(static_cast<unsigned char>(from[i])) << (8 * place);
    }
  } else {
    std::memcpy(&loaded, from, sizeof loaded);
  }
  return loaded;
}

struct name_words {
  std::uint64_t first = 0;
  std::uint64_t middle = 0;
  std::uint64_t last = 0;
};

/// Reads a name of any size but 0. From 8 to 24 bytes no branch depends on the size: overlapping
/// words cover them all, and which name comes next is what a branch predictor cannot know.
constexpr name_words read_words(std::string_view name) noexcept {
  const char* const text = name.data();
  const std::size_t size = name.size();
  if (size >= 8) [[likely]] {
    const std::size_t last = size - 8;
    const std::size_t middle = last < 8 ? last : 8;
    name_words words{load<std::uint64_t>(text), load<std::uint64_t>(text + middle),
                     load<std::uint64_t>(text + last)};
    for (std::size_t at = 16; at < last; at += 8) {
      words.middle = (words.middle ^ words.middle >> 29) * 0x9FB21C651E98DF25u;
      words.middle ^= load<std::uint64_t>(text + at);
    }
    return words;
  }
  if (size >= 4) {
    const std::uint64_t end = load<std::uint32_t>(text + size - 4);
    return {load<std::uint32_t>(text) | end << 32};
  }
  const auto byte = [text](std::size_t at) -> std::uint64_t {
    return static_cast<unsigned char>(text[at]);
  };
  return {byte(0) | byte(size / 2) << 8 | byte(size - 1) << 16};
}

/// 64 bits of which the upper and the lower half each depend on the whole name: a product's upper
/// bits depend on all of its factor. Odd constants without a pattern.
constexpr std::uint64_t hash_name(const name_words& words, std::size_t size,
                                  std::uint64_t seed) noexcept {
  const std::uint64_t sum = (words.first ^ seed) * 0x9E3779B97F4A7C15u +
                            words.middle * 0xC2B2AE3D27D4EB4Fu +
                            (words.last ^ size) * 0x165667B19E3779F9u;
  return sum ^ sum >> 32;
}

/// One name. `words` of a name that is too long for them are compared first, then the text.
struct name_entry {
  name_words words;
  std::uint16_t size = 0;
  errors::code code = errors::code::unknown;
  std::uint16_t call_row = 0;  ///< what find() gives for this tier: the other tier's row where
  std::uint16_t http_row = 0;  ///< there is none
};
static_assert(sizeof(name_entry) == 32);

/// Where the rows of a code are; none_placed in both where there are none.
struct code_place {
  std::uint16_t call_row = 0;
  std::uint16_t http_row = 0;
};
inline constexpr std::uint16_t none_placed = 0xFFFF;

/// The place of a code in catalogue_index::places, which may be shorter.
constexpr std::size_t place_index(code c) noexcept {
  const auto value = static_cast<std::size_t>(c);
  if (value < own_codes_begin) return value <= codes_count ? value : 0;
  return value - own_codes_begin + codes_count + 1;
}

/// A catalogue laid out for lookup: a perfect hash in two steps. The upper bits of a name's hash
/// choose a bucket, whose multiplier sends the lower bits to a slot that no other name has.
struct catalogue_index {
  const row* rows;
  std::size_t rows_count;
  const name_entry* entries;
  const std::uint16_t* slots;  ///< index into entries; 0 where no name is
  const std::uint32_t* multipliers;
  const code_place* places;
  std::size_t places_count;
  std::uint64_t seed;
  unsigned bucket_shift;
  unsigned slot_shift;
};

constexpr std::size_t slot_of(std::uint64_t hash, std::uint32_t multiplier,
                              unsigned slot_shift) noexcept {
  return (static_cast<std::uint32_t>(hash) * multiplier) >> slot_shift;
}

/// What find_name() gives for a name that the catalogue does not hold. Not a null pointer: with
/// UndefinedBehaviorSanitizer g++ compares none of those in a constant (bug 71962).
inline constexpr name_entry no_name{};

/// The entry, or one of the code `unknown`.
constexpr const name_entry& find_name(const catalogue_index& in, std::string_view name) noexcept {
  const std::size_t size = name.size();
  if (size - 1 >= name_bytes_max) return no_name;  // and of no byte at all
  const name_words words = read_words(name);
  const std::uint64_t hash = hash_name(words, size, in.seed);
  const std::uint32_t multiplier = in.multipliers[hash >> in.bucket_shift];
  const name_entry& candidate = in.entries[in.slots[slot_of(hash, multiplier, in.slot_shift)]];
  const std::uint64_t differs = (candidate.words.first ^ words.first) |
                                (candidate.words.middle ^ words.middle) |
                                (candidate.words.last ^ words.last) | (candidate.size ^ size);
  if (differs != 0) return no_name;
  if (size > exact_bytes_max && in.rows[candidate.call_row].name != name) return no_name;
  return candidate;
}

}  // namespace parley::errors::detail

#endif  // PARLEY_ERRORS_DETAIL_NAME_HASH_HPP
