// SPDX-License-Identifier: Apache-2.0
//
// What servers say of a cluster and of a master, read: both sides of each limit, and everything
// that is not to be believed.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "idempotency_redis/cluster_reply.hpp"
#include "idempotency_redis/reply_tree.hpp"
#include "idempotency_redis/sentinel_reply.hpp"
#include "idempotency_redis/support/reply_text.hpp"

namespace parley::idempotency_redis {
namespace {

using namespace testing_support;

// ---- The tree

TEST(ReplyTree, IsWholeWithItsLastPart) {
  const std::string text = array({integer(1), array({bulk("a"), nil()}), array({}), bulk("")});
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(tree_of(text.substr(0, size)).is_whole()) << size;
  }
  const reply_tree tree = tree_of(text);
  ASSERT_TRUE(tree.is_whole());
  tree_cursor at(tree);
  EXPECT_EQ(at.array(), 4u);
  EXPECT_EQ(at.text(), std::nullopt);
  EXPECT_EQ(at.array(), std::nullopt);
  EXPECT_FALSE(at.nil());
  EXPECT_EQ(at.integer(), 1);
  EXPECT_EQ(at.array(), 2u);
  EXPECT_EQ(at.text(), "a");
  EXPECT_TRUE(at.nil());
  EXPECT_EQ(at.array(), 0u);
  EXPECT_EQ(at.text(), "");
  EXPECT_TRUE(at.is_at_end());
  EXPECT_EQ(at.integer(), std::nullopt);
  EXPECT_FALSE(at.skip());
}

TEST(ReplyTree, SkipsAValueWithAllInIt) {
  const reply_tree tree =
      tree_of(array({array({array({bulk("a")}), bulk("b")}), bulk("c"), integer(2)}));
  tree_cursor at(tree);
  at.array();
  EXPECT_TRUE(at.skip());
  EXPECT_EQ(at.text(), "c");
  EXPECT_TRUE(at.skip());
  EXPECT_TRUE(at.is_at_end());
}

TEST(ReplyTree, ReadsOneReplyAfterAnother) {
  const reply_tree tree = tree_of(array({integer(1)}) + array({integer(2)}));
  tree_cursor at(tree);
  EXPECT_EQ(at.array(), 1u);
  EXPECT_EQ(at.integer(), 2);
  EXPECT_TRUE(at.is_at_end());
}

TEST(ReplyTree, IsTooLargeAboveItsLimits) {
  const auto whole = [](std::size_t elements, std::size_t text_bytes) {
    reply_tree tree;
    reply part;
    part.what = reply::kind::array;
    part.elements = elements;
    tree.add(part);
    const std::string text(text_bytes, 'x');
    part.what = reply::kind::bulk;
    for (std::size_t i = 0; i < elements; ++i) {
      part.text = i == 0 ? text : std::string_view();
      tree.add(part);
    }
    EXPECT_TRUE(tree.is_whole());
    return !tree.is_too_large();
  };
  EXPECT_TRUE(whole(reply_tree::parts_max - 1, 0));
  EXPECT_FALSE(whole(reply_tree::parts_max, 0));
  EXPECT_TRUE(whole(1, reply_tree::text_bytes_max));
  EXPECT_FALSE(whole(1, reply_tree::text_bytes_max + 1));
}

TEST(ReplyTree, OfEndlessArraysIsNeverWhole) {
  reply_tree tree;
  reply part;
  part.what = reply::kind::array;
  part.elements = std::numeric_limits<std::size_t>::max();
  for (int i = 0; i < 10; ++i) tree.add(part);
  EXPECT_FALSE(tree.is_whole());
  EXPECT_TRUE(tree.is_too_large());
  tree.clear();
  part.elements = 0;
  tree.add(part);
  EXPECT_TRUE(tree.is_whole());
  EXPECT_FALSE(tree.is_too_large());
}

// ---- MOVED and ASK

struct redirect_case {
  const char* name;
  std::string_view text;
  bool is_ask;
  std::uint16_t slot;
  std::string_view host;
  std::uint16_t port;
};
void PrintTo(const redirect_case& of, std::ostream* to) { *to << of.name; }

constexpr redirect_case redirect_cases[] = {
    {"Moved", "MOVED 3999 127.0.0.1:6381", false, 3'999, "127.0.0.1", 6'381},
    {"Ask", "ASK 3999 127.0.0.1:6381", true, 3'999, "127.0.0.1", 6'381},
    {"FirstSlot", "MOVED 0 a:1", false, 0, "a", 1},
    {"LastSlot", "MOVED 16383 a:65535", false, 16'383, "a", 65'535},
    {"Name", "MOVED 1 node-1.cache.example:6379", false, 1, "node-1.cache.example", 6'379},
    {"Ipv6", "MOVED 1 2001:db8::1:6379", false, 1, "2001:db8::1", 6'379},
    {"Ipv6Loopback", "ASK 1 ::1:6379", true, 1, "::1", 6'379},
    {"WhereItWasAsked", "MOVED 1 :6379", false, 1, "", 6'379},
    {"NobodyKnowsWhere", "MOVED 1 ?:6379", false, 1, "", 0},
};

class RedirectIs : public testing::TestWithParam<redirect_case> {};

TEST_P(RedirectIs, Read) {
  const redirect_case& of = GetParam();
  const auto found = read_redirect(of.text);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->is_ask, of.is_ask);
  EXPECT_EQ(found->slot, of.slot);
  EXPECT_EQ(found->host, of.host);
  EXPECT_EQ(found->port, of.port);
}

INSTANTIATE_TEST_SUITE_P(, RedirectIs, testing::ValuesIn(redirect_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Redirect, IsRefusedWhenItIsMalformed) {
  for (const std::string_view text : {"",
                                      "MOVED",
                                      "MOVED ",
                                      "ASK",
                                      "ASKING 1 a:1",
                                      "moved 1 a:1",
                                      " MOVED 1 a:1",
                                      "MOVED  1 a:1",
                                      "MOVED 16384 a:1",
                                      "MOVED 99999 a:1",
                                      "MOVED -1 a:1",
                                      "MOVED +1 a:1",
                                      "MOVED x a:1",
                                      "MOVED 1x a:1",
                                      "MOVED 1",
                                      "MOVED 1 ",
                                      "MOVED 1 a",
                                      "MOVED 1 a:",
                                      "MOVED 1 a:0",
                                      "MOVED 1 a:65536",
                                      "MOVED 1 a:-1",
                                      "MOVED 1 a:1 ",
                                      "MOVED 1 a:1 b",
                                      "MOVED 1 a b:1",
                                      "MOVED 1 a/b:1",
                                      "MOVED 1 [::1]:1",
                                      "MOVED 1 a\n:1",
                                      "MOVED 1\ta:1"}) {
    EXPECT_FALSE(read_redirect(text).has_value()) << text;
  }
  const std::string longest(host_bytes_max, 'a');
  EXPECT_TRUE(read_redirect("MOVED 1 " + longest + ":1").has_value());
  EXPECT_FALSE(read_redirect("MOVED 1 a" + longest + ":1").has_value());
}

// ---- CLUSTER SLOTS

std::string node_text(std::string_view host, int port) {
  return array({bulk(host), integer(port), bulk("id"), array({})});
}
std::string range_text(int first, int last, const std::vector<std::string>& nodes) {
  std::vector<std::string> parts = {integer(first), integer(last)};
  parts.insert(parts.end(), nodes.begin(), nodes.end());
  return array(parts);
}

// By slot, as "host:port"; "" where nobody is.
std::string owner_of(const slot_layout& in, std::size_t slot) {
  const node_id id = in.owners.at(slot);
  if (id == no_node) return "";
  return in.nodes.at(id).host + ":" + std::to_string(in.nodes.at(id).port);
}

TEST(Slots, AreReadWithTheirMasters) {
  const auto found = read_slots(tree_of(
      array({range_text(0, 99, {node_text("10.0.0.1", 1), node_text("10.0.0.4", 4)}),
             range_text(200, 200, {array({bulk("::1"), integer(2)}), node_text("10.0.0.5", 5)}),
             range_text(16'000, 16'383, {array({bulk("b.example"), integer(3), bulk("id")})}),
             range_text(300, 400, {node_text("10.0.0.1", 1)})})));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->nodes.size(), 5u);
  EXPECT_EQ(owner_of(*found, 0), "10.0.0.1:1");
  EXPECT_EQ(owner_of(*found, 99), "10.0.0.1:1");
  EXPECT_EQ(owner_of(*found, 100), "");
  EXPECT_EQ(owner_of(*found, 200), "::1:2");
  EXPECT_EQ(owner_of(*found, 201), "");
  EXPECT_EQ(owner_of(*found, 350), "10.0.0.1:1");
  EXPECT_EQ(owner_of(*found, 16'383), "b.example:3");
}

TEST(Slots, OfNodesThatDoNotKnowTheirName) {
  const auto master = [](const std::string& host, const std::vector<std::string>& metadata) {
    const auto found = read_slots(tree_of(
        array({range_text(0, 16'383, {array({host, integer(7), bulk("id"), array(metadata)})})})));
    return found ? owner_of(*found, 0) : "refused";
  };
  EXPECT_EQ(master(nil(), {}), ":7");
  EXPECT_EQ(master(bulk(""), {bulk("hostname"), bulk("a")}), ":7");
  EXPECT_EQ(master(bulk("?"), {bulk("ip"), bulk("10.0.0.1")}), "10.0.0.1:7");
  EXPECT_EQ(master(bulk("?"), {bulk("other"), array({nil()}), bulk("ip"), bulk("10.0.0.1")}),
            "10.0.0.1:7");
  EXPECT_EQ(master(bulk("?"), {bulk("ip"), bulk("")}), ":7");
  EXPECT_EQ(master(bulk("?"), {bulk("ip"), bulk("?")}), "");
  EXPECT_EQ(master(bulk("a"), {bulk("ip"), bulk("10.0.0.1")}), "a:7");
}

TEST(Slots, OfANodeWithoutAPortAreNobodys) {
  const auto found = read_slots(tree_of(array({range_text(0, 9, {node_text("a", 0)})})));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(owner_of(*found, 0), "");
  EXPECT_TRUE(found->nodes.empty());
}

struct bad_case {
  const char* name;
  std::string text;
};
void PrintTo(const bad_case& of, std::ostream* to) { *to << of.name; }

const bad_case bad_slots[] = {
    {"NotAnArray", bulk("a")},
    {"NullOfAnArray", "*-1\r\n"},
    {"Error", "-ERR unknown\r\n"},
    {"CutOff", array({range_text(0, 9, {node_text("a", 1)})}).substr(0, 30)},
    {"RangeIsNoArray", array({integer(1)})},
    {"NoMaster", array({range_text(0, 9, {})})},
    {"NegativeSlot", array({range_text(-1, 9, {node_text("a", 1)})})},
    {"SlotOutOfRange", array({range_text(0, 16'384, {node_text("a", 1)})})},
    {"EndsBeforeItBegins", array({range_text(9, 8, {node_text("a", 1)})})},
    {"Overlapping",
     array({range_text(0, 9, {node_text("a", 1)}), range_text(9, 10, {node_text("a", 1)})})},
    {"OverlappingNobodys",
     array({range_text(0, 9, {node_text("a", 0)}), range_text(9, 10, {node_text("a", 1)})})},
    {"SlotIsAText", array({array({bulk("0"), integer(1), node_text("a", 1)})})},
    {"NodeIsAText", array({range_text(0, 9, {bulk("a")})})},
    {"NodeWithoutAPort", array({range_text(0, 9, {array({bulk("a")})})})},
    {"PortIsAText", array({range_text(0, 9, {array({bulk("a"), bulk("1")})})})},
    {"PortOutOfRange", array({range_text(0, 9, {node_text("a", 65'536)})})},
    {"NegativePort", array({range_text(0, 9, {node_text("a", -1)})})},
    {"HostIsANumber", array({range_text(0, 9, {array({integer(1), integer(1)})})})},
    {"HostWithABlank", array({range_text(0, 9, {node_text("a b", 1)})})},
    {"HostTooLong", array({range_text(0, 9, {node_text(std::string(256, 'a'), 1)})})},
    {"ReplicaIsMalformed", array({range_text(0, 9, {node_text("a", 1), node_text("a\n", 1)})})},
    {"OddMetadata",
     array({range_text(0, 9, {array({bulk("a"), integer(1), bulk("id"), bulks({"ip"})})})})},
};

class BadSlots : public testing::TestWithParam<bad_case> {};
TEST_P(BadSlots, AreRefused) { EXPECT_FALSE(read_slots(tree_of(GetParam().text)).has_value()); }
INSTANTIATE_TEST_SUITE_P(, BadSlots, testing::ValuesIn(bad_slots),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Slots, OfEveryShapeThatACredibleClusterHas) {
  std::vector<std::string> ranges;
  for (int slot = 0; slot < 16'384; ++slot) {
    ranges.push_back(
        range_text(slot, slot,
                   {node_text("10.0.0.1", slot % 500 + 1), node_text("10.0.0.2", slot % 500 + 1)}));
  }
  const auto found = read_slots(tree_of(array(ranges)));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->nodes.size(), 1'000u);
}

TEST(Slots, OfTooManyNodesAreRefused) {
  const auto of = [](std::size_t nodes) {
    std::vector<std::string> ranges;
    for (std::size_t i = 0; i < nodes; ++i) {
      const int slot = static_cast<int>(i);
      ranges.push_back(range_text(slot, slot, {node_text("a", slot + 1)}));
    }
    return read_slots(tree_of(array(ranges))).has_value();
  };
  EXPECT_TRUE(of(nodes_max));
  EXPECT_FALSE(of(nodes_max + 1));
}

// ---- Sentinels

TEST(MasterAddress, IsRead) {
  const auto found = read_master_address(tree_of(bulks({"10.0.0.1", "6379"})));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->where, (node_address{"10.0.0.1", 6'379}));
  EXPECT_FALSE(found->epoch.has_value());
}

TEST(MasterAddress, IsReadWithItsEpoch) {
  const auto found =
      read_master(tree_of(bulks({"name", "m", "ip", "::1", "port", "6379", "flags", "master",
                                 "config-epoch", "18446744073709551615"})));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->where, (node_address{"::1", 6'379}));
  EXPECT_EQ(found->epoch, std::numeric_limits<std::uint64_t>::max());
  const auto old = read_master(tree_of(bulks({"ip", "a", "port", "1"})));
  ASSERT_TRUE(old.has_value());
  EXPECT_FALSE(old->epoch.has_value());
}

TEST(MasterAddress, IsRefusedWhenItIsMalformed) {
  for (const std::string& text :
       {std::string("*-1\r\n"), nil(), bulks({}), bulks({"a"}), bulks({"a", "1", "b"}),
        bulks({"a", "0"}), bulks({"a", "65536"}), bulks({"a", "1x"}), bulks({"a", ""}),
        bulks({"", "1"}), bulks({"a b", "1"}), array({bulk("a"), integer(1)}),
        std::string("-IDONTKNOW\r\n")}) {
    EXPECT_FALSE(read_master_address(tree_of(text)).has_value()) << text;
  }
  for (const std::string& text :
       {bulks({}), bulks({"ip", "a"}), bulks({"port", "1"}), bulks({"ip", "a", "port"}),
        bulks({"ip", "a", "port", "0"}), bulks({"ip", "a", "port", "1", "config-epoch", "-1"}),
        bulks({"ip", "a", "port", "1", "config-epoch", ""}),
        bulks({"ip", "a", "port", "1", "config-epoch", "18446744073709551616"}),
        std::string("-ERR No such master with that name\r\n")}) {
    EXPECT_FALSE(read_master(tree_of(text)).has_value()) << text;
  }
}

TEST(SwitchEvent, IsRead) {
  const reply_tree tree =
      tree_of(bulks({"message", "+switch-master", "mymaster 10.0.0.1 6379 ::1 6380"}));
  const auto found = read_switch(tree);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->master, "mymaster");
  EXPECT_EQ(found->host, "::1");
  EXPECT_EQ(found->port, 6'380);
}

TEST(SwitchEvent, IsRefusedWhenItIsMalformed) {
  for (const std::string& text :
       {bulks({"message", "+switch-master", "m a 1 b"}),
        bulks({"message", "+switch-master", "m a 1 b 2 c"}),
        bulks({"message", "+switch-master", "m a 1 b 0"}),
        bulks({"message", "+switch-master", "m a 1  2"}),
        bulks({"message", "+switch-master", " a 1 b 2"}),
        bulks({"message", "+switch-master", "m a 1 b 2 "}),
        bulks({"message", "+switch-master", ""}), bulks({"message", "+sdown", "m a 1 b 2"}),
        bulks({"subscribe", "+switch-master", "m a 1 b 2"}), bulks({"message", "+switch-master"}),
        array({bulk("subscribe"), bulk("+switch-master"), integer(1)})}) {
    EXPECT_FALSE(read_switch(tree_of(text)).has_value()) << text;
  }
}

}  // namespace
}  // namespace parley::idempotency_redis
