// SPDX-License-Identifier: Apache-2.0
#include <boost/json/parse.hpp>

#include <parley/envelope_json/value.hpp>

int main() {
  namespace envelope = parley::envelope;
  const envelope::error made(parley::errors::code::not_found);
  const boost::json::value value = boost::json::parse(envelope::to_json(made));
  const auto read = boost::json::try_value_to<envelope::error>(value);
  return read && read->code() == made.code() && boost::json::value_from(*read) == value ? 0 : 1;
}
