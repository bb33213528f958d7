// SPDX-License-Identifier: Apache-2.0
#include "parley/webhook/message.hpp"

namespace parley::webhook {

std::string_view to_string(errc e) noexcept {
  switch (e) {
    case errc::missing_header: return "missing_header";
    case errc::repeated_header: return "repeated_header";
    case errc::bad_id: return "bad_id";
    case errc::bad_timestamp: return "bad_timestamp";
    case errc::too_old: return "too_old";
    case errc::too_new: return "too_new";
    case errc::too_many_signatures: return "too_many_signatures";
    case errc::no_v1_signature: return "no_v1_signature";
    case errc::mismatch: return "mismatch";
  }
  return "unknown";  // a value from a newer peer
}

}  // namespace parley::webhook
