// SPDX-License-Identifier: Apache-2.0
#include "e164/gen/pattern.hpp"

#include <charconv>
#include <utility>

namespace parley::e164::gen {
namespace {

using places = std::vector<std::uint32_t>;

// A piece of the expression: where a text of it begins and ends.
struct piece {
  places first;
  places last;
  bool may_be_empty = true;
};

void append(places& to, const places& from) { to.insert(to.end(), from.begin(), from.end()); }

class reader {
 public:
  explicit reader(std::string_view text) : text_(text) {}

  result<pattern, std::string> read() {
    const piece all = alternatives(0);
    if (error_.empty() && at_ != text_.size()) fail("a bracket that closes nothing");
    if (error_.empty() && all.may_be_empty) fail("matches the empty text");
    if (!error_.empty()) return failure{error_};
    for (const std::uint32_t place : all.last) made_.positions[place].is_last = true;
    made_.first = all.first;
    return std::move(made_);
  }

 private:
  static constexpr int depth_max = 32;
  static constexpr unsigned repeat_max = 32;
  // Counts inside counts multiply. The largest pattern of today's metadata has 541 atoms and 593
  // moves from one place to the next.
  static constexpr std::size_t atoms_max = 4'096;
  static constexpr std::size_t moves_max = 16'384;

  char peek() const { return error_.empty() && at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(std::string_view what) {
    if (!error_.empty() || !text_.substr(at_).starts_with(what)) return false;
    at_ += what.size();
    return true;
  }
  void fail(std::string_view what) {
    if (!error_.empty()) return;
    error_ = std::string(what) + " at byte " + std::to_string(at_) + " of " + std::string(text_);
  }

  piece alternatives(int depth) {
    if (depth > depth_max) fail("brackets too deep");
    piece all = sequence(depth);
    while (take("|")) {
      const piece other = sequence(depth);
      append(all.first, other.first);
      append(all.last, other.last);
      all.may_be_empty = all.may_be_empty || other.may_be_empty;
    }
    return all;
  }

  piece sequence(int depth) {
    piece all;
    while (peek() != '\0' && peek() != '|' && peek() != ')') join(all, repeated(depth));
    return all;
  }

  void join(piece& all, const piece& next) {
    moves_ += all.last.size() * next.first.size();
    if (moves_ > moves_max) return fail("a pattern too large");
    for (const std::uint32_t from : all.last) append(made_.positions[from].next, next.first);
    if (all.may_be_empty) append(all.first, next.first);
    if (!next.may_be_empty) all.last.clear();
    append(all.last, next.last);
    all.may_be_empty = all.may_be_empty && next.may_be_empty;
  }

  // An atom is read again for each time that it may stand: every copy has places of its own.
  piece repeated(int depth) {
    const std::size_t begin = at_;
    piece all = atom(depth);
    const std::size_t end = at_;
    unsigned least = 1;
    unsigned most = 1;
    if (take("?")) {
      least = 0;
    } else if (take("{")) {
      least = most = count();
      if (take(",")) most = count();
      if (!take("}")) fail("a count that does not end");
      if (most < least || most == 0 || most > repeat_max) fail("a count out of range");
    }
    if (peek() == '?' || peek() == '*' || peek() == '+' || peek() == '{') fail("a second count");
    if (least == 0) all.may_be_empty = true;
    const std::size_t resume = at_;
    for (unsigned i = 1; i < most && error_.empty(); ++i) {
      at_ = begin;
      piece copy = atom(depth);
      if (at_ != end) fail("a copy that ends elsewhere");
      if (i >= least) copy.may_be_empty = true;
      join(all, copy);
    }
    if (error_.empty()) at_ = resume;
    return all;
  }

  piece atom(int depth) {
    if (++atoms_ > atoms_max) fail("a pattern too large");
    if (take("(?:")) {
      piece inner = alternatives(depth + 1);
      if (!take(")")) fail("a bracket that is not closed");
      return inner;
    }
    std::uint16_t digits = 0;
    if (take("\\d")) {
      digits = 0x3FF;
    } else if (take("[")) {
      digits = set();
    } else if (is_digit(peek())) {
      digits = static_cast<std::uint16_t>(1u << (text_[at_++] - '0'));
    } else {
      fail("a construct that is not known");
    }
    if (!error_.empty()) return {};
    const auto place = static_cast<std::uint32_t>(made_.positions.size());
    made_.positions.push_back({digits, false, {}});
    return {{place}, {place}, false};
  }

  std::uint16_t set() {
    unsigned digits = 0;
    while (is_digit(peek())) {
      const char low = text_[at_++];
      char high = low;
      if (take("-")) {
        high = peek();
        if (!is_digit(high) || high <= low) {
          fail("a range that is none");
          return 0;
        }
        ++at_;
      }
      for (char c = low; c <= high; ++c) digits |= 1u << (c - '0');
    }
    if (!take("]") || digits == 0) fail("a set that is not of digits");
    return static_cast<std::uint16_t>(digits);
  }

  unsigned count() {
    unsigned value = 0;
    const char* const end = text_.data() + text_.size();
    const auto [stop, error] = std::from_chars(text_.data() + at_, end, value);
    if (error != std::errc{}) fail("a count that is no number");
    at_ = static_cast<std::size_t>(stop - text_.data());
    return value;
  }

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string error_;
  std::size_t atoms_ = 0;
  std::size_t moves_ = 0;
  pattern made_;
};

}  // namespace

result<pattern, std::string> read_pattern(std::string_view text) { return reader(text).read(); }

}  // namespace parley::e164::gen
