// SPDX-License-Identifier: Apache-2.0
#include "beast/client_response.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace parley::beast {
namespace {

using state = response_reader::state;

constexpr response_reader::limits bounds = {
    .head_bytes_max = 200, .headers_max = 4, .body_bytes_max = 10};

struct reading {
  state is;
  std::size_t used;
  std::uint16_t status;
  std::string body;
  bool can_keep_alive;

  friend bool operator==(const reading&, const reading&) = default;
};

enum class pieces { whole, bytes };

reading read(std::string_view text, pieces how, bool is_to_head = false, bool ends = false) {
  response_reader reader(is_to_head, bounds);
  std::size_t used = 0;
  if (how == pieces::whole) {
    used = reader.feed(text);
  } else {
    for (const char& byte : text) used += reader.feed({&byte, 1});
  }
  if (ends) reader.end_of_input();
  const state is = reader.state_now();
  const bool keep = is == state::done && reader.can_keep_alive();
  const client::response got = reader.take();
  return {is, used, got.status, got.body, keep};
}

struct good_case {
  const char* name;
  std::string text;
  std::uint16_t status;
  std::string_view body;
  bool can_keep_alive;
  std::string_view behind = {};  // bytes that are not the response's
  bool is_to_head = false;
};
const good_case good_cases[] = {
    {"Length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true},
    {"LengthZero", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", true},
    {"LargestBody", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", 200, "0123456789",
     true},
    {"Behind", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x", true,
     "HTTP/1.1 200 OK\r\n\r\n"},
    {"Chunked",
     "HTTP/1.1 202 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", 202,
     "abc", true, "x"},
    {"ChunkedAnyCase", "HTTP/1.1 200 X\r\ntransfer-encoding: Chunked\r\n\r\n0\r\n\r\n", 200, "",
     true},
    {"ChunkExtension",
     "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b;c=\"d\"\r\nx\r\n0;e\r\n\r\n", 200,
     "x", true},
    {"Trailer",
     "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n", 200,
     "x", true, "y"},
    {"NoContent", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", true, "x"},
    {"NotModified", "HTTP/1.1 304 X\r\nContent-Length: 99\r\n\r\n", 304, "", true, "x"},
    {"NoContentWithALength", "HTTP/1.1 204 X\r\nContent-Length: 1\r\n\r\n", 204, "", false, "x"},
    {"NoContentWithLengthZero", "HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n", 204, "", true},
    {"ToHead", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", 200, "", true, "x", true},
    {"ToHeadChunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, "", true, "0",
     true},
    {"Continue", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200,
     "x", true},
    {"EarlyHints",
     "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 102 X\r\n\r\nHTTP/1.1 500 X\r\n"
     "Content-Length: 0\r\n\r\n",
     500, "", true},
    {"Close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", 200, "x",
     false},
    {"CloseInAList", "HTTP/1.1 200 OK\r\nConnection: a, Close\r\nContent-Length: 0\r\n\r\n", 200,
     "", false},
    {"CloseInTheSecond",
     "HTTP/1.1 200 OK\r\nConnection: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 200, "",
     false},
    {"Version10", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x", false},
    {"Version10KeepAlive",
     "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", 200, "x", false},
    {"NoReason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "", true},
    {"EmptyReason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", 200, "", true},
    {"ReasonNotAscii", "HTTP/1.1 404 \xc3\xa4\r\nContent-Length: 0\r\n\r\n", 404, "", true},
    {"UnknownStatus", "HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n", 999, "", true},
    {"MostHeaders", "HTTP/1.1 200 X\r\nA: 1\r\nB: 2\r\nC: 3\r\nContent-Length: 0\r\n\r\n", 200, "",
     true},
};

class Response : public testing::TestWithParam<good_case> {};

TEST_P(Response, IsReadInAnyPieces) {
  const good_case& of = GetParam();
  const std::string text = of.text + std::string(of.behind);
  const reading expected = {state::done, of.text.size(), of.status, std::string(of.body),
                            of.can_keep_alive};
  EXPECT_EQ(read(text, pieces::whole, of.is_to_head), expected);
  EXPECT_EQ(read(text, pieces::bytes, of.is_to_head), expected);
}

// A connection that ends early never makes a shorter response of one with a length.
TEST_P(Response, IsNotWholeBeforeItsLastByte) {
  const good_case& of = GetParam();
  for (std::size_t size = 0; size < of.text.size(); ++size) {
    const auto cut =
        read(std::string_view(of.text).substr(0, size), pieces::whole, of.is_to_head, true);
    EXPECT_EQ(cut.is, state::more) << size;
    EXPECT_EQ(cut.used, size);
  }
}

INSTANTIATE_TEST_SUITE_P(, Response, testing::ValuesIn(good_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(ResponseUntilTheEnd, IsWholeOnceTheConnectionHasEnded) {
  constexpr std::string_view text = "HTTP/1.1 200 OK\r\n\r\n0123456789";
  for (const pieces how : {pieces::whole, pieces::bytes}) {
    EXPECT_EQ(read(text, how).is, state::more);
    EXPECT_EQ(read(text, how, false, true),
              (reading{state::done, text.size(), 200, "0123456789", false}));
    EXPECT_EQ(read(std::string(text) + "x", how, false, true).is, state::too_large);
  }
}

TEST(ResponseHeaders, KeepTheirOrderAndLoseTheirBlanks) {
  response_reader reader(false, bounds);
  reader.feed(
      "HTTP/1.1 200 OK\r\nA:b\r\nX-Y: \t c d \t\r\nA: \xc3\xa4\r\nContent-Length: 0\r\n\r\n");
  ASSERT_EQ(reader.state_now(), state::done);
  const std::vector<client::header> expected = {
      {"A", "b"}, {"X-Y", "c d"}, {"A", "\xc3\xa4"}, {"Content-Length", "0"}};
  EXPECT_EQ(reader.take().headers, expected);
}

struct bad_case {
  const char* name;
  std::string text;
  state is = state::malformed;
};
std::string many_interims(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += "HTTP/1.1 100 X\r\n\r\n";
  return text + "HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n";
}
std::string head_of_size(std::size_t size) {
  const std::string begin = "HTTP/1.1 200 X\r\nContent-Length: 0\r\nA: ";
  return begin + std::string(size - begin.size() - 4, 'a') + "\r\n\r\n";
}
const bad_case bad_cases[] = {
    {"Html", "<html>"},
    {"Tls", "\x15\x03\x01"},
    {"Http2", "HTTP/2 200 OK\r\n\r\n"},
    {"Http12", "HTTP/1.2 200 OK\r\n\r\n"},
    {"Http11Long", "HTTP/1.10 200 OK\r\n\r\n"},
    {"LowerCase", "http/1.1 200 OK\r\n\r\n"},
    {"LineBreakFirst", "\r\nHTTP/1.1 200 OK\r\n\r\n"},
    {"TwoBlanks", "HTTP/1.1  200 OK\r\n\r\n"},
    {"TwoDigits", "HTTP/1.1 20 OK\r\n\r\n"},
    {"FourDigits", "HTTP/1.1 2000 OK\r\n\r\n"},
    {"StatusSigned", "HTTP/1.1 +20 OK\r\n\r\n"},
    {"StatusTooSmall", "HTTP/1.1 099 OK\r\n\r\n"},
    {"ReasonWithControl", "HTTP/1.1 200 O\bK\r\n\r\n"},
    {"LineFeedAlone", "HTTP/1.1 200 OK\nA: b\n\n"},
    {"ReturnInAValue", "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n"},
    {"NulInAValue", std::string("HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", 28)},
    {"Folded", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"},
    {"FoldedFirst", "HTTP/1.1 200 OK\r\n A: b\r\n\r\n"},
    {"BlankBeforeColon", "HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\nx"},
    {"NoColon", "HTTP/1.1 200 OK\r\nA\r\n\r\n"},
    {"NoName", "HTTP/1.1 200 OK\r\n: a\r\n\r\n"},
    {"TwoLengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"},
    {"TwoEqualLengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"},
    {"LengthList", "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\nx"},
    {"LengthSigned", "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx"},
    {"LengthNegative", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx"},
    {"LengthHex", "HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\nx"},
    {"LengthEmpty", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nx"},
    {"LengthAndChunked",
     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"TwoEncodings",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {"OtherEncoding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"},
    {"EncodingWithX", "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n"},
    {"ChunkedInVersion10", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"ChunkSizeSigned", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\nx\r\n"},
    {"ChunkTooLong", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n"},
    {"SwitchingProtocols", "HTTP/1.1 101 X\r\n\r\n"},
    {"InterimWithALength", "HTTP/1.1 100 X\r\nContent-Length: 1\r\n\r\nx"},
    {"InterimsWithoutEnd", many_interims(response_reader::interim_max + 1)},
    {"LengthTooLarge", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n", state::too_large},
    {"LengthWayTooLarge", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
     state::too_large},
    {"ChunkTooLarge", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n",
     state::too_large},
    {"TooManyHeaders", "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\n\r\n",
     state::too_large},
    {"HeadTooLarge", head_of_size(bounds.head_bytes_max + 1), state::too_large},
    {"HeadWithoutEnd", "HTTP/1.1 200 OK\r\nA: " + std::string(500, 'a'), state::too_large},
};

class ResponseRejects : public testing::TestWithParam<bad_case> {};

TEST_P(ResponseRejects, InAnyPieces) {
  EXPECT_EQ(read(GetParam().text, pieces::whole).is, GetParam().is);
  EXPECT_EQ(read(GetParam().text, pieces::bytes).is, GetParam().is);
}

INSTANTIATE_TEST_SUITE_P(, ResponseRejects, testing::ValuesIn(bad_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(ResponseLimits, AreReached) {
  EXPECT_EQ(read(head_of_size(bounds.head_bytes_max), pieces::whole).is, state::done);
  EXPECT_EQ(read(head_of_size(bounds.head_bytes_max), pieces::bytes).is, state::done);
  EXPECT_EQ(read(many_interims(response_reader::interim_max), pieces::whole).status, 200);
}

}  // namespace
}  // namespace parley::beast
