// SPDX-License-Identifier: Apache-2.0
#include "sandbox/faults.hpp"

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sandbox/magic.hpp"

namespace parley::sandbox {
namespace {

using std::chrono::milliseconds;

const route_row& row_of(route_id id) {
  for (const route_row& each : route_table) {
    if (each.id == id) return each;
  }
  throw std::logic_error("no such route");
}
const route_row& dial = row_of(route_id::dial);
const route_row& show = row_of(route_id::show);

TEST(Behaviours, StandInTheOrderOfTheirValues) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < behaviours.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(behaviours[i].behaviour), i + 1);
    EXPECT_EQ(errors::find_code(behaviours[i].name), errors::code::unknown);
    EXPECT_EQ(fault{.behaviour = behaviours[i].behaviour}.name(), behaviours[i].name);
    EXPECT_TRUE(names.insert(behaviours[i].name).second);
  }
}

TEST(ParseFault, KnowsEveryMagicNumberByItsName) {
  for (const magic_number& each : magic_numbers()) {
    const fault asked = magic_fault(each.destination);
    if (each.row == nullptr && each.behaviour == nullptr) {
      EXPECT_FALSE(asked) << each.destination;
      continue;
    }
    std::string text(each.row != nullptr ? each.row->name : each.behaviour->name);
    if (each.row != nullptr) text += "; tier=" + std::string(errors::to_string(each.row->tier));
    const auto parsed = parse_fault(text);
    ASSERT_TRUE(parsed.has_value()) << text;
    EXPECT_EQ(*parsed, asked) << text;
    EXPECT_EQ(parsed->name(), text.substr(0, text.find(';')));
    if (each.row != nullptr) {
      EXPECT_EQ(&parsed->row(errors::tier::http), each.row) << text;
    }
  }
}

TEST(ParseFault, TakesTheTierOfTheRouteWhereNoneIsNamed) {
  const auto both = parse_fault(" rate_limited ");
  ASSERT_TRUE(both.has_value());
  EXPECT_EQ(both->row(errors::tier::call).tier, errors::tier::call);
  EXPECT_EQ(both->row(errors::tier::http).tier, errors::tier::http);
  EXPECT_EQ(parse_fault("rate_limited;tier=http")->row(errors::tier::call).tier,
            errors::tier::http);
}

TEST(ParseFault, RefusesWhatIsNone) {
  for (const char* text :
       {"", " ", ";", "Hang", "hang ; tier=http", "hang;", "busy;", "busy; tier", "busy; tier=http",
        "not_found; tier=call", "busy; tier=call; x", "unknown", "none", "hang,reset"}) {
    EXPECT_FALSE(parse_fault(text).has_value()) << text;
  }
}

TEST(MagicFault, IsOneDestinationWide) {
  for (const char* destination :
       {"+12025550100", "+12025550134", "+12025550139", "+12025550150", "+1202555014",
        "+120255501400", "+12025550240", "+1202555014a", "", "12025550140"}) {
    EXPECT_FALSE(magic_fault(destination)) << destination;
  }
  EXPECT_EQ(magic_fault("+12025550140").behaviour, behaviour::latency);
  EXPECT_EQ(magic_fault("+12025550149").behaviour, behaviour::unknown_category);
}

TEST(FaultMark, IsReadAsItWasWritten) {
  for (const behaviour_row& each : behaviours) {
    for (const milliseconds delay : {milliseconds(0), milliseconds(1), fault_delay_max}) {
      http::response r;
      mark(r, {.behaviour = each.behaviour}, delay);
      EXPECT_TRUE(http::is_sendable(r));
      const fault_mark read = mark_of(r);
      EXPECT_EQ(read.name, each.name);
      EXPECT_EQ(read.behaviour, each.behaviour);
      EXPECT_EQ(read.delay, delay);
    }
  }
  http::response r;
  EXPECT_EQ(mark_of(r).name, "");
  mark(r, {.code = errors::code::busy}, milliseconds(7));
  EXPECT_EQ(r.header(fault_header), "busy; delay_ms=7");
  EXPECT_EQ(mark_of(r).behaviour, behaviour::none);
  EXPECT_EQ(mark_of(r).name, "busy");
}

TEST(DeliveryOf, FollowsTheMark) {
  using way = beast::delivery::way;
  struct {
    sandbox::behaviour behaviour;
    way how;
  } constexpr cases[] = {
      {behaviour::latency, way::whole},      {behaviour::hang, way::hang},
      {behaviour::reset, way::reset},        {behaviour::truncated, way::cut},
      {behaviour::html_502, way::whole},     {behaviour::retry_after, way::whole},
      {behaviour::fail_twice, way::whole},   {behaviour::response_lost, way::drop},
      {behaviour::unknown_code, way::whole}, {behaviour::unknown_category, way::whole},
  };
  ASSERT_EQ(std::size(cases), behaviours.size());
  for (const auto& each : cases) {
    http::response r = http::json_response(200, "12345");
    mark(r, {.behaviour = each.behaviour}, milliseconds(3));
    const beast::delivery made = delivery_of(r);
    EXPECT_EQ(made.how, each.how);
    EXPECT_EQ(made.delay, milliseconds(3));
    EXPECT_EQ(made.body_bytes, each.how == way::cut ? 2u : 0u);
  }
  EXPECT_EQ(delivery_of(http::json_response(200, "")).how, way::whole);
}

struct rule_case {
  const char* name;
  fault_rule rule;
  std::vector<std::string> wrong = {};
};

class CheckRule : public testing::TestWithParam<rule_case> {};
TEST_P(CheckRule, NamesWhatIsWrong) {
  std::vector<std::string> wrong;
  for (const envelope::field& each : check_rule(GetParam().rule)) wrong.push_back(each.name);
  EXPECT_EQ(wrong, GetParam().wrong);
}
INSTANTIATE_TEST_SUITE_P(
    , CheckRule,
    testing::Values(
        rule_case{"Least", {.fault = "hang"}},
        rule_case{"ApiRoute", {.route = "GET /v1/calls/{id}", .fault = "hang"}},
        rule_case{"OtherCase", {.route = "get /v1/calls/{id}", .fault = "hang"}, {"route"}},
        rule_case{"PathAlone", {.route = "/v1/calls", .fault = "hang"}, {"route"}},
        rule_case{"OtherMethod", {.route = "PUT /v1/calls", .fault = "hang"}, {"route"}},
        rule_case{"ControlRoute", {.route = "GET /sandbox/magic", .fault = "hang"}, {"route"}},
        rule_case{"NoRoute", {.route = "", .fault = "hang"}, {"route"}},
        rule_case{"NoFault", {}, {"fault"}},
        rule_case{"UnknownFault", {.fault = "nonsense"}, {"fault"}},
        rule_case{"Tier", {.fault = "internal_error; tier=http"}},
        rule_case{"OutcomeOnDial", {.route = "POST /v1/calls/dial", .fault = "busy"}},
        rule_case{"OutcomeOnCalls", {.route = "POST /v1/calls", .fault = "busy"}},
        rule_case{"OutcomeOnAny", {.fault = "busy"}},
        rule_case{"OutcomeOnGet", {.route = "GET /v1/calls", .fault = "busy"}, {"fault"}},
        rule_case{"Never", {.fault = "hang", .probability = 0}},
        rule_case{"BelowNever", {.fault = "hang", .probability = -0.001}, {"probability"}},
        rule_case{"AboveAlways", {.fault = "hang", .probability = 1.001}, {"probability"}},
        rule_case{"NotANumber", {.fault = "hang", .probability = std::nan("")}, {"probability"}},
        rule_case{"Once", {.fault = "hang", .times = 1}},
        rule_case{"NoTimes", {.fault = "hang", .times = 0}, {"times"}},
        rule_case{"NoDelay", {.fault = "hang", .delay = milliseconds(0)}},
        rule_case{"LongestDelay", {.fault = "hang", .delay = fault_delay_max}},
        rule_case{"LongerDelay",
                  {.fault = "hang", .delay = fault_delay_max + milliseconds(1)},
                  {"delay_ms"}},
        rule_case{"NegativeDelay", {.fault = "hang", .delay = milliseconds(-1)}, {"delay_ms"}},
        rule_case{"AllAtOnce",
                  {.route = "x",
                   .fault = "x",
                   .probability = 2,
                   .times = 0,
                   .delay = milliseconds::min()},
                  {"route", "fault", "probability", "times", "delay_ms"}}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(Hits, FollowFromTheSeedAlone) {
  const auto thrown = [](double probability, std::uint64_t seed) {
    std::string made;
    for (std::uint64_t n = 0; n < 64; ++n) made += hits(probability, seed, n) ? '1' : '0';
    return made;
  };
  // From another implementation of SplitMix64: a rule means the same in every release.
  EXPECT_EQ(thrown(0.5, 7), "1100111111100000010001110011010111001011001111000001110111001101");
  EXPECT_EQ(thrown(0.5, 7), thrown(0.5, 7));
  EXPECT_NE(thrown(0.5, 7), thrown(0.5, 8));
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}}) {
    EXPECT_EQ(thrown(0, seed), std::string(64, '0'));
    EXPECT_EQ(thrown(1, seed), std::string(64, '1'));
  }
}

TEST(Hits, ComeAsOftenAsTheProbabilitySays) {
  for (const double probability : {0.01, 0.1, 0.5, 0.9}) {
    int count = 0;
    for (std::uint64_t n = 0; n < 100'000; ++n) count += hits(probability, 42, n) ? 1 : 0;
    EXPECT_NEAR(count / 100'000.0, probability, 0.01) << probability;
  }
}

// What is hit of a larger probability is a superset: to turn it up adds faults and moves none.
TEST(Hits, OfALowerProbabilityAreHitsOfAHigher) {
  for (std::uint64_t n = 0; n < 1'000; ++n) {
    if (hits(0.2, 5, n)) {
      EXPECT_TRUE(hits(0.3, 5, n)) << n;
    }
  }
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> counts_of(const fault_book& book) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> all;
  for (const fault_rule_state& each : book.read()) all.emplace_back(each.seen, each.hits);
  return all;
}
using counts = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

TEST(FaultBook, AsksTheRulesOfTheRouteInTurn) {
  fault_book book;
  EXPECT_FALSE(book.ask(dial).has_value());
  ASSERT_TRUE(book.add({.route = "POST /v1/calls/dial", .fault = "hang", .times = 2}));
  ASSERT_TRUE(book.add({.fault = "reset", .probability = 0}));
  ASSERT_TRUE(book.add({.fault = "not_found", .delay = milliseconds(5)}));
  EXPECT_EQ(book.ask(dial)->what.behaviour, behaviour::hang);
  EXPECT_EQ(counts_of(book), (counts{{1, 1}, {0, 0}, {0, 0}}));
  const auto of_show = book.ask(show);
  EXPECT_EQ(of_show->what.code, errors::code::not_found);
  EXPECT_EQ(of_show->delay, milliseconds(5));
  EXPECT_EQ(counts_of(book), (counts{{1, 1}, {1, 0}, {1, 1}}));
  EXPECT_EQ(book.ask(dial)->what.behaviour, behaviour::hang);
  EXPECT_EQ(book.ask(dial)->what.code, errors::code::not_found) << "the first has had its two";
  EXPECT_EQ(counts_of(book), (counts{{3, 2}, {2, 0}, {2, 2}}));
  book.clear();
  EXPECT_FALSE(book.ask(dial).has_value());
  EXPECT_TRUE(book.read().empty());
}

TEST(FaultBook, AsksOutcomesOfCallsAlone) {
  fault_book book;
  ASSERT_TRUE(book.add({.fault = "busy"}));
  ASSERT_TRUE(book.add({.fault = "hang", .times = 1}));
  EXPECT_EQ(book.ask(dial)->what.behaviour, behaviour::hang);
  EXPECT_FALSE(book.ask(dial).has_value());
  EXPECT_EQ(book.ask_outcome(dial)->what.code, errors::code::busy);
  EXPECT_EQ(counts_of(book), (counts{{1, 1}, {2, 1}}));
}

TEST(FaultBook, SeedsARuleWithItsNumber) {
  fault_book book;
  EXPECT_EQ(book.add({.fault = "hang"})->rule.seed, 1u);
  EXPECT_EQ(book.add({.fault = "hang", .seed = 0})->rule.seed, 0u);
  EXPECT_EQ(book.add({.fault = "hang"})->rule.seed, 3u);
  book.clear();
  EXPECT_EQ(book.add({.fault = "hang"})->number, 1u);
}

TEST(FaultBook, HitsAsItsSeedSays) {
  fault_book book;
  ASSERT_TRUE(book.add({.fault = "hang", .probability = 0.3, .seed = 99}));
  for (std::uint64_t n = 0; n < 200; ++n) {
    EXPECT_EQ(book.ask(n % 2 == 0 ? dial : show).has_value(), hits(0.3, 99, n)) << n;
  }
}

TEST(FaultBook, HasABound) {
  fault_book book;
  for (std::size_t i = 0; i < fault_rules_max; ++i) ASSERT_TRUE(book.add({.fault = "hang"}));
  const auto refused = book.add({.fault = "hang"});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().front().name, "rules");
  EXPECT_EQ(book.read().size(), fault_rules_max);
}

TEST(FailTwiceBook, FailsTwiceThenPassesAndForgets) {
  fail_twice_book book;
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(book.fails("a"));
    EXPECT_TRUE(book.fails("b"));
    EXPECT_TRUE(book.fails("a"));
    EXPECT_FALSE(book.fails("a"));
    EXPECT_TRUE(book.fails("b"));
    EXPECT_FALSE(book.fails("b"));
  }
  EXPECT_TRUE(book.fails("a"));
  book.clear();
  EXPECT_TRUE(book.fails("a"));
  EXPECT_TRUE(book.fails("a"));
}

TEST(FailTwiceBook, ForgetsTheOldestAboveItsBound) {
  fail_twice_book book;
  for (std::size_t i = 0; i < fail_twice_book::subjects_max; ++i) book.fails(std::to_string(i));
  EXPECT_TRUE(book.fails("0"));
  EXPECT_TRUE(book.fails("one more"));  // forgets "0"
  EXPECT_TRUE(book.fails("1"));
  EXPECT_FALSE(book.fails("1"));
  EXPECT_TRUE(book.fails("0"));
  EXPECT_TRUE(book.fails("0"));
  EXPECT_FALSE(book.fails("0"));
}

}  // namespace
}  // namespace parley::sandbox
