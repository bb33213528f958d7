// SPDX-License-Identifier: Apache-2.0
#include "parley/client/client.hpp"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace parley::client {
namespace {

void sleep_for(std::chrono::milliseconds time, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  // cppcheck-suppress localMutex ; to wait takes one, and there is nobody to keep out
  std::unique_lock lock(mutex);
  wake.wait_for(lock, std::move(stop), time, [] { return false; });
}

}  // namespace

blocking_client::blocking_client(transport& by, client_options options,
                                 std::uint32_t budget_capacity, std::uint32_t budget_cost)
    : by_(by), options_(std::move(options)), budget_(budget_capacity, budget_cost) {}

answer blocking_client::send(operation& of, std::stop_token stop) {
  const auto time = [this] { return options_.clock ? options_.clock() : now(); };
  sending s(of, options_.send, budget_);
  auto next = stop.stop_requested() ? s.cancel() : s.begin(time());
  while (next != sending::step::done) {
    if (next == sending::step::attempt) {
      auto outcome = by_.exchange(s.wire_request(), s.timeout(), stop);
      next = s.attempted(std::move(outcome), time());
      continue;
    }
    options_.sleep ? options_.sleep(s.pause(), stop) : sleep_for(s.pause(), stop);
    next = stop.stop_requested() ? s.cancel() : s.paused(time());
  }
  return s.take_answer();
}

}  // namespace parley::client
