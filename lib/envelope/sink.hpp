// SPDX-License-Identifier: Apache-2.0
//
// What the writers of JSON share: bytes into a buffer that may be too small, and texts of any bytes
// as the inside of a JSON string.

#ifndef PARLEY_LIB_ENVELOPE_SINK_HPP
#define PARLEY_LIB_ENVELOPE_SINK_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "envelope/constant.hpp"

namespace parley::envelope::detail {

// Takes bytes while they fit and counts them all.
class sink {
 public:
  explicit sink(std::span<char> out) noexcept
      : begin_(out.data()), next_(out.data()), end_(out.data() + out.size()) {}

  std::size_t room() const noexcept { return static_cast<std::size_t>(end_ - next_); }
  std::size_t size() const noexcept { return static_cast<std::size_t>(next_ - begin_) + lost_; }

  void append(std::string_view text) noexcept {
    if (text.size() > room()) {
      lost_ += text.size();
      return;
    }
    if (!text.empty()) std::memcpy(next_, text.data(), text.size());
    next_ += text.size();
  }

  // A text of the constants. They are padded so that whole blocks can be read; what is written too
  // much is overwritten by what follows, or lies behind the envelope. A copy of the exact length is
  // a call, or worse: compilers turn one of at most 255 bytes into `rep movsb`.
  void append_constant(std::string_view text) noexcept {
    constexpr std::size_t block = 64;
    static_assert(sizeof(constant) >= block);
    const std::size_t blocks = (text.size() + block - 1) / block;
    if (blocks * block > room()) {
      append(text);
      return;
    }
    for (std::size_t i = 0; i < blocks; ++i) {
      std::memcpy(next_ + i * block, text.data() + i * block, block);
    }
    next_ += text.size();
  }

  // Of the eight bytes of `word` in memory, the first `count`.
  void append(std::uint64_t word, std::size_t count) noexcept {
    if (room() < sizeof word) {
      std::array<char, sizeof word> bytes;
      std::memcpy(bytes.data(), &word, sizeof word);
      append({bytes.data(), count});
      return;
    }
    std::memcpy(next_, &word, sizeof word);
    next_ += count;
  }

 private:
  char* begin_;
  char* next_;
  char* end_;
  std::size_t lost_ = 0;
};

constexpr std::uint64_t every_byte(unsigned char value) { return 0x0101010101010101u * value; }

// The number of bytes in front that JSON takes as they are: from 0x20 to 0x7F, but quote and
// backslash; 8 where all are such. A borrow from a byte that is not plain may mark the ones after
// it, never the ones before it.
inline std::size_t plain_prefix(std::uint64_t word) noexcept {
  if constexpr (std::endian::native == std::endian::big) {
    auto bytes = std::bit_cast<std::array<char, sizeof word>>(word);
    std::ranges::reverse(bytes);
    word = std::bit_cast<std::uint64_t>(bytes);
  }
  const std::uint64_t below_blank = word - every_byte(0x20);
  const std::uint64_t is_quote = (word ^ every_byte('"')) - every_byte(1);
  const std::uint64_t is_backslash = (word ^ every_byte('\\')) - every_byte(1);
  const std::uint64_t marks = (below_blank | is_quote | is_backslash | word) & every_byte(0x80);
  return static_cast<std::size_t>(std::countr_zero(marks)) / 8;
}

inline std::uint64_t load(const char* from) noexcept {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// The last `left` (1 to 7) bytes of a text that ends at `end` as the first ones of a word; what
// follows them there is unspecified. No byte outside the text is read.
inline std::uint64_t load_tail(const char* end, std::size_t left, std::size_t text_size) noexcept {
  if (text_size >= sizeof(std::uint64_t)) {
    const std::uint64_t last = load(end - sizeof(std::uint64_t));
    const std::size_t too_many_bits = 8 * (sizeof last - left);
    return std::endian::native == std::endian::little ? last >> too_many_bits
                                                      : last << too_many_bits;
  }
  std::array<char, 8> bytes{};
  for (std::size_t i = 0; i < left; ++i) bytes[i] = (end - left)[i];
  return std::bit_cast<std::uint64_t>(bytes);
}

inline unsigned byte_at(const char* at) noexcept { return static_cast<unsigned char>(*at); }

inline bool is_between(const char* at, unsigned low, unsigned high) noexcept {
  return byte_at(at) >= low && byte_at(at) <= high;
}

// The length of the well-formed sequence of two to four bytes at `at`, or 0: Unicode 15.0, table
// 3-7 (no overlong form, no surrogate, nothing above U+10FFFF).
inline std::size_t sequence_size(const char* at, const char* end) noexcept {
  const unsigned lead = byte_at(at);
  const auto left = static_cast<std::size_t>(end - at);
  if (lead < 0xC2 || lead > 0xF4 || left < 2) return 0;
  if (lead < 0xE0) return is_between(at + 1, 0x80, 0xBF) ? 2 : 0;
  const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (left < 3 || !is_between(at + 1, low, high) || !is_between(at + 2, 0x80, 0xBF)) return 0;
  if (lead < 0xF0) return 3;
  return left >= 4 && is_between(at + 3, 0x80, 0xBF) ? 4 : 0;
}

inline void append_escape(sink& out, unsigned byte) noexcept {
  switch (byte) {
    case '"': out.append(R"(\")"); return;
    case '\\': out.append(R"(\\)"); return;
    case '\b': out.append(R"(\b)"); return;
    case '\f': out.append(R"(\f)"); return;
    case '\n': out.append(R"(\n)"); return;
    case '\r': out.append(R"(\r)"); return;
    case '\t': out.append(R"(\t)"); return;
    default: break;
  }
  constexpr std::string_view digits = "0123456789abcdef";
  const std::array<char, 6> text = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
  out.append({text.data(), text.size()});
}

// Writes what stands at `at` and is not plain, up to the next ASCII byte; gives where it ended.
inline const char* append_special(sink& out, const char* at, const char* end) noexcept {
  if (byte_at(at) < 0x80) {
    append_escape(out, byte_at(at));
    return at + 1;
  }
  do {
    const std::size_t size = sequence_size(at, end);
    if (size == 0) {
      out.append("\xEF\xBF\xBD");  // U+FFFD
      ++at;
    } else {
      out.append({at, size});
      at += size;
    }
  } while (at != end && byte_at(at) >= 0x80);
  return at;
}

inline void append_escaped(sink& out, std::string_view text) noexcept {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    const auto left = static_cast<std::size_t>(end - at);
    const std::size_t loaded = std::min(left, sizeof(std::uint64_t));
    const std::uint64_t word = left >= sizeof word ? load(at) : load_tail(end, left, text.size());
    const std::size_t plain = std::min(plain_prefix(word), loaded);
    out.append(word, plain);
    at += plain;
    if (plain != loaded) at = append_special(out, at, end);
  }
}

// One pass for what fits a buffer on the stack, as nearly every error does. `write` fills a span
// and gives the length that is needed.
template <class Write>
std::string make_string(const Write& write) {
  std::array<char, 1024> small;
  const std::size_t size = write(std::span<char>(small));
  if (size <= small.size()) return {small.data(), size};
  std::string text(size, '\0');
  write(std::span<char>(text));
  return text;
}

}  // namespace parley::envelope::detail

#endif  // PARLEY_LIB_ENVELOPE_SINK_HPP
