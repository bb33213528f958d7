// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as Host, Origin and Sec-Fetch-Site, each ended by a line end. A name that somebody can
// register is never local, and what changes something is taken from the sandbox's own origin alone.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/foreign.hpp"

namespace {

using namespace parley;
using headers = std::vector<http::header_view>;

void require(bool holds) {
  if (!holds) std::abort();
}

std::string take_line(std::string_view& text) {
  const std::string line(text.substr(0, text.find('\n')));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

bool is_taken(http::method method, const headers& sent, bool on_loopback) {
  http::request_view request;
  request.method = method;
  request.headers = sent;
  const auto why = sandbox::refuse_foreign(request, on_loopback);
  require(!why || (why->http_status() == 403 && why->fields().size() == 1));
  return !why;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const std::string host = take_line(rest);
  const std::string origin = take_line(rest);
  const std::string fetch_site = take_line(rest);

  const bool is_local = sandbox::is_local_host(host);
  require(is_local == sandbox::is_local_host(lower(host)));
  for (const char* const behind : {".example.com", "@example.com", "/", "x.example.com:80", " "}) {
    require(!sandbox::is_local_host(host + behind));
  }
  if (host.find(':') == host.npos) require(is_local == sandbox::is_local_host(host + ":80"));
  require(!sandbox::is_loopback(host) || is_local || host.find(':') != host.npos);

  for (const bool on_loopback : {false, true}) {
    const bool is_our_host = !on_loopback || host.empty() || is_local;
    const std::string own = "http://" + host;
    require(is_taken(http::method::get, {{"Host", host}, {"Origin", origin}}, on_loopback) ==
            is_our_host);
    require(is_taken(http::method::post, {{"Host", host}}, on_loopback) == is_our_host);
    require(is_taken(http::method::post, {{"Host", host}, {"Origin", own}}, on_loopback) ==
            is_our_host);
    require(is_taken(http::method::post, {{"Host", host}, {"Origin", origin}}, on_loopback) ==
            (is_our_host && lower(origin) == lower(own)));
    require(is_taken(http::method::post, {{"Host", host}, {"Sec-Fetch-Site", fetch_site}},
                     on_loopback) ==
            (is_our_host && (fetch_site == "same-origin" || fetch_site == "none")));
  }
  return 0;
}
