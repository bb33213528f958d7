// SPDX-License-Identifier: Apache-2.0
#include "e164/gen/compile.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "e164/gen/pattern.hpp"
#include "parley/e164/number.hpp"

namespace parley::e164::gen {
namespace {

using detail::base;
using detail::length_max;
using detail::length_min;

using places = std::vector<std::uint32_t>;

// Of one calling code; today's metadata needs 4,627. Patterns can be written that need 10^15.
constexpr std::size_t states_max = 20'000;

// What a number is: its region, an index of the calling code's own, and its type. 0: not valid.
using outcome = std::uint16_t;
// By the number's length.
using outcomes = std::array<outcome, length_max + 1>;

constexpr outcome make_outcome(std::size_t region, number_type type) {
  return static_cast<outcome>(region << 4 | static_cast<unsigned>(type));
}
constexpr std::size_t region_of(outcome o) { return o >> 4; }
constexpr unsigned type_of(outcome o) { return o & 0xF; }

// A node of the automaton that is built from the leaves up, so that equal ones are one.
struct node {
  bool is_leaf = true;
  outcomes of{};  // of a leaf
  std::array<std::uint32_t, base> next{};

  friend auto operator<=>(const node&, const node&) = default;
};

class node_pool {
 public:
  std::uint32_t add(const node& made) {
    const auto [at, is_new] = ids_.emplace(made, static_cast<std::uint32_t>(nodes_.size()));
    if (is_new) nodes_.push_back(&at->first);
    return at->second;
  }
  const node& operator[](std::uint32_t id) const { return *nodes_[id]; }

 private:
  std::map<node, std::uint32_t> ids_;
  std::vector<const node*> nodes_;
};

// Where one is in all patterns of a calling code at once, after some digits of a national number.
struct state {
  places at;                 // in order, none twice
  std::uint64_t led_to = 0;  // bit r: the leading digits of region r have been seen
  bool is_start = false;

  friend auto operator<=>(const state&, const state&) = default;
};

class code_automaton {
 public:
  // Which patterns it is made of.
  static constexpr std::uint32_t short_numbers =
      1u << static_cast<unsigned>(slot::emergency) |
      1u << static_cast<unsigned>(slot::short_toll_free) |
      1u << static_cast<unsigned>(slot::short_code);
  static constexpr std::uint32_t numbering_plan = ((1u << slot_count) - 1) & ~short_numbers;

  explicit code_automaton(const code_plan& plan) : plan_(plan) {}

  result<void, std::string> read(std::uint32_t which) {
    if (plan_.regions.empty() || plan_.regions.size() > 64) return failure{describe("regions")};
    for (std::size_t region = 0; region < plan_.regions.size(); ++region) {
      if (plan_.regions[region][slot::general].pattern.empty()) {
        return failure{describe("a region without the general pattern")};
      }
      for (std::size_t i = 0; i < slot_count; ++i) {
        const description& read = plan_.regions[region].of[i];
        if ((which >> i & 1) == 0 || read.pattern.empty()) continue;
        auto made = read_pattern(read.pattern);
        if (!made) return failure{describe(made.error())};
        add(*made, {region, static_cast<slot>(i), read.lengths});
      }
    }
    return {};
  }

  state start() const {
    state made;
    made.is_start = true;
    return made;
  }

  state step(const state& from, unsigned digit) const {
    state to;
    to.led_to = from.led_to;
    const auto go = [&](const places& next) {
      for (const std::uint32_t place : next) {
        if ((positions_[place].digits >> digit & 1) != 0) to.at.push_back(place);
      }
    };
    if (from.is_start) go(first_);
    for (const std::uint32_t place : from.at) go(positions_[place].next);
    std::ranges::sort(to.at);
    // cppcheck-suppress mismatchingContainerExpression ; unique() gives a part of to.at
    to.at.erase(std::ranges::unique(to.at).begin(), to.at.end());
    for (const std::uint32_t place : to.at) {
      const owner& of = owners_[place];
      if (positions_[place].is_last && of.what == slot::leading_digits) {
        to.led_to |= std::uint64_t{1} << of.region;
      }
    }
    return to;
  }

  // What the number is that ends here, of `length` digits without the calling code.
  outcome valid_at(const state& at, unsigned length) const {
    const std::vector<std::uint32_t> matched = matches(at, length);
    // As libphonenumber finds the region (getRegionCodeForNumber): with more than one region the
    // first whose leading digits match, or which has none and has a type for the number. A number
    // that is then invalid there is not tried elsewhere.
    for (std::size_t region = 0; region < matched.size(); ++region) {
      const number_type type = type_in(region, matched[region]);
      const bool has_leading = !plan_.regions[region][slot::leading_digits].pattern.empty();
      const bool is_region = matched.size() == 1 || (has_leading ? (at.led_to >> region & 1) != 0
                                                                 : type != number_type::none);
      if (is_region) return type == number_type::none ? outcome{} : make_outcome(region, type);
    }
    return {};
  }

  // Emergency and special services, of any region; a short code only with 3 digits or fewer, as
  // longer ones look like the beginning of many a number.
  bool blocked_at(const state& at, unsigned length) const {
    for (const std::uint32_t matched : matches(at, length)) {
      if (has(matched, slot::emergency) || has(matched, slot::short_toll_free)) return true;
      if (length <= 3 && has(matched, slot::short_code)) return true;
    }
    return false;
  }

  std::string describe(const std::string& what) const {
    return "calling code " + std::to_string(plan_.code) + ": " + what;
  }

 private:
  struct owner {
    std::size_t region;
    slot what;
    std::uint32_t lengths;
  };

  void add(const pattern& made, owner of) {
    const auto begin = static_cast<std::uint32_t>(positions_.size());
    for (position copy : made.positions) {
      for (std::uint32_t& next : copy.next) next += begin;
      positions_.push_back(std::move(copy));
      owners_.push_back(of);
    }
    for (const std::uint32_t place : made.first) first_.push_back(place + begin);
  }

  static bool has(std::uint32_t matched, slot what) {
    return (matched >> static_cast<unsigned>(what) & 1) != 0;
  }

  // Of each region, the slots whose pattern ends here and whose lengths hold this one.
  std::vector<std::uint32_t> matches(const state& at, unsigned length) const {
    std::vector<std::uint32_t> matched(plan_.regions.size());
    for (const std::uint32_t place : at.at) {
      const owner& of = owners_[place];
      if (!positions_[place].is_last) continue;
      if (of.lengths != 0 && (of.lengths >> length & 1) == 0) continue;
      matched[of.region] |= 1u << static_cast<unsigned>(of.what);
    }
    return matched;
  }

  number_type type_in(std::size_t region, std::uint32_t matched) const {
    if (!has(matched, slot::general)) return number_type::none;
    constexpr std::array<std::pair<slot, number_type>, 8> before_lines = {{
        {slot::premium_rate, number_type::premium_rate},
        {slot::toll_free, number_type::toll_free},
        {slot::shared_cost, number_type::shared_cost},
        {slot::voip, number_type::voip},
        {slot::personal_number, number_type::personal_number},
        {slot::pager, number_type::pager},
        {slot::uan, number_type::uan},
        {slot::voicemail, number_type::voicemail},
    }};
    for (const auto& [what, type] : before_lines) {
      if (has(matched, what)) return type;
    }
    const bool same = plan_.regions[region].mobile_as_fixed_line;
    if (has(matched, slot::fixed_line)) {
      return same || has(matched, slot::mobile) ? number_type::fixed_line_or_mobile
                                                : number_type::fixed_line;
    }
    return has(matched, slot::mobile) && !same ? number_type::mobile : number_type::none;
  }

  const code_plan& plan_;
  std::vector<position> positions_;
  std::vector<owner> owners_;  // of each position
  places first_;
};

// The automaton of one calling code below the first four digits, as small as it gets.
class code_builder {
 public:
  code_builder(const code_automaton& automaton, unsigned code_digits, node_pool& pool)
      : automaton_(automaton), code_digits_(code_digits), pool_(pool) {}

  std::uint32_t build_root(const state& at) { return build({at, length_min, length_min, {}}); }
  /// What was built is then not whole.
  bool is_too_large() const { return built_.size() > states_max; }

 private:
  // Having read `depth` digits one is at `at`. The last of them that is not known to be 0 is digit
  // `nonzero` or one before it: shorter numbers do not come here. Those that do have read zeros
  // behind their end since, and are what `ended` says.
  struct place {
    state at;
    unsigned depth;
    unsigned nonzero;
    outcomes ended;

    friend auto operator<=>(const place&, const place&) = default;
  };

  std::uint32_t build(const place& here) {
    if (const auto found = built_.find(here); found != built_.end()) return found->second;
    outcomes ended = here.ended;
    ended[here.depth] = automaton_.valid_at(here.at, here.depth - code_digits_);
    const std::uint32_t id = here.depth == length_max || here.at.at.empty() || is_too_large()
                                 ? pool_.add({true, ended, {}})
                                 : build_row(here, ended);
    built_.emplace(here, id);
    return id;
  }

  std::uint32_t build_row(const place& here, const outcomes& ended) {
    const unsigned depth = here.depth + 1;
    node row;
    row.is_leaf = false;
    row.next[0] = build({automaton_.step(here.at, 0), depth, here.nonzero, ended});
    for (unsigned digit = 1; digit < base; ++digit) {
      row.next[digit] = build({automaton_.step(here.at, digit), depth, depth, {}});
    }
    // Where the digit makes no difference to any longer number, the leaf behind 0 will do for all:
    // it also knows the numbers that end here.
    const node& zero = pool_[row.next[0]];
    const bool same = std::ranges::all_of(row.next, [&](std::uint32_t id) {
      const node& next = pool_[id];
      return next.is_leaf && zero.is_leaf &&
             std::equal(next.of.begin() + depth, next.of.end(), zero.of.begin() + depth);
    });
    return same ? row.next[0] : pool_.add(row);
  }

  const code_automaton& automaton_;
  unsigned code_digits_;
  node_pool& pool_;
  std::map<place, std::uint32_t> built_;
};

// All numbers of special services, as rows that know where a number may end. Row 0 leads nowhere.
class blocked_builder {
 public:
  static constexpr std::size_t start = 1;

  blocked_builder() : rows_(2) {}

  // Adds the numbers of one calling code. Returns the set of their lengths, the code's included.
  std::uint32_t add(const std::string& code, const code_automaton& automaton) {
    std::size_t from = start;
    for (std::size_t i = 0; i + 1 < code.size(); ++i) {
      unsigned& next = rows_[from][digit_of(code[i])];
      if (next == 0) {
        next = static_cast<unsigned>(rows_.size()) << 1;
        from = rows_.size();
        rows_.emplace_back();  // `next` is gone
      } else {
        from = next >> 1;
      }
    }
    built_.clear();
    lengths_ = 0;
    length_end_ = length_max - static_cast<unsigned>(code.size());
    const unsigned below = build(automaton, automaton.start(), 0);
    rows_[from][digit_of(code.back())] = below << 1;
    return lengths_ << code.size();
  }

  bool is_too_large() const { return built_.size() > states_max; }
  const std::vector<std::array<unsigned, base>>& rows() const { return rows_; }

 private:
  using row = std::array<unsigned, base>;

  static unsigned digit_of(char c) { return static_cast<unsigned>(c - '0'); }

  unsigned build(const code_automaton& automaton, const state& at, unsigned length) {
    if ((at.at.empty() && !at.is_start) || length == length_end_ || is_too_large()) return 0;
    const auto found = built_.find({at, length});
    if (found != built_.end()) return found->second;
    row made{};
    for (unsigned digit = 0; digit < base; ++digit) {
      const state to = automaton.step(at, digit);
      const bool ends = automaton.blocked_at(to, length + 1);
      if (ends) lengths_ |= 1u << (length + 1);
      made[digit] = build(automaton, to, length + 1) << 1 | (ends ? 1u : 0u);
    }
    unsigned id = 0;
    if (made != row{}) {
      const auto [at_id, is_new] = ids_.emplace(made, static_cast<unsigned>(rows_.size()));
      if (is_new) rows_.push_back(made);
      id = at_id->second;
    }
    built_.emplace(std::pair{at, length}, id);
    return id;
  }

  std::vector<row> rows_;
  std::map<row, unsigned> ids_;
  std::map<std::pair<state, unsigned>, unsigned> built_;
  std::uint32_t lengths_ = 0;
  unsigned length_end_ = 0;  // E.164 has no longer numbers
};

// What the leaves of one calling code have in common.
struct code_facts {
  unsigned code = 0;
  std::uint32_t possible = 0;  // sets of lengths
  std::uint32_t blocked = 0;
  std::vector<unsigned> regions;  // of the code's own regions, the index among all
};

std::uint64_t lengths_at(unsigned bit, std::uint32_t lengths) {
  return (lengths >> length_min & detail::leaf::length_bits) << bit;
}

// Numbers the nodes that can be reached and writes them down.
class writer {
 public:
  explicit writer(compiled& made) : made_(made) {
    made_.root.assign(
        detail::root_size,
        add_leaf({std::uint64_t{static_cast<unsigned>(status::unknown_calling_code)}}));
  }

  void add_code(const node_pool& pool, const code_facts& facts,
                const std::vector<std::pair<unsigned, std::uint32_t>>& roots) {
    written_.clear();
    for (const auto& [prefix, id] : roots) {
      const cell made = write(pool, facts, id);
      made_.root[prefix] = made;
    }
  }

  result<void, std::string> finish() {
    if (made_.root.size() > detail::root_size + 0x10000)
      return failure{std::string("too many rows")};
    // A step from a leaf reads a cell of `root`; from one of the first leaves also one of the first
    // row, which has to be there.
    if (made_.root.size() == detail::root_size) made_.root.resize(detail::root_size + base);
    if (made_.leaves.size() > detail::root_size / 2) return failure{std::string("too many leaves")};
    return {};
  }

 private:
  using cell = std::int16_t;

  cell write(const node_pool& pool, const code_facts& facts, std::uint32_t id) {
    if (const auto found = written_.find(id); found != written_.end()) return found->second;
    const node& from = pool[id];
    cell made;
    if (from.is_leaf) {
      made = add_leaf(words(facts, from.of));
    } else {
      const std::size_t begin = made_.root.size();
      made = static_cast<cell>((begin - detail::root_size) / 2);
      made_.root.resize(begin + base);
      for (unsigned digit = 0; digit < base; ++digit) {
        const cell next = write(pool, facts, from.next[digit]);
        made_.root[begin + digit] = next;
      }
    }
    written_.emplace(id, made);
    return made;
  }

  // A leaf has one word for each outcome, and at least one.
  static std::vector<std::uint64_t> words(const code_facts& facts, const outcomes& of) {
    std::map<outcome, std::uint32_t> valid;
    std::uint32_t ever_valid = 0;
    for (unsigned length = length_min; length <= length_max; ++length) {
      if (of[length] == 0) continue;
      valid[of[length]] |= 1u << length;
      ever_valid |= 1u << length;
    }
    if (valid.empty()) valid.emplace(outcome{}, 0);
    std::vector<std::uint64_t> made;
    for (const auto& [what, lengths] : valid) {
      const unsigned region = what == 0 ? 0 : facts.regions[region_of(what)];
      made.push_back(std::uint64_t{static_cast<unsigned>(status::invalid_length)} |
                     std::uint64_t{facts.code} << detail::calling_code_at |
                     std::uint64_t{type_of(what)} << detail::type_at |
                     std::uint64_t{region} << detail::region_at |
                     std::uint64_t{made.size() + 1 < valid.size()} << detail::leaf::more |
                     lengths_at(detail::leaf::valid, lengths) |
                     lengths_at(detail::leaf::possible, facts.possible) |
                     lengths_at(detail::leaf::look_on,
                                (facts.blocked & ~ever_valid) | (ever_valid & ~lengths)));
    }
    return made;
  }

  cell add_leaf(const std::vector<std::uint64_t>& words) {
    const auto [found, is_new] = leaves_.emplace(words, made_.leaves.size());
    if (is_new) made_.leaves.insert(made_.leaves.end(), words.begin(), words.end());
    return static_cast<cell>(~static_cast<int>(found->second));
  }

  compiled& made_;
  std::map<std::uint32_t, cell> written_;  // of the nodes of one code
  std::map<std::vector<std::uint64_t>, std::size_t> leaves_;
};

// Two-letter codes in order, so that the table does not depend on the order of calling codes; the
// first is none.
result<std::vector<std::string>, std::string> all_regions(const plan& from) {
  std::set<std::string> names;
  for (const code_plan& code : from.codes) {
    for (const region_plan& region : code.regions) names.insert(region.name);
  }
  std::vector<std::string> all{""};
  all.insert(all.end(), names.begin(), names.end());
  if (all.size() > 256) return failure{std::string("more than 255 regions")};
  for (const std::string& name : names) {
    if (name.size() != 2 && name != "001") return failure{"a region called " + name};
  }
  return all;
}

// No calling code may begin with another: where the code ends has to be plain.
result<void, std::string> check_codes(const plan& from) {
  std::set<std::string> texts;
  for (const code_plan& code : from.codes) {
    const std::string text = std::to_string(code.code);
    const auto longer = texts.lower_bound(text);
    bool is_taken = longer != texts.end() && longer->starts_with(text);
    for (std::size_t size = 1; size < text.size(); ++size) {
      is_taken = is_taken || texts.contains(text.substr(0, size));
    }
    if (is_taken) return failure{"calling code " + text + ": it or a part of it is one already"};
    texts.insert(text);
  }
  return {};
}

}  // namespace

result<compiled, std::string> compile(const plan& from) {
  if (auto checked = check_codes(from); !checked) return failure{checked.error()};
  compiled made;
  made.version = from.version;
  auto regions = all_regions(from);
  if (!regions) return failure{regions.error()};
  made.regions = std::move(*regions);
  made.codes.assign((999 + 63) / 64, 0);

  writer written(made);
  blocked_builder blocked;
  for (const code_plan& code : from.codes) {
    const std::string text = std::to_string(code.code);
    const auto code_digits = static_cast<unsigned>(text.size());
    code_automaton valid_numbers(code);
    code_automaton short_numbers(code);
    if (auto read = valid_numbers.read(code_automaton::numbering_plan); !read) {
      return failure{read.error()};
    }
    if (auto read = short_numbers.read(code_automaton::short_numbers); !read) {
      return failure{read.error()};
    }

    code_facts facts;
    facts.code = code.code;
    facts.possible = code.regions.front()[slot::general].lengths << code_digits;
    facts.blocked = blocked.add(text, short_numbers);
    if (blocked.is_too_large()) return failure{short_numbers.describe("too many short numbers")};
    for (const region_plan& region : code.regions) {
      const auto at = std::ranges::lower_bound(made.regions, region.name);
      facts.regions.push_back(static_cast<unsigned>(at - made.regions.begin()));
    }

    node_pool pool;
    code_builder builder(valid_numbers, code_digits, pool);
    std::vector<std::pair<unsigned, std::uint32_t>> roots;
    const auto add_roots = [&](auto& self, unsigned prefix, unsigned depth,
                               const state& at) -> void {
      if (depth == length_min) {
        roots.emplace_back(prefix, builder.build_root(at));
        return;
      }
      for (unsigned digit = 0; digit < base; ++digit) {
        self(self, prefix * base + digit, depth + 1, valid_numbers.step(at, digit));
      }
    };
    add_roots(add_roots, code.code, code_digits, valid_numbers.start());
    if (builder.is_too_large()) return failure{valid_numbers.describe("a plan too large")};
    written.add_code(pool, facts, roots);
    made.codes[code.code / 64] |= std::uint64_t{1} << (code.code % 64);
  }
  if (const auto done = written.finish(); !done) return failure{done.error()};

  if (blocked.rows().size() > 0x7FFF) return failure{std::string("too many blocked numbers")};
  for (const auto& row : blocked.rows()) {
    for (const unsigned cell : row) made.blocked.push_back(static_cast<std::uint16_t>(cell));
  }
  return made;
}

detail::tables compiled::tables() const noexcept {
  return {root.data(), leaves.data(), blocked.data(), codes.data()};
}

std::size_t compiled::bytes() const noexcept {
  return (root.size() + blocked.size()) * sizeof(std::uint16_t) +
         (leaves.size() + codes.size()) * sizeof(std::uint64_t) + regions.size() * region_bytes;
}

}  // namespace parley::e164::gen
