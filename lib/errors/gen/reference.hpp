// SPDX-License-Identifier: Apache-2.0
//
// A catalogue as the pages of a reference. The files in docs/reference/ are what this makes of the
// built-in catalogue: lib/errors/gen/refresh.sh writes them, and a test compares.
//
// All of it is ASCII: JSON escapes what is not, the page has entities for it.

#ifndef PARLEY_LIB_ERRORS_GEN_REFERENCE_HPP
#define PARLEY_LIB_ERRORS_GEN_REFERENCE_HPP

#include <string>

#include "parley/errors/catalogue.hpp"

namespace parley::errors::gen {

/// The contract's column `meaning`, which the default message was made from (G15): with typographic
/// apostrophes, without the full stop, with the hint to `fields`.
std::string meaning_of(const row& r);

/// A Markdown page with a section for each anchor.
std::string render_markdown(catalogue_view catalogue);

/// A list with an object for each row: code, tier, category, http, retryable, retry_hint, delivery,
/// doc_anchor, meaning. Null where there is no category or status, and where the contract does not
/// state retryable (G32).
std::string render_json(catalogue_view catalogue);

/// An OpenAPI 3.1 document of components alone: the envelope's schemas, and a response for each
/// status with an example for each row.
std::string render_openapi(catalogue_view catalogue);

}  // namespace parley::errors::gen

#endif  // PARLEY_LIB_ERRORS_GEN_REFERENCE_HPP
