// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/url.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace parley::idempotency_redis {
namespace {

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> unescape(std::string_view text) {
  std::string made;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      made += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    made += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return made;
}

template <class Number>
std::optional<Number> read_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The part in front of `at`, if there is one, is taken away from `text` with it.
std::optional<std::string_view> take_before(std::string_view& text, std::size_t at) {
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at + 1);
  return part;
}

failure<std::string> bad(std::string_view what) {
  return failure{std::string("url: ").append(what)};
}

}  // namespace

result<endpoint, std::string> parse_url(std::string_view url) {
  endpoint made;
  if (url.starts_with("redis://")) {
    url.remove_prefix(8);
  } else if (url.starts_with("rediss://")) {
    url.remove_prefix(9);
    made.is_tls = true;
  } else if (url.starts_with("unix://")) {
    url.remove_prefix(7);
    made.is_unix = true;
  } else {
    return bad("does not begin with redis://, rediss:// or unix://");
  }
  if (url.find('#') != std::string_view::npos) return bad("has a fragment");
  if (std::ranges::any_of(url, [](char c) { return static_cast<unsigned char>(c) <= 0x20; })) {
    return bad("has a blank or a control character");
  }

  const std::size_t authority_end = std::min(url.find_first_of("/?"), url.size());
  const std::size_t at = url.substr(0, authority_end).rfind('@');
  if (const auto login = take_before(url, at)) {
    std::string_view password = *login;
    const auto user = take_before(password, password.find(':'));
    if (!user) return bad("has a user without a password");
    auto plain_user = unescape(*user);
    auto plain_password = unescape(password);
    if (!plain_user || !plain_password) return bad("has a malformed percent escape");
    if (plain_password->empty()) return bad("has an empty password");
    made.user = std::move(*plain_user);
    made.password = std::move(*plain_password);
  }

  std::string_view database;
  if (made.is_unix) {
    const std::size_t query_at = std::min(url.find('?'), url.size());
    if (query_at < url.size()) {
      const std::string_view query = url.substr(query_at + 1);
      if (!query.starts_with("db=")) return bad("has a query that is not db=");
      database = query.substr(3);
      if (database.empty()) return bad("has no number of a database");
    }
    auto path = unescape(url.substr(0, query_at));
    if (!path) return bad("has a malformed percent escape");
    if (!path->starts_with('/') || path->find('\0') != std::string::npos) {
      return bad("has no absolute path of a socket");
    }
    // sockaddr_un holds 108 bytes on Linux, the NUL at the end one of them.
    if (path->size() > 107) return bad("has a path too long for a socket");
    made.host = std::move(*path);
  } else {
    if (url.find('?') != std::string_view::npos) return bad("has a query");
    const std::size_t slash = std::min(url.find('/'), url.size());
    if (slash < url.size()) database = url.substr(slash + 1);
    std::string_view host = url.substr(0, slash);
    std::string_view port;
    bool has_port = false;
    if (host.starts_with('[')) {
      const std::size_t close = host.find(']');
      if (close == std::string_view::npos) return bad("has a bracket that is not closed");
      port = host.substr(close + 1);
      has_port = !port.empty();
      if (has_port && port[0] != ':') return bad("has something between host and port");
      if (has_port) port.remove_prefix(1);
      host = host.substr(1, close - 1);
    } else if (const std::size_t colon = host.find(':'); colon != std::string_view::npos) {
      port = host.substr(colon + 1);
      has_port = true;
      host = host.substr(0, colon);
    }
    auto plain_host = unescape(host);
    if (!plain_host || plain_host->empty() || plain_host->find('\0') != std::string::npos) {
      return bad("has no host");
    }
    made.host = std::move(*plain_host);
    if (has_port) {
      const auto number = read_number<std::uint16_t>(port);
      if (!number || *number == 0) return bad("has a port that is not 1 to 65535");
      made.port = *number;
    }
  }
  if (!database.empty()) {
    const auto number = read_number<std::uint32_t>(database);
    if (!number) return bad("has a database that is no number");
    made.database = *number;
  }
  return made;
}

}  // namespace parley::idempotency_redis
