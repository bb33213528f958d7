// SPDX-License-Identifier: Apache-2.0
#include "parley/cursor/codec.hpp"

#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cursor/reference.hpp"

namespace parley::cursor {
namespace {

using calls_codec = codec<timestamp_us, uuid>;
using reference::buffer;
using reference::judge;

constexpr std::int64_t issued = 1'700'000'000;
constexpr unsigned active_id = 7;

buffer counted_secret(unsigned first, std::size_t size = 32) {
  buffer made;
  for (std::size_t i = 0; i < size; ++i) made.push_back((first + i) & 0xFF);
  return made;
}

// Key 7 signs, 8 verifies, 9 is retired.
class CursorCodec : public testing::Test {
 protected:
  static key_set make_keys(unsigned active) {
    const buffer secrets[] = {counted_secret(7), counted_secret(8)};
    auto made = key_set::make({
        {7, active == 7 ? key_state::active : key_state::verify_only, secret_of(secrets[0])},
        {8, active == 8 ? key_state::active : key_state::verify_only, secret_of(secrets[1])},
        {9, key_state::retired, {}},
    });
    return *std::move(made);
  }

  static scope make_scope(unsigned char fill) {
    scope made;
    made.bytes.fill(static_cast<std::byte>(fill));
    return made;
  }

  template <class Key, class Id>
  std::string issue(const position<Key, Id>& each, std::int64_t now = issued) const {
    return std::string(codec<Key, Id>::issue(keys, bound, each, at_second(now)).view());
  }

  template <class Codec>
  std::string verdict(std::string_view text, std::int64_t now = issued,
                      order wanted = order::descending) const {
    const auto got = Codec::verify(keys, bound, text, at_second(now), wanted);
    return got ? "accepted" : std::string(to_string(got.error()));
  }

  const key_set keys = make_keys(active_id);
  const reference::known_keys known = {
      {7, {key_state::active, reference::signing_key(counted_secret(7))}},
      {8, {key_state::verify_only, reference::signing_key(counted_secret(8))}},
      {9, {key_state::retired, {}}},
  };
  const scope bound = make_scope(0xA5);
  const position<timestamp_us, uuid> at = {samples<timestamp_us>().back(), samples<uuid>().back()};
};

TEST_F(CursorCodec, EveryPositionComesBackFromTheExpectedText) {
  int positions = 0;
  for_each_schema([&]<class Key, class Id>() {
    for (const Key& key : samples<Key>()) {
      for (const Id& id : samples<Id>()) {
        for (const unsigned flags : {0u, 1u, 2u, 3u}) {
          const position<Key, Id> each = {key, id, static_cast<order>(flags & 1),
                                          static_cast<direction>(flags >> 1)};
          const std::string text = issue(each);
          ASSERT_EQ(text, reference::sign(reference::body_of(each, active_id, issued),
                                          known.at(active_id).key, bound));
          const auto got = codec<Key, Id>::verify(keys, bound, text, at_second(issued), each.order);
          ASSERT_TRUE(got.has_value()) << to_string(got.error());
          ASSERT_EQ(*got, each);
          ++positions;
        }
      }
    }
  });
  EXPECT_EQ(positions, (25 + 30 + 1) * 25 * 4);
}

TEST_F(CursorCodec, TextsHaveTheDocumentedSizes) {
  EXPECT_EQ(issue(at).size(), 64u);
  EXPECT_EQ(issue(position<timestamp_us, std::int64_t>()).size(), 54u);
  const key_text longest = *key_text::from(std::string(text_bytes_max, 'x'));
  EXPECT_EQ(issue(position<key_text, key_text>{longest, longest}).size(), 206u);
  EXPECT_LE(206u, cursor_bytes_max);
}

// Made by another program, in another language, from the description: texts must stay valid.
TEST_F(CursorCodec, TheWireFormatStays) {
  const position<timestamp_us, uuid> first = {
      timestamp_us(std::chrono::microseconds(1'700'000'000'123'456)),
      *parse_uuid("0190163d-8694-739b-aea5-966c26f8ad91")};
  EXPECT_EQ(issue(first), "AQcANGVT8QAABgokGCAiQAGQFj2GlHObrqWWbCb4rZGubZ8vtp7mfnfJ93J2GMWg");
  const position<std::optional<std::int64_t>, std::int64_t> second = {
      std::nullopt, -2, order::ascending, direction::backward};
  EXPECT_EQ(issue(second), "AQcDYWVT8QD__________m2XIiCidEpZxQRgZ453LcM");
  const position<key_text, std::uint64_t> third = {*key_text::from("Caf\xC3\xA9"), 42};
  EXPECT_EQ(issue(third), "AQcAUmVT8QAFQ2Fmw6kAAAAAAAAAKriqgKJ4Tbrpov1oBbLv2Gc");
}

// Each verdict is the one that the format's description gives.
TEST_F(CursorCodec, EveryOtherByteIsRefused) {
  std::size_t mutations = 0;
  std::size_t cursors = 0;
  for_each_schema([&]<class Key, class Id>() {
    for (const Key& key : shapes<Key>()) {
      for (const Id& id : shapes<Id>()) {
        const std::string text = issue(position<Key, Id>{key, id});
        std::string changed = text;
        for (std::size_t i = 0; i < text.size(); ++i) {
          for (unsigned by = 1; by < 256; ++by) {
            changed[i] = static_cast<char>(static_cast<unsigned char>(text[i]) ^ by);
            const auto got =
                codec<Key, Id>::verify(keys, bound, changed, at_second(issued), order::descending);
            ASSERT_FALSE(got.has_value()) << text << " at " << i << " by " << by;
            const auto why = judge<Key, Id>(changed, known, bound, issued, order::descending);
            ASSERT_EQ(to_string(got.error()), to_string(why.value())) << changed;
            ++mutations;
          }
          changed[i] = text[i];
        }
        ASSERT_EQ((verdict<codec<Key, Id>>(changed)), "accepted");
        ++cursors;
      }
    }
  });
  RecordProperty("cursors", std::to_string(cursors));
  RecordProperty("mutations", std::to_string(mutations));
  // Keys: five types, three times text; as many that may be null; none. Ids: as the first.
  EXPECT_EQ(cursors, (4u + 3 + 4 * 2 + 3 + 1) * (4 + 3));
}

TEST_F(CursorCodec, EveryTruncationAndExtensionIsRefused) {
  std::mt19937 random(1);
  for_each_schema([&]<class Key, class Id>() {
    for (const Key& key : shapes<Key>()) {
      const std::string text = issue(position<Key, Id>{key, shapes<Id>().back()});
      const auto refused = [&](const std::string& changed) {
        const auto got =
            codec<Key, Id>::verify(keys, bound, changed, at_second(issued), order::descending);
        const auto why = judge<Key, Id>(changed, known, bound, issued, order::descending);
        return !got && why == got.error();
      };
      for (std::size_t size = 0; size < text.size(); ++size) {
        ASSERT_TRUE(refused(text.substr(0, size))) << size;
        ASSERT_TRUE(refused(text.substr(text.size() - size))) << size;
      }
      for (unsigned byte = 0; byte < 256; ++byte) {
        for (std::size_t more = 1; more <= 8; ++more) {
          const std::string added(more, static_cast<char>(byte));
          ASSERT_TRUE(refused(text + added)) << byte << " x " << more;
          ASSERT_TRUE(refused(added + text)) << byte << " x " << more;
        }
      }
      for (int i = 0; i < 200; ++i) {
        std::string added;
        for (std::size_t size = 2 + random() % 7; size > 0; --size) {
          added += reference::alphabet[random() % 64];
        }
        ASSERT_TRUE(refused(text + added)) << added;
      }
    }
  });
}

// Readers that skip padding, blanks and bits that say nothing would take all of these for the same
// bytes. Ids of 64, 63 and 1 bytes give a rest of 2, 3 and none.
TEST_F(CursorCodec, HasOneSpelling) {
  std::set<std::size_t> rests;
  for (const std::size_t size : {62u, 63u, 64u}) {
    const position<null, key_text> each = {{}, *key_text::from(std::string(size, '\xFB'))};
    const std::string text = issue(each);
    const std::size_t rest = text.size() % 4;
    rests.insert(rest);
    std::vector<std::string> spellings;
    const std::size_t last = reference::alphabet.find(text.back());
    const std::size_t unused = rest == 2 ? 16 : rest == 3 ? 4 : 1;
    for (std::size_t bits = 0; bits < unused; ++bits) {
      std::string other = text;
      other.back() = reference::alphabet[last | bits];
      for (const char* padding : {"", "=", "==", "===", "====", ".", "A==", "\n", "\r\n", " "}) {
        spellings.push_back(other + padding);
      }
    }
    for (std::size_t i = 0; i <= text.size(); ++i) {
      for (const char blank : {' ', '\n', '\r', '\t', '\0', '=', '%'}) {
        spellings.push_back(text.substr(0, i) + blank + text.substr(i));
      }
      if (i == text.size()) break;
      for (const auto& [ours, other] : {std::pair('-', '+'), std::pair('_', '/')}) {
        if (text[i] != ours) continue;
        spellings.push_back(text);
        spellings.back()[i] = other;
      }
    }
    std::size_t accepted = 0;
    for (const std::string& spelling : spellings) {
      const std::string got = verdict<codec<null, key_text>>(spelling);
      if (got == "accepted") ++accepted;
      EXPECT_EQ(got == "accepted", spelling == text) << spelling;
    }
    EXPECT_EQ(accepted, 1u);
  }
  EXPECT_EQ(rests, (std::set<std::size_t>{0, 2, 3}));
}

struct text_case {
  const char* name;
  std::string text;
  const char* verdict;
};
std::vector<text_case> text_cases() {
  const auto repeated = [](std::size_t size, char c) { return std::string(size, c); };
  return {
      {"Nothing", "", "wrong_schema"},
      {"OneCharacter", "A", "not_base64url"},
      {"VersionAlone", "AQ", "wrong_schema"},
      {"OtherVersionAlone", "Ag", "unknown_version"},
      {"BitsAtTheEnd", "AR", "not_base64url"},
      {"HeadAlone", "AQcANAAAAAA", "wrong_schema"},
      {"Most", repeated(256, 'A'), "unknown_version"},
      {"MostOfOurVersion", "AQcANA" + repeated(250, 'A'), "wrong_schema"},
      {"OneLess", repeated(255, 'A'), "unknown_version"},
      {"OneMore", repeated(257, 'A'), "too_long"},
      {"LengthBeatsCharacters", repeated(257, '!'), "too_long"},
      {"TenMegabytes", repeated(10'000'000, 'A'), "too_long"},
      {"ModuloOne", repeated(253, 'A'), "not_base64url"},
      {"Zero", std::string("AQcA\0AAA", 8), "not_base64url"},
      {"NotAscii",
       "AQcA\xC3\xA9"
       "AA",
       "not_base64url"},
      {"AboveAscii", repeated(64, '\xFF'), "not_base64url"},
      {"IdOfTheExample", "eyJpZCI6MTIzfQ", "unknown_version"},  // F9
  };
}

class CursorText : public CursorCodec, public testing::WithParamInterface<text_case> {};

TEST_P(CursorText, IsRefusedForWhatItIs) {
  EXPECT_EQ(verdict<calls_codec>(GetParam().text), GetParam().verdict);
  EXPECT_EQ(to_string(*(judge<timestamp_us, uuid>(GetParam().text, known, bound, issued,
                                                  order::descending))),
            GetParam().verdict);
}

INSTANTIATE_TEST_SUITE_P(, CursorText, testing::ValuesIn(text_cases()),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_F(CursorCodec, NoTextAtAllIsRefused) {
  EXPECT_EQ(verdict<calls_codec>(std::string_view()), "wrong_schema");
}

// From the last check to the first, each text has one more fault, and it is told before the others.
TEST_F(CursorCodec, TheFirstFaultIsTold) {
  const buffer fields = [&] {
    buffer made = reference::to_field(at.key).bytes;
    reference::append(made, reference::to_field(at.id).bytes);
    return made;
  }();
  reference::head head = {.key_id = 7, .flags = 1, .schema = 0x34, .issued_at = issued};
  const auto text_with = [&](unsigned key, const scope& signed_for) {
    buffer body = reference::to_bytes(head);
    reference::append(body, fields);
    return reference::sign(body, known.at(key).key, signed_for);
  };
  EXPECT_EQ(verdict<calls_codec>(text_with(7, bound)), "wrong_order");
  head.issued_at = issued + 301;
  EXPECT_EQ(verdict<calls_codec>(text_with(7, bound)), "issued_later");
  head.issued_at = issued - 86400;
  EXPECT_EQ(verdict<calls_codec>(text_with(7, bound)), "expired");
  EXPECT_EQ(verdict<calls_codec>(text_with(7, make_scope(0))), "forged");
  EXPECT_EQ(verdict<calls_codec>(text_with(8, bound)), "forged");
  head.key_id = 9;
  EXPECT_EQ(verdict<calls_codec>(text_with(8, bound)), "retired_key");
  head.key_id = 10;
  EXPECT_EQ(verdict<calls_codec>(text_with(8, bound)), "unknown_key");
  head.flags = 5;
  EXPECT_EQ(verdict<calls_codec>(text_with(8, bound)), "wrong_schema");
  head.version = 2;
  EXPECT_EQ(verdict<calls_codec>(text_with(8, bound)), "unknown_version");
  EXPECT_EQ(verdict<calls_codec>(text_with(8, bound) + "="), "not_base64url");
  EXPECT_EQ(verdict<calls_codec>(text_with(8, bound) + std::string(193, '=')), "too_long");
}

// Signed with the right key, so that only the bits themselves can be what is refused.
TEST_F(CursorCodec, SignedBytesOfEveryHeadAreJudged) {
  buffer fields = reference::to_field(at.key).bytes;
  reference::append(fields, reference::to_field(at.id).bytes);
  int accepted = 0;
  for (unsigned place = 0; place < 4; ++place) {
    for (unsigned value = 0; value < 256; ++value) {
      reference::head head = {.key_id = 7, .schema = 0x34, .issued_at = issued};
      buffer body = reference::to_bytes(head);
      body[place] = static_cast<unsigned char>(value);
      reference::append(body, fields);
      const std::string text = reference::sign(body, known.at(7).key, bound);
      const auto why = judge<timestamp_us, uuid>(text, known, bound, issued, order::descending);
      EXPECT_EQ(verdict<calls_codec>(text), why ? to_string(*why) : "accepted")
          << place << ": " << value;
      if (!why) ++accepted;
    }
  }
  // Version 1; key 7; no flags, and the one of the direction; the schema.
  EXPECT_EQ(accepted, 1 + 1 + 2 + 1);
}

// Whatever its length byte says, a text that does not fill the cursor exactly is refused.
TEST_F(CursorCodec, SignedTextOfEveryLengthByteIsJudged) {
  for (const unsigned size : {0u, 1u, 63u, 64u, 65u, 66u, 127u, 128u, 137u}) {
    for (unsigned said = 0; said < 256; ++said) {
      buffer body = reference::to_bytes({.key_id = 7, .schema = 0x65, .issued_at = issued});
      body.push_back(static_cast<unsigned char>(said));
      reference::append(body, buffer(size, 'x'));
      const std::string text = reference::sign(body, known.at(7).key, bound);
      const bool is_right = said == size && size <= text_bytes_max;
      EXPECT_EQ((verdict<codec<null, key_text>>(text)), is_right ? "accepted" : "wrong_schema")
          << said << " of " << size;
    }
  }
}

// A codec takes what it issues and, where its key may be null, the null key of the same id.
TEST_F(CursorCodec, OtherTypesAreRefused) {
  struct typed_text {
    unsigned key_type = 0;
    unsigned id_type = 0;
    std::string text;
  };
  std::vector<typed_text> texts;
  for_each_schema([&]<class Key, class Id>() {
    for (const Key& key : shapes<Key>()) {
      texts.push_back({reference::to_field(key).type, reference::type_of<Id>(),
                       issue(position<Key, Id>{key, shapes<Id>().back()})});
    }
  });
  int accepted = 0;
  for_each_schema([&]<class Key, class Id>() {
    for (const typed_text& each : texts) {
      const bool is_its_key = each.key_type == reference::type_of<Key>() ||
                              (each.key_type == 6 && detail::is_optional<Key>);
      const bool is_its = is_its_key && each.id_type == reference::type_of<Id>();
      ASSERT_EQ((verdict<codec<Key, Id>>(each.text)), is_its ? "accepted" : "wrong_schema");
      if (is_its) ++accepted;
    }
  });
  // Of each id: four types by a codec and its twin that may be null, text in five shapes by two,
  // and six null keys by six codecs.
  EXPECT_EQ(accepted, 5 * (4 * 2 * 2 + 5 * 2 + 6 * 6));
}

TEST_F(CursorCodec, IsBoundToTheScope) {
  const std::string text = issue(at);
  for (std::size_t byte = 0; byte < 16; ++byte) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      scope other = bound;
      other.bytes[byte] ^= static_cast<std::byte>(1u << bit);
      const auto got = calls_codec::verify(keys, other, text, at_second(issued), order::descending);
      ASSERT_FALSE(got.has_value());
      EXPECT_EQ(got.error(), errc::forged);
    }
  }
}

TEST_F(CursorCodec, IsBoundToRouteTenantFiltersAndOrder) {
  const filter ended[] = {{"status", "ended"}};
  const scope ours = scope_of({"GET /v1/calls", "acct_1"}, ended);
  const auto text = calls_codec::issue(keys, ours, at, at_second(issued));
  const auto verdict_of = [&](const scope& other, order wanted) {
    const auto got = calls_codec::verify(keys, other, text.view(), at_second(issued), wanted);
    return got ? "accepted" : std::string(to_string(got.error()));
  };
  EXPECT_EQ(verdict_of(ours, order::descending), "accepted");
  EXPECT_EQ(verdict_of(ours, order::ascending), "wrong_order");
  for (const scope& other : {
           scope_of({"GET /v1/numbers", "acct_1"}, ended),
           scope_of({"GET /v1/calls", "acct_2"}, ended),
           scope_of({"GET /v1/calls", "acct_1"}, {{"status", "failed"}}),
           scope_of({"GET /v1/calls", "acct_1"}, {{"state", "ended"}}),
           scope_of({"GET /v1/calls", "acct_1"}, {{"status", "ended"}, {"from", ""}}),
           scope_of({"GET /v1/calls", "acct_1"}),
       }) {
    EXPECT_EQ(verdict_of(other, order::descending), "forged");
  }
}

TEST_F(CursorCodec, KeysThatOnlyVerifyDo) {
  const auto of_8 = calls_codec::issue(make_keys(8), bound, at, at_second(issued));
  EXPECT_EQ(verdict<calls_codec>(of_8.view()), "accepted");
  EXPECT_EQ(key_id_of(of_8.view()), 8);
  EXPECT_EQ(key_id_of(issue(at)), 7);

  const buffer other = counted_secret(99);
  const auto of_other = key_set::make({{7, key_state::active, secret_of(other)}});
  EXPECT_EQ(
      verdict<calls_codec>(calls_codec::issue(*of_other, bound, at, at_second(issued)).view()),
      "forged");
}

TEST_F(CursorCodec, KeyIdsAreReadFromWhatMayBeACursor) {
  EXPECT_EQ(key_id_of(""), std::nullopt);
  EXPECT_EQ(key_id_of("AQc"), std::nullopt);
  EXPECT_EQ(key_id_of("AQcA"), 7);
  EXPECT_EQ(key_id_of("Af8A"), 255);
  EXPECT_EQ(key_id_of("AgcA"), std::nullopt);
  EXPECT_EQ(key_id_of("A+cA"), std::nullopt);
  EXPECT_EQ(key_id_of("AQcA" + std::string(252, 'A')), 7);
  EXPECT_EQ(key_id_of("AQcA" + std::string(253, 'A')), std::nullopt);
}

struct time_case {
  const char* name;
  std::int64_t issued;
  std::int64_t now;
  const char* verdict;
};
constexpr std::int64_t last_second = 0xFFFF'FFFF;
constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
constexpr time_case time_cases[] = {
    {"AtOnce", issued, issued, "accepted"},
    {"LastSecond", issued, issued + 86399, "accepted"},
    {"ADay", issued, issued + 86400, "expired"},  // G18
    {"ADayAndASecond", issued, issued + 86401, "expired"},
    {"MostAhead", issued, issued - 300, "accepted"},
    {"TooFarAhead", issued, issued - 301, "issued_later"},
    {"AgesAhead", issued, 0, "issued_later"},
    {"Before1970", -5, -5, "accepted"},
    {"Before1970IsIssuedAt0", -5, 86399, "accepted"},
    {"Before1970ExpiresFrom0", -5, 86400, "expired"},
    {"MostBefore1970", 0, -300, "accepted"},
    {"TooFarBefore1970", 0, -301, "issued_later"},
    {"LastThatIsHeld", last_second, last_second, "accepted"},
    {"LastThatIsHeldEnds", last_second, last_second + 86399, "accepted"},
    {"LastThatIsHeldExpires", last_second, last_second + 86400, "expired"},
    {"Beyond2106", last_second + 1, last_second + 1, "accepted"},
    {"FarBeyond2106", last_second + 86400, last_second + 86400, "expired"},
    {"EndOfTime", never, never, "expired"},
    {"BeginOfTime", -never - 1, -never - 1, "issued_later"},
};

class CursorTime : public CursorCodec, public testing::WithParamInterface<time_case> {};

TEST_P(CursorTime, Decides) {
  EXPECT_EQ(verdict<calls_codec>(issue(at, GetParam().issued), GetParam().now), GetParam().verdict);
}

INSTANTIATE_TEST_SUITE_P(, CursorTime, testing::ValuesIn(time_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(CursorErrors, HaveNamesAndClientsLearnThreeTexts) {
  const std::string_view names[] = {
      "too_long",    "not_base64url", "unknown_version", "wrong_schema", "unknown_key",
      "retired_key", "forged",        "expired",         "issued_later", "wrong_order"};
  std::set<std::string_view> texts;
  for (std::size_t i = 0; i < std::size(names); ++i) {
    const auto e = static_cast<errc>(i + 1);
    EXPECT_EQ(to_string(e), names[i]);
    texts.insert(client_message(e));
    const bool is_told = e == errc::expired || e == errc::wrong_order;
    EXPECT_EQ(client_message(e) == "The cursor is not valid.", !is_told) << names[i];
  }
  EXPECT_EQ(texts.size(), 3u);
  for (const auto beyond : {static_cast<errc>(0), static_cast<errc>(11)}) {
    EXPECT_EQ(to_string(beyond), "unknown");
    EXPECT_EQ(client_message(beyond), "The cursor is not valid.");
  }
}

TEST(CursorErrors, AnObserverIsToldOfThem) {
  struct counting final : observer {
    void on_cursor(const cursor_event& e) noexcept override { last = e; }
    cursor_event last;
  } made;
  observer& seen = made;
  seen.on_cursor({.is_issued = false, .refused = errc::forged, .key_id = 3});
  EXPECT_EQ(made.last.refused, errc::forged);
  EXPECT_EQ(made.last.key_id, 3);
}

}  // namespace
}  // namespace parley::cursor
