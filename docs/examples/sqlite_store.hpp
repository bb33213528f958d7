// SPDX-License-Identifier: Apache-2.0
//
// A store of one's own, on SQLite; custom_store.cpp holds it against the conformance kit. Every
// operation is one transaction: read the record, ask a judge_* function of record.hpp what to do,
// write. Any number of threads and processes may use a file.

#ifndef PARLEY_DOCS_EXAMPLES_SQLITE_STORE_HPP
#define PARLEY_DOCS_EXAMPLES_SQLITE_STORE_HPP

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include "parley/idempotency/store.hpp"
#include "sqlite_statement.hpp"

namespace sqlite_example {

using namespace parley::idempotency;
using std::chrono::milliseconds;

// WAL with FULL: what was acknowledged survives a power cut.
inline constexpr const char* schema = R"(
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS records (
    key BLOB PRIMARY KEY, state INTEGER NOT NULL, fingerprint BLOB NOT NULL, owner BLOB NOT NULL,
    fence INTEGER NOT NULL, lease_end INTEGER NOT NULL, retention INTEGER NOT NULL,
    expires INTEGER NOT NULL, operation_id BLOB NOT NULL, note BLOB NOT NULL, response BLOB NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS records_by_expiry ON records (expires);)";

class sqlite_store final : public store {
 public:
  // Milliseconds of one clock for all who use the file; it must not go back.
  using clock = std::function<milliseconds()>;

  sqlite_store(const std::string& path, clock now) : db_(open(path)), now_(std::move(now)) {}

 private:
  struct row {
    record_view view;
    milliseconds lease_end{0}, retention{0}, expires{0};
    std::string operation_id, note;
    response_ref response;
  };
  using database = std::unique_ptr<sqlite3, int (*)(sqlite3*)>;

  static database open(const std::string& path) {
    sqlite3* raw = nullptr;
    int code = sqlite3_open(path.c_str(), &raw);
    database opened(raw, sqlite3_close);  // also where it could not be opened
    if (code == SQLITE_OK) code = sqlite3_busy_timeout(raw, 500);
    if (code == SQLITE_OK) code = sqlite3_exec(raw, schema, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(raw));
    return opened;
  }

  bool load(const digest& key, milliseconds now, row& into) {
    if (!load_.run(view_of(key.bytes), now.count())) return false;
    const std::int64_t state = load_.number(0);
    if (state < 1 || state > 4) throw sqlite_error{SQLITE_CORRUPT};
    into.lease_end = milliseconds(load_.number(4));
    into.retention = milliseconds(load_.number(5));
    into.expires = milliseconds(load_.number(6));
    into.view = {record_state(state),
                 {digest_of(load_.blob(1))},
                 {digest_of(load_.blob(2))},
                 std::uint64_t(load_.number(3)),
                 into.lease_end <= now};
    into.operation_id = load_.blob(7);
    into.note = load_.blob(8);
    if (into.view.state == record_state::completed) {
      into.response = response_ref::copy_of(std::as_bytes(std::span(load_.blob(9))));
      if (!into.response) throw std::bad_alloc();
    }
    load_.reset();
    return true;
  }

  template <class Op>
  static bool fail(Op& op, store_errc why, bool is_retryable = false, bool is_known = true) {
    op.status = decltype(op.status)::failed;
    op.failure = {why, is_retryable, is_known};
    return true;
  }

  // One transaction. `body` is given the record (null where there is none), and a row that holds
  // it and may be changed; it says whether to write that.
  template <class Op, class Body>
  bool run(Op& op, Body body) noexcept {
    const std::lock_guard lock(mutex_);
    if (is_shut_down_) return fail(op, store_errc::shut_down);
    bool may_be_written = false;
    int code = SQLITE_NOMEM;
    try {
      begin_.run();
      const milliseconds now = now_();  // after BEGIN, which may have waited for others
      row r;
      if (body(load(op.key, now, r) ? &r.view : nullptr, r, now)) {
        sweep_.run(now.count());
        save_.run(view_of(op.key.bytes), std::int64_t(r.view.state),
                  view_of(r.view.fingerprint.bytes), view_of(r.view.owner.bytes),
                  std::int64_t(r.view.fence), r.lease_end.count(), r.retention.count(),
                  r.expires.count(), r.operation_id, r.note, view_of(r.response.bytes()));
        may_be_written = true;
      }
      commit_.run();
      return true;
    } catch (const sqlite_error& error) {
      code = error.code & 0xff;  // the rest is detail
    } catch (const std::bad_alloc&) {
    }
    load_.reset();
    sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    if (code == SQLITE_BUSY) return fail(op, store_errc::busy, true);
    if (code == SQLITE_CORRUPT) return fail(op, store_errc::corrupt_record);
    if (code == SQLITE_NOMEM) return fail(op, store_errc::out_of_memory, true);
    return fail(op, store_errc::unavailable, true, !may_be_written);
  }

  bool do_claim(claim_op& op) noexcept override {
    return run(op, [&](const record_view* found, row& r, milliseconds now) {
      const claim_verdict verdict = judge_claim(found, op.fingerprint, op.nonce, op.rerun_marked);
      switch (verdict) {
        case claim_verdict::take: r.operation_id = op.request_id; [[fallthrough]];
        case claim_verdict::take_over:
          r.view = {record_state::running, op.fingerprint, op.nonce, next_fence(found, op.unix_ms)};
          r.lease_end = now + op.lease;
          r.retention = op.retention;
          r.expires = now + op.retention;
          r.note.clear();
          [[fallthrough]];
        case claim_verdict::resume: op.status = claim_status::claimed; break;
        case claim_verdict::replay: op.status = claim_status::completed; break;
        case claim_verdict::conflict: op.status = claim_status::conflict; break;
        case claim_verdict::running: op.status = claim_status::running; break;
        case claim_verdict::abandoned: op.status = claim_status::abandoned; break;
        case claim_verdict::spent: fail(op, store_errc::spent_nonce); break;
      }
      op.fence = r.view.fence;
      op.operation_id.assign(r.operation_id);
      op.note.assign(r.note);
      op.response = r.response;
      op.lease_left = r.lease_end - now;
      return verdict == claim_verdict::take || verdict == claim_verdict::take_over;
    });
  }

  static bool applies(write_op& op, write_verdict verdict) {
    switch (verdict) {
      case write_verdict::apply: op.status = write_status::applied; break;
      case write_verdict::already: op.status = write_status::already_applied; break;
      case write_verdict::lost: op.status = write_status::lost; break;
      case write_verdict::gone: op.status = write_status::gone; break;
    }
    return verdict == write_verdict::apply;
  }

  bool do_complete(complete_op& op) noexcept override {
    return run(op, [&](const record_view* found, row& r, milliseconds now) {
      if (!applies(op, judge_complete(found, op.nonce, op.lease_holds))) return false;
      if (found == nullptr) {  // forgotten: the operation holds the whole record
        r.view = {record_state::completed, op.fingerprint, op.nonce, op.fence};
        r.operation_id = op.operation_id;
      }
      r.view.state = record_state::completed;
      r.response = op.response;
      r.expires = now + op.retention;
      return true;
    });
  }

  bool do_release(release_op& op) noexcept override {
    return run(op, [&](const record_view* found, row& r, milliseconds now) {
      if (!applies(op, judge_release(found, op.nonce))) return false;
      // Not deleted: the record keeps fences rising, and late duplicates of its claim out.
      if (found == nullptr) r.view = {record_state::released, {}, op.nonce, op.fence};
      r.view.state = record_state::released;
      r.expires = now + released_retention;
      return true;
    });
  }

  bool do_renew(renew_op& op) noexcept override {
    return run(op, [&](const record_view* found, row& r, milliseconds now) {
      if (!applies(op, judge_renew(found, op.nonce))) return false;
      r.lease_end = now + op.lease;
      r.expires = now + std::max(r.retention, op.lease + retention_margin);
      return true;
    });
  }

  bool do_mark(mark_op& op) noexcept override {
    return run(op, [&](const record_view* found, row& r, milliseconds) {
      if (!applies(op, judge_mark(found, op.nonce))) return false;
      r.view.state = record_state::marked;
      r.note = op.note;
      return true;
    });
  }

  void do_cancel(op_base&) noexcept override {}  // nothing is ever pending

  void do_shutdown() noexcept override {
    const std::lock_guard lock(mutex_);
    is_shut_down_ = true;
  }

  std::mutex mutex_;  // of all below
  const database db_;
  const clock now_;
  statement begin_{db_.get(), "BEGIN IMMEDIATE"};
  statement commit_{db_.get(), "COMMIT"};
  statement sweep_{db_.get(),
                   "DELETE FROM records WHERE rowid IN"
                   " (SELECT rowid FROM records WHERE expires <= ? LIMIT 100)"};
  statement load_{db_.get(),
                  "SELECT state, fingerprint, owner, fence, lease_end, retention, expires,"
                  " operation_id, note, response FROM records WHERE key = ? AND expires > ?"};
  statement save_{db_.get(),
                  "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
  bool is_shut_down_ = false;
};

}  // namespace sqlite_example

#endif  // PARLEY_DOCS_EXAMPLES_SQLITE_STORE_HPP
