// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/simulator/simulator.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "idempotency_redis/record.hpp"
#include "idempotency_redis/simulator/task.hpp"

namespace parley::testing_support::simulator {
namespace {

using idempotency::claim_op;
using idempotency::claim_status;
using idempotency::complete_op;
using idempotency::mark_op;
using idempotency::release_op;
using idempotency::renew_op;
using idempotency::response_ref;
using idempotency::write_status;
using idempotency_redis::operation_kind;
using std::chrono::milliseconds;

// All is slower than in life, as the waits of the library are long.
constexpr milliseconds lease(1'000);
// By how much the clocks of servers may differ, all in all.
constexpr milliseconds clock_skew(6);
// Faults begin before this.
constexpr milliseconds fault_time(8'000);
// Events that have no end are a mistake.
constexpr sim_time time_max = std::chrono::seconds(600);
constexpr unsigned clients = 2;
constexpr unsigned workers = 3;
constexpr std::size_t faults_max = 9;

template <class T>
T named(std::uint64_t number) {
  T made;
  std::memcpy(made.bytes.data(), &number, sizeof number);
  return made;
}

std::string text_of_operation(std::uint32_t nonce) { return "operation-" + std::to_string(nonce); }
std::string text_of_response(std::uint32_t nonce) { return "response-" + std::to_string(nonce); }
std::uint32_t number_in(std::string_view text, std::string_view before) {
  std::uint32_t number = foreign;
  if (text.starts_with(before)) {
    text.remove_prefix(before.size());
    std::from_chars(text.data(), text.data() + text.size(), number);
  }
  return number;
}

const idempotency_redis::script_names& scripts() {
  static const idempotency_redis::script_names made;
  return made;
}

std::string name_of(std::uint32_t key) {
  std::string name = "parley:";
  idempotency_redis::append_hex(named<idempotency::digest>(key), name);
  return name;
}

// What a holder takes for its own: from its grant to its deadline, or to its end before that.
struct belief {
  std::uint32_t key;
  std::uint32_t nonce;
  sim_time from;
  sim_time to;
};

class simulation {
 public:
  explicit simulation(const scenario& of)
      : scenario_(of),
        choices_(of.seed, 0),
        cancels_(of.seed, 4),
        shape_(of.shape),
        is_supported_(of.is_supported),
        keys_(static_cast<std::uint32_t>(1 + choices_.below(3))),
        options_(make_fleet_options()),
        ways_(time_, random_stream(of.seed, 1),
              clients + fleet::servers_of(options_) + fleet::sentinels_of(options_)),
        servers_(time_, ways_, random_stream(of.seed, 2), options_, scripts(),
                 static_cast<int>(clients)) {
    const std::uint64_t most = 8 + choices_.below(16);
    attempts_left_ = static_cast<unsigned>(std::min<std::uint64_t>(most, of.attempts));
    idempotency_redis::redis_store_options made;
    made.operation_timeout = milliseconds(1'200);
    made.offline_timeout = milliseconds(600);
    // Before a sentinel's word is given up for want of an answer, and after.
    made.connect_timeout = milliseconds(choices_.chance(50) ? 500 : 1'500);
    made.reconnect_min = milliseconds(20);
    made.reconnect_max = milliseconds(200);
    made.wait_timeout = milliseconds(600);
    if (is_supported_) made.wait_replicas = options_.replicas;
    for (unsigned i = 0; i < clients; ++i) {
      clients_.push_back(std::make_unique<client>(time_, ways_, servers_,
                                                  random_stream(of.seed, 10 + i), made, of.mistake,
                                                  scripts(), static_cast<int>(i)));
      client_clocks_.push_back(choices_.time(sim_time(0), milliseconds(200)));
    }
  }

  outcome run() {
    plan_faults();
    for (unsigned i = 0; i < workers; ++i) {
      tasks_.push_back(work(i));
      ways_.in_process(static_cast<int>(i % clients), sim_time(0),
                       [&of = tasks_.back()] { of.start(); });
    }
    // The servers watch each other for as long as the services run.
    bool is_settling = false;
    while (!is_at_rest_ && time_.run_one(time_max)) {
      if (is_settling || !has_worked()) continue;
      is_settling = true;
      time_.at(std::max<sim_time>(time_.now(), fault_time) + milliseconds(100),
               [this] { come_to_rest(); });
    }
    if (is_at_rest_) sweep();
    return judge();
  }

 private:
  fleet_options make_fleet_options() {
    fleet_options made;
    made.shape = shape_;
    constexpr append_log logs[] = {append_log::none, append_log::every_second, append_log::always};
    made.appends = is_supported_ ? append_log::always : logs[choices_.below(3)];
    made.replicas = shape_ == topology::standalone ? 0 : shape_ == topology::cluster ? 1 : 2;
    made.min_replicas = is_supported_ ? made.replicas : 0;
    for (std::uint32_t key = 0; key < keys_; ++key) made.keys.push_back(name_of(key));
    return made;
  }

  bool has_worked() const {
    return std::ranges::all_of(tasks_, [](const auto& each) { return each.is_done(); });
  }

  void come_to_rest() {
    ways_.heal();
    if (servers_.is_at_rest()) {
      is_at_rest_ = true;
      servers_.stop();
    } else {
      time_.at(time_.now() + milliseconds(30), [this] { come_to_rest(); });
    }
  }

  // ---- Faults

  void plan_faults() {
    random_stream random(scenario_.seed, 3);
    const std::size_t count = random.below(faults_max + 1);
    // A failover during a move loses what is on its way, whoever asks (fleet.hpp).
    const bool moves = shape_ == topology::cluster && random.chance(50);
    for (std::size_t i = 0; i < count; ++i) {
      const sim_time when = random.time(sim_time(0), fault_time);
      const std::uint64_t kind = random.below(13);
      const std::uint64_t a = random.next();
      const std::uint64_t b = random.next();
      if ((scenario_.faults >> i & 1) == 0) continue;
      time_.at(when, [this, kind, a, b, moves] { strike(kind, a, b, moves); });
    }
  }

  void strike(std::uint64_t kind, std::uint64_t a, std::uint64_t b, bool moves) {
    const sim_time now = time_.now();
    const int some_client = static_cast<int>(a % clients);
    const int some_server = servers_.first() + static_cast<int>(a % servers_.server_count());
    const int some_process = servers_.first() + static_cast<int>(a % servers_.process_count());
    const way to = b % 2 == 0 ? way::to_server : way::to_client;
    const sim_time span = milliseconds(200 + b / 2 % 2'000);
    const auto tell = [&](std::string what) {
      faults_.push_back(std::to_string(now.count()) + " us: " + std::move(what));
    };
    const bool spares_servers = moves && is_supported_;
    switch (kind) {
      case 0:
        if (spares_servers) break;
        tell("process " + std::to_string(some_process) + " is killed");
        servers_.kill(some_process, now + span);
        return;
      case 1: {
        if (spares_servers) break;
        const int master = servers_.master_of_shard(static_cast<unsigned>(a % servers_.shards()));
        tell("master " + std::to_string(master) + " is killed");
        servers_.kill(master, now + span);
        return;
      }
      case 2: {
        if (spares_servers) break;
        std::uint64_t island =
            1ull << servers_.master_of_shard(static_cast<unsigned>(a % servers_.shards()));
        for (unsigned i = 0; i < clients; ++i) island |= (a >> (20 + i) & 1) << i;
        // A sentinel that is cut off with it goes on naming it.
        for (std::size_t i = servers_.server_count(); i < servers_.process_count(); ++i) {
          island |= (a >> (20 + clients + i) & 1) << (clients + i);
        }
        tell("island " + std::to_string(island));
        ways_.cut_off(island);
        time_.at(now + span, [this] { ways_.cut_off(0); });
        return;
      }
      case 3: {
        const std::uint64_t all = (1ull << (clients + servers_.process_count())) - 1;
        const std::uint64_t island = spares_servers ? 1ull << some_client : a & all;
        tell("island " + std::to_string(island));
        ways_.cut_off(island);
        time_.at(now + span, [this] { ways_.cut_off(0); });
        return;
      }
      case 4: {
        const int who = spares_servers ? some_client : (b & 1) != 0 ? some_client : some_process;
        tell("process " + std::to_string(who) + " is paused for " + std::to_string(span.count()));
        ways_.pause(who, now + span);
        return;
      }
      case 5: {
        const auto step = sim_time(static_cast<std::int64_t>(b % 6'001));
        tell("the clock of server " + std::to_string(some_server) + " is set ahead to " +
             std::to_string(step.count()));
        servers_.step_clock(some_server, step);
        return;
      }
      case 6:
        tell("every delay is longer");
        ways_.slow_down(now + span, milliseconds(50 + b % 1'200));
        return;
      case 7:
        if (shape_ == topology::cluster && moves) {
          tell("the slot of key " + std::to_string(a % keys_) + " is moved");
          servers_.reshard(a % keys_);
        } else {
          tell("server " + std::to_string(some_server) + " forgets its scripts");
          servers_.flush_scripts(some_server);
        }
        return;
      case 8:
        if (shape_ == topology::cluster && moves) {
          tell("the slot of key " + std::to_string(a % keys_) + " is moved");
          servers_.reshard(a % keys_);
          return;
        }
        tell("server " + std::to_string(some_server) + " is full");
        servers_.fill(some_server, true);
        time_.at(now + span, [this, some_server] { servers_.fill(some_server, false); });
        return;
      case 9:
        if (ways_.swallow(some_client, to)) tell("a connection swallows what is sent");
        return;
      case 10:
        if (ways_.reset(some_client)) tell("a connection is reset");
        return;
      case 11:
        if (!moves) break;
        if (servers_.join(a % keys_)) {
          tell("a master joins, and gets the slot of key " + std::to_string(a % keys_));
          return;
        }
        if (servers_.drain()) {
          tell("a master is drained, and leaves");
          return;
        }
        break;
      default: break;
    }
    if (ways_.cut_after(some_client, to, b / 2 % 600)) tell("a connection is cut in the middle");
  }

  // ---- What services do

  struct request {
    std::uint32_t key = 0;
    std::uint32_t nonce = 0;
    std::uint8_t fingerprint = 0;
    bool rerun_marked = false;
    milliseconds retention{60'000};
    std::uint64_t fence = 0;
    std::uint32_t operation_id = 0;
    sim_time first_sent = never;
    sim_time last_sent{0};
    sim_time deadline{0};
    std::size_t belief = SIZE_MAX;
  };

  // One operation, from its start to its end, in the process of `by`.
  template <class Op>
  struct asking final : Op {
    asking(simulation& of, client& by, operation_kind kind, request& who)
        : in(of), to(by), how(kind) {
      this->key = named<idempotency::digest>(who.key);
      this->nonce = named<idempotency::nonce>(who.nonce);
      what.type = static_cast<operation_type>(static_cast<int>(kind) + 1);
      what.key = who.key;
      what.nonce = who.nonce;
      what.fingerprint = who.fingerprint;
    }
    void done() noexcept override {
      what.ends += 1;
      what.answered = in.time_.now() + sim_time(1);
      // Not inside the client's event.
      if (what.ends == 1) in.ways_.in_process(to.process(), in.time_.now(), waiter);
    }
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> of) {
      waiter = of;
      what.invoked = in.time_.now();
      number = in.history_.operations.size();
      in.history_.operations.push_back(what);
      in.history_.operations.back().is_outcome_known = false;
      to.start(how, *this, this->nonce, sent_last);
      if (in.is_at_rest_ || !in.cancels_.chance(3)) return;
      const sim_time when = in.time_.now() + in.cancels_.time(sim_time(0), lease / 2);
      in.ways_.in_process(to.process(), when, [this, &all = in.history_, &by = to, at = number] {
        if (all.operations[at].ends == 0) by.cancel(*this);
      });
    }
    recorded await_resume() {
      read(*this, what);
      return in.history_.operations[number] = what;
    }

    static void read(const claim_op& op, recorded& to) {
      to.claim = op.status;
      if (op.status == claim_status::failed) return fail(op.failure, to);
      to.operation_id = number_in(op.operation_id.view(), "operation-");
      if (op.status == claim_status::claimed) to.fence = op.fence;
      if (op.status == claim_status::completed) {
        const auto bytes = op.response.bytes();
        to.response =
            number_in({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "response-");
      }
    }
    static void read(const idempotency::write_op& op, recorded& to) {
      to.write = op.status;
      if (op.status == write_status::failed) fail(op.failure, to);
    }
    static void fail(const idempotency::store_failure& failure, recorded& to) {
      to.why = failure.why;
      to.is_outcome_known = failure.is_outcome_known;
    }

    simulation& in;
    client& to;
    const operation_kind how;
    recorded what;
    std::size_t number = 0;
    sim_time sent_last{0};
    std::string text;
    std::coroutine_handle<> waiter;
  };

  struct pausing {
    simulation& in;
    int process;
    sim_time span;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> of) {
      in.ways_.in_process(process, in.time_.now() + span, of);
    }
    void await_resume() const noexcept {}
  };

  static sim_time margin() { return margin_of(lease) + clock_skew; }

  task<recorded> claim(client& by, request& who) {
    asking<claim_op> op(*this, by, operation_kind::claim, who);
    op.text = text_of_operation(who.nonce);
    op.fingerprint = named<idempotency::digest>(who.fingerprint);
    op.request_id = op.text;
    op.lease = op.what.lease = lease;
    op.retention = op.what.retention = who.retention;
    op.rerun_marked = op.what.rerun_marked = who.rerun_marked;
    op.unix_ms = op.what.unix_ms = static_cast<std::uint64_t>(
        std::chrono::floor<milliseconds>(time_.now() +
                                         client_clocks_[static_cast<std::size_t>(by.process())])
            .count() +
        1'000'000);
    who.first_sent = std::min(who.first_sent, time_.now());
    const recorded got = co_await op;
    who.last_sent = std::max(who.last_sent, op.sent_last);
    if (got.claim == claim_status::claimed) {
      who.fence = got.fence;
      who.operation_id = got.operation_id;
    }
    co_return got;
  }

  task<recorded> end(client& by, request& who, operation_kind how) {
    if (who.belief != SIZE_MAX) {
      belief& own = beliefs_[who.belief];
      own.to = std::min(own.to, time_.now());
    }
    if (how == operation_kind::complete) {
      asking<complete_op> op(*this, by, how, who);
      op.text = text_of_operation(who.operation_id);
      op.fingerprint = named<idempotency::digest>(who.fingerprint);
      op.operation_id = op.text;
      op.what.sent_operation_id = who.operation_id;
      op.fence = op.what.fence = who.fence;
      op.lease_holds = op.what.lease_holds = time_.now() < who.deadline;
      const std::string response = text_of_response(who.nonce);
      op.response = response_ref::copy_of(std::as_bytes(std::span(response)));
      op.retention = op.what.retention = who.retention;
      co_return co_await op;
    }
    asking<release_op> op(*this, by, how, who);
    op.fence = op.what.fence = who.fence;
    co_return co_await op;
  }

  task<> renew(client& by, request& who) {
    asking<renew_op> op(*this, by, operation_kind::renew, who);
    op.lease = op.what.lease = lease;
    const sim_time sent = time_.now();
    const recorded got = co_await op;
    const bool mistakes = scenario_.mistake == planted::deadline_from_the_last_send;
    if (got.write == write_status::applied && time_.now() < who.deadline) {
      who.deadline = std::max(who.deadline, (mistakes ? op.sent_last : sent) + lease - margin());
      beliefs_[who.belief].to = who.deadline;
    }
  }

  // False: not to be gone on with.
  task<bool> mark(client& by, request& who) {
    for (int i = 0; i < 4; ++i) {
      asking<mark_op> op(*this, by, operation_kind::mark, who);
      op.text = "begun";
      op.note = op.text;
      const recorded got = co_await op;
      if (got.write == write_status::failed) continue;
      co_return got.write == write_status::applied || got.write == write_status::already_applied;
    }
    co_return false;
  }

  task<bool> claim_until_known(client& by, request& who, random_stream& random) {
    bool is_doubtful = false;
    for (int i = 0; i < 8; ++i) {
      const recorded got = co_await claim(by, who);
      if (got.claim == claim_status::claimed) co_return true;
      if (got.claim != claim_status::failed) {
        co_await pausing{*this, by.process(), random.time(sim_time(0), lease / 4)};
        co_return false;
      }
      is_doubtful = is_doubtful || !got.is_outcome_known;
      co_await pausing{*this, by.process(), random.time(sim_time(0), lease / 4)};
    }
    if (is_doubtful) co_await end_until_known(by, who, operation_kind::release, random);
    co_return false;
  }

  task<> end_until_known(client& by, request& who, operation_kind how, random_stream& random) {
    for (int i = 0; i < 6; ++i) {
      const recorded got = co_await end(by, who, how);
      if (got.write != write_status::failed) break;
      co_await pausing{*this, by.process(), random.time(sim_time(0), lease / 4)};
    }
    // Late duplicates.
    if (random.chance(15)) co_await claim(by, who);
    if (random.chance(10)) co_await end(by, who, how);
  }

  task<> work(unsigned number) {
    random_stream random(scenario_.seed, 20 + number);
    client& by = *clients_[number % clients];
    while (attempts_left_ > 0) {
      --attempts_left_;
      ++attempts_;
      request who;
      who.key = static_cast<std::uint32_t>(random.below(keys_));
      who.nonce = ++nonces_;
      who.fingerprint = random.chance(10) ? 1 : 0;
      who.rerun_marked = who.key % 2 == 1;
      if (random.chance(25)) who.retention = lease + idempotency::retention_margin;
      co_await attempt(by, who, random);
    }
  }

  task<> attempt(client& by, request& who, random_stream& random) {
    if (!co_await claim_until_known(by, who, random)) co_return;
    const bool mistakes = scenario_.mistake == planted::deadline_from_the_last_send;
    who.deadline = (mistakes ? who.last_sent : who.first_sent) + lease - margin();
    who.belief = beliefs_.size();
    beliefs_.push_back({who.key, who.nonce, time_.now(), who.deadline});
    const bool is_careless = random.chance(25);
    const auto think = [&](milliseconds most) {
      return pausing{*this, by.process(), random.time(sim_time(0), most)};
    };
    if (!is_careless && time_.now() >= who.deadline) {
      co_await end(by, who, operation_kind::release);
      co_return;
    }
    co_await think(is_careless ? 3 * lease : lease / 3);
    if (random.chance(35)) co_await renew(by, who);
    bool is_marked = false;
    if (random.chance(40)) {
      if (!co_await mark(by, who)) co_return;
      is_marked = true;
      co_await think(lease / 4);
      if (random.chance(30)) co_await renew(by, who);
    }
    if (random.chance(15)) co_return;  // crashes
    if (!is_careless && time_.now() >= who.deadline) co_return;
    const auto how =
        is_marked || random.chance(75) ? operation_kind::complete : operation_kind::release;
    co_await end_until_known(by, who, how, random);
  }

  // When nothing that was sent is under way any more and every lease is over: each key once.
  void sweep() {
    // Longer than anything takes, or is held up.
    const sim_time end = time_.now() + std::chrono::seconds(10);
    while (time_.run_one(end)) {
    }
    history_.settled = end;
    time_.at(end + lease + 2 * margin(), [this] {
      for (std::uint32_t key = 0; key < keys_; ++key) {
        tasks_.push_back(sweep_key(key));
        tasks_.back().start();
      }
    });
    while (time_.run_one(end + lease + std::chrono::seconds(10))) {
    }
  }
  task<> sweep_key(std::uint32_t key) {
    request who;
    who.key = key;
    who.nonce = ++nonces_;
    const recorded got = co_await claim(*clients_[0], who);
    if (got.claim != claim_status::failed) co_return;
    unserved_ = "key " + std::to_string(key) + ", " + std::string(to_string(got.why));
  }

  // ---- What is said of it

  outcome judge() {
    outcome made;
    for (const recorded& op : history_.operations) {
      for (const std::uint64_t part :
           {static_cast<std::uint64_t>(op.invoked.count()),
            static_cast<std::uint64_t>(op.answered.count()),
            std::uint64_t{op.nonce} << 16 | static_cast<std::uint64_t>(op.type) << 8 |
                static_cast<std::uint64_t>(op.claim) << 4 | static_cast<std::uint64_t>(op.write),
            op.fence, std::uint64_t{op.response} << 32 | op.operation_id}) {
        made.digest = random_stream(made.digest ^ part, 0).next();
      }
    }
    made.operations = history_.operations.size();
    made.attempts = attempts_;
    made.faults = faults_;
    made.failovers = servers_.failovers();
    for (const auto& each : clients_) {
      made.reroutes += each->stats().resent + each->stats().redirected;
      if (!each->misrouted().empty()) made.violations.push_back("misrouted: " + each->misrouted());
      if (is_at_rest_ && each->kept() > 0)
        made.violations.push_back("an operation is kept for ever");
    }
    if (!unserved_.empty()) made.violations.push_back("unserved: " + unserved_);
    if (!is_at_rest_) made.violations.push_back("it does not come to rest");
    history_.clock_skew = clock_skew;
    history_.time_max = milliseconds(10'000);
    const std::vector<sim_time>& lost = servers_.lost_from();
    const auto is_lost = [&](std::uint32_t key) { return lost[key] != never; };
    made.lost_keys = static_cast<std::size_t>(
        std::ranges::count_if(lost, [](sim_time each) { return each != never; }));
    const verdict found = check(history_);
    made.unknown = found.unknown;
    made.acknowledged = found.acknowledged;
    const auto add = [&](const violation& each) {
      made.violations.push_back("key " + std::to_string(each.key) + ", " +
                                std::string(to_string(each.broken)) + ": " + each.text);
      const std::string all = to_text(history_, each.key);
      if (made.text.find(all) == std::string::npos) made.text += all;
    };
    for (const violation& each : found.violations) {
      const bool holds_anyway = each.broken == property::everything_ends ||
                                each.broken == property::refusals_are_harmless;
      if (each.broken == property::has_an_order && made.failovers > 0 &&
          has_order_but_for_refusals(each.key)) {
        ++made.hasty_refusals;
      } else if (is_supported_ || !is_lost(each.key) || holds_anyway) {
        add(each);
      } else {
        ++made.contradicted;
      }
    }
    for (std::uint32_t key = 0; key < keys_; ++key) {
      if (is_supported_ || !is_lost(key)) {
        check_beliefs(key, made);
      } else {
        check_until(key, lost[key], add);
      }
    }
    return made;
  }

  // What refuses (running, conflict, abandoned, spent; lost and gone) is answered as the master
  // sees it, before its replicas do: it promises nothing, and what it tells of may be undone by a
  // failover.
  bool has_order_but_for_refusals(std::uint32_t key) const {
    const auto refuses = [](const recorded& op) {
      if (op.type != operation_type::claim) {
        return op.write == write_status::lost || op.write == write_status::gone;
      }
      const bool is_spent = op.claim == claim_status::failed && op.is_outcome_known;
      return is_spent || op.claim == claim_status::running || op.claim == claim_status::conflict ||
             op.claim == claim_status::abandoned;
    };
    history rest = history_;
    std::erase_if(rest.operations,
                  [&](const recorded& op) { return op.key != key || refuses(op); });
    return check(rest).count(property::has_an_order) == 0;
  }

  // Of a key of which something was forgotten, what came before.
  void check_until(std::uint32_t key, sim_time end,
                   const std::function<void(const violation&)>& add) {
    history before = history_;
    std::erase_if(before.operations,
                  [&](const recorded& op) { return op.key != key || op.invoked >= end; });
    for (recorded& op : before.operations) {
      if (op.answered < end) continue;
      op.claim = claim_status::failed;
      op.write = write_status::failed;
      op.is_outcome_known = false;
    }
    before.settled = std::max(before.settled, end);
    for (const violation& each : check(before).violations) {
      if (each.broken == property::superseded_is_inert ||
          each.broken == property::retries_are_safe) {
        add(each);
      }
    }
  }

  void check_beliefs(std::uint32_t key, outcome& to) {
    std::vector<belief> held;
    for (const belief& each : beliefs_) {
      if (each.key == key && each.from < each.to) held.push_back(each);
    }
    for (const belief& a : held) {
      for (const belief& b : held) {
        if (a.nonce >= b.nonce || a.from >= b.to || b.from >= a.to) continue;
        to.violations.push_back(
            "key " + std::to_string(key) + ", holders_are_alone: attempt " +
            std::to_string(a.nonce) + " acts until " + std::to_string(a.to.count()) +
            " us, attempt " + std::to_string(b.nonce) + " from " + std::to_string(b.from.count()));
        if (to.text.empty()) to.text = to_text(history_, key);
      }
    }
  }

  const scenario scenario_;
  random_stream choices_;
  random_stream cancels_;
  const topology shape_;
  const bool is_supported_;
  const std::uint32_t keys_;
  const fleet_options options_;
  events time_;
  network ways_;
  fleet servers_;
  std::vector<std::unique_ptr<client>> clients_;
  std::vector<sim_time> client_clocks_;
  std::deque<task<>> tasks_;
  history history_;
  std::vector<belief> beliefs_;
  std::vector<std::string> faults_;
  unsigned attempts_left_ = 0;
  std::size_t attempts_ = 0;
  bool is_at_rest_ = false;
  std::string unserved_;  // a key, though nothing was wrong any more
  std::uint32_t nonces_ = 0;
};

}  // namespace

outcome run(const scenario& of) {
  simulation made(of);
  return made.run();
}

scenario shrink(scenario of) {
  const auto fails = [](const scenario& each) { return !run(each).is_fine(); };
  outcome found = run(of);
  if (found.is_fine()) return of;
  for (bool is_smaller = true; is_smaller;) {
    is_smaller = false;
    for (std::size_t i = 0; i < faults_max; ++i) {
      scenario less = of;
      less.faults &= ~(std::uint64_t{1} << i);
      if (less.faults == of.faults || !fails(less)) continue;
      of = less;
      is_smaller = true;
    }
    found = run(of);
    of.attempts = static_cast<unsigned>(found.attempts);
    while (of.attempts > 1) {
      scenario less = of;
      --less.attempts;
      if (!fails(less)) break;
      of = less;
      is_smaller = true;
    }
  }
  return of;
}

std::string to_text(const scenario& of) {
  return std::string(to_string(of.shape)) + (of.is_supported ? "/supported/" : "/default/") +
         std::to_string(of.seed) + "/" + std::to_string(of.attempts) + "/" +
         std::to_string(of.faults);
}

std::optional<scenario> parse_scenario(std::string_view text) {
  const auto word = [&] {
    const std::string_view found = text.substr(0, text.find('/'));
    text.remove_prefix(std::min(text.size(), found.size() + 1));
    return found;
  };
  scenario made;
  const std::string_view shape = word();
  const auto shapes = {topology::standalone, topology::sentinel, topology::cluster};
  const auto found = std::ranges::find(shapes, shape, [](topology t) { return to_string(t); });
  const std::string_view setting = word();
  if (found == shapes.end() || (setting != "supported" && setting != "default")) {
    return std::nullopt;
  }
  made.shape = *found;
  made.is_supported = setting == "supported";
  std::array<std::uint64_t, 3> numbers = {0, made.attempts, made.faults};
  for (std::size_t i = 0; i < numbers.size() && (i == 0 || !text.empty()); ++i) {
    const std::string_view digits = word();
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, numbers[i]);
    if (error != std::errc() || stop != end) return std::nullopt;
  }
  if (!text.empty()) return std::nullopt;
  made.seed = numbers[0];
  made.attempts = static_cast<unsigned>(std::min<std::uint64_t>(numbers[1], 0xffff));
  made.faults = numbers[2];
  return made;
}

std::string_view to_string(topology of) {
  switch (of) {
    case topology::standalone: return "standalone";
    case topology::sentinel: return "sentinel";
    case topology::cluster: return "cluster";
  }
  return "unknown";
}

}  // namespace parley::testing_support::simulator
