// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/load.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace parley::bench {
namespace {

template <class Bytes>
void number(Bytes& to, std::uint64_t value) {
  value *= 0x9E3779B97F4A7C15u;
  std::memcpy(to.data(), &value, sizeof value);
}

// What it does next follows from what has ended.
class lane final {
 public:
  lane(idempotency::store& records, const load& l, const idempotency::response_ref& response)
      : records_(records), what_(l.what) {
    claim_.lane_ = complete_.lane_ = this;
    claim_.request_id = request_id;
    claim_.unix_ms = unix_ms;
    claim_.lease = std::min(claim_.lease, l.retention / 2);
    claim_.retention = complete_.retention = l.retention;
    complete_.response = response;
    complete_.operation_id = request_id;
    complete_.lease_holds = true;
  }

  void start(std::size_t count, std::uint64_t first, std::atomic<std::size_t>& running) {
    left_ = count;
    key_ = first;
    running_ = &running;
    go();
  }
  std::size_t failures() const { return failures_; }

 private:
  struct claim_step final : idempotency::claim_op {
    void done() noexcept override {
      lane_->count(status != idempotency::claim_status::failed);
      lane_->after_claim();
    }
    lane* lane_;
  };
  struct complete_step final : idempotency::complete_op {
    void done() noexcept override {
      lane_->count(status == idempotency::write_status::applied);
      lane_->go();
    }
    lane* lane_;
  };

  void count(bool is_good) { failures_ += is_good ? 0 : 1; }

  void go() {
    if (left_ == 0) {
      if (running_->fetch_sub(1) == 1) running_->notify_all();
      return;
    }
    --left_;
    const std::uint64_t key = key_++;
    number(claim_.key.bytes, key);
    number(claim_.fingerprint.bytes, key);
    number(claim_.nonce.bytes, what_ == operation::replay ? ~key : key);
    if (what_ == operation::complete) {
      complete();
    } else if (records_.claim(claim_)) {
      count(false);
      after_claim();
    }
  }
  void after_claim() {
    if (what_ == operation::pair) {
      complete();
    } else {
      go();
    }
  }
  void complete() {
    complete_.key = claim_.key;
    complete_.nonce = claim_.nonce;
    complete_.fingerprint = claim_.fingerprint;
    complete_.fence = unix_ms;
    if (records_.complete(complete_)) {
      count(false);
      go();
    }
  }

  idempotency::store& records_;
  const operation what_;
  std::size_t left_ = 0;
  std::uint64_t key_ = 0;
  std::size_t failures_ = 0;
  std::atomic<std::size_t>* running_ = nullptr;
  claim_step claim_;
  complete_step complete_;
};

}  // namespace

std::uint64_t new_keys(std::size_t count) {
  static std::atomic<std::uint64_t> next{1};
  return next.fetch_add(count);
}

std::size_t run(idempotency::store& records, const load& l) {
  // Not all the same: Redis compresses what it writes into a file.
  std::string body(l.response_bytes, '\0');
  std::uint32_t random = 1;
  for (char& each : body) {
    random = random * 1'664'525 + 1'013'904'223;
    each = static_cast<char>('0' + (random >> 24) % 64);
  }
  const auto response = idempotency::response_ref::copy_of(std::as_bytes(std::span(body)));
  std::vector<std::unique_ptr<lane>> lanes;
  lanes.reserve(l.in_flight);
  for (std::size_t i = 0; i < l.in_flight; ++i) {
    lanes.push_back(std::make_unique<lane>(records, l, response));
  }
  std::atomic<std::size_t> running{l.in_flight};
  std::uint64_t first = l.first;
  for (std::size_t i = 0; i < l.in_flight; ++i) {
    const std::size_t share = l.count / l.in_flight + (i < l.count % l.in_flight ? 1 : 0);
    lanes[i]->start(share, first, running);
    first += share;
  }
  for (std::size_t left = 0; (left = running.load()) != 0;) running.wait(left);
  std::size_t failures = 0;
  for (const auto& lane : lanes) failures += lane->failures();
  return failures;
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

}  // namespace parley::bench
