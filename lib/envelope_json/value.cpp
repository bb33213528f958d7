// SPDX-License-Identifier: Apache-2.0
#include "parley/envelope_json/value.hpp"

#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/system/errc.hpp>

namespace parley::envelope_json {
namespace {

namespace json = boost::json;

std::string_view text_of(const json::string& text) { return {text.data(), text.size()}; }

const json::object* find_object(const json::object& in, std::string_view name) {
  const json::value* const found = in.if_contains({name.data(), name.size()});
  return found != nullptr ? found->if_object() : nullptr;
}

const json::string* find_text(const json::object& in, std::string_view name) {
  const json::value* const found = in.if_contains({name.data(), name.size()});
  return found != nullptr ? found->if_string() : nullptr;
}

std::string_view text_or_none(const json::object& in, std::string_view name) {
  const json::string* const found = find_text(in, name);
  return found != nullptr ? text_of(*found) : std::string_view();
}

}  // namespace

// By way of the text, which is well-formed whatever the error holds. To build the value member by
// member saves a third of the time and needs a check of each text.
json::value to_value(const envelope::error& e, json::storage_ptr storage) {
  return json::parse(envelope::to_json(e), std::move(storage));
}

std::optional<envelope::error> from_value(const json::value& from,
                                          const envelope::parse_options& options) {
  const json::object* const body = from.if_object();
  const json::object* const error = body != nullptr ? find_object(*body, "error") : nullptr;
  if (error == nullptr) return std::nullopt;
  const json::string* const code = find_text(*error, "code");
  if (code == nullptr) return std::nullopt;

  std::vector<envelope::field_view> fields;
  if (const json::object* const found = find_object(*error, "fields")) {
    for (const json::key_value_pair& each : *found) {
      if (fields.size() == options.fields_max) break;
      const json::string* const explanation = each.value().if_string();
      if (explanation == nullptr) continue;
      fields.push_back({{each.key().data(), each.key().size()}, text_of(*explanation)});
    }
  }
  return envelope::to_error(
      {text_of(*code), text_or_none(*error, "category"), text_or_none(*error, "message"),
       text_or_none(*error, "doc_url"), fields},
      options.catalogue);
}

}  // namespace parley::envelope_json

namespace parley::envelope {

void tag_invoke(const boost::json::value_from_tag&, boost::json::value& to, const error& from) {
  to = envelope_json::to_value(from, to.storage());
}

boost::json::result<error> tag_invoke(const boost::json::try_value_to_tag<error>&,
                                      const boost::json::value& from) {
  std::optional<error> made = envelope_json::from_value(from);
  if (!made) {
    return boost::system::errc::make_error_code(boost::system::errc::invalid_argument);
  }
  return *std::move(made);
}

}  // namespace parley::envelope
