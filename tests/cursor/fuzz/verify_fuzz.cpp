// SPDX-License-Identifier: Apache-2.0
//
// The first byte says what the others are: a cursor's text; edits of a genuine one; or flags,
// schema and fields that are signed as they are. What a codec takes is what it issues.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "parley/cursor/codec.hpp"

namespace {

using namespace parley::cursor;

constexpr seconds_time now(std::chrono::seconds(1'700'000'000));

const key_set& keys() {
  static const key_set made = [] {
    std::array<std::byte, 32> secret{};
    std::array<std::byte, 32> other{};
    other.fill(std::byte{1});
    return *key_set::make({{1, key_state::active, secret},
                           {2, key_state::verify_only, other},
                           {3, key_state::retired, {}}});
  }();
  return made;
}

const scope& bound() {
  static const scope made = scope_of({"GET /v1/calls", "acct_1"});
  return made;
}

// Everything here is issued at `now` with the active key.
template <class Key, class Id>
bool accepts(std::string_view text) {
  bool is_accepted = false;
  for (const order wanted : {order::descending, order::ascending}) {
    const auto got = codec<Key, Id>::verify(keys(), bound(), text, now, wanted);
    if (!got) {
      if (client_message(got.error()).empty()) std::abort();
      continue;
    }
    if (is_accepted || got->order != wanted) std::abort();
    if (codec<Key, Id>::issue(keys(), bound(), *got, now).view() != text) std::abort();
    is_accepted = true;
  }
  return is_accepted;
}

int accepted_by(std::string_view text) {
  return accepts<timestamp_us, uuid>(text) + accepts<std::optional<key_text>, key_text>(text) +
         accepts<std::optional<std::int64_t>, std::uint64_t>(text) + accepts<null, uuid>(text) +
         accepts<key_text, std::int64_t>(text);
}

std::string genuine(std::string_view from) {
  const key_text key = *key_text::from(from.substr(0, text_bytes_max));
  const std::optional<key_text> may_be_null = from.empty() ? std::nullopt : std::optional(key);
  const position<std::optional<key_text>, key_text> at = {may_be_null, key};
  return std::string(
      codec<std::optional<key_text>, key_text>::issue(keys(), bound(), at, now).view());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 3 == 0) {
    key_id_of(rest);
    accepted_by(rest);
  } else if (data[0] % 3 == 1) {
    // Pairs of a place and a character, then what is signed.
    const std::size_t edits = std::min<std::size_t>(2 * (data[0] / 3 % 8), rest.size() / 2 * 2);
    const std::string text = genuine(rest.substr(edits));
    std::string changed = text;
    for (std::size_t i = 0; i < edits; i += 2) {
      const auto place = static_cast<unsigned char>(rest[i]);
      if (place < changed.size()) {
        changed[place] = rest[i + 1];
      } else if (place == 255) {
        changed += rest[i + 1];
      } else {
        changed.pop_back();
      }
    }
    if ((accepted_by(changed) > 0) != (changed == text)) std::abort();
  } else if (rest.size() >= 2) {
    signer::buffer body;
    const std::string_view fields = rest.substr(2, signer::body_bytes_max - signer::header_bytes);
    std::memcpy(body.bytes.data() + body.size, fields.data(), fields.size());
    body.size += fields.size();
    cursor_text text;
    signer::sign(keys(), bound(), body, static_cast<std::uint8_t>(rest[0]),
                 static_cast<std::uint8_t>(rest[1]), now, text);
    accepted_by(text.view());
  }
  return 0;
}
