// SPDX-License-Identifier: Apache-2.0
//
// A service that places a call once, however often the request is sent.
//
//   example_idempotent_service 8080 & url=http://127.0.0.1:8080
//   key="Authorization: Bearer s3cret"
//   curl -i $url/v1/calls -H "$key" -H 'Idempotency-Key: k-1' -d +14155550123  # and again

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "parley/beast/server.hpp"
#include "parley/e164/number.hpp"
#include "parley/e164/policy.hpp"
#include "parley/envelope/error.hpp"
#include "parley/http/call_numbers.hpp"
#include "parley/http/guard.hpp"
#include "parley/http/service.hpp"
#include "parley/idempotency/engine.hpp"
#include "parley/idempotency/key.hpp"
#include "parley/idempotency/memory_store.hpp"
#include "parley/idempotency/timer.hpp"

namespace e164 = parley::e164;
namespace envelope = parley::envelope;
namespace errors = parley::errors;
namespace http = parley::http;
namespace idempotency = parley::idempotency;

namespace {

http::authentication authenticate(const http::request_view& request) {
  const auto token = http::bearer_token(request);
  if (!token) return parley::failure{token.error()};
  if (!http::is_same_token(*token, "s3cret")) {
    return parley::failure{envelope::error(errors::code::unauthorized)};
  }
  return std::string("credential-7");  // the scope of its keys: an id, not the secret
}

// What cannot be taken back. `id` is the same in each attempt, so that the other side can tell too.
int dial(const http::call_numbers& numbers, std::string_view id) {
  static std::atomic<int> calls = 0;
  std::fprintf(stderr, "dialling %s for %.*s\n", numbers.destination.text().c_str(),
               static_cast<int>(id.size()), id.data());
  return ++calls;
}

http::response place_call(const http::request_view& request, http::attempt attempt) {
  constexpr std::string_view caller = "+14155550100";  // all calls come from this number
  const auto numbers =
      http::read_call_numbers({"body", request.body}, {"caller", caller}, e164::dialable);
  // Not a 2xx: nothing is stored, and the same key may be sent with a better number.
  if (!numbers) return http::to_response(numbers.error());
  // From here on a crash leaves a record that says so, and nobody dials again unasked.
  if (!attempt.mark("dialling")) {
    return http::to_response(envelope::error(errors::code::internal_error));
  }
  const int call = dial(*numbers, attempt.operation_id());
  return http::json_response(202, R"({"data":{"call":)" + std::to_string(call) + "}}");
}

}  // namespace

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const auto records = idempotency::make_memory_store({.entries_max = 100'000});
  const auto timer = idempotency::make_thread_timer();
  auto digests = idempotency::digester::random();
  if (!records || !timer || !digests) return 1;
  const auto engine = idempotency::make_engine(**records, **timer);
  if (!engine) {
    std::fprintf(stderr, "%s\n", engine.error().c_str());
    return 1;
  }
  const http::guard guard(**engine, *std::move(digests));

  http::routes routes;
  routes.post("/v1/calls", guard.wrap(place_call, http::abandoned::indeterminate));
  const http::service service(std::move(routes), authenticate);

  const int port = argc > 1 ? std::atoi(argv[1]) : 0;
  parley::beast::server server(service, {.port = static_cast<std::uint16_t>(port), .threads = 2});
  if (const auto started = server.start(); !started) {
    std::fprintf(stderr, "%s\n", started.error().what.c_str());
    return 1;
  }
  std::printf("listening on http://127.0.0.1:%u\n", static_cast<unsigned>(server.port()));
  std::fflush(stdout);

  int received = 0;
  sigwait(&signals, &received);
  // First the requests under way, then what is still to be stored.
  const bool is_answered = server.drain(std::chrono::seconds(10));
  return (*engine)->drain(std::chrono::seconds(5)) && is_answered ? 0 : 1;
}
