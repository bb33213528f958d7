// SPDX-License-Identifier: Apache-2.0
#include "parley/client/operation.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "client/reserved_header.hpp"
#include "core/http_text.hpp"
#include "crypto/sha256.hpp"
#include "parley/client/uuid.hpp"

namespace parley::client {
namespace {

// What is saved: "PLY1", then method, target, number of headers, their names and values, body, key,
// made_at, whether it was sent, first_sent_at; then the first 16 bytes of the SHA-256 of all that.
// Texts have their size in front; numbers have eight bytes, the lowest first.
constexpr std::string_view magic = "PLY1";
constexpr std::size_t digest_size = 16;

void put(std::string& out, std::uint64_t value) {
  for (std::size_t i = 0; i < sizeof value; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}
void put(std::string& out, std::string_view text) {
  put(out, text.size());
  out += text;
}
void put(std::string& out, time_point when) {
  put(out, static_cast<std::uint64_t>(when.time_since_epoch().count()));
}

std::string_view view_of(const crypto::digest& of) {
  return {reinterpret_cast<const char*>(of.data()), digest_size};
}

class reader {
 public:
  explicit reader(std::string_view bytes) noexcept : left_(bytes) {}

  std::uint64_t number() noexcept {
    const std::string_view bytes = take(sizeof(std::uint64_t));
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    }
    return value;
  }
  std::string text() { return std::string(take(number())); }
  time_point time() noexcept {
    return time_point(std::chrono::milliseconds(static_cast<std::int64_t>(number())));
  }
  std::size_t left() const noexcept { return left_.size(); }
  bool is_good() const noexcept { return is_good_; }

 private:
  std::string_view take(std::uint64_t size) noexcept {
    if (size > left_.size()) {
      is_good_ = false;
      left_ = {};
      return {};
    }
    const std::string_view taken = left_.substr(0, static_cast<std::size_t>(size));
    left_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view left_;
  bool is_good_ = true;
};

bool is_visible(char c) noexcept { return c > 0x20 && c < 0x7f; }

bool takes_key(std::string_view method) noexcept {
  return method == "POST" || method == "PUT" || method == "PATCH" || method == "DELETE";
}

bool is_key(std::string_view key) noexcept {
  return !key.empty() && key.size() <= key_bytes_max && std::ranges::all_of(key, [](char c) {
    return is_visible(c) && c != ',' && c != '"' && c != '\\';
  });
}

bool is_header(const header& h) noexcept {
  return http_text::is_token(h.name) && http_text::is_field_value(h.value) &&
         !is_reserved_header(h.name);
}

std::optional<operation_errc> find_mistake(const request& r) noexcept {
  // CONNECT has a target of another form, and what follows its response is no HTTP.
  if (!http_text::is_token(r.method) || r.method == "CONNECT") return operation_errc::bad_method;
  if (!r.target.starts_with('/') || !std::ranges::all_of(r.target, is_visible) ||
      r.target.find('#') != r.target.npos) {
    return operation_errc::bad_target;
  }
  if (!std::ranges::all_of(r.headers, is_header)) return operation_errc::bad_header;
  return std::nullopt;
}

}  // namespace

result<operation, operation_errc> operation::make(request what, operation_options options) {
  if (const auto mistake = find_mistake(what)) return failure{*mistake};
  operation made;
  made.made_at_ =
      options.clock
          ? options.clock()
          : std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  if (!takes_key(what.method)) {
    if (!options.key.empty()) return failure{operation_errc::bad_key};
  } else if (!options.key.empty()) {
    if (!is_key(options.key)) return failure{operation_errc::bad_key};
    made.key_ = std::move(options.key);
  } else {
    const auto random = random_block();
    if (!random) return failure{operation_errc::no_random};
    made.key_ =
        to_string(options.is_key_ordered ? uuid_v7(made.made_at_, *random) : uuid_v4(*random));
  }
  made.what_ = std::move(what);
  return made;
}

result<operation, operation_errc> operation::post(std::string target, std::string json,
                                                  operation_options options) {
  return make({.method = "POST",
               .target = std::move(target),
               .headers = {{"Content-Type", "application/json"}},
               .body = std::move(json)},
              std::move(options));
}

result<operation, operation_errc> operation::get(std::string target) {
  return make({.method = "GET", .target = std::move(target)});
}

std::string operation::save() const {
  std::string out(magic);
  put(out, what_.method);
  put(out, what_.target);
  put(out, std::uint64_t{what_.headers.size()});
  for (const header& each : what_.headers) {
    put(out, each.name);
    put(out, each.value);
  }
  put(out, what_.body);
  put(out, key_);
  put(out, made_at_);
  put(out, std::uint64_t{first_sent_at_.has_value()});
  put(out, first_sent_at_.value_or(made_at_));
  out += view_of(crypto::sha256(std::as_bytes(std::span(out))));
  return out;
}

result<operation, operation_errc> operation::restore(std::string_view saved) {
  constexpr failure damaged{operation_errc::damaged};
  if (saved.size() < magic.size() + digest_size || !saved.starts_with(magic)) return damaged;
  const std::string_view content = saved.substr(0, saved.size() - digest_size);
  if (view_of(crypto::sha256(std::as_bytes(std::span(content)))) != saved.substr(content.size())) {
    return damaged;
  }

  reader from(content.substr(magic.size()));
  operation made;
  made.what_.method = from.text();
  made.what_.target = from.text();
  for (std::uint64_t headers = from.number(); headers > 0 && from.is_good(); --headers) {
    std::string name = from.text();
    made.what_.headers.push_back({std::move(name), from.text()});
  }
  made.what_.body = from.text();
  made.key_ = from.text();
  made.made_at_ = from.time();
  const std::uint64_t was_sent = from.number();
  made.first_sent_at_ = from.time();
  made.may_have_happened_ = true;
  const bool has_key = takes_key(made.what_.method);
  if (!from.is_good() || from.left() != 0 || was_sent > 1 || find_mistake(made.what_) ||
      (has_key ? !is_key(made.key_) : !made.key_.empty())) {
    return damaged;
  }
  return made;
}

bool operation::is_repeatable() const noexcept {
  static constexpr std::array<std::string_view, 6> idempotent = {"GET",   "HEAD", "OPTIONS",
                                                                 "TRACE", "PUT",  "DELETE"};
  return !key_.empty() || std::ranges::find(idempotent, what_.method) != idempotent.end();
}

std::string_view to_string(operation_errc e) noexcept {
  switch (e) {
    case operation_errc::no_random: return "no_random";
    case operation_errc::bad_method: return "bad_method";
    case operation_errc::bad_target: return "bad_target";
    case operation_errc::bad_header: return "bad_header";
    case operation_errc::bad_key: return "bad_key";
    case operation_errc::damaged: return "damaged";
  }
  return "unknown";
}

}  // namespace parley::client
