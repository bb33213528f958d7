// SPDX-License-Identifier: Apache-2.0
//
// The error envelope as a value of Boost.JSON, for programs whose bodies are such values already.
//
//   boost::json::object answer = boost::json::value_from(refusal).as_object();
//   answer["request_id"] = id;
//
//   if (const auto error = envelope_json::from_value(received)) ...
//
// envelope::write_json() and envelope::parse() are several times faster where there is no value
// yet. The functions keep no state.

#ifndef PARLEY_ENVELOPE_JSON_VALUE_HPP
#define PARLEY_ENVELOPE_JSON_VALUE_HPP

#include <optional>

#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_from.hpp>
#include <boost/json/value_to.hpp>

#include "parley/envelope/error.hpp"
#include "parley/envelope_json/export.hpp"

namespace parley::envelope_json {

/// {"error":{..}} with the members that envelope::to_json() writes, in the same order and all in
/// well-formed UTF-8.
PARLEY_ENVELOPE_JSON_EXPORT boost::json::value to_value(const envelope::error& e,
                                                        boost::json::storage_ptr storage = {});

/// What envelope::parse() makes of the same JSON, where no name is there twice: members of the
/// wrong type are passed over, and http_status() is 0. std::nullopt: no object `error`, or no
/// string `code` in it. Of `options` fields_max and catalogue count; strings are kept as they are.
PARLEY_ENVELOPE_JSON_EXPORT std::optional<envelope::error> from_value(
    const boost::json::value& from, const envelope::parse_options& options = {});

}  // namespace parley::envelope_json

// Where Boost.JSON looks for them.
namespace parley::envelope {

/// For boost::json::value_from.
PARLEY_ENVELOPE_JSON_EXPORT void tag_invoke(const boost::json::value_from_tag&,
                                            boost::json::value& to, const error& from);

/// For boost::json::try_value_to and value_to. What is no envelope is std::errc::invalid_argument
/// of the generic category.
PARLEY_ENVELOPE_JSON_EXPORT boost::json::result<error> tag_invoke(
    const boost::json::try_value_to_tag<error>&, const boost::json::value& from);

}  // namespace parley::envelope

#endif  // PARLEY_ENVELOPE_JSON_VALUE_HPP
