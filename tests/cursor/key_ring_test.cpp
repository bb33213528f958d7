// SPDX-License-Identifier: Apache-2.0
#include "parley/cursor/key_ring.hpp"

#include <atomic>
#include <cstdlib>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cursor/reference.hpp"

namespace parley::cursor {
namespace {

using reference::buffer;
using calls_codec = codec<std::int64_t, std::int64_t>;

constexpr auto active = key_state::active;
constexpr auto verify_only = key_state::verify_only;
constexpr auto retired = key_state::retired;

const scope bound = {};
const seconds_time now = at_second(1'700'000'000);

// Of letters that no message has, so that it would be seen in one.
buffer secret_of_size(std::size_t size, char fill = '%') {
  return buffer(size, static_cast<unsigned char>(fill));
}

key_set make_keys(std::uint8_t id, const buffer& secret) {
  return *key_set::make({{id, active, secret_of(secret)}});
}

std::string issue(const key_set& keys, std::int64_t key = 1) {
  return std::string(calls_codec::issue(keys, bound, {key, key}, now).view());
}

std::string verdict(const key_set& keys, std::string_view text) {
  const auto got = calls_codec::verify(keys, bound, text, now, order::descending);
  return got ? "accepted" : std::string(to_string(got.error()));
}

struct entry {
  std::uint8_t id = 0;
  key_state state = key_state::active;
  std::size_t secret_size = 32;
};
struct make_case {
  const char* name;
  std::vector<entry> keys;
  const char* message;  // none: it is made
};
std::vector<make_case> make_cases() {
  return {
      {"OneActive", {{0, active}}, nullptr},
      {"LastId", {{255, active}}, nullptr},
      {"AllStates", {{0, retired, 0}, {1, active}, {2, verify_only}}, nullptr},
      {"Shortest", {{1, active, 32}}, nullptr},
      {"Longest", {{1, active, 1024}}, nullptr},
      {"RetiredSecretIsNotLookedAt", {{1, active}, {2, retired, 5}, {3, retired, 5000}}, nullptr},
      {"NoKeys", {}, "0 keys are active, and one must be"},
      {"NoneActive", {{1, verify_only}, {2, retired}}, "0 keys are active, and one must be"},
      {"TwoActive", {{1, active}, {2, active}}, "2 keys are active, and one must be"},
      {"NoSecret", {{1, active, 0}}, "key 1 has a secret of 0 bytes, not 32 to 1024"},
      {"TooShort", {{1, active, 31}}, "key 1 has a secret of 31 bytes, not 32 to 1024"},
      {"TooLong", {{1, active, 1025}}, "key 1 has a secret of 1025 bytes, not 32 to 1024"},
      {"ShortToVerify",
       {{1, active}, {255, verify_only, 31}},
       "key 255 has a secret of 31 bytes, not 32 to 1024"},
      {"Twice", {{1, active}, {2, verify_only}, {1, verify_only}}, "key 1 is given twice"},
      {"TwiceRetired", {{1, active}, {1, retired}}, "key 1 is given twice"},
      {"NoState", {{3, static_cast<key_state>(0)}}, "key 3 has no known state"},
      {"StateBeyond", {{3, static_cast<key_state>(4)}}, "key 3 has no known state"},
  };
}

class KeySetMake : public testing::TestWithParam<make_case> {};

TEST_P(KeySetMake, MakesOrSaysWhyAndNoSecret) {
  std::vector<buffer> secrets;
  for (const entry& each : GetParam().keys) secrets.push_back(secret_of_size(each.secret_size));
  std::vector<key_entry> entries;
  for (std::size_t i = 0; i < secrets.size(); ++i) {
    entries.push_back({GetParam().keys[i].id, GetParam().keys[i].state, secret_of(secrets[i])});
  }
  const auto made = key_set::make(entries);
  if (GetParam().message == nullptr) {
    ASSERT_TRUE(made.has_value()) << made.error();
    EXPECT_EQ(verdict(*made, issue(*made)), "accepted");
    return;
  }
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error(), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(, KeySetMake, testing::ValuesIn(make_cases()),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(KeySet, TakesEveryIdAtOnce) {
  std::vector<buffer> secrets;
  for (int i = 0; i < 256; ++i) secrets.push_back(secret_of_size(32, static_cast<char>(i)));
  const auto with_active = [&secrets](std::size_t id) {
    std::vector<key_entry> entries;
    for (std::size_t i = 0; i < 256; ++i) {
      entries.push_back(
          {static_cast<std::uint8_t>(i), i == id ? active : verify_only, secret_of(secrets[i])});
    }
    return *key_set::make(entries);
  };
  const key_set keys = with_active(77);
  for (std::size_t i = 0; i < 256; i += 15) {
    const key_set others = with_active(i);
    EXPECT_EQ(others.active_id(), i);
    const std::string text = issue(others);
    EXPECT_EQ(key_id_of(text), i);
    EXPECT_EQ(verdict(keys, text), "accepted");
    EXPECT_EQ(text, reference::sign(reference::body_of(position<std::int64_t, std::int64_t>{1, 1},
                                                       static_cast<unsigned>(i), 1'700'000'000),
                                    reference::signing_key(secrets[i]), bound));
  }
}

TEST(KeySet, DerivesFromSecretsOfEverySize) {
  for (const std::size_t size : {32u, 33u, 63u, 64u, 65u, 1023u, 1024u}) {
    const buffer secret = secret_of_size(size, 's');
    EXPECT_EQ(issue(make_keys(1, secret)),
              reference::sign(
                  reference::body_of(position<std::int64_t, std::int64_t>{1, 1}, 1, 1'700'000'000),
                  reference::signing_key(secret), bound))
        << size;
  }
}

TEST(KeySet, Moves) {
  key_set first = make_keys(1, secret_of_size(32, 'a'));
  key_set second = make_keys(2, secret_of_size(32, 'b'));
  const std::string text = issue(first);
  second = std::move(first);
  EXPECT_EQ(second.active_id(), 1);
  EXPECT_EQ(verdict(second, text), "accepted");
  const key_set third = std::move(second);
  EXPECT_EQ(verdict(third, text), "accepted");
}

TEST(KeyStates, HaveNames) {
  EXPECT_EQ(to_string(active), "active");
  EXPECT_EQ(to_string(verify_only), "verify_only");
  EXPECT_EQ(to_string(retired), "retired");
  EXPECT_EQ(to_string(static_cast<key_state>(9)), "unknown");
}

TEST(KeyRing, RotatesInThreeSteps) {
  const buffer old_secret = secret_of_size(32, 'a');
  const buffer new_secret = secret_of_size(32, 'b');
  const auto keys = [&](key_state old_state, key_state new_state) {
    return *key_set::make(
        {{1, old_state, secret_of(old_secret)}, {2, new_state, secret_of(new_secret)}});
  };
  key_ring ring(make_keys(1, old_secret));
  const std::string old_text = issue(ring.current());
  const std::string new_text = issue(make_keys(2, new_secret));
  EXPECT_EQ(verdict(ring.current(), new_text), "unknown_key");

  ring.publish(keys(active, verify_only));
  EXPECT_EQ(ring.current().active_id(), 1);
  EXPECT_EQ(verdict(ring.current(), new_text), "accepted");
  ring.publish(keys(verify_only, active));
  EXPECT_EQ(issue(ring.current()), new_text);
  EXPECT_EQ(verdict(ring.current(), old_text), "accepted");
  ring.publish(keys(retired, active));
  EXPECT_EQ(verdict(ring.current(), old_text), "retired_key");
  EXPECT_EQ(verdict(ring.current(), new_text), "accepted");
  ring.publish(make_keys(2, new_secret));
  EXPECT_EQ(verdict(ring.current(), old_text), "unknown_key");
}

TEST(KeyRing, IsToldFromOthers) {
  key_ring first(make_keys(1, secret_of_size(32, 'a')));
  auto second = std::make_unique<key_ring>(make_keys(2, secret_of_size(32, 'b')));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(first.current().active_id(), 1);
    EXPECT_EQ(second->current().active_id(), 2);
  }
  first.publish(make_keys(3, secret_of_size(32, 'c')));
  EXPECT_EQ(second->current().active_id(), 2);
  EXPECT_EQ(first.current().active_id(), 3);
  // Likely at the same address.
  second.reset();
  second = std::make_unique<key_ring>(make_keys(4, secret_of_size(32, 'd')));
  EXPECT_EQ(second->current().active_id(), 4);
}

TEST(KeyRing, KeysStayUntilCurrentIsCalledAgain) {
  key_ring ring(make_keys(1, secret_of_size(32, 'a')));
  const key_set& keys = ring.current();
  const std::string text = issue(keys);
  std::thread([&ring] { ring.publish(make_keys(2, secret_of_size(32, 'b'))); }).join();
  EXPECT_EQ(verdict(keys, text), "accepted");
  EXPECT_EQ(verdict(ring.current(), text), "unknown_key");
}

// Threads that hold its keys end later, or go on with another ring.
TEST(KeyRing, MayEndBeforeTheThreadsThatUsedIt) {
  auto ring = std::make_unique<key_ring>(make_keys(1, secret_of_size(32, 'a')));
  key_ring other(make_keys(2, secret_of_size(32, 'b')));
  constexpr int threads_count = 4;
  std::latch held(threads_count);
  std::latch ended(1);
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < threads_count; ++i) {
    threads.emplace_back([&, i] {
      const key_set& keys = ring->current();
      held.count_down();
      ended.wait();
      if (keys.active_id() == 1) ++right;
      if (i % 2 == 0 && other.current().active_id() == 2) ++right;
    });
  }
  held.wait();
  ring.reset();
  ended.count_down();
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(right, 6);
}

// A ring that is a static object ends after what its thread holds.
TEST(KeyRingDeathTest, MayBeStatic) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        static key_ring ring(make_keys(1, secret_of_size(32, 'a')));
        static const bool is_there = ring.current().active_id() == 1;
        std::exit(is_there ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

// Round r signs with key r modulo 256, verifies r - 1 and has retired r - 2.
key_set keys_of_round(std::uint64_t round) {
  std::vector<buffer> secrets;
  for (std::uint64_t back = 0; back < 2; ++back) {
    secrets.push_back(reference::big_endian(round - back, 8));
    secrets.back().resize(32);
  }
  const auto id = [round](std::uint64_t back) {
    return static_cast<std::uint8_t>((round - back) & 0xFF);
  };
  return *key_set::make({{id(0), active, secret_of(secrets[0])},
                         {id(1), verify_only, secret_of(secrets[1])},
                         {id(2), retired, {}}});
}

TEST(KeyRingThreads, NothingValidIsRefusedAndNothingRetiredIsAccepted) {
  constexpr std::uint64_t first_round = 10;
  constexpr std::uint64_t rounds = 400;
  constexpr int readers_count = 3;
  key_ring ring(keys_of_round(first_round));
  std::atomic<std::uint64_t> started = first_round;
  std::atomic<std::uint64_t> published = first_round;
  std::atomic<std::uint64_t> operations = 0;
  std::atomic<int> faults = 0;
  std::atomic<std::uint64_t> accepted = 0;
  std::atomic<std::uint64_t> refused = 0;

  const auto read = [&](unsigned thread) {
    struct issued_text {
      std::uint64_t round = 0;
      std::string text;
    };
    std::vector<issued_text> recent(16);
    issued_text first;
    for (std::uint64_t turn = 0; published.load() < first_round + rounds; ++turn) {
      // What is issued is of a round between the last that was published before and the last that
      // was begun after.
      std::uint64_t low = published.load();
      const key_set& keys = ring.current();
      const std::uint64_t round = low + ((keys.active_id() - low) & 0xFF);
      if (round > started.load()) ++faults;
      recent[turn % recent.size()] = {round, issue(keys, static_cast<std::int64_t>(turn))};
      if (turn == 0) first = recent.front();

      const issued_text& old = recent[(turn * 7 + thread) % recent.size()];
      if (!old.text.empty()) {
        low = published.load();
        const bool is_accepted = verdict(ring.current(), old.text) == "accepted";
        const std::uint64_t high = started.load();
        if (is_accepted ? low > old.round + 1 : high < old.round + 2) ++faults;
        ++(is_accepted ? accepted : refused);
      }
      ++operations;
    }
    // Of the reader that was there from the beginning, this one is retired by now.
    if (first.round + 2 <= first_round + rounds &&
        verdict(ring.current(), first.text) != "accepted") {
      ++refused;
    }
  };
  std::vector<std::thread> readers;
  for (unsigned i = 0; i < readers_count; ++i) readers.emplace_back(read, i);
  for (std::uint64_t round = first_round + 1; round <= first_round + rounds; ++round) {
    const std::uint64_t before = operations.load();
    key_set next = keys_of_round(round);
    started = round;
    ring.publish(std::move(next));
    published = round;
    while (operations.load() < before + 20 && round < first_round + rounds) {
      std::this_thread::yield();
    }
  }
  for (std::thread& each : readers) each.join();
  EXPECT_EQ(faults, 0);
  EXPECT_GT(accepted, rounds);
  EXPECT_GT(refused, 0u);
}

}  // namespace
}  // namespace parley::cursor
