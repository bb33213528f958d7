// SPDX-License-Identifier: Apache-2.0
#include "crypto/allocations.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include <openssl/crypto.h>

namespace parley::crypto {
namespace {

thread_local allocation_counts counts;
thread_local std::span<const std::byte> watched;
thread_local std::size_t watched_found = 0;
thread_local bool shortage = false;
thread_local std::size_t shortage_granted = 0;
thread_local std::size_t shortage_refused = 0;

// Each block stands behind its size.
constexpr std::size_t head_bytes = alignof(std::max_align_t);

std::byte* head_of(void* block) noexcept { return static_cast<std::byte*>(block) - head_bytes; }

std::size_t size_of(void* block) noexcept {
  std::size_t size = 0;
  std::memcpy(&size, head_of(block), sizeof size);
  return size;
}

void* allocate(std::size_t size) noexcept {
  auto* const head = static_cast<std::byte*>(std::malloc(head_bytes + size));
  if (head == nullptr) return nullptr;
  std::memcpy(head, &size, sizeof size);
  return head + head_bytes;
}

void give_back(void* block) noexcept {
  if (block == nullptr) return;
  const std::span bytes(static_cast<const std::byte*>(block), size_of(block));
  if (!watched.empty() && !std::ranges::search(bytes, watched).empty()) ++watched_found;
  std::free(head_of(block));
}

void* openssl_malloc(std::size_t size, const char*, int) noexcept {
  if (shortage && shortage_granted == 0) {
    ++shortage_refused;
    return nullptr;
  }
  if (shortage) --shortage_granted;
  ++counts.by_openssl;
  return allocate(size);
}

void openssl_free(void* block, const char*, int) noexcept { give_back(block); }

void* openssl_realloc(void* block, std::size_t size, const char* file, int line) noexcept {
  void* const made = openssl_malloc(size, file, line);
  if (made == nullptr || block == nullptr) return made;
  std::memcpy(made, block, std::min(size, size_of(block)));
  give_back(block);
  return made;
}

// OpenSSL lets its allocator be replaced before its first allocation alone.
[[maybe_unused]] const bool replaced = [] {
  if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1) std::abort();
  return true;
}();

}  // namespace

allocation_counts allocations() noexcept { return counts; }

secret_watch::secret_watch(std::span<const std::byte> secret) noexcept {
  watched = secret;
  watched_found = 0;
}
secret_watch::~secret_watch() { watched = {}; }
std::size_t secret_watch::found() const noexcept { return watched_found; }

openssl_shortage::openssl_shortage(std::size_t granted) noexcept {
  shortage_granted = granted;
  shortage_refused = 0;
  shortage = true;
}
openssl_shortage::~openssl_shortage() { shortage = false; }
std::size_t openssl_shortage::refused() const noexcept { return shortage_refused; }

}  // namespace parley::crypto

// The other forms of new and delete, but those for over-aligned types, come down to these.
void* operator new(std::size_t size) {
  ++parley::crypto::counts.by_new;
  if (void* const block = parley::crypto::allocate(size)) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept { parley::crypto::give_back(block); }
void operator delete(void* block, std::size_t) noexcept { parley::crypto::give_back(block); }
