// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/support/redis_deployment.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace parley::testing_support {
namespace {

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

// A line "name:value" of what INFO or CLUSTER INFO say.
std::string_view line_of(std::string_view text, std::string_view name) {
  const std::string start = std::string(name) + ":";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find("\r\n", at), text.size());
    const std::string_view line = text.substr(at, end - at);
    if (line.starts_with(start)) return line.substr(start.size());
    at = end + 2;
  }
  return {};
}

// Sentinels answer with names and values in turn.
std::string_view value_of(const redis_reply& of, std::string_view name) {
  for (std::size_t i = 0; i + 1 < of.elements.size(); i += 2) {
    if (of.elements[i].text == name) return of.elements[i + 1].text;
  }
  return {};
}

// None: it is not there, or does not do it.
std::optional<redis_reply> ask(const redis_server& whom, const std::vector<std::string>& words) {
  if (!whom.is_awake()) return std::nullopt;
  try {
    return whom.command(words);
  } catch (const std::runtime_error&) {
    return std::nullopt;
  }
}
std::string info(const redis_server& of) {
  const auto said = ask(of, {"INFO"});
  return said ? said->text : "";
}

// The one that was given most often; none: nothing was given.
template <class T>
std::optional<T> most(const std::vector<std::optional<T>>& given) {
  std::map<T, std::size_t> votes;
  for (const std::optional<T>& each : given) {
    if (each) ++votes[*each];
  }
  const auto found =
      std::ranges::max_element(votes, {}, [](const auto& each) { return each.second; });
  return found == votes.end() ? std::nullopt : std::optional<T>(found->first);
}

constexpr std::chrono::seconds failover_timeout{2};

std::string host_and_port(const redis_server& of) {
  return of.address() + ":" + std::to_string(of.port());
}

}  // namespace

redis_deployment::redis_deployment(deployment_options options) : options_(std::move(options)) {}
redis_deployment::~redis_deployment() = default;

redis_deployment::placed redis_deployment::place(redis_server_options options) const {
  placed made;
  if (virtual_network* const network = options_.network; network != nullptr) {
    made.host = network->add_host();
    options.address = network->address(made.host);
    options.network = network->descriptor(made.host);
  }
  made.process = std::make_unique<redis_server>(std::move(options));
  return made;
}

redis_server_options redis_deployment::server_options(redis_kind kind) const {
  redis_server_options made;
  made.kind = kind;
  made.password = options_.password;
  made.config = {"repl-timeout 5", "repl-ping-replica-period 1"};
  if (!options_.password.empty()) made.config.push_back("masterauth " + options_.password);
  if (options_.is_safe) {
    made.appends = append_only::always;
    made.config.insert(made.config.end(), {"min-replicas-to-write 1", "min-replicas-max-lag 1"});
  }
  if (!options_.tls_certificate_file.empty()) {
    made.tls_certificate_file = options_.tls_certificate_file;
    made.tls_key_file = options_.tls_key_file;
    made.config.insert(made.config.end(), {"tls-ca-cert-file " + options_.tls_authorities_file,
                                           "tls-replication yes", "tls-cluster yes"});
  }
  made.config.insert(made.config.end(), options_.config.begin(), options_.config.end());
  return made;
}

void redis_deployment::revive() {
  if (options_.network != nullptr) options_.network->heal();
  for (placed& each : servers_) {
    if (!each.process->is_running()) each.process->restart();
    if (!each.process->is_awake()) each.process->cont();
  }
}

// What a full synchronisation brought is in the file only once the file is written anew.
bool redis_deployment::has_append_only_file(std::size_t number) const {
  const std::string text = info(server(number));
  return line_of(text, "aof_enabled") == (options_.is_safe ? "1" : "0") &&
         line_of(text, "aof_rewrite_in_progress") == "0" &&
         line_of(text, "aof_rewrite_scheduled") == "0";
}

void redis_deployment::wait_until_whole() {
  revive();
  const char* missing = nullptr;
  const bool is_whole = wait_until([&] { return (missing = what_is_missing()) == nullptr; });
  if (!is_whole) fail(std::string("the servers do not come together: ") + missing);
  const auto offset_of = [&](std::size_t number, std::string_view name) {
    const std::string text(line_of(info(server(number)), name));
    return text.empty() ? -1 : std::stoll(text);
  };
  std::vector<long long> written;
  for (std::size_t i = 0; i < size(); ++i) written.push_back(offset_of(i, "master_repl_offset"));
  for (std::size_t i = 0; i < size(); ++i) {
    const std::string text = info(server(i));
    if (line_of(text, "role") != "slave") continue;
    const auto is_master = [&](const placed& each) {
      const std::string port(line_of(text, "master_port"));
      return each.process->address() == line_of(text, "master_host") &&
             (std::to_string(each.process->port()) == port ||
              std::to_string(each.process->tls_port()) == port);
    };
    const auto master = std::ranges::find_if(servers_, is_master);
    if (master == servers_.end()) fail("a replica has an unknown master");
    const long long wanted = written[static_cast<std::size_t>(master - servers_.begin())];
    if (!wait_until([&] { return offset_of(i, "slave_repl_offset") >= wanted; })) {
      fail("a replica does not follow its master");
    }
  }
}

// A server reads every connection once in a turn, 16 KiB at most.
void redis_deployment::drain() const {
  for (const placed& each : servers_) {
    for (int i = 0; i < 50; ++i) each.process->command({"PING"});
  }
}

// ---- Sentinel

sentinel_deployment::sentinel_deployment(deployment_options options)
    : redis_deployment(std::move(options)) {
  servers_.push_back(place(server_options(redis_kind::server)));
  const redis_server& first = server(0);
  redis_server_options of_replica = server_options(redis_kind::server);
  of_replica.config.push_back("replicaof " + first.address() + " " + std::to_string(first.port()));
  servers_.push_back(place(of_replica));
  // Who asks for the first time is told of it.
  if (!wait_until(
          [&] { return line_of(info(first), "slave0").find("online") != std::string::npos; })) {
    fail("the replica does not come");
  }
  redis_server_options of_sentinel;
  of_sentinel.kind = redis_kind::sentinel;
  of_sentinel.password = options_.sentinel_password;
  const std::string of_master = std::string(" ") + name + " ";
  of_sentinel.config = {
      "sentinel monitor" + of_master + first.address() + " " + std::to_string(first.port()) + " 2",
      "sentinel down-after-milliseconds" + of_master + "700",
      "sentinel failover-timeout" + of_master +
          std::to_string(std::chrono::milliseconds(failover_timeout).count())};
  if (!options_.password.empty()) {
    of_sentinel.config.push_back("sentinel auth-pass" + of_master + options_.password);
  }
  if (!options_.sentinel_password.empty()) {
    of_sentinel.config.push_back("sentinel sentinel-pass " + options_.sentinel_password);
  }
  of_sentinel.config.insert(of_sentinel.config.end(), options_.sentinel_config.begin(),
                            options_.sentinel_config.end());
  for (std::size_t i = 0; i < sentinels; ++i) {
    sentinels_.push_back(place(of_sentinel));
    hurry(*sentinels_.back().process);
  }
  wait_until_whole();
}

// SENTINEL DEBUG sets what is built into it: news every 200 ms and not every 2 or 10 s.
void sentinel_deployment::hurry(const redis_server& sentinel) const {
  if (!options_.hurries) return;
  sentinel.command({"SENTINEL", "DEBUG", "info-period", "200", "publish-period", "200",
                    "ask-period", "200", "min-link-reconnect-period", "300", "election-timeout",
                    "1000", "tilt-period", "1000"});
}

std::string sentinel_deployment::url() const { return url({0, 1, 2}); }
std::string sentinel_deployment::url(const std::vector<std::size_t>& of_sentinels) const {
  std::string hosts;
  for (const std::size_t each : of_sentinels) {
    hosts += (hosts.empty() ? "" : ",") + host_and_port(*sentinels_[each].process);
  }
  return "redis+sentinel://" + hosts + "/" + name;
}

std::optional<std::size_t> sentinel_deployment::master_of(std::size_t sentinel) const {
  const auto said =
      ask(*sentinels_[sentinel].process, {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", name});
  if (!said || said->elements.size() != 2) return std::nullopt;
  const std::string where = said->elements[0].text + ":" + said->elements[1].text;
  for (std::size_t i = 0; i < size(); ++i) {
    if (host_and_port(server(i)) == where) return i;
  }
  return std::nullopt;
}

std::size_t sentinel_deployment::master() const {
  std::vector<std::optional<std::size_t>> said;
  for (std::size_t i = 0; i < sentinels; ++i) said.push_back(master_of(i));
  const auto found = most(said);
  if (!found) fail("no sentinel knows the master");
  return *found;
}

void sentinel_deployment::wait_for_master(std::size_t number) const {
  const bool is_there = wait_until(
      [&] { return master() == number && line_of(info(server(number)), "role") == "master"; });
  if (!is_there) fail("the sentinels do not make another the master");
}

// A sentinel gives a failover up that takes it too long, and does not try again. On a busy machine
// it may also begin one by itself, before this or over it.
void sentinel_deployment::fail_over_from(std::size_t number) {
  const auto is_over = [&] {
    const std::size_t now = master();
    return now != number && line_of(info(server(now)), "role") == "master";
  };
  const bool is_done = wait_until([&] {
    if (is_over()) return true;
    const bool is_begun = std::ranges::any_of(sentinels_, [](const placed& each) {
      return ask(*each.process, {"SENTINEL", "FAILOVER", name}).has_value();
    });
    return is_begun && wait_until(is_over, 2 * failover_timeout);
  });
  if (!is_done) fail("the sentinels do not make another the master");
}

void sentinel_deployment::restart_sentinel(std::size_t number) {
  sentinel(number).restart();
  hurry(sentinel(number));
}

void sentinel_deployment::revive() {
  redis_deployment::revive();
  for (std::size_t i = 0; i < sentinels; ++i) {
    if (!sentinel(i).is_running()) restart_sentinel(i);
    if (!sentinel(i).is_awake()) sentinel(i).cont();
  }
}

const char* sentinel_deployment::what_is_missing() const {
  const auto first = master_of(0);
  if (!first) return "a sentinel does not know the master";
  for (std::size_t i = 0; i < sentinels; ++i) {
    if (master_of(i) != first) return "the sentinels differ on the master";
    const auto said = ask(*sentinels_[i].process, {"SENTINEL", "MASTER", name});
    if (!said || value_of(*said, "flags") != "master") return "a sentinel doubts the master";
    if (value_of(*said, "num-other-sentinels") != "2") return "a sentinel does not know the others";
    const auto replicas = ask(*sentinels_[i].process, {"SENTINEL", "REPLICAS", name});
    if (!replicas || replicas->elements.size() != 1 ||
        value_of(replicas->elements[0], "flags") != "slave" ||
        value_of(replicas->elements[0], "master-link-status") != "ok") {
      return "a sentinel doubts the replica";
    }
  }
  const std::size_t other = 1 - *first;
  if (line_of(info(server(*first)), "role") != "master") return "the master is none";
  const std::string text = info(server(other));
  if (line_of(text, "role") != "slave" || line_of(text, "master_link_status") != "up") {
    return "the replica does not follow";
  }
  for (const std::size_t each : {*first, other}) {
    if (!has_append_only_file(each)) return "the append-only file is not as it should be";
  }
  return nullptr;
}

// ---- Cluster

cluster_deployment::cluster_deployment(deployment_options options)
    : redis_deployment(std::move(options)) {
  redis_server_options of_node = server_options(redis_kind::cluster_node);
  of_node.config.insert(of_node.config.end(),
                        {"cluster-node-timeout 700", "cluster-allow-replica-migration no"});
  // Whatever becomes of some slots, the others go on.
  if (is_safe()) of_node.config.push_back("cluster-require-full-coverage no");
  for (std::size_t i = 0; i < 2 * masters; ++i) {
    servers_.push_back(place(of_node));
    server(i).command({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
    ids_.push_back(server(i).command({"CLUSTER", "MYID"}).text);
  }
  for (std::size_t i = 0; i < masters; ++i) {
    server(i).command({"CLUSTER", "ADDSLOTSRANGE", std::to_string(i * slots / masters),
                       std::to_string((i + 1) * slots / masters - 1)});
  }
  for (std::size_t i = 1; i < size(); ++i) meet(0, i);
  if (!wait_until([&] { return know_each_other(); })) fail("the servers do not find one another");
  for (std::size_t i = 0; i < masters; ++i) {
    server(masters + i).command({"CLUSTER", "REPLICATE", ids_[i]});
  }
  wait_until_whole();
}

bool cluster_deployment::know_each_other() const {
  return std::ranges::all_of(servers_, [&](const placed& each) {
    const auto said = ask(*each.process, {"CLUSTER", "NODES"});
    return said && std::ranges::all_of(ids_, [&](const std::string& id) {
             return said->text.find(id) != std::string::npos;
           });
  });
}

void cluster_deployment::meet(std::size_t first, std::size_t other) {
  const redis_server& whom = server(other);
  const std::uint16_t port = whom.tls_port() != 0 ? whom.tls_port() : whom.port();
  server(first).command(
      {"CLUSTER", "MEET", whom.address(), std::to_string(port), std::to_string(whom.bus_port())});
}

std::string cluster_deployment::url() const {
  std::string hosts;
  for (std::size_t i = 0; i < 2 * masters; ++i) {
    const redis_server& each = server(i);
    const std::uint16_t port = each.tls_port() != 0 ? each.tls_port() : each.port();
    hosts += (hosts.empty() ? "" : ",") + each.address() + ":" + std::to_string(port);
  }
  return (server(0).tls_port() != 0 ? "rediss+cluster://" : "redis+cluster://") + hosts;
}

// CLUSTER SLOTS: first slot, last slot, the master and its replicas, each address, port and id.
cluster_deployment::view cluster_deployment::view_of(std::size_t number) const {
  view made;
  made.masters.resize(size());
  const auto said = ask(server(number), {"CLUSTER", "SLOTS"});
  if (!said) return made;
  const auto number_of = [&](const redis_reply& node) {
    const auto found = std::ranges::find(ids_, node.elements.at(2).text);
    if (found == ids_.end()) fail("CLUSTER SLOTS names a server that nobody knows");
    return static_cast<std::size_t>(found - ids_.begin());
  };
  for (const redis_reply& range : said->elements) {
    const std::size_t owner = number_of(range.elements.at(2));
    for (auto slot = range.elements[0].integer; slot <= range.elements[1].integer; ++slot) {
      made.owners.at(static_cast<std::size_t>(slot)) = owner;
    }
    for (std::size_t i = 3; i < range.elements.size(); ++i) {
      made.masters[number_of(range.elements[i])] = owner;
    }
  }
  return made;
}

cluster_deployment::view cluster_deployment::common_view() const {
  std::vector<view> views;
  for (std::size_t i = 0; i < size(); ++i) views.push_back(view_of(i));
  view made;
  std::vector<std::optional<std::size_t>> said(size());
  for (std::size_t slot = 0; slot < slots; ++slot) {
    std::ranges::transform(views, said.begin(),
                           [&](const view& each) { return each.owners[slot]; });
    made.owners[slot] = most(said);
  }
  for (std::size_t i = 0; i < size(); ++i) {
    std::ranges::transform(views, said.begin(), [&](const view& each) { return each.masters[i]; });
    made.masters.push_back(most(said));
  }
  return made;
}

std::size_t cluster_deployment::owner(std::uint16_t slot) const {
  std::vector<std::optional<std::size_t>> said;
  for (std::size_t i = 0; i < size(); ++i) said.push_back(view_of(i).owners[slot]);
  const auto found = most(said);
  if (!found) fail("nobody has slot " + std::to_string(slot));
  return *found;
}

std::vector<std::uint16_t> cluster_deployment::slots_of(std::size_t master) const {
  const view now = common_view();
  std::vector<std::uint16_t> made;
  for (std::uint16_t slot = 0; slot < slots; ++slot) {
    if (now.owners[slot] == master) made.push_back(slot);
  }
  return made;
}

std::size_t cluster_deployment::replica_of(std::size_t master) const {
  const auto all = common_view().masters;
  const auto found = std::ranges::find(all, std::optional(master));
  if (found == all.end()) fail("it has no replica");
  return static_cast<std::size_t>(found - all.begin());
}

void cluster_deployment::wait_for_owner(std::uint16_t slot, std::size_t number) {
  const bool is_there = wait_until(
      [&] { return owner(slot) == number && line_of(info(server(number)), "role") == "master"; });
  if (!is_there) fail("slot " + std::to_string(slot) + " does not come to another server");
  elected_.resize(size());
  elected_[number] = std::chrono::steady_clock::now();
}

void cluster_deployment::wait_until_electable(std::size_t number) const {
  if (number >= elected_.size()) return;
  wait_until([&] {
    return std::chrono::steady_clock::now() >= elected_[number] + std::chrono::seconds(4);
  });
}

void cluster_deployment::fail_over(std::size_t master) {
  server(replica_of(master)).command({"CLUSTER", "FAILOVER"});
}

void cluster_deployment::begin_move(std::uint16_t slot, std::size_t from, std::size_t to) {
  const std::string number = std::to_string(slot);
  server(to).command({"CLUSTER", "SETSLOT", number, "IMPORTING", ids_[from]});
  server(from).command({"CLUSTER", "SETSLOT", number, "MIGRATING", ids_[to]});
}

bool cluster_deployment::move_keys(std::uint16_t slot, std::size_t from, std::size_t to,
                                   unsigned keys) {
  const auto found = server(from).command(
      {"CLUSTER", "GETKEYSINSLOT", std::to_string(slot), std::to_string(keys)});
  if (found.elements.empty()) return false;
  std::vector<std::string> words{
      "MIGRATE", server(to).address(), std::to_string(server(to).port()), "", "0", "5000"};
  if (!options_.password.empty()) words.insert(words.end(), {"AUTH", options_.password});
  words.push_back("KEYS");
  for (const redis_reply& each : found.elements) words.push_back(each.text);
  // Who is to have them may be short of replicas for a moment.
  redis_reply said;
  const bool is_done = wait_until([&] {
    said = server(from).try_command(words);
    return said.what != redis_reply::kind::error;
  });
  if (!is_done) fail("keys do not move: " + said.text);
  return true;
}

void cluster_deployment::end_move(std::uint16_t slot, std::size_t from, std::size_t to) {
  // Whoever is to have it hears of it first: at no time does nobody take its keys.
  std::vector<std::size_t> whom{to, from};
  for (std::size_t i = 0; i < size(); ++i) {
    const bool is_master = line_of(info(server(i)), "role") == "master";
    if (is_master && i != to && i != from) whom.push_back(i);
  }
  for (const std::size_t each : whom) {
    server(each).command({"CLUSTER", "SETSLOT", std::to_string(slot), "NODE", ids_[to]});
  }
}

void cluster_deployment::move(std::uint16_t slot, std::size_t from, std::size_t to) {
  begin_move(slot, from, to);
  while (move_keys(slot, from, to, 100)) {
  }
  end_move(slot, from, to);
}

std::size_t cluster_deployment::add_server() {
  redis_server_options of_node = server_options(redis_kind::cluster_node);
  of_node.config.insert(of_node.config.end(),
                        {"cluster-node-timeout 700", "cluster-allow-replica-migration no",
                         "min-replicas-to-write 0"});
  const std::size_t number = size();
  servers_.push_back(place(of_node));
  ids_.push_back(server(number).command({"CLUSTER", "MYID"}).text);
  meet(0, number);
  if (!wait_until([&] { return know_each_other(); })) fail("the new server is not known to all");
  // What it is to import a slot of, it does not learn from the others any more.
  wait_until_whole();
  return number;
}

void cluster_deployment::remove_server() {
  const std::string gone = ids_.back();
  servers_.pop_back();
  ids_.pop_back();
  for (const placed& each : servers_) each.process->command({"CLUSTER", "FORGET", gone});
}

const char* cluster_deployment::what_is_missing() const {
  const view first = view_of(0);
  if (!std::ranges::all_of(first.owners, [](const auto& each) { return each.has_value(); })) {
    return "a slot has no owner";
  }
  for (std::size_t i = 0; i < size(); ++i) {
    const auto said = ask(server(i), {"CLUSTER", "INFO"});
    if (!said || line_of(said->text, "cluster_state") != "ok" ||
        line_of(said->text, "cluster_slots_ok") != std::to_string(slots)) {
      return "a server does not see the cluster well";
    }
    if (view_of(i) != first) return "the servers differ on who has which slot";
    const bool has_slots = std::ranges::find(first.owners, std::optional(i)) != first.owners.end();
    const std::string text = info(server(i));
    if (has_slots) {
      if (line_of(text, "role") != "master") return "a master is none";
      const bool has_replica =
          std::ranges::find(first.masters, std::optional(i)) != first.masters.end();
      if (i < 2 * masters && !has_replica) return "a master has no replica";
    } else if (i < 2 * masters &&
               (line_of(text, "role") != "slave" || line_of(text, "master_link_status") != "up")) {
      return "a replica does not follow";
    }
    if (!has_append_only_file(i)) return "an append-only file is not as it should be";
  }
  return nullptr;
}

}  // namespace parley::testing_support
