// SPDX-License-Identifier: Apache-2.0
#include "idempotency_testing/cases.hpp"

#include <array>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "idempotency_testing/context.hpp"
#include "parley/idempotency_testing/model_store.hpp"

namespace parley::idempotency_testing::detail {
namespace {

constexpr std::size_t keys_max = 4;
constexpr std::size_t nonces_max = 5;   // live ones a key
constexpr std::size_t steps_shown = 8;  // in a finding
constexpr milliseconds ms{1};

// An attempt as the store knows it, and as the model does: their fences may differ.
struct twin {
  attempt here;
  attempt model;
};

struct tried_key {
  digest key;
  digest scope;
  std::array<digest, 2> fingerprints;
  std::deque<twin> attempts;
  std::optional<twin> holder;  // claimed last
  std::uint64_t fence = 0;     // of the last attempt claimed, in the store and in the model
  std::uint64_t model_fence = 0;
};

// Random operations on the store and on the model, until an answer differs.
class comparison {
 public:
  explicit comparison(context& c)
      : c_(c), moves_clock_(c.clock() == clock_kind::manual), random_(c.options().seed) {
    keys_.resize(keys_max);
    for (tried_key& each : keys_) {
      each.key = c.fresh_digest();
      each.scope = c.fresh_digest();
      for (digest& fingerprint : each.fingerprints) fingerprint = c.fresh_digest();
    }
  }

  void run() {
    for (std::size_t i = 0; i < c_.options().random_operations && !differs_; ++i) step(i);
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  template <class T, std::size_t Count>
  T one_of(const T (&values)[Count]) {
    return values[below(Count)];
  }

  milliseconds random_lease() {
    if (!moves_clock_) return std::chrono::hours(1);
    return one_of({ms, 1'000 * ms, 5'000 * ms, 30'000 * ms});
  }
  milliseconds random_retention(milliseconds lease) {
    if (!moves_clock_) return day;
    return one_of({lease + idempotency::retention_margin, lease + 20'000 * ms, day});
  }

  void step(std::size_t number) {
    tried_key& key = keys_[below(keys_.size())];
    const std::uint64_t choice = below(100);
    if (moves_clock_ && choice < 15) {
      pass_time();
    } else if (choice < 60 || key.attempts.empty()) {
      claim(number, key);
    } else {
      const bool is_holder = key.holder && below(2) == 0;
      write(number, key, is_holder ? *key.holder : key.attempts[below(key.attempts.size())]);
    }
  }

  // Steps that land on, just before and just after what ends.
  void pass_time() {
    const milliseconds by =
        below(4) != 0
            ? one_of({ms, 999 * ms, 1'000 * ms, 4'999 * ms, 5'000 * ms, 29'999 * ms, 30'000 * ms})
            : one_of({idempotency::released_retention - ms, day - ms, day});
    c_.advance(by);
    model_.advance(by);
    note("the clock moves " + describe(by));
  }

  void claim(std::size_t number, tried_key& key) {
    const bool is_retry = !key.attempts.empty() && below(3) == 0;
    if (!is_retry) {
      twin made;
      made.here = c_.on_fresh_key();
      made.here.key = key.key;
      made.here.scope = key.scope;
      made.here.fingerprint = key.fingerprints[below(4) == 0 ? 1 : 0];
      made.here.lease = random_lease();
      made.here.retention = random_retention(made.here.lease);
      made.model = made.here;
      key.attempts.push_back(made);
      if (key.attempts.size() > nonces_max) key.attempts.pop_front();
    }
    twin& by = is_retry ? key.attempts[below(key.attempts.size())] : key.attempts.back();
    by.here.rerun_marked = by.model.rerun_marked = below(3) == 0;
    by.here.unix_ms = by.model.unix_ms = c_.unix_ms();
    note(step_name(number, key, by) + (by.here.rerun_marked ? " claim, rerun_marked" : " claim"));

    const claim_answer got = c_.claim(by.here);
    const claim_answer expected = claim_model(by.model);
    same("status", got.status, expected.status);
    if (differs_) return;
    if (expected.status == claim_status::failed) {
      same("failure", got.failure.why, expected.failure.why);
      return;
    }
    same("operation_id", std::string_view(got.operation_id),
         std::string_view(expected.operation_id));
    switch (expected.status) {
      case claim_status::claimed:
        compare_fences(key, by);
        key.holder = by;
        break;
      case claim_status::completed: {
        const std::string bytes = text_of(got.response);
        const std::string wanted = text_of(expected.response);
        same("response", std::string_view(bytes), std::string_view(wanted));
        break;
      }
      case claim_status::running: {
        // A manual clock may be read in coarser units than it is set in, by a millisecond.
        const milliseconds off = got.lease_left - expected.lease_left;
        const milliseconds slack = moves_clock_ ? ms : std::chrono::hours(1);
        if (off > ms || off < -slack || got.lease_left <= milliseconds(0)) {
          same("lease_left", got.lease_left, expected.lease_left);
        }
        break;
      }
      case claim_status::abandoned:
        same("note", std::string_view(got.note), std::string_view(expected.note));
        break;
      case claim_status::conflict:
      case claim_status::failed: break;
    }
  }

  // Fences are the store's own; that they rise, stay or come again as the model's do is not.
  void compare_fences(tried_key& key, const twin& by) {
    if (by.model.fence == key.model_fence) same("fence", by.here.fence, key.fence);
    if (by.model.fence > key.model_fence && by.here.fence <= key.fence) {
      differ("fence " + describe(by.here.fence) + " is not above " + describe(key.fence));
    }
    key.fence = by.here.fence;
    key.model_fence = by.model.fence;
  }

  claim_answer claim_model(attempt& by) {
    kept_op<claim_op> op("claim", by.request_id);
    op.key = by.key;
    op.fingerprint = by.fingerprint;
    op.scope = by.scope;
    op.nonce = by.nonce;
    op.request_id = op.views;
    op.lease = by.lease;
    op.retention = by.retention;
    op.unix_ms = by.unix_ms;
    op.rerun_marked = by.rerun_marked;
    model_.claim(op);
    if (op.status == claim_status::claimed) {
      by.fence = op.fence;
      by.operation_id = op.operation_id.view();
    }
    return {op.status,
            op.fence,
            std::string(op.operation_id.view()),
            std::string(op.note.view()),
            op.response,
            op.lease_left,
            op.failure};
  }

  void write(std::size_t number, tried_key& key, const twin& by) {
    const std::string name = step_name(number, key, by);
    const std::uint64_t choice = below(10);
    if (choice < 4) {
      complete(name, by);
    } else if (choice < 6) {
      note(name + " release");
      kept_op<release_op> op("release", {});
      op.scope = by.model.scope;
      op.fence = by.model.fence;
      compare(c_.release(by.here), op, by.model);
    } else if (choice < 8) {
      const milliseconds lease = random_lease();
      note(name + " renew " + describe(lease));
      kept_op<renew_op> op("renew", {});
      op.lease = lease;
      compare(c_.renew(by.here, lease), op, by.model);
    } else {
      note(name + " mark");
      kept_op<mark_op> op("mark", "note " + std::to_string(number));
      op.note = op.views;
      compare(c_.mark(by.here, op.views), op, by.model);
    }
  }

  void complete(const std::string& name, const twin& by) {
    const bool lease_holds = below(2) == 0;
    note(name + (lease_holds ? " complete, lease_holds" : " complete"));
    std::string bytes(below(3) == 0 ? 0 : below(600), '\0');
    for (char& each : bytes) each = static_cast<char>(below(256));
    kept_op<complete_op> op(
        "complete", by.model.operation_id.empty() ? by.model.request_id : by.model.operation_id);
    op.fingerprint = by.model.fingerprint;
    op.scope = by.model.scope;
    op.operation_id = op.views;
    op.fence = by.model.fence;
    op.lease_holds = lease_holds;
    op.response = response_ref::copy_of(bytes_of(bytes));
    op.retention = by.model.retention;
    compare(c_.complete(by.here, bytes, lease_holds), op, by.model);
  }

  template <class Op>
  void compare(const write_answer& got, kept_op<Op>& op, const attempt& by) {
    op.key = by.key;
    op.nonce = by.nonce;
    start_op(model_, op);
    same("status", got.status, op.status);
    if (op.status == write_status::failed) same("failure", got.failure.why, op.failure.why);
  }

  template <class T>
  void same(const char* what, const T& got, const T& expected) {
    if (got != expected) {
      differ(std::string(what) + ": got " + describe(got) + ", the model says " +
             describe(expected));
    }
  }

  void differ(const std::string& what) {
    if (differs_) return;
    differs_ = true;
    std::string finding = "seed " + std::to_string(c_.options().seed) + ": " + what + ", after";
    for (const std::string& each : last_) finding += "\n    " + each;
    c_.fail(std::move(finding));
  }

  std::string step_name(std::size_t number, const tried_key& key, const twin& by) const {
    return "step " + std::to_string(number) + ": key " + std::to_string(&key - keys_.data()) +
           (by.here.fingerprint == key.fingerprints[0] ? "" : ", other request") + ", " +
           by.here.request_id;
  }

  void note(std::string step) {
    last_.push_back(std::move(step));
    if (last_.size() > steps_shown) last_.pop_front();
  }

  context& c_;
  const bool moves_clock_;
  std::mt19937_64 random_;
  model_store model_;
  std::vector<tried_key> keys_;
  std::deque<std::string> last_;
  bool differs_ = false;
};

void random_operations(context& c) { comparison(c).run(); }

constexpr conformance_case rows[] = {
    {"RandomOperationsMatchTheModel",
     "Every answer to a random history of a few keys is the one that the model gives.",
     case_need::nothing, random_operations},
};

}  // namespace

std::span<const conformance_case> random_cases() noexcept { return rows; }

}  // namespace parley::idempotency_testing::detail
