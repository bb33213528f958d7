// SPDX-License-Identifier: Apache-2.0
#include "parley/client/operation.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/sha.h>

#include "client/client_fixture.hpp"

namespace parley::client {
namespace {

using namespace std::chrono_literals;
using testing::MatchesRegex;

request plain(std::string method = "POST", std::string target = "/v1/calls") {
  return {.method = std::move(method), .target = std::move(target)};
}

std::string_view refused(request what, operation_options options = {}) {
  const auto made = operation::make(std::move(what), std::move(options));
  return made ? "made" : to_string(made.error());
}

TEST(Operation, OfAMutationHasAKeyOfItsOwn) {  // E1, E11
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    const auto made = operation::make(plain(method));
    ASSERT_TRUE(made) << method;
    EXPECT_THAT(
        std::string(made->key()),
        MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
    EXPECT_NE(operation::make(plain(method))->key(), made->key());
    EXPECT_TRUE(made->is_repeatable());
  }
}

TEST(Operation, OfAnotherMethodHasNone) {
  for (const char* method : {"GET", "HEAD", "OPTIONS", "TRACE"}) {
    const auto made = operation::make(plain(method));
    ASSERT_TRUE(made) << method;
    EXPECT_EQ(made->key(), "");
    EXPECT_TRUE(made->is_repeatable());
  }
  for (const char* method : {"LOCK", "LINK", "post"}) {
    EXPECT_FALSE(operation::make(plain(method))->is_repeatable()) << method;
  }
}

TEST(Operation, TakesAKeyOfTheCallers) {
  const auto made = operation::make(plain(), {.key = "order-17"});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->key(), "order-17");
  EXPECT_EQ(refused(plain(), {.key = std::string(255, 'k')}), "made");
  EXPECT_EQ(refused(plain(), {.key = std::string(256, 'k')}), "bad_key");
  for (const char* key : {"a b", "a,b", "a\"b", "a\\b", "a\nb", "\x7f", "\xC3\xA9"}) {
    EXPECT_EQ(refused(plain(), {.key = key}), "bad_key") << key;
  }
  EXPECT_EQ(refused(plain("GET"), {.key = "k"}), "bad_key");
}

TEST(Operation, KeysOfVersion7HoldTheTime) {
  const auto made =
      operation::make(plain(), {.is_key_ordered = true, .clock = [] { return at(256ms); }});
  ASSERT_TRUE(made);
  EXPECT_THAT(std::string(made->key()), MatchesRegex("00000000-0100-7.*"));
  EXPECT_EQ(made->made_at(), at(256ms));
}

TEST(Operation, ChecksTheMethod) {
  for (const char* method : {"", "CONNECT", "GE T", "GET\n", "G\xC3\x89T", "GET/"}) {
    EXPECT_EQ(refused(plain(method)), "bad_method") << method;
  }
}

TEST(Operation, ChecksTheTarget) {
  EXPECT_EQ(refused(plain("GET", "/")), "made");
  EXPECT_EQ(refused(plain("GET", "/a?b=c%20d&e=~")), "made");
  for (const char* target :
       {"", "v1", "http://a/", "/a b", "/a\r\nX: y", "/\xC3\xA9", "/\x7f", "/a#b"}) {
    EXPECT_EQ(refused(plain("GET", target)), "bad_target") << target;
  }
}

TEST(Operation, ChecksTheHeaders) {
  const auto with = [](std::string name, std::string value) {
    request made = plain();
    made.headers.push_back({std::move(name), std::move(value)});
    return made;
  };
  EXPECT_EQ(refused(with("X-A", "b")), "made");
  EXPECT_EQ(refused(with("X-A", "")), "made");
  for (const char* name : {"", "X A", "X-A:", "X\n", "Host", "content-length", "Connection",
                           "TRANSFER-ENCODING", "Expect", "Upgrade", "Keep-Alive", "TE", "Trailer",
                           "proxy-connection", "idempotency-key"}) {
    EXPECT_EQ(refused(with(name, "b")), "bad_header") << name;
  }
  for (const char* value : {"a\r\nB: c", "a\n", "\x01", " a", "a "}) {
    EXPECT_EQ(refused(with("X-A", value)), "bad_header") << value;
  }
}

TEST(Operation, ShortForms) {
  const auto post = operation::post("/v1/calls", "{}", {.key = "k"});
  ASSERT_TRUE(post);
  EXPECT_EQ(post->what(), (request{.method = "POST",
                                   .target = "/v1/calls",
                                   .headers = {{"Content-Type", "application/json"}},
                                   .body = "{}"}));
  const auto get = operation::get("/v1/calls");
  ASSERT_TRUE(get);
  EXPECT_EQ(get->what(), (request{.method = "GET", .target = "/v1/calls"}));
}

// Saved and restored.

operation full() {
  return *operation::make({.method = "PATCH",
                           .target = "/v1/calls/call_1?a=b",
                           .headers = {{"Content-Type", "application/json"}, {"X-A", ""}},
                           .body = std::string("{\"\0\xFF\"}", 6)},
                          {.key = "order-17", .clock = [] { return at(-5s); }});
}

TEST(SavedOperation, IsRestoredAsItWas) {
  const auto made = full();
  const auto read = operation::restore(made.save());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->what(), made.what());
  EXPECT_EQ(read->key(), made.key());
  EXPECT_EQ(read->made_at(), made.made_at());
  EXPECT_FALSE(made.may_have_happened());
}

TEST(SavedOperation, MayHaveHappenedSinceItWasMade) {
  const auto read = operation::restore(full().save());
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->may_have_happened());
  EXPECT_EQ(read->first_sent_at(), at(-5s));
  EXPECT_EQ(read->window_begin(), at(-5s));
}

TEST(SavedOperation, KeepsItsFirstSend) {
  operation made = full();
  answer_one(made, respond(503), at(7s));
  EXPECT_EQ(made.first_sent_at(), at(7s));
  const auto read = operation::restore(made.save());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->first_sent_at(), at(7s));
  EXPECT_EQ(operation::restore(read->save())->first_sent_at(), at(7s));
}

TEST(SavedOperation, OfAMethodWithoutAKey) {
  const auto read = operation::restore(operation::get("/v1/calls")->save());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->key(), "");
}

TEST(SavedOperation, CutAtAnyByteIsDamaged) {
  const std::string saved = full().save();
  for (std::size_t size = 0; size < saved.size(); ++size) {
    const auto read = operation::restore(saved.substr(0, size));
    ASSERT_FALSE(read) << size;
    EXPECT_EQ(read.error(), operation_errc::damaged);
  }
  EXPECT_FALSE(operation::restore(saved + '\0'));
}

std::string number(std::uint64_t value) {
  std::string made;
  for (int i = 0; i < 8; ++i) made.push_back(static_cast<char>(value >> (8 * i)));
  return made;
}
std::string text(std::string_view value) { return number(value.size()) + std::string(value); }

// The parts of a GET without headers, and the digest at the end that fits them.
struct saved_parts {
  std::string magic = "PLY1";
  std::string method = text("GET");
  std::string target = text("/v1/calls");
  std::string headers = number(0);
  std::string body = text("");
  std::string key = text("");
  std::string times = number(7) + number(0) + number(7);
  std::string rest = {};

  std::string bytes() const {
    std::string made = magic + method + target + headers + body + key + times + rest;
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(made.data()), made.size(), digest);
    return made.append(digest, digest + 16);
  }
};

// The form is forever: what this version has saved is what later ones read.
TEST(SavedOperation, HasTheFormThatIsDescribed) {
  const auto made =
      *operation::make({.method = "GET", .target = "/v1/calls"}, {.clock = [] { return at(7ms); }});
  EXPECT_EQ(made.save(), saved_parts().bytes());
  const auto before = static_cast<std::uint64_t>(-5'000);
  EXPECT_EQ(full().save(),
            (saved_parts{.method = text("PATCH"),
                         .target = text("/v1/calls/call_1?a=b"),
                         .headers = number(2) + text("Content-Type") + text("application/json") +
                                    text("X-A") + text(""),
                         .body = text(std::string_view("{\"\0\xFF\"}", 6)),
                         .key = text("order-17"),
                         .times = number(before) + number(0) + number(before)})
                .bytes());
}

struct damage_case {
  const char* name;
  saved_parts parts;
};
class DamagedOperation : public testing::TestWithParam<damage_case> {};
TEST_P(DamagedOperation, IsNotRestored) {
  const auto read = operation::restore(GetParam().parts.bytes());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error(), operation_errc::damaged);
}
INSTANTIATE_TEST_SUITE_P(
    , DamagedOperation,
    testing::Values(
        damage_case{"OfAnotherVersion", {.magic = "PLY2"}},
        damage_case{"WithNothingBehindTheMagic", {"PLY1", "", "", "", "", "", "", ""}},
        damage_case{"WithABadMethod", {.method = text("G T")}},
        damage_case{"WithABadTarget", {.target = text("v1")}},
        damage_case{"WithABadHeader", {.headers = number(1) + text("X-A") + text("b\r\nC: d")}},
        damage_case{"WithAReservedHeader", {.headers = number(1) + text("Host") + text("b")}},
        damage_case{"WithFewerHeadersThanItSays", {.headers = number(~std::uint64_t{0})}},
        damage_case{"WithAKeyThatTheMethodDoesNotTake", {.key = text("k")}},
        damage_case{"WithoutTheKeyThatTheMethodTakes", {.method = text("POST")}},
        damage_case{"WithABadKey", {.method = text("POST"), .key = text("a b")}},
        damage_case{"WithATextBeyondItsEnd", {.key = number(1000)}},
        damage_case{"WithATextFarBeyondItsEnd", {.key = number(~std::uint64_t{0})}},
        damage_case{"NeitherSentNorNot", {.times = number(7) + number(2) + number(7)}},
        damage_case{"WithoutItsLastNumber", {.times = number(7) + number(0)}},
        damage_case{"WithMoreBehindIt", {.rest = std::string(1, '\0')}}),
    [](const auto& each) { return std::string(each.param.name); });

// A key with one bit changed would be another call.
TEST(SavedOperation, WithAnyBitChangedIsDamaged) {
  const std::string saved = full().save();
  for (std::size_t i = 0; i < saved.size(); ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string changed = saved;
      changed[i] = static_cast<char>(static_cast<unsigned char>(changed[i]) ^ (1u << bit));
      EXPECT_FALSE(operation::restore(changed)) << i;
    }
  }
}

TEST(OperationErrc, ValuesAndNamesStayWhatTheyAre) {
  constexpr std::pair<operation_errc, std::string_view> names[] = {
      {operation_errc::no_random, "no_random"},   {operation_errc::bad_method, "bad_method"},
      {operation_errc::bad_target, "bad_target"}, {operation_errc::bad_header, "bad_header"},
      {operation_errc::bad_key, "bad_key"},       {operation_errc::damaged, "damaged"},
  };
  int value = 0;
  for (const auto& [each, name] : names) {
    EXPECT_EQ(static_cast<int>(each), ++value);
    EXPECT_EQ(to_string(each), name);
  }
  EXPECT_EQ(to_string(operation_errc{}), "unknown");
  EXPECT_EQ(to_string(static_cast<operation_errc>(value + 1)), "unknown");
}

}  // namespace
}  // namespace parley::client
