// SPDX-License-Identifier: Apache-2.0
#include "parley/idempotency/key.hpp"

#include <array>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace parley::idempotency {
namespace {

using std::string_literals::operator""s;

struct key_case {
  const char* name;
  std::string value;
  std::string key;  // empty: refused
  key_errc error = key_errc::empty;
};

class ParseKey : public testing::TestWithParam<key_case> {};

TEST_P(ParseKey, FollowsTheGrammar) {
  const std::string_view values[] = {GetParam().value};
  const auto key = parse_key(values);
  if (GetParam().key.empty()) {
    ASSERT_FALSE(key.has_value());
    EXPECT_EQ(to_string(key.error()), to_string(GetParam().error));
  } else {
    ASSERT_TRUE(key.has_value()) << to_string(key.error());
    EXPECT_EQ(**key, GetParam().key);
  }
}

INSTANTIATE_TEST_SUITE_P(
    , ParseKey,
    testing::Values(
        key_case{"Uuid", "9b8cfa7a-1c2d-4a88-b3c0-1d2e3f4a5b6c",
                 "9b8cfa7a-1c2d-4a88-b3c0-1d2e3f4a5b6c"},
        key_case{"OneByte", "a", "a"}, key_case{"BlankInside", "a b", "a b"},
        key_case{"BlanksAround", " \ta\t ", "a"}, key_case{"Quoted", "\"a b\"", "a b"},
        key_case{"QuotedKeepsItsBlanks", "\" a \"", " a "},
        key_case{"HighBytes", "caf\xc3\xa9", "caf\xc3\xa9"},
        key_case{"Semicolon", "a;b=c", "a;b=c"}, key_case{"BareBackslash", "a\\b", "a\\b"},
        key_case{"Longest", std::string(255, 'k'), std::string(255, 'k')},
        key_case{"LongestQuoted", '"' + std::string(255, 'k') + '"', std::string(255, 'k')},
        key_case{"TooLong", std::string(256, 'k'), "", key_errc::too_long},
        key_case{"TooLongQuoted", '"' + std::string(256, 'k') + '"', "", key_errc::too_long},
        key_case{"VeryLong", std::string(10'000'000, 'k'), "", key_errc::too_long},
        key_case{"Empty", "", "", key_errc::empty}, key_case{"Blank", "  ", "", key_errc::empty},
        key_case{"EmptyQuoted", "\"\"", "", key_errc::empty},
        key_case{"Comma", "a,b", "", key_errc::list},
        key_case{"Joined", "\"a\", \"b\"", "", key_errc::list},
        key_case{"CommaInQuotes", "\"a,b\"", "", key_errc::list},
        key_case{"Nul", "a\0b"s, "", key_errc::control_character},
        key_case{"LineFeed", "a\nb", "", key_errc::control_character},
        key_case{"TabInside", "a\tb", "", key_errc::control_character},
        key_case{"Delete", "a\x7f", "", key_errc::control_character},
        key_case{"OpenQuote", "\"a", "", key_errc::quotes},
        key_case{"OneQuote", "\"", "", key_errc::quotes},
        key_case{"CloseQuote", "a\"", "", key_errc::quotes},
        key_case{"QuoteInside", "\"a\"b\"", "", key_errc::quotes},
        key_case{"Escape", "\"a\\\"b\"", "", key_errc::quotes},
        key_case{"Parameter", "\"a\";b", "", key_errc::quotes}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(ParseKeyHeaders, NoneIsNoKeyAndTwoAreRefused) {
  const auto none = parse_key({});
  ASSERT_TRUE(none.has_value());
  EXPECT_EQ(*none, std::nullopt);
  const std::string_view two[] = {"a", "a"};
  const auto key = parse_key(two);
  ASSERT_FALSE(key.has_value());
  EXPECT_EQ(key.error(), key_errc::repeated);
}

TEST(RandomNonce, IsAnotherEachTime) {
  std::set<std::array<std::byte, 16>> seen;
  for (int i = 0; i < 1'000; ++i) {
    const auto made = random_nonce();
    ASSERT_TRUE(made.has_value());
    EXPECT_TRUE(seen.insert(made->bytes).second);
  }
}

std::vector<std::byte> bytes(std::string_view text) {
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

digester make(char fill = 'k') { return *digester::from_key(bytes(std::string(32, fill))); }

TEST(Digester, WantsAKeyOf256Bits) {
  EXPECT_TRUE(digester::from_key(bytes(std::string(32, 'k'))).has_value());
  const auto refused = digester::from_key(bytes(std::string(31, 'k')));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error(), digester_errc::key_too_short);
}

TEST(Digester, GivesTheSameInEveryProcessWithItsKey) {
  const digester a = make();
  const digester b = make();
  const digester other = make('o');
  EXPECT_EQ(a.scope({"tenant"}), b.scope({"tenant"}));
  EXPECT_EQ(a.key(a.scope({"t"}), "k"), b.key(b.scope({"t"}), "k"));
  EXPECT_EQ(a.fingerprint({"POST", "/p", "", ""}, {}), b.fingerprint({"POST", "/p", "", ""}, {}));
  EXPECT_NE(a.scope({"tenant"}), other.scope({"tenant"}));
  EXPECT_NE(a.key({}, "k"), other.key({}, "k"));
}

TEST(Digester, IsAnotherEachTimeWhenRandom) {
  const auto a = digester::random();
  const auto b = digester::random();
  ASSERT_TRUE(a && b);
  EXPECT_NE(a->scope({"tenant"}), b->scope({"tenant"}));
}

TEST(Digester, TellsPartsApart) {
  const digester d = make();
  std::set<digest> seen;
  for (const auto& parts : std::initializer_list<std::initializer_list<std::string_view>>{
           {}, {""}, {"", ""}, {"abc"}, {"ab", "c"}, {"a", "bc"}, {"a", "b", "c"}, {"abc", ""}}) {
    EXPECT_TRUE(seen.insert(d.scope(parts)).second);
  }
}

TEST(Digester, TellsKeysOfScopesApart) {
  const digester d = make();
  EXPECT_NE(d.key(d.scope({"a"}), "k"), d.key(d.scope({"b"}), "k"));
  EXPECT_NE(d.key(d.scope({"a"}), "k"), d.key(d.scope({"a"}), "K"));
  // The three kinds of digest have keys of their own.
  EXPECT_NE(d.key({}, ""), d.scope({}));
}

TEST(Digester, TellsEveryPartOfARequestApart) {
  const digester d = make();
  const auto body = bytes("{}");
  std::set<digest> seen;
  for (const request_identity& each :
       std::initializer_list<request_identity>{{"POST", "/v1/calls", "", "application/json"},
                                               {"PUT", "/v1/calls", "", "application/json"},
                                               {"POST", "/v1/calls/", "", "application/json"},
                                               {"POST", "/v1/calls", "a", "application/json"},
                                               {"POST", "/v1/calls", "", "text/json"},
                                               {"POST", "/v1/calls", "", ""},
                                               {"POST/", "v1/calls", "", "application/json"},
                                               {"POST", "/v1/callsa", "", "application/json"}}) {
    EXPECT_TRUE(seen.insert(d.fingerprint(each, body)).second);
  }
  EXPECT_TRUE(seen.insert(d.fingerprint({"POST", "/v1/calls", "", "application/json"}, {})).second);
  EXPECT_TRUE(
      seen.insert(d.fingerprint({"POST", "/v1/calls", "", "application/json"}, bytes("{} ")))
          .second);
}

// G11: the media type without its parameters; its case is none of a request's meaning.
TEST(Digester, FoldsTheMediaType) {
  const digester d = make();
  const digest plain = d.fingerprint({"POST", "/", "", "application/json"}, {});
  for (const char* type : {"Application/JSON", "application/json; charset=utf-8",
                           " application/json ;x", "application/json;"}) {
    EXPECT_EQ(d.fingerprint({"POST", "/", "", type}, {}), plain) << type;
  }
  const std::string long_type(200, 'A');
  EXPECT_EQ(d.fingerprint({"POST", "/", "", long_type}, {}),
            d.fingerprint({"POST", "/", "", std::string(200, 'a')}, {}));
}

TEST(Digester, StreamsABodyInAnyPieces) {
  const digester d = make();
  const request_identity request = {"POST", "/v1/calls", "a=b", "application/json"};
  const auto body = bytes(std::string(300, 'b') + "end");
  const digest whole = d.fingerprint(request, body);
  for (std::size_t cut = 0; cut <= body.size(); ++cut) {
    auto stream = d.start_fingerprint(request);
    stream.update(std::span(body).first(cut));
    auto moved = std::move(stream);
    moved.update(std::span(body).subspan(cut));
    ASSERT_EQ(moved.finish(), whole) << cut;
  }
}

TEST(Digester, IsReadByManyThreads) {
  const digester d = make();
  const digest expected = d.key(d.scope({"t"}), "k");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 200; ++j) ASSERT_EQ(d.key(d.scope({"t"}), "k"), expected);
    });
  }
  for (std::thread& each : threads) each.join();
}

}  // namespace
}  // namespace parley::idempotency
