// SPDX-License-Identifier: Apache-2.0
//
// The same error as problem details, application/problem+json (RFC 9457), for clients that expect
// these:
//
//   {"type":"https://docs.revdesk.com/api-reference/errors#invalid-request",
//    "title":"The caller ID isn't verified for this account.","status":422,
//    "detail":"+15550100 is not yours.","code":"caller_id_not_verified",
//    "category":"invalid_request"}
//
// Members in this order, absent ones left out:
//   type      problem_options::type_base and the code; without a base the error's doc_url; without
//             both it is absent, which means "about:blank" (4.2.1): such a doc_url is no type
//   title     the catalogue's message of the code; where there is no type, what the status means
//   status    where it is 100 to 999
//   detail    the error's message, where the title does not say the same
//   instance  problem_options::instance
//   code, category, doc_url, fields  as in the envelope; doc_url only where it is not the type
//
// The contract's own form is the envelope (A1): answer with problem details only where the client
// asks for problem_media_type. The functions keep no state.

#ifndef PARLEY_ENVELOPE_PROBLEM_HPP
#define PARLEY_ENVELOPE_PROBLEM_HPP

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "parley/core/result.hpp"
#include "parley/envelope/error.hpp"
#include "parley/envelope/export.hpp"
#include "parley/errors/catalogue.hpp"

namespace parley::envelope {

inline constexpr std::string_view problem_media_type = "application/problem+json";

struct problem_options {
  /// What the types begin with, "https://api.example/problems/": each code then has a type of its
  /// own, as RFC 9457, 3.1.1 wants. What of a code is no unreserved character of RFC 3986 is
  /// percent-encoded behind it. Empty: the doc_url, which codes of one section share.
  std::string_view type_base = {};
  /// A URI of this occurrence (3.1.5); empty: absent.
  std::string_view instance = {};
  /// Where titles come from.
  errors::catalogue_view catalogue = {};
};

/// As write_json() of error.hpp: any text gives valid JSON in UTF-8, no allocation, and a result
/// above out.size() means that it did not fit.
PARLEY_ENVELOPE_EXPORT std::size_t write_problem(const error& e, std::span<char> out,
                                                 const problem_options& options = {}) noexcept;

/// The same, as a string: one allocation.
PARLEY_ENVELOPE_EXPORT std::string to_problem(const error& e, const problem_options& options = {});

/// Reads problem details that carry a string `code`, under the rules of parse(); those without it
/// are `not_envelope`. The message is `detail` or, without it, `title`; the doc_url is that member
/// or, without it, a `type` that does not begin with options.type_base and is not "about:blank".
/// http_status() is `status` where that is an integer of 100 to 999 without fraction or exponent,
/// and 0 elsewhere: what the server's response said counts (3.1.2). Under the options that it was
/// written with, an error of well-formed texts and such a status, or none, reads back equal.
PARLEY_ENVELOPE_EXPORT result<error, parse_failure> parse_problem(
    std::string_view body, const problem_options& options = {}, const parse_options& limits = {});

}  // namespace parley::envelope

#endif  // PARLEY_ENVELOPE_PROBLEM_HPP
