// SPDX-License-Identifier: Apache-2.0
#include "idempotency_redis/record.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "parley/idempotency/store.hpp"

namespace parley::idempotency_redis {
namespace {

using idempotency::record_state;

template <class T>
T rising(unsigned char first) {
  T made;
  for (std::byte& each : made.bytes) each = static_cast<std::byte>(first++);
  return made;
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

record example() {
  record made;
  made.state = record_state::completed;
  made.owner = rising<idempotency::nonce>(0x10);
  made.fence = 0x0102030405060708;
  made.lease_ms = 30'000;
  made.retention_ms = 86'400'000;
  made.fingerprint = rising<idempotency::digest>(0x80);
  made.operation_id = "req_1";
  made.note = "call placed";
  made.response = bytes_of("{}");
  return made;
}

std::string encoded(const record& from) {
  std::string made;
  encode(from, made);
  return made;
}

// Written by hand after the table of record.hpp: other processes, of other versions, read it.
TEST(Record, LiesInItsPlaces) {
  std::string expected = "\x03";
  for (int i = 0; i < 16; ++i) expected += static_cast<char>(0x10 + i);
  expected += '\x01';
  for (int i = 1; i <= 8; ++i) expected += static_cast<char>(i);
  expected += std::string_view("\0\0\x75\x30", 4);    // 30,000
  expected += std::string_view("\x05\x26\x5c\0", 4);  // 86,400,000
  for (int i = 0; i < 16; ++i) expected += static_cast<char>(0x80 + i);
  expected += std::string_view("\x05\0\x0b", 3);
  expected += "req_1call placed{}";
  EXPECT_EQ(encoded(example()), expected);
  EXPECT_EQ(encoded_bytes(example()), expected.size());
  EXPECT_EQ(expected.size(), record_header_bytes + 5 + 11 + 2);
}

TEST(Record, EncodeAppends) {
  std::string to = "before";
  encode(example(), to);
  EXPECT_EQ(to, "before" + encoded(example()));
}

struct shape {
  const char* name;
  record_state state;
  std::size_t id_bytes;
  std::size_t note_bytes;
  std::size_t response_bytes;
};
constexpr shape shapes[] = {
    {"Running", record_state::running, 1, 0, 0},
    {"Marked", record_state::marked, 36, 100, 0},
    {"Completed", record_state::completed, 36, 0, 1'000},
    {"CompletedEmpty", record_state::completed, 36, 0, 0},
    {"Released", record_state::released, 0, 0, 0},
    {"LongestTexts", record_state::marked, idempotency::operation_id_bytes_max,
     idempotency::note_bytes_max, 0},
    {"LongestTextsAndAResponse", record_state::completed, idempotency::operation_id_bytes_max,
     idempotency::note_bytes_max, 100'000},
};

class RecordShape : public testing::TestWithParam<shape> {};

TEST_P(RecordShape, ComesBack) {
  const std::string id(GetParam().id_bytes, 'i');
  const std::string note(GetParam().note_bytes, '\0');
  const std::string response(GetParam().response_bytes, '\xff');
  record from = example();
  from.state = GetParam().state;
  from.fence = ~std::uint64_t{0};
  from.lease_ms = from.retention_ms = ~std::uint32_t{0};
  from.operation_id = id;
  from.note = note;
  from.response = bytes_of(response);
  const std::string value = encoded(from);
  EXPECT_EQ(value.size(), encoded_bytes(from));

  const std::optional<record> to = decode(value);
  ASSERT_TRUE(to);
  EXPECT_EQ(to->state, from.state);
  EXPECT_EQ(to->owner, from.owner);
  EXPECT_EQ(to->fence, from.fence);
  EXPECT_EQ(to->lease_ms, from.lease_ms);
  EXPECT_EQ(to->retention_ms, from.retention_ms);
  EXPECT_EQ(to->fingerprint, from.fingerprint);
  EXPECT_EQ(to->operation_id, id);
  EXPECT_EQ(to->note, note);
  EXPECT_EQ(text_of(to->response), response);
}

INSTANTIATE_TEST_SUITE_P(, RecordShape, testing::ValuesIn(shapes),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Record, CutWithinItsTextsIsNone) {
  const std::string value = encoded(example());
  const std::size_t response_at = value.size() - example().response.size();
  for (std::size_t size = 0; size <= value.size(); ++size) {
    EXPECT_EQ(decode(std::string_view(value).substr(0, size)).has_value(), size >= response_at)
        << size;
  }
}

struct damage {
  const char* name;
  std::size_t at;
  unsigned char byte;
  bool is_record;
};
constexpr damage damages[] = {
    {"StateBelow", 0, 0, false},
    {"StateFirst", 0, 1, true},
    {"StateLast", 0, 4, true},
    {"StateAbove", 0, 5, false},
    {"StateText", 0, '{', false},
    {"VersionBelow", 17, 0, false},
    {"VersionNewer", 17, 2, false},
    {"IdLongerThanTheRest", 50, 20, false},
    {"IdTooLong", 50, idempotency::operation_id_bytes_max + 1, false},
    {"NoteLongerThanTheRest", 52, 15, false},
    {"NoteTooLong", 51, 2, false},
};

class RecordDamage : public testing::TestWithParam<damage> {};

TEST_P(RecordDamage, IsNoRecord) {
  std::string value = encoded(example());
  value[GetParam().at] = static_cast<char>(GetParam().byte);
  EXPECT_EQ(decode(value).has_value(), GetParam().is_record);
}

INSTANTIATE_TEST_SUITE_P(, RecordDamage, testing::ValuesIn(damages),
                         [](const auto& each) { return std::string(each.param.name); });

// However much follows them.
TEST(Record, TextsAboveTheLimitsAreNone) {
  for (const bool is_above : {false, true}) {
    std::string value = encoded(example()) + std::string(2'000, 'x');
    value[50] = static_cast<char>(idempotency::operation_id_bytes_max + (is_above ? 1 : 0));
    EXPECT_EQ(decode(value).has_value(), !is_above);
    value[50] = 0;
    static_assert(idempotency::note_bytes_max == 256);
    value[51] = '\x01';
    value[52] = is_above ? '\x01' : '\x00';
    EXPECT_EQ(decode(value).has_value(), !is_above);
  }
}

TEST(Record, KeyIsLowerCaseHex) {
  std::string name = "parley:";
  append_hex(rising<idempotency::digest>(0xf8), name);
  EXPECT_EQ(name, "parley:f8f9fafbfcfdfeff0001020304050607");
  EXPECT_EQ(name.size(), 7 + key_hex_bytes);
}

}  // namespace
}  // namespace parley::idempotency_redis
