// SPDX-License-Identifier: Apache-2.0
//
// What a number is, straight from the patterns of plan.txt and by libphonenumber's rules, with
// std::regex: slow and plain, to compare the tables with.

#ifndef PARLEY_TESTS_E164_PLAN_REFERENCE_HPP
#define PARLEY_TESTS_E164_PLAN_REFERENCE_HPP

#include <algorithm>
#include <cstdint>
#include <map>
#include <regex>
#include <string>
#include <string_view>
#include <utility>

#include "e164/gen/plan.hpp"
#include "e164/reference.hpp"
#include "parley/e164/number.hpp"

namespace parley::e164 {

/// All that a classification says.
struct answer {
  e164::status status = status::not_e164;
  std::size_t offset = 0;
  unsigned calling_code = 0;
  std::string region;
  number_type type = number_type::none;
  bool is_possible = false;

  friend bool operator==(const answer&, const answer&) = default;
  friend std::ostream& operator<<(std::ostream& out, const answer& a) {
    return out << a.status << " at " << a.offset << ", +" << a.calling_code << ' ' << a.region
               << ' ' << a.type << (a.is_possible ? " possible" : "");
  }
};

class plan_reference {
 public:
  explicit plan_reference(const gen::plan& plan) : plan_(plan) {}

  answer classify(std::string_view text) {
    const syntax checked = check_by_the_book(text);
    answer made{checked.status, checked.offset, 0, {}, number_type::none, false};
    if (!checked) return made;
    const std::string digits(text.substr(1));
    const gen::code_plan* const code = find_code(digits);
    made.status = status::unknown_calling_code;
    if (code == nullptr) return made;
    made.calling_code = code->code;
    const std::string national = digits.substr(std::to_string(code->code).size());
    const auto& main = code->regions.front()[gen::slot::general];
    made.is_possible = (main.lengths >> national.size() & 1) != 0;

    const gen::region_plan* const region = find_region(*code, national);
    if (region != nullptr) made.type = type_in(*region, national);
    if (made.type != number_type::none) {
      made.status = status::ok;
      made.region = region->name;
    } else if (is_blocked(*code, national)) {
      made.status = status::blocked;
    } else {
      made.status = made.is_possible ? status::invalid : status::invalid_length;
    }
    return made;
  }

 private:
  const gen::code_plan* find_code(const std::string& digits) const {
    const auto found = std::ranges::find_if(plan_.codes, [&](const gen::code_plan& code) {
      return digits.starts_with(std::to_string(code.code));
    });
    return found == plan_.codes.end() ? nullptr : &*found;
  }

  // getRegionCodeForNumber: of one region that; else the first whose leading digits match, or
  // which has none and a type for the number.
  const gen::region_plan* find_region(const gen::code_plan& code, const std::string& national) {
    if (code.regions.size() == 1) return &code.regions.front();
    for (const gen::region_plan& region : code.regions) {
      const std::string& leading = region[gen::slot::leading_digits].pattern;
      const bool is_it = leading.empty()
                             ? type_in(region, national) != number_type::none
                             : std::regex_search(national, compiled(leading),
                                                 std::regex_constants::match_continuous);
      if (is_it) return &region;
    }
    return nullptr;
  }

  // getNumberTypeHelper.
  number_type type_in(const gen::region_plan& region, const std::string& national) {
    using gen::slot;
    if (!has(region, slot::general, national)) return number_type::none;
    constexpr std::pair<slot, number_type> in_order[] = {
        {slot::premium_rate, number_type::premium_rate},
        {slot::toll_free, number_type::toll_free},
        {slot::shared_cost, number_type::shared_cost},
        {slot::voip, number_type::voip},
        {slot::personal_number, number_type::personal_number},
        {slot::pager, number_type::pager},
        {slot::uan, number_type::uan},
        {slot::voicemail, number_type::voicemail},
    };
    for (const auto& [what, type] : in_order) {
      if (has(region, what, national)) return type;
    }
    const bool fixed = has(region, slot::fixed_line, national);
    const bool mobile = region.mobile_as_fixed_line ? fixed : has(region, slot::mobile, national);
    if (fixed) return mobile ? number_type::fixed_line_or_mobile : number_type::fixed_line;
    return mobile ? number_type::mobile : number_type::none;
  }

  // What the head of gen/compile.cpp's blocked_at() says, for every region of the code.
  bool is_blocked(const gen::code_plan& code, const std::string& national) {
    return std::ranges::any_of(code.regions, [&](const gen::region_plan& region) {
      return has(region, gen::slot::emergency, national) ||
             has(region, gen::slot::short_toll_free, national) ||
             (national.size() <= 3 && has(region, gen::slot::short_code, national));
    });
  }

  bool has(const gen::region_plan& region, gen::slot what, const std::string& national) {
    const gen::description& of = region[what];
    if (of.pattern.empty()) return false;
    if (of.lengths != 0 && (of.lengths >> national.size() & 1) == 0) return false;
    return std::regex_match(national, compiled(of.pattern));
  }

  const std::regex& compiled(const std::string& pattern) {
    const auto found = compiled_.find(pattern);
    if (found != compiled_.end()) return found->second;
    return compiled_.emplace(pattern, std::regex(pattern, std::regex::ECMAScript)).first->second;
  }

  const gen::plan& plan_;
  std::map<std::string, std::regex, std::less<>> compiled_;
};

}  // namespace parley::e164

#endif  // PARLEY_TESTS_E164_PLAN_REFERENCE_HPP
