// SPDX-License-Identifier: Apache-2.0
#include <parley/errors/catalogue.hpp>

int main() {
  namespace errors = parley::errors;
  const errors::code found = errors::find_code("agent_dispatch_failed");
  return errors::row_of(found).http_status == 502 &&
                 errors::find_code("nonsense") == errors::code::unknown
             ? 0
             : 1;
}
