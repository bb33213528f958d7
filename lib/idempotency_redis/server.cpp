// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/server.hpp"

#include <algorithm>
#include <charconv>

namespace parley::idempotency_redis {
namespace {

using idempotency::store_errc;
using std::chrono::milliseconds;

// The value of "name:value" in a line of its own.
std::optional<std::string_view> find(std::string_view text, std::string_view name) noexcept {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':') {
      return line.substr(name.size() + 1);
    }
  }
  return std::nullopt;
}

template <class Number>
std::optional<Number> read_number(std::optional<std::string_view> text) noexcept {
  Number value{};
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end == text->data()) return std::nullopt;
  return value;
}

}  // namespace

server_info parse_info(std::string_view text) noexcept {
  server_info made;
  made.major_version = read_number<unsigned>(find(text, "redis_version"));
  const auto limit = read_number<std::uint64_t>(find(text, "maxmemory"));
  const auto policy = find(text, "maxmemory_policy");
  // Without a limit nothing is evicted, whatever the policy.
  if (policy && limit) made.evicts = *limit != 0 && *policy != "noeviction";
  if (const auto aof = find(text, "aof_enabled")) made.is_append_only = *aof == "1";
  if (const auto role = find(text, "role")) made.is_replica = *role != "master";
  made.replicas = read_number<unsigned>(find(text, "connected_slaves"));
  return made;
}

std::vector<judged_finding> judge(const server_info& info, const redis_store_options& options) {
  std::vector<judged_finding> made;
  const auto add = [&](finding what, on_finding action) {
    if (action != on_finding::ignore) made.push_back({what, action});
  };
  if (info.major_version && *info.major_version < 7) add(finding::too_old, on_finding::refuse);
  if (info.is_replica.value_or(false)) add(finding::is_replica, on_finding::refuse);
  if (info.evicts.value_or(false)) add(finding::evicts, options.when_evicts);
  if (!info.is_append_only.value_or(true)) {
    add(finding::no_append_only, options.when_no_append_only);
  }
  if (info.replicas && *info.replicas < options.wait_replicas) {
    add(finding::no_replicas, options.when_no_replicas);
  }
  const bool is_known =
      info.major_version && info.is_replica && info.evicts && info.is_append_only && info.replicas;
  if (!is_known) add(finding::unknown_setting, options.when_unknown);
  return made;
}

std::string_view error_word(std::string_view text) noexcept {
  return text.substr(0, text.find(' '));
}

judged_error judge_error(std::string_view text) noexcept {
  const std::string_view code = error_word(text);
  const auto fail = [](store_errc why, bool is_retryable, milliseconds after = milliseconds(0)) {
    return judged_error{error_action::fail, {why, is_retryable, true, after}, is_retryable};
  };
  if (code == "NOSCRIPT") return {error_action::use_eval, {}};
  if (code == "READONLY") {
    return {error_action::reconnect, {store_errc::unavailable, true, true, milliseconds(0)}};
  }
  if (code == "OOM") {
    return {error_action::read_only, {store_errc::full, true, true, milliseconds(1'000)}};
  }
  if (code == "NOREPLICAS" || code == "MISCONF") {
    return {error_action::read_only, {store_errc::unavailable, true, true, milliseconds(1'000)}};
  }
  // The command was not carried out, and may be later.
  for (const std::string_view busy :
       {"LOADING", "MASTERDOWN", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "CLUSTER"}) {
    if (code == busy) return fail(store_errc::unavailable, true, milliseconds(100));
  }
  // Nor this, and somebody has to change something first.
  for (const std::string_view refused : {"NOPERM", "NOAUTH", "WRONGPASS", "MOVED", "ASK"}) {
    if (code == refused) return fail(store_errc::unavailable, false);
  }
  if (code == "WRONGTYPE") return fail(store_errc::corrupt_record, false);
  // Anything else: a script may have come some way.
  return {error_action::fail, {store_errc::unavailable, false, false, milliseconds(0)}, false};
}

std::string_view to_string(finding f) noexcept {
  switch (f) {
    case finding::too_old: return "too_old";
    case finding::evicts: return "evicts";
    case finding::no_append_only: return "no_append_only";
    case finding::no_replicas: return "no_replicas";
    case finding::is_replica: return "is_replica";
    case finding::unknown_setting: return "unknown_setting";
  }
  return "unknown";
}

std::string_view to_string(disconnect_reason r) noexcept {
  switch (r) {
    case disconnect_reason::resolve: return "resolve";
    case disconnect_reason::connect: return "connect";
    case disconnect_reason::tls: return "tls";
    case disconnect_reason::auth: return "auth";
    case disconnect_reason::refused: return "refused";
    case disconnect_reason::protocol: return "protocol";
    case disconnect_reason::silence: return "silence";
    case disconnect_reason::closed: return "closed";
    case disconnect_reason::shut_down: return "shut_down";
    case disconnect_reason::replaced: return "replaced";
  }
  return "unknown";
}

observer::~observer() = default;

}  // namespace parley::idempotency_redis
