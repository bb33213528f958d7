// SPDX-License-Identifier: Apache-2.0
//
// The automaton beside an oracle that nobody here wrote.
//
//   differential numbers PLAN COUNT          prints COUNT numbers and more, one a line: a cover of
//                                            every step of the automaton, random ones, broken ones
//   differential check PLAN ANSWERS COUNT [SAMPLE]
//                                            compares tables made from PLAN with the COUNT answers
//                                            of oracle.mjs; writes to SAMPLE rows of which the
//                                            shipped tables say the same

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "e164/gen/compile.hpp"
#include "e164/matcher.hpp"
#include "parley/e164/number.hpp"

namespace e164 = parley::e164;
namespace gen = parley::e164::gen;
namespace detail = parley::e164::detail;

namespace {

gen::compiled load(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  const auto plan = gen::read_plan(text);
  if (!plan) throw std::runtime_error(file + ": " + plan.error());
  auto made = gen::compile(*plan);
  if (!made) throw std::runtime_error(file + ": " + made.error());
  return std::move(*made);
}

class number_source {
 public:
  explicit number_source(const gen::compiled& plan) : tables_(plan.tables()) {
    for (unsigned code = 1; code < 1000; ++code) {
      if (detail::is_calling_code(tables_, code)) codes_.push_back(std::to_string(code));
    }
  }

  // Every step that can be taken, then every length.
  void cover(std::ostream& out) {
    std::set<std::int16_t> seen;
    const auto visit = [&](auto& self, const std::string& digits, std::int16_t cell) -> void {
      for (std::size_t size = digits.size(); size <= e164::digits_max; ++size) {
        write(out, digits + some_digits(size - digits.size()));
      }
      if (cell < 0 || !seen.insert(cell).second) return;
      for (unsigned digit = 0; digit < 10; ++digit) {
        const auto row = detail::root_size + 2 * static_cast<std::size_t>(cell);
        self(self, digits + static_cast<char>('0' + digit), tables_.root[row + digit]);
      }
    };
    for (unsigned prefix = 1000; prefix < detail::root_size; ++prefix) {
      visit(visit, std::to_string(prefix), tables_.root[prefix]);
    }
  }

  // All short numbers of every calling code, up to three digits.
  void services(std::ostream& out) {
    for (const std::string& code : codes_) {
      for (unsigned size = 0; size <= 3; ++size) {
        const unsigned count = size == 0 ? 1 : size == 1 ? 10 : size == 2 ? 100 : 1000;
        for (unsigned value = 0; value < count; ++value) {
          std::string digits = size == 0 ? "" : std::to_string(value);
          digits.insert(0, size - digits.size(), '0');
          write(out, code + digits);
        }
      }
    }
  }

  void random(std::ostream& out, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      switch (i % 4) {
        case 0: write(out, random_code() + some_digits(below(13))); break;
        case 1: write(out, random_code() + some_digits(7 + below(4))); break;
        default: write(out, mutated(valid_number())); break;
      }
    }
  }

  std::size_t written() const { return written_; }

 private:
  void write(std::ostream& out, std::string digits) {
    if (digits.size() > e164::digits_max) digits.resize(e164::digits_max);
    if (digits.empty() || digits[0] == '0') return;
    out << '+' << digits << '\n';
    ++written_;
  }

  std::size_t below(std::size_t end) { return random_() % end; }
  const std::string& random_code() { return codes_[below(codes_.size())]; }

  // Zeros often: the automaton reads them behind the end, too.
  std::string some_digits(std::size_t count) {
    const bool zeros = below(4) == 0;
    std::string digits;
    for (std::size_t i = 0; i < count; ++i) {
      digits += static_cast<char>('0' + (zeros && below(8) != 0 ? 0 : below(10)));
    }
    return digits;
  }

  std::string valid_number() {
    for (;;) {
      std::string digits = random_code() + some_digits(4 + below(9));
      if (digits.size() > e164::digits_max) continue;
      if (detail::access::make(detail::match(tables_, '+' + digits))) return digits;
    }
  }

  std::string mutated(std::string digits) {
    const std::size_t at = below(digits.size());
    const char digit = static_cast<char>('0' + below(10));
    switch (below(5)) {
      case 0: break;  // as it is
      case 1: digits[at] = digit; break;
      case 2: digits.insert(at, 1, digit); break;
      case 3: digits.erase(at, 1); break;
      default: std::swap(digits[at], digits[below(digits.size())]); break;
    }
    return digits;
  }

  detail::tables tables_;
  std::vector<std::string> codes_;
  std::mt19937_64 random_{1};
  std::size_t written_ = 0;
};

// What the two are compared by.
struct answer {
  std::string calling_code = "-";
  std::string region = "-";
  std::string type = "-";
  std::string possible = "0";
  std::string status;

  friend bool operator==(const answer&, const answer&) = default;
  std::string text() const {
    return status + '\t' + calling_code + '\t' + region + '\t' + type + '\t' + possible;
  }
};

answer answer_of(const e164::classification& found, std::string_view region) {
  answer said;
  said.status = to_string(found.status());
  said.possible = found.is_possible() ? "1" : "0";
  if (found.calling_code() != 0) said.calling_code = std::to_string(found.calling_code());
  if (!found) return said;
  said.region = region;
  said.type = to_string(found.type());
  std::ranges::transform(said.type, said.type.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return said;
}

answer ours(const gen::compiled& plan, std::string_view number) {
  const detail::word bits = detail::match(plan.tables(), number);
  return answer_of(detail::access::make(bits), plan.regions[bits >> detail::region_at & 0xFF]);
}

answer as_shipped(std::string_view number) {
  const e164::classification found = e164::classify(number);
  return answer_of(found, found.region());
}

// number, calling code, region, type, possible, service
answer theirs(const std::array<std::string, 6>& row) {
  answer said{row[1], row[2], row[3], row[4], ""};
  if (row[2] != "-") {
    said.status = "ok";
  } else if (row[1] == "-") {
    said.status = "unknown_calling_code";
  } else if (row[5] == "1") {
    said.status = "blocked";
  } else {
    said.status = row[4] == "1" ? "invalid" : "invalid_length";
  }
  return said;
}

// Rows of every region and type, and of every way to be wrong in every calling code: the classes in
// turn, until there are enough.
class sampler {
 public:
  void add(const std::string& number, const answer& said) {
    std::vector<std::string>& rows = rows_[said.text()];
    ++seen_[said.text()];
    const std::string row = number + '\t' + said.text();
    if (rows.size() < class_max) {
      rows.push_back(row);
    } else if (const std::size_t at = random_() % seen_[said.text()]; at < class_max) {
      rows[at] = row;
    }
  }

  std::size_t write(std::ostream& out) const {
    std::set<std::string> chosen;
    for (std::size_t i = 0; i < class_max; ++i) {
      for (const auto& [name, rows] : rows_) {
        if (i < rows.size() && chosen.size() < sample_size) chosen.insert(rows[i]);
      }
    }
    for (const std::string& row : chosen) out << row << '\n';
    return chosen.size();
  }

 private:
  static constexpr std::size_t class_max = 400;
  static constexpr std::size_t sample_size = 20'000;
  std::map<std::string, std::vector<std::string>> rows_;
  std::map<std::string, std::size_t> seen_;
  std::mt19937_64 random_{1};
};

int numbers(const std::string& plan_file, std::size_t count) {
  const gen::compiled plan = load(plan_file);
  number_source source(plan);
  std::ios::sync_with_stdio(false);
  source.cover(std::cout);
  const std::size_t covered = source.written();
  source.services(std::cout);
  source.random(std::cout, count);
  std::cerr << source.written() << " numbers, of which " << covered << " cover the automaton of "
            << plan.version << '\n';
  return 0;
}

int check(const std::string& plan_file, const std::string& answers, std::size_t count,
          const char* sample_file) {
  const gen::compiled plan = load(plan_file);
  std::ifstream in(answers);
  std::map<std::string, std::size_t> counts;
  std::size_t rows = 0;
  std::size_t wrong = 0;
  sampler sample;
  for (std::string line; std::getline(in, line); ++rows) {
    std::array<std::string, 6> row;
    std::istringstream fields(line);
    for (std::string& field : row) std::getline(fields, field, '\t');
    const answer expected = theirs(row);
    const answer got = ours(plan, row[0]);
    ++counts[expected.status];
    if (got != expected && ++wrong <= 20) {
      std::cout << row[0] << ": expected " << expected.text() << ", got " << got.text() << '\n';
    }
    if (got == expected && sample_file != nullptr && as_shipped(row[0]) == got) {
      sample.add(row[0], got);
    }
  }
  if (sample_file != nullptr) {
    std::ofstream out(sample_file);
    std::cout << sample.write(out) << " rows of the sample\n";
  }
  std::cout << plan.version << ": " << rows << " numbers";
  for (const auto& [status, times] : counts) std::cout << ", " << times << ' ' << status;
  std::cout << ": " << wrong << " disagreements\n";
  if (rows != count) std::cout << count << " answers were expected\n";
  return rows == count && rows > 0 && wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "numbers" && argc == 4) return numbers(argv[2], std::stoul(argv[3]));
  if (what == "check" && (argc == 5 || argc == 6)) {
    return check(argv[2], argv[3], std::stoul(argv[4]), argc == 6 ? argv[5] : nullptr);
  }
  std::cerr << "Usage: differential numbers PLAN COUNT | check PLAN ANSWERS COUNT [SAMPLE]\n";
  return 2;
} catch (const std::exception& error) {
  std::cerr << "differential: " << error.what() << '\n';
  return 1;
}
