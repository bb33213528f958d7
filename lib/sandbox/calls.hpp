// SPDX-License-Identifier: Apache-2.0
//
// The calls of the emulated API. How far a call has come follows from the time alone, so there is
// nothing to run in the background and a moved clock moves every call.

#ifndef PARLEY_LIB_SANDBOX_CALLS_HPP
#define PARLEY_LIB_SANDBOX_CALLS_HPP

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/errors/catalogue.hpp"
#include "parley/sandbox/sandbox.hpp"

namespace parley::sandbox {

/// What PATCH may hold: pairs in the order of the request, an absent value removes.
using metadata_patch = std::vector<std::pair<std::string, std::optional<std::string>>>;
using metadata = std::map<std::string, std::string, std::less<>>;
inline constexpr std::size_t metadata_keys_max = 50;
inline constexpr std::size_t metadata_key_bytes_max = 40;
inline constexpr std::size_t metadata_value_bytes_max = 500;

struct call {
  std::uint64_t number = 0;  ///< rises with creation
  std::string id;            ///< "call_" and the number
  std::string scope;
  std::string from_number;
  std::string to_number;
  time_point created_at;
  const errors::row* failure = nullptr;  ///< how it will end; null: it completes
  std::optional<time_point> canceled_at = {};
  sandbox::metadata metadata = {};
};

/// A call as it stands at one time. Empty text: the member is absent.
struct call_state {
  std::string_view status;
  std::string_view outcome;
  std::string_view failure_code;
  std::string_view failure_category;
  std::string_view disconnection_reason;
  std::optional<time_point> ended_at = {};
};

/// Pure.
call_state state_of(const call& c, time_point now) noexcept;

struct call_book_options {
  /// Calls of a scope that have not ended, at most; 0: no bound.
  std::uint32_t at_once_max = 0;
  /// Numbers follow from it, and begin anew after clear(). None: they follow the time.
  std::optional<std::uint64_t> seed = {};
};

/// Thread-safe. Calls are copied out.
class call_book {
 public:
  explicit call_book(const call_book_options& options = {})
      : at_once_max_(options.at_once_max), seed_(options.seed) {}

  /// The id; none: at_once_max are in progress. `now` is called under the lock, so that calls stand
  /// in the order of their times.
  std::optional<std::string> place(std::string scope, std::string from_number,
                                   std::string to_number, const errors::row* failure,
                                   const std::function<time_point()>& now);
  std::optional<call> find(std::string_view scope, std::string_view id) const;
  /// Cancels a call that has not ended; one that has stays as it is.
  std::optional<call> cancel(std::string_view scope, std::string_view id, time_point now);
  enum class patch_errc : std::uint8_t { not_found, too_many_keys };
  result<call, patch_errc> patch(std::string_view scope, std::string_view id,
                                 const metadata_patch& changes);

  struct page {
    std::vector<call> calls;
    std::size_t total = 0;  ///< of the scope
  };
  /// Up to `limit` calls of the scope in the order of their creation, or from the newest on, behind
  /// the call `after`, which need not be there any more.
  page list(std::string_view scope, bool ascending, std::optional<std::uint64_t> after,
            std::size_t limit) const;

  /// Of every scope.
  std::vector<call> newest(std::size_t limit) const;

  std::uint64_t placed() const;
  void clear();

 private:
  std::uint64_t next_number(time_point now) const noexcept;
  bool is_busy(const std::string& scope, time_point now) const;
  call* find_locked(std::string_view scope, std::string_view id);
  void forget_oldest();

  const std::uint32_t at_once_max_;
  const std::optional<std::uint64_t> seed_;
  mutable std::mutex mutex_;
  // By number: numbers rise with creation.
  std::map<std::uint64_t, call> calls_;
  std::map<std::string, std::set<std::uint64_t>, std::less<>> by_scope_;
  std::uint64_t placed_ = 0;
  // Without a seed it survives clear(): an id names one call for ever.
  std::uint64_t last_number_ = 0;
  std::uint64_t drawn_ = 0;
};

}  // namespace parley::sandbox

#endif  // PARLEY_LIB_SANDBOX_CALLS_HPP
