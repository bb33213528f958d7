// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/cluster_reply.hpp"

#include <algorithm>
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
  layout_builder() { made_.owners.assign(slot_count, unassigned); }

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
    const auto begin = made_.owners.begin() + first;
    const auto end = made_.owners.begin() + last + 1;
    if (std::count(begin, end, unassigned) != end - begin) return false;
    std::fill(begin, end, owner);
    return true;
  }

  std::optional<slot_layout> take() {
    if (is_full_) return std::nullopt;
    std::ranges::replace(made_.owners, unassigned, no_node);
    return std::move(made_);
  }

 private:
  // Unlike no_node, which is also whom a node without an address is known by.
  static constexpr node_id unassigned = no_node - 1;
  static_assert(nodes_max <= unassigned);

  slot_layout made_;
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
