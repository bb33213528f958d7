// SPDX-License-Identifier: Apache-2.0
//
// What the grammar of JSON allows and Boost.JSON refuses: exponents of any size (RFC 8259, 6), and
// escapes of one half of a surrogate pair (8.2).

#ifndef PARLEY_LIB_ENVELOPE_MEND_HPP
#define PARLEY_LIB_ENVELOPE_MEND_HPP

#include <string>
#include <string_view>

namespace parley::envelope::detail {

/// `body` with zeros for the digits of each exponent and U+FFFD for each lone half. As long as it
/// was, and JSON where it was JSON and only there.
std::string mend(std::string_view body);

}  // namespace parley::envelope::detail

#endif  // PARLEY_LIB_ENVELOPE_MEND_HPP
