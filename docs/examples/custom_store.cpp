// SPDX-License-Identifier: Apache-2.0
//
// Holds a store of one's own, sqlite_store.hpp, against the conformance kit. This is the whole test
// program: link it with parley::idempotency_testing, SQLite and gtest_main.

#include <chrono>
#include <filesystem>
#include <memory>
#include <random>
#include <string>

#include "parley/idempotency_testing/suite.hpp"
#include "sqlite_store.hpp"

namespace {

using parley::idempotency_testing::clock_kind;
using parley::idempotency_testing::store_harness;
using std::chrono::milliseconds;

// What the kit needs: the store over a file of its own, and a clock to move.
class sqlite_harness final : public store_harness {
 public:
  sqlite_harness() { reopen(); }
  ~sqlite_harness() override {
    records_.reset();
    std::filesystem::remove_all(folder_);
  }
  parley::idempotency::store& records() override { return *records_; }
  clock_kind clock() const override { return clock_kind::manual; }
  void advance(milliseconds by) override { now_ += by; }
  bool reopen() override {
    records_.reset();
    std::filesystem::create_directory(folder_);
    records_ =
        std::make_unique<sqlite_example::sqlite_store>(folder_ / "db", [this] { return now_; });
    return true;
  }

 private:
  const std::filesystem::path folder_ = std::filesystem::temp_directory_path() /
                                        ("custom_store_" + std::to_string(std::random_device()()));
  milliseconds now_{0};
  std::unique_ptr<sqlite_example::sqlite_store> records_;
};

}  // namespace

PARLEY_IDEMPOTENCY_CONFORMANCE(SqliteStore, [] { return std::make_unique<sqlite_harness>(); });
