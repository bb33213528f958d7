// SPDX-License-Identifier: Apache-2.0

#ifndef PARLEY_LIB_CURSOR_KEY_SET_HPP
#define PARLEY_LIB_CURSOR_KEY_SET_HPP

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "crypto/sha256.hpp"
#include "parley/cursor/key_ring.hpp"

namespace parley::cursor {

class key_set::impl {
 public:
  struct key {
    std::uint8_t id = 0;
    key_state state = key_state::retired;
    std::optional<crypto::hmac_key> mac = {};  // none where retired
  };

  const key* find(std::uint8_t id) const noexcept {
    const std::int16_t place = places_[id];
    return place < 0 ? nullptr : &keys_[static_cast<std::size_t>(place)];
  }
  const key& active() const noexcept { return keys_[active_]; }

  /// False: the id is there already.
  bool add(key added) {
    if (places_[added.id] >= 0) return false;
    places_[added.id] = static_cast<std::int16_t>(keys_.size());
    if (added.state == key_state::active) active_ = keys_.size();
    keys_.push_back(std::move(added));
    return true;
  }

  impl() { places_.fill(-1); }

 private:
  std::array<std::int16_t, 256> places_;
  std::vector<key> keys_;
  std::size_t active_ = 0;
};

}  // namespace parley::cursor

#endif  // PARLEY_LIB_CURSOR_KEY_SET_HPP
