// SPDX-License-Identifier: Apache-2.0
#include "beast/head.hpp"

#include <ostream>
#include <string>

#include <gtest/gtest.h>

namespace parley::beast {

static void PrintTo(head_errc error, std::ostream* out) { *out << static_cast<int>(error); }

namespace {

using std::string_literals::operator""s;

constexpr head_limits limits = {.headers_max = 4, .body_bytes_max = 1000};

std::string head_of(std::string_view lines) {
  return "POST /v1 HTTP/1.1\r\nHost: a\r\n" + std::string(lines) + "\r\n";
}

struct head_case {
  const char* name;
  std::string head;
  head_errc error;
  bool chunked = false;
  bool has_body = false;
  bool expects_continue = false;
};

class CheckHead : public testing::TestWithParam<head_case> {};

TEST_P(CheckHead, TellsTheBody) {
  const head_facts facts = check_head(GetParam().head, limits);
  EXPECT_EQ(facts.error, GetParam().error);
  if (facts.error != head_errc::none) return;
  EXPECT_EQ(facts.chunked, GetParam().chunked);
  EXPECT_EQ(facts.has_body, GetParam().has_body);
  EXPECT_EQ(facts.expects_continue, GetParam().expects_continue);
}

constexpr auto ok = head_errc::none;
constexpr auto bad = head_errc::malformed;

INSTANTIATE_TEST_SUITE_P(
    Good, CheckHead,
    testing::Values(
        head_case{"NoBody", head_of(""), ok},
        head_case{"Length", head_of("Content-Length: 5\r\n"), ok, false, true},
        head_case{"LengthZero", head_of("Content-Length: 0\r\n"), ok},
        head_case{"LengthLeadingZeros", head_of("Content-Length: 0007\r\n"), ok, false, true},
        head_case{"LengthAtTheLimit", head_of("content-length:1000 \r\n"), ok, false, true},
        head_case{"Chunked", head_of("Transfer-Encoding: chunked\r\n"), ok, true, true},
        head_case{"ChunkedAnyCase", head_of("transfer-encoding:CHUNKED\r\n"), ok, true, true},
        head_case{"Expect", head_of("Expect: 100-Continue\r\n"), ok, false, false, true},
        head_case{"ExpectTwice", head_of("Expect: 100-continue\r\nExpect: 100-continue\r\n"), ok,
                  false, false, true},
        head_case{"ExpectInHttp10", "POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
                  ok},
        head_case{"Http10", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", ok},
        head_case{"EmptyValue", head_of("X-Empty:\r\n"), ok},
        head_case{"MostHeaders", head_of("A: 1\r\nB: 2\r\nC: 3\r\n"), ok},
        head_case{"HighBytesInValue", head_of("X: caf\xc3\xa9\r\n"), ok},
        head_case{"EmptyHost", "GET / HTTP/1.1\r\nHost:\r\n\r\n", ok}),
    [](const auto& each) { return std::string(each.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Smuggling, CheckHead,
    testing::Values(
        head_case{"TwoLengths", head_of("Content-Length: 5\r\nContent-Length: 5\r\n"), bad},
        head_case{"TwoLengthsThatDiffer", head_of("Content-Length: 5\r\nContent-Length: 6\r\n"),
                  bad},
        head_case{"LengthList", head_of("Content-Length: 5, 5\r\n"), bad},
        head_case{"LengthSigned", head_of("Content-Length: +5\r\n"), bad},
        head_case{"LengthNegative", head_of("Content-Length: -5\r\n"), bad},
        head_case{"LengthHex", head_of("Content-Length: 0x5\r\n"), bad},
        head_case{"LengthEmpty", head_of("Content-Length:\r\n"), bad},
        head_case{"LengthBlankInside", head_of("Content-Length: 5 0\r\n"), bad},
        head_case{"LengthOverflowThenLetter",
                  head_of("Content-Length: 99999999999999999999999x\r\n"), bad},
        head_case{"LengthAndChunked",
                  head_of("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), bad},
        head_case{"ChunkedAndLengthZero",
                  head_of("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"), bad},
        head_case{"TwoEncodings",
                  head_of("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), bad},
        head_case{"OtherEncoding", head_of("Transfer-Encoding: xchunked\r\n"), bad},
        head_case{"EncodingList", head_of("Transfer-Encoding: gzip, chunked\r\n"), bad},
        head_case{"Identity", head_of("Transfer-Encoding: identity\r\n"), bad},
        head_case{"EncodingEmpty", head_of("Transfer-Encoding:\r\n"), bad},
        head_case{"EncodingWithParameter", head_of("Transfer-Encoding: chunked;q=1\r\n"), bad},
        head_case{"EncodingVerticalTab",
                  head_of("Transfer-Encoding: \x0b"
                          "chunked\r\n"),
                  bad},
        head_case{"EncodingInHttp10",
                  "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", bad},
        head_case{"BlankBeforeColon", head_of("Content-Length : 5\r\n"), bad},
        head_case{"TabBeforeColon", head_of("Transfer-Encoding\t: chunked\r\n"), bad},
        head_case{"Folded", head_of("X: a\r\n b\r\n"), bad},
        head_case{"FoldedTab", head_of("X: a\r\n\tTransfer-Encoding: chunked\r\n"), bad},
        head_case{"FirstLineFolded", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", bad},
        head_case{"NoHost", "GET / HTTP/1.1\r\nX: y\r\n\r\n", bad},
        head_case{"TwoHosts", head_of("host: b\r\n"), bad},
        head_case{"NulInValue", head_of("X: a\0b\r\n"s), bad},
        head_case{"NulInName", head_of("X\0: b\r\n"s), bad},
        head_case{"CarriageReturnInValue", head_of("X: a\rb\r\n"), bad},
        head_case{"HighByteInName", head_of("X\xc3: b\r\n"), bad},
        head_case{"NoColon", head_of("Header\r\n"), bad},
        head_case{"NoName", head_of(": value\r\n"), bad}),
    [](const auto& each) { return std::string(each.param.name); });

INSTANTIATE_TEST_SUITE_P(
    RequestLine, CheckHead,
    testing::Values(head_case{"TwoBlanks", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", bad},
                    head_case{"BlankInTarget", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", bad},
                    head_case{"TabInTarget", "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", bad},
                    head_case{"NoVersion", "GET /\r\nHost: a\r\n\r\n", bad},
                    head_case{"Http09", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", bad},
                    head_case{"Http12", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", bad},
                    head_case{"Http2", "PRI * HTTP/2.0\r\n\r\n", bad},
                    head_case{"LowerCaseVersion", "GET / http/1.1\r\nHost: a\r\n\r\n", bad},
                    head_case{"BlankAtTheEnd", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", bad},
                    head_case{"Url", "GET http://a:80/b?c HTTP/1.1\r\nHost: a\r\n\r\n", ok},
                    head_case{"UrlAnyCase", "GET HTTPS://a HTTP/1.1\r\nHost: a\r\n\r\n", ok},
                    head_case{"UrlWithoutHost", "GET http:///b HTTP/1.1\r\nHost: a\r\n\r\n", bad},
                    head_case{"UrlOfNothing", "GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", bad},
                    head_case{"OtherScheme", "GET ftp://a/b HTTP/1.1\r\nHost: a\r\n\r\n", bad},
                    head_case{"UrlInside", "GET x?http://a/b HTTP/1.1\r\nHost: a\r\n\r\n", bad},
                    head_case{"Word", "GET v1 HTTP/1.1\r\nHost: a\r\n\r\n", bad},
                    head_case{"Fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", bad},
                    head_case{"HighByteInTarget", "GET /\xc3 HTTP/1.1\r\nHost: a\r\n\r\n", bad},
                    head_case{"DeleteInTarget", "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", bad},
                    head_case{"Asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", ok},
                    head_case{"AsteriskOfAnother", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", bad},
                    head_case{"Authority", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", bad},
                    head_case{"HostWithPort", "GET / HTTP/1.1\r\nHost: a-b.c:80\r\n\r\n", ok},
                    head_case{"HostIpv6", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", ok},
                    head_case{"HostWithBlank", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", bad},
                    head_case{"HostList", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", bad},
                    head_case{"HostWithPath", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", bad},
                    head_case{"HostWithUser", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", bad},
                    head_case{"NoMethod", " / HTTP/1.1\r\nHost: a\r\n\r\n", bad},
                    head_case{"MethodWithColon", "G:T / HTTP/1.1\r\nHost: a\r\n\r\n", bad},
                    head_case{"Nothing", "\r\n", bad}),
    [](const auto& each) { return std::string(each.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Limits, CheckHead,
    testing::Values(
        head_case{"OneHeaderMore", head_of("A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n"),
                  head_errc::too_many_headers},
        head_case{"OneByteMore", head_of("Content-Length: 1001\r\n"), head_errc::body_too_large},
        head_case{"LengthOverflow", head_of("Content-Length: 99999999999999999999999\r\n"),
                  head_errc::body_too_large},
        head_case{"OtherExpectation", head_of("Expect: 200-ok\r\n"),
                  head_errc::unknown_expectation},
        head_case{"OneOtherExpectation", head_of("Expect: 200-ok\r\nExpect: 100-continue\r\n"),
                  head_errc::unknown_expectation},
        head_case{"SmugglingBeatsSize", head_of("Content-Length: 1001\r\nContent-Length: 1001\r\n"),
                  bad}),
    [](const auto& each) { return std::string(each.param.name); });

using state = head_scanner::state;

state scan_whole(std::string_view text) { return head_scanner().scan(text); }

TEST(HeadScanner, FindsTheEmptyLine) {
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET";
  head_scanner scanner;
  ASSERT_EQ(scanner.scan(text), state::complete);
  EXPECT_EQ(scanner.size(), text.size() - 3);
}

TEST(HeadScanner, GivesTheSameInPiecesOfAnySize) {
  const std::string good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  for (std::size_t step = 1; step <= good.size(); ++step) {
    head_scanner scanner;
    for (std::size_t size = step; size < good.size(); size += step) {
      ASSERT_EQ(scanner.scan(std::string_view(good).substr(0, size)), state::more) << size;
    }
    ASSERT_EQ(scanner.scan(good), state::complete) << step;
    EXPECT_EQ(scanner.size(), good.size());
  }
}

TEST(HeadScanner, RefusesLineEndsWithoutCarriageReturn) {
  EXPECT_EQ(scan_whole("GET / HTTP/1.1\n"), state::malformed);
  EXPECT_EQ(scan_whole("GET / HTTP/1.1\r\nHost: a\n"), state::malformed);
  EXPECT_EQ(scan_whole("GET / HTTP/1.1\r\n\n"), state::malformed);
  EXPECT_EQ(scan_whole("GET / HTTP/1.1\r\nHost: a\r\n\n"), state::malformed);
}

TEST(HeadScanner, RefusesWhatCannotBeginAMethod) {
  EXPECT_EQ(scan_whole("\x16\x03\x01"), state::malformed);  // a TLS hello
  EXPECT_EQ(scan_whole(" GET"), state::malformed);
  EXPECT_EQ(scan_whole("\n"), state::malformed);
  EXPECT_EQ(scan_whole("\x80"), state::malformed);
  EXPECT_EQ(scan_whole(""), state::more);
  EXPECT_EQ(scan_whole("G"), state::more);
}

}  // namespace
}  // namespace parley::beast
