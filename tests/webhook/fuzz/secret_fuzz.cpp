// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as the text of a secret: taken where it is the one spelling of 24 to 64 bytes, as
// OpenSSL encodes them, and then the same secret as those bytes.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "webhook/reference.hpp"

namespace {

using namespace parley::webhook;

std::string signature_of(secret made) {
  const auto by = signer::make({std::move(made)});
  return std::string(by->sign("msg_1", reference::at_second(1), "body")->signature());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const bool has_prefix = text.rfind("whsec_", 0) == 0;
  const auto bytes = reference::decode(has_prefix ? text.substr(6) : "");
  auto got = secret::parse(text);
  const bool is_right = has_prefix && bytes && bytes->size() >= 24 && bytes->size() <= 64;
  if (got.has_value() != is_right) std::abort();
  if (!got) {
    if ((got.error() == setup_errc::missing_prefix) == has_prefix) std::abort();
    if (has_prefix && bytes) {  // of a wrong size, and nothing else
      if (got.error() != (bytes->size() < 24 ? setup_errc::too_short : setup_errc::too_long)) {
        std::abort();
      }
    }
    return 0;
  }
  const std::string expected = reference::sign(*bytes, {"msg_1", "1", "", "body"});
  if (signature_of(*std::move(got)) != expected) std::abort();
  if (signature_of(reference::secret_of(*bytes)) != expected) std::abort();
  return 0;
}
