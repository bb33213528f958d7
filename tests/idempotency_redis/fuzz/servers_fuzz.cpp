// SPDX-License-Identifier: Apache-2.0
//
// Servers, sentinels and nodes of a cluster that say and do what they like: each operation ends
// just once, and the dispatcher asks nothing of a network that it may not.
//
// The first byte is the topology. Then come steps, each ended by '|': what happens, a connection
// where it is about one, and what the server says.
//   a       an operation is added        c0      the connection is there
//   w0      what was written is sent     x0      it is closed
//   t0      time passes, more for '9'    b0...   these bytes come

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "idempotency_redis/dispatcher.hpp"

namespace {

namespace redis = parley::idempotency_redis;
namespace idempotency = parley::idempotency;

constexpr std::size_t operations_max = 16;

void require(bool holds) {
  if (!holds) std::abort();
}

struct wire {
  redis::channel_user* user = nullptr;  // null: the dispatcher has closed it
  bool is_connected = false;
  bool is_writing = false;
  bool is_closed = false;
};

class wire_end final : public redis::channel {
 public:
  explicit wire_end(wire& of) : of_(of) {}
  ~wire_end() override { of_.user = nullptr; }
  void write(std::string& bytes) override {
    require(of_.is_connected && !of_.is_writing && !bytes.empty());
    of_.is_writing = true;
    bytes.clear();
  }

 private:
  wire& of_;
};

struct asked final : idempotency::claim_op {
  void done() noexcept override {}
  redis::pending what;
  int ends = 0;
  bool is_in_flight = false;  // has ended, and is still looked at
};

class world final : redis::connector, redis::dispatcher_host {
 public:
  explicit world(std::string url) {
    options_.url = std::move(url);
    const auto where = redis::parse_deployment(options_.url);
    require(where.has_value());
    sends_ = std::make_unique<redis::dispatcher>(options_, *where,
                                                 static_cast<redis::dispatcher_host&>(*this),
                                                 static_cast<redis::connector&>(*this), 7u);
    happen([] {});
  }
  ~world() {
    happen([this] { sends_->end_all(); });
    for (const asked& each : operations_) require(each.ends == 1 && !each.is_in_flight);
    sends_.reset();
    for (const wire& each : wires_) require(each.user == nullptr);
  }

  void add() {
    if (operations_.size() == operations_max) return;
    asked& made = operations_.emplace_back();
    made.request_id = "request";
    const std::uint64_t number = operations_.size();
    std::memcpy(made.key.bytes.data(), &number, sizeof number);
    std::memcpy(made.nonce.bytes.data(), &number, sizeof number);
    made.what.what.begin(redis::operation_kind::claim, made);
    made.what.started = now_;
    happen([&] { sends_->add(made.what); });
  }
  void pass(char much) {
    now_ += std::chrono::milliseconds(1u << (static_cast<unsigned char>(much) % 16));
    happen([] {});
  }
  void step(char what, char which, std::string_view said) {
    if (wires_.empty()) return;
    // The newest first: what is said to one that is closed is lost.
    const std::size_t back = static_cast<unsigned char>(which - '0') % wires_.size();
    wire& on = wires_[wires_.size() - 1 - back];
    if (on.user == nullptr || on.is_closed) return;
    switch (what) {
      case 'c':
        if (std::exchange(on.is_connected, true)) return;
        happen([&] { on.user->on_connected(); });
        return;
      case 'w':
        if (!std::exchange(on.is_writing, false)) return;
        happen([&] { on.user->on_written(); });
        return;
      case 'x':
        on.is_closed = true;
        happen([&] { on.user->on_closed(redis::disconnect_reason::closed, "closed"); });
        return;
      case 'b': {
        if (!on.is_connected) return;
        // A block of its own, so that a read beyond it is seen.
        const std::unique_ptr<char[]> exact(new char[said.size()]);
        std::ranges::copy(said, exact.get());
        happen([&] { on.user->on_bytes({exact.get(), said.size()}); });
        return;
      }
    }
  }

 private:
  template <class What>
  void happen(What what) {
    sends_->set_now(now_);
    what();
    sends_->settle();
    require(sends_->next() > now_);
  }
  std::unique_ptr<redis::channel> connect(const redis::node_address& where,
                                          redis::channel_user& user) override {
    require(where.port != 0 && !where.host.empty());
    return std::make_unique<wire_end>(wires_.emplace_back(wire{.user = &user}));
  }
  asked& owner_of(const redis::pending& what) {
    return *std::ranges::find(operations_, &what, [](const asked& each) { return &each.what; });
  }
  void ended(redis::pending& what) noexcept override {
    asked& of = owner_of(what);
    require(++of.ends == 1);
    of.is_in_flight = what.in_flight;
    what.what.forget();
  }
  void unused(redis::pending& what) noexcept override {
    require(std::exchange(owner_of(what).is_in_flight, false));
  }

  redis::redis_store_options options_;
  redis::dispatcher::time now_{std::chrono::hours(1)};
  std::deque<wire> wires_;
  std::deque<asked> operations_;
  std::unique_ptr<redis::dispatcher> sends_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view urls[] = {
      "redis://:secret@one:6379/2",
      "redis+sentinel://:secret@first,second/mymaster",
      "redis+cluster://first:7000,second:7001",
  };
  world with{std::string(urls[data[0] % 3])};
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  while (!rest.empty()) {
    const std::string_view step = rest.substr(0, rest.find('|'));
    rest.remove_prefix(std::min(rest.size(), step.size() + 1));
    if (step == "a") with.add();
    if (step.size() < 2) continue;
    if (step[0] == 't') {
      with.pass(step[1]);
    } else {
      with.step(step[0], step[1], step.substr(2));
    }
  }
  return 0;
}
