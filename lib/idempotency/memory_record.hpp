// SPDX-License-Identifier: Apache-2.0
//
// A record as the memory store keeps it: two cache lines. An id that is longer than its place in
// there, and a note, stand in a block of their own.

#ifndef PARLEY_LIB_IDEMPOTENCY_MEMORY_RECORD_HPP
#define PARLEY_LIB_IDEMPOTENCY_MEMORY_RECORD_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <utility>

#include "idempotency/slab.hpp"
#include "parley/idempotency/record.hpp"
#include "parley/idempotency/response_ref.hpp"

namespace parley::idempotency::detail {

/// What an allocator takes for a block: the rule of glibc, from which others differ little.
constexpr std::int64_t allocated_bytes(std::size_t size) noexcept {
  return static_cast<std::int64_t>((size + 23) / 16 * 16);
}

/// Two words stand before the bytes (response_ref.cpp).
inline std::int64_t response_bytes(const response_ref& response) noexcept {
  return allocated_bytes(response.bytes().size() + 2 * sizeof(std::size_t));
}

/// An operation id and a note, in one allocation.
class text_block {
 public:
  struct deleter {
    void operator()(text_block* block) const noexcept { ::operator delete(block); }
  };

  /// Null: there is no memory. Both are short (store.hpp).
  static std::unique_ptr<text_block, deleter> make(std::string_view id,
                                                   std::string_view note) noexcept {
    void* memory = ::operator new(sizeof(text_block) + id.size() + note.size(), std::nothrow);
    if (memory == nullptr) return nullptr;
    std::unique_ptr<text_block, deleter> made(new (memory) text_block);
    made->id_size_ = static_cast<std::uint16_t>(id.size());
    made->note_size_ = static_cast<std::uint16_t>(note.size());
    char* to = reinterpret_cast<char*>(made.get() + 1);
    std::memcpy(to, id.data(), id.size());
    if (!note.empty()) std::memcpy(to + id.size(), note.data(), note.size());
    return made;
  }

  std::string_view id() const noexcept { return {chars(), id_size_}; }
  std::string_view note() const noexcept { return {chars() + id_size_, note_size_}; }
  std::int64_t bytes() const noexcept {
    return allocated_bytes(sizeof(text_block) + id_size_ + note_size_);
  }

 private:
  text_block() = default;
  const char* chars() const noexcept { return reinterpret_cast<const char*>(this + 1); }

  std::uint16_t id_size_ = 0;
  std::uint16_t note_size_ = 0;
};
using text_ptr = std::unique_ptr<text_block, text_block::deleter>;

/// Times are nanoseconds.
struct alignas(64) record {
  /// An operation id up to this size needs no block: a UUID has 36 characters.
  static constexpr std::size_t inline_id_max = 36;

  record() noexcept : lease_end(0) {}
  ~record() {
    if (state == record_state::completed) response.~response_ref();
    drop_text();
  }
  record(const record&) = delete;
  record& operator=(const record&) = delete;

  std::string_view id() const noexcept {
    return has_block() ? block()->id() : std::string_view(text_, text_size_);
  }
  std::string_view note() const noexcept {
    return has_block() ? block()->note() : std::string_view();
  }
  std::int64_t text_bytes() const noexcept { return has_block() ? block()->bytes() : 0; }

  void drop_text() noexcept {
    if (has_block()) text_ptr(block()).reset();
    text_size_ = 0;
  }
  /// At most inline_id_max bytes, which may stand in the block that is dropped.
  void set_id(std::string_view id) noexcept {
    const text_ptr old(has_block() ? block() : nullptr);
    if (!id.empty()) std::memmove(text_, id.data(), id.size());
    text_size_ = static_cast<std::uint8_t>(id.size());
  }
  void set_text(text_ptr text) noexcept {
    drop_text();
    const text_block* const kept = text.release();
    std::memcpy(text_, &kept, sizeof(text_block*));
    text_size_ = in_block;
  }

  /// From any other state.
  void set_completed(const response_ref& with) noexcept {
    new (&response) response_ref(with);
    state = record_state::completed;
  }
  /// Of a completed one that is about to be destroyed.
  response_ref take_response() noexcept { return std::move(response); }

  digest key;
  digest fingerprint;
  nonce owner;
  union {
    response_ref response;   // of a completed one
    std::int64_t lease_end;  // of any other
  };
  std::int64_t expires = 0;
  std::uint64_t fence = 0;  // not of a completed one: no attempt comes over it
  std::uint32_t next = no_place;
  std::uint32_t prev = no_place;
  std::uint32_t scope = no_place;
  std::uint32_t retention_ms = 0;
  record_state state = record_state::running;
  std::uint8_t filed_in = 0;

 private:
  static constexpr std::uint8_t in_block = 0xff;
  bool has_block() const noexcept { return text_size_ == in_block; }
  text_block* block() const noexcept {
    text_block* found = nullptr;
    std::memcpy(&found, text_, sizeof(text_block*));
    return found;
  }

  std::uint8_t text_size_ = 0;
  char text_[inline_id_max];  // the id, or a pointer to the block
};
static_assert(sizeof(void*) != 8 || sizeof(record) == 128);

}  // namespace parley::idempotency::detail

#endif  // PARLEY_LIB_IDEMPOTENCY_MEMORY_RECORD_HPP
