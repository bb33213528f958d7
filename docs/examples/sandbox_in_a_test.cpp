// SPDX-License-Identifier: Apache-2.0
//
// The emulated API inside a test of your own code: three lines start it on a free port, its clock
// is yours, and it ends with its object. `dial` stands for the code under test.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include "parley/envelope/error.hpp"
#include "parley/sandbox/sandbox.hpp"

namespace {

// Sends one request and returns the body of the response, as simply as it can be done.
std::string request(std::uint16_t port, const std::string& head, const std::string& body) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string received;
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    const std::string text = head +
                             " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                             "Authorization: Bearer test_valid\r\n"
                             "Content-Type: application/json\r\nContent-Length: " +
                             std::to_string(body.size()) + "\r\n\r\n" + body;
    ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    char chunk[4096];
    for (ssize_t got; (got = ::recv(fd, chunk, sizeof chunk, 0)) > 0;) {
      received.append(chunk, static_cast<std::size_t>(got));
    }
  }
  ::close(fd);
  const std::size_t end = received.find("\r\n\r\n");
  return end == std::string::npos ? std::string() : received.substr(end + 4);
}

std::string dial(std::uint16_t port, const std::string& to) {
  return request(port, "POST /v1/calls/dial",
                 R"({"from_number":"+14155551234","to_number":")" + to + "\"}");
}

int failures = 0;
void expect(bool holds, const char* what) {
  std::printf("%s: %s\n", holds ? "ok" : "FAILED", what);
  failures += holds ? 0 : 1;
}

}  // namespace

int main() {
  auto api = parley::sandbox::start();
  if (!api) {
    std::fprintf(stderr, "%s\n", api.error().what.c_str());
    return 1;
  }

  const auto refused = parley::envelope::parse(dial(api->port(), "+12025550106"));
  expect(refused && refused->code() == parley::errors::code::dnc_suppressed,
         "the magic number is on a Do-Not-Call list");
  expect(api->calls_placed() == 0, "no call was placed");

  const std::string placed = dial(api->port(), "+12025550117");
  const std::string id = placed.substr(placed.find("call_0"), 21);
  expect(api->calls_placed() == 1, "another number is called");

  api->advance(std::chrono::minutes(1));  // no waiting
  const std::string call = request(api->port(), "GET /v1/calls/" + id, "");
  expect(call.find(R"("failure_code":"no_answer")") != std::string::npos, "nobody answered");
  return failures == 0 ? 0 : 1;
}
