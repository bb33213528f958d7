// SPDX-License-Identifier: Apache-2.0
//
// A service made of the rooms: it takes a destination, checks it, and answers with the contract's
// envelope when it refuses.
//
//   example_call_service 8080 & url=http://127.0.0.1:8080
//   curl -X PUT $url/v1/forwarding -H 'Authorization: Bearer s3cret' -d +14155550123

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "parley/beast/server.hpp"
#include "parley/e164/number.hpp"
#include "parley/e164/policy.hpp"
#include "parley/envelope/error.hpp"
#include "parley/http/call_numbers.hpp"
#include "parley/http/service.hpp"

namespace e164 = parley::e164;
namespace envelope = parley::envelope;
namespace errors = parley::errors;
namespace http = parley::http;

namespace {

http::authentication authenticate(const http::request_view& request) {
  const auto token = http::bearer_token(request);
  if (!token) return parley::failure{token.error()};
  if (!http::is_same_token(*token, "s3cret")) {
    return parley::failure{envelope::error(errors::code::unauthorized)};
  }
  return std::string("tenant-7");
}

// Where the text breaks the syntax, the byte; else what is wrong with the number as a whole.
envelope::error refuse(const e164::classification& found) {
  std::string problem(to_string(found.status()));
  if (found.status() == e164::status::not_e164 || found.status() == e164::status::too_long) {
    problem = "Wrong at byte " + std::to_string(found.offset());
  }
  return envelope::error(http::to_code(found.status())).with_field("body", std::move(problem));
}

// Where calls are forwarded to; handlers run on several threads.
class forwarding {
 public:
  http::response put(const http::request_view& request) {
    const auto number = e164::parse(request.body);
    if (!number) return http::to_response(refuse(number.error()));
    if (e164::dialable.check(*number) != e164::verdict::allowed) {
      return http::to_response(envelope::error(errors::code::destination_invalid));
    }
    const std::lock_guard lock(mutex_);
    destination_ = *number;
    return http::response{.status = 204};
  }

  http::response get() {
    const std::lock_guard lock(mutex_);
    if (!destination_) return http::to_response(envelope::error(errors::code::not_found));
    return http::json_response(200,
                               R"({"data":{"destination":")" + to_string(*destination_) + "\"}}");
  }

 private:
  std::mutex mutex_;
  std::optional<e164::number> destination_;
};

}  // namespace

int main(int argc, char** argv) {
  // Blocked before any thread starts, for sigwait below.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  forwarding state;
  http::routes routes;
  routes.put("/v1/forwarding", [&](const http::request_view& r) { return state.put(r); });
  routes.get("/v1/forwarding", [&](const http::request_view&) { return state.get(); });
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
  return server.drain(std::chrono::seconds(10)) ? 0 : 1;
}
