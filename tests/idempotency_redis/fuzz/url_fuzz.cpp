// SPDX-License-Identifier: Apache-2.0
//
// What parse_url() takes keeps its promises; and the login is found wherever it stands.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "idempotency_redis/url.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// Every byte escaped.
std::string escaped(std::string_view text) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string made;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    ((made += '%') += digits[byte >> 4]) += digits[byte & 15];
  }
  return made;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using parley::idempotency_redis::parse_url;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto read = parse_url(text)) {
    require(!read->host.empty() && read->host.find('\0') == std::string::npos);
    require(read->port != 0);
    require(!(read->is_unix && read->is_tls));
    require(!read->is_unix || (read->host.front() == '/' && read->host.size() <= 107));
    require(read->user.empty() || !read->password.empty());
  } else {
    require(read.error().starts_with("url: ") && read.error().size() < 80);
  }

  using parley::idempotency_redis::topology;
  if (const auto read = parley::idempotency_redis::parse_deployment(text)) {
    require(!read->hosts.empty() && read->hosts.size() <= 64);
    for (const auto& each : read->hosts) require(!each.host.empty() && each.port != 0);
    require(read->how == topology::single || !read->server.is_unix);
    require((read->how == topology::sentinel) == !read->master.empty());
    require(read->how != topology::cluster || read->server.database == 0);
  } else {
    require(read.error().starts_with("url: ") && read.error().size() < 120);
  }

  if (text.empty()) return 0;
  const auto password = parse_url("redis://" + escaped(text) + ":" + escaped(text) + "@host:1/2");
  require(password && password->user == text && password->password == text &&
          password->host == "host" && password->port == 1 && password->database == 2);
  return 0;
}
