// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/url.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

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

// What makes a URL unfit wherever it stands; empty: nothing.
std::string_view fault_anywhere(std::string_view url) {
  if (url.find('#') != std::string_view::npos) return "has a fragment";
  if (std::ranges::any_of(url, [](char c) { return static_cast<unsigned char>(c) <= 0x20; })) {
    return "has a blank or a control character";
  }
  return {};
}

// Takes "user:password@" away from the front of `url`. What is wrong; empty: nothing.
std::string_view take_login(std::string_view& url, endpoint& to) {
  const std::size_t authority_end = std::min(url.find_first_of("/?"), url.size());
  const auto login = take_before(url, url.substr(0, authority_end).rfind('@'));
  if (!login) return {};
  std::string_view password = *login;
  const auto user = take_before(password, password.find(':'));
  if (!user) return "has a user without a password";
  auto plain_user = unescape(*user);
  auto plain_password = unescape(password);
  if (!plain_user || !plain_password) return "has a malformed percent escape";
  if (plain_password->empty()) return "has an empty password";
  to.user = std::move(*plain_user);
  to.password = std::move(*plain_password);
  return {};
}

// Reads "host", "host:port" or "[address]:port"; without a port it stays as it is. What is wrong;
// empty: nothing.
std::string_view read_host(std::string_view host, node_address& to) {
  std::string_view port;
  bool has_port = false;
  if (host.starts_with('[')) {
    const std::size_t close = host.find(']');
    if (close == std::string_view::npos) return "has a bracket that is not closed";
    port = host.substr(close + 1);
    has_port = !port.empty();
    if (has_port && port[0] != ':') return "has something between host and port";
    if (has_port) port.remove_prefix(1);
    host = host.substr(1, close - 1);
  } else if (const std::size_t colon = host.find(':'); colon != std::string_view::npos) {
    port = host.substr(colon + 1);
    has_port = true;
    host = host.substr(0, colon);
  }
  auto plain_host = unescape(host);
  if (!plain_host || plain_host->empty() || plain_host->find('\0') != std::string::npos) {
    return "has no host";
  }
  to.host = std::move(*plain_host);
  if (has_port) {
    const auto number = read_number<std::uint16_t>(port);
    if (!number || *number == 0) return "has a port that is not 1 to 65535";
    to.port = *number;
  }
  return {};
}

// Of an empty text there is none. What is wrong; empty: nothing.
std::string_view read_database(std::string_view text, endpoint& to) {
  if (text.empty()) return {};
  const auto number = read_number<std::uint32_t>(text);
  if (!number) return "has a database that is no number";
  to.database = *number;
  return {};
}

struct scheme {
  std::string_view text;
  topology how;
  bool is_tls;
};
constexpr scheme schemes[] = {
    {"redis+sentinel://", topology::sentinel, false},
    {"rediss+sentinel://", topology::sentinel, true},
    {"redis+cluster://", topology::cluster, false},
    {"rediss+cluster://", topology::cluster, true},
};

// What follows the scheme.
result<deployment, std::string> parse_several(std::string_view url, const scheme& of) {
  deployment made;
  made.how = of.how;
  made.server.is_tls = of.is_tls;
  if (const auto wrong = fault_anywhere(url); !wrong.empty()) return bad(wrong);
  if (const auto wrong = take_login(url, made.server); !wrong.empty()) return bad(wrong);
  if (url.find('?') != std::string_view::npos) return bad("has a query");

  const std::size_t slash = std::min(url.find('/'), url.size());
  std::string_view hosts = url.substr(0, slash);
  std::string_view path = url.substr(std::min(slash + 1, url.size()));
  for (bool is_last = false; !is_last;) {
    const auto host = take_before(hosts, hosts.find(','));
    is_last = !host;
    if (made.hosts.size() == url_hosts_max) return bad("has more than 64 hosts");
    constexpr std::uint16_t redis_port = 6379;
    constexpr std::uint16_t sentinel_port = 26379;
    auto& next = made.hosts.emplace_back();
    next.port = of.how == topology::sentinel ? sentinel_port : redis_port;
    if (const auto wrong = read_host(host.value_or(hosts), next); !wrong.empty()) return bad(wrong);
  }

  if (of.how == topology::cluster) {
    if (!path.empty()) return bad("has a database or a path, and a cluster has none");
    return made;
  }
  const auto name = take_before(path, path.find('/'));
  auto plain_name = unescape(name.value_or(path));
  if (!plain_name) return bad("has a malformed percent escape");
  if (plain_name->empty()) return bad("has no name of a master");
  made.master = std::move(*plain_name);
  if (name) {
    if (const auto wrong = read_database(path, made.server); !wrong.empty()) return bad(wrong);
  }
  return made;
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
  if (const auto wrong = fault_anywhere(url); !wrong.empty()) return bad(wrong);
  if (const auto wrong = take_login(url, made); !wrong.empty()) return bad(wrong);

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
    node_address where{{}, made.port};
    if (const auto wrong = read_host(url.substr(0, slash), where); !wrong.empty()) {
      return bad(wrong);
    }
    made.host = std::move(where.host);
    made.port = where.port;
  }
  if (const auto wrong = read_database(database, made); !wrong.empty()) return bad(wrong);
  return made;
}

result<deployment, std::string> parse_deployment(std::string_view url) {
  for (const scheme& each : schemes) {
    if (url.starts_with(each.text)) return parse_several(url.substr(each.text.size()), each);
  }
  if (url.starts_with("redis+") || url.starts_with("rediss+")) {
    return bad(
        "does not begin with redis://, rediss:// or unix://, nor with redis+sentinel:// or "
        "redis+cluster://");
  }
  auto one = parse_url(url);
  if (!one) return failure{one.error()};
  deployment made;
  made.hosts.push_back({one->host, one->port});
  made.server = std::move(*one);
  return made;
}

}  // namespace parley::idempotency_redis
