// SPDX-License-Identifier: Apache-2.0
#include "e164/gen/plan.hpp"

#include <charconv>
#include <optional>
#include <utility>

namespace parley::e164::gen {
namespace {

constexpr std::array<std::string_view, slot_count> names = {
    "premium_rate", "toll_free",       "shared_cost", "voip",   "personal_number", "pager",
    "uan",          "voicemail",       "fixed_line",  "mobile", "general",         "leading_digits",
    "emergency",    "short_toll_free", "short_code"};

// The text before the first `end`, which is taken away with it.
std::string_view cut(std::string_view& text, char end) {
  const std::size_t at = std::min(text.find(end), text.size());
  const std::string_view first = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return first;
}

std::optional<unsigned> read_number(std::string_view text, unsigned max) {
  unsigned value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stop != text.data() + text.size() || value > max) return {};
  return value;
}

class reader {
 public:
  // Whether the line was understood.
  bool read(std::string_view line) {
    std::string_view rest = line;
    const std::string_view what = cut(rest, ' ');
    if (what == "version") return set(made_.version, rest);
    if (what == "plans") return set(made_.plans, rest);
    if (what == "short_numbers") return set(made_.short_numbers, rest);
    if (what == "code") {
      const auto code = read_number(rest, 999);
      if (!code || *code == 0) return false;
      made_.codes.push_back({*code, {}});
      return true;
    }
    if (made_.codes.empty()) return false;
    std::vector<region_plan>& regions = made_.codes.back().regions;
    if (what == "region") {
      regions.emplace_back();
      return set(regions.back().name, rest);
    }
    return !regions.empty() && read_description(regions.back(), what, rest);
  }

  plan take() { return std::move(made_); }

 private:
  static bool set(std::string& to, std::string_view value) {
    if (value.empty() || !to.empty()) return false;
    to = value;
    return true;
  }

  static bool read_description(region_plan& region, std::string_view what, std::string_view rest) {
    for (std::size_t i = 0; i < slot_count; ++i) {
      if (names[i] != what) continue;
      description& made = region.of[i];
      if (what == "mobile" && rest == "=") {
        region.mobile_as_fixed_line = true;
        return true;
      }
      if (!set(made.pattern, cut(rest, ' '))) return false;
      while (!rest.empty()) {
        const auto length = read_number(cut(rest, ','), 31);
        if (!length) return false;
        made.lengths |= 1u << *length;
      }
      return true;
    }
    return false;
  }

  plan made_;
};

}  // namespace

std::string_view to_string(slot s) noexcept { return names[static_cast<std::size_t>(s)]; }

result<plan, std::string> read_plan(std::string_view text) {
  reader lines;
  for (unsigned number = 1; !text.empty(); ++number) {
    const std::string_view line = cut(text, '\n');
    if (line.empty() || line.front() == '#') continue;
    if (!lines.read(line)) {
      return failure{"line " + std::to_string(number) + ": " + std::string(line)};
    }
  }
  plan made = lines.take();
  if (made.version.empty() || made.codes.empty()) return failure{std::string("no plan")};
  return made;
}

}  // namespace parley::e164::gen
