// SPDX-License-Identifier: Apache-2.0
//
// Any bytes either are refused or are an operation that is saved as it was. The digest at the end
// is made to fit where the input asks for it, so that what is behind it is reached. Whatever times
// were saved, a send of it is decided.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <openssl/sha.h>

#include "parley/client/operation.hpp"
#include "parley/client/sending.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace client = parley::client;
  std::string saved(reinterpret_cast<const char*>(data), size);
  if (size % 2 == 0) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
    SHA256(data, size, digest.data());
    saved.append(digest.begin(), digest.begin() + 16);
  }
  auto read = client::operation::restore(saved);
  if (!read) return 0;
  const auto again = client::operation::restore(read->save());
  if (!again || again->what() != read->what() || again->key() != read->key() ||
      again->first_sent_at() != read->first_sent_at() || !again->may_have_happened()) {
    std::abort();
  }
  const client::send_options options{.attempts_max = 2};
  for (const auto wall : {client::time_point::min(), client::time_point(), *read->first_sent_at(),
                          client::time_point::max()}) {
    client::retry_budget budget;
    client::sending s(*read, options, budget);
    const client::instant now{{}, wall};
    if (s.begin(now) != client::sending::step::attempt) continue;
    const client::transport_failure lost{client::transport_errc::connection_lost};
    s.attempted(parley::failure{lost}, now);
  }
  return 0;
}
