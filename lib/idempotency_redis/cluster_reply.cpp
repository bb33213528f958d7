// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/cluster_reply.hpp"

#include <charconv>
#include <map>
#include <string>
#include <utility>

namespace parley::idempotency_redis {
namespace {

// What a node says when it was told to name itself by a host name and has none.
constexpr std::string_view no_name = "?";

// Puts a layout together and refuses what does not fit.
class layout_builder {
 public:
  layout_builder() { made_.owners.assign(slot_count, no_node); }

  // no_node: it has no address, or there are too many.
  node_id add(std::string_view host, std::uint16_t port) {
    const auto [found, is_new] = ids_.try_emplace({std::string(host), port}, no_node);
    if (is_new && made_.nodes.size() < nodes_max) {
      found->second = static_cast<node_id>(made_.nodes.size());
      made_.nodes.push_back({std::string(host), port});
    }
    is_full_ = is_full_ || found->second == no_node;
    return found->second;
  }

  // False: out of range, or another has a slot of it.
  bool assign(std::int64_t first, std::int64_t last, node_id owner) {
    if (first < 0 || last < first || last >= static_cast<std::int64_t>(slot_count)) return false;
    for (auto slot = static_cast<std::size_t>(first); slot <= static_cast<std::size_t>(last);
         ++slot) {
      if (is_assigned_[slot]) return false;
      is_assigned_[slot] = true;
      made_.owners[slot] = owner;
    }
    return true;
  }

  std::optional<slot_layout> take() {
    if (is_full_) return std::nullopt;
    return std::move(made_);
  }

 private:
  slot_layout made_;
  std::vector<bool> is_assigned_ = std::vector<bool>(slot_count);
  std::map<std::pair<std::string, std::uint16_t>, node_id> ids_;
  bool is_full_ = false;
};

// Where a node says that it is. Null and nothing: where it was asked. A port of 0: nowhere.
struct place {
  std::string_view host;
  std::string_view address;  // beside a host that is no_name
  std::int64_t port = 0;

  bool is_valid() const noexcept {
    const auto is_place = [](std::string_view text) {
      return text.empty() || text == no_name || is_host(text);
    };
    return is_place(host) && is_place(address) && port >= 0 && port <= 0xffff;
  }
  node_id add_to(layout_builder& to) const {
    const std::string_view named = host == no_name ? address : host;
    if (port == 0 || named == no_name) return no_node;
    return to.add(named, static_cast<std::uint16_t>(port));
  }
};

// A text, or null for nothing.
bool read_text(tree_cursor& at, std::string_view& to) {
  if (at.nil()) {
    to = {};
    return true;
  }
  const auto text = at.text();
  to = text.value_or(std::string_view());
  return text.has_value();
}

bool read_integer(tree_cursor& at, std::int64_t& to) {
  const auto number = at.integer();
  to = number.value_or(0);
  return number.has_value();
}

// The name and value pairs behind a node's id: only an address beside an unknown name matters.
bool read_metadata(tree_cursor& at, place& to) {
  const auto words = at.array();
  if (!words) return at.skip();
  if (*words % 2 != 0) return false;
  for (std::size_t i = 0; i < *words; i += 2) {
    const auto name = at.text();
    if (!name) return false;
    if (*name == "ip") {
      if (!read_text(at, to.address)) return false;
    } else if (!at.skip()) {
      return false;
    }
  }
  return true;
}

// [host, port, id, metadata]; the last two came with later versions.
bool read_slots_node(tree_cursor& at, place& to) {
  const auto parts = at.array();
  if (!parts || *parts < 2 || !read_text(at, to.host) || !read_integer(at, to.port)) return false;
  for (std::size_t i = 2; i < *parts; ++i) {
    if (!(i == 3 ? read_metadata(at, to) : at.skip())) return false;
  }
  return to.is_valid();
}

struct shard_node {
  place where;
  bool is_master = false;
  bool is_online = false;
};

bool read_shard_node(tree_cursor& at, bool is_tls, shard_node& to) {
  const auto words = at.array();
  if (!words || *words % 2 != 0) return false;
  std::int64_t tls_port = 0;
  for (std::size_t i = 0; i < *words; i += 2) {
    const auto name = at.text();
    if (!name) return false;
    std::string_view value;
    bool is_read = true;
    if (*name == "endpoint") {
      is_read = read_text(at, to.where.host);
    } else if (*name == "ip") {
      is_read = read_text(at, to.where.address);
    } else if (*name == "port") {
      is_read = read_integer(at, to.where.port);
    } else if (*name == "tls-port") {
      is_read = read_integer(at, tls_port);
    } else if (*name == "role") {
      is_read = read_text(at, value);
      to.is_master = value == "master";
    } else if (*name == "health") {
      is_read = read_text(at, value);
      to.is_online = value == "online";
    } else {
      is_read = at.skip();
    }
    if (!is_read) return false;
  }
  if (is_tls) to.where.port = tls_port;
  return to.where.is_valid();
}

struct slot_range {
  std::int64_t first;
  std::int64_t last;
};

bool read_ranges(tree_cursor& at, std::vector<slot_range>& to) {
  const auto numbers = at.array();
  if (!numbers || *numbers % 2 != 0) return false;
  for (std::size_t i = 0; i < *numbers; i += 2) {
    const auto first = at.integer();
    const auto last = at.integer();
    if (!first || !last) return false;
    to.push_back({*first, *last});
  }
  return true;
}

// The id of the shard's master; none: malformed.
std::optional<node_id> read_shard_nodes(tree_cursor& at, bool is_tls, layout_builder& to) {
  const auto count = at.array();
  if (!count) return std::nullopt;
  node_id master = no_node;
  bool is_online = false;
  for (std::size_t i = 0; i < *count; ++i) {
    shard_node node;
    if (!read_shard_node(at, is_tls, node)) return std::nullopt;
    const node_id id = node.where.add_to(to);
    if (node.is_master && (master == no_node || (node.is_online && !is_online))) {
      master = id;
      is_online = node.is_online;
    }
  }
  return master;
}

}  // namespace

std::optional<slot_layout> read_slots(const reply_tree& from) {
  if (!from.is_whole() || from.is_too_large()) return std::nullopt;
  tree_cursor at(from);
  layout_builder to;
  const auto ranges = at.array();
  if (!ranges) return std::nullopt;
  for (std::size_t i = 0; i < *ranges; ++i) {
    const auto parts = at.array();
    const auto first = at.integer();
    const auto last = at.integer();
    if (!parts || *parts < 3 || !first || !last) return std::nullopt;
    for (std::size_t node = 2; node < *parts; ++node) {
      place where;
      if (!read_slots_node(at, where)) return std::nullopt;
      const node_id id = where.add_to(to);
      if (node == 2 && !to.assign(*first, *last, id)) return std::nullopt;  // the master
    }
  }
  return to.take();
}

std::optional<slot_layout> read_shards(const reply_tree& from, bool is_tls) {
  if (!from.is_whole() || from.is_too_large()) return std::nullopt;
  tree_cursor at(from);
  layout_builder to;
  const auto shards = at.array();
  if (!shards) return std::nullopt;
  for (std::size_t i = 0; i < *shards; ++i) {
    const auto words = at.array();
    if (!words || *words % 2 != 0) return std::nullopt;
    std::vector<slot_range> ranges;
    node_id master = no_node;
    for (std::size_t word = 0; word < *words; word += 2) {
      const auto name = at.text();
      if (!name) return std::nullopt;
      if (*name == "slots") {
        if (!read_ranges(at, ranges)) return std::nullopt;
      } else if (*name == "nodes") {
        const auto found = read_shard_nodes(at, is_tls, to);
        if (!found) return std::nullopt;
        master = *found;
      } else if (!at.skip()) {
        return std::nullopt;
      }
    }
    for (const slot_range& each : ranges) {
      if (!to.assign(each.first, each.last, master)) return std::nullopt;
    }
  }
  return to.take();
}

std::optional<redirect> read_redirect(std::string_view text) noexcept {
  redirect made;
  if (text.starts_with("MOVED ")) {
    text.remove_prefix(6);
  } else if (text.starts_with("ASK ")) {
    made.is_ask = true;
    text.remove_prefix(4);
  } else {
    return std::nullopt;
  }
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, made.slot);
  if (error != std::errc() || made.slot >= slot_count || stop == end || *stop != ' ') {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()) + 1);
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  made.host = text.substr(0, colon);
  const auto port = read_port(text.substr(colon + 1));
  if (!port) return std::nullopt;
  if (made.host == no_name) {
    made.host = {};
  } else {
    if (!made.host.empty() && !is_host(made.host)) return std::nullopt;
    made.port = *port;
  }
  return made;
}

}  // namespace parley::idempotency_redis
