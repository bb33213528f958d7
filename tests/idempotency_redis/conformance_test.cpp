// SPDX-License-Identifier: Apache-2.0
//
// The store against the kit: on a server whose clock the kit moves; and in real time, on an
// executor of two threads, and with everything that a careful operator sets: the least privilege, a
// database, TLS with certificates of clients, and a replica that is waited for.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "idempotency_redis/support/certificate_files.hpp"
#include "idempotency_redis/support/least_privilege.hpp"
#include "idempotency_redis/support/redis_server.hpp"
#include "idempotency_redis/support/store_fixture.hpp"
#include "parley/idempotency_redis/asio.hpp"
#include "parley/idempotency_redis/store.hpp"
#include "parley/idempotency_testing/suite.hpp"

namespace parley::idempotency_redis {
namespace {

using idempotency_testing::clock_kind;
using idempotency_testing::store_harness;
using std::chrono::milliseconds;
using testing_support::redis_server;

// Cases share a server; each has keys of its own.
class redis_harness final : public store_harness {
 public:
  using maker = std::function<std::unique_ptr<redis_store>(redis_store_options)>;

  /// `manual`: a server with a clock that is moved; else null. A TTL of Redis ends when its last
  /// millisecond is over, one later than the kit has it: `kind` is real, and advance() makes up for
  /// it, but for cases of leases alone.
  redis_harness(redis_store_options options, maker make, redis_server* manual = nullptr,
                clock_kind kind = clock_kind::real)
      : options_(std::move(options)), make_(std::move(make)), manual_(manual), kind_(kind) {
    static std::atomic<unsigned> cases = 0;
    options_.key_prefix = "parley:case-" + std::to_string(++cases) + ":";
    records_ = make_(options_);
  }

  idempotency::store& records() override { return *records_; }
  clock_kind clock() const override { return kind_; }
  void advance(milliseconds by) override {
    const milliseconds at_least = kind_ == clock_kind::manual ? by : by + milliseconds(1);
    if (manual_ != nullptr) {
      manual_->advance_clock(at_least);
    } else {
      std::this_thread::sleep_for(at_least);
    }
  }
  milliseconds short_lease() const override { return milliseconds(300); }
  bool reopen() override {
    records_.reset();
    records_ = make_(options_);
    return true;
  }

 private:
  redis_store_options options_;
  maker make_;
  redis_server* const manual_;
  const clock_kind kind_;
  std::unique_ptr<redis_store> records_;
};

std::unique_ptr<redis_store> make_with_thread(redis_store_options options) {
  auto made = make_redis_store(std::move(options));
  if (!made) throw std::runtime_error(made.error());
  return std::move(*made);
}

// Made by the first case that needs it; each program of CTest runs one case.
redis_server& plain_server() {
  static redis_server server;
  return server;
}
redis_server& server_with_clock() {
  static redis_server server({.has_manual_clock = true});
  return server;
}

PARLEY_IDEMPOTENCY_CONFORMANCE(Redis, [] {
  return std::make_unique<redis_harness>(testing_support::patient(server_with_clock().url()),
                                         make_with_thread, &server_with_clock());
});

// Leases are judged to the millisecond.
class RedisLease : public testing::TestWithParam<const char*> {};

TEST_P(RedisLease, IsJudgedToTheMillisecond) {
  const auto cases = idempotency_testing::conformance_cases();
  const auto found = std::ranges::find(cases, std::string_view(GetParam()),
                                       &idempotency_testing::conformance_case::name);
  ASSERT_NE(found, cases.end());
  const auto report = idempotency_testing::run_case(*found, [] {
    return std::make_unique<redis_harness>(testing_support::patient(server_with_clock().url()),
                                           make_with_thread, &server_with_clock(),
                                           clock_kind::manual);
  });
  EXPECT_EQ(report.skipped, "");
  for (const std::string& finding : report.findings) ADD_FAILURE() << finding;
}

INSTANTIATE_TEST_SUITE_P(, RedisLease,
                         testing::Values("LeaseHoldsToItsLastMillisecond", "LeaseLeftCountsDown",
                                         "ShortestLeaseHolds", "LongestLeaseHolds",
                                         "RetriedClaimDoesNotExtendTheLease",
                                         "OthersDoNotExtendTheLease", "RenewExtendsFromNow",
                                         "RenewSetsTheLeaseItNames", "RenewKeepsTheMark",
                                         "RenewKeepsTheRecordAlive", "ReleasedIsKeptTenMinutes"),
                         [](const auto& each) { return std::string(each.param); });

// The two threads of an executor, and a store on it.
class executor {
 public:
  executor() {
    for (std::thread& each : threads_) each = std::thread([this] { context_.run(); });
  }
  ~executor() {
    work_.reset();
    for (std::thread& each : threads_) each.join();
  }
  std::unique_ptr<redis_store> make(redis_store_options options) {
    auto made = make_redis_store(context_.get_executor(), std::move(options));
    if (!made) throw std::runtime_error(made.error());
    return std::move(*made);
  }

 private:
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      context_.get_executor()};
  std::thread threads_[2];
};

PARLEY_IDEMPOTENCY_CONFORMANCE(RedisOnExecutor, [] {
  const auto threads = std::make_shared<executor>();
  return std::make_unique<redis_harness>(
      testing_support::patient(plain_server().url()),
      [threads](redis_store_options options) { return threads->make(std::move(options)); });
});

// Everything at once that a careful operator sets.
struct guarded_servers {
  testing_support::temporary_folder folder;
  testing_support::certificate_authority authority{folder.path(), "authority"};
  testing_support::certificate_files client = authority.issue("client", "DNS:client");
  redis_server server{make_options()};
  redis_server replica{
      {.password = "secret", .replica_of = server.port(), .config = {"masterauth secret"}}};

  guarded_servers() { server.wait_for_replicas(1); }

  testing_support::redis_server_options make_options() {
    const auto files = authority.issue("server", "DNS:redis.test,IP:127.0.0.1");
    return {.appends = testing_support::append_only::every_second,
            .password = "secret",
            .tls_certificate_file = files.certificate,
            .tls_key_file = files.key,
            .tls_client_authorities_file = authority.file(),
            .config = {testing_support::least_privilege("parley", "p@ss:word/")}};
  }

  redis_store_options options() const {
    redis_store_options made = testing_support::patient(
        "rediss://parley:p%40ss%3Aword%2F@127.0.0.1:" + std::to_string(server.tls_port()) + "/3");
    made.tls = {.authorities_file = authority.file(),
                .certificate_file = client.certificate,
                .private_key_file = client.key,
                .server_name = "redis.test"};
    made.wait_replicas = 1;
    made.wait_timeout = std::chrono::seconds(20);
    made.when_no_append_only = made.when_no_replicas = made.when_unknown = on_finding::refuse;
    return made;
  }
};

PARLEY_IDEMPOTENCY_CONFORMANCE(RedisGuarded, [] {
  static const guarded_servers servers;
  return std::make_unique<redis_harness>(servers.options(), make_with_thread);
});

}  // namespace
}  // namespace parley::idempotency_redis
