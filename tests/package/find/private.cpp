// SPDX-License-Identifier: Apache-2.0
#include <parley/one/one.hpp>
#include <parley/two/two.hpp>

int main() { return parley::one::works() && parley::two::works() ? 0 : 1; }
