// SPDX-License-Identifier: Apache-2.0
//
// The files that these tests read: CMakeLists.txt names them.

#ifndef PARLEY_TESTS_E164_FILES_HPP
#define PARLEY_TESTS_E164_FILES_HPP

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace parley::e164 {

inline std::string read_file(const char* path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in || text.str().empty()) throw std::runtime_error(std::string("cannot read ") + path);
  return text.str();
}

/// The pieces of `text` that `end` ends; the last one may lack it.
inline std::vector<std::string_view> split(std::string_view text, char end) {
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    const std::size_t size = std::min(text.find(end), text.size());
    pieces.push_back(text.substr(0, size));
    text.remove_prefix(std::min(size + 1, text.size()));
  }
  return pieces;
}

}  // namespace parley::e164

#endif  // PARLEY_TESTS_E164_FILES_HPP
