// SPDX-License-Identifier: Apache-2.0
//
// The OpenAPI document that the sandbox serves: what is written by hand, and the errors that the
// catalogue makes. lib/sandbox/gen/refresh.sh writes lib/sandbox/openapi.generated.cpp, and a test
// compares.

#ifndef PARLEY_LIB_SANDBOX_GEN_DOCUMENT_HPP
#define PARLEY_LIB_SANDBOX_GEN_DOCUMENT_HPP

#include <string>
#include <string_view>

namespace parley::sandbox::gen {

/// `api` is gen/openapi.json, `errors` docs/reference/errors.openapi.json: its schemas and
/// responses become components of the API's document, each response with the headers of a response
/// of the sandbox. Throws std::exception where one is not what it should be, or a component is in
/// both.
std::string make_document(std::string_view api, std::string_view errors);

/// A source file that defines openapi_document.
std::string render_source(std::string_view document);

}  // namespace parley::sandbox::gen

#endif  // PARLEY_LIB_SANDBOX_GEN_DOCUMENT_HPP
