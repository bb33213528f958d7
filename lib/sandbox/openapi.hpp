// SPDX-License-Identifier: Apache-2.0
#ifndef PARLEY_LIB_SANDBOX_OPENAPI_HPP
#define PARLEY_LIB_SANDBOX_OPENAPI_HPP

#include <string_view>

namespace parley::sandbox {

/// The OpenAPI 3.1 document of all routes, as JSON: generated from lib/sandbox/gen/openapi.json and
/// the fragment that is made of the error catalogue.
extern const std::string_view openapi_document;

}  // namespace parley::sandbox

#endif  // PARLEY_LIB_SANDBOX_OPENAPI_HPP
