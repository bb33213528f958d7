// SPDX-License-Identifier: Apache-2.0
//
// Reads numbers from standard input, one a line, and writes for each a line of
//   number<TAB>status<TAB>calling code<TAB>region<TAB>type<TAB>possible (0 or 1)
// The number is what stood before the line feed, byte for byte, whatever its size; types have the
// names that libphonenumber gives them; "-" stands for what there is not. A last line may lack its
// line feed.

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "parley/e164/number.hpp"

namespace e164 = parley::e164;

namespace {

constexpr std::size_t block = 1 << 16;

// "FIXED_LINE" of fixed_line.
std::vector<std::string> type_names() {
  std::vector<std::string> names;
  for (std::uint8_t type = 0; e164::to_string(e164::number_type{type}) != "unknown"; ++type) {
    std::string name(e164::to_string(e164::number_type{type}));
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    names.push_back(type == 0 ? "-" : name);
  }
  return names;
}

class classifier {
 public:
  classifier() { out_.reserve(2 * block); }

  // Takes the next bytes of the input. False: they could not be written.
  bool add(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t end = std::min(bytes.find('\n'), bytes.size());
      const std::string_view part = bytes.substr(0, end);
      const bool is_whole = end < bytes.size();
      if (is_whole && !is_begun_) {
        out_ += part;
        finish(part);
      } else {
        // A line may be longer than memory: what is said of it depends on its first bytes alone.
        head_ += part.substr(0, head_max - std::min(head_max, head_.size()));
        out_ += part;
        is_begun_ = true;
        if (is_whole) finish_begun();
      }
      bytes.remove_prefix(end + (is_whole ? 1 : 0));
      if (out_.size() >= block && !flush()) return false;
    }
    return true;
  }

  bool end() {
    if (is_begun_) finish_begun();
    return flush() && std::fflush(stdout) == 0;
  }

  std::uint64_t lines() const { return lines_; }

 private:
  static constexpr std::size_t head_max = 32;

  void finish_begun() {
    finish(head_);
    head_.clear();
    is_begun_ = false;
  }

  void finish(std::string_view line) {
    const e164::classification found = e164::classify(line);
    out_ += '\t';
    out_ += to_string(found.status());
    out_ += '\t';
    out_ += found.calling_code() == 0 ? "-" : std::to_string(found.calling_code());
    out_ += '\t';
    const std::string_view region = found.region();
    out_ += region.empty() ? "-" : region;
    out_ += '\t';
    out_ += types_[static_cast<std::size_t>(found.type())];
    out_ += found.is_possible() ? "\t1\n" : "\t0\n";
    ++lines_;
  }

  bool flush() {
    const bool done = std::fwrite(out_.data(), 1, out_.size(), stdout) == out_.size();
    out_.clear();
    return done;
  }

  const std::vector<std::string> types_ = type_names();
  std::string out_;
  std::string head_;  // of a line whose end has not been read
  bool is_begun_ = false;
  std::uint64_t lines_ = 0;
};

// On a terminal, one line that is written over.
class progress {
 public:
  void show(std::uint64_t lines) {
    if (!is_shown_ || lines < next_) return;
    next_ = lines + 500'000;
    std::fprintf(stderr, "\r%llu numbers", static_cast<unsigned long long>(lines));
    was_shown_ = true;
  }
  void end(std::uint64_t lines) {
    if (!is_shown_) return;
    std::fprintf(stderr, "%s%llu numbers\n", was_shown_ ? "\r" : "",
                 static_cast<unsigned long long>(lines));
  }

 private:
  bool is_shown_ = isatty(STDERR_FILENO) == 1;
  bool was_shown_ = false;
  std::uint64_t next_ = 500'000;
};

int fail(const char* what) {
  std::fprintf(stderr, "classify_numbers: %s: %s\n", what, std::strerror(errno));
  return 1;
}

}  // namespace

int main() {
  classifier numbers;
  progress shown;
  std::vector<char> bytes(block);
  for (;;) {
    const std::size_t size = std::fread(bytes.data(), 1, bytes.size(), stdin);
    if (!numbers.add({bytes.data(), size})) return fail("cannot write");
    shown.show(numbers.lines());
    if (size < bytes.size()) {
      if (std::ferror(stdin) != 0) return fail("cannot read");
      if (std::feof(stdin) != 0) break;
    }
  }
  if (!numbers.end()) return fail("cannot write");
  shown.end(numbers.lines());
}
