// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <parley/envelope/error.hpp>

int main() {
  namespace envelope = parley::envelope;
  const std::string body = envelope::to_json(envelope::error(parley::errors::code::not_found));
  const auto received = envelope::parse(body);
  return received && received->code() == parley::errors::code::not_found ? 0 : 1;
}
