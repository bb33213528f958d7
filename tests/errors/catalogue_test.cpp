// SPDX-License-Identifier: Apache-2.0
#include "parley/errors/catalogue.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace parley::errors {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

// One line of error-codes.tsv: the contract's rows as text.
struct contract_row {
  std::string code, category, http_status, retryable, delivery, doc_anchor, meaning;
};

std::vector<contract_row> read_contract() {
  std::ifstream file(PARLEY_TEST_CODES_FILE);
  std::vector<contract_row> read;
  std::string line;
  std::getline(file, line);
  EXPECT_EQ(line, "code\tcategory\thttp\tretryable\tdelivery\tdoc_anchor\tmeaning");
  while (std::getline(file, line)) {
    std::istringstream columns(line);
    contract_row& each = read.emplace_back();
    for (std::string* column : {&each.code, &each.category, &each.http_status, &each.retryable,
                                &each.delivery, &each.doc_anchor, &each.meaning}) {
      std::getline(columns, *column, '\t');
    }
  }
  return read;
}

void replace(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// G15: an ASCII apostrophe, a full stop, and no hint to a member that may be absent.
std::string default_message(std::string meaning) {
  replace(meaning, "\xE2\x80\x99", "'");
  replace(meaning, " (see fields)", "");
  return meaning + ".";
}

std::string dash_if_empty(std::string_view text) { return text.empty() ? "-" : std::string(text); }

TEST(Catalogue, IsTheContractColumnForColumn) {
  const auto contract = read_contract();
  const auto rows = catalogue();
  ASSERT_EQ(contract.size(), 33u);
  ASSERT_EQ(rows.size(), 33u);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const contract_row& expected = contract[i];
    const row& actual = rows[i];
    SCOPED_TRACE("row " + std::to_string(i + 1));
    EXPECT_EQ(actual.name, expected.code);
    EXPECT_EQ(to_string(actual.code), expected.code);
    EXPECT_EQ(dash_if_empty(to_string(actual.category)), expected.category);
    EXPECT_EQ(actual.http_status == 0 ? "-" : std::to_string(actual.http_status),
              expected.http_status);
    EXPECT_EQ(to_string(actual.retryable), expected.retryable);
    EXPECT_EQ(to_string(actual.delivery), expected.delivery);
    EXPECT_EQ(actual.doc_anchor, expected.doc_anchor);
    EXPECT_EQ(actual.message, default_message(expected.meaning));
    EXPECT_EQ(actual.tier, expected.category == "-" ? tier::http : tier::call);
  }
}

// C38: the first example has the default message, byte for byte.
TEST(Catalogue, DefaultMessageIsTheOneOfTheExample) {
  EXPECT_EQ(row_of(code::caller_id_not_verified).message,
            "The caller ID isn't verified for this account.");
  EXPECT_EQ(row_of(code::rate_limited, tier::http).message,
            "Too many requests \xE2\x80\x94 slow down.");
  EXPECT_EQ(row_of(code::validation_error).message, "Request body or parameters are invalid.");
}

// The enum's values are ABI: they are written down here a second time on purpose.
TEST(Catalogue, ValuesOfTheEnumsStayWhatTheyAre) {
  constexpr code in_order[] = {
      code::destination_missing,
      code::destination_invalid,
      code::no_active_number,
      code::caller_id_not_verified,
      code::destination_blocked,
      code::dnc_suppressed,
      code::recipient_opted_out,
      code::no_consent,
      code::outside_calling_window,
      code::calling_day_not_allowed,
      code::frequency_cap_exceeded,
      code::voice_usage_exhausted,
      code::no_active_subscription,
      code::no_number_available,
      code::rate_limited,
      code::busy,
      code::no_answer,
      code::number_unreachable,
      code::call_declined,
      code::carrier_rejected,
      code::voicemail_reached,
      code::room_creation_failed,
      code::agent_dispatch_failed,
      code::sip_gateway_failed,
      code::provider_api_error,
      code::internal_error,
      code::validation_error,
      code::unauthorized,
      code::forbidden,
      code::not_found,
      code::idempotency_conflict,
  };
  EXPECT_EQ(std::size(in_order), codes_count);
  for (std::size_t i = 0; i < std::size(in_order); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(in_order[i]), i + 1) << to_string(in_order[i]);
  }
  EXPECT_EQ(static_cast<int>(code::unknown), 0);
  EXPECT_EQ(static_cast<int>(category::none), 0);
  EXPECT_EQ(static_cast<int>(category::invalid_request), 1);
  EXPECT_EQ(static_cast<int>(category::compliance_blocked), 2);
  EXPECT_EQ(static_cast<int>(category::account_limit), 3);
  EXPECT_EQ(static_cast<int>(category::unreachable), 4);
  EXPECT_EQ(static_cast<int>(category::voicemail), 5);
  EXPECT_EQ(static_cast<int>(category::provider_error), 6);
  EXPECT_EQ(static_cast<int>(tier::call), 1);
  EXPECT_EQ(static_cast<int>(tier::http), 2);
  EXPECT_EQ(static_cast<int>(delivery::sync), 1);
  EXPECT_EQ(static_cast<int>(delivery::async), 2);
  EXPECT_EQ(static_cast<int>(retryable::no), 1);
  EXPECT_EQ(static_cast<int>(retryable::yes), 2);
  EXPECT_EQ(static_cast<int>(retryable::unstated), 3);
  EXPECT_EQ(static_cast<int>(retry_hint::never), 1);
  EXPECT_EQ(static_cast<int>(retry_hint::backoff), 2);
  EXPECT_EQ(static_cast<int>(retry_hint::later), 3);
  EXPECT_EQ(static_cast<int>(retry_hint::new_operation), 4);
}

// B1 to B6: the statuses, retryable values and delivery that the contract states for a category.
struct category_case {
  errors::category category;
  std::size_t codes;
  std::set<int> http_statuses;
  std::size_t retryable_no;
  std::size_t retryable_yes;
  errors::delivery delivery;
};

TEST(Catalogue, CategoriesHoldWhatTheContractStates) {
  const category_case cases[] = {
      {category::invalid_request, 4, {400, 409, 422}, 4, 0, delivery::sync},
      {category::compliance_blocked, 7, {403, 429}, 4, 3, delivery::sync},
      {category::account_limit, 4, {402, 429}, 2, 2, delivery::sync},
      {category::unreachable, 5, {0}, 3, 2, delivery::async},
      {category::voicemail, 1, {0}, 0, 1, delivery::async},
      {category::provider_error, 5, {500, 502}, 0, 5, delivery::sync},
  };
  for (const category_case& each : cases) {
    SCOPED_TRACE(to_string(each.category));
    std::size_t codes = 0;
    std::set<int> statuses;
    std::map<retryable, std::size_t> answers;
    for (const row& r : catalogue()) {
      if (r.category != each.category) continue;
      ++codes;
      statuses.insert(r.http_status);
      ++answers[r.retryable];
      EXPECT_EQ(r.delivery, each.delivery) << r.name;
    }
    EXPECT_EQ(codes, each.codes);
    EXPECT_EQ(statuses, each.http_statuses);
    EXPECT_EQ(answers[retryable::no], each.retryable_no);
    EXPECT_EQ(answers[retryable::yes], each.retryable_yes);
    EXPECT_EQ(answers[retryable::unstated], 0u);
  }
}

// B7: what arrives on the call resource is never the body of a response.
TEST(Catalogue, AsynchronousCodesAreThoseOfUnreachableAndVoicemail) {
  for (const row& r : catalogue()) {
    const bool late = r.category == category::unreachable || r.category == category::voicemail;
    EXPECT_EQ(r.delivery == delivery::async, late) << r.name;
    EXPECT_EQ(r.http_status == 0, late) << r.name;
  }
}

// B8: five statuses occur in more than one category or tier.
TEST(Catalogue, StatusDoesNotDetermineTheCategory) {
  std::map<int, std::set<std::string_view>> categories;
  for (const row& r : catalogue()) {
    if (r.http_status != 0) categories[r.http_status].insert(to_string(r.category));
  }
  std::vector<int> shared;
  for (const auto& [status, names] : categories) {
    if (names.size() > 1) shared.push_back(status);
  }
  EXPECT_THAT(shared, ElementsAre(400, 403, 409, 429, 500));
  EXPECT_THAT(categories[403], UnorderedElementsAre("compliance_blocked", ""));
  EXPECT_THAT(categories[409], UnorderedElementsAre("invalid_request", ""));
  EXPECT_THAT(categories[429], UnorderedElementsAre("compliance_blocked", "account_limit", ""));
  EXPECT_THAT(categories[400], UnorderedElementsAre("invalid_request", ""));
  EXPECT_THAT(categories[500], UnorderedElementsAre("provider_error", ""));
}

// B9: status 403 has four codes that say no and two that say yes.
TEST(Catalogue, StatusDoesNotDetermineRetryable) {
  std::map<retryable, int> answers;
  for (const row& r : catalogue()) {
    if (r.http_status == 403) ++answers[r.retryable];
  }
  EXPECT_EQ(answers[retryable::no], 4);
  EXPECT_EQ(answers[retryable::yes], 2);
  EXPECT_EQ(answers[retryable::unstated], 1);
}

// C34.
TEST(Catalogue, HasThirtyOneCodesOfWhichTwoAreInBothTiers) {
  std::map<code, std::set<tier>> tiers;
  std::map<tier, int> rows;
  for (const row& r : catalogue()) {
    EXPECT_TRUE(tiers[r.code].insert(r.tier).second) << r.name;
    ++rows[r.tier];
  }
  EXPECT_EQ(tiers.size(), codes_count);
  EXPECT_EQ(rows[tier::call], 26);
  EXPECT_EQ(rows[tier::http], 7);
  std::vector<code> both;
  for (const auto& [c, of] : tiers) {
    if (of.size() == 2) both.push_back(c);
  }
  EXPECT_THAT(both, ElementsAre(code::rate_limited, code::internal_error));
}

// C35 and C36.
TEST(Catalogue, CountsByDeliveryAndRetryableAreThoseOfTheContract) {
  std::map<delivery, int> deliveries;
  std::map<retryable, int> answers;
  for (const row& r : catalogue()) {
    if (r.tier != tier::call) continue;
    ++deliveries[r.delivery];
    ++answers[r.retryable];
  }
  EXPECT_EQ(deliveries[delivery::sync], 20);
  EXPECT_EQ(deliveries[delivery::async], 6);
  EXPECT_EQ(answers[retryable::yes], 13);
  EXPECT_EQ(answers[retryable::no], 13);
}

// C37: the pairs that the second table of the contract states, too.
TEST(Catalogue, AgreesWithTheShorterTableOfTheContract) {
  constexpr std::pair<code, int> pairs[] = {
      {code::validation_error, 400},
      {code::unauthorized, 401},
      {code::forbidden, 403},
      {code::not_found, 404},
      {code::idempotency_conflict, 409},
      {code::caller_id_not_verified, 422},
      {code::internal_error, 500},
  };
  for (const auto& [c, status] : pairs) EXPECT_EQ(row_of(c).http_status, status) << to_string(c);
}

// G8.
TEST(Catalogue, RetryHintsAreTheSettledOnes) {
  std::map<retry_hint, std::set<std::string_view>> names;
  for (const row& r : catalogue()) names[r.hint].insert(r.name);
  EXPECT_THAT(names[retry_hint::backoff],
              UnorderedElementsAre("room_creation_failed", "agent_dispatch_failed",
                                   "sip_gateway_failed", "provider_api_error", "internal_error",
                                   "rate_limited", "no_number_available"));
  EXPECT_THAT(names[retry_hint::later],
              UnorderedElementsAre("outside_calling_window", "calling_day_not_allowed",
                                   "frequency_cap_exceeded"));
  EXPECT_THAT(names[retry_hint::new_operation],
              UnorderedElementsAre("busy", "no_answer", "voicemail_reached"));
  // Both rows of a code of two tiers give the same advice.
  EXPECT_EQ(row_of(code::rate_limited, tier::http).hint, retry_hint::backoff);
  EXPECT_EQ(row_of(code::internal_error, tier::http).hint, retry_hint::backoff);
}

TEST(RowOf, GivesTheRowOfTheTierThatWasAskedFor) {
  for (const code c : {code::rate_limited, code::internal_error}) {
    EXPECT_EQ(row_of(c).tier, tier::http);
    EXPECT_EQ(row_of(c, tier::call).tier, tier::call);
    EXPECT_EQ(row_of(c, tier::http).tier, tier::http);
    EXPECT_EQ(row_of(c, tier::call).code, c);
    EXPECT_EQ(row_of(c, tier::http).code, c);
  }
  EXPECT_EQ(row_of(code::rate_limited, tier::call).category, category::account_limit);
  EXPECT_EQ(row_of(code::rate_limited).category, category::none);
}

TEST(RowOf, GivesTheOnlyRowWhateverIsAsked) {
  for (const row& each : catalogue()) {
    if (each.code == code::rate_limited || each.code == code::internal_error) continue;
    EXPECT_EQ(&row_of(each.code, tier::call), &each) << each.name;
    EXPECT_EQ(&row_of(each.code, tier::http), &each) << each.name;
  }
}

TEST(RowOf, TakesWhatIsNotACodeForAnInternalError) {
  const row& expected = catalogue().back();
  ASSERT_EQ(expected.code, code::internal_error);
  ASSERT_EQ(expected.tier, tier::http);
  for (int value = 0; value <= 0xFFFF; ++value) {
    if (value >= 1 && value <= static_cast<int>(codes_count)) continue;
    const code c{static_cast<std::uint16_t>(value)};
    ASSERT_EQ(&row_of(c, tier::call), &expected) << value;
    ASSERT_EQ(&row_of(c, tier::http), &expected) << value;
    ASSERT_EQ(to_string(c), "unknown") << value;
  }
}

TEST(RowOf, TakesATierOutsideTheEnumForTheCallTier) {
  for (const int value : {0, 3, 255}) {
    const tier t{static_cast<std::uint8_t>(value)};
    EXPECT_EQ(row_of(code::rate_limited, t).tier, tier::call);
    EXPECT_EQ(row_of(code::validation_error, t).tier, tier::http);
  }
}

TEST(ToString, NamesEveryEnumeratorAndNothingElse) {
  EXPECT_EQ(to_string(code::unknown), "unknown");
  EXPECT_EQ(to_string(category::none), "");
  EXPECT_EQ(to_string(tier::call), "call");
  EXPECT_EQ(to_string(tier::http), "http");
  EXPECT_EQ(to_string(delivery::sync), "sync");
  EXPECT_EQ(to_string(delivery::async), "async");
  EXPECT_EQ(to_string(retryable::no), "no");
  EXPECT_EQ(to_string(retryable::yes), "yes");
  EXPECT_EQ(to_string(retryable::unstated), "unstated");
  EXPECT_EQ(to_string(retry_hint::never), "never");
  EXPECT_EQ(to_string(retry_hint::backoff), "backoff");
  EXPECT_EQ(to_string(retry_hint::later), "later");
  EXPECT_EQ(to_string(retry_hint::new_operation), "new_operation");
  for (int value = 0; value < 256; ++value) {
    const auto v = static_cast<std::uint8_t>(value);
    EXPECT_EQ(to_string(category{v}) == "unknown", v > 6) << value;
    EXPECT_EQ(to_string(tier{v}) == "unknown", v < 1 || v > 2) << value;
    EXPECT_EQ(to_string(delivery{v}) == "unknown", v < 1 || v > 2) << value;
    EXPECT_EQ(to_string(retryable{v}) == "unknown", v < 1 || v > 3) << value;
    EXPECT_EQ(to_string(retry_hint{v}) == "unknown", v < 1 || v > 4) << value;
  }
}

}  // namespace
}  // namespace parley::errors
