// SPDX-License-Identifier: Apache-2.0
//
// A service that places a call once, as idempotent_service.cpp, on cpp-httplib.
//
//   example_httplib_service 8080 & url=http://127.0.0.1:8080
//   key="Authorization: Bearer s3cret"
//   curl -i $url/v1/calls -H "$key" -H 'Idempotency-Key: k-1' -d +14155550123  # and again

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "httplib_adapter.hpp"
#include "parley/e164/policy.hpp"
#include "parley/envelope/error.hpp"
#include "parley/http/call_numbers.hpp"
#include "parley/http/guard.hpp"
#include "parley/http/service.hpp"
#include "parley/idempotency/engine.hpp"
#include "parley/idempotency/key.hpp"
#include "parley/idempotency/memory_store.hpp"
#include "parley/idempotency/timer.hpp"

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
  return std::string("credential-7");
}

// It may block: a connection of cpp-httplib has a thread.
http::response place_call(const http::request_view& request, http::attempt attempt) {
  static std::atomic<int> calls = 0;
  constexpr std::string_view caller = "+14155550100";
  const auto numbers =
      http::read_call_numbers({"body", request.body}, {"caller", caller}, parley::e164::dialable);
  if (!numbers) return http::to_response(numbers.error());
  if (!attempt.mark("dialling")) {
    return http::to_response(envelope::error(errors::code::internal_error));
  }
  return http::json_response(202, R"({"data":{"call":)" + std::to_string(++calls) + "}}");
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
  if (!engine) return 1;
  const http::guard guard(**engine, *std::move(digests));
  http::routes routes;
  routes.post("/v1/calls", guard.wrap(place_call, http::abandoned::indeterminate));
  const http::service service(std::move(routes), authenticate);

  httplib::Server server;
  httplib_example::attach(server, service);
  const int wanted = argc > 1 ? std::atoi(argv[1]) : 0;
  const std::string address = "127.0.0.1";
  const int port = wanted == 0                            ? server.bind_to_any_port(address)
                   : server.bind_to_port(address, wanted) ? wanted
                                                          : -1;
  if (port < 0) {
    std::fprintf(stderr, "cannot listen on %s\n", address.c_str());
    return 1;
  }
  std::thread serving([&server] { server.listen_after_bind(); });
  while (!server.is_running()) std::this_thread::yield();  // before, stop() does nothing
  std::printf("listening on http://%s:%d\n", address.c_str(), port);
  std::fflush(stdout);

  int received = 0;
  sigwait(&signals, &received);
  server.stop();
  serving.join();  // the requests under way are answered by then
  return (*engine)->drain(std::chrono::seconds(5)) ? 0 : 1;
}
