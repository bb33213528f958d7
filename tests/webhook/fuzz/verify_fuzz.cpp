// SPDX-License-Identifier: Apache-2.0
//
// The first byte says what the others are: the three headers, each ended by a line end, and a body;
// or edits of a genuine delivery, of three bytes each (part, place, character), then its id, ended
// by a line end, and its body. Each is judged as the reference does.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "webhook/reference.hpp"

namespace {

using namespace parley::webhook;
using reference::buffer;
using reference::delivery;

constexpr std::int64_t now = 1'700'000'000;

const std::vector<buffer> keys = {buffer(24, 'a'), buffer(64, 'b')};

std::string take_line(std::string_view& text) {
  const std::string line(text.substr(0, text.find('\n')));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

void check(bool is_right) {
  if (!is_right) std::abort();
}

void judge(const delivery& got) {
  static const verifier by = *verifier::make(reference::secrets_of(keys));
  const std::string expected = reference::verdict(keys, got, now, 300);
  check(reference::judge(by, got, now) == expected);

  // As a list, in another order.
  const std::array<header_view, 4> headers = {{{"Webhook-Signature", got.signature},
                                               {"X", got.id},
                                               {"WEBHOOK-ID", got.id},
                                               {"webhook-timestamp", got.timestamp}}};
  const auto found = by.verify(headers, got.body, reference::at_second(now));
  check((found ? "accepted" : to_string(found.error())) == expected);
  if (found) check(found->id.data() == got.id.data() && found->id.size() == got.id.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  delivery got;
  if (data[0] % 2 == 0) {
    got.id = take_line(rest);
    got.timestamp = take_line(rest);
    got.signature = take_line(rest);
    got.body = rest;
    judge(got);
    return 0;
  }
  const std::size_t edits = std::min<std::size_t>(data[0] / 2 % 8, rest.size() / 3);
  const std::string_view edited = rest.substr(0, 3 * edits);
  rest.remove_prefix(3 * edits);
  got.id = take_line(rest);
  got.timestamp = std::to_string(now);
  got.body = rest;
  // With one, the other or both.
  const std::size_t who = data[0] / 16 % 3;
  const auto secrets = reference::secrets_of(who == 2 ? keys : std::vector<buffer>(1, keys[who]));
  const auto made = signer::make(secrets)->sign(got.id, reference::at_second(now), got.body);
  if (!made) {
    check(made.error() == errc::bad_id);
    return 0;
  }
  check(made->id() == got.id && made->timestamp() == got.timestamp);
  got.signature = made->signature();
  check(reference::verdict(keys, got, now, 300) == "accepted");
  for (std::size_t i = 0; i < edited.size(); i += 3) {
    const std::array parts = {&got.id, &got.timestamp, &got.signature, &got.body};
    std::string& part = *parts[static_cast<unsigned char>(edited[i]) % parts.size()];
    const auto place = static_cast<unsigned char>(edited[i + 1]);
    if (place < part.size()) {
      part[place] = edited[i + 2];
    } else if (place == 255) {
      part += edited[i + 2];
    } else if (!part.empty()) {
      part.pop_back();
    }
  }
  judge(got);
  return 0;
}
