// SPDX-License-Identifier: Apache-2.0
#include "parley/e164/number.hpp"

#include <algorithm>
#include <cassert>
#include <ostream>

#include "e164/matcher.hpp"
#include "e164/shipped_tables.hpp"
#include "parley/e164/policy.hpp"

namespace parley::e164 {
namespace {

using detail::word;

classification classify_now(std::string_view text) noexcept {
  return detail::access::make(detail::match(detail::shipped, text));
}

// Eight digits, a byte each and the first one lowest, in 32 bits and the first one highest.
word pack8(word digits) noexcept {
  word packed = (digits << 4 | digits >> 8) & 0x00FF00FF00FF00FF;
  packed = (packed << 8 | packed >> 16) & 0x0000FFFF0000FFFF;
  return (packed << 16 | packed >> 32) & 0xFFFFFFFF;
}

// Of a valid number: 4 bits a digit, the first one highest; the lowest 4 say how many.
std::uint64_t pack(std::string_view text) noexcept {
  const std::size_t size = text.size();
  if (size > 8) [[likely]] {
    const word front = detail::digits_of(detail::load8(text.data() + 1));
    // Of the last eight bytes those behind the ninth; what is shifted in is 0, as it should be.
    const word back = detail::digits_of(detail::load8(text.data() + size - 8)) >> 8;
    return pack8(front) << 32 | pack8(back >> (16 - size) * 8) | (size - 1);
  }
  std::uint64_t packed = 0;
  for (std::size_t i = 1; i < size; ++i) {
    packed |= static_cast<std::uint64_t>(text[i] - '0') << (64 - 4 * i);
  }
  return packed | (size - 1);
}

}  // namespace

std::string_view to_string(number_type t) noexcept {
  switch (t) {
    case number_type::none: return "none";
    case number_type::fixed_line: return "fixed_line";
    case number_type::mobile: return "mobile";
    case number_type::fixed_line_or_mobile: return "fixed_line_or_mobile";
    case number_type::toll_free: return "toll_free";
    case number_type::premium_rate: return "premium_rate";
    case number_type::shared_cost: return "shared_cost";
    case number_type::voip: return "voip";
    case number_type::personal_number: return "personal_number";
    case number_type::pager: return "pager";
    case number_type::uan: return "uan";
    case number_type::voicemail: return "voicemail";
  }
  return "unknown";  // a value from a newer or a corrupt peer
}

std::string_view to_string(verdict v) noexcept {
  switch (v) {
    case verdict::allowed: return "allowed";
    case verdict::not_valid: return "not_valid";
    case verdict::calling_code_refused: return "calling_code_refused";
    case verdict::type_refused: return "type_refused";
  }
  return "unknown";
}

std::string_view classification::region() const noexcept {
  return detail::shipped_regions[field(detail::region_at, 8)];
}

classification classify(std::string_view text) noexcept { return classify_now(text); }

void classify(std::span<const std::string_view> texts, std::span<classification> answers) noexcept {
  assert(texts.size() == answers.size());
  const std::size_t size = std::min(texts.size(), answers.size());
  for (std::size_t i = 0; i < size; ++i) answers[i] = classify_now(texts[i]);
}

result<number, classification> parse(std::string_view text) noexcept {
  const classification found = classify_now(text);
  if (!found) return failure{found};
  return detail::access::make(pack(text), found);
}

std::optional<number> without_trunk_zero(std::string_view text) noexcept {
  const classification found = classify_now(text);
  if (found || found.calling_code() == 0) return {};
  const std::size_t code_size = found.calling_code() < 10 ? 2 : found.calling_code() < 100 ? 3 : 4;
  if (text.size() <= code_size || text[code_size] != '0') return {};
  std::array<char, 1 + digits_max> shorter{};
  const auto end = std::copy(text.begin() + static_cast<std::ptrdiff_t>(code_size) + 1, text.end(),
                             std::copy_n(text.begin(), code_size, shorter.begin()));
  const auto parsed = parse({shorter.data(), static_cast<std::size_t>(end - shorter.begin())});
  if (!parsed) return {};
  return *parsed;
}

bool is_calling_code(unsigned code) noexcept {
  return detail::is_calling_code(detail::shipped, code);
}

std::string_view metadata_version() noexcept { return detail::shipped_version; }

std::string to_string(const number& n) { return std::string(n.text().view()); }

std::ostream& operator<<(std::ostream& out, const number& n) { return out << n.text().view(); }
std::ostream& operator<<(std::ostream& out, number_type t) { return out << to_string(t); }
std::ostream& operator<<(std::ostream& out, status s) { return out << to_string(s); }

}  // namespace parley::e164
