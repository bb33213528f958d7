// SPDX-License-Identifier: Apache-2.0
#include "e164/gen/compare.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "e164/matcher.hpp"

namespace parley::e164::gen {
namespace {

using detail::base;
using detail::length_max;
using detail::length_min;

// One of the automata, so that it can be walked from no digit on.
class walker {
 public:
  explicit walker(const compiled& plan) : plan_(plan), tables_(plan.tables()) {}

  // Where one is: below length_min digits the digits themselves, then a cell.
  struct place {
    unsigned depth = 0;
    int at = 0;

    friend auto operator<=>(const place&, const place&) = default;
  };

  place step(place from, unsigned digit) const {
    if (from.depth + 1 < length_min) {
      return {from.depth + 1, from.at * static_cast<int>(base) + static_cast<int>(digit)};
    }
    if (from.depth + 1 == length_min) {
      return {length_min, tables_.root[from.at * static_cast<int>(base) + static_cast<int>(digit)]};
    }
    if (is_leaf(from)) return {from.depth + 1, from.at};
    const auto row = static_cast<std::size_t>(from.at) * 2 + detail::root_size;
    return {from.depth + 1, tables_.root[row + digit]};
  }

  bool is_leaf(place here) const { return here.depth >= length_min && here.at < 0; }

  // Of a number of `length` digits in all that leads from here on by zeros.
  std::string outcome(place here, unsigned length) const {
    while (!is_leaf(here)) here = step(here, 0);
    detail::word said = 0;
    for (auto leaf = ~static_cast<std::size_t>(here.at);; ++leaf) {
      said = detail::read_leaf(tables_.leaves[leaf], length + 1);
      const bool more = (tables_.leaves[leaf] >> detail::leaf::more & 1) != 0;
      if (!more || detail::access::make(said)) break;
    }
    const classification found = detail::access::make(said);
    if (!found) return std::string(to_string(found.status()));
    std::string text = plan_.regions[said >> detail::region_at & 0xFF] + ' ';
    text += to_string(found.type());
    if (!found.is_possible()) text += " (not possible)";
    return text;
  }

 private:
  const compiled& plan_;
  detail::tables tables_;
};

class product {
 public:
  product(const compiled& before, const compiled& after) : before_(before), after_(after) {}

  // The changes below a pair of places, `digits` being what is read from there on.
  const std::vector<change>& below(walker::place a, walker::place b) {
    const auto key = std::pair{a, b};
    if (const auto found = done_.find(key); found != done_.end()) return found->second;
    std::vector<change> made;
    const unsigned depth = a.depth;
    if (before_.is_leaf(a) && after_.is_leaf(b)) {
      for (unsigned length = depth; length <= length_max; ++length) add_end(made, a, b, length);
    } else {
      if (depth >= length_min) add_end(made, a, b, depth);
      if (depth < length_max) add_steps(made, a, b);
    }
    return done_.emplace(key, std::move(made)).first->second;
  }

 private:
  void add_end(std::vector<change>& to, walker::place a, walker::place b, unsigned length) {
    std::string before = before_.outcome(a, length);
    std::string after = after_.outcome(b, length);
    if (before == after) return;
    for (change& known : to) {
      if (known.before == before && known.after == after && known.digits.empty()) {
        known.lengths |= 1u << length;
        return;
      }
    }
    to.push_back({"", 1u << length, std::move(before), std::move(after)});
  }

  // Digits behind which the same changes follow stand together in one set.
  void add_steps(std::vector<change>& to, walker::place a, walker::place b) {
    std::map<change, unsigned> sets;
    for (unsigned digit = 0; digit < base; ++digit) {
      for (const change& found : below(before_.step(a, digit), after_.step(b, digit))) {
        sets[found] |= 1u << digit;
      }
    }
    for (const auto& [found, digits] : sets) {
      change added = found;
      const bool is_any = digits == (1u << base) - 1 && added.digits.empty();
      if (!is_any) added.digits.insert(0, set_text(digits));
      to.push_back(std::move(added));
    }
  }

  static std::string set_text(unsigned digits) {
    std::string text;
    unsigned count = 0;
    for (unsigned digit = 0; digit < base; ++digit) {
      if ((digits >> digit & 1) == 0) continue;
      unsigned last = digit;
      while (last + 1 < base && (digits >> (last + 1) & 1) != 0) ++last;
      text += std::to_string(digit);
      if (last > digit) text += (last > digit + 1 ? "-" : "") + std::to_string(last);
      count += last - digit + 1;
      digit = last;
    }
    return count == 1 ? text : '[' + text + ']';
  }

  walker before_;
  walker after_;
  std::map<std::pair<walker::place, walker::place>, std::vector<change>> done_;
};

}  // namespace

std::string change::text() const {
  std::string text = '+' + digits + "...  ";
  const char* separator = "";
  for (unsigned length = length_min; length <= length_max; ++length) {
    if ((lengths >> length & 1) == 0) continue;
    text += separator + std::to_string(length);
    separator = ", ";
  }
  return text + " digits: " + before + " -> " + after;
}

std::vector<change> compare(const compiled& before, const compiled& after) {
  std::vector<change> all = product(before, after).below({}, {});
  std::ranges::sort(all);
  return all;
}

}  // namespace parley::e164::gen
