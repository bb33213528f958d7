// SPDX-License-Identifier: Apache-2.0
#include "sandbox/webhook_url.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace parley::sandbox {
namespace {

struct url_case {
  std::string_view url;
  std::string_view base;  // empty: it is none
  std::string_view target;
};

TEST(WebhookUrl, IsCutBehindTheHost) {
  constexpr url_case cases[] = {
      {"http://a", "http://a", "/"},
      {"http://a/", "http://a", "/"},
      {"http://127.0.0.1:8090/hooks?a=b", "http://127.0.0.1:8090", "/hooks?a=b"},
      {"https://[::1]:8443/a/b", "https://[::1]:8443", "/a/b"},
      {"http://a?x=/y", "http://a", "/?x=/y"},
      {"http://a/b://c", "http://a", "/b://c"},
      {"http://a//b", "http://a", "//b"},
      {"http://a/%00?%23", "http://a", "/%00?%23"},
      // What the client refuses, which knows schemes and hosts.
      {"ftp://a/b", "ftp://a", "/b"},
      {"://a", "://a", "/"},
      {"http://", "http://", "/"},
      {"http:///a", "http://", "/a"},
      {"http://u@a/", "http://u@a", "/"},
      {"", "", ""},
      {"a", "", ""},
      {"//a/b", "", ""},
      {"http:/a/b", "", ""},
      {"http://a/b#c", "", ""},
      {"http://a#", "", ""},
      {"http://a?#", "", ""},
      {"http://a/ b", "", ""},
      {"http://a/\r\nX: y", "", ""},
      {"http://a/\x7f", "", ""},
      {"http://a/\xC3\xA4", "", ""},
  };
  for (const url_case& each : cases) {
    const auto read = parse_webhook_url(each.url);
    ASSERT_EQ(read.has_value(), !each.base.empty()) << each.url;
    if (!read) continue;
    EXPECT_EQ(read->base, each.base) << each.url;
    EXPECT_EQ(read->target, each.target) << each.url;
  }
}

}  // namespace
}  // namespace parley::sandbox
