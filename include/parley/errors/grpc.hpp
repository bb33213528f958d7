// SPDX-License-Identifier: Apache-2.0
//
// The status code of gRPC for a code of a catalogue.
//
//   errors::to_grpc_code(errors::code::not_found);   // grpc_code::not_found, 5
//
// Nothing of gRPC is included: the values are its canonical ones, and a cast makes grpc::StatusCode
// of them. Pure functions; every thread may call them.

#ifndef PARLEY_ERRORS_GRPC_HPP
#define PARLEY_ERRORS_GRPC_HPP

#include <cstdint>
#include <string_view>

#include "parley/errors/catalogue.hpp"
#include "parley/errors/export.hpp"

namespace parley::errors {

/// The canonical codes of gRPC (google.rpc.Code), with their numbers.
enum class grpc_code : std::uint8_t {
  ok = 0,
  cancelled = 1,
  unknown = 2,
  invalid_argument = 3,
  deadline_exceeded = 4,
  not_found = 5,
  already_exists = 6,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  aborted = 10,
  out_of_range = 11,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
  data_loss = 15,
  unauthenticated = 16,
};

/// Of a built-in code; `unknown` and any other value: grpc_code::unknown. Never `ok`.
PARLEY_ERRORS_EXPORT grpc_code to_grpc_code(code c) noexcept;

/// Of a row of any catalogue: a built-in code as above, another one by its HTTP status and, where a
/// status leaves it open, by whether a retry can help. Never `ok`.
PARLEY_ERRORS_EXPORT grpc_code to_grpc_code(const row& r) noexcept;

/// The name that gRPC gives it: "NOT_FOUND". Any other value: "UNKNOWN".
PARLEY_ERRORS_EXPORT std::string_view to_string(grpc_code c) noexcept;

}  // namespace parley::errors

#endif  // PARLEY_ERRORS_GRPC_HPP
