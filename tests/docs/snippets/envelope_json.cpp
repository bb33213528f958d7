// SPDX-License-Identifier: Apache-2.0
//
// The code of docs/guide/envelope_json.md.

#include <string>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "parley/envelope/error.hpp"
#include "parley/envelope_json/value.hpp"
#include "parley/errors/catalogue.hpp"

namespace envelope = parley::envelope;
namespace errors = parley::errors;

namespace {

TEST(EnvelopeJson, ThereAndBack) {
  const envelope::error refusal(errors::code::no_consent);
  const std::string id = "req_1";
  int stopped = 0;
  const auto stop_calling = [&] { ++stopped; };

  boost::json::object answer = boost::json::value_from(refusal).as_object();
  answer["request_id"] = id;  // beside the error

  const boost::json::value received(answer);

  const auto error = boost::json::try_value_to<envelope::error>(received);
  if (error && error->code() == errors::code::no_consent) stop_calling();

  EXPECT_EQ(stopped, 1);
}

}  // namespace
