// SPDX-License-Identifier: Apache-2.0
#include "parley/idempotency_testing/conformance.hpp"

#include <exception>
#include <memory>
#include <utility>

#include "idempotency_testing/cases.hpp"
#include "idempotency_testing/context.hpp"

namespace parley::idempotency_testing {
namespace {

// Why a harness cannot serve a case; empty: it can.
std::string what_is_missing(case_need need, store_harness& harness) {
  switch (need) {
    case case_need::nothing: break;
    case case_need::clock:
      if (harness.clock() == clock_kind::fixed) return "the harness cannot let time pass";
      break;
    case case_need::manual_clock:
      if (harness.clock() != clock_kind::manual) return "the harness has no manual clock";
      break;
    case case_need::reopen:
      if (!harness.reopen()) return "the harness cannot reopen the store";
      break;
  }
  return {};
}

}  // namespace

store_harness::~store_harness() = default;

std::vector<conformance_case> conformance_cases() {
  std::vector<conformance_case> all;
  for (const auto part : {detail::claim_cases(), detail::end_cases(), detail::lease_cases(),
                          detail::mark_cases(), detail::time_cases(), detail::operation_cases(),
                          detail::thread_cases(), detail::reopen_cases(), detail::random_cases()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

case_report run_case(const conformance_case& which, const harness_factory& make_harness,
                     const conformance_options& options) {
  case_report report;
  std::string thrown;
  try {
    std::unique_ptr<store_harness> harness = make_harness();
    if (harness == nullptr) {
      report.skipped = "there is no harness";
      return report;
    }
    report.skipped = what_is_missing(which.need, *harness);
    if (!report.skipped.empty()) return report;

    detail::context context(which, std::move(harness), options);
    bool gave_up = false;
    try {
      which.run(context);
    } catch (const detail::give_up&) {
      gave_up = true;
    } catch (const std::exception& what) {
      thrown = what.what();
    }
    context.close();
    report.findings = context.take_findings();
    if (gave_up && report.findings.empty()) report.findings.emplace_back("the case was given up");
  } catch (const std::exception& what) {
    thrown = what.what();
  }
  if (!thrown.empty()) report.findings.push_back("an exception came out: " + thrown);
  return report;
}

}  // namespace parley::idempotency_testing
