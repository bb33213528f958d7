// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/url.hpp"

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace parley::idempotency_redis {
namespace {

struct good_url {
  const char* name;
  const char* url;
  const char* host;
  std::uint16_t port = 6379;
  std::uint32_t database = 0;
  const char* user = "";
  const char* password = "";
  bool is_tls = false;
  bool is_unix = false;
};
void PrintTo(const good_url& of, std::ostream* to) { *to << of.name; }

const std::string longest_path = "/" + std::string(106, 'p');

const good_url good_urls[] = {
    {"Host", "redis://redis", "redis"},
    {"Port", "redis://redis:1", "redis", 1},
    {"LastPort", "redis://redis:65535", "redis", 65535},
    {.name = "Tls", .url = "rediss://redis:6380", .host = "redis", .port = 6380, .is_tls = true},
    {"Address", "redis://127.0.0.1", "127.0.0.1"},
    {"Address6", "redis://[::1]:7000", "::1", 7000},
    {"Address6WithoutPort", "redis://[::1]/1", "::1", 6379, 1},
    {"Slash", "redis://redis/", "redis"},
    {"Database", "redis://redis/15", "redis", 6379, 15},
    {"LastDatabase", "redis://redis/4294967295", "redis", 6379, 4294967295},
    {"Password", "redis://:secret@redis", "redis", 6379, 0, "", "secret"},
    {"UserAndPassword", "redis://user:secret@redis:1/2", "redis", 1, 2, "user", "secret"},
    {"ColonInPassword", "redis://u:a:b@redis", "redis", 6379, 0, "u", "a:b"},
    {"AtInPassword", "redis://u:a@b@redis", "redis", 6379, 0, "u", "a@b"},
    {"Escapes", "redis://%75:%40%2f%3A%25@redis", "redis", 6379, 0, "u", "@/:%"},
    {"EscapedHost", "redis://r%65dis", "redis"},
    {.name = "Unix", .url = "unix:///run/redis.sock", .host = "/run/redis.sock", .is_unix = true},
    {.name = "UnixDatabase",
     .url = "unix:///run/r.sock?db=3",
     .host = "/run/r.sock",
     .database = 3,
     .is_unix = true},
    {"UnixPassword", "unix://u:p@/run/r.sock", "/run/r.sock", 6379, 0, "u", "p", false, true},
    {.name = "UnixEscapes", .url = "unix:///a%20b%3f", .host = "/a b?", .is_unix = true},
};

class GoodUrl : public testing::TestWithParam<good_url> {};

TEST_P(GoodUrl, IsRead) {
  const auto read = parse_url(GetParam().url);
  ASSERT_TRUE(read.has_value()) << read.error();
  const good_url& expected = GetParam();
  EXPECT_EQ(read->is_unix, expected.is_unix);
  EXPECT_EQ(read->is_tls, expected.is_tls);
  EXPECT_EQ(read->host, expected.host);
  EXPECT_EQ(read->port, expected.port);
  EXPECT_EQ(read->user, expected.user);
  EXPECT_EQ(read->password, expected.password);
  EXPECT_EQ(read->database, expected.database);
}

INSTANTIATE_TEST_SUITE_P(, GoodUrl, testing::ValuesIn(good_urls),
                         [](const auto& each) { return std::string(each.param.name); });

struct bad_url {
  const char* name;
  std::string_view url;
  const char* reason;
};
void PrintTo(const bad_url& of, std::ostream* to) { *to << of.name; }

const bad_url bad_urls[] = {
    {"Nothing", "", "does not begin with redis://, rediss:// or unix://"},
    {"NoScheme", "127.0.0.1:6379", "does not begin with redis://, rediss:// or unix://"},
    {"OtherScheme", "http://redis", "does not begin with redis://, rediss:// or unix://"},
    {"UpperCase", "REDIS://redis", "does not begin with redis://, rediss:// or unix://"},
    {"Blank", "redis://re dis", "has a blank or a control character"},
    {"Nul", {"redis://re\0dis", 14}, "has a blank or a control character"},
    {"Newline", "redis://redis\n", "has a blank or a control character"},
    {"Fragment", "redis://redis#1", "has a fragment"},
    {"NoHost", "redis://", "has no host"},
    {"NoHostButPort", "redis://:6379", "has no host"},
    {"NulInHost", "redis://a%00b", "has no host"},
    {"PortEmpty", "redis://redis:", "has a port that is not 1 to 65535"},
    {"PortZero", "redis://redis:0", "has a port that is not 1 to 65535"},
    {"PortAbove", "redis://redis:65536", "has a port that is not 1 to 65535"},
    {"PortText", "redis://redis:x", "has a port that is not 1 to 65535"},
    {"PortSigned", "redis://redis:+1", "has a port that is not 1 to 65535"},
    {"Address6Bare", "redis://::1", "has no host"},
    {"Address6Open", "redis://[::1", "has a bracket that is not closed"},
    {"Address6Tail", "redis://[::1]x", "has something between host and port"},
    {"Address6PortEmpty", "redis://[::1]:", "has a port that is not 1 to 65535"},
    {"Query", "redis://redis?db=1", "has a query"},
    {"QueryAfterDatabase", "redis://redis/1?timeout=1", "has a query"},
    {"DatabaseText", "redis://redis/x", "has a database that is no number"},
    {"DatabaseSigned", "redis://redis/-1", "has a database that is no number"},
    {"DatabaseAbove", "redis://redis/4294967296", "has a database that is no number"},
    {"UserAlone", "redis://user@redis", "has a user without a password"},
    {"PasswordEmpty", "redis://user:@redis", "has an empty password"},
    {"EscapeCut", "redis://:%4@redis", "has a malformed percent escape"},
    {"EscapeText", "redis://:%zz@redis", "has a malformed percent escape"},
    {"UnixRelative", "unix://run/redis.sock", "has no absolute path of a socket"},
    {"UnixEmpty", "unix://", "has no absolute path of a socket"},
    {"UnixNul", "unix:///a%00", "has no absolute path of a socket"},
    {"UnixEscape", "unix:///a%", "has a malformed percent escape"},
    {"UnixQuery", "unix:///a?database=1", "has a query that is not db="},
    {"UnixDatabaseEmpty", "unix:///a?db=", "has no number of a database"},
    {"UnixDatabaseText", "unix:///a?db=x", "has a database that is no number"},
};

class BadUrl : public testing::TestWithParam<bad_url> {};

TEST_P(BadUrl, IsRefusedWithTheReason) {
  const auto read = parse_url(GetParam().url);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error(), std::string("url: ") + GetParam().reason);
}

INSTANTIATE_TEST_SUITE_P(, BadUrl, testing::ValuesIn(bad_urls),
                         [](const auto& each) { return std::string(each.param.name); });

struct deployment_url {
  const char* name;
  const char* url;
  topology how;
  std::vector<node_address> hosts;
  const char* master = "";
  std::uint32_t database = 0;
  const char* user = "";
  const char* password = "";
  bool is_tls = false;
};
void PrintTo(const deployment_url& of, std::ostream* to) { *to << of.name; }

const deployment_url deployment_urls[] = {
    {"Single", "redis://redis:7000", topology::single, {{"redis", 7000}}},
    {"Unix", "unix:///run/redis.sock", topology::single, {{"/run/redis.sock", 6379}}},
    {"Sentinel", "redis+sentinel://a/calls", topology::sentinel, {{"a", 26379}}, "calls"},
    {"Sentinels",
     "redis+sentinel://a,b:1,[::1],[::2]:65535/calls/3",
     topology::sentinel,
     {{"a", 26379}, {"b", 1}, {"::1", 26379}, {"::2", 65535}},
     "calls",
     3},
    {"SentinelLogin",
     "redis+sentinel://user:a%2Cb@a,b/calls/",
     topology::sentinel,
     {{"a", 26379}, {"b", 26379}},
     "calls",
     0,
     "user",
     "a,b"},
    {"SentinelEscapes",
     "redis+sentinel://%61/c%2f%20d",
     topology::sentinel,
     {{"a", 26379}},
     "c/ d"},
    {.name = "SentinelTls",
     .url = "rediss+sentinel://a/calls",
     .how = topology::sentinel,
     .hosts = {{"a", 26379}},
     .master = "calls",
     .is_tls = true},
    {"Cluster", "redis+cluster://a", topology::cluster, {{"a", 6379}}},
    {"ClusterNodes",
     "redis+cluster://:p@a:7000,b/",
     topology::cluster,
     {{"a", 7000}, {"b", 6379}},
     "",
     0,
     "",
     "p"},
    {.name = "ClusterTls",
     .url = "rediss+cluster://a",
     .how = topology::cluster,
     .hosts = {{"a", 6379}},
     .is_tls = true},
};

class DeploymentUrl : public testing::TestWithParam<deployment_url> {};

TEST_P(DeploymentUrl, IsRead) {
  const auto read = parse_deployment(GetParam().url);
  ASSERT_TRUE(read.has_value()) << read.error();
  const deployment_url& expected = GetParam();
  EXPECT_EQ(read->how, expected.how);
  EXPECT_EQ(read->hosts, expected.hosts);
  EXPECT_EQ(read->master, expected.master);
  EXPECT_EQ(read->server.database, expected.database);
  EXPECT_EQ(read->server.user, expected.user);
  EXPECT_EQ(read->server.password, expected.password);
  EXPECT_EQ(read->server.is_tls, expected.is_tls);
}

INSTANTIATE_TEST_SUITE_P(, DeploymentUrl, testing::ValuesIn(deployment_urls),
                         [](const auto& each) { return std::string(each.param.name); });

const bad_url bad_deployment_urls[] = {
    {"NoHost", "redis+cluster://", "has no host"},
    {"NoHostBetween", "redis+cluster://a,,b", "has no host"},
    {"NoHostAtTheEnd", "redis+cluster://a,", "has no host"},
    {"NoHostButMaster", "redis+sentinel:///calls", "has no host"},
    {"Port", "redis+cluster://a:0", "has a port that is not 1 to 65535"},
    {"Bracket", "redis+cluster://[::1,b", "has a bracket that is not closed"},
    {"Blank", "redis+cluster://a, b", "has a blank or a control character"},
    {"Fragment", "redis+sentinel://a#calls", "has a fragment"},
    {"Query", "redis+sentinel://a/calls?db=1", "has a query"},
    {"ClusterDatabase", "redis+cluster://a/0", "has a database or a path, and a cluster has none"},
    {"NoMaster", "redis+sentinel://a", "has no name of a master"},
    {"MasterEmpty", "redis+sentinel://a//0", "has no name of a master"},
    {"MasterEscape", "redis+sentinel://a/%f", "has a malformed percent escape"},
    {"Database", "redis+sentinel://a/calls/x", "has a database that is no number"},
    {"UserAlone", "redis+cluster://user@a", "has a user without a password"},
    {"Scheme", "redis+replica://a",
     "does not begin with redis://, rediss:// or unix://, nor with redis+sentinel:// or "
     "redis+cluster://"},
};

class BadDeploymentUrl : public testing::TestWithParam<bad_url> {};

TEST_P(BadDeploymentUrl, IsRefusedWithTheReason) {
  const auto read = parse_deployment(GetParam().url);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error(), std::string("url: ") + GetParam().reason);
}

INSTANTIATE_TEST_SUITE_P(, BadDeploymentUrl, testing::ValuesIn(bad_deployment_urls),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Url, HostsHaveALimit) {
  std::string url = "redis+cluster://h";
  for (std::size_t i = 1; i < url_hosts_max; ++i) url += ",h";
  const auto most = parse_deployment(url);
  ASSERT_TRUE(most.has_value()) << most.error();
  EXPECT_EQ(most->hosts.size(), 64u);
  const auto above = parse_deployment(url + ",h");
  ASSERT_FALSE(above.has_value());
  EXPECT_EQ(above.error(), "url: has more than 64 hosts");
}

TEST(Url, SocketPathHasALimit) {
  const auto longest = parse_url("unix://" + longest_path);
  ASSERT_TRUE(longest.has_value());
  EXPECT_EQ(longest->host, longest_path);
  const auto above = parse_url("unix://" + longest_path + "p");
  ASSERT_FALSE(above.has_value());
  EXPECT_EQ(above.error(), "url: has a path too long for a socket");
}

TEST(Url, ErrorsRepeatNothing) {
  for (const char* each : {"redis://user:hunter2@redis:port", "redis://user:hunter2@",
                           "hunter2://redis", "unix://user:hunter2@x", "redis://:hunter2%@redis",
                           "redis://hunter2@redis", "redis+cluster://user:hunter2@a,",
                           "redis+sentinel://:hunter2@a", "redis+hunter2://:hunter2@a"}) {
    const auto read = parse_deployment(each);
    ASSERT_FALSE(read.has_value()) << each;
    EXPECT_EQ(read.error().find("hunter2"), std::string::npos) << read.error();
  }
}

}  // namespace
}  // namespace parley::idempotency_redis
