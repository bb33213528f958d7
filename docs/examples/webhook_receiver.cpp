// SPDX-License-Identifier: Apache-2.0
//
// Receives webhooks: takes those that their sender signed, and handles each event once. The file
// has a secret a line, two of them while they rotate.
//
//   (umask 077 && echo "whsec_$(openssl rand -base64 32)" >secrets)
//   example_webhook_receiver 8080 secrets   # POST /webhooks

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "parley/beast/server.hpp"
#include "parley/envelope/error.hpp"
#include "parley/http/service.hpp"
#include "parley/webhook/secret.hpp"
#include "parley/webhook/verifier.hpp"

namespace envelope = parley::envelope;
namespace errors = parley::errors;
namespace http = parley::http;
namespace webhook = parley::webhook;

namespace {

std::vector<webhook::secret> read_secrets(const char* path) {
  std::vector<webhook::secret> made;
  std::ifstream file(path);
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    auto secret = webhook::secret::parse(line);
    if (!secret) {
      std::fprintf(stderr, "%s:%zu: %s\n", path, number,
                   std::string(to_string(secret.error())).c_str());
      std::exit(1);
    }
    made.push_back(*std::move(secret));
  }
  return made;
}

// The signature is the credential. Whoever sends a wrong one is not told what is wrong with it.
http::authentication authenticate(const webhook::verifier& verifier,
                                  const http::request_view& request) {
  webhook::delivery_headers headers;
  for (const http::header_view& each : request.headers) headers.add(each.name, each.value);
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto got = verifier.verify(headers, request.body, now);
  if (got) return std::string("sender");
  std::fprintf(stderr, "refused: %s\n", std::string(to_string(got.error())).c_str());
  return parley::failure{
      envelope::error(errors::code::unauthorized).with_message("The webhook is not signed.")};
}

// The ids of the last events. A service that may not forget keeps them in its database, and inserts
// the id in the transaction of what the event changes.
class seen_ids {
 public:
  // False: it is there already.
  bool insert(std::string_view id) {
    constexpr std::size_t ids_max = 100'000;
    const std::lock_guard lock(mutex_);
    if (!ids_.emplace(id).second) return false;
    order_.emplace_back(id);
    if (order_.size() > ids_max) {
      ids_.erase(order_.front());
      order_.pop_front();
    }
    return true;
  }

 private:
  std::mutex mutex_;
  std::unordered_set<std::string> ids_;
  std::deque<std::string> order_;
};

// Only what was verified comes here: one id, of printable characters. A sender takes any 2xx for
// done, and sends again after anything else.
http::response receive(seen_ids& seen, const http::request_view& request) {
  const std::string id(request.header(webhook::id_header).value_or(""));
  if (seen.insert(id)) {
    std::fprintf(stderr, "event %s of %zu bytes\n", id.c_str(), request.body.size());
  } else {
    std::fprintf(stderr, "event %s once more\n", id.c_str());
  }
  return http::response{.status = 204};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: example_webhook_receiver PORT FILE\n");
    return 2;
  }
  // Blocked before any thread starts, for sigwait below.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const auto verifier = webhook::verifier::make(read_secrets(argv[2]));
  if (!verifier) {
    std::fprintf(stderr, "%s: %s\n", argv[2], std::string(to_string(verifier.error())).c_str());
    return 1;
  }
  seen_ids seen;
  http::routes routes;
  routes.post("/webhooks", [&](const http::request_view& r) { return receive(seen, r); });
  const http::service service(
      std::move(routes), [&](const http::request_view& r) { return authenticate(*verifier, r); });

  parley::beast::server server(
      service, {.port = static_cast<std::uint16_t>(std::atoi(argv[1])), .threads = 2});
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
