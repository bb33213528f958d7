// SPDX-License-Identifier: Apache-2.0
//
// The service of grpc_service.proto: a call is placed once, however often the request is sent.

#ifndef PARLEY_DOCS_EXAMPLES_GRPC_CALLS_HPP
#define PARLEY_DOCS_EXAMPLES_GRPC_CALLS_HPP

#include <openssl/crypto.h>

#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "grpc_adapter.hpp"
#include "grpc_service.grpc.pb.h"
#include "parley/e164/number.hpp"

namespace grpc_example {

namespace api = parley::example;

// In a time that depends on the sizes alone: how far a guess got cannot be measured.
inline bool is_same(grpc::string_ref presented, std::string_view expected) {
  return presented.size() == expected.size() &&
         CRYPTO_memcmp(presented.data(), expected.data(), expected.size()) == 0;
}

inline parley::result<std::string, envelope::error> authenticate(
    const grpc::ServerContext& context) {
  const auto [first, last] = context.client_metadata().equal_range("authorization");
  // Sent twice, two readers could each take another one.
  if (first != last && std::next(first) == last) {
    // The scope of its keys: an id, not the secret.
    if (is_same(first->second, "Bearer s3cret")) return std::string("credential-7");
    if (is_same(first->second, "Bearer s3cret-too")) return std::string("credential-8");
  }
  return parley::failure{envelope::error(errors::code::unauthorized)};
}

class calls final : public api::Calls::Service {
 public:
  /// Places a call under an id that is the same in each attempt, and gives the call's.
  using dialler = std::function<std::string(std::string_view number, std::string_view operation)>;

  calls(idempotency::engine& engine, idempotency::digester digests, dialler dial)
      : guard_(engine, std::move(digests), authenticate), dial_(std::move(dial)) {}

  grpc::Status PlaceCall(grpc::ServerContext* context, const api::PlaceCallRequest* request,
                         api::PlaceCallResponse* response) override {
    constexpr call_options call = {.method = "/parley.example.Calls/PlaceCall",
                                   .is_key_required = true};
    return guard_.run(*context, call, *request, *response, [&](attempt& of) -> placed {
      const auto number = parley::e164::parse(request->to());
      if (!number) {
        return parley::failure{envelope::error(errors::code::destination_invalid)
                                   .with_field("to", "Expected a phone number in E.164 format")};
      }
      // From here on a crash leaves a record that says so, and nobody dials again unasked.
      if (!of.mark("dialling")) {
        return parley::failure{envelope::error(errors::code::internal_error, errors::tier::call)};
      }
      api::PlaceCallResponse made;
      made.set_call_id(dial_(number->text(), of.operation_id()));
      made.set_operation_id(std::string(of.operation_id()));
      return made;
    });
  }

  grpc::Status HangUp(grpc::ServerContext* context, const api::HangUpRequest* request,
                      api::HangUpResponse* response) override {
    constexpr call_options call = {.method = "/parley.example.Calls/HangUp"};
    return guard_.run(*context, call, *request, *response, [&](attempt&) -> hung_up {
      api::HangUpResponse made;
      made.set_hung_up(1);
      return made;
    });
  }

 private:
  using placed = parley::result<api::PlaceCallResponse, envelope::error>;
  using hung_up = parley::result<api::HangUpResponse, envelope::error>;

  call_guard guard_;
  dialler dial_;
};

}  // namespace grpc_example

#endif  // PARLEY_DOCS_EXAMPLES_GRPC_CALLS_HPP
