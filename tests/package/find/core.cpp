// SPDX-License-Identifier: Apache-2.0
#include <parley/core/result.hpp>
#include <parley/core/version.hpp>

int main() {
  const parley::result<int, char> right = 7;
  const parley::result<int, char> wrong = parley::failure{'x'};
  const bool holds = right && *right == 7 && !wrong && wrong.error() == 'x';
  return holds && parley::linked_version() == parley::version ? 0 : 1;
}
