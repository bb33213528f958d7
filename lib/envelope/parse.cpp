// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <utility>

#include <boost/json/basic_parser_impl.hpp>

#include "envelope/mend.hpp"
#include "parley/envelope/error.hpp"
#include "parley/envelope/problem.hpp"

namespace parley::envelope {
namespace {

namespace json = boost::json;

// A text of the body: a view into the body where it stands there as it is, a copy where it held an
// escape. Not movable, as the view may be one of `copy_`.
class text {
 public:
  text() = default;
  text(const text&) = delete;
  text& operator=(const text&) = delete;

  void set_view(std::string_view of_body) noexcept {
    view_ = of_body;
    is_set_ = true;
  }
  void set_copy(std::string_view passing) {
    copy_.assign(passing);
    set_view(copy_);
  }
  void set_copy(std::string&& passing) {
    copy_ = std::move(passing);
    set_view(copy_);
  }
  void set_from(text& other) {
    if (!other.is_set_) return;
    if (other.is_copy()) {
      set_copy(std::move(other.copy_));
    } else {
      set_view(other.view_);
    }
  }
  void reset() noexcept {
    view_ = {};
    is_set_ = false;
  }

  bool is_set() const noexcept { return is_set_; }
  std::string_view view() const noexcept { return view_; }
  std::string take() { return is_copy() ? std::move(copy_) : std::string(view_); }

 private:
  bool is_copy() const noexcept { return view_.data() == copy_.data(); }

  std::string_view view_;
  std::string copy_;
  bool is_set_ = false;
};

// What an error is made of.
struct members {
  text code, category, message, doc_url;
  std::vector<field> fields;  // as they came: the same name may be there twice
};

enum class form : std::uint8_t { envelope, problem };

// What the parser calls for each token. Knows only where it stands in
//   {"error":{"code":..,"fields":{..}}}    or, of a problem, in what the inner braces hold,
// and lets everything else pass.
class handler : public members {
 public:
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  handler(form of, std::string_view body, std::size_t fields_max) noexcept
      : body_(body), fields_max_(fields_max), form_(of) {}

  text title, type;          // of a problem alone
  std::uint16_t status = 0;  // as well

  bool on_document_begin(json::error_code&) noexcept { return true; }
  bool on_document_end(json::error_code&) noexcept { return true; }

  bool on_object_begin(json::error_code&) noexcept {
    if (skipped_levels_ > 0) {
      ++skipped_levels_;
    } else if (place_ == place::outside) {
      place_ = form_ == form::envelope ? place::root : place::error;
    } else if (place_ == place::root && is_key_error_) {
      // Of two members `error` that are objects the last counts, with nothing left of the first.
      for (text* each : {&code, &category, &message, &doc_url}) each->reset();
      fields.clear();
      place_ = place::error;
    } else if (place_ == place::error && is_key_fields_) {
      fields.clear();
      place_ = place::fields;
    } else {
      skipped_levels_ = 1;
    }
    return true;
  }
  bool on_object_end(std::size_t, json::error_code&) noexcept {
    if (skipped_levels_ > 0) {
      --skipped_levels_;
    } else {
      const place around = form_ == form::envelope ? place::root : place::outside;
      place_ = place_ == place::fields  ? place::error
               : place_ == place::error ? around
                                        : place::outside;
    }
    return true;
  }
  bool on_array_begin(json::error_code&) noexcept {
    ++skipped_levels_;
    return true;
  }
  bool on_array_end(std::size_t, json::error_code&) noexcept {
    --skipped_levels_;
    return true;
  }

  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    if (skipped_levels_ == 0) parts_.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view last, std::size_t, json::error_code&) {
    if (skipped_levels_ > 0) return true;
    const std::string_view key = join(last);
    switch (place_) {
      case place::outside: break;
      case place::root: is_key_error_ = key == "error"; break;
      case place::error:
        is_key_fields_ = key == "fields";
        is_key_status_ = form_ == form::problem && key == "status";
        member_ = find_member(key);
        break;
      case place::fields: set(field_name_, key); break;
    }
    parts_.clear();
    return true;
  }

  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    if (is_wanted()) parts_.append(part.data(), part.size());
    return true;
  }
  bool on_string(json::string_view last, std::size_t, json::error_code&) {
    if (!is_wanted()) return true;
    const std::string_view value = join(last);
    if (place_ == place::error) {
      set(*member_, value);
    } else {
      fields.push_back({field_name_.take(), std::string(value)});
    }
    parts_.clear();
    return true;
  }

  bool on_number_part(json::string_view, json::error_code&) noexcept { return true; }
  bool on_int64(std::int64_t number, json::string_view, json::error_code&) noexcept {
    set_status(number >= 100 && number <= 999 ? static_cast<std::uint16_t>(number) : 0);
    return true;
  }
  bool on_uint64(std::uint64_t, json::string_view, json::error_code&) noexcept {
    set_status(0);
    return true;
  }
  bool on_double(double, json::string_view, json::error_code&) noexcept {
    set_status(0);
    return true;
  }
  bool on_bool(bool, json::error_code&) noexcept { return true; }
  bool on_null(json::error_code&) noexcept { return true; }
  bool on_comment_part(json::string_view, json::error_code&) noexcept { return true; }
  bool on_comment(json::string_view, json::error_code&) noexcept { return true; }

 private:
  enum class place : std::uint8_t { outside, root, error, fields };

  text* find_member(std::string_view key) noexcept {
    if (key == "code") return &code;
    if (key == "category") return &category;
    if (key == "doc_url") return &doc_url;
    if (form_ == form::envelope) return key == "message" ? &message : nullptr;
    if (key == "detail") return &message;
    if (key == "title") return &title;
    if (key == "type") return &type;
    return nullptr;
  }

  // Of a number, whichever it is.
  void set_status(std::uint16_t number) noexcept {
    if (skipped_levels_ == 0 && place_ == place::error && is_key_status_) status = number;
  }

  bool is_wanted() const noexcept {
    if (skipped_levels_ > 0) return false;
    if (place_ == place::error) return member_ != nullptr;
    return place_ == place::fields && fields.size() < fields_max_;
  }

  std::string_view join(json::string_view last) {
    if (parts_.empty()) return {last.data(), last.size()};
    parts_.append(last.data(), last.size());
    return parts_;
  }

  // The parser hands out a text without escapes as a part of the body, any other from its own
  // buffer.
  void set(text& to, std::string_view value) {
    const char* const end = body_.data() + body_.size();
    if (!std::less<>{}(value.data(), body_.data()) && std::less<>{}(value.data(), end)) {
      to.set_view(value);
    } else if (value.data() == parts_.data()) {
      to.set_copy(std::move(parts_));
    } else {
      to.set_copy(value);
    }
  }

  std::string_view body_;
  std::size_t fields_max_;
  form form_;
  std::size_t skipped_levels_ = 0;  // arrays and objects that are open and do not matter
  place place_ = place::outside;
  bool is_key_error_ = false;
  bool is_key_fields_ = false;
  bool is_key_status_ = false;
  text* member_ = nullptr;  // what the last key inside `error` names
  text field_name_;
  std::string parts_;  // of a text that is longer than the parser's buffer
};

// Keeps one of each name: the place of the first, the explanation of the last. By sorting, as a
// stranger chooses the names: a search for each among those before it, or a hash that is known,
// could be made to take as many steps as the square of their number.
void merge_fields(std::vector<field>& fields) {
  if (fields.size() < 2) return;
  struct entry {
    std::string_view name;
    std::size_t place;
  };
  std::vector<entry> order;
  order.reserve(fields.size());
  for (const field& each : fields) order.push_back({each.name, order.size()});
  std::ranges::sort(order, [](const entry& a, const entry& b) {
    if (a.name.size() != b.name.size()) return a.name.size() < b.name.size();
    const int bytes = a.name.compare(b.name);
    return bytes != 0 ? bytes < 0 : a.place < b.place;
  });

  std::vector<bool> is_merged;
  for (std::size_t i = 1, first = 0; i < order.size(); ++i) {
    if (order[i].name != order[first].name) {
      first = i;
      continue;
    }
    is_merged.resize(fields.size());
    is_merged[order[i].place] = true;
    fields[order[first].place].explanation = std::move(fields[order[i].place].explanation);
  }
  if (is_merged.empty()) return;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (is_merged[i]) continue;
    if (kept != i) fields[kept] = std::move(fields[i]);
    ++kept;
  }
  fields.resize(kept);
}

}  // namespace

// Makes an error that says what was read, and keeps a text only where the catalogue does not.
class parser {
 public:
  static error make_error(members& read, errors::catalogue_view catalogue) {
    const errors::code known = catalogue.find_code(read.code.view());
    const bool has_category = !read.category.view().empty();
    const errors::tier tier = has_category ? errors::tier::call : errors::tier::http;
    error made(known, tier);
    if (const errors::row* const row = catalogue.find(known, tier)) made.anchor_ = row->doc_anchor;
    made.code_ = known;
    made.category_ = errors::find_category(read.category.view());
    made.http_status_ = 0;
    if (!errors::is_built_in(known)) made.code_text_ = read.code.take();
    if (has_category && made.category_ == errors::category::none) {
      made.category_text_ = read.category.take();
    }
    if (read.message.view() != made.message()) {
      made.message_ = read.message.take();
      made.own_message_ = true;
    }
    if (read.doc_url.view() != made.doc_url()) {
      made.doc_url_ = read.doc_url.take();
      made.own_doc_url_ = true;
    }
    merge_fields(read.fields);
    made.fields_ = std::move(read.fields);
    return made;
  }

  // Unlike with_http_status(): what a server sent need not be a status at all.
  static void set_http_status(error& e, std::uint16_t status) noexcept { e.http_status_ = status; }
};

namespace {

// Whether the text may be JSON all the same: what Boost.JSON refuses there the grammar may allow.
bool is_mendable(const json::error_code& why, std::string_view body) noexcept {
  switch (static_cast<json::error>(why.value())) {
    case json::error::exponent_overflow:
    case json::error::illegal_leading_surrogate:
    case json::error::illegal_trailing_surrogate: return true;
    // The first half of a pair that anything but an escape follows.
    case json::error::syntax: return body.find("\\u") != body.npos;
    default: return false;
  }
}

// `make` makes an error of what a handler has read.
template <class Make>
result<error, parse_failure> read(form of, std::string_view body, const parse_options& options,
                                  bool is_mended, const Make& make) {
  if (body.empty()) return failure{parse_failure{errc::empty_body}};
  if (body.size() > options.body_bytes_max) {
    return failure{parse_failure{errc::too_large, options.body_bytes_max}};
  }

  json::parse_options strict;
  strict.max_depth = options.depth_max;
  json::basic_parser<handler> json_parser(strict, of, body, options.fields_max);
  json::error_code error_code;
  const std::size_t size = json_parser.write_some(false, body.data(), body.size(), error_code);
  if (error_code) {
    if (!is_mended && is_mendable(error_code, body)) {
      return read(of, detail::mend(body), options, true, make);
    }
    const errc reason = error_code == json::error::too_deep ? errc::too_deep : errc::not_json;
    return failure{parse_failure{reason, size}};
  }
  const std::string_view rest = body.substr(size);
  if (const auto extra = rest.find_first_not_of(" \t\n\r"); extra != rest.npos) {
    return failure{parse_failure{errc::not_json, size + extra}};
  }

  handler& found = json_parser.handler();  // a member, whatever cppcheck takes it for
  // cppcheck-suppress danglingTempReference
  if (!found.code.is_set()) return failure{parse_failure{errc::not_envelope}};
  // cppcheck-suppress danglingTempReference
  return make(found);
}

}  // namespace

result<error, parse_failure> parse(std::string_view body, const parse_options& options) {
  return read(form::envelope, body, options, false,
              [&](handler& found) { return parser::make_error(found, options.catalogue); });
}

result<error, parse_failure> parse_problem(std::string_view body, const problem_options& options,
                                           const parse_options& limits) {
  return read(form::problem, body, limits, false, [&](handler& found) {
    const std::string_view type = found.type.view();
    const bool is_ours = !options.type_base.empty() && type.starts_with(options.type_base);
    if (!found.doc_url.is_set() && !is_ours && type != "about:blank") {
      found.doc_url.set_from(found.type);
    }
    if (!found.message.is_set()) found.message.set_from(found.title);
    error made = parser::make_error(found, limits.catalogue);
    parser::set_http_status(made, found.status);
    return made;
  });
}

error to_error(const error_view& said, errors::catalogue_view catalogue) {
  members of;
  of.code.set_view(said.code);
  of.category.set_view(said.category);
  of.message.set_view(said.message);
  of.doc_url.set_view(said.doc_url);
  of.fields.reserve(said.fields.size());
  for (const field_view& each : said.fields) {
    of.fields.push_back({std::string(each.name), std::string(each.explanation)});
  }
  return parser::make_error(of, catalogue);
}

response_error read_response(std::uint16_t http_status, std::string body,
                             const parse_options& options) {
  result<error, parse_failure> envelope = parse(body, options);
  if (envelope) parser::set_http_status(*envelope, http_status);
  return {http_status, std::move(body), std::move(envelope)};
}

}  // namespace parley::envelope
