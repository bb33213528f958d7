// SPDX-License-Identifier: Apache-2.0
#ifndef PARLEY_BENCH_E164_LIBPHONENUMBER_PEER_HPP
#define PARLEY_BENCH_E164_LIBPHONENUMBER_PEER_HPP

#include <string>

namespace parley::bench {

/// What e164::classify() says of a text, asked of libphonenumber: whether it is valid, its type and
/// its region. The type; -1 where it is not valid.
int ask_libphonenumber(const std::string& text);

}  // namespace parley::bench

#endif  // PARLEY_BENCH_E164_LIBPHONENUMBER_PEER_HPP
