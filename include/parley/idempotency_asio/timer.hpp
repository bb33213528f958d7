// SPDX-License-Identifier: Apache-2.0
//
// A timer on an execution context of Boost.Asio: no thread of its own.
//
//   asio::io_context context;
//   idempotency_asio::asio_timer timer(context.get_executor());
//   auto engine = idempotency::make_engine(*records, timer);
//
// While an operation is armed, the context has outstanding work.

#ifndef PARLEY_IDEMPOTENCY_ASIO_TIMER_HPP
#define PARLEY_IDEMPOTENCY_ASIO_TIMER_HPP

#include <memory>

#include <boost/asio/any_io_executor.hpp>

#include "parley/idempotency/timer.hpp"
#include "parley/idempotency_asio/export.hpp"

namespace parley::idempotency_asio {

/// A timer on std::chrono::steady_clock. It calls expired() on a thread that runs the executor's
/// context, one at a time, and not by way of the executor: a strand does not hold it up. What is
/// due when nobody runs the context expires when somebody does.
///
/// Destroyed before the context, from any thread; also from expired(), of an operation that was the
/// last one armed.
class PARLEY_IDEMPOTENCY_ASIO_EXPORT asio_timer final : public idempotency::timer {
 public:
  explicit asio_timer(boost::asio::any_io_executor executor);
  ~asio_timer() override;

  idempotency::steady_time now() const noexcept override;
  /// Allocates nothing itself. Where the context lacks memory to wait, it waits for that.
  void arm(idempotency::timer_op& op, idempotency::steady_time when) noexcept override;
  bool cancel(idempotency::timer_op& op) noexcept override;

 private:
  class PARLEY_IDEMPOTENCY_ASIO_NO_EXPORT impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace parley::idempotency_asio

#endif  // PARLEY_IDEMPOTENCY_ASIO_TIMER_HPP
