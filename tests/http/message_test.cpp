// SPDX-License-Identifier: Apache-2.0
#include "parley/http/message.hpp"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace parley::http {
namespace {

TEST(Method, NamesGoBothWays) {
  for (int i = 1; i <= static_cast<int>(method::options); ++i) {
    const auto each = static_cast<method>(i);
    ASSERT_FALSE(to_string(each).empty()) << i;
    EXPECT_EQ(parse_method(to_string(each)), each) << to_string(each);
  }
}

TEST(Method, AnythingElseIsOther) {
  for (const char* name : {"", "get", "GET ", "GE", "CONNECT", "TRACE", "delete_"}) {
    EXPECT_EQ(parse_method(name), method::other) << name;
  }
  EXPECT_EQ(to_string(method::other), "");
  EXPECT_EQ(to_string(static_cast<method>(8)), "");
  EXPECT_EQ(to_string(static_cast<method>(255)), "");
}

TEST(RequestView, FindsHeadersInAnyCase) {
  const std::array<header_view, 3> headers = {
      {{"Idempotency-Key", "one"}, {"idempotency-key", "two"}, {"Accept", "*/*"}}};
  request_view request;
  request.headers = headers;
  EXPECT_EQ(request.header("IDEMPOTENCY-KEY"), "one");
  EXPECT_EQ(request.count("Idempotency-Key"), 2u);
  EXPECT_EQ(request.count("Accept"), 1u);
  EXPECT_EQ(request.count("Accep"), 0u);
  EXPECT_EQ(request.header("Accept-"), std::nullopt);
}

TEST(RequestView, AnUnknownParameterIsEmpty) {
  const std::array<path_parameter, 1> parameters = {{{"id", "call_1"}}};
  request_view request;
  request.parameters = parameters;
  EXPECT_EQ(request.parameter("id"), "call_1");
  EXPECT_EQ(request.parameter("ID"), "");
}

TEST(EqualIgnoringCase, FoldsAsciiLettersAlone) {
  EXPECT_TRUE(equal_ignoring_case("", ""));
  EXPECT_TRUE(equal_ignoring_case("aZ-9", "Az-9"));
  EXPECT_FALSE(equal_ignoring_case("a", "ab"));
  EXPECT_FALSE(equal_ignoring_case("@", "`"));  // these differ by the same bit as A and a
  EXPECT_FALSE(equal_ignoring_case("[", "{"));
}

TEST(JsonResponse, CarriesItsMediaType) {
  const response r = json_response(202, "{}");
  EXPECT_EQ(r.status, 202);
  EXPECT_EQ(r.header("content-type"), "application/json");
  EXPECT_EQ(r.body, "{}");
  EXPECT_EQ(r.error_code, errors::code::unknown);
}

TEST(ToResponse, IsTheEnvelopeWithItsStatus) {
  const response r = to_response(envelope::error(errors::code::not_found));
  EXPECT_EQ(r.status, 404);
  EXPECT_EQ(r.error_code, errors::code::not_found);
  EXPECT_EQ(r.body,
            R"({"error":{"code":"not_found","message":"The requested resource does not exist."}})");
}

// B7: how a call ended is never the body of a response.
TEST(ToResponse, AnAsynchronousCodeBecomesInternalError) {
  const response r = to_response(envelope::error(errors::code::busy));
  EXPECT_EQ(r.status, 500);
  EXPECT_EQ(r.error_code, errors::code::internal_error);
  EXPECT_EQ(r.body.find("category"), std::string::npos);
}

struct sendable_case {
  const char* name;
  std::uint16_t status;
  std::string header;
  std::string value;
  bool sendable;
};

class IsSendable : public testing::TestWithParam<sendable_case> {};

TEST_P(IsSendable, AsTheGrammarSays) {
  response r;
  r.status = GetParam().status;
  r.headers.push_back({GetParam().header, GetParam().value});
  EXPECT_EQ(is_sendable(r), GetParam().sendable);
}

using std::string_literals::operator""s;
INSTANTIATE_TEST_SUITE_P(
    , IsSendable,
    testing::Values(sendable_case{"Plain", 200, "X-Thing", "some value", true},
                    sendable_case{"EmptyValue", 200, "X-Thing", "", true},
                    sendable_case{"TabInside", 200, "X-Thing", "a\tb", true},
                    sendable_case{"HighBytes", 200, "X-Thing", "caf\xc3\xa9", true},
                    sendable_case{"EveryTokenChar", 200, "!#$%&'*+-.^_`|~09azAZ", "v", true},
                    sendable_case{"LineFeed", 200, "X-Thing", "a\nSet-Cookie: x=1", false},
                    sendable_case{"CarriageReturn", 200, "X-Thing", "a\rb", false},
                    sendable_case{"Nul", 200, "X-Thing", "a\0b"s, false},
                    sendable_case{"Delete", 200, "X-Thing", "a\x7f", false},
                    sendable_case{"BlankFirst", 200, "X-Thing", " a", false},
                    sendable_case{"BlankLast", 200, "X-Thing", "a\t", false},
                    sendable_case{"EmptyName", 200, "", "v", false},
                    sendable_case{"BlankInName", 200, "X Thing", "v", false},
                    sendable_case{"ColonInName", 200, "X:", "v", false},
                    sendable_case{"LineFeedInName", 200, "X\n", "v", false},
                    sendable_case{"HighByteInName", 200, "X\xc3", "v", false},
                    sendable_case{"ContentLength", 200, "content-length", "5", false},
                    sendable_case{"TransferEncoding", 200, "Transfer-Encoding", "chunked", false},
                    sendable_case{"Connection", 200, "Connection", "close", false},
                    sendable_case{"Date", 200, "Date", "now", false},
                    sendable_case{"Upgrade", 200, "Upgrade", "h2c", false},
                    sendable_case{"Longest", 200, "X", std::string(header_bytes_max - 1, 'v'),
                                  true},
                    sendable_case{"TooLong", 200, "X", std::string(header_bytes_max, 'v'), false},
                    sendable_case{"Status199", 199, "X", "v", false},
                    sendable_case{"Status200", 200, "X", "v", true},
                    sendable_case{"Status999", 999, "X", "v", true},
                    sendable_case{"Status1000", 1000, "X", "v", false},
                    sendable_case{"Status0", 0, "X", "v", false}),
    [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace parley::http
