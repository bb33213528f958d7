// SPDX-License-Identifier: Apache-2.0
//
// A value that is a record is encoded to the same bytes; nothing is read beyond its end.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "idempotency_redis/record.hpp"
#include "parley/idempotency/store.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace redis = parley::idempotency_redis;
  const std::string_view value(reinterpret_cast<const char*>(data), size);
  const auto found = redis::decode(value);
  if (!found) return 0;
  std::string again;
  redis::encode(*found, again);
  if (again != value || redis::encoded_bytes(*found) != value.size()) std::abort();
  if (found->operation_id.size() > parley::idempotency::operation_id_bytes_max ||
      found->note.size() > parley::idempotency::note_bytes_max) {
    std::abort();
  }
  return 0;
}
