// SPDX-License-Identifier: Apache-2.0
//
// idempotency_redis/claim_p50[/raw_socket]: the median time of a claim, one at a time, against the
// server of redis_bench.cpp. The next claim begins where the last one's answer came in: of ours in
// the store's thread. The peer is a socket with blocking calls, which is sent the same command.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include "idempotency_redis/server.hpp"
#include "parley/idempotency_redis/store.hpp"

namespace {

namespace idempotency = parley::idempotency;
using parley::bench::redis_server;
using clock_type = std::chrono::steady_clock;

constexpr std::size_t warm_up = 1'000;
constexpr std::size_t counted = 20'000;

// Keys of both programs differ from each other's and, by their high bit, from redis_bench.cpp's.
std::atomic<std::uint64_t> next_key{std::uint64_t{1} << 63};

void report(benchmark::State& state, std::vector<double>& seconds) {
  seconds.erase(seconds.begin(), seconds.begin() + warm_up);
  const auto middle = seconds.begin() + counted / 2;
  std::nth_element(seconds.begin(), middle, seconds.end());
  state.SetIterationTime(*middle);
}

class claimer final : public idempotency::claim_op {
 public:
  explicit claimer(idempotency::store& records) : records_(records) {
    request_id = "req_0123456789abcdef";
    unix_ms = 1'700'000'000'000;
    seconds.reserve(warm_up + counted);
  }

  void start() {
    const std::uint64_t number = next_key.fetch_add(1) * 0x9E3779B97F4A7C15u;
    std::memcpy(key.bytes.data(), &number, sizeof number);
    std::memcpy(nonce.bytes.data(), &number, sizeof number);
    began_ = clock_type::now();
    if (records_.claim(*this)) finish(false);
  }
  void wait() const { is_over_.wait(false); }

  std::vector<double> seconds;
  bool has_failed = false;

 private:
  void done() noexcept override {
    seconds.push_back(std::chrono::duration<double>(clock_type::now() - began_).count());
    if (status != idempotency::claim_status::claimed) return finish(false);
    if (seconds.size() == warm_up + counted) return finish(true);
    start();
  }
  void finish(bool is_good) {
    has_failed = !is_good;
    is_over_ = true;
    is_over_.notify_one();
  }

  idempotency::store& records_;
  clock_type::time_point began_;
  std::atomic<bool> is_over_ = false;
};

void ours(benchmark::State& state) {
  redis_server& server = redis_server::instance();
  parley::idempotency_redis::redis_store_options options;
  options.url = server.url();
  options.operation_timeout = std::chrono::seconds(10);
  auto records = parley::idempotency_redis::make_redis_store(options);
  while (!(*records)->ready()) std::this_thread::yield();
  claimer one(**records);  // lives until the store has ended: its last done() may still run
  for (auto _ : state) {
    one.start();
    one.wait();
    if (one.has_failed) {
      state.SkipWithError("a claim failed");
      break;
    }
    report(state, one.seconds);
  }
  (*records)->shutdown();
  server.command({"FLUSHALL"});
}

int connect_to(int port) {
  const int to = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  setsockopt(to, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(to, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return to;
  close(to);
  return -1;
}

std::string make_claim(std::uint64_t key) {
  std::string made;
  const auto add = [&](std::string_view word) {
    made += "$" + std::to_string(word.size()) + "\r\n";
    made += word;
    made += "\r\n";
  };
  made += "*7\r\n";
  add("SET");
  // As long as a key and a running record of ours.
  std::string name = "parley:00000000000000000000000000000000";
  for (std::size_t i = 0; i < 16; ++i) name[7 + i] = "0123456789abcdef"[key >> (4 * i) & 15];
  add(name);
  add(std::string(73, 'r'));
  add("NX");
  add("GET");
  add("PX");
  add("86400000");
  return made;
}

void raw_socket(benchmark::State& state) {
  redis_server& server = redis_server::instance();
  const int to = connect_to(server.port());
  constexpr std::string_view nothing = "$-1\r\n";
  for (auto _ : state) {
    std::vector<double> seconds;
    seconds.reserve(warm_up + counted);
    while (seconds.size() < warm_up + counted) {
      const std::string claim = make_claim(next_key.fetch_add(1));
      const auto began = clock_type::now();
      char reply[64];
      std::size_t got = 0;
      bool is_open =
          send(to, claim.data(), claim.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(claim.size());
      while (is_open && got < nothing.size()) {
        const ssize_t more = recv(to, reply + got, sizeof reply - got, 0);
        is_open = more > 0;
        if (is_open) got += static_cast<std::size_t>(more);
      }
      if (!is_open || std::string_view(reply, got) != nothing) break;
      seconds.push_back(std::chrono::duration<double>(clock_type::now() - began).count());
    }
    if (seconds.size() < warm_up + counted) {
      state.SkipWithError("a claim failed");
      break;
    }
    report(state, seconds);
  }
  close(to);
  server.command({"FLUSHALL"});
}

BENCHMARK(ours)->Name("idempotency_redis/claim_p50")->Iterations(1)->UseManualTime();
BENCHMARK(raw_socket)
    ->Name("idempotency_redis/claim_p50/raw_socket")
    ->Iterations(1)
    ->UseManualTime();

}  // namespace
