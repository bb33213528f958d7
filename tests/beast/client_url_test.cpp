// SPDX-License-Identifier: Apache-2.0
#include "beast/client_url.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace parley::beast {
namespace {

struct accept_case {
  const char* name;
  std::string_view url;
  bool is_tls;
  bool is_address;
  std::string_view host;
  std::uint16_t port;
  std::string_view authority;
};
constexpr accept_case accept_cases[] = {
    {"Https", "https://api.example", true, false, "api.example", 443, "api.example"},
    {"Http", "http://api.example", false, false, "api.example", 80, "api.example"},
    {"AnyCase", "HTTPS://API.Example", true, false, "api.example", 443, "api.example"},
    {"Slash", "https://api.example/", true, false, "api.example", 443, "api.example"},
    {"Port", "https://api.example:8443", true, false, "api.example", 8443, "api.example:8443"},
    {"OwnPort", "https://api.example:443", true, false, "api.example", 443, "api.example"},
    {"PortOfTheOther", "http://api.example:443", false, false, "api.example", 443,
     "api.example:443"},
    {"FirstPort", "http://a:1", false, false, "a", 1, "a:1"},
    {"LastPort", "http://a:65535", false, false, "a", 65535, "a:65535"},
    {"Underscore", "http://my_host", false, false, "my_host", 80, "my_host"},
    {"Ipv4", "http://127.0.0.1:8080", false, true, "127.0.0.1", 8080, "127.0.0.1:8080"},
    {"Ipv6", "https://[::1]", true, true, "::1", 443, "[::1]"},
    {"Ipv6Port", "https://[2001:DB8::1]:8443", true, true, "2001:db8::1", 8443,
     "[2001:db8::1]:8443"},
};

class BaseUrl : public testing::TestWithParam<accept_case> {};

TEST_P(BaseUrl, IsRead) {
  const auto read = parse_base_url(GetParam().url);
  ASSERT_TRUE(read.has_value()) << read.error();
  EXPECT_EQ(read->is_tls, GetParam().is_tls);
  EXPECT_EQ(read->is_address, GetParam().is_address);
  EXPECT_EQ(read->host, GetParam().host);
  EXPECT_EQ(read->port, GetParam().port);
  EXPECT_EQ(read->authority, GetParam().authority);
}

INSTANTIATE_TEST_SUITE_P(, BaseUrl, testing::ValuesIn(accept_cases),
                         [](const auto& each) { return std::string(each.param.name); });

struct reject_case {
  const char* name;
  std::string url;
};
const reject_case reject_cases[] = {
    {"Nothing", ""},
    {"NoScheme", "api.example"},
    {"OtherScheme", "ftp://api.example"},
    {"SchemeAlone", "https://"},
    {"NoHost", "https://:443"},
    {"SlashAlone", "https:///"},
    {"Path", "https://api.example/v1"},
    {"TwoSlashes", "https://api.example//"},
    {"Query", "https://api.example?a"},
    {"Fragment", "https://api.example#a"},
    {"User", "https://me:secret@api.example"},
    {"EmptyUser", "https://@api.example"},
    {"PortZero", "https://api.example:0"},
    {"PortTooLarge", "https://api.example:65536"},
    {"PortEmpty", "https://api.example:"},
    {"PortSigned", "https://api.example:+80"},
    {"PortOfLetters", "https://api.example:http"},
    {"Blank", "https://api example"},
    {"LineBreak", "https://api.example\r\nX: y"},
    {"Escape", "https://api%2eexample"},
    {"NotAscii", "https://\xc3\xa4pi.example"},
    {"EmptyLabel", "https://api..example"},
    {"DotFirst", "https://.example"},
    {"DotLast", "https://example."},
    {"NameTooLong", "https://" + std::string(254, 'a')},
    {"BracketOpen", "https://[::1"},
    {"BracketAndText", "https://[::1]a"},
    {"BracketsAroundANul", std::string("https://[::1\0x]", 15)},
    {"BracketsAroundAName", "https://[api.example]"},
    {"BracketsAroundIpv4", "https://[127.0.0.1]"},
    {"Zone", "https://[fe80::1%eth0]"},
    {"Ipv6Bare", "https://::1"},
};

class BaseUrlRejects : public testing::TestWithParam<reject_case> {};

TEST_P(BaseUrlRejects, WithoutRepeatingIt) {
  const auto read = parse_base_url(GetParam().url);
  ASSERT_FALSE(read.has_value());
  EXPECT_TRUE(read.error().starts_with("url: ")) << read.error();
  EXPECT_EQ(read.error().find("secret"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(, BaseUrlRejects, testing::ValuesIn(reject_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(BaseUrlLimits, TheLongestNameIsRead) {
  EXPECT_TRUE(parse_base_url("https://" + std::string(253, 'a')).has_value());
}

}  // namespace
}  // namespace parley::beast
