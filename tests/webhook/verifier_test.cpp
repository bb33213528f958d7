// SPDX-License-Identifier: Apache-2.0
#include "parley/webhook/verifier.hpp"

#include <atomic>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "webhook/reference.hpp"
#include "webhook/vectors.hpp"

namespace parley::webhook {
namespace {

using reference::at_second;
using reference::buffer;
using reference::delivery;
using reference::judge;

constexpr std::int64_t now = 1'700'000'000;
const buffer key(32, 'k');
const buffer other_key(24, 'o');

verifier make_verifier(const std::vector<buffer>& secrets = {key},
                       const verifier_options& options = {}) {
  return *verifier::make(reference::secrets_of(secrets), options);
}

delivery made_delivery(std::string id = "msg_1", std::string timestamp = std::to_string(now),
                       std::string body = R"({"type":"phone_call.ended"})") {
  delivery made = {std::move(id), std::move(timestamp), "", std::move(body)};
  made.signature = reference::sign(key, made);
  return made;
}

class VerifierVectors : public testing::TestWithParam<vector_case> {};

TEST_P(VerifierVectors, AreTaken) {
  const auto by = verifier::make({*secret::parse(GetParam().secret)});
  const std::string timestamp = std::to_string(GetParam().timestamp);
  const auto got =
      by->verify({.id = GetParam().id, .timestamp = timestamp, .signature = GetParam().signature},
                 GetParam().body, at_second(GetParam().timestamp));
  ASSERT_TRUE(got.has_value()) << to_string(got.error());
  EXPECT_EQ(got->id, GetParam().id);
  EXPECT_EQ(got->timestamp, at_second(GetParam().timestamp));
}

INSTANTIATE_TEST_SUITE_P(, VerifierVectors, testing::ValuesIn(vector_cases()),
                         [](const auto& each) { return std::string(each.param.name); });

// A delivery that is genuine but for what stands here; the signature is made after id, time and
// body were set.
struct header_case {
  const char* name;
  std::string id;
  std::string timestamp;
  const char* verdict;
};
std::vector<header_case> header_cases() {
  const std::string at = std::to_string(now);
  return {
      {"Genuine", "msg_1", at, "accepted"},
      {"NoId", "", at, "missing_header"},
      {"NoTimestamp", "msg_1", "", "missing_header"},
      {"MissingBeatsBadId", "a.b", "", "missing_header"},
      {"LongestId", std::string(256, 'm'), at, "accepted"},
      {"IdTooLong", std::string(257, 'm'), at, "bad_id"},
      {"IdWithFullStop", "msg.1", at, "bad_id"},
      {"IdOfAFullStop", ".", at, "bad_id"},
      {"IdWithBlank", "msg 1", at, "bad_id"},
      {"IdOfTwoHeadersJoined", "msg_1, msg_1", at, "bad_id"},
      {"BadIdBeatsBadTimestamp", "msg.1", "x", "bad_id"},
      {"TimestampOfLetters", "msg_1", "hello", "bad_timestamp"},
      {"TimestampOfOneZeroIsOld", "msg_1", "0", "too_old"},
      {"ZeroInFront", "msg_1", "0" + at, "bad_timestamp"},
      {"TwoZeros", "msg_1", "00", "bad_timestamp"},
      {"Negative", "msg_1", "-" + at, "bad_timestamp"},
      {"NegativeZero", "msg_1", "-0", "bad_timestamp"},
      {"PlusSign", "msg_1", "+" + at, "bad_timestamp"},
      {"BlankInFront", "msg_1", " " + at, "bad_timestamp"},
      {"BlankBehind", "msg_1", at + " ", "bad_timestamp"},
      {"LetterBehind", "msg_1", at + "s", "bad_timestamp"},
      {"Fraction", "msg_1", at + ".5", "bad_timestamp"},
      {"Exponent", "msg_1", "17e8", "bad_timestamp"},
      {"Hexadecimal", "msg_1", "0x6553f100", "bad_timestamp"},
      {"TwoHeadersJoined", "msg_1", at + ", " + at, "bad_timestamp"},
      {"Nul", "msg_1", at + std::string(1, '\0'), "bad_timestamp"},
      {"ArabicDigits", "msg_1", "\xD9\xA1\xD9\xA7", "bad_timestamp"},
      {"TwelveDigitsAreNew", "msg_1", "999999999999", "too_new"},
      {"Milliseconds", "msg_1", at + "000", "bad_timestamp"},
      {"AboveSixtyFourBits", "msg_1", "18446744073709551616", "bad_timestamp"},
      // Modulo 2^64 it is the present.
      {"ThePresentModulo", "msg_1", "18446744075409551616", "bad_timestamp"},
      {"AMillionDigits", "msg_1", std::string(1'000'000, '1'), "bad_timestamp"},
  };
}

class VerifierHeaders : public testing::TestWithParam<header_case> {};

TEST_P(VerifierHeaders, AreReadAsTheRulesSay) {
  const delivery got = made_delivery(GetParam().id, GetParam().timestamp);
  EXPECT_EQ(judge(make_verifier(), got, now), GetParam().verdict);
  EXPECT_EQ(reference::verdict({key}, got, now, 300), GetParam().verdict);
}

INSTANTIATE_TEST_SUITE_P(, VerifierHeaders, testing::ValuesIn(header_cases()),
                         [](const auto& each) { return std::string(each.param.name); });

// Producers may have other ids than we make, but none with which a log or the dot breaks.
TEST(Verifier, TakesIdsOfPrintableAscii) {
  const verifier by = make_verifier();
  for (int i = 0; i < 256; ++i) {
    const std::string id = {'m', static_cast<char>(i), '1'};
    const bool is_taken = i > ' ' && i <= '~' && i != '.';
    EXPECT_EQ(judge(by, made_delivery(id), now), is_taken ? "accepted" : "bad_id") << i;
  }
}

struct tolerance_case {
  const char* name;
  std::int64_t tolerance;
  std::int64_t ahead;  // of the timestamp, before now
  const char* verdict;
};
constexpr tolerance_case tolerance_cases[] = {
    {"Now", 300, 0, "accepted"},
    {"OldestTaken", 300, -300, "accepted"},
    {"TooOld", 300, -301, "too_old"},
    {"NewestTaken", 300, 300, "accepted"},
    {"TooNew", 300, 301, "too_new"},
    {"NoneNow", 0, 0, "accepted"},
    {"NoneOld", 0, -1, "too_old"},
    {"NoneNew", 0, 1, "too_new"},
    {"DayOldestTaken", 86'400, -86'400, "accepted"},
    {"DayTooOld", 86'400, -86'401, "too_old"},
    {"DayNewestTaken", 86'400, 86'400, "accepted"},
    {"DayTooNew", 86'400, 86'401, "too_new"},
};

class VerifierTolerance : public testing::TestWithParam<tolerance_case> {};

TEST_P(VerifierTolerance, IsInclusive) {
  const verifier by =
      make_verifier({key}, {.tolerance = std::chrono::seconds(GetParam().tolerance)});
  const delivery got = made_delivery("msg_1", std::to_string(now + GetParam().ahead));
  EXPECT_EQ(judge(by, got, now), GetParam().verdict);
}

INSTANTIATE_TEST_SUITE_P(, VerifierTolerance, testing::ValuesIn(tolerance_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Verifier, HasFiveMinutesByDefault) {
  EXPECT_EQ(verifier_options{}.tolerance, std::chrono::minutes(5));
}

TEST(Verifier, StandsAnyClock) {
  const verifier by = make_verifier({key}, {.tolerance = tolerance_max});
  constexpr auto first = std::numeric_limits<std::int64_t>::min();
  constexpr auto last = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(judge(by, made_delivery("m", "0"), first), "too_new");
  EXPECT_EQ(judge(by, made_delivery("m", "0"), -86'400), "accepted");
  EXPECT_EQ(judge(by, made_delivery("m", "0"), last), "too_old");
  EXPECT_EQ(judge(by, made_delivery("m", "999999999999"), first), "too_new");
  EXPECT_EQ(judge(by, made_delivery("m", "999999999999"), last), "too_old");
}

std::string times(std::size_t count, const std::string& each) {
  std::string made;
  for (std::size_t i = 0; i < count; ++i) made += (i > 0 ? " " : "") + each;
  return made;
}

// Of the right size, and not ours.
const std::string foreign = "v1," + std::string(43, 'A') + "=";
// The one that Standard Webhooks shows for ed25519.
const std::string asymmetric =
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";

struct signature_case {
  const char* name;
  std::string signature;
  const char* verdict;
};
std::vector<signature_case> signature_cases() {
  const std::string ours = made_delivery().signature;
  const std::string mac = ours.substr(3);
  return {
      {"Alone", ours, "accepted"},
      {"None", "", "missing_header"},
      {"BlanksAlone", "   ", "no_v1_signature"},
      {"Foreign", foreign, "mismatch"},
      {"FirstOfTwo", ours + " " + foreign, "accepted"},
      {"SecondOfTwo", foreign + " " + ours, "accepted"},
      {"BeforeAnotherVersion", ours + " " + asymmetric, "accepted"},
      {"BehindAnotherVersion", asymmetric + " " + ours, "accepted"},
      {"AnotherVersionAlone", asymmetric, "no_v1_signature"},
      {"OursUnderAnotherVersion", "v2," + mac, "no_v1_signature"},
      {"OursAsAsymmetric", "v1a," + mac, "no_v1_signature"},
      {"OursUnderALongerVersion", "v10," + mac, "no_v1_signature"},
      {"CapitalVersion", "V1," + mac, "no_v1_signature"},
      {"NoVersion", mac, "no_v1_signature"},
      {"NoComma", "v1" + mac, "no_v1_signature"},
      {"VersionAlone", "v1", "no_v1_signature"},
      {"Empty", "v1,", "mismatch"},
      {"EmptyBesideOurs", "v1, " + ours, "accepted"},
      {"VersionTwice", "v1,v1," + mac, "mismatch"},
      {"BlankInside", "v1, " + mac, "mismatch"},
      {"SomethingBehind", ours + "A", "mismatch"},
      {"CommaBehind", ours + ",", "mismatch"},
      // As proxies join two headers: the second is still a signature.
      {"JoinedByAComma", foreign + ", " + ours, "accepted"},
      {"JoinedByACommaFirst", ours + ", " + foreign, "mismatch"},
      {"TabBetween", foreign + "\t" + ours, "mismatch"},
      {"LineEndBehind", ours + "\n", "mismatch"},
      {"ManyBlanks", "  " + foreign + "   " + ours + " ", "accepted"},
      {"CharacterShort", ours.substr(0, ours.size() - 1), "mismatch"},
      {"TwoCharactersShort", ours.substr(0, ours.size() - 2), "mismatch"},
      {"NoPadding", ours.substr(0, ours.size() - 1) + "A", "mismatch"},
      {"MostTaken", times(15, foreign) + " " + ours, "accepted"},
      {"OneTooMany", times(16, foreign) + " " + ours, "too_many_signatures"},
      {"OursFirstOfTooMany", ours + " " + times(16, foreign), "too_many_signatures"},
      {"MostOfAnotherVersion", times(15, asymmetric) + " " + ours, "accepted"},
      {"TooManyOfAnotherVersion", times(17, asymmetric), "too_many_signatures"},
      {"TooManyOfNothing", times(17, "x"), "too_many_signatures"},
  };
}

class VerifierSignatures : public testing::TestWithParam<signature_case> {};

TEST_P(VerifierSignatures, AreReadAsTheRulesSay) {
  delivery got = made_delivery();
  got.signature = GetParam().signature;
  EXPECT_EQ(judge(make_verifier(), got, now), GetParam().verdict);
  EXPECT_EQ(reference::verdict({key}, got, now, 300), GetParam().verdict);
}

INSTANTIATE_TEST_SUITE_P(, VerifierSignatures, testing::ValuesIn(signature_cases()),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Verifier, StandsAHeaderOfAMegabyte) {
  const verifier by = make_verifier();
  delivery got = made_delivery();
  const std::string ours = got.signature;
  const std::pair<std::string, const char*> cases[] = {
      {times(250'000, "v1,"), "too_many_signatures"},
      {std::string(1'000'000, ' ') + ours, "accepted"},
      {"v1," + std::string(1'000'000, 'A') + " " + ours, "accepted"},
      {ours + std::string(1'000'000, 'A'), "mismatch"},
  };
  for (const auto& [signature, expected] : cases) {
    got.signature = signature;
    EXPECT_EQ(judge(by, got, now), expected);
  }
}

TEST(Verifier, OldBeatsTheSignatures) {
  delivery got = made_delivery("msg_1", std::to_string(now - 301));
  got.signature = times(17, foreign);
  EXPECT_EQ(judge(make_verifier(), got, now), "too_old");
}

// All 255 other values of each byte of what is signed, and of the signature.
TEST(Verifier, RefusesEveryOtherByte) {
  const verifier by = make_verifier({key}, {.tolerance = tolerance_max});
  const delivery genuine = made_delivery();
  ASSERT_EQ(judge(by, genuine, now), "accepted");
  std::size_t tried = 0;
  for (std::string delivery::*const part :
       {&delivery::id, &delivery::timestamp, &delivery::signature, &delivery::body}) {
    delivery changed = genuine;
    for (char& each : changed.*part) {
      const char before = each;
      for (int flip = 1; flip < 256; ++flip) {
        each = static_cast<char>(static_cast<unsigned char>(before) ^ flip);
        const std::string got = judge(by, changed, now);
        ASSERT_NE(got, "accepted") << changed.*part;
        ASSERT_EQ(got, reference::verdict({key}, changed, now, 86'400)) << changed.*part;
        ++tried;
      }
      each = before;
    }
  }
  EXPECT_EQ(tried, 255 * (genuine.id.size() + genuine.timestamp.size() + genuine.signature.size() +
                          genuine.body.size()));
}

TEST(Verifier, RefusesABodyThatIsLongerOrShorter) {
  const verifier by = make_verifier();
  delivery changed = made_delivery();
  changed.body += '\n';
  EXPECT_EQ(judge(by, changed, now), "mismatch");
  changed.body.resize(changed.body.size() - 2);
  EXPECT_EQ(judge(by, changed, now), "mismatch");
  changed.body.clear();
  EXPECT_EQ(judge(by, changed, now), "mismatch");
}

// {id}.{timestamp}.{body} is cut in one way only.
TEST(Verifier, TakesNothingForAnotherIdAndBody) {
  const verifier by = make_verifier();
  const std::string at = std::to_string(now);
  delivery got = made_delivery("a", at, at + ".body");
  ASSERT_EQ(judge(by, got, now), "accepted");
  got = {"a." + at, at, got.signature, "body"};  // the same bytes are signed
  EXPECT_EQ(judge(by, got, now), "bad_id");
}

TEST(Verifier, KnowsOnlyItsSecrets) {
  const delivery got = made_delivery();
  EXPECT_EQ(judge(make_verifier({other_key}), got, now), "mismatch");
  EXPECT_EQ(judge(make_verifier({other_key, key}), got, now), "accepted");
  EXPECT_EQ(judge(make_verifier({key, other_key}), got, now), "accepted");
  buffer changed = key;
  changed.back() ^= 1;
  EXPECT_EQ(judge(make_verifier({changed}), got, now), "mismatch");
  // HMAC pads a key with zeros: those would be the same key (RFC 2104, 2).
  buffer padded = key;
  padded.push_back(0);
  EXPECT_EQ(judge(make_verifier({padded}), got, now), "accepted");
}

// Producer and consumer go from one secret to the next, in either order, and nothing is lost.
TEST(Rotation, LosesNothing) {
  const auto sent_by = [](const std::vector<buffer>& secrets) {
    const signer by = *signer::make(reference::secrets_of(secrets));
    const auto made = *by.sign("msg_1", at_second(now), "body");
    return delivery{std::string(made.id()), std::string(made.timestamp()),
                    std::string(made.signature()), "body"};
  };
  const std::vector<buffer> before = {key};
  const std::vector<buffer> both = {other_key, key};
  const std::vector<buffer> after = {other_key};
  EXPECT_EQ(judge(make_verifier(before), sent_by(before), now), "accepted");
  EXPECT_EQ(judge(make_verifier(before), sent_by(both), now), "accepted");
  EXPECT_EQ(judge(make_verifier(both), sent_by(before), now), "accepted");
  EXPECT_EQ(judge(make_verifier(both), sent_by(both), now), "accepted");
  EXPECT_EQ(judge(make_verifier(both), sent_by(after), now), "accepted");
  EXPECT_EQ(judge(make_verifier(after), sent_by(both), now), "accepted");
  EXPECT_EQ(judge(make_verifier(after), sent_by(after), now), "accepted");
  EXPECT_EQ(judge(make_verifier(after), sent_by(before), now), "mismatch");
  EXPECT_EQ(judge(make_verifier(before), sent_by(after), now), "mismatch");
}

TEST(Rotation, FindsAnyOfAsManyAsMayBe) {
  std::vector<buffer> secrets;
  for (std::size_t i = 0; i < secrets_max; ++i) {
    secrets.push_back(buffer(64, static_cast<unsigned char>(i)));
  }
  const verifier by = make_verifier(secrets);
  delivery got = made_delivery();
  for (const buffer& each : secrets) {
    got.signature = times(15, foreign) + " " + reference::sign(each, got);
    EXPECT_EQ(judge(by, got, now), "accepted");
  }
}

std::string judge_list(const std::vector<header_view>& headers) {
  const auto got = make_verifier().verify(headers, made_delivery().body, at_second(now));
  return got ? std::string(got->id) : std::string(to_string(got.error()));
}

TEST(VerifierHeaderList, FindsNamesInAnyCase) {
  const delivery got = made_delivery();
  const header_view host = {"Host", "example.test"};
  EXPECT_EQ(judge_list({{"webhook-id", got.id},
                        {"webhook-timestamp", got.timestamp},
                        {"webhook-signature", got.signature}}),
            "msg_1");
  EXPECT_EQ(judge_list({host,
                        {"Webhook-Signature", got.signature},
                        host,
                        {"WEBHOOK-ID", got.id},
                        {"wEBHOOK-tIMESTAMP", got.timestamp},
                        {"", ""}}),
            "msg_1");
}

TEST(VerifierHeaderList, TakesNoOtherName) {
  const delivery got = made_delivery();
  const header_view at = {"webhook-timestamp", got.timestamp};
  const header_view mac = {"webhook-signature", got.signature};
  // A letter less 32 is not always the letter in the other case: '-' and CR, '@' and '`'.
  for (const std::string_view name :
       {"webhook-i", "webhook-ids", "xwebhook-id", "webhook_id", "webhook\rid", "x-webhook-id", "",
        "webhook-id ", " webhook-id",
        "webhook-\xE9"
        "d"}) {
    EXPECT_EQ(judge_list({{name, got.id}, at, mac}), "missing_header") << name;
  }
}

TEST(VerifierHeaderList, MissesEachOfThem) {
  const delivery got = made_delivery();
  const std::vector<header_view> all = {{"webhook-id", got.id},
                                        {"webhook-timestamp", got.timestamp},
                                        {"webhook-signature", got.signature}};
  EXPECT_EQ(judge_list({}), "missing_header");
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::vector<header_view> some = all;
    some[i].value = "";
    EXPECT_EQ(judge_list(some), "missing_header");
    some[i].value = {};
    EXPECT_EQ(judge_list(some), "missing_header");
    some.erase(some.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_EQ(judge_list(some), "missing_header");
  }
}

// Whatever the second says, and wherever it stands.
TEST(VerifierHeaderList, RefusesADoubledHeader) {
  const delivery got = made_delivery();
  const std::vector<header_view> all = {{"webhook-id", got.id},
                                        {"webhook-timestamp", got.timestamp},
                                        {"webhook-signature", got.signature}};
  for (const header_view& each : all) {
    for (const std::string_view value :
         {each.value, std::string_view("x"), std::string_view(""), std::string_view()}) {
      std::string name(each.name);
      name[0] = 'W';
      std::vector<header_view> doubled = all;
      doubled.push_back({name, value});
      EXPECT_EQ(judge_list(doubled), "repeated_header") << each.name;
      doubled = all;
      doubled.insert(doubled.begin(), {name, value});
      EXPECT_EQ(judge_list(doubled), "repeated_header") << each.name;
      EXPECT_EQ(judge_list({{name, value}, each}), "repeated_header") << each.name;
    }
  }
}

TEST(VerifierMake, RefusesOtherNumbersOfSecrets) {
  for (std::size_t count = 0; count <= secrets_max + 1; ++count) {
    const auto made = verifier::make(reference::secrets_of(std::vector(count, key)));
    const char* const expected = count == 0            ? "no_secret"
                                 : count > secrets_max ? "too_many_secrets"
                                                       : "made";
    EXPECT_EQ(made ? "made" : to_string(made.error()), expected) << count;
  }
}

TEST(VerifierMake, RefusesASecretThatWasMovedAway) {
  std::vector<secret> secrets = reference::secrets_of({key, other_key});
  const secret taken = std::move(secrets[0]);
  const auto made = verifier::make(secrets);
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error(), setup_errc::moved_from_secret);
}

TEST(VerifierMake, RefusesOtherTolerances) {
  for (const auto& [seconds, is_made] :
       {std::pair(std::int64_t{-1}, false), std::pair(std::int64_t{0}, true),
        std::pair(std::int64_t{86'400}, true), std::pair(std::int64_t{86'401}, false),
        std::pair(std::numeric_limits<std::int64_t>::min(), false),
        std::pair(std::numeric_limits<std::int64_t>::max(), false)}) {
    const auto made =
        verifier::make(reference::secrets_of({key}), {.tolerance = std::chrono::seconds(seconds)});
    EXPECT_EQ(made.has_value(), is_made) << seconds;
    EXPECT_TRUE(made || made.error() == setup_errc::bad_tolerance) << seconds;
  }
}

TEST(Verifier, Moves) {
  const delivery got = made_delivery();
  verifier first = make_verifier();
  verifier second = std::move(first);
  EXPECT_EQ(judge(second, got, now), "accepted");
  second = make_verifier({other_key});
  EXPECT_EQ(judge(second, got, now), "mismatch");
}

TEST(Threads, ShareSignerAndVerifier) {
  const signer by = *signer::make(reference::secrets_of({key, other_key}));
  const verifier receiver = make_verifier({other_key});
  std::atomic<int> taken = 0;
  const auto work = [&](int thread) {
    for (int i = 0; i < 200; ++i) {
      const std::string body(static_cast<std::size_t>(10 * i + thread), 'b');
      const auto made = by.sign("msg_" + std::to_string(i), at_second(now), body);
      if (receiver.verify(made->all(), body, at_second(now))) ++taken;
    }
  };
  std::thread first(work, 1);
  std::thread second(work, 2);
  first.join();
  second.join();
  EXPECT_EQ(taken, 400);
}

TEST(Errc, HasNames) {
  constexpr std::string_view names[] = {
      "unknown", "missing_header",      "repeated_header", "bad_id",   "bad_timestamp", "too_old",
      "too_new", "too_many_signatures", "no_v1_signature", "mismatch", "unknown"};
  for (std::size_t i = 0; i < std::size(names); ++i) {
    EXPECT_EQ(to_string(static_cast<errc>(i)), names[i]);
  }
}

}  // namespace
}  // namespace parley::webhook
