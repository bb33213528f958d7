// SPDX-License-Identifier: Apache-2.0
#include "client/retry_after.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <system_error>

#include "core/http_text.hpp"

namespace parley::client {
namespace {

using std::chrono::sys_seconds;

constexpr std::array<std::string_view, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> long_days = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Reads from the front; once it has failed it stays so.
class reader {
 public:
  explicit reader(std::string_view text) noexcept : left_(text) {}

  void skip(std::string_view expected) noexcept {
    is_good_ = is_good_ && left_.starts_with(expected);
    if (is_good_) left_.remove_prefix(expected.size());
  }
  /// The place of the name that comes.
  template <std::size_t Count>
  unsigned one_of(const std::array<std::string_view, Count>& names) noexcept {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (!left_.starts_with(names[i])) continue;
      left_.remove_prefix(names[i].size());
      return static_cast<unsigned>(i);
    }
    is_good_ = false;
    return 0;
  }
  /// Exactly so many digits.
  int number(std::size_t size) noexcept {
    const std::string_view digits = left_.substr(0, size);
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    is_good_ = is_good_ && digits.size() == size && std::ranges::all_of(digits, is_digit);
    if (!is_good_) return 0;
    int value = 0;
    for (const char c : digits) value = value * 10 + (c - '0');
    left_.remove_prefix(size);
    return value;
  }
  bool starts_with(std::string_view text) const noexcept { return left_.starts_with(text); }
  bool is_done() const noexcept { return is_good_ && left_.empty(); }

 private:
  std::string_view left_;
  bool is_good_ = true;
};

struct date_time {
  int year = 0;
  unsigned month = 0;  // from 0 on
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

void read_time(reader& from, date_time& to) noexcept {
  to.hour = from.number(2);
  from.skip(":");
  to.minute = from.number(2);
  from.skip(":");
  to.second = from.number(2);
}

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::optional<date_time> read_fixed(std::string_view text) noexcept {
  reader from(text);
  date_time to;
  from.one_of(days);
  from.skip(", ");
  to.day = from.number(2);
  from.skip(" ");
  to.month = from.one_of(months);
  from.skip(" ");
  to.year = from.number(4);
  from.skip(" ");
  read_time(from, to);
  from.skip(" GMT");
  return from.is_done() ? std::optional(to) : std::nullopt;
}

// "Sunday, 06-Nov-94 08:49:37 GMT", of RFC 850. The year of two digits is the one that is at most
// 50 years ahead.
std::optional<date_time> read_rfc850(std::string_view text, int this_year) noexcept {
  reader from(text);
  date_time to;
  from.one_of(long_days);
  from.skip(", ");
  to.day = from.number(2);
  from.skip("-");
  to.month = from.one_of(months);
  from.skip("-");
  to.year = this_year - this_year % 100 + from.number(2);
  from.skip(" ");
  read_time(from, to);
  from.skip(" GMT");
  if (to.year > this_year + 50) to.year -= 100;
  if (to.year <= this_year - 50) to.year += 100;
  return from.is_done() ? std::optional(to) : std::nullopt;
}

// "Sun Nov  6 08:49:37 1994", of asctime.
std::optional<date_time> read_asctime(std::string_view text) noexcept {
  reader from(text);
  date_time to;
  from.one_of(days);
  from.skip(" ");
  to.month = from.one_of(months);
  from.skip(" ");
  if (from.starts_with(" ")) {
    from.skip(" ");
    to.day = from.number(1);
  } else {
    to.day = from.number(2);
  }
  from.skip(" ");
  read_time(from, to);
  from.skip(" ");
  to.year = from.number(4);
  return from.is_done() ? std::optional(to) : std::nullopt;
}

}  // namespace

std::optional<sys_seconds> parse_http_date(std::string_view text, sys_seconds now) noexcept {
  using namespace std::chrono;
  const int this_year = static_cast<int>(year_month_day(floor<std::chrono::days>(now)).year());
  std::optional<date_time> found = read_fixed(text);
  if (!found) found = read_rfc850(text, this_year);
  if (!found) found = read_asctime(text);
  if (!found) return std::nullopt;
  const year_month_day date(year(found->year), month(found->month + 1),
                            day(static_cast<unsigned>(found->day)));
  // 60: a leap second.
  if (!date.ok() || found->hour > 23 || found->minute > 59 || found->second > 60) {
    return std::nullopt;
  }
  return sys_days(date) + hours(found->hour) + minutes(found->minute) + seconds(found->second);
}

std::optional<std::chrono::milliseconds> parse_retry_after(
    std::string_view text, sys_seconds now, std::chrono::milliseconds most) noexcept {
  using std::chrono::milliseconds;
  text = http_text::trim_blanks(text);
  const auto clamped = [most](std::chrono::seconds wait) {
    if (wait.count() <= 0) return milliseconds(0);
    return wait >= std::chrono::ceil<std::chrono::seconds>(most) ? most : milliseconds(wait);
  };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!text.empty() && std::ranges::all_of(text, is_digit)) {
    std::int64_t seconds = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (read.ec != std::errc()) return most;  // more than any number holds
    return clamped(std::chrono::seconds(seconds));
  }
  const auto date = parse_http_date(text, now);
  if (!date) return std::nullopt;
  return clamped(*date - now);
}

}  // namespace parley::client
