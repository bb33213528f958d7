// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/simulator/client.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "idempotency_redis/cluster_reply.hpp"
#include "idempotency_redis/key_slot.hpp"
#include "idempotency_redis/resp.hpp"
#include "idempotency_redis/simulator/command_text.hpp"

namespace parley::testing_support::simulator {
namespace {

using idempotency_redis::reply;
using idempotency_redis::reply_reader;
using idempotency_redis::reply_tree;

// How long the system takes to take bytes: what comes meanwhile is written in one.
constexpr sim_time write_time_max = std::chrono::microseconds(500);

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

// A connection, from the attempt to its end.
class client::line final : public idempotency_redis::channel,
                           end_point,
                           idempotency_redis::reply_sink {
 public:
  line(client& of, idempotency_redis::channel_user& user, int to)
      : of_(of), user_(user), to_(to), self_(std::make_shared<line*>(this)) {
    if (of_.is_cluster_)
      heard_.emplace(static_cast<idempotency_redis::reply_sink&>(*this),
                     reply_tree::text_bytes_max);
    of_.ways_.connect(
        of_.process_, to_,
        [&servers = of_.servers_, to](const connection_ref& on) { return servers.accept(on, to); },
        [&ways = of_.ways_, self = self_](connection_ref made) {
          if (*self != nullptr) {
            (*self)->on_connected(std::move(made));
          } else if (made) {
            ways.close(made, way::to_server);
          }
        });
  }
  ~line() override {
    require(!is_told_);
    *self_ = nullptr;
    if (on_) of_.ways_.close(on_, way::to_server);
  }

  void write(std::string& bytes) override {
    require(on_ != nullptr && !is_writing_ && !bytes.empty());
    // What the dispatcher had decided when it could write the last time, it has written then.
    of_.look_at_written(bytes, to_, written_in_ < of_.event_ ? of_.event_ : wrote_in_);
    wrote_in_ = of_.event_;
    is_writing_ = true;
    of_.ways_.send(on_, way::to_server, std::exchange(bytes, {}));
    of_.ways_.in_process(of_.process_,
                         of_.time_.now() + of_.random_.time(sim_time(0), write_time_max),
                         [self = self_] {
                           if (*self != nullptr) (*self)->on_written();
                         });
  }

 private:
  // It may be gone after that.
  template <class What>
  void tell(What what) {
    of_.run([&] {
      is_told_ = true;
      what();
      is_told_ = false;
    });
  }

  void on_connected(connection_ref made) {
    on_ = std::move(made);
    if (on_) on_->ends[static_cast<std::size_t>(way::to_client)] = this;
    tell([&] {
      if (on_) {
        user_.on_connected();
      } else {
        user_.on_closed(idempotency_redis::disconnect_reason::connect, "refused");
      }
    });
  }
  void on_written() {
    is_writing_ = false;
    written_in_ = of_.event_ + 1;
    tell([&] { user_.on_written(); });
  }
  void on_bytes(std::string_view bytes) override {
    if (!heard_) {
      tell([&] { user_.on_bytes(bytes); });
      return;
    }
    heard_->feed(bytes);
    std::string changed(bytes);
    if (of_.mistake_ == planted::ask_updates_the_map) {
      for (std::size_t at = 0; (at = changed.find("-ASK ", at)) != std::string::npos;) {
        changed.replace(at, 4, "-MOVED");
      }
    }
    tell([&] { user_.on_bytes(changed); });
  }
  void on_closed() override {
    on_.reset();
    tell(
        [&] { user_.on_closed(idempotency_redis::disconnect_reason::closed, "by the other end"); });
  }

  void on_reply(const reply& r) noexcept override {
    if (r.what == reply::kind::error) of_.learn(r, to_);
    if (r.what != reply::kind::array) return;
    layout_.clear();
    on_part(r);
  }
  void on_part(const reply& r) noexcept override {
    layout_.add(r);
    if (!layout_.is_whole()) return;
    // The client passes over a node that takes so long, and may have done so.
    of_.learn(layout_,
              of_.time_.now() - opened_ >= idempotency_redis::cluster_options().refresh_timeout);
  }

  client& of_;
  idempotency_redis::channel_user& user_;
  const int to_;
  const std::shared_ptr<line*> self_;
  const sim_time opened_ = of_.time_.now();
  connection_ref on_;
  bool is_told_ = false;  // its user is being told something
  bool is_writing_ = false;
  std::uint64_t wrote_in_ = 0;    // events of the client
  std::uint64_t written_in_ = 0;  // told
  std::optional<reply_reader> heard_;
  reply_tree layout_;
};

client::client(events& time, network& ways, fleet& servers, random_stream random,
               idempotency_redis::redis_store_options options, planted mistake,
               const idempotency_redis::script_names& scripts, int process)
    : time_(time),
      ways_(ways),
      servers_(servers),
      random_(random),
      options_(std::move(options)),
      scripts_(scripts),
      mistake_(mistake),
      is_cluster_(servers.url().starts_with("redis+cluster")),
      process_(process),
      sends_(options_, *idempotency_redis::parse_deployment(servers.url()), *this, *this,
             static_cast<std::uint32_t>(random_.next())) {
  ways_.in_process(process_, time_.now(), [this] { run([] {}); });
}

idempotency_redis::dispatcher::time client::steady() const {
  return idempotency_redis::dispatcher::time(time_.now() + std::chrono::hours(1));
}

// One thing that happens, and what comes of it.
template <class What>
void client::run(What what) {
  ++event_;
  sends_.set_now(steady());
  what();
  sends_.settle();
  arm();
}

void client::arm() {
  const auto next = sends_.next();
  if (next == idempotency_redis::dispatcher::time::max()) return;
  const auto when = std::chrono::ceil<sim_time>(next.time_since_epoch()) - std::chrono::hours(1);
  if (armed_for_ <= when) return;
  armed_for_ = when;
  ways_.in_process(process_, when, [this, when] {
    if (armed_for_ == when) armed_for_ = never;
    run([] {});
  });
}

// ---- Operations

void client::start(idempotency_redis::operation_kind kind, idempotency::op_base& op,
                   idempotency::nonce& nonce, sim_time& sent_last) {
  idempotency_redis::pending* made = nullptr;
  if (free_.empty()) {
    made = &pending_.emplace_back();
  } else {
    made = free_.back();
    free_.pop_back();
    *made = {};
  }
  made->what.begin(kind, op);
  made->started = steady();
  if (mistake_ != planted::none) watched_.push_back({&op, &nonce, &sent_last, {}});
  run([&] { sends_.add(*made); });
}

void client::cancel(const idempotency::op_base& op) {
  run([&] { sends_.cancel([&](const auto& each) { return each.what.op() == &op; }); });
}

void client::ended(idempotency_redis::pending& of) noexcept {
  idempotency::op_base* const op = of.what.op();
  of.what.forget();
  std::erase_if(watched_, [&](const watched& each) { return each.op == op; });
  ways_.in_process(process_, time_.now(), [op] { op->done(); });
  if (!of.in_flight) free_.push_back(&of);
}

// ---- Connections

std::unique_ptr<idempotency_redis::channel> client::connect(
    const idempotency_redis::node_address& where, idempotency_redis::channel_user& user) {
  return std::make_unique<line>(*this, user, fleet::process_of(where));
}

void client::look_at_written(std::string& bytes, int to, std::uint64_t decided_from) {
  if (!is_cluster_ && mistake_ == planted::none) return;
  std::vector<std::string_view> words;
  bool is_asking = false;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t begin = at;
    require(take_command(bytes, at, words));
    if (!key_of(words).empty()) {
      if (is_cluster_ && !is_asking) look_at_route(words, to, decided_from);
      if (mistake_ != planted::none) plant(bytes, begin, words);
    }
    is_asking = words[0] == "ASKING";
  }
}

// ---- What is written, against what was said

void client::look_at_route(const std::vector<std::string_view>& words, int to,
                           std::uint64_t decided_from) {
  const std::uint16_t slot = idempotency_redis::slot_of(key_of(words));
  const owners& known = learned_[slot];
  if (known.processes.empty() || known.since >= decided_from || !misrouted_.empty()) return;
  if (std::ranges::find(known.processes, to) != known.processes.end()) return;
  misrouted_ = "slot " + std::to_string(slot) + " is sent to server " + std::to_string(to) +
               ", and server " + std::to_string(known.processes.back()) +
               " was last said to have it";
}

void client::learn(const reply& error, int from) {
  const auto where = idempotency_redis::read_redirect(error.text);
  if (!where || where->is_ask || where->port == 0) return;
  owners& known = learned_[where->slot];
  // Whether the client heeds it depends on whether it still wants the answer: both owners will do,
  // until the layout has come that it asks for.
  if (known.processes.empty()) return;
  known.processes.push_back(
      where->host.empty() ? from : fleet::process_of({std::string(where->host), where->port}));
}

void client::learn(const reply_tree& layout, bool is_late) {
  idempotency_redis::tree_cursor at(layout);
  const std::size_t ranges = at.array().value_or(0);
  for (std::size_t i = 0; i < ranges; ++i) {
    const std::size_t parts = at.array().value_or(0);
    const std::int64_t first = at.integer().value_or(0);
    const std::int64_t last = at.integer().value_or(-1);
    const std::size_t words = at.array().value_or(0);
    const int owner = fleet::process_of({std::string(at.text().value_or("")), 0});
    for (std::size_t word = 1; word < words; ++word) at.skip();
    for (std::size_t node = 3; node < parts; ++node) at.skip();
    for (const std::uint16_t slot : servers_.used_slots()) {
      if (slot < first || slot > last) continue;
      owners& known = learned_[slot];
      if (!is_late) {
        known = {{owner}, event_ + 1};
      } else if (!known.processes.empty()) {
        known.processes.push_back(owner);
      }
    }
  }
}

// ---- Mistakes

void client::plant(std::string& bytes, std::size_t begin,
                   const std::vector<std::string_view>& words) {
  constexpr std::size_t nonce_bytes = sizeof(idempotency::nonce::bytes);
  using idempotency_redis::script;
  const auto is = [&](script s) {
    return words[1] == scripts_[s] || words[1] == idempotency_redis::text_of(s);
  };
  // Where its own nonce stands: behind a state, but for two scripts.
  std::string_view at;
  if (words[0] == "SET") {
    at = words[2].substr(1);
  } else if (words[0] == "GET" || is(script::touch)) {
    return;
  } else {
    at = is(script::take_over)                   ? words[5].substr(1)
         : is(script::renew) || is(script::mark) ? words[4]
                                                 : words[4].substr(1);
  }
  const std::string command =
      bytes.substr(begin, static_cast<std::size_t>(words.back().end() - &bytes[begin]));
  for (watched& each : watched_) {
    if (std::memcmp(at.data(), each.nonce->bytes.data(), nonce_bytes) != 0) continue;
    *each.sent_last = time_.now();
    const bool is_again = std::ranges::find(each.written, command) != each.written.end();
    each.written.push_back(command);
    if (!is_again || mistake_ != planted::new_nonce_when_sent_again) continue;
    const std::uint64_t number =
        0xbad'0000'0000 + static_cast<std::uint64_t>(process_) * 1'000'000 + ++nonces_;
    std::memcpy(each.nonce->bytes.data(), &number, sizeof number);
    std::memcpy(&bytes[static_cast<std::size_t>(at.data() - bytes.data())],
                each.nonce->bytes.data(), nonce_bytes);
  }
}

}  // namespace parley::testing_support::simulator
