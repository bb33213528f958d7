// SPDX-License-Identifier: Apache-2.0
#include <thread>

#include <gtest/gtest.h>

#include "adapter.hpp"
#include "httplib_adapter.hpp"

namespace parley::adapters {
namespace {

class httplib_server final : public running_server {
 public:
  explicit httplib_server(const http::service& api) {
    httplib_example::attach(server_, api);
    const int port = server_.bind_to_any_port("127.0.0.1");
    EXPECT_GT(port, 0);
    if (port <= 0) return;
    port_ = static_cast<std::uint16_t>(port);
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~httplib_server() override { drain(); }
  std::uint16_t port() const override { return port_; }
  void drain() override {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  httplib::Server server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace

adapter httplib_adapter() {
  return {.name = "Httplib",
          .start =
              [](const http::service& api) {
                return std::unique_ptr<running_server>(new httplib_server(api));
              },
          .exceptions = {
              {"kept_connection",
               "of one request on a connection the next could be made (the head of the adapter)"},
              {"chunked_body", "its reader of chunks is lenient and has no bound: 411"},
              {"coded_body", "it would decode the body, without a bound: 415"},
              {"multipart_body", "it would take the body apart: 415"},
              {"get_body", "it does not read the body of a GET: 400"},
              {"header_order", "headers of different names are sorted by name"},
              {"header_escapes", "it percent-decodes the values of headers"},
              {"empty_header", "it drops a header with an empty value"},
              {"skipped_line", "it passes over a line without CRLF, or without a colon"},
              {"lenient_line", "it takes several blanks in a request line for one"},
              {"fragment", "it cuts the fragment off a request target"},
              {"unknown_method", "it answers by itself, so 400 and not 405"},
              {"long_path", "it matches a path by a regular expression, which takes stack: 431"},
              {"long_header", "it answers by itself above 8 KiB, so 400 and not 431"},
              {"endless_head", "it reads a head to its end, however long"},
              {"half_closed", "it writes nothing to a client that has finished sending"},
          }};
}

}  // namespace parley::adapters
