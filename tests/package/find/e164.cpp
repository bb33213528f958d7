// SPDX-License-Identifier: Apache-2.0
#include <parley/core/version.hpp>
#include <parley/e164/syntax.hpp>

int main() {
  const bool reads = parley::e164::is_syntax_ok("+14155550123");
  const bool rejects = !parley::e164::is_syntax_ok("14155550123");
  return reads && rejects && parley::linked_version() == parley::version ? 0 : 1;
}
