// SPDX-License-Identifier: Apache-2.0
#include "idempotency_testing/cases.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "idempotency_testing/context.hpp"

namespace parley::idempotency_testing::detail {
namespace {

// As many as threads are to compete, in turn of the one request and of the other.
std::vector<attempt> retries_of(context& c, const attempt& one, const attempt& other) {
  std::vector<attempt> all(c.options().threads);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = c.retry_of(i % 2 == 0 ? one : other);
  return all;
}

// Claims `all` at a time, a thread each.
std::vector<claim_answer> claim_together(context& c, std::vector<attempt>& all) {
  std::vector<claim_answer> answers(all.size());
  c.run_threads(all.size(), [&](std::size_t i) { answers[i] = c.claim(all[i]); });
  return answers;
}

std::size_t count(const std::vector<claim_answer>& answers, claim_status status) {
  return static_cast<std::size_t>(std::ranges::count(answers, status, &claim_answer::status));
}

std::size_t winner_of(const std::vector<claim_answer>& answers) {
  return static_cast<std::size_t>(
      std::ranges::find(answers, claim_status::claimed, &claim_answer::status) - answers.begin());
}

void one_claim_wins(context& c) {
  const attempt one = c.on_fresh_key();
  std::vector<attempt> all = retries_of(c, one, one);

  const std::vector<claim_answer> first = claim_together(c, all);
  c.expect("claims that are claimed", count(first, claim_status::claimed), std::size_t{1});
  c.expect("claims that find it running", count(first, claim_status::running), all.size() - 1);
  const std::size_t winner = winner_of(first);
  if (winner == all.size()) return;
  const std::string id = all[winner].request_id;
  for (const claim_answer& each : first) {
    c.expect("the operation_id of all", std::string_view(each.operation_id), std::string_view(id));
  }

  c.answers("the winner's complete", c.complete(all[winner], "bytes"), write_status::applied);
  const std::vector<claim_answer> second = claim_together(c, all);
  c.expect("claims after it that replay", count(second, claim_status::completed), all.size());
  for (const claim_answer& each : second) {
    const std::string bytes = text_of(each.response);
    c.expect("the response of all", std::string_view(bytes), std::string_view("bytes"));
  }
}

void one_request_wins(context& c) {
  const attempt one = c.on_fresh_key();
  const attempt other = c.other_request(one);
  std::vector<attempt> all = retries_of(c, one, other);
  const std::vector<claim_answer> answers = claim_together(c, all);
  c.expect("claims that are claimed", count(answers, claim_status::claimed), std::size_t{1});
  const std::size_t winner = winner_of(answers);
  if (winner == all.size()) return;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i == winner) continue;
    const bool is_same = all[i].fingerprint == all[winner].fingerprint;
    c.expect(is_same ? "a claim of the winner's request" : "a claim of the other request",
             answers[i].status, is_same ? claim_status::running : claim_status::conflict);
  }
}

void one_takeover_wins(context& c) {
  attempt one = c.on_fresh_key();
  c.claims("the claim", one);
  c.end_lease(one);
  std::vector<attempt> all = retries_of(c, one, one);
  const std::vector<claim_answer> answers = claim_together(c, all);
  c.expect("claims that take over", count(answers, claim_status::claimed), std::size_t{1});
  c.expect("claims that find it running", count(answers, claim_status::running), all.size() - 1);
  for (const claim_answer& each : answers) {
    c.expect("the operation_id of all", std::string_view(each.operation_id),
             std::string_view(one.request_id));
  }
}

void holder_or_takeover(context& c) {
  struct race {
    attempt holder;
    attempt taker;
    write_answer completed{};
    claim_answer claimed{};
  };
  std::vector<race> races(32);
  for (race& each : races) {
    each.holder = c.on_fresh_key();
    each.taker = c.retry_of(each.holder);
    c.claims("the claim", each.holder);
  }
  c.advance(races.front().holder.lease);
  for (race& each : races) {
    c.run_threads(2, [&](std::size_t i) {
      if (i == 0) {
        each.completed = c.complete(each.holder, "bytes", false);
      } else {
        each.claimed = c.claim(each.taker);
      }
    });
    const bool holder_won = each.completed.status == write_status::applied &&
                            each.claimed.status == claim_status::completed;
    const bool taker_won =
        each.completed.status == write_status::lost && each.claimed.status == claim_status::claimed;
    if (holder_won || taker_won) continue;
    c.fail("complete is " + describe(each.completed.status) + " and the takeover is " +
           describe(each.claimed.status) + ": neither order of the two gives that");
    return;
  }
}

void claim_and_its_release(context& c) {
  for (int round = 0; round < 32; ++round) {
    attempt one = c.on_fresh_key();
    const attempt sent = one;
    claim_answer claimed{};
    write_answer released{};
    c.run_threads(2, [&](std::size_t i) {
      if (i == 0) {
        claimed = c.claim(one);
      } else {
        released = c.release(sent);
      }
    });
    c.answers("release", released, write_status::applied);
    c.expect_true("the claim is claimed or spent",
                  claimed.status == claim_status::claimed ||
                      (claimed.status == claim_status::failed &&
                       claimed.failure.why == store_errc::spent_nonce));
    c.is_spent("the claim, again under its nonce", sent);
    attempt two = c.retry_of(one);
    c.claims("a retry", two);
  }
}

void keys_at_a_time(context& c) {
  std::vector<std::vector<attempt>> all(c.options().threads);
  for (auto& each : all) {
    for (int i = 0; i < 8; ++i) each.push_back(c.on_fresh_key());
  }
  c.run_threads(all.size(), [&](std::size_t i) {
    for (attempt& each : all[i]) {
      c.claims("the claim", each);
      c.answers("mark", c.mark(each, each.request_id), write_status::applied);
      c.answers("complete", c.complete(each, each.request_id), write_status::applied);
    }
  });
  for (const auto& some : all) {
    for (const attempt& each : some) {
      c.replays("a retry", c.retry_of(each), each.request_id, each.request_id);
    }
  }
}

// What all threads know of a key: who holds it, and what was acknowledged.
struct watched_key {
  attempt pattern;
  std::atomic<int> holders{0};
  std::atomic<bool> is_completed{false};
  std::atomic<std::uint64_t> fence{0};
};

// One attempt on a key; each property that it finds broken is a finding. No lease ends here.
void random_attempt(context& c, watched_key& key, std::mt19937_64& random) {
  attempt mine = c.retry_of(key.pattern);
  const bool was_completed = key.is_completed;
  const claim_answer answer = c.claim(mine);
  if (answer.status == claim_status::completed) {
    // The response is the id of the attempt that made it, so each replay proves itself.
    const std::string bytes = text_of(answer.response);
    c.expect("a replay", std::string_view(bytes), std::string_view(answer.operation_id));
    return;
  }
  if (was_completed) c.fail("a claim after an acknowledged complete is " + describe(answer.status));
  if (answer.status != claim_status::claimed) {
    c.expect("a claim of a key that is held", answer.status, claim_status::running);
    return;
  }
  if (key.holders.fetch_add(1) != 0) c.fail("two attempts hold one key");
  c.expect_above("the fence of a later attempt", answer.fence, key.fence.exchange(answer.fence));
  const std::uint64_t choice = random() % 8;
  if (choice >= 6) {
    c.answers("mark", c.mark(mine, "note"), write_status::applied);
    c.answers("renew", c.renew(mine, mine.lease), write_status::applied);
  }
  key.holders.fetch_sub(1);
  if (choice == 0) {
    c.answers("complete", c.complete(mine, mine.request_id), write_status::applied);
    key.is_completed = true;
  } else {
    c.answers("release", c.release(mine), write_status::applied);
  }
}

void histories(context& c) {
  std::vector<std::unique_ptr<watched_key>> keys;
  for (int i = 0; i < 24; ++i) {
    keys.push_back(std::make_unique<watched_key>());
    keys.back()->pattern = c.on_fresh_key();
  }
  const std::size_t threads = std::min<std::size_t>(c.options().threads, 8);
  c.run_threads(threads, [&](std::size_t i) {
    std::mt19937_64 random(c.options().seed + i);
    for (auto& each : keys) {
      for (int turn = 0; turn < 12; ++turn) random_attempt(c, *each, random);
    }
  });
  for (auto& each : keys) {
    attempt last = c.retry_of(each->pattern);
    const claim_answer answer = c.claim(last);
    c.expect("a claim when all is quiet", answer.status,
             each->is_completed ? claim_status::completed : claim_status::claimed);
  }
}

constexpr conformance_case rows[] = {
    {"OneOfManyClaimsWins",
     "Of many threads that claim one key one is claimed; once it has completed all others replay.",
     case_need::nothing, one_claim_wins},
    {"OneOfTwoRequestsWins", "Of two requests that race for a key one runs, the other conflicts.",
     case_need::nothing, one_request_wins},
    {"OneOfManyTakeoversWins", "Of many threads that find a lease over one takes over.",
     case_need::clock, one_takeover_wins},
    {"HolderOrTakeoverWins",
     "Where a late complete races with a takeover one of them wins, never both or none.",
     case_need::clock, holder_or_takeover},
    {"ClaimAndItsReleaseLeaveNoZombie",
     "Whichever of a claim and its own release comes first, the key is free after both.",
     case_need::nothing, claim_and_its_release},
    {"KeysDoNotDisturbEachOther", "Threads that work on keys of their own never meet.",
     case_need::nothing, keys_at_a_time},
    {"RandomHistoriesKeepTheProperties",
     "Whatever threads do at a time, holders never overlap, fences rise, and what was acknowledged "
     "as completed is replayed.",
     case_need::nothing, histories},
};

}  // namespace

std::span<const conformance_case> thread_cases() noexcept { return rows; }

}  // namespace parley::idempotency_testing::detail
