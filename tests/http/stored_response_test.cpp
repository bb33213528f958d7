// SPDX-License-Identifier: Apache-2.0
#include "http/stored_response.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "parley/errors/own_catalogue.hpp"

namespace parley::http {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::optional<response> decode(std::string_view stored) {
  return decode_response(bytes_of(stored));
}

std::string encode(const response& r, const std::vector<std::string>& unstored = {}) {
  EXPECT_TRUE(is_sendable(r));
  const auto head = encode_head(r, unstored);
  EXPECT_TRUE(head);
  return head.value_or("") + r.body;
}

std::string all_bytes() {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  return all;
}

struct round_trip_case {
  const char* name;
  response made;
};
class StoredResponse : public testing::TestWithParam<round_trip_case> {};

TEST_P(StoredResponse, IsReadAsItWas) {
  const response& made = GetParam().made;
  const auto read = decode(encode(made));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->status, made.status);
  EXPECT_EQ(read->headers, made.headers);
  EXPECT_EQ(read->body, made.body);
  EXPECT_EQ(read->error_code, made.error_code);
}

INSTANTIATE_TEST_SUITE_P(
    , StoredResponse,
    testing::Values(
        round_trip_case{"Json", json_response(202, R"({"data":{"call_id":"call_1"}})")},
        round_trip_case{"NoContent", {.status = 204}},
        round_trip_case{"LeastStatus", {.status = 200}},
        round_trip_case{"GreatestStatus", {.status = 999}},
        round_trip_case{"Error", to_response(envelope::error(errors::code::not_found))},
        round_trip_case{"EveryByte", {.body = all_bytes()}},
        round_trip_case{"EmptyValue", {.headers = {{"X-A", ""}}}},
        round_trip_case{"TheSameHeaderTwice", {.headers = {{"Link", "<a>"}, {"Link", "<b>"}}}},
        round_trip_case{"ObsText", {.headers = {{"X-A", "\xe9\xff"}}}},
        round_trip_case{
            "GreatestHeader",
            {.headers = {{"X-A", std::string(header_bytes_max - 3, 'v')}}, .body = "b"}},
        round_trip_case{"BodyThatLooksLikeAHead", {.body = std::string("\x01\xc8\x00\x00", 4)}}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(StoredResponseHead, IsAsItIsWrittenDown) {
  response made = json_response(202, "{}");
  made.error_code = errors::code::not_found;
  const auto head = encode_head(made, {});
  ASSERT_TRUE(head);
  using namespace std::string_view_literals;
  EXPECT_EQ(*head,
            "\x01\xca\x00\x09not_found\x01\x00\x0c\x00"
            "Content-Type\x10\x00"
            "application/json"sv);
}

// Set-Cookie and challenges speak to one client, RFC 9110, 7.6.1 lists what speaks of a connection.
TEST(StoredResponseHead, LeavesOutWhatIsOfOneResponse) {
  for (const char* name : {"Set-Cookie", "set-cookie", "WWW-Authenticate", "Proxy-Authenticate",
                           "Authentication-Info", "Proxy-Authentication-Info", "Proxy-Connection",
                           "Keep-Alive", "TE", "Trailer", "X-Request-Id", "x-request-id",
                           "X-Correlation-Id", "Idempotency-Replay", "Original-Request-Id"}) {
    const auto read = decode(encode({.headers = {{name, "a"}, {"Location", "/b"}}}));
    ASSERT_TRUE(read) << name;
    EXPECT_EQ(read->headers, (std::vector<header>{{"Location", "/b"}})) << name;
  }
  for (const char* name :
       {"Connection", "Content-Length", "Date", "Transfer-Encoding", "Upgrade"}) {
    EXPECT_TRUE(is_of_one_response(name)) << name;
  }
}

TEST(StoredResponseHead, KeepsWhatIsOfTheContent) {
  for (const char* name : {"Content-Type", "Location", "ETag", "Link", "Cache-Control",
                           "Retry-After", "Set-Cookie2", "X-Request-Ids", "Dat", "Dates"}) {
    EXPECT_FALSE(is_of_one_response(name)) << name;
  }
}

TEST(StoredResponseHead, LeavesOutWhatTheUserNames) {
  const auto read =
      decode(encode({.headers = {{"X-Secret", "a"}, {"X-Secrets", "b"}}}, {"x-SECRET"}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->headers, (std::vector<header>{{"X-Secrets", "b"}}));
}

TEST(StoredResponseHead, NamesACodeOfTheCatalogueThatIsGiven) {
  constexpr errors::code scope_missing = errors::own_code(7);
  static constexpr std::array rows = {
      errors::http_row(scope_missing, 403, errors::retry_hint::never, "scope_missing", "#keys",
                       "The API key lacks a scope."),
  };
  constexpr errors::catalogue_view own = errors::catalogue<rows>();
  response made{.status = 403, .error_code = scope_missing};
  const std::string stored = encode_head(made, {}, own).value_or("");
  EXPECT_EQ(decode_response(bytes_of(stored), own)->error_code, scope_missing);
  EXPECT_EQ(decode_response(bytes_of(stored))->error_code, errors::code::unknown);
  // Without it the code has no name.
  const std::string nameless = encode_head(made, {}).value_or("");
  EXPECT_EQ(decode_response(bytes_of(nameless), own)->error_code, errors::code::unknown);
  // The built-in codes are known beside it.
  made.error_code = errors::code::busy;
  const std::string built_in = encode_head(made, {}, own).value_or("");
  EXPECT_EQ(decode_response(bytes_of(built_in), own)->error_code, errors::code::busy);
}

TEST(StoredResponseHead, HoldsTheNumberOfHeadersOnBothSides) {
  response made;
  made.headers.assign(65'535, {"A", ""});
  const auto head = encode_head(made, {});
  ASSERT_TRUE(head);
  const auto read = decode(*head);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->headers.size(), 65'535u);
  made.headers.push_back({"Set-Cookie", "not counted"});
  EXPECT_TRUE(encode_head(made, {}));
  made.headers.push_back({"A", ""});
  EXPECT_FALSE(encode_head(made, {}));
}

TEST(StoredResponseDecode, TakesNoOtherVersion) {
  std::string stored = encode(json_response(200, "{}"));
  for (int version = 0; version < 256; ++version) {
    stored[0] = static_cast<char>(version);
    EXPECT_EQ(decode(stored).has_value(), version == 1) << version;
  }
}

TEST(StoredResponseDecode, ReadsAnUnknownCodeAsUnknown) {
  using namespace std::string_view_literals;
  const auto read = decode("\x01\xc8\x00\x0bof_tomorrow\x00\x00"sv);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->error_code, errors::code::unknown);
}

TEST(StoredResponseDecode, TakesNoHeadThatIsCut) {
  response made = to_response(envelope::error(errors::code::not_found));
  made.headers.push_back({"Location", "/v1/calls"});
  const std::string stored = encode(made);
  const std::size_t head_size = stored.size() - made.body.size();
  for (std::size_t size = 0; size <= stored.size(); ++size) {
    const auto read = decode(std::string_view(stored).substr(0, size));
    ASSERT_EQ(read.has_value(), size >= head_size) << size;
    if (read) {
      EXPECT_EQ(read->body, made.body.substr(0, size - head_size));
    }
  }
}

struct refused_case {
  const char* name;
  std::string_view stored;
};
class StoredResponseRefused : public testing::TestWithParam<refused_case> {};
TEST_P(StoredResponseRefused, CannotBeSent) { EXPECT_FALSE(decode(GetParam().stored)); }

using namespace std::string_view_literals;
INSTANTIATE_TEST_SUITE_P(
    , StoredResponseRefused,
    testing::Values(refused_case{"Nothing", ""},
                    refused_case{"NoAnswer", "\x01\x00\x00\x00\x00\x00"sv},
                    refused_case{"Status199", "\x01\xc7\x00\x00\x00\x00"sv},
                    refused_case{"Status1000", "\x01\xe8\x03\x00\x00\x00"sv},
                    refused_case{"FewerHeadersThanCounted", "\x01\xc8\x00\x00\xff\xff"sv},
                    refused_case{"NameLongerThanAll",
                                 "\x01\xc8\x00\x00\x01\x00\xff\xff"
                                 "A"sv},
                    refused_case{"EmptyName", "\x01\xc8\x00\x00\x01\x00\x00\x00\x00\x00"sv},
                    refused_case{"Split",
                                 "\x01\xc8\x00\x00\x01\x00\x01\x00"
                                 "A\x02\x00\r\n"sv},
                    refused_case{"Length",
                                 "\x01\xc8\x00\x00\x01\x00\x0e\x00"
                                 "Content-Length\x01\x00"
                                 "5"sv}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(StoredResponseDecode, NeverGivesWhatCannotBeSent) {
  response made = to_response(envelope::error(errors::code::not_found));
  made.headers.push_back({"Location", "/v1/calls"});
  const std::string stored = encode(made);
  std::size_t read_count = 0;
  for (std::size_t at = 0; at < stored.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string mutated = stored;
      mutated[at] = static_cast<char>(value);
      const auto read = decode(mutated);
      if (!read) continue;
      ++read_count;
      ASSERT_TRUE(is_sendable(*read)) << at << ' ' << value;
    }
  }
  // The body alone stays readable whatever becomes of it.
  EXPECT_GT(read_count, made.body.size() * 256);
  EXPECT_LT(read_count, stored.size() * 256);
}

}  // namespace
}  // namespace parley::http
