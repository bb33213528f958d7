// SPDX-License-Identifier: Apache-2.0
//
// scale_client <url>: a store that lives as long as standard input, for scale_runbook.sh. A line
// `place <name> <count>` claims and completes as many keys, `replayed <name> <count>` looks whether
// each is still answered with what was stored. The answer is a line, `ok` or what is wrong.

#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include "parley/idempotency/await.hpp"
#include "parley/idempotency/key.hpp"
#include "parley/idempotency_redis/store.hpp"

namespace idempotency = parley::idempotency;

namespace {

class client {
 public:
  explicit client(idempotency::store& records) : records_(records) {}

  std::string place(const std::string& name) {
    idempotency::blocking_op<idempotency::claim_op> claim;
    if (!run_claim(claim, name)) return name + ": the claim failed";
    if (claim.status != idempotency::claim_status::claimed) return name + ": not claimed";
    idempotency::blocking_op<idempotency::complete_op> complete;
    complete.key = claim.key;
    complete.fingerprint = claim.fingerprint;
    complete.nonce = claim.nonce;
    complete.operation_id = claim.operation_id.view();
    complete.fence = claim.fence;
    complete.lease_holds = true;
    const std::string response = "response of " + name;
    complete.response = idempotency::response_ref::copy_of(std::as_bytes(std::span(response)));
    const bool is_done = until_it_answers([&] {
      complete.run(records_);
      return complete.status != idempotency::write_status::failed;
    });
    return is_done && complete.status != idempotency::write_status::lost ? ""
                                                                         : name + ": not stored";
  }

  std::string replayed(const std::string& name) {
    idempotency::blocking_op<idempotency::claim_op> claim;
    if (!run_claim(claim, name)) return name + ": the claim failed";
    if (claim.status != idempotency::claim_status::completed) return name + ": was forgotten";
    const std::span<const std::byte> bytes = claim.response.bytes();
    const std::string_view found(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return found == "response of " + name ? "" : name + ": another response";
  }

 private:
  // While a server restarts or hands over, operations fail and are tried again.
  static bool until_it_answers(const std::function<bool()>& answers) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!answers()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      std::this_thread::yield();
    }
    return true;
  }

  bool run_claim(idempotency::blocking_op<idempotency::claim_op>& claim, const std::string& name) {
    claim.scope = digests_.scope({"runbook"});
    claim.key = digests_.key(claim.scope, name);
    claim.fingerprint = digests_.fingerprint({"POST", "/", "", ""}, {});
    claim.nonce = *idempotency::random_nonce();
    claim.request_id = name;
    claim.unix_ms = 1;
    return until_it_answers([&] {
      claim.run(records_);
      return claim.status != idempotency::claim_status::failed;
    });
  }

  idempotency::store& records_;
  const std::string secret_ = std::string(32, 'k');
  const idempotency::digester digests_ =
      *idempotency::digester::from_key(std::as_bytes(std::span(secret_)));
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto records = parley::idempotency_redis::make_redis_store({.url = argv[1]});
  if (!records) {
    std::fprintf(stderr, "%s\n", records.error().c_str());
    return 2;
  }
  client of(**records);
  std::string what, name;
  for (int count = 0; std::cin >> what >> name >> count;) {
    std::string wrong;
    for (int i = 0; i < count && wrong.empty(); ++i) {
      const std::string each = name + "-" + std::to_string(i);
      wrong = what == "place" ? of.place(each) : of.replayed(each);
    }
    std::puts(wrong.empty() ? "ok" : wrong.c_str());
    std::fflush(stdout);
  }
  (*records)->shutdown();
  return 0;
}
