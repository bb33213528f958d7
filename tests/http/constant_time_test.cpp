// SPDX-License-Identifier: Apache-2.0
//
// No branch and no address depends on a token that is compared.

#include <cstddef>
#include <string>

#include "parley/http/service.hpp"
#include "support/memcheck.hpp"

namespace parley::http {
namespace {

class ConstantTime : public memcheck::test {};

TEST_F(ConstantTime, TokensAreCompared) {
  const std::string token = "s3cret-of-somebody-else";
  for (std::size_t i = 0; i <= token.size(); ++i) {
    const std::string expected = token;
    std::string presented = token;
    if (i < token.size()) presented[i] = '!';
    memcheck::hide(expected);
    memcheck::hide(presented);
    bool is_same = false;
    EXPECT_EQ(memcheck::uses([&] { is_same = is_same_token(presented, expected); }), 0u);
    EXPECT_EQ(memcheck::shown(is_same), i == token.size()) << i;
  }
}

}  // namespace
}  // namespace parley::http
