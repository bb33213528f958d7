// SPDX-License-Identifier: Apache-2.0
//
// How a fuzzer takes numbers and texts from its bytes.

#ifndef PARLEY_TESTS_ENVELOPE_FUZZ_INPUT_HPP
#define PARLEY_TESTS_ENVELOPE_FUZZ_INPUT_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace parley::envelope {

class input {
 public:
  input(const std::uint8_t* data, std::size_t size)
      : left_(reinterpret_cast<const char*>(data), size) {}

  // 0 behind the end.
  std::uint8_t byte() {
    if (left_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(left_.front());
    left_.remove_prefix(1);
    return value;
  }
  // Behind a byte that tells its length.
  std::string_view text() {
    const std::size_t size = byte();
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest() const { return left_; }
  bool empty() const { return left_.empty(); }

 private:
  std::string_view left_;
};

}  // namespace parley::envelope

#endif  // PARLEY_TESTS_ENVELOPE_FUZZ_INPUT_HPP
