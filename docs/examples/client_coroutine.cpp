// SPDX-License-Identifier: Apache-2.0
//
// Calls are placed and listed from a coroutine: what may help is tried again, what was done is not
// done twice.

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "parley/beast/client.hpp"
#include "parley/client/pages.hpp"
#include "parley/sandbox/sandbox.hpp"

// g++ 12 inlines one half of Asio's pair of frame allocation functions and then warns of the other.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace asio = boost::asio;
namespace beast = parley::beast;
namespace client = parley::client;

namespace {

client::operation dial(std::string_view to) {
  return *client::operation::post(
      "/v1/calls/dial", R"({"from_number":"+14155551234","to_number":")" + std::string(to) + "\"}");
}

void report(const char* what, const client::answer& a) {
  const std::string code(a.code_name());
  std::printf("%s: %s%s, attempts %u\n", what, std::string(to_string(a.fate)).c_str(),
              code.empty() ? a.is_replay() ? ", as before" : "" : (", " + code).c_str(),
              a.attempts);
}

asio::awaitable<void> place_and_list(beast::async_client& api) {
  client::operation call = dial("+14155556789");
  report("a call", co_await api.async_send(call, asio::use_awaitable));
  report("the same call", co_await api.async_send(call, asio::use_awaitable));

  client::operation listed = dial("+12025550106");
  report("a number on a list", co_await api.async_send(listed, asio::use_awaitable));
  client::operation failing = dial("+12025550122");
  report("a provider that fails", co_await api.async_send(failing, asio::use_awaitable));

  std::size_t calls = 0;
  for (client::page_walk walk("/v1/calls?limit=100"); !walk.is_done();) {
    auto request = walk.next_request();
    if (!request) co_return;
    const auto page = walk.take(co_await api.async_send(*request, asio::use_awaitable));
    if (!page) co_return;
    calls += page->size();
  }
  std::printf("calls: %zu\n", calls);
}

}  // namespace

int main() {
  auto sandbox = parley::sandbox::start();
  if (!sandbox) {
    std::fprintf(stderr, "%s\n", sandbox.error().what.c_str());
    return 1;
  }
  asio::io_context context;
  client::send_options send;
  send.headers = {{"Authorization", "Bearer test_valid"}};
  send.pause_first = std::chrono::milliseconds(10);
  auto api = beast::async_client::make(context.get_executor(),
                                       {.transport = {.base_url = sandbox->url()}, .send = send});
  if (!api) {
    std::fprintf(stderr, "%s\n", api.error().what.c_str());
    return 1;
  }
  asio::co_spawn(context, place_and_list(*api), [&context](std::exception_ptr failed) {
    if (failed) std::rethrow_exception(failed);
    context.stop();  // a connection is kept, for a request that does not come
  });
  context.run();
}
