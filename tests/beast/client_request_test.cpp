// SPDX-License-Identifier: Apache-2.0
#include "beast/client_request.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace parley::beast {
namespace {

std::string head_of(const client::request& what) {
  const auto head = write_head(what, "api.example");
  return head ? *head : "refused: " + head.error();
}

TEST(RequestHead, HasHostAndLength) {
  EXPECT_EQ(head_of({"POST", "/v1/calls?a=b", {{"Content-Type", "application/json"}}, "{}"}),
            "POST /v1/calls?a=b HTTP/1.1\r\nHost: api.example\r\n"
            "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n");
}

struct length_case {
  const char* method;
  const char* body;
  std::string_view length;  // as the head has it
};
constexpr length_case length_cases[] = {
    {"POST", "", "Content-Length: 0\r\n"},
    {"PUT", "", "Content-Length: 0\r\n"},
    {"PATCH", "", "Content-Length: 0\r\n"},
    {"GET", "", ""},
    {"HEAD", "", ""},
    {"DELETE", "", ""},
    {"DELETE", "x", "Content-Length: 1\r\n"},
    {"GET", "x", "Content-Length: 1\r\n"},
};

TEST(RequestHead, TellsALengthWhereOneIsExpected) {
  for (const length_case& each : length_cases) {
    EXPECT_EQ(head_of({each.method, "/", {}, each.body}),
              std::string(each.method) + " / HTTP/1.1\r\nHost: api.example\r\n" +
                  std::string(each.length) + "\r\n");
  }
}

struct reject_case {
  const char* name;
  client::request what;
};
const reject_case reject_cases[] = {
    {"NoMethod", {"", "/"}},
    {"MethodWithBlank", {"GE T", "/"}},
    {"MethodWithLineBreak", {"GET / HTTP/1.1\r\nX:", "/"}},
    {"Connect", {"CONNECT", "/"}},
    {"NoTarget", {"GET", ""}},
    {"TargetWithoutSlash", {"GET", "v1"}},
    {"WholeUrl", {"GET", "http://other.example/"}},
    {"TargetWithBlank", {"GET", "/a b"}},
    {"TargetWithLineBreak", {"GET", "/ HTTP/1.1\r\nX: y"}},
    {"TargetWithNul", {"GET", std::string("/\0", 2)}},
    {"TargetNotAscii", {"GET", "/\xc3\xa4"}},
    {"Fragment", {"GET", "/#a"}},
    {"NoName", {"GET", "/", {{"", "x"}}}},
    {"NameWithColon", {"GET", "/", {{"X:", "x"}}}},
    {"NameWithLineBreak", {"GET", "/", {{"X\r\nY", "x"}}}},
    {"ValueWithLineBreak", {"GET", "/", {{"X", "x\r\nY: y"}}}},
    {"ValueWithLineFeed", {"GET", "/", {{"X", "x\ny"}}}},
    {"ValueWithReturn", {"GET", "/", {{"X", "x\ry"}}}},
    {"ValueWithNul", {"GET", "/", {{"X", std::string("x\0y", 3)}}}},
    {"ValueThatEndsWithABlank", {"GET", "/", {{"X", "x "}}}},
    {"Host", {"GET", "/", {{"host", "other"}}}},
    {"Length", {"GET", "/", {{"Content-length", "1"}}}},
    {"Encoding", {"GET", "/", {{"transfer-encoding", "chunked"}}}},
    {"Connection", {"GET", "/", {{"Connection", "close"}}}},
    {"Expect", {"GET", "/", {{"Expect", "100-continue"}}}},
    {"Upgrade", {"GET", "/", {{"Upgrade", "h2c"}}}},
};

class RequestHeadRejects : public testing::TestWithParam<reject_case> {};

TEST_P(RequestHeadRejects, WhatWouldBeAnotherRequest) {
  EXPECT_FALSE(write_head(GetParam().what, "api.example").has_value());
}

INSTANTIATE_TEST_SUITE_P(, RequestHeadRejects, testing::ValuesIn(reject_cases),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace parley::beast
