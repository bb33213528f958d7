// SPDX-License-Identifier: Apache-2.0
//
// Every row of the catalogue through the running sandbox, over a socket: by its magic destination
// and by the header.

#include <iomanip>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "parley/errors/catalogue.hpp"
#include "parley/sandbox/sandbox.hpp"
#include "sandbox_fixture.hpp"

namespace parley::sandbox {
namespace {

class CatalogueWalk : public SandboxTest, public testing::WithParamInterface<int> {
 protected:
  static const errors::row& row() {
    return errors::catalogue()[static_cast<std::size_t>(GetParam())];
  }

  // The envelope that the contract gives the row, byte for byte: member order A8, category A4 and
  // A5, doc_url A6 and G14, fields only where the contract makes them part of the code (E6) or "see
  // fields".
  static std::string expected_body() {
    std::string json = R"({"error":{"code":")" + std::string(row().name) + '"';
    if (row().tier == errors::tier::call) {
      json += R"(,"category":")" + std::string(errors::to_string(row().category)) + '"';
    }
    json += R"(,"message":")" + std::string(row().message) + '"';
    if (row().tier == errors::tier::call) {
      json += R"(,"doc_url":"https://docs.revdesk.com/api-reference/errors)" +
              std::string(row().doc_anchor) + '"';
    }
    if (row().code == errors::code::destination_missing) {
      json += R"(,"fields":{"to_number":"Required"})";
    }
    if (row().code == errors::code::destination_invalid) {
      json += R"(,"fields":{"to_number":"Expected +<country><number>"})";
    }
    if (row().code == errors::code::validation_error) {
      json += R"(,"fields":{"to_number":"Refused as the sandbox was asked to"})";
    }
    if (row().code == errors::code::idempotency_conflict) {
      json += R"(,"fields":{"conflicts_with":"req_00000000000000000000000000000000"})";
    }
    return json + "}}";
  }

  void expect_row(const testing_support::raw_response& response) {
    if (row().delivery == errors::delivery::sync) {
      EXPECT_EQ(response.status, row().http_status);
      EXPECT_EQ(response.header("Content-Type"), "application/json");
      EXPECT_EQ(response.body, expected_body());
      EXPECT_EQ(api().calls_placed(), 0u);
      return;
    }
    ASSERT_EQ(response.status, 202);
    const std::string id = data_of(response).at("call_id").as_string().c_str();
    set_time(ended_after);
    const auto ended = get("/v1/calls/" + id);
    EXPECT_EQ(ended.status, 200);
    const auto data = data_of(ended);
    EXPECT_EQ(data.at("id"), json_text(id));
    EXPECT_EQ(data.at("failure_code"), json_text(row().name));
    EXPECT_EQ(data.at("failure_category"), json_text(errors::to_string(row().category)));
    EXPECT_EQ(api().calls_placed(), 1u);
  }
};

TEST_P(CatalogueWalk, ByDestination) {
  std::ostringstream destination;
  destination << "+120255501" << std::setw(2) << std::setfill('0') << GetParam() + 1;
  expect_row(dial(destination.str()));
}

TEST_P(CatalogueWalk, ByHeader) {
  const std::string force = "X-Sandbox-Force: " + std::string(row().name) +
                            "; tier=" + std::string(errors::to_string(row().tier)) + "\r\n";
  expect_row(dial("+14155556789", force));
}

INSTANTIATE_TEST_SUITE_P(, CatalogueWalk, testing::Range(0, 33), [](const auto& each) {
  const errors::row& row = errors::catalogue()[static_cast<std::size_t>(each.param)];
  // GoogleTest forbids underscores: "busy_call" becomes "BusyCall".
  std::string name;
  bool upper = true;
  for (const char c : std::string(row.name) + '_' + std::string(errors::to_string(row.tier))) {
    if (c != '_') name += upper ? static_cast<char>(std::toupper(c)) : c;
    upper = c == '_';
  }
  return name;
});

TEST(CatalogueWalkRange, IsTheWholeCatalogue) { EXPECT_EQ(errors::catalogue().size(), 33u); }

}  // namespace
}  // namespace parley::sandbox
