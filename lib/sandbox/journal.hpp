// SPDX-License-Identifier: Apache-2.0
//
// What was asked and answered, but for the control routes.

#ifndef PARLEY_LIB_SANDBOX_JOURNAL_HPP
#define PARLEY_LIB_SANDBOX_JOURNAL_HPP

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "parley/http/service.hpp"
#include "parley/sandbox/sandbox.hpp"
#include "sandbox/clock.hpp"

namespace parley::sandbox {

struct journal_entry {
  std::string request_id = {};
  time_point at = {};
  std::string method = {};  ///< empty, as is path, for what never became a request
  std::string path = {};
  std::uint16_t status = 0;    ///< 0: by way of a fault no response was made
  std::string_view code = {};  ///< empty: a success
  bool handler_ran = false;
  std::string fault = {};  ///< that the sandbox was asked for; empty: none
};

struct journal_page {
  std::vector<journal_entry> newest_first;
  std::uint64_t total = 0;
  std::uint64_t handler_runs = 0;
};

/// Thread-safe.
class journal final : public http::observer {
 public:
  explicit journal(const manual_clock& clock) : clock_(clock) {}

  void responded(const http::response_event& event) noexcept override;
  /// The newest `limit` entries.
  journal_page read(std::size_t limit = journal_max) const;
  void clear();

 private:
  void add(const http::response_event& event);

  const manual_clock& clock_;
  mutable std::mutex mutex_;
  std::deque<journal_entry> entries_;  // the newest first
  std::uint64_t total_ = 0;
  std::uint64_t handler_runs_ = 0;
};

}  // namespace parley::sandbox

#endif  // PARLEY_LIB_SANDBOX_JOURNAL_HPP
