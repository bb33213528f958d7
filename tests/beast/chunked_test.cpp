// SPDX-License-Identifier: Apache-2.0
#include "beast/chunked.hpp"

#include <ostream>
#include <string>

#include <gtest/gtest.h>

namespace parley::beast {

static void PrintTo(chunked_decoder::state s, std::ostream* out) { *out << static_cast<int>(s); }

namespace {

using std::string_literals::operator""s;
using state = chunked_decoder::state;

constexpr chunked_decoder::limits limits = {.body_bytes_max = 100, .trailer_fields_max = 3};

struct chunked_case {
  const char* name;
  std::string input;
  state ends;
  std::string body = "";
  std::size_t rest = 0;  // bytes of the input that are not used
};

class ChunkedDecoder : public testing::TestWithParam<chunked_case> {};

TEST_P(ChunkedDecoder, DecodesInOnePiece) {
  chunked_decoder decoder(limits);
  std::string body;
  const std::size_t used = decoder.feed(GetParam().input, body);
  EXPECT_EQ(decoder.state_now(), GetParam().ends);
  if (GetParam().ends == state::done) {
    EXPECT_EQ(body, GetParam().body);
    EXPECT_EQ(GetParam().input.size() - used, GetParam().rest);
  }
}

TEST_P(ChunkedDecoder, DecodesByteByByte) {
  chunked_decoder decoder(limits);
  std::string body;
  std::size_t used = 0;
  for (const char& byte : GetParam().input) {
    if (decoder.state_now() != state::more) break;
    used += decoder.feed({&byte, 1}, body);
  }
  EXPECT_EQ(decoder.state_now(), GetParam().ends);
  if (GetParam().ends == state::done) {
    EXPECT_EQ(body, GetParam().body);
    EXPECT_EQ(GetParam().input.size() - used, GetParam().rest);
  }
}

std::string chunk(std::size_t size) {
  char digits[20];
  std::snprintf(digits, sizeof digits, "%zx", size);
  return std::string(digits) + "\r\n" + std::string(size, 'x') + "\r\n";
}

INSTANTIATE_TEST_SUITE_P(
    Good, ChunkedDecoder,
    testing::Values(
        chunked_case{"Empty", "0\r\n\r\n", state::done},
        chunked_case{"One", "5\r\nhello\r\n0\r\n\r\n", state::done, "hello"},
        chunked_case{"Two", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", state::done, "hello world"},
        chunked_case{"Hex", "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", state::done,
                     "01234567890123456789"},
        chunked_case{"LeadingZeros", "0005\r\nhello\r\n000\r\n\r\n", state::done, "hello"},
        chunked_case{"LineEndsInData", "4\r\n\r\n\r\n\r\n0\r\n\r\n", state::done, "\r\n\r\n"},
        chunked_case{"Extension", "5;a=b;c=\"d e\"\r\nhello\r\n0;x\r\n\r\n", state::done, "hello"},
        chunked_case{"EscapeInQuotes", "5;a=\"\\\"\\\\\"\r\nhello\r\n0\r\n\r\n", state::done,
                     "hello"},
        chunked_case{"BlankBeforeExtension", "5 \t;a\r\nhello\r\n0\r\n\r\n", state::done, "hello"},
        chunked_case{"Trailer", "0\r\nA: b\r\nC:\r\nD: e f\r\n\r\n", state::done},
        chunked_case{"NextRequest", "0\r\n\r\nGET", state::done, "", 3},
        chunked_case{"AtTheLimit", chunk(60) + chunk(40) + "0\r\n\r\n", state::done,
                     std::string(100, 'x')},
        chunked_case{"LongestLine", "0;" + std::string(4094, 'a') + "\r\n\r\n", state::done},
        chunked_case{"Cut", "5\r\nhel", state::more}, chunked_case{"Nothing", "", state::more},
        chunked_case{"CutInTheEnd", "0\r\n\r", state::more}),
    [](const auto& each) { return std::string(each.param.name); });

constexpr auto bad = state::malformed;
INSTANTIATE_TEST_SUITE_P(
    Malformed, ChunkedDecoder,
    testing::Values(chunked_case{"LineFeedAlone", "5\nhello\r\n0\r\n\r\n", bad},
                    chunked_case{"LineFeedInQuotes", "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n", bad},
                    chunked_case{"LineEndInQuotes", "5;a=\"\r\nhello\"\r\n0\r\n\r\n", bad},
                    chunked_case{"OpenQuote", "0;a=\"\r\n\r\n", bad},
                    chunked_case{"OpenQuoteAfterEscape", "0;a=\"b\\\"\r\n\r\n", bad},
                    chunked_case{"CarriageReturnInLine", "5;a\rb\r\nhello\r\n0\r\n\r\n", bad},
                    chunked_case{"NulInExtension", "5;a\0\r\nhello\r\n0\r\n\r\n"s, bad},
                    chunked_case{"NoSize", "\r\nhello\r\n0\r\n\r\n", bad},
                    chunked_case{"Prefix", "0x5\r\nhello\r\n0\r\n\r\n", bad},
                    chunked_case{"Plus", "+5\r\nhello\r\n0\r\n\r\n", bad},
                    chunked_case{"Minus", "-5\r\nhello\r\n0\r\n\r\n", bad},
                    chunked_case{"BlankFirst", " 5\r\nhello\r\n0\r\n\r\n", bad},
                    chunked_case{"BlankLast", "5 \r\nhello\r\n0\r\n\r\n", bad},
                    chunked_case{"NotHex", "5g\r\nhello\r\n0\r\n\r\n", bad},
                    chunked_case{"Comma", "5,5\r\nhello\r\n0\r\n\r\n", bad},
                    chunked_case{"OverflowThenLetter", "fffffffffffffffffg\r\n", bad},
                    chunked_case{"DataTooLong", "5\r\nhelloX\r\n0\r\n\r\n", bad},
                    chunked_case{"DataEndsWithLineFeed", "5\r\nhello\n0\r\n\r\n", bad},
                    chunked_case{"TrailerFolded", "0\r\nA: b\r\n c\r\n\r\n", bad},
                    chunked_case{"TrailerWithoutColon", "0\r\nA\r\n\r\n", bad},
                    chunked_case{"TrailerWithoutName", "0\r\n: b\r\n\r\n", bad},
                    chunked_case{"TrailerBlankBeforeColon", "0\r\nA : b\r\n\r\n", bad},
                    chunked_case{"TrailerControl", "0\r\nA: b\x01\r\n\r\n", bad},
                    chunked_case{"LineTooLong", "0;" + std::string(4095, 'a') + "\r\n\r\n", bad}),
    [](const auto& each) { return std::string(each.param.name); });

constexpr auto large = state::too_large;
INSTANTIATE_TEST_SUITE_P(TooLarge, ChunkedDecoder,
                         testing::Values(chunked_case{"OneByteMore", chunk(60) + chunk(41), large},
                                         chunked_case{"OneChunk", "65\r\n", large},
                                         chunked_case{"Overflow", "fffffffffffffffff\r\n", large},
                                         chunked_case{"LargestSize", "ffffffffffffffff\r\n", large},
                                         chunked_case{"TrailerFields",
                                                      "0\r\nA:\r\nB:\r\nC:\r\nD:\r\n\r\n", large}),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(ChunkedDecoderFraming, IsBoundedByTheBody) {
  // One-byte chunks are as much framing as there can be without an extension.
  chunked_decoder small({.body_bytes_max = 1 << 20, .trailer_fields_max = 3});
  std::string body;
  std::string input;
  for (int i = 0; i < 100'000; ++i) input += "1\r\nx\r\n";
  EXPECT_EQ(small.feed(input + "0\r\n\r\n", body), input.size() + 5);
  EXPECT_EQ(small.state_now(), state::done);
  EXPECT_EQ(body.size(), 100'000u);

  chunked_decoder padded({.body_bytes_max = 1 << 20, .trailer_fields_max = 3});
  body.clear();
  input.clear();
  for (int i = 0; i < 100; ++i) input += "1;" + std::string(1'000, 'a') + "\r\nx\r\n";
  padded.feed(input, body);
  EXPECT_EQ(padded.state_now(), state::too_large);
}

}  // namespace
}  // namespace parley::beast
