// SPDX-License-Identifier: Apache-2.0
//
// The grammar of RFC 8259, one function for each of its rules, as slow and plain as it stands
// there. What the parser accepts is compared with it.

#ifndef PARLEY_TESTS_ENVELOPE_JSON_GRAMMAR_HPP
#define PARLEY_TESTS_ENVELOPE_JSON_GRAMMAR_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "envelope/reference.hpp"

namespace parley::envelope {

enum class verdict : std::uint8_t { json, not_json, too_deep };

// Each function that gives a bool takes what its rule says off the front of the text, or gives
// false, and then all is over.
class json_grammar {
 public:
  json_grammar(std::string_view text, std::size_t depth_max)
      : left_(text), levels_left_(depth_max) {}

  // JSON-text = ws value ws
  verdict text() {
    ws();
    const bool is_value = value();
    if (is_too_deep_) return verdict::too_deep;
    ws();
    return is_value && left_.empty() ? verdict::json : verdict::not_json;
  }

 private:
  // ws = *( %x20 / %x09 / %x0A / %x0D )
  void ws() {
    while (take(' ') || take('\t') || take('\n') || take('\r')) {
    }
  }

  // begin-array = ws %x5B ws, and so on
  bool structural(char c) {
    ws();
    if (!take(c)) return false;
    ws();
    return true;
  }

  // value = false / null / true / object / array / number / string
  bool value() {
    if (left_.empty()) return false;
    switch (left_.front()) {
      case '{': return nested(&json_grammar::object);
      case '[': return nested(&json_grammar::array);
      case '"': return string();
      case 'f': return literal("false");
      case 'n': return literal("null");
      case 't': return literal("true");
      default: return number();
    }
  }

  bool nested(bool (json_grammar::*rule)()) {
    if (levels_left_ == 0) {
      is_too_deep_ = true;
      return false;
    }
    --levels_left_;
    const bool is_matched = (this->*rule)();
    ++levels_left_;
    return is_matched;
  }

  // object = begin-object [ member *( value-separator member ) ] end-object
  bool object() {
    structural('{');
    if (structural('}')) return true;
    do {
      if (!member()) return false;
    } while (structural(','));
    return structural('}');
  }

  // member = string name-separator value
  bool member() { return string() && structural(':') && value(); }

  // array = begin-array [ value *( value-separator value ) ] end-array
  bool array() {
    structural('[');
    if (structural(']')) return true;
    do {
      if (!value()) return false;
    } while (structural(','));
    return structural(']');
  }

  // number = [ minus ] int [ frac ] [ exp ]
  bool number() {
    take('-');
    // int = zero / ( digit1-9 *DIGIT )
    if (!take('0') && !digits()) return false;
    // frac = decimal-point 1*DIGIT
    if (take('.') && !digits()) return false;
    // exp = e [ minus / plus ] 1*DIGIT
    if (take('e') || take('E')) {
      if (!take('-')) take('+');
      return digits();
    }
    return true;
  }

  // 1*DIGIT
  bool digits() {
    std::size_t count = 0;
    while (take('0', '9')) ++count;
    return count > 0;
  }

  // string = quotation-mark *char quotation-mark
  bool string() {
    if (!take('"')) return false;
    while (!take('"')) {
      if (!character()) return false;
    }
    return true;
  }

  // char = unescaped / escape ( .. ), in well-formed UTF-8 (8.1)
  bool character() {
    if (take('\\')) {
      for (const char c : std::string_view("\"\\/bfnrt")) {
        if (take(c)) return true;
      }
      return take('u') && hexdig() && hexdig() && hexdig() && hexdig();
    }
    // unescaped = %x20-21 / %x23-5B / %x5D-10FFFF
    const std::size_t size = utf8_prefix(left_);
    if (size == 0 || (size == 1 && left_.front() < 0x20)) return false;
    left_.remove_prefix(size);
    return true;
  }

  // As RFC 5234 has it, where letters in quotes are of either case.
  bool hexdig() { return take('0', '9') || take('A', 'F') || take('a', 'f'); }

  bool literal(std::string_view name) {
    if (!left_.starts_with(name)) return false;
    left_.remove_prefix(name.size());
    return true;
  }

  bool take(char c) { return take(c, c); }
  bool take(char first, char last) {
    if (left_.empty() || left_.front() < first || left_.front() > last) return false;
    left_.remove_prefix(1);
    return true;
  }

  std::string_view left_;
  std::size_t levels_left_;
  bool is_too_deep_ = false;
};

// What the bytes are from the front on: where both are true, what comes first counts.
inline verdict judge(std::string_view text, std::size_t depth_max = 32) {
  return json_grammar(text, depth_max).text();
}

}  // namespace parley::envelope

#endif  // PARLEY_TESTS_ENVELOPE_JSON_GRAMMAR_HPP
