// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/sentinel_reply.hpp"

#include <array>
#include <charconv>
#include <string>

namespace parley::idempotency_redis {
namespace {

bool can_be_read(const reply_tree& tree) { return tree.is_whole() && !tree.is_too_large(); }

std::optional<node_address> to_address(std::string_view host, std::string_view port) {
  const auto number = read_port(port);
  if (!is_host(host) || !number) return std::nullopt;
  return node_address{std::string(host), *number};
}

}  // namespace

std::optional<master_address> read_master_address(const reply_tree& from) {
  if (!can_be_read(from)) return std::nullopt;
  tree_cursor at(from);
  if (at.array() != std::size_t{2}) return std::nullopt;
  const auto host = at.text();
  const auto port = at.text();
  if (!host || !port) return std::nullopt;
  auto where = to_address(*host, *port);
  if (!where) return std::nullopt;
  return master_address{*std::move(where), std::nullopt};
}

std::optional<master_address> read_master(const reply_tree& from) {
  if (!can_be_read(from)) return std::nullopt;
  tree_cursor at(from);
  const auto words = at.array();
  if (!words || *words % 2 != 0) return std::nullopt;
  std::string_view host;
  std::string_view port;
  std::optional<std::uint64_t> epoch;
  for (std::size_t i = 0; i < *words; i += 2) {
    const auto name = at.text();
    const auto value = at.text();
    if (!name || !value) return std::nullopt;
    if (*name == "ip") {
      host = *value;
    } else if (*name == "port") {
      port = *value;
    } else if (*name == "config-epoch") {
      std::uint64_t number = 0;
      const char* const end = value->data() + value->size();
      const auto [stop, error] = std::from_chars(value->data(), end, number);
      if (error != std::errc() || stop != end) return std::nullopt;
      epoch = number;
    }
  }
  auto where = to_address(host, port);
  if (!where) return std::nullopt;
  return master_address{*std::move(where), epoch};
}

// [message, +switch-master, "<name> <old host> <old port> <new host> <new port>"].
std::optional<switch_event> read_switch(const reply_tree& from) {
  if (!can_be_read(from)) return std::nullopt;
  tree_cursor at(from);
  if (at.array() != std::size_t{3} || at.text() != "message" || at.text() != "+switch-master") {
    return std::nullopt;
  }
  const auto payload = at.text();
  if (!payload) return std::nullopt;
  std::array<std::string_view, 5> words;
  std::string_view rest = *payload;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t end = rest.find(' ');
    if ((end == std::string_view::npos) != (i + 1 == words.size())) return std::nullopt;
    words[i] = rest.substr(0, end);
    if (end != std::string_view::npos) rest.remove_prefix(end + 1);
  }
  const auto port = read_port(words[4]);
  if (words[0].empty() || !is_host(words[3]) || !port) return std::nullopt;
  return switch_event{words[0], words[3], *port};
}

}  // namespace parley::idempotency_redis
