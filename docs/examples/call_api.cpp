// SPDX-License-Identifier: Apache-2.0
//
// The call API from a shell, by the typed client of call_api.hpp.
//
//   example_call_api URL dial FROM TO [FILE]
//     places one call, and prints its id; FILE gets what is needed to send it again
//   example_call_api URL send FILE
//     sends what an earlier process has saved there: still one call
//   example_call_api URL outcome FROM TO
//     places a call, and waits for its webhook, which it receives at a free port
//   example_call_api URL get ID
//   example_call_api URL wait ID
//     by asking, until it has ended
//   example_call_api URL cancel ID
//   example_call_api URL list [FILE [COUNT]]
//     ids, the oldest first, at most COUNT; FILE keeps the place, for the next one to go on
//
// The API key is CALL_API_KEY, or test_valid.
//
// Exits with 0 where it is done, 1 where it is refused, 3 where nobody knows: then send FILE.

#include "call_api.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "parley/beast/client.hpp"
#include "parley/beast/server.hpp"
#include "parley/http/service.hpp"

namespace beast = parley::beast;
namespace client = parley::client;
namespace http = parley::http;
namespace webhook = parley::webhook;

namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  if (!file) {
    std::fprintf(stderr, "cannot write %s\n", path.c_str());
    std::exit(2);
  }
}

int report(const client::answer& a) {
  const std::string code(a.code_name());
  const std::string fate(to_string(a.fate));
  const std::string why(to_string(a.why));
  std::fprintf(stderr, "status %u, code '%s', %u attempts, %s: %s\n", a.status(), code.c_str(),
               a.attempts, why.c_str(), fate.c_str());
  return a.fate == client::fate::unknown ? 3 : 1;
}

int show(const call_api::result<call_api::call, client::answer>& got) {
  if (!got) return report(got.error());
  std::printf("%s %s %s\n", got->id.c_str(), got->status.c_str(), got->failure_code.c_str());
  return 0;
}

int dial(call_api::api& api, client::operation& of) {
  const auto id = api.dial(of);
  if (!id) return report(id.error());
  std::printf("%s\n", id->c_str());
  return 0;
}

int dial_saved(call_api::api& api, const std::string& path) {
  auto of = client::operation::restore(read_file(path));
  if (!of) {
    std::fprintf(stderr, "%s: %s\n", path.c_str(), std::string(to_string(of.error())).c_str());
    return 2;
  }
  return dial(api, *of);
}

int list(client::blocking_client& by, const std::string& path, long most) {
  client::page_walk walk("/v1/calls?limit=20&order=asc");
  if (const std::string saved = path.empty() ? "" : read_file(path); !saved.empty()) {
    auto resumed = client::page_walk::resume(saved);
    if (!resumed) return 2;
    walk = *std::move(resumed);
  }
  long count = 0;
  for (const auto& each : client::items(by, walk)) {
    if (!each) return each.error().answer ? report(*each.error().answer) : 2;
    // Before the item is handled: who resumes gets it again rather than not at all.
    if (!path.empty()) write_file(path, walk.checkpoint());
    if (count++ == most) return 0;
    if (const auto found = call_api::parse_call(each->json)) std::printf("%s\n", found->id.c_str());
  }
  if (!path.empty()) write_file(path, walk.checkpoint());
  return 0;
}

// The API key's secret, once webhooks are sent to this port.
std::string set_webhook(client::blocking_client& by, std::uint16_t port) {
  auto of = client::operation::make(
      {.method = "PUT",
       .target = "/v1/webhook",
       .headers = {{"Content-Type", "application/json"}},
       .body = R"({"url":"http://127.0.0.1:)" + std::to_string(port) + "\"}"});
  const client::answer set = by.send(*of);
  if (!set.is_success()) {
    report(set);
    return {};
  }
  boost::json::error_code refused;
  const auto data = boost::json::parse(call_api::data_of(set.body()), refused);
  return data.is_object() ? call_api::text_in(data.get_object(), "secret") : std::string();
}

// Serves the webhook in this process, and places the call.
int outcome(client::blocking_client& by, call_api::api& api, client::operation& of) {
  // The secret comes first: the server below verifies with it. It stays when the port is told.
  auto secret = webhook::secret::parse(set_webhook(by, 9));
  if (!secret) return 2;
  call_api::outcome_inbox inbox(*webhook::verifier::make({*std::move(secret)}), [] {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  });

  http::routes routes;
  routes.post("/", http::make_deferred([&](const http::request_view& r) { return inbox.take(r); }),
              {.is_public = true});  // the signature is the credential
  http::service service(std::move(routes), [](const http::request_view&) -> http::authentication {
    return parley::failure{parley::envelope::error(parley::errors::code::unauthorized)};
  });
  beast::server server(service, {});
  if (const auto started = server.start(); !started) {
    std::fprintf(stderr, "%s\n", started.error().what.c_str());
    return 2;
  }
  if (set_webhook(by, server.port()).empty()) return 2;
  const auto id = api.dial(of);
  if (!id) return report(id.error());
  const auto ended = inbox.wait(*id, std::chrono::seconds(30));
  if (!ended) {
    std::fprintf(stderr, "no webhook came\n");
    return 3;
  }
  return show(*ended);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto word = [&](std::size_t i) { return i < words.size() ? words[i] : std::string(); };
  const std::string command = word(1);
  const char* const key = std::getenv("CALL_API_KEY");
  auto transport = beast::blocking_transport::make({.base_url = word(0)});
  if (!transport) {
    std::fprintf(stderr, "%s\n", transport.error().what.c_str());
    return 2;
  }
  client::client_options options;
  options.send.headers = {
      {"Authorization", "Bearer " + std::string(key != nullptr ? key : "test_valid")}};
  // For a script that wants to see an attempt fail.
  if (const char* const most = std::getenv("CALL_API_ATTEMPTS")) {
    options.send.attempts_max = static_cast<unsigned>(std::atoi(most));
  }
  client::blocking_client by(**transport, options);
  call_api::api api(by);

  if (command == "dial" || command == "outcome") {
    auto of = call_api::api::make_dial(word(2), word(3));
    if (!of) return 2;
    if (command == "outcome") return outcome(by, api, *of);
    if (!word(4).empty()) write_file(word(4), of->save());
    return dial(api, *of);
  }
  if (command == "send") return dial_saved(api, word(2));
  if (command == "get") return show(api.get(word(2)));
  if (command == "cancel") return show(api.cancel(word(2)));
  if (command == "wait") return show(api.wait(word(2), std::chrono::seconds(30)));
  if (command == "list") {
    return list(by, word(2), word(3).empty() ? -1 : std::atol(word(3).c_str()));
  }
  std::fprintf(stderr, "usage: see the head of call_api.cpp\n");
  return 2;
}
