// SPDX-License-Identifier: Apache-2.0
//
// Whatever a server sends: the reader tells replies or gives up, and an operation goes on, ends or
// starts over. The first byte of the input says which operation it is.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "idempotency_redis/operation.hpp"
#include "idempotency_redis/resp.hpp"
#include "idempotency_redis/server.hpp"

namespace {

namespace idempotency = parley::idempotency;
namespace redis = parley::idempotency_redis;

void require(bool holds) {
  if (!holds) std::abort();
}

template <class Op>
struct quiet final : Op {
  void done() noexcept override {}
};

// Every op there is, one of them under way.
class conversation final : public redis::reply_sink {
 public:
  explicit conversation(std::uint8_t kind) : kind_(static_cast<redis::operation_kind>(kind % 5)) {
    context_.key_prefix = "parley:";
    context_.waits = (kind & 0x80) != 0;
    claim_.request_id = complete_.operation_id = "request";
    complete_.response = idempotency::response_ref::copy_of(std::span<const std::byte>());
    begin();
  }

  void on_reply(const redis::reply& r) noexcept override {
    if (r.what == redis::reply::kind::bulk) redis::parse_info(r.text);
    switch (operation_.on_reply(r, context_)) {
      case redis::operation::next::send: send(); return;
      case redis::operation::next::reconnect:
        operation_.send_again();
        send();
        return;
      case redis::operation::next::finished: check(); begin();
    }
  }

 private:
  void begin() {
    idempotency::op_base* const ops[] = {&claim_, &complete_, &release_, &renew_, &mark_};
    operation_.begin(kind_, *ops[static_cast<std::size_t>(kind_)]);
    send();
  }
  void send() {
    sent_.clear();
    operation_.write_command(context_, sent_);
    require(sent_.starts_with('*') && sent_.ends_with("\r\n"));
  }
  void check() const {
    if (kind_ == redis::operation_kind::claim) {
      const auto status = static_cast<int>(claim_.status);
      require(status >= 1 && status <= static_cast<int>(idempotency::claim_status::failed));
      require(claim_.status != idempotency::claim_status::completed || claim_.response);
    }
    require(!(operation_.is_acknowledged() && operation_.is_outcome_unknown()));
  }

  redis::operation_context context_;
  redis::operation_kind kind_;
  redis::operation operation_;
  quiet<idempotency::claim_op> claim_;
  quiet<idempotency::complete_op> complete_;
  quiet<idempotency::release_op> release_;
  quiet<idempotency::renew_op> renew_;
  quiet<idempotency::mark_op> mark_;
  std::string sent_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  conversation with(data[0]);
  redis::reply_reader reader(with, std::size_t{64} << 10);
  // In pieces, as a network gives them.
  const std::size_t piece = 1 + data[0] / 5;
  for (std::size_t at = 1; at < size; at += piece) {
    const std::size_t count = std::min(piece, size - at);
    const auto bytes = std::make_unique<char[]>(count);  // so that a read beyond it is seen
    std::memcpy(bytes.get(), data + at, count);
    if (reader.feed({bytes.get(), count}) != redis::reply_reader::status::ok) break;
  }
  return 0;
}
