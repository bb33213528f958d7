// SPDX-License-Identifier: Apache-2.0
//
// The JSON error that every endpoint answers with: make it, write it, read it.
//
//   auto refusal = envelope::error(errors::code::validation_error)
//                      .with_message("caller_id must be E.164 format")
//                      .with_field("caller_id", "Expected +<country><number>");
//   respond(refusal.http_status(), envelope::to_json(refusal));
//
//   const auto received = envelope::parse(body);   // what another server sent
//   if (received && received->code() == errors::code::no_consent) ...
//
// Wire form, members in this order, absent ones left out (A1 to A8):
//   {"error":{"code":..,"category":..,"message":..,"doc_url":..,"fields":{..}}}
//
// An error is a value: as thread-safe as a std::string. The functions keep no state.

#ifndef PARLEY_ENVELOPE_ERROR_HPP
#define PARLEY_ENVELOPE_ERROR_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parley/core/result.hpp"
#include "parley/envelope/export.hpp"
#include "parley/errors/catalogue.hpp"

namespace parley::envelope {

/// A name in the request and what is wrong with its value. Either may be any text.
struct field {
  std::string name;
  std::string explanation;

  friend bool operator==(const field&, const field&) = default;
};

/// An error of the catalogue or, when parsed, of a newer or foreign one.
class PARLEY_ENVELOPE_EXPORT error {
 public:
  /// The catalogue's row for `c`: its category, status, default message, and for the call tier its
  /// doc_url. `t` counts for the two codes that exist in both tiers: `call` where a call is placed,
  /// `http` elsewhere (G2, G3). `unknown` becomes internal_error in the HTTP tier.
  explicit error(errors::code c, errors::tier t = errors::tier::http) noexcept;

  /// What a row of any catalogue says, a user's own included: its doc_url is in the call tier too.
  explicit error(const errors::row& row);

  /// Replaces the default message. Bytes that are not UTF-8 are written as U+FFFD.
  error& with_message(std::string text) &;
  error&& with_message(std::string text) &&;

  /// Adds a member to `fields`; the order is kept. A name given twice keeps the later explanation.
  error& with_field(std::string name, std::string explanation) &;
  error&& with_field(std::string name, std::string explanation) &&;

  /// Writes doc_url in the HTTP tier too (off by default, as in the contract's example: G14).
  error& with_doc_url() &;
  error&& with_doc_url() &&;
  /// Another address; an empty one leaves the member out.
  error& with_doc_url(std::string url) &;
  error&& with_doc_url(std::string url) &&;

  /// Another HTTP status for the same code: 405, 408, 413, 415 and 431 have no code of their own
  /// and carry validation_error (G29). `status` is 100 to 999.
  error& with_http_status(std::uint16_t status) &;
  error&& with_http_status(std::uint16_t status) &&;

  errors::code code() const noexcept { return code_; }
  errors::category category() const noexcept { return category_; }
  /// 0 for an asynchronous code, and for a parsed error that was given no status.
  std::uint16_t http_status() const noexcept { return http_status_; }

  /// The text on the wire, also where code() is `unknown`. Views live off *this or static data.
  std::string_view code_name() const noexcept;
  /// Empty: the member is absent.
  std::string_view category_name() const noexcept;
  std::string_view message() const noexcept;
  /// Empty: the member is absent.
  std::string_view doc_url() const noexcept;
  const std::vector<field>& fields() const noexcept { return fields_; }

  /// Equal when the status and every member on the wire are.
  friend PARLEY_ENVELOPE_EXPORT bool operator==(const error& a, const error& b) noexcept;

 private:
  friend class parser;
  errors::code code_ = errors::code::unknown;
  errors::category category_ = errors::category::none;
  std::uint16_t http_status_ = 0;
  bool own_message_ = false;
  bool own_doc_url_ = false;
  std::uint8_t row_ = 0;     // index into the catalogue: text that is not our own comes from there
  std::string_view anchor_;  // what with_doc_url() links to: static text of the row
  std::string code_text_;    // only where code_ is not built in
  std::string category_text_;  // only where the catalogue has no such category
  std::string message_;
  std::string doc_url_;
  std::vector<field> fields_;
};

/// A field as the allocation-free writer takes it.
struct field_view {
  std::string_view name;
  std::string_view explanation;
};

/// What one envelope says, in views: for a hot path that owns its text elsewhere. Empty `category`
/// or `doc_url` and no fields: the member is absent.
struct error_view {
  std::string_view code;
  std::string_view category;
  std::string_view message;
  std::string_view doc_url;
  std::span<const field_view> fields;
};

/// What the catalogue alone says for the code and tier of `row`: the default message, and category
/// and doc_url as the tier demands. Writing it unchanged is a copy of constant bytes. Of a user's
/// own code it is the row's text, with a doc_url where the row has a whole address.
PARLEY_ENVELOPE_EXPORT error_view view_of(const errors::row& row) noexcept;

/// The error that says what `said` says, for whoever has read an envelope by other means: as
/// parse() would make it, with an http_status() of 0.
PARLEY_ENVELOPE_EXPORT error to_error(const error_view& said,
                                      errors::catalogue_view catalogue = {});

/// Writes the envelope into `out` and returns its length in bytes. A result above out.size() means
/// that it did not fit: call again with that many bytes. What `out` then holds, and what it holds
/// behind an envelope that is shorter, is unspecified. Any text gives valid JSON in UTF-8: each
/// byte that is not part of well-formed UTF-8 becomes U+FFFD. The names in e.fields should differ:
/// they are written as given. No allocation.
PARLEY_ENVELOPE_EXPORT std::size_t write_json(const error_view& e, std::span<char> out) noexcept;
PARLEY_ENVELOPE_EXPORT std::size_t write_json(const error& e, std::span<char> out) noexcept;

/// The same, as a string: one allocation.
PARLEY_ENVELOPE_EXPORT std::string to_json(const error_view& e);
PARLEY_ENVELOPE_EXPORT std::string to_json(const error& e);

/// Why a body is not an error envelope. The values are ABI: append, never reorder.
enum class errc : std::uint8_t {
  empty_body = 1,
  too_large,     ///< more than parse_options::body_bytes_max
  not_json,      ///< or JSON cut short, or followed by something else than blanks
  too_deep,      ///< nested deeper than parse_options::depth_max
  not_envelope,  ///< JSON without an object `error`, or without a string `code` in it
};

struct parse_failure {
  errc reason;
  std::size_t offset = 0;  ///< of the byte that could not be read, where there is one

  friend bool operator==(const parse_failure&, const parse_failure&) = default;
};

/// Limits for bodies that strangers send.
struct parse_options {
  std::size_t body_bytes_max = 1 << 20;
  std::size_t depth_max = 32;     ///< of arrays and objects; each level costs stack
  std::size_t fields_max = 1000;  ///< members of `fields` that are read; later ones are dropped
  errors::catalogue_view catalogue{};  ///< the codes that are known
};

/// Reads an envelope: any RFC 8259 JSON in well-formed UTF-8 without a byte order mark, and nothing
/// but blanks around it. An escape of half a surrogate pair reads as U+FFFD. Members may come in
/// any order; unknown codes and categories keep their text (A8, A10). Unknown members and members
/// of the wrong type are passed over; of a member given twice the last counts. A message that is
/// absent reads as empty. http_status() is 0: the wire does not carry it.
PARLEY_ENVELOPE_EXPORT result<error, parse_failure> parse(std::string_view body,
                                                          const parse_options& options = {});

/// A response as a client got it. Status and body are always kept, whatever the body is (G26).
struct response_error {
  std::uint16_t http_status = 0;
  std::string body;                       ///< as received
  result<error, parse_failure> envelope;  ///< with http_status() set, or why there is none

  /// The code, or `unknown` where there is no envelope or the catalogue does not hold it.
  errors::code code() const noexcept { return envelope ? envelope->code() : errors::code::unknown; }
};

/// Reads the body of a response whose status is not a success.
PARLEY_ENVELOPE_EXPORT response_error read_response(std::uint16_t http_status, std::string body,
                                                    const parse_options& options = {});

/// The lower-case name of `e`: "not_json". Any other value: "unknown".
PARLEY_ENVELOPE_EXPORT std::string_view to_string(errc e) noexcept;

}  // namespace parley::envelope

#endif  // PARLEY_ENVELOPE_ERROR_HPP
