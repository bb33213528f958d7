// SPDX-License-Identifier: Apache-2.0
//
// What an inspector says of records that a store wrote and of keys that hold none, what it changes,
// and what it does where the server does not do what it was asked.

#include "parley/idempotency_redis/inspect.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <new>
#include <ostream>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "idempotency_redis/record.hpp"
#include "idempotency_redis/support/certificate_files.hpp"
#include "idempotency_redis/support/fault_proxy.hpp"
#include "idempotency_redis/support/redis_server.hpp"
#include "idempotency_redis/support/scripted_server.hpp"
#include "idempotency_redis/support/store_fixture.hpp"
#include "support/allocations.hpp"

namespace parley::idempotency_redis {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;
using idempotency::claim_status;
using idempotency::digest;
using idempotency::nonce;
using idempotency::record_state;
using idempotency::store_errc;
using idempotency::write_status;
using testing::HasSubstr;
using testing::Not;
namespace ops = idempotency::ops;

std::unique_ptr<inspector> open(redis_store_options options) {
  auto made = make_inspector(std::move(options));
  if (!made) throw std::runtime_error(made.error());
  return std::move(*made);
}

// The answer; a test that has none fails.
template <class T>
T answer(result<T, inspect_failure> said) {
  if (!said) throw std::runtime_error(said.error().what);
  return std::move(*said);
}
template <class T>
std::string why(const result<T, inspect_failure>& said) {
  return said ? "answered" : std::string(to_string(said.error().why));
}
template <class T>
std::string sentence(const result<T, inspect_failure>& said) {
  return said ? "answered" : said.error().what;
}

digest key_of(std::uint64_t number) { return ops::named<digest>(number); }
nonce owner_of(std::uint64_t number) { return ops::named<nonce>(number); }

record running_record() {
  record made;
  made.owner = owner_of(1);
  made.fence = 1'000;
  made.lease_ms = 30'000;
  made.retention_ms = 60'000;
  made.operation_id = "request-1";
  return made;
}

// Each operation of an inspector, by what it says of a failure.
struct operation {
  const char* name;
  std::function<result<void, inspect_failure>(inspector&)> ask;
};
template <class T>
result<void, inspect_failure> without_answer(result<T, inspect_failure> said) {
  if (!said) return failure{std::move(said).error()};
  return {};
}
const operation find_it = {"find",
                           [](inspector& of) { return without_answer(of.find(key_of(1))); }};
const operation list_running = {
    "running", [](inspector& of) { return without_answer(of.running(10, [](const auto&) {})); }};
const operation release_it = {
    "release", [](inspector& of) { return without_answer(of.release(key_of(1), owner_of(1))); }};
const operation clear_all = {"clear", [](inspector& of) { return without_answer(of.clear()); }};
const operation operations[] = {find_it, list_running, release_it, clear_all};

// ---- Records that a store wrote.

struct Inspector : testing::Test {
  redis_server server{{.has_manual_clock = true}};
  observed_store store{patient(server.url())};
  std::unique_ptr<inspector> records = open(patient(server.url()));

  std::string value(std::uint64_t key = 1) const {
    return server.command({"GET", key_name(key)}).text;
  }
  std::int64_t ttl(std::uint64_t key = 1) const {
    return server.command({"PTTL", key_name(key)}).integer;
  }
  void claim(const ops::attempt& by = {}) const {
    ASSERT_EQ(ops::claim(*store, by).status, claim_status::claimed);
  }
  record_info found(std::uint64_t key = 1, bool with_response = false) const {
    auto said = answer(records->find(key_of(key), with_response));
    if (!said) throw std::runtime_error("there is no record");
    return std::move(*said);
  }
  // The keys that running() tells, in order.
  std::vector<digest> told(std::size_t limit, scan_summary* summary = nullptr) const {
    std::vector<digest> made;
    const scan_summary said =
        answer(records->running(limit, [&](const record_info& each) { made.push_back(each.key); }));
    if (summary != nullptr) *summary = said;
    return made;
  }
  // Keys 1 to `count`, all with the same value.
  void plant(std::size_t count, const std::string& text) const {
    server.command({"EVAL",
                    "for i = 1, ARGV[1] do redis.call('SET', string.format('parley:%032x', i), "
                    "ARGV[2], 'PX', '60000') end",
                    "0", std::to_string(count), text});
  }
};

struct state_case {
  const char* name;
  void (*write)(idempotency::store& to, const ops::attempt& by);
  record_state state;
  std::chrono::milliseconds age;
  std::chrono::milliseconds time_left;
  std::chrono::milliseconds lease_left;
  const char* operation_id;
  const char* note;
  const char* response;
};
void PrintTo(const state_case& of, std::ostream* to) { *to << of.name; }

// Claimed for 10 s and 60 s, written to 2 s later, looked at after 3 s more.
const state_case state_cases[] = {
    {"Running", [](idempotency::store&, const ops::attempt&) {}, record_state::running, 5s, 55s, 5s,
     "first", "", ""},
    {"Renewed",
     [](idempotency::store& to, const ops::attempt& by) {
       ASSERT_EQ(ops::renew(to, by).status, write_status::applied);
     },
     record_state::running, 3s, 57s, 7s, "first", "", ""},
    {"Marked",
     [](idempotency::store& to, const ops::attempt& by) {
       ASSERT_EQ(ops::mark(to, by, "placed").status, write_status::applied);
     },
     record_state::marked, 5s, 55s, 5s, "first", "placed", ""},
    {"Completed",
     [](idempotency::store& to, const ops::attempt& by) {
       ASSERT_EQ(ops::complete(to, by, ops::completion{ops::response("done"), true, 77}).status,
                 write_status::applied);
     },
     record_state::completed, 3s, 57s, 0s, "first", "", "done"},
    {"CompletedWithNothing",
     [](idempotency::store& to, const ops::attempt& by) {
       ASSERT_EQ(ops::complete(to, by, ops::completion{ops::response(""), true, 77}).status,
                 write_status::applied);
     },
     record_state::completed, 3s, 57s, 0s, "first", "", ""},
    {"Released",
     [](idempotency::store& to, const ops::attempt& by) {
       ASSERT_EQ(ops::release(to, by, 77).status, write_status::applied);
     },
     record_state::released, 3s, 597s, 0s, "", "", ""},
};

class InspectorState : public Inspector, public testing::WithParamInterface<state_case> {
 protected:
  void SetUp() override {
    const ops::attempt by{.nonce = 5, .id = "first", .lease = 10s, .retention = 60s, .unix_ms = 77};
    ASSERT_NO_FATAL_FAILURE(claim(by));
    server.advance_clock(2s);
    ASSERT_NO_FATAL_FAILURE(GetParam().write(*store, by));
    server.advance_clock(3s);
  }
};

TEST_P(InspectorState, IsFoundAsItWasWritten) {
  for (const bool with_response : {false, true}) {
    const record_info info = found(1, with_response);
    EXPECT_EQ(info.key, key_of(1));
    EXPECT_EQ(info.state, GetParam().state);
    EXPECT_EQ(info.age, GetParam().age);
    EXPECT_EQ(info.time_left, GetParam().time_left);
    EXPECT_EQ(info.lease_left, GetParam().lease_left);
    EXPECT_EQ(info.fence, 77u);
    EXPECT_EQ(info.owner, owner_of(5));
    EXPECT_EQ(info.operation_id, GetParam().operation_id);
    EXPECT_EQ(info.note, GetParam().note);
    EXPECT_EQ(info.response_bytes, std::string_view(GetParam().response).size());
    EXPECT_EQ(static_cast<bool>(info.response), with_response);
    EXPECT_EQ(ops::text_of(info.response), with_response ? GetParam().response : "");
  }
}

TEST_P(InspectorState, IsListedWhileItRuns) {
  const bool runs =
      GetParam().state == record_state::running || GetParam().state == record_state::marked;
  std::vector<record_info> listed;
  const scan_summary said =
      answer(records->running(10, [&](const record_info& each) { listed.push_back(each); }));
  EXPECT_EQ(said.examined, 1u);
  EXPECT_EQ(said.corrupt, 0u);
  EXPECT_TRUE(said.is_complete);
  ASSERT_EQ(listed.size(), runs ? 1u : 0u);
  if (!runs) return;
  EXPECT_EQ(listed[0].key, key_of(1));
  EXPECT_EQ(listed[0].state, GetParam().state);
  EXPECT_EQ(listed[0].age, GetParam().age);
  EXPECT_EQ(listed[0].lease_left, GetParam().lease_left);
  EXPECT_EQ(listed[0].owner, owner_of(5));
  EXPECT_EQ(listed[0].operation_id, GetParam().operation_id);
  EXPECT_EQ(listed[0].note, GetParam().note);
  EXPECT_FALSE(listed[0].response);
}

INSTANTIATE_TEST_SUITE_P(, InspectorState, testing::ValuesIn(state_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_F(Inspector, FindsNoneWhereThereIsNone) {
  EXPECT_FALSE(answer(records->find(key_of(1))));
  EXPECT_FALSE(answer(records->find(key_of(1), true)));
  ASSERT_NO_FATAL_FAILURE(claim());
  EXPECT_TRUE(answer(records->find(key_of(1))));
  EXPECT_FALSE(answer(records->find(key_of(2))));
}

TEST_F(Inspector, LeaseAndRecordEndByTheServersClock) {
  ASSERT_NO_FATAL_FAILURE(claim({.lease = 10'000ms, .retention = 60'000ms}));
  EXPECT_EQ(found().age, 0ms);
  EXPECT_EQ(found().lease_left, 10'000ms);
  server.advance_clock(9'999ms);
  EXPECT_EQ(found().lease_left, 1ms);
  server.advance_clock(1ms);
  EXPECT_EQ(found().lease_left, 0ms);
  server.advance_clock(20'000ms);
  EXPECT_EQ(found().lease_left, 0ms);
  EXPECT_EQ(found().age, 30'000ms);
  EXPECT_EQ(told(10).size(), 1u) << "its lease is over, and it is still running";
  server.advance_clock(30'000ms);
  EXPECT_EQ(found().time_left, 0ms);
  server.advance_clock(1ms);
  EXPECT_FALSE(answer(records->find(key_of(1))));
  EXPECT_TRUE(told(10).empty());
}

// It lengthens the lease, and the store says so, too.
TEST_F(Inspector, StepBackOfTheServersClockLengthensTheLease) {
  ASSERT_NO_FATAL_FAILURE(claim({.lease = 1'000ms, .retention = 60'000ms}));
  server.advance_clock(-5'000ms);
  const record_info info = found();
  EXPECT_EQ(info.age, 0ms);
  EXPECT_EQ(info.time_left, 65'000ms);
  EXPECT_EQ(info.lease_left, 6'000ms);
  EXPECT_EQ(info.lease_left, ops::claim(*store, {.nonce = 2}).lease_left);
}

// All of a record but its response, at the longest, and a response that is not asked for.
TEST_F(Inspector, LongestTextsAndLargeResponsesAreWhole) {
  const std::string id(idempotency::operation_id_bytes_max, 'i');
  const std::string note(idempotency::note_bytes_max, 'n');
  record there = running_record();
  there.state = record_state::completed;
  there.operation_id = id;
  there.note = note;
  std::string response(3'000'000, '\0');
  for (std::size_t i = 0; i < response.size(); ++i) response[i] = static_cast<char>(i * i >> 3);
  there.response = std::as_bytes(std::span(response));
  server.command({"SET", key_name(1), encoded(there), "PX", "60000"});
  for (const bool with_response : {false, true}) {
    const record_info info = found(1, with_response);
    EXPECT_EQ(info.operation_id, id);
    EXPECT_EQ(info.note, note);
    EXPECT_EQ(info.response_bytes, response.size());
    EXPECT_TRUE(ops::text_of(info.response) == (with_response ? response : ""));
  }
}

// ---- Keys that hold no record.

struct foreign_case {
  const char* name;
  std::vector<std::string> command;  // after which the key is there
};
void PrintTo(const foreign_case& of, std::ostream* to) { *to << of.name; }

foreign_case with_value(const char* name, std::string text) {
  return {name, {"SET", key_name(1), std::move(text), "PX", "60000"}};
}
std::string changed(std::size_t at, char byte) {
  std::string made = encoded(running_record());
  made[at] = byte;
  return made;
}
std::string cut_to(std::size_t size) { return encoded(running_record()).substr(0, size); }

const foreign_case foreign_cases[] = {
    with_value("Empty", ""),
    with_value("Text", "hello"),
    with_value("OlderVersion", changed(17, 0)),
    with_value("NewerVersion", changed(17, 2)),
    with_value("NoState", changed(0, 0)),
    with_value("UnknownState", changed(0, 5)),
    with_value("CutAfterTheNonce", cut_to(17)),
    with_value("CutAfterTheVersion", cut_to(18)),
    with_value("CutHeader", cut_to(record_header_bytes - 1)),
    with_value("CutId", cut_to(record_header_bytes + 1)),
    with_value("LongId", changed(50, '\x81')),
    with_value("LongNote", changed(51, '\x02')),
    {"WithoutATtl", {"SET", key_name(1), encoded(running_record())}},
    {"List", {"RPUSH", key_name(1), "one"}},
    {"Hash", {"HSET", key_name(1), "state", "running"}},
    {"Set", {"SADD", key_name(1), "one"}},
    {"SortedSet", {"ZADD", key_name(1), "1", "one"}},
    {"Stream", {"XADD", key_name(1), "*", "state", "running"}},
};

class InspectorForeignKey : public Inspector, public testing::WithParamInterface<foreign_case> {};

TEST_P(InspectorForeignKey, IsCorruptAndStaysAsItIs) {
  server.command(GetParam().command);
  const std::string before = server.command({"DUMP", key_name(1)}).text;
  const std::int64_t ttl_before = ttl();
  for (const bool with_response : {false, true}) {
    EXPECT_EQ(why(records->find(key_of(1), with_response)), "corrupt_record");
  }
  scan_summary said;
  EXPECT_TRUE(told(10, &said).empty());
  EXPECT_EQ(said.examined, 0u);
  EXPECT_EQ(said.corrupt, 1u);
  EXPECT_TRUE(said.is_complete);
  for (const std::uint64_t by : {1u, 2u}) {
    EXPECT_EQ(answer(records->release(key_of(1), owner_of(by))), release_status::corrupt);
  }
  EXPECT_EQ(server.command({"DUMP", key_name(1)}).text, before);
  EXPECT_EQ(ttl(), ttl_before);
  EXPECT_EQ(answer(records->clear()), 1u) << "it has the name of a record";
  EXPECT_EQ(server.command({"DBSIZE"}).integer, 0);
}

INSTANTIATE_TEST_SUITE_P(, InspectorForeignKey, testing::ValuesIn(foreign_cases),
                         [](const auto& each) { return std::string(each.param.name); });

// ---- Names.

struct prefix_case {
  const char* name;
  const char* prefix;
};
void PrintTo(const prefix_case& of, std::ostream* to) { *to << of.name; }

// Some would be patterns, if they were not taken by the letter.
constexpr prefix_case prefix_cases[] = {
    {"None", ""},      {"Star", "q*"},       {"Question", "q?"},    {"Class", "q[a-z]"},
    {"Bracket", "q]"}, {"Backslash", "q\\"}, {"HashTag", "q:{t}:"},
};

class InspectorPrefix : public Inspector, public testing::WithParamInterface<prefix_case> {};

TEST_P(InspectorPrefix, IsAWorldOfItsOwn) {
  redis_store_options options = patient(server.url());
  options.key_prefix = GetParam().prefix;
  const observed_store mine(options);
  records = open(options);
  for (const char* other : {"parley:", "q*", "q-", "qq", "q[a-z]", "", "qa"}) {
    if (options.key_prefix == other) continue;
    server.command({"SET", key_name(1, other), encoded(running_record()), "PX", "60000"});
  }
  EXPECT_FALSE(answer(records->find(key_of(1))));
  EXPECT_TRUE(told(10).empty());
  EXPECT_EQ(answer(records->release(key_of(1), owner_of(1))), release_status::gone);
  EXPECT_EQ(answer(records->clear()), 0u);

  const std::int64_t others = server.command({"DBSIZE"}).integer;
  ASSERT_EQ(ops::claim(*mine, {}).status, claim_status::claimed);
  EXPECT_EQ(found().owner, owner_of(1));
  scan_summary said;
  EXPECT_THAT(told(10, &said), testing::ElementsAre(key_of(1)));
  EXPECT_EQ(said.examined, 1u);
  EXPECT_EQ(said.corrupt, 0u);
  EXPECT_EQ(answer(records->release(key_of(1), owner_of(1))), release_status::applied);
  EXPECT_EQ(answer(records->clear()), 1u);
  EXPECT_EQ(server.command({"DBSIZE"}).integer, others);
}

INSTANTIATE_TEST_SUITE_P(, InspectorPrefix, testing::ValuesIn(prefix_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_F(Inspector, NamesThatAreNoDigestAreNotLookedAt) {
  const std::string digits(key_hex_bytes, 'a');
  for (const std::string& name :
       {digits.substr(1), digits + "a", digits.substr(1) + "g", digits.substr(1) + "A",
        digits.substr(1) + "/", digits.substr(1) + ":", "g" + digits.substr(1), std::string()}) {
    server.command({"SET", "parley:" + name, encoded(running_record()), "PX", "60000"});
  }
  scan_summary said;
  EXPECT_TRUE(told(10, &said).empty());
  EXPECT_EQ(said.examined + said.corrupt, 0u);
  EXPECT_EQ(answer(records->clear()), 0u);
  EXPECT_EQ(server.command({"DBSIZE"}).integer, 8);
  server.command({"SET", "parley:" + digits, encoded(running_record()), "PX", "60000"});
  EXPECT_EQ(told(10).size(), 1u);
  EXPECT_EQ(answer(records->clear()), 1u);
}

// ---- What is running.

TEST_F(Inspector, ListsAsManyAsItIsToldTo) {
  scan_summary said;
  EXPECT_TRUE(told(0, &said).empty());
  EXPECT_TRUE(said.is_complete) << "of nothing there is no more";
  for (const std::uint64_t key : {1u, 2u, 3u, 4u, 5u}) {
    ASSERT_NO_FATAL_FAILURE(claim({.key = key}));
  }
  ASSERT_EQ(ops::mark(*store, {.key = 3}, "placed").status, write_status::applied);
  ASSERT_EQ(ops::complete(*store, {.key = 4}, "done").status, write_status::applied);
  ASSERT_EQ(ops::release(*store, {.key = 5}).status, write_status::applied);
  for (std::size_t limit = 0; limit <= 4; ++limit) {
    const std::vector<digest> listed = told(limit, &said);
    const std::set<digest> keys(listed.begin(), listed.end());
    EXPECT_EQ(listed.size(), std::min<std::size_t>(limit, 3)) << limit;
    EXPECT_EQ(keys.size(), listed.size()) << limit;
    EXPECT_FALSE(keys.contains(key_of(4)) || keys.contains(key_of(5))) << limit;
    EXPECT_EQ(said.is_complete, limit >= 3) << limit;
    EXPECT_EQ(said.corrupt, 0u);
  }
  EXPECT_EQ(said.examined, 5u);
}

TEST_F(Inspector, ListsMoreThanOneStepOfTheScan) {
  constexpr std::size_t count = 2'500;
  plant(count, encoded(running_record()));
  for (const std::size_t limit : {count - 1, count, count + 1}) {
    scan_summary said;
    const std::vector<digest> listed = told(limit, &said);
    const std::set<digest> keys(listed.begin(), listed.end());
    EXPECT_EQ(listed.size(), std::min(limit, count));
    EXPECT_EQ(keys.size(), listed.size());
    EXPECT_EQ(said.is_complete, limit >= count);
    if (said.is_complete) {
      EXPECT_EQ(said.examined, count);
    }
  }
}

TEST_F(Inspector, WhatACallbackThrowsComesOut) {
  struct mine {};
  for (const std::uint64_t key : {1u, 2u, 3u}) ASSERT_NO_FATAL_FAILURE(claim({.key = key}));
  std::size_t calls = 0;
  EXPECT_THROW(static_cast<void>(records->running(10,
                                                  [&](const record_info&) {
                                                    if (++calls == 2) throw mine();
                                                  })),
               mine);
  EXPECT_EQ(calls, 2u);
  for (const std::uint64_t key : {1u, 2u, 3u}) EXPECT_EQ(found(key).key, key_of(key));
  EXPECT_EQ(told(10).size(), 3u);
}

// ---- Release.

TEST_F(Inspector, ReleaseWritesWhatTheStoreWrites) {
  const ops::attempt by{.nonce = 5, .retention = 60s};
  for (const bool is_marked : {false, true}) {
    ASSERT_NO_FATAL_FAILURE(claim(by));
    if (is_marked) {
      ASSERT_EQ(ops::mark(*store, by, "placed").status, write_status::applied);
    }
    EXPECT_EQ(answer(records->release(key_of(1), owner_of(5))), release_status::applied);
    record expected;
    expected.state = record_state::released;
    expected.owner = owner_of(5);
    expected.fence = 1'000;
    expected.retention_ms = 600'000;
    EXPECT_EQ(value(), encoded(expected));
    EXPECT_EQ(ttl(), 600'000);
    server.advance_clock(1s);
    EXPECT_EQ(answer(records->release(key_of(1), owner_of(5))), release_status::already);
    EXPECT_EQ(ttl(), 599'000) << "the second time nothing is written";
    server.command({"FLUSHALL"});
  }
}

TEST_F(Inspector, ReleasedKeyRunsAgainAndNotForItsLastHolder) {
  const ops::attempt first{.nonce = 5, .lease = 1h, .unix_ms = 77};
  ASSERT_NO_FATAL_FAILURE(claim(first));
  EXPECT_EQ(ops::claim(*store, {.nonce = 6}).status, claim_status::running);
  ASSERT_EQ(answer(records->release(key_of(1), owner_of(5))), release_status::applied);
  EXPECT_EQ(ops::complete(*store, first, "late").status, write_status::lost);
  EXPECT_EQ(ops::renew(*store, first).status, write_status::lost);
  EXPECT_EQ(ops::claim(*store, first).failure.why, store_errc::spent_nonce);
  const auto second = ops::claim(*store, {.nonce = 6, .fingerprint = 2, .unix_ms = 1});
  EXPECT_EQ(second.status, claim_status::claimed);
  EXPECT_EQ(second.fence, 78u) << "fences only rise";
  EXPECT_EQ(answer(records->release(key_of(1), owner_of(5))), release_status::lost);
  EXPECT_EQ(found().owner, owner_of(6));
  EXPECT_EQ(found().state, record_state::running);
}

TEST_F(Inspector, ReleaseLeavesWhatIsNotTheAttempts) {
  const ops::attempt by{.nonce = 5};
  EXPECT_EQ(answer(records->release(key_of(1), owner_of(5))), release_status::gone);
  EXPECT_EQ(server.command({"DBSIZE"}).integer, 0);
  const auto expect_lost = [&](const char* what, std::uint64_t owner) {
    const std::string before = value();
    EXPECT_EQ(answer(records->release(key_of(1), owner_of(owner))), release_status::lost) << what;
    EXPECT_EQ(value(), before) << what;
  };
  ASSERT_NO_FATAL_FAILURE(claim(by));
  expect_lost("running", 6);
  ASSERT_EQ(ops::mark(*store, by, "placed").status, write_status::applied);
  expect_lost("marked", 6);
  ASSERT_EQ(ops::complete(*store, by, "done").status, write_status::applied);
  expect_lost("completed by another", 6);
  expect_lost("completed", 5);
  EXPECT_EQ(ops::text_of(ops::claim(*store, {.nonce = 7}).response), "done");
  ASSERT_EQ(answer(records->clear()), 1u);
  ASSERT_EQ(ops::release(*store, by).status, write_status::applied);
  expect_lost("released by another", 6);
}

// ---- Clear.

TEST_F(Inspector, ClearDeletesWhatThereIsAndCountsIt) {
  EXPECT_EQ(answer(records->clear()), 0u);
  for (const std::uint64_t key : {1u, 2u, 3u}) ASSERT_NO_FATAL_FAILURE(claim({.key = key}));
  ASSERT_EQ(ops::complete(*store, {.key = 2}, "done").status, write_status::applied);
  ASSERT_EQ(ops::release(*store, {.key = 3}).status, write_status::applied);
  server.command({"SET", "another", "one"});
  EXPECT_EQ(answer(records->clear()), 3u);
  EXPECT_EQ(server.command({"DBSIZE"}).integer, 1);
  for (const std::uint64_t key : {1u, 2u, 3u}) {
    EXPECT_EQ(ops::claim(*store, {.key = key, .nonce = 2, .fingerprint = 2}).status,
              claim_status::claimed);
  }
}

TEST_F(Inspector, ClearTakesMoreThanOneStepOfTheScan) {
  plant(2'500, encoded(running_record()));
  EXPECT_EQ(answer(records->clear()), 2'500u);
  EXPECT_EQ(server.command({"DBSIZE"}).integer, 0);
}

// ---- Ways to a server.

// Finds the record that is in this database and nothing else there.
void expect_finds(const redis_store_options& options, const redis_server& server, int database) {
  server.command({"EVAL",
                  "redis.call('SELECT', ARGV[1]) redis.call('SET', KEYS[1], ARGV[2], 'PX', 60000)",
                  "1", key_name(1), std::to_string(database), encoded(running_record())});
  const auto records = open(options);
  const auto said = records->find(key_of(1));
  EXPECT_EQ(why(said), "answered") << sentence(said);
  EXPECT_TRUE(said && *said) << database;
  EXPECT_EQ(answer(records->clear()), 1u) << database;
  server.command({"FLUSHALL"});
}
void expect_no_way(const redis_store_options& options, const char* reason, const char* part) {
  const auto records = open(options);
  for (const operation& each : operations) {
    const auto said = each.ask(*records);
    EXPECT_EQ(why(said), reason) << each.name;
    EXPECT_THAT(sentence(said), HasSubstr(part)) << each.name;
    EXPECT_THAT(sentence(said), Not(HasSubstr("hunter"))) << each.name;
  }
}

TEST(InspectorConnection, OverTcpAndUnixSocketsToAnyDatabase) {
  const redis_server server({.has_unix_socket = true});
  expect_finds(patient(server.url()), server, 0);
  expect_finds(patient(server.url() + "/7"), server, 7);
  expect_finds(patient("redis://localhost:" + std::to_string(server.port())), server, 0);
  expect_finds(patient("unix://" + server.socket_path()), server, 0);
  expect_finds(patient("unix://" + server.socket_path() + "?db=15"), server, 15);
  expect_no_way(patient(server.url() + "/16"), "refused", "the login: ERR");
}

TEST(InspectorConnection, PasswordsAndUsers) {
  const redis_server server(
      {.password = "hunter two", .config = {"user parley on >hunter:3@%rd ~* +@all"}});
  const std::string rest = "@127.0.0.1:" + std::to_string(server.port());
  expect_finds(patient("redis://:hunter%20two" + rest), server, 0);
  expect_finds(patient("redis://default:hunter%20two" + rest + "/3"), server, 3);
  expect_finds(patient("redis://parley:hunter%3a3%40%25rd" + rest), server, 0);
  redis_store_options beside = patient("redis://nobody:nothing" + rest);
  beside.user = "parley";
  beside.password = "hunter:3@%rd";
  expect_finds(beside, server, 0);
  beside = patient("redis://parley:nothing" + rest);
  beside.password = "hunter:3@%rd";
  expect_finds(beside, server, 0);

  expect_no_way(patient("redis://:hunter" + rest), "refused", "the login: WRONGPASS");
  expect_no_way(patient("redis://nobody:hunter%20two" + rest), "refused", "the login: WRONGPASS");
  expect_no_way(patient(server.url()), "refused", "NOAUTH");
}

TEST(InspectorConnection, OverTls) {
  const temporary_folder folder;
  const certificate_authority authority(folder.path(), "authority");
  const certificate_authority stranger(folder.path(), "stranger");
  const auto files = authority.issue("server", "DNS:redis.test,IP:127.0.0.1");
  const auto mine = authority.issue("client", "DNS:client");
  const redis_server server({.tls_certificate_file = files.certificate,
                             .tls_key_file = files.key,
                             .tls_client_authorities_file = authority.file()});
  const std::string url = "rediss://127.0.0.1:" + std::to_string(server.tls_port());
  redis_store_options options = patient(url);
  options.tls = {.authorities_file = authority.file(),
                 .certificate_file = mine.certificate,
                 .private_key_file = mine.key};
  expect_finds(options, server, 0);
  options.tls.server_name = "redis.test";
  expect_finds(options, server, 0);

  options.tls.server_name = "other.test";
  expect_no_way(options, "unavailable", "no TLS with 127.0.0.1:");
  options.tls.server_name = {};
  options.tls.authorities_file = stranger.file();
  expect_no_way(options, "unavailable", "no TLS with 127.0.0.1:");
  // In TLS 1.3 the client is through before the server has looked at what it shows.
  options.tls = {.authorities_file = authority.file()};
  expect_no_way(options, "unavailable", "");
  // A server without TLS waits for the end of the line.
  redis_store_options plain = hasty("rediss://127.0.0.1:" + std::to_string(server.port()));
  plain.tls = options.tls;
  expect_no_way(plain, "timed_out", "no connection to 127.0.0.1:");
}

TEST(InspectorConnection, NobodyThere) {
  const std::string port = std::to_string(find_free_port());
  expect_no_way(patient("redis://user:hunter2@127.0.0.1:" + port), "unavailable",
                ("no connection to 127.0.0.1:" + port).c_str());
  expect_no_way(patient("redis://[::1]:" + port), "unavailable",
                ("no connection to [::1]:" + port).c_str());
  expect_no_way(patient("redis://parley.invalid"), "unavailable",
                "no address for parley.invalid:6379");
  const temporary_folder folder;
  const std::string socket = (folder.path() / "socket").string();
  expect_no_way(patient("unix://" + socket), "unavailable", ("no connection to " + socket).c_str());
}

struct right_case {
  const char* command;
  std::vector<std::string_view> needed_by;
};

// What an operator needs to be allowed: less than a service to look, and SET only for a release.
TEST(InspectorConnection, EachRightIsNeededByTheOperationThatUsesIt) {
  const redis_server server(
      {.config = {"user parley on >secret resetkeys ~parley:* resetchannels -@all +eval +getrange "
                  "+strlen +pttl +scan +set +unlink"}});
  const auto records =
      open(patient("redis://parley:secret@127.0.0.1:" + std::to_string(server.port())));
  const right_case cases[] = {
      {"eval", {"find", "running", "release"}},
      {"getrange", {"find", "running", "release"}},
      {"strlen", {"find", "running", "release"}},
      {"pttl", {"find", "running", "release"}},
      {"scan", {"running", "clear"}},
      {"set", {"release"}},
      {"unlink", {"clear"}},
      {"ping", {}},
  };
  for (const right_case& of : cases) {
    server.command({"ACL", "SETUSER", "parley", std::string("-") + of.command});
    for (const operation& each : operations) {
      const std::string there = encoded(running_record());
      server.command({"SET", key_name(1), there, "PX", "60000"});
      const bool is_needed = std::ranges::find(of.needed_by, each.name) != of.needed_by.end();
      const auto said = each.ask(*records);
      EXPECT_EQ(why(said), is_needed ? "refused" : "answered") << each.name << of.command;
      if (is_needed) {
        EXPECT_EQ(server.command({"GET", key_name(1)}).text, there) << each.name << of.command;
      }
    }
    server.command({"ACL", "SETUSER", "parley", std::string("+") + of.command});
  }
}

// ---- Faults.

TEST(FaultOfInspection, ServerThatWasKilledIsFoundAgain) {
  redis_server server({.appends = append_only::always});
  server.command({"SET", key_name(1), encoded(running_record()), "PX", "60000"});
  const auto records = open(patient(server.url()));
  ASSERT_TRUE(answer(records->find(key_of(1))));
  server.kill9();
  for (const operation& each : operations) EXPECT_EQ(why(each.ask(*records)), "unavailable");
  server.restart();
  EXPECT_TRUE(answer(records->find(key_of(1))));
  server.kill9();
  server.restart();
  EXPECT_TRUE(answer(records->find(key_of(1)))) << "that it was away nobody need know";
}

TEST(FaultOfInspection, ConnectionThatTheServerEndedIsMadeAnew) {
  const redis_server server;
  server.command({"SET", key_name(1), encoded(running_record()), "PX", "60000"});
  const auto records = open(patient(server.url()));
  for (const operation& each : operations) {
    ASSERT_EQ(why(find_it.ask(*records)), "answered");
    server.command({"CLIENT", "KILL", "TYPE", "normal"});
    EXPECT_EQ(why(each.ask(*records)), "answered") << each.name;
  }
}

TEST(FaultOfInspection, ServerThatStandsStillIsWaitedForOnce) {
  redis_server server;
  server.command({"SET", key_name(1), encoded(running_record()), "PX", "60000"});
  const auto records = open(hasty(server.url()));
  server.stop();
  for (const operation& each : operations) {
    const auto said = each.ask(*records);
    EXPECT_EQ(why(said), "timed_out") << each.name;
    EXPECT_EQ(sentence(said), "the server does not answer in time") << each.name;
  }
  server.cont();
  EXPECT_TRUE(answer(open(patient(server.url()))->find(key_of(1))));
}

TEST(FaultOfInspection, SilenceEndsInTime) {
  scripted_server server([](const auto&) { return std::string(); });
  const auto records = open(hasty(server.url()));
  std::size_t asked = 0;
  for (const operation& each : operations) {
    EXPECT_EQ(why(each.ask(*records)), "timed_out") << each.name;
    ++asked;
    EXPECT_TRUE(eventually([&] { return server.operations() >= asked; })) << each.name;
    EXPECT_EQ(server.connections(), asked) << "a late answer would be taken for another";
  }
  EXPECT_EQ(server.operations(), asked) << "and nothing is asked again";
}

TEST(FaultOfInspection, SilenceAtTheLoginEndsInTime) {
  const scripted_server server(nullptr);
  redis_store_options options = hasty(server.url());
  options.password = "hunter2";
  expect_no_way(options, "timed_out", "the server does not answer in time");
}

TEST(FaultOfInspection, HugeReplyThatDoesNotComeTakesNoMemory) {
  scripted_server server([](const auto&) { return "$536870912\r\nx"; });
  const auto records = open(hasty(server.url()));
  for (const operation& each : operations) EXPECT_EQ(why(each.ask(*records)), "timed_out");
}

struct cut_case {
  const char* name;
  cut how;
  std::uint64_t after;
};
void PrintTo(const cut_case& of, std::ostream* to) { *to << of.name; }

class FaultOfInspectionCut : public testing::TestWithParam<cut_case> {};

// What comes of the first connection is told; where one was there before, another is tried.
TEST_P(FaultOfInspectionCut, InTheMiddleOfAReply) {
  const redis_server server;
  server.command({"SET", key_name(1), encoded(running_record()), "PX", "60000"});
  fault_proxy network(server.port());
  const auto records = open(patient(network.url()));
  for (const operation& each : operations) {
    const auto fresh = open(patient(network.url()));
    network.cut_after(way::to_client, GetParam().after, GetParam().how);
    EXPECT_EQ(why(each.ask(*fresh)), "unavailable") << each.name;
    EXPECT_EQ(why(find_it.ask(*fresh)), "answered") << each.name;
    ASSERT_EQ(why(find_it.ask(*records)), "answered") << each.name;
    network.cut_after(way::to_client, GetParam().after, GetParam().how);
    EXPECT_EQ(why(each.ask(*records)), "answered") << each.name;
    server.command({"SET", key_name(1), encoded(running_record()), "PX", "60000"});
  }
  EXPECT_EQ(network.counts().cuts + network.counts().resets, 2 * std::size(operations));
}

INSTANTIATE_TEST_SUITE_P(, FaultOfInspectionCut,
                         testing::ValuesIn({cut_case{"FinishAtOnce", cut::finish, 0},
                                            cut_case{"Finish", cut::finish, 5},
                                            cut_case{"Reset", cut::reset, 5}}),
                         [](const auto& each) { return std::string(each.param.name); });

// The server did it, and only its answer was lost.
TEST(FaultOfInspection, ReleaseThatIsSentAgainFindsItDone) {
  const redis_server server;
  server.command({"SET", key_name(1), encoded(running_record()), "PX", "60000"});
  fault_proxy network(server.port());
  const auto records = open(patient(network.url()));
  ASSERT_TRUE(answer(records->find(key_of(1))));
  const std::uint64_t before = network.forwarded(way::to_client);
  ASSERT_TRUE(answer(records->find(key_of(1))));
  const std::uint64_t reply = network.forwarded(way::to_client) - before;
  network.cut_after(way::to_client, reply + 1);
  EXPECT_EQ(answer(records->release(key_of(1), owner_of(1))), release_status::already);
  EXPECT_EQ(answer(records->find(key_of(1)))->state, record_state::released);
}

// Whichever allocation fails, on a connection that is there or not: std::bad_alloc comes out, or an
// answer, and what is asked next is answered as ever.
TEST(FaultOfInspection, NoMemoryLeavesNothingBehind) {
  const redis_server server;
  const auto plant = [&] {
    for (const std::uint64_t key : {1u, 2u, 3u}) {
      server.command({"SET", key_name(key), encoded(running_record()), "PX", "60000"});
    }
  };
  for (const bool is_connected : {false, true}) {
    for (const operation& each : operations) {
      std::size_t throws = 0;
      bool has_failed = true;
      for (std::size_t nth = 1; has_failed; ++nth) {
        plant();
        const auto records = open(patient(server.url()));
        if (is_connected) {
          ASSERT_EQ(why(find_it.ask(*records)), "answered");
        }
        {
          const failing_allocation failing(nth);
          try {
            static_cast<void>(each.ask(*records));
          } catch (const std::bad_alloc&) {
            ++throws;
          }
          has_failed = failing.has_failed();
        }
        plant();
        EXPECT_EQ(answer(records->find(key_of(2)))->key, key_of(2)) << each.name << nth;
        std::size_t told = 0;
        EXPECT_EQ(answer(records->running(10, [&](const auto&) { ++told; })).examined, 3u);
        EXPECT_EQ(told, 3u) << each.name << nth;
        EXPECT_EQ(answer(records->release(key_of(2), owner_of(1))), release_status::applied);
        EXPECT_EQ(answer(records->clear()), 3u) << each.name << nth;
      }
      EXPECT_GT(throws, 5u) << each.name;
    }
  }
}

// ---- Error replies.

struct error_case {
  const char* name;
  std::string reply;
  inspect_errc why;
  const char* told;
};
void PrintTo(const error_case& of, std::ostream* to) { *to << of.name; }

const error_case error_cases[] = {
    {"Loading", "LOADING Redis is loading hunter2", inspect_errc::refused, ": LOADING"},
    {"NoAuth", "NOAUTH Authentication required.", inspect_errc::refused, ": NOAUTH"},
    {"NoPerm", "NOPERM user hunter2 has no permissions", inspect_errc::refused, ": NOPERM"},
    {"ReadOnly", "READONLY You can't write", inspect_errc::refused, ": READONLY"},
    {"Moved", "MOVED 3999 hunter2:6381", inspect_errc::refused, ": MOVED"},
    {"Busy", "BUSY Redis is busy running a script.", inspect_errc::refused, ": BUSY"},
    {"MasterDown", "MASTERDOWN Link with MASTER is down", inspect_errc::refused, ": MASTERDOWN"},
    {"Err", "ERR unknown command 'hunter2'", inspect_errc::refused, ": ERR"},
    {"CodeAlone", "NO_CODE_1", inspect_errc::refused, ": NO_CODE_1"},
    {"LongestCode", std::string(32, 'C') + " x", inspect_errc::refused,
     ": CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"},
    {"LongCode", std::string(33, 'C') + " x", inspect_errc::refused, ": an error"},
    {"NoCode", "hunter2", inspect_errc::refused, ": an error"},
    {"ControlCharacters", "\x1b[2J", inspect_errc::refused, ": an error"},
    {"Empty", "", inspect_errc::refused, ": an error"},
    {"WrongType", "WRONGTYPE hunter2 holds the wrong kind of value", inspect_errc::corrupt_record,
     "no record"},
};

class FaultOfInspectionError : public testing::TestWithParam<error_case> {};

TEST_P(FaultOfInspectionError, EndsTheOperationAndNotTheConnection) {
  scripted_server server([](const auto&) { return "-" + GetParam().reply + "\r\n"; });
  const auto records = open(patient(server.url()));
  for (const operation& each : operations) {
    const auto said = each.ask(*records);
    if (GetParam().why == inspect_errc::corrupt_record && each.name == release_it.name) {
      EXPECT_EQ(answer(records->release(key_of(1), owner_of(1))), release_status::corrupt);
      continue;
    }
    EXPECT_EQ(why(said), to_string(GetParam().why)) << each.name;
    EXPECT_THAT(sentence(said), testing::EndsWith(GetParam().told)) << each.name;
    EXPECT_THAT(sentence(said), Not(HasSubstr("hunter"))) << "what follows may be a secret";
  }
  EXPECT_EQ(server.connections(), 1u);
}

INSTANTIATE_TEST_SUITE_P(, FaultOfInspectionError, testing::ValuesIn(error_cases),
                         [](const auto& each) { return std::string(each.param.name); });

// ---- Replies that are none, at each step of an operation.

std::string reply_of(const std::vector<std::string>& of) {
  std::string made = "*" + std::to_string(of.size()) + "\r\n";
  for (const std::string& each : of) made += each;
  return made;
}
std::string record_reply(const std::string& value, const char* ttl = "60000") {
  return reply_of({bulk_reply(value), ":" + std::to_string(value.size()) + "\r\n",
                   ":" + std::string(ttl) + "\r\n"});
}
std::string page_reply(const char* cursor, const std::vector<std::string>& names) {
  std::vector<std::string> bulks;
  for (const std::string& each : names) bulks.push_back(bulk_reply(each));
  return reply_of({bulk_reply(cursor), reply_of(bulks)});
}

// A server of key 1, which is running.
std::string right_reply(const std::vector<std::string>& words) {
  const std::string value = encoded(running_record());
  if (words[0] == "SCAN") return page_reply("0", {key_name(1)});
  if (words[0] == "GETRANGE") return bulk_reply(value.substr(0, record_header_bytes));
  if (words[0] == "UNLINK") return ":1\r\n";
  // That of a release has the record that it writes; of a look, the last byte that is wanted.
  return words.size() > 5 ? ":1\r\n" : record_reply(value);
}

struct reply_case {
  const char* name;
  std::string_view step;  // "RELEASE": EVAL with the record to write
  std::string reply;
  const operation& asked;
  const char* why;
};
void PrintTo(const reply_case& of, std::ostream* to) { *to << of.name; }

const reply_case reply_cases[] = {
    {"FindRight", "EVAL", record_reply(encoded(running_record())), find_it, "answered"},
    {"FindStatus", "EVAL", "+OK\r\n", find_it, "malformed"},
    {"FindInteger", "EVAL", ":1\r\n", find_it, "malformed"},
    {"FindNil", "EVAL", "$-1\r\n", find_it, "malformed"},
    {"FindNullArray", "EVAL", "*-1\r\n", find_it, "malformed"},
    {"FindEmptyArray", "EVAL", "*0\r\n", find_it, "malformed"},
    {"FindTwo", "EVAL", "*2\r\n$0\r\n\r\n:0\r\n", find_it, "malformed"},
    {"FindFour", "EVAL", "*4\r\n$0\r\n\r\n:0\r\n:-2\r\n:0\r\n", find_it, "malformed"},
    {"FindNoValue", "EVAL", "*3\r\n$-1\r\n:0\r\n:-2\r\n", find_it, "malformed"},
    {"FindNoSize", "EVAL", "*3\r\n$0\r\n\r\n$1\r\n0\r\n:-2\r\n", find_it, "malformed"},
    {"FindNoTime", "EVAL", "*3\r\n$0\r\n\r\n:0\r\n+2\r\n", find_it, "malformed"},
    {"FindNegativeTime", "EVAL", record_reply(encoded(running_record()), "-3"), find_it,
     "corrupt_record"},
    {"FindNegativeSize", "EVAL",
     reply_of({bulk_reply(encoded(running_record())), ":-1\r\n", ":60000\r\n"}), find_it,
     "corrupt_record"},
    {"FindHttp", "EVAL", "HTTP/1.1 200 OK\r\n\r\n", find_it, "malformed"},
    {"FindGarbage", "EVAL", "\x16\x03\x01\x02", find_it, "malformed"},
    {"FindNotANumber", "EVAL", ":one\r\n", find_it, "malformed"},
    {"FindNegativeBulk", "EVAL", "$-2\r\n", find_it, "malformed"},
    {"FindNobodyAskedFor", "EVAL", record_reply(encoded(running_record())) + ":1\r\n", find_it,
     "malformed"},
    {"FindHalfOfNobodyAskedFor", "EVAL", record_reply(encoded(running_record())) + "$5\r\na",
     find_it, "malformed"},
    {"ScanRight", "SCAN", page_reply("0", {}), list_running, "answered"},
    {"ScanStatus", "SCAN", "+OK\r\n", list_running, "malformed"},
    {"ScanOne", "SCAN", "*1\r\n$1\r\n0\r\n", list_running, "malformed"},
    {"ScanThree", "SCAN", "*3\r\n$1\r\n0\r\n*0\r\n*0\r\n", list_running, "malformed"},
    {"ScanNoCursor", "SCAN", "*2\r\n:0\r\n*0\r\n", list_running, "malformed"},
    {"ScanNoNames", "SCAN", "*2\r\n$1\r\n0\r\n:0\r\n", list_running, "malformed"},
    {"ScanNameOfANumber", "SCAN", "*2\r\n$1\r\n0\r\n*1\r\n:0\r\n", clear_all, "malformed"},
    {"ScanOfOtherNames", "SCAN", page_reply("0", {"other", key_name(1) + "0"}), clear_all,
     "answered"},
    {"HeadStatus", "GETRANGE", "+OK\r\n", list_running, "malformed"},
    {"HeadNil", "GETRANGE", "$-1\r\n", list_running, "malformed"},
    {"HeadGone", "GETRANGE", "$0\r\n\r\n", list_running, "answered"},
    {"HeadWrongType", "GETRANGE", "-WRONGTYPE a list\r\n", list_running, "answered"},
    {"HeadRefused", "GETRANGE", "-NOPERM\r\n", list_running, "refused"},
    {"HeadNobodyAskedFor", "GETRANGE", "$0\r\n\r\n$0\r\n\r\n", list_running, "malformed"},
    {"RecordStatus", "EVAL", "+OK\r\n", list_running, "malformed"},
    {"RecordRefused", "EVAL", "-NOPERM\r\n", list_running, "refused"},
    {"RecordWrongType", "EVAL", "-WRONGTYPE a list\r\n", list_running, "answered"},
    {"RecordGone", "EVAL", record_reply("", "-2"), list_running, "answered"},
    {"RecordCutSince", "EVAL", record_reply("x"), list_running, "answered"},
    {"ReleaseStatus", "RELEASE", "+OK\r\n", release_it, "malformed"},
    {"ReleaseZero", "RELEASE", ":0\r\n", release_it, "malformed"},
    {"ReleaseLost", "RELEASE", ":3\r\n", release_it, "answered"},
    {"ReleaseGone", "RELEASE", ":4\r\n", release_it, "answered"},
    {"ReleaseCorrupt", "RELEASE", ":5\r\n", release_it, "answered"},
    {"ReleaseSix", "RELEASE", ":6\r\n", release_it, "malformed"},
    {"ReleaseRefused", "RELEASE", "-OOM no memory\r\n", release_it, "refused"},
    {"UnlinkNone", "UNLINK", ":0\r\n", clear_all, "answered"},
    {"UnlinkNegative", "UNLINK", ":-1\r\n", clear_all, "malformed"},
    {"UnlinkStatus", "UNLINK", "+OK\r\n", clear_all, "malformed"},
    {"UnlinkRefused", "UNLINK", "-READONLY\r\n", clear_all, "refused"},
};

class FaultOfInspectionReply : public testing::TestWithParam<reply_case> {};

TEST_P(FaultOfInspectionReply, IsToldForWhatItIs) {
  bool is_right = false;
  scripted_server server([&](const std::vector<std::string>& words) {
    const std::string_view step =
        words[0] == "EVAL" && words.size() > 5 ? std::string_view("RELEASE") : words[0];
    return !is_right && step == GetParam().step ? GetParam().reply : right_reply(words);
  });
  const auto records = open(patient(server.url()));
  EXPECT_EQ(why(GetParam().asked.ask(*records)), GetParam().why);
  is_right = true;
  EXPECT_EQ(answer(records->find(key_of(1)))->operation_id, "request-1") << "and goes on";
}

INSTANTIATE_TEST_SUITE_P(, FaultOfInspectionReply, testing::ValuesIn(reply_cases),
                         [](const auto& each) { return std::string(each.param.name); });

// What changed between the two looks at a key.
TEST(InspectorScan, RecordsThatChangeMeanwhileAreNotTold) {
  record completed = running_record();
  completed.state = record_state::completed;
  const struct {
    std::string reply;
    std::size_t examined;
    std::size_t corrupt;
  } cases[] = {
      {record_reply("", "-2"), 0, 0},
      {record_reply(encoded(completed)), 1, 0},
      {record_reply("x"), 0, 1},
      {"-WRONGTYPE a list\r\n", 0, 1},
  };
  for (const auto& of : cases) {
    scripted_server server([&](const std::vector<std::string>& words) {
      return words[0] == "EVAL" ? of.reply : right_reply(words);
    });
    std::size_t told = 0;
    const scan_summary said =
        answer(open(patient(server.url()))->running(1, [&](const auto&) { ++told; }));
    EXPECT_EQ(told, 0u);
    EXPECT_EQ(said.examined, of.examined);
    EXPECT_EQ(said.corrupt, of.corrupt);
    EXPECT_TRUE(said.is_complete);
  }
}

// SCAN may give a name in two of its steps.
TEST(InspectorScan, KeyThatComesTwiceIsToldOnce) {
  scripted_server server([](const std::vector<std::string>& words) {
    if (words[0] == "SCAN") return page_reply(words[1] == "0" ? "7" : "0", {key_name(1)});
    return right_reply(words);
  });
  const auto records = open(patient(server.url()));
  for (const std::size_t limit : {1u, 2u}) {
    std::size_t told = 0;
    EXPECT_TRUE(answer(records->running(limit, [&](const auto&) { ++told; })).is_complete);
    EXPECT_EQ(told, 1u);
  }
}

// ---- Sizes of replies.

// Of 1 MiB, the least that is allowed.
std::string found_with_least_limit(const std::string& reply) {
  scripted_server server([&](const auto&) { return reply; });
  redis_store_options options = patient(server.url());
  options.reply_bytes_max = std::size_t{1} << 20;
  const auto said = open(options)->find(key_of(1));
  EXPECT_EQ(why(said), "malformed");
  return sentence(said);
}

TEST(InspectorReplySize, HasALimit) {
  constexpr std::size_t limit = std::size_t{1} << 20;
  for (const std::size_t size : {limit - 1, limit, limit + 1, limit + 100'000}) {
    const std::string reply = bulk_reply(std::string(size - 12, 'x'));
    ASSERT_EQ(reply.size(), size);
    EXPECT_EQ(found_with_least_limit(reply), size > limit ? "a reply is above reply_bytes_max"
                                                          : "the server's answer to EVAL is none");
  }
}

// Which the elements of an array count for, though each is small.
TEST(InspectorReplySize, IsThatOfAWholeArray) {
  constexpr std::size_t limit = std::size_t{1} << 20;
  for (const std::size_t count : {1'039u, 1'040u, 10'000u}) {
    const std::string reply =
        reply_of(std::vector<std::string>(count, bulk_reply(std::string(1'000, 'x'))));
    EXPECT_EQ(reply.size() > limit, count > 1'039);
    EXPECT_EQ(found_with_least_limit(reply), count > 1'039 ? "a reply is above reply_bytes_max"
                                                           : "the server's answer to EVAL is none");
  }
}

TEST(InspectorReplySize, IsThatOfOneReplyOfMany) {
  std::vector<std::string> names;
  for (std::uint64_t key = 1; key <= 20; ++key) names.push_back(key_name(key));
  const std::string large = record_reply(encoded(running_record()) + std::string(100'000, 'x'));
  scripted_server server([&](const std::vector<std::string>& words) {
    if (words[0] == "SCAN") return page_reply("0", names);
    return words[0] == "EVAL" ? large : right_reply(words);
  });
  redis_store_options options = patient(server.url());
  options.reply_bytes_max = std::size_t{1} << 20;
  std::size_t told = 0;
  EXPECT_TRUE(answer(open(options)->running(20, [&](const auto&) { ++told; })).is_complete);
  EXPECT_EQ(told, 20u);
}

// ---- Options.

struct option_case {
  const char* name;
  void (*set)(redis_store_options&);
  const char* error;  // null: they are right
};
void PrintTo(const option_case& of, std::ostream* to) { *to << of.name; }

const option_case option_cases[] = {
    {"AsMade", [](redis_store_options&) {}, nullptr},
    {"Url", [](redis_store_options& o) { o.url = "redis:"; }, "url: "},
    {"UrlWithAPassword", [](redis_store_options& o) { o.url = "redis://u:hunter2@h:0"; }, "url: "},
    {"Tls", [](redis_store_options& o) { o.url = "rediss://redis"; }, nullptr},
    {"Unix", [](redis_store_options& o) { o.url = "unix:///run/redis"; }, nullptr},
    {"Sentinel", [](redis_store_options& o) { o.url = "redis+sentinel://hunter2@a/main"; },
     "url: does not begin with redis://, rediss:// or unix://"},
    {"Cluster", [](redis_store_options& o) { o.url = "redis+cluster://u:hunter2@a"; },
     "url: does not begin with redis://, rediss:// or unix://"},
    {"ClusterOverTls", [](redis_store_options& o) { o.url = "rediss+cluster://u:hunter2@a"; },
     "url: does not begin with redis://, rediss:// or unix://"},
    {"OperationTimeoutZero", [](redis_store_options& o) { o.operation_timeout = 0ms; },
     "operation_timeout"},
    {"OperationTimeoutLeast", [](redis_store_options& o) { o.operation_timeout = 1ms; }, nullptr},
    {"OperationTimeoutMost", [](redis_store_options& o) { o.operation_timeout = 1h; }, nullptr},
    {"OperationTimeoutAbove", [](redis_store_options& o) { o.operation_timeout = 1h + 1ms; },
     "operation_timeout"},
    {"ConnectTimeoutZero", [](redis_store_options& o) { o.connect_timeout = 0ms; },
     "connect_timeout"},
    {"ConnectTimeoutLeast", [](redis_store_options& o) { o.connect_timeout = 1ms; }, nullptr},
    {"ConnectTimeoutMost", [](redis_store_options& o) { o.connect_timeout = 1h; }, nullptr},
    {"ConnectTimeoutAbove", [](redis_store_options& o) { o.connect_timeout = 1h + 1ms; },
     "connect_timeout"},
    {"ReplyBelow", [](redis_store_options& o) { o.reply_bytes_max = (std::size_t{1} << 20) - 1; },
     "reply_bytes_max"},
    {"ReplyLeast", [](redis_store_options& o) { o.reply_bytes_max = std::size_t{1} << 20; },
     nullptr},
    {"ReplyMost", [](redis_store_options& o) { o.reply_bytes_max = std::size_t{512} << 20; },
     nullptr},
    {"ReplyAbove", [](redis_store_options& o) { o.reply_bytes_max = (std::size_t{512} << 20) + 1; },
     "reply_bytes_max"},
    {"PrefixEmpty", [](redis_store_options& o) { o.key_prefix = ""; }, nullptr},
    {"PrefixLongest", [](redis_store_options& o) { o.key_prefix = std::string(128, 'p'); },
     nullptr},
    {"PrefixTooLong", [](redis_store_options& o) { o.key_prefix = std::string(129, 'p'); },
     "key_prefix"},
    {"PrefixBlank", [](redis_store_options& o) { o.key_prefix = "a b"; }, "key_prefix"},
    {"PrefixByte", [](redis_store_options& o) { o.key_prefix = "\xc3\xa9"; }, "key_prefix"},
    {"UserAlone", [](redis_store_options& o) { o.user = "parley"; },
     "there is a user without a password"},
    {"UserForThePasswordOfTheUrl",
     [](redis_store_options& o) {
       o.url = "redis://:hunter2@redis";
       o.user = "parley";
     },
     nullptr},
    {"PasswordAlone", [](redis_store_options& o) { o.password = "hunter2"; }, nullptr},
    {"NoAuthoritiesFile",
     [](redis_store_options& o) {
       o.url = "rediss://u:hunter2@redis";
       o.tls.authorities_file = "/nowhere/authorities.pem";
     },
     "tls: cannot use the file /nowhere/authorities.pem"},
    {"NoCertificateFile",
     [](redis_store_options& o) {
       o.url = "rediss://u:hunter2@redis";
       o.tls.certificate_file = "/nowhere/certificate.pem";
       o.tls.private_key_file = "/nowhere/key.pem";
     },
     "tls: cannot use the file /nowhere/certificate.pem"},
    {"CertificateAlone",
     [](redis_store_options& o) {
       o.url = "rediss://redis";
       o.tls.certificate_file = "/nowhere/certificate.pem";
     },
     "tls: a certificate and a private key go together"},
    {"FilesWithoutTls",
     [](redis_store_options& o) { o.tls.authorities_file = "/nowhere/authorities.pem"; }, nullptr},
};

class InspectorOptions : public testing::TestWithParam<option_case> {};

TEST_P(InspectorOptions, AreChecked) {
  redis_store_options options;
  GetParam().set(options);
  const auto made = make_inspector(options);
  if (GetParam().error == nullptr) {
    ASSERT_TRUE(made.has_value()) << made.error();
    EXPECT_NE(*made, nullptr) << "and nobody has to be there";
  } else {
    ASSERT_FALSE(made.has_value());
    EXPECT_TRUE(made.error().starts_with(GetParam().error)) << made.error();
    EXPECT_EQ(made.error().find("hunter"), std::string::npos) << made.error();
  }
}

INSTANTIATE_TEST_SUITE_P(, InspectorOptions, testing::ValuesIn(option_cases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(InspectorNames, AreThoseOfTheEnums) {
  constexpr const char* reasons[] = {"unavailable", "timed_out", "refused", "malformed",
                                     "corrupt_record"};
  for (std::size_t i = 0; i < std::size(reasons); ++i) {
    EXPECT_EQ(to_string(static_cast<inspect_errc>(i + 1)), reasons[i]);
  }
  constexpr const char* statuses[] = {"applied", "already", "lost", "gone", "corrupt"};
  for (std::size_t i = 0; i < std::size(statuses); ++i) {
    EXPECT_EQ(to_string(static_cast<release_status>(i + 1)), statuses[i]);
  }
  for (const int none : {0, 6, 255}) {
    EXPECT_EQ(to_string(static_cast<inspect_errc>(none)), "unknown");
    EXPECT_EQ(to_string(static_cast<release_status>(none)), "unknown");
  }
}

}  // namespace
}  // namespace parley::idempotency_redis
