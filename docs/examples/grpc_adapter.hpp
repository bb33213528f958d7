// SPDX-License-Identifier: Apache-2.0
//
// Idempotent calls of gRPC's synchronous server, for grpc_service.cpp and for you to take: the
// engine without HTTP. The key is metadata, what is stored is the serialized response message.
//
//   grpc::Status PlaceCall(grpc::ServerContext* context, const PlaceCallRequest* request,
//                          PlaceCallResponse* response) override {
//     return guard_.run(*context, {.method = "/parley.example.Calls/PlaceCall"}, *request,
//     *response,
//                       [&](attempt& of) { return place_call(*request, of); });
//   }
//
//   idempotency-key        from the client, once
//   x-request-id           in each answer, of its own
//   idempotency-replay     "true": the handler did not run for this call
//   original-request-id    beside it, of the call for which it ran
//   error-envelope-bin     the error as JSON, as an HTTP API has it: gRPC's status codes are fewer
//   grpc-retry-pushback-ms when to come again, where the same call is running
//
// All but the first are trailing metadata. A replay is the same message; where it has a map, gRPC
// may write its entries in another order. Thread-safe, as the engine is.

#ifndef PARLEY_DOCS_EXAMPLES_GRPC_ADAPTER_HPP
#define PARLEY_DOCS_EXAMPLES_GRPC_ADAPTER_HPP

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message_lite.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/core/result.hpp"
#include "parley/envelope/error.hpp"
#include "parley/errors/grpc.hpp"
#include "parley/idempotency/await.hpp"
#include "parley/idempotency/engine.hpp"
#include "parley/idempotency/key.hpp"

namespace grpc_example {

namespace envelope = parley::envelope;
namespace errors = parley::errors;
namespace idempotency = parley::idempotency;
using message = google::protobuf::MessageLite;

inline grpc::Status to_status(grpc::ServerContext& context, const envelope::error& error) {
  context.AddTrailingMetadata("error-envelope-bin", envelope::to_json(error));
  const auto code = static_cast<grpc::StatusCode>(errors::to_grpc_code(error.code()));
  return {code, std::string(error.message())};
}

/// One run of a handler; without a key there is nothing to mark.
class attempt {
 public:
  attempt(idempotency::claim* held, std::string_view request_id)
      : held_(held), request_id_(request_id) {}

  /// The side effect may begin. Where it is false, do not begin.
  bool mark(std::string_view note) {
    if (held_ == nullptr) return true;
    idempotency::blocking_op<idempotency::mark_step> step;
    step.note = note;
    step.run(*held_);
    return step.is_done();
  }
  std::string_view operation_id() const {
    return held_ != nullptr ? held_->operation_id() : request_id_;
  }

 private:
  idempotency::claim* held_;
  std::string_view request_id_;
};

struct call_options {
  std::string_view method;  ///< "/package.Service/Method"
  bool is_key_required = false;
};

class call_guard {
 public:
  /// Whom a call is for, or how it is refused.
  using authenticator =
      std::function<parley::result<std::string, envelope::error>(const grpc::ServerContext&)>;

  /// `engine` outlives the server.
  call_guard(idempotency::engine& engine, idempotency::digester digests, authenticator who)
      : engine_(engine), digests_(std::move(digests)), authenticate_(std::move(who)) {}

  /// `handler(attempt&)` gives result<Response, envelope::error>. An error frees the key.
  template <class Response, class Handler>
  grpc::Status run(grpc::ServerContext& context, const call_options& call, const message& request,
                   Response& response, Handler handler) const {
    const auto to_bytes = [&](attempt& of) -> outcome {
      parley::result<Response, envelope::error> made = handler(of);
      if (!made) return parley::failure{made.error()};
      response = *std::move(made);
      return bytes_of(response);
    };
    const auto replay = [&](std::span<const std::byte> stored) {
      return response.ParseFromArray(stored.data(), static_cast<int>(stored.size()));
    };
    return run_any(context, call, bytes_of(request), to_bytes, replay);
  }

 private:
  using outcome = parley::result<std::string, envelope::error>;

  // Deterministic: else two of equal messages with a map may differ.
  static std::string bytes_of(const message& of) {
    std::string bytes;
    {
      google::protobuf::io::StringOutputStream to(&bytes);
      google::protobuf::io::CodedOutputStream coded(&to);
      coded.SetSerializationDeterministic(true);
      of.SerializeToCodedStream(&coded);
    }
    return bytes;
  }

  static std::string make_request_id() {
    std::string id = "req_";
    if (const auto random = idempotency::random_nonce()) {
      for (const std::byte each : random->bytes) {
        id.push_back("0123456789abcdef"[std::to_integer<int>(each >> 4)]);
        id.push_back("0123456789abcdef"[std::to_integer<int>(each & std::byte{15})]);
      }
    }
    return id;
  }

  static envelope::error key_error(std::string_view why) {
    return envelope::error(errors::code::validation_error)
        .with_message("The idempotency-key is missing or not valid.")
        .with_field("idempotency-key", std::string(why));
  }
  static envelope::error conflict(const idempotency::begin_op& begun) {
    auto error = envelope::error(errors::code::idempotency_conflict)
                     .with_field("conflicts_with", std::string(begun.operation_id()));
    if (begun.status == idempotency::begin_status::tombstone) {
      error.with_message("A call with this idempotency-key succeeded; its response is not kept.");
    } else if (begun.status == idempotency::begin_status::abandoned) {
      error.with_message("A call with this idempotency-key was begun; its outcome is not known.");
    }
    return error;
  }
  static grpc::Status come_again(grpc::ServerContext& context, errors::code why,
                                 std::chrono::milliseconds after) {
    context.AddTrailingMetadata("grpc-retry-pushback-ms", std::to_string(after.count()));
    return to_status(context, envelope::error(why));
  }

  grpc::Status run_any(grpc::ServerContext& context, const call_options& call,
                       const std::string& request, const std::function<outcome(attempt&)>& handler,
                       const std::function<bool(std::span<const std::byte>)>& replay) const {
    const std::string request_id = make_request_id();
    context.AddTrailingMetadata("x-request-id", request_id);
    const auto scope = authenticate_(context);
    if (!scope) return to_status(context, scope.error());

    std::vector<std::string_view> values;
    const auto [first, last] = context.client_metadata().equal_range("idempotency-key");
    for (auto each = first; each != last; ++each) {
      values.emplace_back(each->second.data(), each->second.size());
    }
    const auto key = idempotency::parse_key(values);
    if (!key) return to_status(context, key_error(to_string(key.error())));
    if (!*key) {
      if (call.is_key_required) return to_status(context, key_error("missing"));
      attempt unprotected(nullptr, request_id);
      return answer(context, run_handler(handler, unprotected));
    }

    idempotency::blocking_op<idempotency::begin_op> begin;
    begin.scope = digests_.scope({*scope});
    begin.key = digests_.key(begin.scope, **key);
    begin.fingerprint = digests_.fingerprint(
        {.method = "POST", .path = call.method, .query = "", .media_type = "application/grpc"},
        std::as_bytes(std::span(request)));
    begin.request_id = request_id;
    begin.run(engine_);
    switch (begin.status) {
      case idempotency::begin_status::proceed:
        return answer(context, run_claimed(std::move(begin.held), request_id, handler));
      case idempotency::begin_status::replay:
        if (!replay(begin.response())) break;
        context.AddTrailingMetadata("idempotency-replay", "true");
        context.AddTrailingMetadata("original-request-id", std::string(begin.operation_id()));
        return grpc::Status::OK;
      case idempotency::begin_status::busy:
        return come_again(context, errors::code::idempotency_conflict, begin.retry_after);
      case idempotency::begin_status::tombstone:
      case idempotency::begin_status::conflict:
      case idempotency::begin_status::abandoned: return to_status(context, conflict(begin));
      case idempotency::begin_status::failed:
        if (begin.failure.why != idempotency::store_errc::scope_full) break;
        return come_again(context, errors::code::rate_limited, begin.failure.retry_after);
    }
    return to_status(context, envelope::error(errors::code::internal_error));
  }

  static grpc::Status answer(grpc::ServerContext& context, const outcome& made) {
    return made ? grpc::Status::OK : to_status(context, made.error());
  }

  static outcome run_handler(const std::function<outcome(attempt&)>& handler, attempt& of) {
    try {
      return handler(of);
    } catch (...) {
      return parley::failure{envelope::error(errors::code::internal_error)};
    }
  }

  // Returns when the outcome is stored, whether the client is still there or not.
  static outcome run_claimed(idempotency::claim held, std::string_view request_id,
                             const std::function<outcome(attempt&)>& handler) {
    attempt running(&held, request_id);
    std::optional<outcome> made;
    try {
      made = handler(running);
    } catch (...) {
      // Marked, it may have happened: the claim is left, and nobody runs it again unasked.
      if (held.is_marked()) held.abandon();
      made = parley::failure{envelope::error(errors::code::internal_error)};
    }
    if (*made) {
      idempotency::blocking_op<idempotency::complete_step> complete;
      complete.body = std::as_bytes(std::span(**made));
      complete.run(held);
    } else if (held) {
      idempotency::blocking_op<idempotency::release_step> release;
      release.run(held);
    }
    return *std::move(made);
  }

  idempotency::engine& engine_;
  idempotency::digester digests_;
  authenticator authenticate_;
};

}  // namespace grpc_example

#endif  // PARLEY_DOCS_EXAMPLES_GRPC_ADAPTER_HPP
