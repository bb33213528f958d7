// SPDX-License-Identifier: Apache-2.0
#include "http/stored_response.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "parley/errors/detail/name_hash.hpp"

namespace parley::http {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t count_max = 0xffff;

void put(std::string& out, std::size_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

class reader {
 public:
  explicit reader(std::span<const std::byte> bytes) : left_(bytes) {}

  std::size_t number(std::size_t size) {
    std::size_t value = 0;
    const auto bytes = take(size);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      value |= std::to_integer<std::size_t>(bytes[i]) << (8 * i);
    }
    return value;
  }
  std::string text(std::size_t length_size) { return text_of(take(number(length_size))); }
  std::string rest() { return text_of(take(left_.size())); }
  bool is_good() const noexcept { return good_; }

 private:
  std::span<const std::byte> take(std::size_t size) {
    if (size > left_.size()) {
      good_ = false;
      left_ = {};
      return {};
    }
    const auto taken = left_.first(size);
    left_ = left_.subspan(size);
    return taken;
  }
  static std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  std::span<const std::byte> left_;
  bool good_ = true;
};

}  // namespace

bool is_of_one_response(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 18> names = {
      // What speaks to one client.
      "Set-Cookie", "WWW-Authenticate", "Proxy-Authenticate", "Authentication-Info",
      "Proxy-Authentication-Info",
      // RFC 9110, 7.6.1: what speaks of one connection.
      "Connection", "Proxy-Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding",
      "Upgrade",
      // Made anew for each response.
      "Date", "X-Request-Id", "X-Correlation-Id", "Idempotency-Replay", "Original-Request-Id",
      "Content-Length"};
  return std::ranges::any_of(
      names, [name](std::string_view each) { return equal_ignoring_case(each, name); });
}

std::optional<std::string> encode_head(const response& r, const std::vector<std::string>& unstored,
                                       errors::catalogue_view catalogue) {
  const auto is_kept = [&unstored](const header& each) {
    return !is_of_one_response(each.name) &&
           std::ranges::none_of(unstored, [&each](const std::string& name) {
             return equal_ignoring_case(name, each.name);
           });
  };
  const auto kept = static_cast<std::size_t>(std::ranges::count_if(r.headers, is_kept));
  if (kept > count_max) return std::nullopt;
  std::string out;
  put(out, version, 1);
  put(out, r.status, 2);
  const errors::row* row = catalogue.find(r.error_code);
  if (row == nullptr) row = errors::catalogue().find(r.error_code);
  const std::string_view code = row != nullptr ? row->name : "";
  static_assert(errors::detail::name_bytes_max <= 0xff);
  put(out, code.size(), 1);
  out += code;
  put(out, kept, 2);
  for (const header& each : r.headers) {
    if (!is_kept(each)) continue;
    // Both fit: is_sendable bounds them by header_bytes_max.
    static_assert(header_bytes_max <= count_max);
    put(out, each.name.size(), 2);
    out += each.name;
    put(out, each.value.size(), 2);
    out += each.value;
  }
  return out;
}

std::optional<response> decode_response(std::span<const std::byte> stored,
                                        errors::catalogue_view catalogue) {
  reader in(stored);
  if (in.number(1) != version) return std::nullopt;
  response made;
  made.status = static_cast<std::uint16_t>(in.number(2));
  const std::string code = in.text(1);
  made.error_code = catalogue.find_code(code);
  if (made.error_code == errors::code::unknown) made.error_code = errors::find_code(code);
  for (std::size_t headers = in.number(2); headers > 0 && in.is_good(); --headers) {
    std::string name = in.text(2);
    made.headers.push_back({std::move(name), in.text(2)});
  }
  made.body = in.rest();
  if (!in.is_good() || !is_sendable(made)) return std::nullopt;
  return made;
}

}  // namespace parley::http
