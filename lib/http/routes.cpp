// SPDX-License-Identifier: Apache-2.0
#include "parley/http/routes.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "http/text.hpp"

namespace parley::http {
namespace {

constexpr std::size_t methods_count = static_cast<std::size_t>(method::options) + 1;

struct segment_list {
  std::array<std::string_view, segments_max> items;
  std::size_t size = 0;
};

// Splits the path and decodes each segment into `decoded`, which the list then looks at. Splitting
// first keeps an escaped slash inside its segment.
bool split(std::string_view path, std::string& decoded, segment_list& segments) {
  if (path.empty() || path.front() != '/') return false;
  decoded.clear();
  // Decoding only shrinks, so the views into `decoded` stay where they are.
  decoded.reserve(path.size());
  path.remove_prefix(1);
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (segment.empty() || segments.size == segments_max) return false;
    const std::size_t begin = decoded.size();
    if (!append_decoded(decoded, segment)) return false;
    segments.items[segments.size++] = std::string_view(decoded).substr(begin);
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
    if (path.empty()) return false;  // a slash at the end is an empty segment
  }
  return true;
}

}  // namespace

// One segment of the known templates. Few children each: a scan beats a hash.
struct routes::node {
  struct literal_child {
    std::string text;
    std::unique_ptr<node> child;
  };
  std::vector<literal_child> literals;
  std::unique_ptr<node> parameter;
  struct method_route {
    http::route route;
    struct parameter_place {
      std::size_t segment;
      std::string name;
    };
    std::vector<parameter_place> parameters;
  };
  std::array<std::unique_ptr<method_route>, methods_count> methods;
  bool is_leaf = false;

  // Goes back to the parameter where the literal way ends early. It is a tree: no node is seen
  // twice.
  const node* walk(const segment_list& segments, std::size_t depth) const {
    if (depth == segments.size) return is_leaf ? this : nullptr;
    for (const literal_child& each : literals) {
      if (each.text != segments.items[depth]) continue;
      if (const node* found = each.child->walk(segments, depth + 1)) return found;
    }
    return parameter ? parameter->walk(segments, depth + 1) : nullptr;
  }
};

routes::routes() : root_(std::make_unique<node>()) {}
routes::routes(routes&&) noexcept = default;
routes& routes::operator=(routes&&) noexcept = default;
routes::~routes() = default;

void routes::add_deferred(method m, std::string_view path, deferred_handler handler,
                          route_options options) {
  assert(m != method::other && "no request has the method `other`");
  auto added = std::make_unique<node::method_route>();
  added->route = {std::string(path), std::move(options), std::move(handler)};

  node* at = root_.get();
  std::string_view rest = path.substr(1);
  for (std::size_t depth = 0; !rest.empty(); ++depth) {
    const std::string_view segment = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(rest.size(), segment.size() + 1));
    std::unique_ptr<node>* next = nullptr;
    if (segment.front() == '{') {
      added->parameters.push_back({depth, std::string(segment.substr(1, segment.size() - 2))});
      next = &at->parameter;
    } else {
      for (node::literal_child& each : at->literals) {
        if (each.text == segment) next = &each.child;
      }
      if (next == nullptr) {
        next = &at->literals.emplace_back(std::string(segment), nullptr).child;
      }
    }
    if (*next == nullptr) *next = std::make_unique<node>();
    at = next->get();
  }
  at->is_leaf = true;
  assert(at->methods[static_cast<std::size_t>(m)] == nullptr && "this route is there already");
  at->methods[static_cast<std::size_t>(m)] = std::move(added);
}

routes::match routes::find(method m, std::string_view path, std::string& decoded,
                           std::vector<path_parameter>& parameters) const {
  parameters.clear();
  segment_list segments;
  if (!split(path, decoded, segments)) return {};
  const node* leaf = root_->walk(segments, 0);
  if (leaf == nullptr) return {};

  const auto at = [leaf](method wanted) -> const node::method_route* {
    return leaf->methods[static_cast<std::size_t>(wanted)].get();
  };
  const node::method_route* found = at(m);
  if (found == nullptr && m == method::head) found = at(method::get);
  if (found != nullptr && m != method::other) {
    for (const auto& [segment, name] : found->parameters) {
      parameters.push_back({name, segments.items[segment]});
    }
    return {.route = &found->route, .allow = {}};
  }

  match none;
  const auto allow = [&none](method allowed) {
    if (!none.allow.empty()) none.allow += ", ";
    none.allow += to_string(allowed);
  };
  for (std::size_t i = 1; i < methods_count; ++i) {
    const auto each = static_cast<method>(i);
    if (at(each) != nullptr || (each == method::head && at(method::get) != nullptr)) allow(each);
  }
  return none;
}

}  // namespace parley::http
