// SPDX-License-Identifier: Apache-2.0
//
// Any bytes either are refused or are an operation that is saved as it was. The digest at the end
// is made to fit where the input asks for it, so that what is behind it is reached.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <openssl/sha.h>

#include "parley/client/operation.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace client = parley::client;
  std::string saved(reinterpret_cast<const char*>(data), size);
  if (size % 2 == 0) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
    SHA256(data, size, digest.data());
    saved.append(digest.begin(), digest.begin() + 16);
  }
  const auto read = client::operation::restore(saved);
  if (!read) return 0;
  const auto again = client::operation::restore(read->save());
  if (!again || again->what() != read->what() || again->key() != read->key() ||
      again->first_sent_at() != read->first_sent_at() || !again->may_have_happened()) {
    std::abort();
  }
  return 0;
}
