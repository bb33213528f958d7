// SPDX-License-Identifier: Apache-2.0
//
// One server thread and one client on loopback: a request at a time, and 64 in the pipe. Beside
// ours: the coroutine server that Beast's documentation leads to, without any of the limits, ids,
// routes and checks; and cpp-httplib.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <benchmark/benchmark.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#ifdef PARLEY_BENCH_HTTPLIB
#include <httplib.h>
#endif

#include "parley/beast/server.hpp"

namespace {

constexpr std::string_view reply = R"({"data":{"call_id":"call_000660cfd1c80c60"}})";
constexpr std::string_view call =
    "POST /v1/calls/dial HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer test_valid\r\n"
    "Content-Type: application/json\r\nAccept: */*\r\nContent-Length: 57\r\n\r\n"
    R"({"from_number":"+14155551234","to_number":"+14155556789"})";

class parley_server {
 public:
  parley_server()
      : service_(make_routes(),
                 [](const parley::http::request_view& r) -> parley::http::authentication {
                   const auto token = parley::http::bearer_token(r);
                   if (!token) return parley::failure{token.error()};
                   return std::string(*token);
                 }),
        server_(service_) {
    if (!server_.start()) std::abort();
  }
  std::uint16_t port() const { return server_.port(); }

 private:
  static parley::http::routes make_routes() {
    parley::http::routes routes;
    routes.post("/v1/calls/dial", [](const parley::http::request_view&) {
      return parley::http::json_response(202, std::string(reply));
    });
    return routes;
  }
  parley::http::service service_;
  parley::beast::server server_;
};

namespace asio = boost::asio;
namespace bhttp = boost::beast::http;
using asio::ip::tcp;

class bare_beast_server {
 public:
  bare_beast_server() {
    asio::co_spawn(context_, accept(), asio::detached);
    thread_ = std::thread([this] { context_.run(); });
  }
  ~bare_beast_server() {
    context_.stop();
    thread_.join();
  }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  // The executor by its type, as in ours: it makes a quarter with many requests in the pipe.
  using executor = asio::io_context::executor_type;
  using stream_type = boost::beast::basic_stream<tcp, executor>;
  template <class T>
  using task = asio::awaitable<T, executor>;
  static constexpr auto as_values = asio::as_tuple(asio::use_awaitable_t<executor>());

  task<void> accept() {
    for (;;) {
      auto [error, socket] = co_await acceptor_.async_accept(as_values);
      if (error) co_return;
      socket.set_option(tcp::no_delay(true));
      asio::co_spawn(context_, serve(stream_type(std::move(socket))), asio::detached);
    }
  }
  static task<void> serve(stream_type stream) {
    boost::beast::flat_buffer buffer;
    for (;;) {
      stream.expires_after(std::chrono::seconds(30));
      bhttp::request<bhttp::string_body> request;
      const auto [read_error, read] =
          co_await bhttp::async_read(stream, buffer, request, as_values);
      if (read_error) co_return;
      bhttp::response<bhttp::string_body> response(bhttp::status::accepted, request.version());
      response.set(bhttp::field::content_type, "application/json");
      response.body() = reply;
      response.keep_alive(request.keep_alive());
      response.prepare_payload();
      const auto [write_error, written] = co_await bhttp::async_write(stream, response, as_values);
      if (write_error || !request.keep_alive()) co_return;
    }
  }

  asio::io_context context_{1};
  asio::basic_socket_acceptor<tcp, executor> acceptor_{
      context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  std::thread thread_;
};

#ifdef PARLEY_BENCH_HTTPLIB
class httplib_server {
 public:
  httplib_server() {
    server_.new_task_queue = [] { return new httplib::ThreadPool(1); };
    server_.set_tcp_nodelay(true);
    server_.set_keep_alive_max_count(~std::size_t{0});
    server_.Post("/v1/calls/dial", [](const httplib::Request&, httplib::Response& response) {
      response.status = 202;
      response.set_content(std::string(reply), "application/json");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }
  ~httplib_server() {
    server_.stop();
    thread_.join();
  }
  std::uint16_t port() const { return static_cast<std::uint16_t>(port_); }

 private:
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};
#endif

// Counts responses by their bodies, which are all the same.
class client {
 public:
  explicit client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      std::abort();
    }
  }
  ~client() { ::close(fd_); }

  void exchange(std::string_view requests, int responses) {
    if (::send(fd_, requests.data(), requests.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(requests.size())) {
      std::abort();
    }
    while (responses > 0) {
      char chunk[65536];
      const ssize_t got = ::recv(fd_, chunk, sizeof chunk, 0);
      if (got <= 0) std::abort();
      received_.append(chunk, static_cast<std::size_t>(got));
      std::size_t at = 0;
      for (std::size_t next; (next = received_.find(reply, at)) != std::string::npos;) {
        at = next + reply.size();
        --responses;
      }
      received_.erase(0, at);
    }
  }

 private:
  int fd_;
  std::string received_;
};

template <class Server>
void serve(benchmark::State& state) {
  const int depth = static_cast<int>(state.range(0));
  const Server server;
  client caller(server.port());
  std::string requests;
  for (int i = 0; i < depth; ++i) requests += call;
  for (auto _ : state) caller.exchange(requests, depth);
  state.SetItemsProcessed(state.iterations() * depth);
}
BENCHMARK(serve<parley_server>)->Name("beast/serve/parley")->Arg(1)->Arg(64)->UseRealTime();
BENCHMARK(serve<bare_beast_server>)->Name("beast/serve/bare_beast")->Arg(1)->Arg(64)->UseRealTime();
#ifdef PARLEY_BENCH_HTTPLIB
BENCHMARK(serve<httplib_server>)->Name("beast/serve/cpp_httplib")->Arg(1)->UseRealTime();
#endif

}  // namespace
